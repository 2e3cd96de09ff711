//! `users.identify`, `objects.set` and `tenants.set`.

use campanile_core::problem::Problems;
use campanile_core::recipient::RecipientRef;
use campanile_store::{StoreError, Tx};
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::{Applied, Chunk, Kind, error_item};
use crate::identify::{Upsert, apply_all, parse_object, parse_tenant_body, parse_user};

/// Rows of users are small, and a chunk is one read and two writes.
const ROWS_AT_ONCE: usize = 250;

pub(super) static IDENTIFY_USERS: Kind = Kind {
    name: "users.identify",
    rows_at_once: ROWS_AT_ONCE,
    apply: |chunk, tx| {
        upsert(chunk, tx, |chunk, id, body, problems| {
            parse_user(id, body, "", &chunk.catalog, chunk.env, problems)
        })
    },
};

pub(super) static SET_OBJECTS: Kind = Kind {
    name: "objects.set",
    rows_at_once: ROWS_AT_ONCE,
    apply: |chunk, tx| {
        upsert(chunk, tx, |chunk, id, body, problems| {
            let collection = chunk.scope.as_deref().unwrap_or_default();
            parse_object(collection, id, body, "", &chunk.catalog, chunk.env, problems)
        })
    },
};

/// A row that is only an id makes an empty tenant.
pub(super) static SET_TENANTS: Kind = Kind {
    name: "tenants.set",
    rows_at_once: ROWS_AT_ONCE,
    apply: |chunk, tx| {
        upsert(chunk, tx, |chunk, id, body, problems| {
            parse_tenant_body(id, body, "", &chunk.catalog, chunk.env, problems)
        })
    },
};

type Parse = fn(&Chunk, &str, Map<String, Value>, &mut Problems) -> Option<Upsert>;

/// Parses each row and writes the sound ones together, in their order (RC13.3).
fn upsert<'t>(chunk: Chunk, tx: &'t mut Tx<'_>, parse: Parse) -> BoxFuture<'t, Result<Applied, StoreError>> {
    Box::pin(async move {
        let mut applied = Applied::default();
        let mut upserts = Vec::with_capacity(chunk.rows().len());
        let collection = chunk.scope.as_deref();
        for row in chunk.rows() {
            let mut problems = Problems::default();
            let (id, body) = match row {
                Value::String(id) => (id.as_str(), Map::new()),
                row => (row["id"].as_str().unwrap_or_default(), row.as_object().cloned().unwrap_or_default()),
            };
            match parse(&chunk, id, body, &mut problems) {
                Some(upsert) if problems.is_empty() => upserts.push(upsert),
                _ => applied.failed.push(error_item(row, collection)),
            }
        }
        let named: Vec<RecipientRef> = upserts.iter().map(|upsert| upsert.reference.clone()).collect();
        let written = apply_all(tx, chunk.env, upserts, chunk.now).await?;
        for (reference, written) in named.into_iter().zip(written) {
            match written {
                Ok(_) => applied.succeeded += 1,
                Err(_) => applied.failed.push(error_item(&Value::String(reference.id), collection)),
            }
        }
        Ok(applied)
    })
}
