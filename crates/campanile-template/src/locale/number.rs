//! Numbers and money by a locale's patterns.

use rust_decimal::{Decimal, RoundingStrategy};

use super::{Locale, fraction_digits};

/// How many digits stand behind the decimal sign.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Fraction {
    /// What the currency has.
    OfCurrency,
    /// None.
    Rounded,
}

/// `10,000` (T2.6 `format_number`): at most three fraction digits, rounded half-even.
pub(crate) fn decimal(number: Decimal, locale: &Locale) -> String {
    let pattern = Pattern::read(&locale.number);
    pattern.write(number, pattern.fraction_min, pattern.fraction_max, locale, "")
}

/// `£10.00`. An unknown code stands for itself.
pub(crate) fn money(number: Decimal, code: &str, fraction: Fraction, locale: &Locale) -> String {
    let code = code.to_ascii_uppercase();
    let sign = locale.signs.get(&code).unwrap_or(&code);
    let is_before =
        locale.money.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '¤').starts_with('¤');
    let beside = if is_before { sign.chars().next_back() } else { sign.chars().next() };
    // A sign that would touch the digits with a letter is set apart from them.
    let text = if beside.is_some_and(char::is_alphabetic) { &locale.moneyalpha } else { &locale.money };
    let digits = match fraction {
        Fraction::OfCurrency => fraction_digits(&code),
        Fraction::Rounded => 0,
    };
    Pattern::read(text).write(number, digits, digits, locale, sign)
}

/// `#,##0.00 ¤`, taken apart.
struct Pattern<'p> {
    prefix: &'p str,
    suffix: &'p str,
    /// Digits of the group next to the decimal sign, and of those before it; 0 is no grouping.
    group: usize,
    groups: usize,
    fraction_min: u32,
    fraction_max: u32,
}

impl<'p> Pattern<'p> {
    fn read(text: &'p str) -> Self {
        let positive = text.split(';').next().unwrap_or_default();
        let is_digit = |c: char| matches!(c, '#' | '0' | ',' | '.');
        let start = positive.find(is_digit).unwrap_or(positive.len());
        let end = positive.rfind(is_digit).map_or(start, |last| last + 1);
        let (whole, fraction) = positive[start..end].split_once('.').unwrap_or((&positive[start..end], ""));
        let mut sizes = whole.rsplit(',').map(str::len);
        let has_groups = whole.contains(',');
        let group = sizes.next().filter(|_| has_groups).unwrap_or(0);
        let between = sizes.next().unwrap_or(0);
        // The leftmost part of a pattern says nothing about sizes, so `#,##0` has only one.
        let groups = if whole.matches(',').count() > 1 { between } else { group };
        Self {
            prefix: &positive[..start],
            suffix: &positive[end..],
            group,
            groups,
            fraction_min: fraction.matches('0').count() as u32,
            fraction_max: fraction.len() as u32,
        }
    }

    fn write(&self, number: Decimal, min: u32, max: u32, locale: &Locale, sign: &str) -> String {
        let rounded = number.round_dp_with_strategy(max, RoundingStrategy::MidpointNearestEven);
        let plain = rounded.abs().normalize().to_string();
        let (whole, fraction) = plain.split_once('.').unwrap_or((&plain, ""));
        let mut out = String::new();
        if rounded.is_sign_negative() && !rounded.is_zero() {
            out.push_str(&locale.minus);
        }
        out.push_str(&self.prefix.replace('¤', sign));
        out.push_str(&locale.digits(&self.grouped(whole, locale)));
        if min > 0 || !fraction.is_empty() {
            out.push_str(&locale.decimal);
            out.push_str(&locale.digits(&format!("{fraction:0<width$}", width = min as usize)));
        }
        out.push_str(&self.suffix.replace('¤', sign));
        out
    }

    fn grouped(&self, whole: &str, locale: &Locale) -> String {
        // Some locales write 1234 and 12.345: a lone digit is not set apart.
        if self.group == 0 || whole.len() < self.group + locale.mingroup.max(1) {
            return whole.to_owned();
        }
        let (mut rest, last) = whole.split_at(whole.len() - self.group);
        let mut parts = vec![last];
        while rest.len() > self.groups {
            let (before, part) = rest.split_at(rest.len() - self.groups);
            parts.push(part);
            rest = before;
        }
        parts.push(rest);
        parts.reverse();
        parts.join(&locale.group)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Decimal {
        text.parse().expect("a number")
    }

    #[test]
    fn numbers_are_grouped_as_the_locale_does() {
        for (value, tag, want) in [
            ("10000", "en", "10,000"),
            ("10000", "de", "10.000"),
            ("1234", "es", "1234"),
            ("12345", "es", "12.345"),
            ("1234567.891", "en", "1,234,567.891"),
            ("1234567.8915", "en", "1,234,567.892"),
            ("0.0005", "en", "0"),
            ("12345678", "hi", "1,23,45,678"),
            ("1234.5", "fr", "1\u{202f}234,5"),
            ("-1234", "en", "-1,234"),
            ("-0.0001", "en", "0"),
            ("1234", "fa", "۱٬۲۳۴"),
            ("999", "en", "999"),
        ] {
            assert_eq!(decimal(number(value), Locale::of(tag)), want, "{value} {tag}");
        }
    }

    #[test]
    fn money_has_the_signs_and_digits_of_its_currency() {
        for (value, code, tag, want) in [
            ("10", "USD", "en", "$10.00"),
            ("10", "GBP", "en", "£10.00"),
            ("1234.5", "EUR", "de", "1.234,50\u{a0}€"),
            ("1234.5", "JPY", "en", "¥1,234"),
            ("1235.5", "JPY", "en", "¥1,236"),
            ("0.125", "USD", "en", "$0.12"),
            ("-10", "USD", "en", "-$10.00"),
            ("10", "chf", "en", "CHF\u{a0}10.00"),
            ("1.2345", "KWD", "en", "KWD\u{a0}1.234"),
            ("10", "XYZ", "de", "10,00\u{a0}XYZ"),
            ("100000", "INR", "hi", "₹1,00,000.00"),
        ] {
            assert_eq!(
                money(number(value), code, Fraction::OfCurrency, Locale::of(tag)),
                want,
                "{value} {code} {tag}"
            );
        }
        assert_eq!(money(number("10.99"), "GBP", Fraction::Rounded, Locale::of("en")), "£11");
    }
}
