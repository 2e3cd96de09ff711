//! Values going in and rows coming out, the same for both engines.

use std::borrow::Cow;
use std::error::Error;

use bytes::BytesMut;
use postgres_types::{FromSql, IsNull, ToSql, Type, to_sql_checked};
use uuid::Uuid;

use crate::error::StoreError;

/// A parameter or a column value. JSON travels as text; the column decides what it becomes.
#[derive(Debug, Clone, PartialEq)]
pub enum Param<'a> {
    /// SQL NULL.
    Null,
    /// BIGINT; booleans are 0 and 1, instants microseconds.
    Int(i64),
    /// TEXT or JSON.
    Text(Cow<'a, str>),
    /// BLOB or BYTEA.
    Blob(Cow<'a, [u8]>),
    /// A list of texts: an array on PostgreSQL, a JSON array for `json_each` on SQLite.
    Texts(Vec<String>),
    /// A list of integers: an array on PostgreSQL only.
    Ints(Vec<i64>),
    /// A list of binary ids: an array on PostgreSQL, a JSON array of hex texts on SQLite.
    Blobs(Vec<Vec<u8>>),
}

impl<'a> Param<'a> {
    /// Text, or NULL when absent.
    pub fn opt(text: Option<&'a str>) -> Self {
        text.map_or(Self::Null, |text| Self::Text(text.into()))
    }
    /// An integer, or NULL when absent.
    pub fn opt_int(value: Option<i64>) -> Self {
        value.map_or(Self::Null, Self::Int)
    }
}

impl From<i64> for Param<'_> {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}
impl From<bool> for Param<'_> {
    fn from(value: bool) -> Self {
        Self::Int(value.into())
    }
}
impl<'a> From<&'a str> for Param<'a> {
    fn from(value: &'a str) -> Self {
        Self::Text(value.into())
    }
}
impl From<String> for Param<'_> {
    fn from(value: String) -> Self {
        Self::Text(value.into())
    }
}
impl<'a> From<&'a [u8]> for Param<'a> {
    fn from(value: &'a [u8]) -> Self {
        Self::Blob(value.into())
    }
}
impl From<Uuid> for Param<'_> {
    fn from(value: Uuid) -> Self {
        Self::Blob(value.as_bytes().to_vec().into())
    }
}
impl From<campanile_core::ids::Ksuid> for Param<'_> {
    fn from(value: campanile_core::ids::Ksuid) -> Self {
        Self::Blob(value.0.to_vec().into())
    }
}
impl From<campanile_core::time::Timestamp> for Param<'_> {
    fn from(value: campanile_core::time::Timestamp) -> Self {
        Self::Int(value.0)
    }
}
impl From<campanile_core::ids::EnvId> for Param<'_> {
    fn from(value: campanile_core::ids::EnvId) -> Self {
        Self::Int(value.0)
    }
}
impl From<campanile_core::ids::ChannelId> for Param<'_> {
    fn from(value: campanile_core::ids::ChannelId) -> Self {
        Self::Int(value.0)
    }
}

impl rusqlite::ToSql for Param<'_> {
    fn to_sql(&self) -> rusqlite::Result<rusqlite::types::ToSqlOutput<'_>> {
        use rusqlite::types::{ToSqlOutput, Value, ValueRef};
        Ok(match self {
            Self::Null => ToSqlOutput::Borrowed(ValueRef::Null),
            Self::Int(value) => ToSqlOutput::Borrowed(ValueRef::Integer(*value)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Blob(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
            Self::Texts(list) => ToSqlOutput::Owned(Value::Text(serde_json::json!(list).to_string())),
            Self::Ints(list) => ToSqlOutput::Owned(Value::Text(serde_json::json!(list).to_string())),
            Self::Blobs(list) => {
                let hex: Vec<String> = list.iter().map(|id| to_hex(id)).collect();
                ToSqlOutput::Owned(Value::Text(serde_json::json!(hex).to_string()))
            }
        })
    }
}

fn to_hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02X}");
        text
    })
}

impl ToSql for Param<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        match self {
            Self::Null => Ok(IsNull::Yes),
            Self::Int(value) if *ty == Type::INT4 => i32::try_from(*value)?.to_sql(ty, out),
            Self::Int(value) => value.to_sql(ty, out),
            Self::Text(text) => {
                if *ty == Type::JSONB {
                    out.extend_from_slice(&[1]);
                }
                out.extend_from_slice(text.as_bytes());
                Ok(IsNull::No)
            }
            Self::Blob(bytes) => {
                out.extend_from_slice(bytes);
                Ok(IsNull::No)
            }
            Self::Texts(list) => list.to_sql(ty, out),
            Self::Ints(list) => list.to_sql(ty, out),
            Self::Blobs(list) => list.to_sql(ty, out),
        }
    }
    fn accepts(_: &Type) -> bool {
        true
    }
    to_sql_checked!();
}

/// One row; columns by position.
#[derive(Debug, Clone)]
pub struct Row(pub(crate) Vec<Param<'static>>);

impl Row {
    /// An integer column.
    pub fn int(&self, column: usize) -> Result<i64, StoreError> {
        match self.0.get(column) {
            Some(Param::Int(value)) => Ok(*value),
            other => Err(unexpected(column, other)),
        }
    }
    /// An integer column that may be NULL.
    pub fn opt_int(&self, column: usize) -> Result<Option<i64>, StoreError> {
        match self.0.get(column) {
            Some(Param::Null) => Ok(None),
            _ => self.int(column).map(Some),
        }
    }
    /// Takes a text column out of the row.
    pub fn text(&mut self, column: usize) -> Result<String, StoreError> {
        match self.0.get_mut(column) {
            Some(Param::Text(text)) => Ok(std::mem::take(text).into_owned()),
            other => Err(unexpected(column, other.as_deref())),
        }
    }
    /// Takes a text column that may be NULL.
    pub fn opt_text(&mut self, column: usize) -> Result<Option<String>, StoreError> {
        match self.0.get(column) {
            Some(Param::Null) => Ok(None),
            _ => self.text(column).map(Some),
        }
    }
    /// A binary column.
    pub fn blob(&self, column: usize) -> Result<&[u8], StoreError> {
        match self.0.get(column) {
            Some(Param::Blob(bytes)) => Ok(bytes),
            other => Err(unexpected(column, other)),
        }
    }
    /// A UUID column.
    pub fn uuid(&self, column: usize) -> Result<Uuid, StoreError> {
        Uuid::from_slice(self.blob(column)?).map_err(StoreError::corrupt)
    }
    /// A KSUID column.
    pub fn ksuid(&self, column: usize) -> Result<campanile_core::ids::Ksuid, StoreError> {
        let bytes: [u8; 20] = self.blob(column)?.try_into().map_err(StoreError::corrupt)?;
        Ok(campanile_core::ids::Ksuid(bytes))
    }
    /// An instant.
    pub fn at(&self, column: usize) -> Result<campanile_core::time::Timestamp, StoreError> {
        self.int(column).map(campanile_core::time::Timestamp)
    }
    /// An instant that may be NULL.
    pub fn opt_at(&self, column: usize) -> Result<Option<campanile_core::time::Timestamp>, StoreError> {
        Ok(self.opt_int(column)?.map(campanile_core::time::Timestamp))
    }
    /// True when the column is NULL.
    pub fn is_null(&self, column: usize) -> bool {
        matches!(self.0.get(column), Some(Param::Null) | None)
    }
}

fn unexpected(column: usize, value: Option<&Param<'_>>) -> StoreError {
    let kind = match value {
        None => "nothing",
        Some(Param::Null) => "NULL",
        Some(Param::Int(_) | Param::Ints(_)) => "an integer",
        Some(Param::Text(_) | Param::Texts(_)) => "text",
        Some(Param::Blob(_) | Param::Blobs(_)) => "bytes",
    };
    StoreError::corrupt(format_args!("column {column} holds {kind}"))
}

impl<'a> FromSql<'a> for Param<'static> {
    fn from_sql(ty: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(match *ty {
            Type::INT8 => Self::Int(i64::from_sql(ty, raw)?),
            Type::INT4 => Self::Int(i32::from_sql(ty, raw)?.into()),
            Type::BOOL => Self::Int(bool::from_sql(ty, raw)?.into()),
            Type::BYTEA => Self::Blob(raw.to_vec().into()),
            // The first byte of JSONB is its format version.
            Type::JSONB => Self::Text(String::from_utf8(raw.get(1..).unwrap_or_default().to_vec())?.into()),
            _ => Self::Text(String::from_utf8(raw.to_vec())?.into()),
        })
    }
    fn from_sql_null(_: &Type) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self::Null)
    }
    fn accepts(_: &Type) -> bool {
        true
    }
}
