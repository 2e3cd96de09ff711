//! Values while rendering: borrowed from the scope wherever possible, cheap to clone everywhere.

use std::ops::Deref;
use std::rc::Rc;

use rust_decimal::Decimal;
use serde_json::{Map as JsonMap, Value as Json};

use super::moment::Moment;

/// Text of the scope or the template, or text made while rendering.
#[derive(Debug, Clone)]
pub(crate) enum Text<'a> {
    Borrowed(&'a str),
    Shared(Rc<str>),
}

impl Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Shared(text) => text,
        }
    }
}

/// Any value a template can hold.
#[derive(Debug, Clone)]
pub(crate) enum Value<'a> {
    Nil,
    Bool(bool),
    Int(i64),
    Decimal(Decimal),
    Str(Text<'a>),
    /// An array of the scope.
    Array(&'a [Json]),
    /// An object of the scope.
    Object(&'a JsonMap<String, Json>),
    /// An array made while rendering.
    List(Rc<Vec<Value<'a>>>),
    /// An object made while rendering.
    Record(Rc<Vec<(Text<'a>, Value<'a>)>>),
    /// Both ends included; empty when the second is smaller.
    Range(i64, i64),
    /// A timestamp with its zone, inside a filter chain.
    Moment(Rc<Moment>),
    /// The keyword `empty`, for comparisons.
    Empty,
    /// The keyword `blank`, for comparisons.
    Blank,
}

impl<'a> From<&'a Json> for Value<'a> {
    fn from(json: &'a Json) -> Self {
        match json {
            Json::Null => Self::Nil,
            Json::Bool(value) => Self::Bool(*value),
            Json::Number(number) => Self::number(number),
            Json::String(text) => Self::Str(Text::Borrowed(text)),
            Json::Array(items) => Self::Array(items),
            Json::Object(map) => Self::Object(map),
        }
    }
}

impl From<String> for Value<'_> {
    fn from(text: String) -> Self {
        Self::Str(Text::Shared(text.into()))
    }
}

impl From<i64> for Value<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<usize> for Value<'_> {
    fn from(value: usize) -> Self {
        Self::Int(i64::try_from(value).unwrap_or(i64::MAX))
    }
}

impl From<bool> for Value<'_> {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<Decimal> for Value<'_> {
    fn from(value: Decimal) -> Self {
        Self::Decimal(value)
    }
}

impl<'a> From<Vec<Value<'a>>> for Value<'a> {
    fn from(items: Vec<Value<'a>>) -> Self {
        Self::List(Rc::new(items))
    }
}

impl<'a> Value<'a> {
    pub(crate) fn text(text: &'a str) -> Self {
        Self::Str(Text::Borrowed(text))
    }

    fn number(number: &serde_json::Number) -> Self {
        if let Some(value) = number.as_i64() {
            return Self::Int(value);
        }
        let text = number.to_string();
        let decimal = if text.contains(['e', 'E']) {
            Decimal::from_scientific(&text).ok()
        } else {
            text.parse::<Decimal>().ok()
        };
        // Beyond 28 digits nothing sensible can be computed, but it still prints as it came.
        decimal.map_or_else(|| text.into(), Self::Decimal)
    }

    /// Only nil and false are falsy (T2.4).
    pub(crate) fn truthy(&self) -> bool {
        !matches!(self, Self::Nil | Self::Bool(false))
    }

    pub(crate) fn is_nil(&self) -> bool {
        matches!(self, Self::Nil)
    }

    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// True for `""`, `[]` and `{}`.
    pub(crate) fn is_empty(&self) -> bool {
        match self {
            Self::Str(text) => text.is_empty(),
            Self::Empty | Self::Blank => true,
            _ => self.length() == Some(0),
        }
    }

    /// True for what `blank` equals (T2.6).
    pub(crate) fn is_blank(&self) -> bool {
        match self {
            Self::Str(text) => text.trim().is_empty(),
            other => !other.truthy() || other.is_empty(),
        }
    }

    /// How many elements or members; `None` for what has neither.
    pub(crate) fn length(&self) -> Option<usize> {
        Some(match self {
            Self::Array(items) => items.len(),
            Self::List(items) => items.len(),
            Self::Object(map) => map.len(),
            Self::Record(members) => members.len(),
            Self::Range(first, last) => {
                let length = last.saturating_sub(*first).saturating_add(1);
                usize::try_from(length).unwrap_or(0)
            }
            _ => return None,
        })
    }

    /// Element `index` of an array or range; negative ones count from the end.
    pub(crate) fn element(&self, index: i64) -> Option<Value<'a>> {
        let at = match usize::try_from(index) {
            Ok(at) => at,
            Err(_) => self.length()?.checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?,
        };
        match self {
            Self::Array(items) => items.get(at).map(Value::from),
            Self::List(items) => items.get(at).cloned(),
            Self::Range(first, _) if at < self.length()? => {
                Some(Self::Int(first.checked_add(i64::try_from(at).ok()?)?))
            }
            _ => None,
        }
    }

    /// Member `key` of an object. Absent is `None`, a null member is nil.
    pub(crate) fn member(&self, key: &str) -> Option<Value<'a>> {
        match self {
            Self::Object(map) => map.get(key).map(Value::from),
            Self::Record(members) => {
                members.iter().find(|(name, _)| &**name == key).map(|(_, value)| value.clone())
            }
            _ => None,
        }
    }

    /// Members of an object as `[key, value]` pairs, in its order; `None` for anything else.
    pub(crate) fn pairs(&self) -> Option<Vec<Value<'a>>> {
        let pair = |key: Text<'a>, value| Value::from(vec![Value::Str(key), value]);
        match self {
            Self::Object(map) => {
                Some(map.iter().map(|(key, value)| pair(Text::Borrowed(key), value.into())).collect())
            }
            Self::Record(members) => {
                Some(members.iter().map(|(key, value)| pair(key.clone(), value.clone())).collect())
            }
            _ => None,
        }
    }

    /// `.key` and `["key"]`: a member, else one of the pseudo-properties `size`, `first`, `last` (T2.2).
    pub(crate) fn property(&self, key: &str) -> Option<Value<'a>> {
        if let Some(member) = self.member(key) {
            return Some(member);
        }
        match (key, self) {
            ("size", Self::Str(text)) => Some(graphemes(text).into()),
            (
                "size",
                Self::Array(_) | Self::List(_) | Self::Object(_) | Self::Record(_) | Self::Range(..),
            ) => Some(self.length()?.into()),
            ("first", Self::Object(_) | Self::Record(_)) => self.pairs()?.into_iter().next(),
            ("first", _) => self.element(0),
            ("last", _) => self.element(-1),
            _ => None,
        }
    }
}

/// What a reader would count as characters.
pub(crate) fn graphemes(text: &str) -> usize {
    use unicode_segmentation::UnicodeSegmentation as _;
    if text.is_ascii() && !text.contains("\r\n") { text.len() } else { text.graphemes(true).count() }
}
