//! Lists of values as sets in a statement: an array on PostgreSQL, `json_each` on SQLite.

use super::{Store, Tx};

impl Store {
    /// A list of binary ids as a set: an array on PostgreSQL, hex texts through `json_each` on SQLite.
    pub(crate) fn blobs_in(&self, place: &str) -> String {
        blobs_in(self.is_shared(), place)
    }

    /// A list of texts as a set.
    pub(crate) fn texts_in(&self, place: &str) -> String {
        texts_in(self.is_shared(), place)
    }
}

fn blobs_in(is_postgres: bool, place: &str) -> String {
    if is_postgres {
        format!("(SELECT unnest({place}::bytea[]))")
    } else {
        format!("(SELECT unhex(value) FROM json_each({place}))")
    }
}

/// A list of texts as a set.
pub(crate) fn texts_in(is_postgres: bool, place: &str) -> String {
    if is_postgres {
        format!("(SELECT unnest({place}::text[]))")
    } else {
        format!("(SELECT value FROM json_each({place}))")
    }
}

impl Tx<'_> {
    /// A list of ids as a set.
    pub(crate) fn blobs_in(&self, place: &str) -> String {
        blobs_in(self.is_postgres(), place)
    }

    /// A list of texts as a set.
    pub(crate) fn texts_in(&self, place: &str) -> String {
        texts_in(self.is_postgres(), place)
    }
}
