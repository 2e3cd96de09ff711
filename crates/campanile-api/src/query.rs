//! Query strings as every client writes them (api-conventions.md A3.4–A3.10): repeated names, `a[]`, `a[0]`,
//! `a[key]` for `a.key`, empty values as absent.

use aws_lc_rs::hmac;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use campanile_core::problem::Problems;
use campanile_core::recipient::RecipientRef;
use campanile_core::time::Timestamp;
use campanile_store::{Cursor, Direction, PageRequest};
use percent_encoding::percent_decode_str;

use crate::app::App;
use crate::error::{ApiError, ApiResult};

/// Names and values in order, decoded; empty values are left out (recipients.md RC1.2).
#[derive(Debug, Default)]
pub struct Query {
    pairs: Vec<Pair>,
    /// What was refused so far; checked by [`Query::finish`].
    pub problems: Problems,
}

/// One name and value.
#[derive(Debug)]
struct Pair {
    /// Without brackets.
    name: String,
    /// The 0 of `a[0][id]`; none for `a[][id]`.
    place: Option<usize>,
    value: String,
}

/// A reference being read.
#[derive(Debug, Default)]
struct Named {
    place: Option<usize>,
    id: Option<String>,
    collection: Option<String>,
    is_text: bool,
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

/// The 7 of `a[7][id]`.
fn place(name: &str) -> Option<usize> {
    name.split_once('[')?.1.split_once(']')?.0.parse().ok()
}

impl Query {
    /// Reads a raw query string.
    pub fn parse(raw: &str) -> Self {
        let pairs: Vec<Pair> = raw
            .split('&')
            .filter_map(|pair| {
                let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
                let (name, value) = (decode(name), decode(value));
                (!value.is_empty()).then(|| Pair { name: canonical(&name), place: place(&name), value })
            })
            .collect();
        let mut problems = Problems::default();
        for pair in pairs.iter().filter(|pair| pair.value.contains('\0')) {
            // No database text can hold one.
            problems.add(&pair.name, "must not contain a NUL character");
        }
        Self { pairs, problems }
    }

    /// The last value of a name.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.pairs.iter().rev().find(|pair| pair.name == name).map(|pair| pair.value.as_str())
    }

    /// Every value of a name, in order.
    pub fn list(&self, name: &str) -> Vec<&str> {
        self.pairs.iter().filter(|pair| pair.name == name).map(|pair| pair.value.as_str()).collect()
    }

    /// Keys of recipients, in order: texts are users, `p[0][id]=x&p[0][collection]=y` and
    /// `p[][id]=x&p[][collection]=y` objects, mixed as they come (recipients.md RC1.1). `None` when there is none.
    pub fn references(&mut self, name: &str) -> Option<Vec<String>> {
        let mut found: Vec<Named> = Vec::new();
        for pair in &self.pairs {
            let Some(member) = pair.name.strip_prefix(name) else { continue };
            let value = pair.value.clone();
            // A member belongs to the last entry that is still without it; `[]` opens a new one for a member seen twice.
            let open = |found: &mut Vec<Named>, has: fn(&Named) -> bool| {
                let at = found.iter().rposition(|entry| match pair.place {
                    Some(_) => entry.place == pair.place,
                    None => entry.place.is_none() && !entry.is_text && !has(entry),
                });
                at.unwrap_or_else(|| {
                    found.push(Named { place: pair.place, ..Named::default() });
                    found.len() - 1
                })
            };
            match member {
                "" => found.push(Named { id: Some(value), is_text: true, ..Named::default() }),
                ".id" => {
                    let at = open(&mut found, |entry| entry.id.is_some());
                    found[at].id = Some(value);
                }
                ".collection" => {
                    let at = open(&mut found, |entry| entry.collection.is_some());
                    found[at].collection = Some(value);
                }
                _ => {}
            }
        }
        let mut keys = Vec::with_capacity(found.len());
        for (n, entry) in found.into_iter().enumerate() {
            match (entry.id, entry.collection) {
                (Some(id), None) => keys.push(RecipientRef::user(id).key()),
                (Some(id), Some(collection)) => keys.push(RecipientRef::object(collection, id).key()),
                (None, _) => self.problems.add(format!("{name}[{n}].id"), "can't be blank"),
            }
        }
        (!keys.is_empty()).then_some(keys)
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
    fn reads_references() {
        for (raw, want) in [
            ("", None),
            ("r=", None),
            ("r[]=ada&r[]=bob", Some(vec!["ada", "bob"])),
            ("r=ada", Some(vec!["ada"])),
            ("r[0][id]=x&r[0][collection]=y", Some(vec!["y/x"])),
            ("r[0][collection]=y&r[1][id]=b&r[0][id]=x&r[1][collection]=z", Some(vec!["y/x", "z/b"])),
            (
                "r[][id]=x&r[][collection]=y&r[]=ada&r[][id]=b&r[][collection]=z",
                Some(vec!["y/x", "ada", "z/b"]),
            ),
            ("r[][collection]=y&r[][id]=x&r[][collection]=z&r[][id]=b", Some(vec!["y/x", "z/b"])),
            ("r[0]=ada&r[1][id]=x&r[1][collection]=y", Some(vec!["ada", "y/x"])),
            ("r%5B%5D%5Bid%5D=bob", Some(vec!["bob"])),
            ("recipients[]=ada&q=1", None),
        ] {
            let mut query = Query::parse(raw);
            let found = query.references("r");
            assert_eq!(
                found.as_deref(),
                want.map(|w| w.iter().map(|k| (*k).to_owned()).collect::<Vec<_>>()).as_deref(),
                "{raw}"
            );
            assert!(query.finish().is_ok(), "{raw}");
        }
        let mut query = Query::parse("r[0][collection]=y");
        query.references("r");
        assert!(query.finish().is_err());
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
