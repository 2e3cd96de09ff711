//! Deleting what is past its time, in bounded slices (delivery.md section 12).

use campanile_core::ids::Ksuid;
use campanile_core::time::Timestamp;

use crate::db::{Param, Store};
use crate::error::StoreError;
use crate::unit::IDEMPOTENCY_WINDOW_MICROS;

/// Rows in one transaction at the most.
const SLICE: i64 = 10_000;

impl Store {
    /// Deletes one slice of messages older than `until`, with events and logs. In-app messages stay for ever, since
    /// feeds read them. Answers how many went; fewer than a slice means that nothing is left.
    pub async fn prune_messages(&self, until: Timestamp) -> Result<u64, StoreError> {
        let bound = Ksuid::floor(until);
        self.transact(move |tx| {
            Box::pin(async move {
                let sql = "SELECT m.env, m.id FROM messages m JOIN channels c ON c.id = m.channel \
                           WHERE m.id < $1 AND c.type NOT IN ('in_app_feed', 'in_app_guide') LIMIT $2";
                let rows = tx.query(sql, &[bound.into(), Param::Int(SLICE)]).await?;
                for row in &rows {
                    let (env, id) = (row.int(0)?, row.ksuid(1)?);
                    tx.execute("DELETE FROM message_events WHERE message = $1", &[id.into()]).await?;
                    tx.execute("DELETE FROM delivery_logs WHERE message = $1", &[id.into()]).await?;
                    let sql = "DELETE FROM messages WHERE env = $1 AND id = $2";
                    tx.execute(sql, &[Param::Int(env), id.into()]).await?;
                }
                Ok(rows.len() as u64)
            })
        })
        .await
    }

    /// Deletes one slice of idempotency keys whose window is over.
    pub async fn prune_idempotency(&self, now: Timestamp) -> Result<u64, StoreError> {
        let bound = Param::Int(now.0 - IDEMPOTENCY_WINDOW_MICROS);
        self.transact(move |tx| {
            Box::pin(async move {
                let sql = "DELETE FROM idempotency WHERE (env, key) IN \
                           (SELECT env, key FROM idempotency WHERE created_at < $1 LIMIT $2)";
                tx.execute(sql, &[bound, Param::Int(SLICE)]).await
            })
        })
        .await
    }
}
