//! `users.delete`, `objects.delete` and `tenants.delete`: unknown ids succeed (RC13.4).

use campanile_core::recipient::{RecipientRef, TENANTS};
use campanile_store::{StoreError, Tx};
use futures_util::future::BoxFuture;

use super::{Applied, Chunk, Kind};

/// A user may have thousands of messages, and all of them go with it.
const ROWS_AT_ONCE: usize = 50;

pub(super) static DELETE_USERS: Kind = Kind {
    name: "users.delete",
    rows_at_once: ROWS_AT_ONCE,
    apply: |chunk, tx| delete(chunk, tx, |_, id| RecipientRef::user(id)),
};

pub(super) static DELETE_OBJECTS: Kind = Kind {
    name: "objects.delete",
    rows_at_once: ROWS_AT_ONCE,
    apply: |chunk, tx| {
        delete(chunk, tx, |chunk, id| RecipientRef::object(chunk.scope.as_deref().unwrap_or_default(), id))
    },
};

pub(super) static DELETE_TENANTS: Kind = Kind {
    name: "tenants.delete",
    rows_at_once: ROWS_AT_ONCE,
    apply: |chunk, tx| delete(chunk, tx, |_, id| RecipientRef::object(TENANTS, id)),
};

fn delete<'t>(
    chunk: Chunk,
    tx: &'t mut Tx<'_>,
    reference: fn(&Chunk, &str) -> RecipientRef,
) -> BoxFuture<'t, Result<Applied, StoreError>> {
    Box::pin(async move {
        let ids = chunk.rows().iter().filter_map(|row| row.as_str());
        let references: Vec<RecipientRef> = ids.map(|id| reference(&chunk, id)).collect();
        tx.delete_recipients(chunk.env, &references).await?;
        Ok(Applied { succeeded: chunk.rows().len(), ..Applied::default() })
    })
}
