//! Liquid arithmetic: integers stay integers, everything else is decimal.

use rust_decimal::prelude::ToPrimitive as _;
use rust_decimal::{Decimal, RoundingStrategy};

use super::value::Value;

/// What a value counts as in arithmetic.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Number {
    Int(i64),
    Decimal(Decimal),
}

type Outcome = Result<Number, String>;

impl Number {
    /// Texts count by their longest numeric prefix, everything that is no number as 0.
    pub(crate) fn of(value: &Value<'_>) -> Self {
        match value {
            Value::Int(value) => Self::Int(*value),
            Value::Decimal(value) => Self::Decimal(*value),
            Value::Str(text) => Self::prefix(text),
            _ => Self::Int(0),
        }
    }

    fn prefix(text: &str) -> Self {
        let text = text.trim_start();
        let digits = |from: usize| from + text[from..].bytes().take_while(u8::is_ascii_digit).count();
        let sign = usize::from(text.starts_with(['-', '+']));
        let whole = digits(sign);
        if whole == sign {
            return Self::Int(0);
        }
        let number = text.strip_prefix('+').map_or(&text[..whole], |_| &text[1..whole]);
        if text[whole..].starts_with('.') {
            let end = digits(whole + 1);
            if end > whole + 1 {
                return text[..end].parse().map_or(Self::Int(0), Self::Decimal);
            }
        }
        number.parse().map(Self::Int).or_else(|_| number.parse().map(Self::Decimal)).unwrap_or(Self::Int(0))
    }

    pub(crate) fn decimal(self) -> Decimal {
        match self {
            Self::Int(value) => value.into(),
            Self::Decimal(value) => value,
        }
    }

    /// Towards zero; saturates.
    pub(crate) fn whole(self) -> i64 {
        match self {
            Self::Int(value) => value,
            Self::Decimal(value) => {
                value.trunc().to_i64().unwrap_or(if value.is_sign_negative() { i64::MIN } else { i64::MAX })
            }
        }
    }

    pub(crate) fn plus(self, other: Self) -> Outcome {
        self.apply(other, i64::checked_add, Decimal::checked_add)
    }

    pub(crate) fn minus(self, other: Self) -> Outcome {
        self.apply(other, i64::checked_sub, Decimal::checked_sub)
    }

    pub(crate) fn times(self, other: Self) -> Outcome {
        self.apply(other, i64::checked_mul, Decimal::checked_mul)
    }

    /// Two integers divide towards zero; a decimal on either side gives a decimal.
    pub(crate) fn divided_by(self, other: Self) -> Outcome {
        if other.decimal().is_zero() {
            return Err("division by zero".to_owned());
        }
        self.apply(other, i64::checked_div, Decimal::checked_div)
    }

    /// The remainder has the sign of the divisor.
    pub(crate) fn modulo(self, other: Self) -> Outcome {
        if other.decimal().is_zero() {
            return Err("modulo by zero".to_owned());
        }
        let floored = |a: Decimal, b: Decimal| {
            let rest = a.checked_rem(b)?;
            if !rest.is_zero() && rest.is_sign_negative() != b.is_sign_negative() {
                rest.checked_add(b)
            } else {
                Some(rest)
            }
        };
        let whole = |a: i64, b: i64| {
            let rest = a.checked_rem(b)?;
            if rest != 0 && (rest < 0) != (b < 0) { rest.checked_add(b) } else { Some(rest) }
        };
        self.apply(other, whole, floored)
    }

    /// Half away from zero; no digits gives an integer.
    pub(crate) fn round(self, digits: u32) -> Self {
        match self {
            Self::Int(value) => Self::Int(value),
            Self::Decimal(value) => {
                let value =
                    value.round_dp_with_strategy(digits.min(28), RoundingStrategy::MidpointAwayFromZero);
                if digits == 0 { Self::integral(value) } else { Self::Decimal(value) }
            }
        }
    }

    pub(crate) fn floor(self) -> Self {
        Self::integral(self.decimal().floor())
    }

    pub(crate) fn ceil(self) -> Self {
        Self::integral(self.decimal().ceil())
    }

    pub(crate) fn abs(self) -> Self {
        match self {
            Self::Int(value) => {
                value.checked_abs().map_or_else(|| Self::Decimal(self.decimal().abs()), Self::Int)
            }
            Self::Decimal(value) => Self::Decimal(value.abs()),
        }
    }

    fn integral(value: Decimal) -> Self {
        value.to_i64().map_or(Self::Decimal(value), Self::Int)
    }

    fn apply(
        self,
        other: Self,
        whole: fn(i64, i64) -> Option<i64>,
        decimal: impl Fn(Decimal, Decimal) -> Option<Decimal>,
    ) -> Outcome {
        if let (Self::Int(a), Self::Int(b)) = (self, other)
            && let Some(result) = whole(a, b)
        {
            return Ok(Self::Int(result));
        }
        let result = decimal(self.decimal(), other.decimal());
        result.map(Self::Decimal).ok_or_else(|| "number is out of range".to_owned())
    }
}

impl From<Number> for Value<'_> {
    fn from(number: Number) -> Self {
        match number {
            Number::Int(value) => Value::Int(value),
            Number::Decimal(value) => Value::Decimal(value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_numeric_prefixes() {
        for (text, want) in [
            ("4", "4"),
            (" -4.50x", "-4.5"),
            ("+3", "3"),
            ("x4", "0"),
            ("1.", "1"),
            ("", "0"),
            ("-", "0"),
            ("99999999999999999999", "99999999999999999999.0"),
        ] {
            let value: Value<'_> = Number::of(&Value::text(text)).into();
            assert_eq!(&*value.to_text(), want, "{text}");
        }
    }
}
