//! What a caller of the store can act on.

use std::sync::Arc;

/// How often a write that met [`StoreError::Contended`] is made in all.
pub(crate) const WRITES_MAX: usize = 4;

/// A statement that could not be carried out. Nothing of its transaction was written.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database is away, busy, read-only or full; the same call may succeed later.
    #[error("the database is unavailable: {0}")]
    Unavailable(Arc<str>),
    /// Another transaction stood in the way, as in a deadlock; the same call will most likely succeed at once.
    #[error("another transaction was in the way: {0}")]
    Contended(Arc<str>),
    /// The write met a uniqueness rule.
    #[error("conflict: {0}")]
    Conflict(Arc<str>),
    /// What was to be written is not allowed beside what is stored, such as a set that grew too large.
    #[error("refused: {field} {message}")]
    Refused {
        /// Path of the refused value.
        field: Arc<str>,
        /// Why.
        message: Arc<str>,
    },
    /// A row or statement is not what this version expects.
    #[error("the database holds something unexpected: {0}")]
    Corrupt(Arc<str>),
}

impl StoreError {
    pub(crate) fn corrupt(what: impl std::fmt::Display) -> Self {
        Self::Corrupt(what.to_string().into())
    }
    pub(crate) fn unavailable(what: impl std::fmt::Display) -> Self {
        Self::Unavailable(what.to_string().into())
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode as Code;
        match error.sqlite_error_code() {
            Some(Code::ConstraintViolation) => Self::Conflict(error.to_string().into()),
            Some(
                Code::DatabaseBusy
                | Code::DatabaseLocked
                | Code::DiskFull
                | Code::SystemIoFailure
                | Code::CannotOpen
                | Code::ReadOnly
                | Code::OutOfMemory
                | Code::OperationInterrupted,
            ) => Self::unavailable(error),
            _ => Self::corrupt(error),
        }
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        // A server error prints as "db error"; its own text says what happened.
        let Some(db) = error.as_db_error() else { return Self::unavailable(error) };
        let text = format!("{} ({})", db.message(), db.code().code());
        match db.code().code().get(..2) {
            Some("23") => Self::Conflict(text.into()),
            Some("40") => Self::Contended(text.into()),
            // Connection, resources, operator intervention, system error.
            Some("08" | "53" | "57" | "58") => Self::unavailable(text),
            _ => Self::corrupt(text),
        }
    }
}

impl From<deadpool_postgres::PoolError> for StoreError {
    fn from(error: deadpool_postgres::PoolError) -> Self {
        match error {
            deadpool_postgres::PoolError::Backend(error) => error.into(),
            other => Self::unavailable(other),
        }
    }
}
