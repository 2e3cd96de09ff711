//! The index of trigger data: which messages have which members in it, for lists that are filtered by them.
//!
//! It costs a trigger nothing. Messages are indexed some moments after they were made, in the background and in great
//! pieces: a *segment* holds all terms of the messages of a stretch of time, sorted, and small segments are merged into
//! larger ones. A list walks the newest messages, which have no segment yet, and asks the segments for the others.
//!
//! Two marks stand for each environment. What is older than `sealed_until` was handed to the indexer: who writes an
//! older message from then on notes it in `term_late`, and every search looks at those too. What is
//! older than `indexed_until` is in segments. The indexer reads a sealed stretch only after all transactions that
//! may not have seen its seal are over, so no message is missed, whatever clocks and transactions do.
//!
//! Found messages are always compared with what was asked for. So an entry whose message was deleted or changed is
//! harmless, and goes when its segment is trimmed.

mod indexer;
mod search;
mod segment;

pub use indexer::TermIndexer;

use campanile_core::ids::Ksuid;

use crate::db::{Param, Tx};
use crate::error::StoreError;

/// Notes those new messages, by environment, that the indexer does not come by any more.
pub(super) async fn note_late(tx: &Tx<'_>, made: Vec<(i64, Ksuid)>) -> Result<(), StoreError> {
    if made.is_empty() {
        return Ok(());
    }
    let marks = tx.query_shared("SELECT env, sealed_until FROM term_marks", &[]).await?;
    for row in marks {
        let (env, sealed) = (row.int(0)?, Ksuid::floor(row.at(1)?));
        for (_, id) in made.iter().filter(|(of, id)| *of == env && *id < sealed) {
            let sql = "INSERT INTO term_late (env, message) VALUES ($1, $2) ON CONFLICT DO NOTHING";
            tx.execute_shared(sql, &[Param::Int(env), (*id).into()]).await?;
        }
    }
    Ok(())
}
