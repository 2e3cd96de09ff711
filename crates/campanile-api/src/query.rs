//! Query strings as every client writes them (api-conventions.md A3.4–A3.10): repeated names, `a[]`, `a[0]`,
//! `a[key]` for `a.key`, empty values as absent.

use aws_lc_rs::hmac;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use campanile_core::problem::Problems;
use campanile_core::time::Timestamp;
use campanile_store::{Cursor, Direction, PageRequest};
use percent_encoding::percent_decode_str;

use crate::app::App;
use crate::error::{ApiError, ApiResult};

/// Names and values in order, decoded; empty values are left out (recipients.md RC1.2).
#[derive(Debug, Default)]
pub struct Query {
    pairs: Vec<(String, String)>,
    /// What was refused so far; checked by [`Query::finish`].
    pub problems: Problems,
}

fn decode(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

/// `a[]`, `a[0]` → `a`; `a[gt]` → `a.gt`.
fn canonical(name: &str) -> String {
    let Some((base, rest)) = name.split_once('[') else { return name.to_owned() };
    let mut out = base.to_owned();
    for part in rest.split('[') {
        let key = part.trim_end_matches(']');
        if !key.is_empty() && !key.bytes().all(|b| b.is_ascii_digit()) {
            out.push('.');
            out.push_str(key);
        }
    }
    out
}

impl Query {
    /// Reads a raw query string.
    pub fn parse(raw: &str) -> Self {
        let pairs: Vec<(String, String)> = raw
            .split('&')
            .filter_map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                let value = decode(value);
                (!value.is_empty()).then(|| (canonical(&decode(name)), value))
            })
            .collect();
        let mut problems = Problems::default();
        for (name, _) in pairs.iter().filter(|(_, value)| value.contains('\0')) {
            // No database text can hold one.
            problems.add(name, "must not contain a NUL character");
        }
        Self { pairs, problems }
    }

    /// The last value of a name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// Every value of a name, in order.
    pub fn list(&self, name: &str) -> Vec<&str> {
        self.pairs.iter().filter(|(n, _)| n == name).map(|(_, value)| value.as_str()).collect()
    }

    /// `true` or `false`; anything else is refused.
    pub fn bool(&mut self, name: &str) -> Option<bool> {
        match self.text(name)? {
            "true" => Some(true),
            "false" => Some(false),
            _ => {
                self.problems.add(name, "must be true or false");
                None
            }
        }
    }

    /// A datetime with offset.
    pub fn datetime(&mut self, name: &str) -> Option<Timestamp> {
        let at = Timestamp::parse(self.text(name)?);
        if at.is_none() {
            self.problems.add(name, "is not an ISO 8601 datetime");
        }
        at
    }

    /// One of the named values.
    pub fn one_of<'v>(&mut self, name: &str, values: &[&'v str]) -> Option<&'v str> {
        let text = self.text(name)?;
        let found = values.iter().find(|v| **v == text).copied();
        if found.is_none() {
            self.problems.add(name, format!("must be one of {}", values.join(", ")));
        }
        found
    }

    /// `after`, `before` and the size parameter (`page_size` or `limit`): clamped above, refused below 1 (A6.3).
    pub fn page(&mut self, list: &str, size_name: &str, size_max: usize, key: &hmac::Key) -> PageRequest {
        let size = match self.text(size_name) {
            None => 50,
            Some(text) => match text.parse::<i64>() {
                Ok(size) if size >= 1 => usize::try_from(size).unwrap_or(size_max).min(size_max),
                // Digits too many for a number are above the maximum.
                Err(_) if text.len() > 18 && text.bytes().all(|b| b.is_ascii_digit()) => size_max,
                _ => {
                    self.problems.add(size_name, "must be an integer greater than or equal to 1");
                    50
                }
            },
        };
        let (after, before) = (self.text("after"), self.text("before"));
        let (direction, name, text) = match (after, before) {
            (Some(_), Some(_)) => {
                self.problems.add("before", "cannot be combined with after");
                return PageRequest::first(size);
            }
            (Some(text), None) => (Direction::After, "after", text),
            (None, Some(text)) => (Direction::Before, "before", text),
            (None, None) => return PageRequest::first(size),
        };
        match Cursor::decode(text, list, key) {
            Some(cursor) => PageRequest { cursor: Some((direction, cursor)), size },
            None => {
                self.problems.add(name, "is not a cursor of this list");
                PageRequest::first(size)
            }
        }
    }

    /// Every problem at once, or nothing.
    pub fn finish(self) -> ApiResult<()> {
        self.problems.into_result(()).map_err(ApiError::invalid)
    }
}

impl FromRequestParts<App> for Query {
    type Rejection = ApiError;
    async fn from_request_parts(parts: &mut Parts, _: &App) -> ApiResult<Self> {
        Ok(Self::parse(parts.uri.query().unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_every_spelling() {
        for raw in ["s[]=a&s[]=b", "s=a&s=b", "s[0]=a&s[1]=b", "s%5B%5D=a&s%5B%5D=b"] {
            assert_eq!(Query::parse(raw).list("s"), ["a", "b"], "{raw}");
        }
        assert_eq!(Query::parse("inserted_at[gt]=x").text("inserted_at.gt"), Some("x"));
        assert_eq!(Query::parse("inserted_at.gt=x").text("inserted_at.gt"), Some("x"));
        assert_eq!(Query::parse("status=&page_size").text("status"), None);
        assert_eq!(Query::parse("q=a%20b+c").text("q"), Some("a b c"));
        assert!(Query::parse("q=a%00").finish().is_err());
    }

    #[test]
    fn clamps_above_and_refuses_below() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"k");
        for (raw, size, ok) in [
            ("", 50, true),
            ("page_size=7", 7, true),
            ("page_size=100", 50, true),
            ("page_size=99999999999999999999", 50, true),
            ("page_size=0", 50, false),
            ("page_size=-1", 50, false),
            ("page_size=x", 50, false),
            ("after=AAAA", 50, false),
            ("after=a&before=b", 50, false),
        ] {
            let mut query = Query::parse(raw);
            assert_eq!(query.page("users", "page_size", 50, &key).size, size, "{raw}");
            assert_eq!(query.finish().is_ok(), ok, "{raw}");
        }
    }
}
