//! Who is notified: users, objects and tenants, and the references to them.

use std::fmt;

use serde::Serialize;
use serde::ser::SerializeMap;

/// Longest id, in characters (recipients.md RC2.1).
pub const ID_CHARS_MAX: usize = 256;
/// The collection in which users live inside the store; never shown on the wire.
pub const USERS: &str = "$users";
/// The collection of tenants, reachable as objects too (RC2.3).
pub const TENANTS: &str = "$tenants";

/// A user or an object. Printed as the wire has it: `"user_1"` or `{"collection":"projects","id":"p1"}`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecipientRef {
    /// `$users` for users.
    pub collection: String,
    /// The caller's id.
    pub id: String,
}

impl RecipientRef {
    /// A user.
    pub fn user(id: impl Into<String>) -> Self {
        Self { collection: USERS.into(), id: id.into() }
    }

    /// An object; tenants are objects of `$tenants`.
    pub fn object(collection: impl Into<String>, id: impl Into<String>) -> Self {
        Self { collection: collection.into(), id: id.into() }
    }

    /// True for users, who alone have feeds.
    pub fn is_user(&self) -> bool {
        self.collection == USERS
    }

    /// One text per recipient: ids never contain a slash (RC2.1), so users are the bare id.
    pub fn key(&self) -> String {
        if self.is_user() { self.id.clone() } else { format!("{}/{}", self.collection, self.id) }
    }

    /// Reads a text made by [`RecipientRef::key`].
    pub fn from_key(key: &str) -> Self {
        match key.split_once('/') {
            Some((collection, id)) => Self::object(collection, id),
            None => Self::user(key),
        }
    }

    /// `gid://Object/$users/jhammond`.
    pub fn gid(&self) -> String {
        format!("gid://Object/{}/{}", self.collection, self.id)
    }
}

impl fmt::Display for RecipientRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key())
    }
}

impl Serialize for RecipientRef {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_user() {
            return serializer.serialize_str(&self.id);
        }
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("collection", &self.collection)?;
        map.serialize_entry("id", &self.id)?;
        map.end()
    }
}

/// Why a text cannot be an id (RC2.1), or `None` when it can.
pub fn id_problem(id: &str) -> Option<&'static str> {
    if id.is_empty() {
        Some("can't be blank")
    } else if id.chars().count() > ID_CHARS_MAX {
        Some("should be at most 256 character(s)")
    } else if id.contains(['/', '#']) {
        Some("must not contain / or #")
    } else if id.chars().any(char::is_control) {
        Some("must not contain control characters")
    } else {
        None
    }
}

/// Why a text cannot name a collection (RC2.3), or `None` when it can.
pub fn collection_problem(collection: &str) -> Option<&'static str> {
    id_problem(collection)
        .or((collection.starts_with('$') && collection != TENANTS).then_some("must not begin with $"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_survive_the_round_trip() {
        for reference in [
            RecipientRef::user("a@b.test"),
            RecipientRef::object("projects", "p 1"),
            RecipientRef::object(TENANTS, "acme"),
        ] {
            assert_eq!(RecipientRef::from_key(&reference.key()), reference);
        }
    }

    #[test]
    fn refuses_what_the_page_refuses() {
        for (id, ok) in [("a", true), ("", false), ("a/b", false), ("a#b", false), ("ü|+:$@ ", true)] {
            assert_eq!(id_problem(id).is_none(), ok, "{id}");
        }
        assert!(id_problem(&"x".repeat(257)).is_some());
        assert!(collection_problem("$users").is_some());
        assert!(collection_problem("$tenants").is_none());
    }
}
