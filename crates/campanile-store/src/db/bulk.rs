//! Inserting many rows of one table: the two statement texts, and columns as PostgreSQL arrays.

use std::error::Error;

use bytes::{BufMut, BytesMut};
use postgres_types::{IsNull, ToSql, Type, to_sql_checked};

use super::param::Param;

/// The type of a column as the arrays need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    Int,
    Text,
    Blob,
    /// JSONB on PostgreSQL, TEXT on SQLite.
    Json,
}

/// An INSERT of one table, written in both dialects from one description.
pub(crate) struct Bulk {
    width: usize,
    sqlite: String,
    postgres: String,
}

impl Bulk {
    /// `conflict` follows the values, for example `ON CONFLICT DO NOTHING`.
    pub(crate) fn new(table: &str, columns: &[(&str, Column)], conflict: &str) -> Self {
        let names = columns.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let places = (1..=columns.len()).map(|n| format!("?{n}")).collect::<Vec<_>>().join(", ");
        let mut arrays = Vec::new();
        let mut picked = Vec::new();
        for (n, (name, kind)) in columns.iter().enumerate() {
            let sql = match kind {
                Column::Int => "bigint",
                Column::Text | Column::Json => "text",
                Column::Blob => "bytea",
            };
            arrays.push(format!("${}::{sql}[]", n + 1));
            picked.push(if *kind == Column::Json { format!("{name}::jsonb") } else { (*name).to_owned() });
        }
        Self {
            width: columns.len(),
            sqlite: format!("INSERT INTO {table} ({names}) VALUES ({places}) {conflict}"),
            postgres: format!(
                "INSERT INTO {table} ({names}) SELECT {} FROM unnest({}) AS rows({names}) {conflict}",
                picked.join(", "),
                arrays.join(", ")
            ),
        }
    }

    pub(crate) fn width(&self) -> usize {
        self.width
    }
    pub(crate) fn sqlite(&self) -> &str {
        &self.sqlite
    }
    pub(crate) fn postgres(&self) -> &str {
        &self.postgres
    }

    /// The rows, turned by ninety degrees without copying.
    pub(crate) fn columns<'v>(&self, values: &'v [Param<'v>]) -> Vec<Slice<'v>> {
        (0..self.width).map(|index| Slice { values, width: self.width, index }).collect()
    }
}

/// One column of row-major values, written as a PostgreSQL array.
#[derive(Debug)]
pub(crate) struct Slice<'v> {
    values: &'v [Param<'v>],
    width: usize,
    index: usize,
}

impl ToSql for Slice<'_> {
    fn to_sql(&self, ty: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn Error + Sync + Send>> {
        let element = match *ty {
            Type::INT8_ARRAY => Type::INT8,
            Type::BYTEA_ARRAY => Type::BYTEA,
            _ => Type::TEXT,
        };
        let count = self.values.len() / self.width;
        out.put_i32(1); // dimensions
        out.put_i32(1); // may hold NULLs
        out.put_u32(element.oid());
        out.put_i32(i32::try_from(count)?);
        out.put_i32(1); // lower bound
        for value in self.values.iter().skip(self.index).step_by(self.width) {
            match value {
                Param::Int(int) => {
                    out.put_i32(8);
                    out.put_i64(*int);
                }
                Param::Text(text) => {
                    out.put_i32(i32::try_from(text.len())?);
                    out.put_slice(text.as_bytes());
                }
                Param::Blob(bytes) => {
                    out.put_i32(i32::try_from(bytes.len())?);
                    out.put_slice(bytes);
                }
                _ => out.put_i32(-1),
            }
        }
        Ok(IsNull::No)
    }
    fn accepts(_: &Type) -> bool {
        true
    }
    to_sql_checked!();
}
