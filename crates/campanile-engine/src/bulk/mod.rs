//! Bulk operations (recipients.md section 13): accepted at once, worked on in chunks, each of them one transaction.
//!
//! To add a kind of rows: a file beside this one with a [`Kind`] (its wire name, how many rows make a chunk, and how a
//! chunk is applied inside a transaction), a line in [`KINDS`], and an endpoint that checks the envelope and calls
//! [`Engine::submit_bulk`] with the rows as they came (`api/public/bulk.rs` has `submit_rows` for that). Rows are
//! parsed when they are applied: a bad one becomes an error item and the others go on. What all rows share travels as
//! `scope`. A sweep is a kind without rows: its input is a filter, and each chunk answers where the next one begins.
//!
//! A chunk's effects, the counters and the position are written together under the claim of the operation's job: after
//! a crash the work goes on behind the last chunk, neither skipping nor repeating. A chunk that the database refuses
//! is tried again row by row, so that one entry never fails the others.

mod delete;
mod messages;
mod preferences;
mod schedules;
mod subscriptions;
mod upsert;

pub use preferences::preferences_scope;

use std::ops::Range;
use std::sync::Arc;

use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;
use campanile_store::{
    BulkOperationRow, BulkStatus, Claim, Guard, GuardAction, JobKind, JobRow, StoreError, Tx, Unit,
};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

pub use messages::{MessageSweep, SweepAction};

use crate::catalog::Catalog;
use crate::engine::Engine;

/// Every kind of bulk operation.
static KINDS: &[&Kind] = &[
    &upsert::IDENTIFY_USERS,
    &upsert::SET_OBJECTS,
    &upsert::SET_TENANTS,
    &preferences::SET_PREFERENCES,
    &delete::DELETE_USERS,
    &delete::DELETE_OBJECTS,
    &delete::DELETE_TENANTS,
    &schedules::CREATE_SCHEDULES,
    &messages::SWEEP,
    &subscriptions::ADD,
    &subscriptions::DELETE,
];

/// Rows in one operation at the most (RC13, api-conventions.md section 11).
pub const BULK_ROWS_MAX: usize = 1_000;
/// A chunk is tried this often in a row when other transactions are in the way.
const TRIES_MAX: usize = 8;
/// An operation that was taken up this often without ending is given up: something in it stops the server.
const ATTEMPTS_MAX: i64 = 50;

/// A kind of bulk operation.
pub struct Kind {
    /// Names it in the database, and on the wire unless the submission says otherwise (RC13.6).
    pub name: &'static str,
    /// Rows in one transaction.
    pub(crate) rows_at_once: usize,
    /// Applies one chunk.
    pub(crate) apply: Apply,
}

/// Applies a chunk inside the transaction that also records its progress.
pub(crate) type Apply = for<'t> fn(Chunk, &'t mut Tx<'_>) -> BoxFuture<'t, Result<Applied, StoreError>>;

/// The part of an operation that one transaction applies.
#[derive(Clone)]
pub(crate) struct Chunk {
    /// Where.
    pub(crate) env: EnvId,
    /// Now.
    pub(crate) now: Timestamp,
    /// When the operation was accepted.
    pub(crate) accepted_at: Timestamp,
    /// What all rows share.
    pub(crate) scope: Option<Arc<str>>,
    /// Environments and channels.
    pub(crate) catalog: Arc<Catalog>,
    /// The whole input.
    pub(crate) input: Arc<Value>,
    /// Which of its rows; none for a sweep.
    pub(crate) range: Range<usize>,
    /// Where a sweep goes on.
    pub(crate) cursor: Option<String>,
}

impl Chunk {
    /// The rows to apply, in their order.
    pub(crate) fn rows(&self) -> &[Value] {
        self.input.as_array().and_then(|rows| rows.get(self.range.clone())).unwrap_or_default()
    }
}

/// What became of a chunk.
#[derive(Debug, Default)]
pub(crate) struct Applied {
    /// Rows that went well.
    pub(crate) succeeded: usize,
    /// Rows that did not.
    pub(crate) failed: Vec<ErrorItem>,
    /// Where a sweep goes on; `None` ends it.
    pub(crate) next: Option<String>,
}

/// A row that was refused, as the operation shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ErrorItem {
    /// Its id.
    pub(crate) id: String,
    /// Its collection; null for users and tenants.
    pub(crate) collection: Option<String>,
}

/// A bulk operation to accept. Its envelope was checked.
#[derive(Debug)]
pub struct BulkSubmission {
    /// Where.
    pub env: EnvId,
    /// Name of its kind.
    pub kind: &'static str,
    /// Wire name, when it is not the kind's.
    pub name: Option<String>,
    /// What all rows share.
    pub scope: Option<String>,
    /// The rows as a list, or the filter of a sweep.
    pub input: Value,
    /// Rows, as far as known.
    pub rows_estimated: usize,
}

impl Engine {
    /// Stores a bulk operation with its job; answered when both are durable. The work begins at once.
    pub async fn submit_bulk(&self, submission: BulkSubmission) -> Result<BulkOperationRow, StoreError> {
        let now = self.clock().now();
        let row = BulkOperationRow {
            id: Uuid::new_v4(),
            env: submission.env,
            kind: submission.kind.to_owned(),
            name: submission.name.unwrap_or_else(|| submission.kind.to_owned()),
            scope: submission.scope,
            input: submission.input.to_string(),
            status: BulkStatus::Queued,
            rows_estimated: submission.rows_estimated as i64,
            rows_succeeded: 0,
            rows_failed: 0,
            error_items: "[]".to_owned(),
            inserted_at: now,
            updated_at: now,
            started_at: None,
            completed_at: None,
            failed_at: None,
        };
        let job = JobRow {
            target: row.id.as_bytes().to_vec(),
            kind: JobKind::Bulk,
            env: row.env,
            due_at: now,
            run_at: now,
            claim: 0,
            attempt: 0,
            first_at: None,
            payload: None,
        };
        let unit = Unit { jobs: vec![job], bulk_operations: vec![row.clone()], ..Unit::default() };
        self.commit_and_perform(unit).await?;
        Ok(BulkOperationRow { input: String::new(), ..row })
    }

    /// Works on an operation from where it stands to its end.
    pub(crate) async fn run_bulk(&self, claim: Claim) -> Result<(), StoreError> {
        let id =
            Uuid::from_slice(&claim.target).map_err(|error| StoreError::Corrupt(error.to_string().into()))?;
        let stored = self.store().bulk_work(claim.env, id).await?.filter(|row| !row.status.is_final());
        let Some(mut row) = stored else {
            return self.store().commit(Unit::finishing(claim)).await.map(drop);
        };
        let kind = KINDS.iter().find(|kind| kind.name == row.kind);
        let input = serde_json::from_str::<Value>(&std::mem::take(&mut row.input));
        let (Some(kind), Ok(input), true) = (kind, input, claim.attempt <= ATTEMPTS_MAX) else {
            tracing::error!(%id, kind = row.kind, attempt = claim.attempt, "a bulk operation is given up");
            return self.record_bulk(claim, row, BulkStatus::Failed).await;
        };
        let rows = input.as_array().map(Vec::len);
        let mut work = Work { claim, kind, row, rows, input: Arc::new(input), alone: 0 };
        while !self.stopping().is_cancelled() {
            if !self.apply_chunk(&mut work).await? || work.row.status.is_final() {
                break;
            }
        }
        Ok(())
    }

    /// Applies the next chunk; false when the job is no longer ours.
    async fn apply_chunk(&self, work: &mut Work) -> Result<bool, StoreError> {
        let now = self.clock().now();
        let done = (work.row.rows_succeeded + work.row.rows_failed) as usize;
        let range = match work.rows {
            Some(rows) => {
                // Behind a refusal, the rows of the refused chunk go one by one.
                let size = if done < work.alone { 1 } else { work.kind.rows_at_once };
                done.min(rows)..(done + size).min(rows)
            }
            None => 0..0,
        };
        let chunk = Chunk {
            env: work.row.env,
            now,
            accepted_at: work.row.inserted_at,
            scope: work.row.scope.as_deref().map(Arc::from),
            catalog: self.catalog(),
            input: Arc::clone(&work.input),
            range: range.clone(),
            cursor: work.claim.payload.clone(),
        };
        let mut tries = 0;
        let outcome = loop {
            match self.transact_chunk(work, chunk.clone(), Refused::No).await {
                Err(StoreError::Contended(_)) if tries < TRIES_MAX => tries += 1,
                outcome => break outcome,
            }
        };
        let written = match outcome {
            Err(error @ (StoreError::Conflict(_) | StoreError::Refused { .. } | StoreError::Corrupt(_))) => {
                tracing::warn!(id = %work.row.id, rows = range.len(), %error, "a bulk chunk was refused");
                match range.len() {
                    0 => {
                        self.record_bulk(work.claim.clone(), work.row.clone(), BulkStatus::Failed).await?;
                        return Ok(false);
                    }
                    1 => self.transact_chunk(work, chunk, Refused::Whole).await?,
                    _ => {
                        work.alone = range.end;
                        return Ok(true);
                    }
                }
            }
            outcome => outcome?,
        };
        let Some((row, cursor)) = written else { return Ok(false) };
        work.row = row;
        work.claim.payload = cursor;
        Ok(true)
    }

    /// One transaction: the claim, the chunk's effects, the progress. `None` when the claim is gone.
    async fn transact_chunk(
        &self,
        work: &Work,
        chunk: Chunk,
        refused: Refused,
    ) -> Result<Option<(BulkOperationRow, Option<String>)>, StoreError> {
        let (kind, claim, mut row, rows) = (work.kind, work.claim.clone(), work.row.clone(), work.rows);
        let lease_end = chunk.now + self.options().lease;
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    let hold = GuardAction::Continue { run_at: lease_end, payload: claim.payload.clone() };
                    if !tx.settle(&Guard { claim: claim.clone(), action: hold }).await? {
                        return Ok(None);
                    }
                    let (now, last) = (chunk.now, chunk.range.end);
                    let applied = match refused {
                        Refused::No => (kind.apply)(chunk, tx).await?,
                        Refused::Whole => Applied { failed: error_items(kind, &chunk), ..Applied::default() },
                    };
                    let ended = rows.map_or(applied.next.is_none(), |rows| last >= rows);
                    advance(&mut row, &applied, ended, now)?;
                    tx.record_bulk_progress(&row).await?;
                    let action = match ended {
                        true => GuardAction::Finish,
                        false => GuardAction::Continue { run_at: lease_end, payload: applied.next.clone() },
                    };
                    tx.settle(&Guard { claim, action }).await?;
                    Ok(Some((row, applied.next)))
                })
            })
            .await
    }

    /// Ends an operation without applying anything.
    async fn record_bulk(
        &self,
        claim: Claim,
        mut row: BulkOperationRow,
        status: BulkStatus,
    ) -> Result<(), StoreError> {
        let now = self.clock().now();
        row.status = status;
        row.updated_at = now;
        row.failed_at = Some(now);
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    if tx.settle(&Guard { claim, action: GuardAction::Finish }).await? {
                        tx.record_bulk_progress(&row).await?;
                    }
                    Ok(())
                })
            })
            .await
    }
}

/// An operation in progress.
struct Work {
    claim: Claim,
    kind: &'static Kind,
    row: BulkOperationRow,
    /// How many rows it has; a sweep has none.
    rows: Option<usize>,
    input: Arc<Value>,
    /// Rows before this one go alone.
    alone: usize,
}

/// Whether the database refused a chunk that cannot be divided any more.
enum Refused {
    No,
    Whole,
}

/// The chunk's rows as error items.
fn error_items(kind: &Kind, chunk: &Chunk) -> Vec<ErrorItem> {
    // What rows of objects share is their collection.
    let collection = chunk.scope.as_deref().filter(|_| kind.name.starts_with("objects."));
    chunk.rows().iter().map(|row| error_item(row, collection)).collect()
}

/// A row as an error item; rows are ids or maps with one.
pub(crate) fn error_item(row: &Value, collection: Option<&str>) -> ErrorItem {
    let id = row.as_str().or_else(|| row["id"].as_str()).unwrap_or_default();
    ErrorItem { id: id.to_owned(), collection: collection.map(str::to_owned) }
}

/// Counts a chunk (RC13.2: processed is the sum of both).
fn advance(
    row: &mut BulkOperationRow,
    applied: &Applied,
    ended: bool,
    now: Timestamp,
) -> Result<(), StoreError> {
    row.rows_succeeded += applied.succeeded as i64;
    row.rows_failed += applied.failed.len() as i64;
    if !applied.failed.is_empty() {
        let corrupt = |error: serde_json::Error| StoreError::Corrupt(error.to_string().into());
        let mut items: Vec<ErrorItem> = serde_json::from_str(&row.error_items).map_err(corrupt)?;
        items.extend(applied.failed.iter().cloned());
        row.error_items = serde_json::to_string(&items).map_err(corrupt)?;
    }
    let processed = row.rows_succeeded + row.rows_failed;
    row.status = if ended { BulkStatus::Completed } else { BulkStatus::Processing };
    row.rows_estimated = if ended { processed } else { row.rows_estimated.max(processed) };
    row.updated_at = now;
    row.started_at.get_or_insert(now);
    row.completed_at = ended.then_some(now);
    Ok(())
}
