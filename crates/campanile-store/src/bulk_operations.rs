//! Bulk operations: what was asked for, how far it came, and which rows were refused (recipients.md section 13).
//!
//! Progress is written in the transaction that applies a chunk, under the claim of the operation's job, so that an
//! interrupted operation goes on exactly where its last chunk ended.

use std::sync::LazyLock;

use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;
use uuid::Uuid;

use crate::db::{Bulk, Column, Param, Row, Store, Tx};
use crate::error::StoreError;
use crate::jobs;
use crate::unit::Guard;

/// How far an operation came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BulkStatus {
    /// Accepted.
    Queued = 0,
    /// Some chunks are applied.
    Processing = 1,
    /// Every row was attempted; some may have failed (RC13.2).
    Completed = 2,
    /// Given up in the middle.
    Failed = 3,
}

impl BulkStatus {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    /// True when nothing can change any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }

    fn from_code(code: i64) -> Result<Self, StoreError> {
        [Self::Queued, Self::Processing, Self::Completed, Self::Failed]
            .into_iter()
            .find(|status| *status as i64 == code)
            .ok_or_else(|| StoreError::corrupt(format_args!("unknown bulk status {code}")))
    }
}

/// A stored operation.
#[derive(Debug, Clone)]
pub struct BulkOperationRow {
    /// Its id.
    pub id: Uuid,
    /// Where.
    pub env: EnvId,
    /// Which kind of work: chosen by the engine.
    pub kind: String,
    /// The wire name (RC13.6).
    pub name: String,
    /// What all rows share and the kind needs, such as a collection.
    pub scope: Option<String>,
    /// The rows or the filter, JSON; empty once the operation has ended.
    pub input: String,
    /// How far it came.
    pub status: BulkStatus,
    /// Rows in all, as far as known.
    pub rows_estimated: i64,
    /// Rows applied.
    pub rows_succeeded: i64,
    /// Rows refused.
    pub rows_failed: i64,
    /// `[{"id", "collection"}]` of the refused rows, JSON.
    pub error_items: String,
    /// When it was accepted.
    pub inserted_at: Timestamp,
    /// Last progress.
    pub updated_at: Timestamp,
    /// First progress.
    pub started_at: Option<Timestamp>,
    /// When the last row was attempted.
    pub completed_at: Option<Timestamp>,
    /// When it was given up.
    pub failed_at: Option<Timestamp>,
}

/// How long an ended operation can be read (api-conventions.md A10.5): 30 days.
const KEPT_MICROS: i64 = 30 * 86_400 * 1_000_000;

static BULK_OPERATIONS: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "bulk_operations",
        &[
            ("id", Column::Blob),
            ("env", Column::Int),
            ("kind", Column::Text),
            ("name", Column::Text),
            ("scope", Column::Text),
            ("input", Column::Text),
            ("status", Column::Int),
            ("rows_estimated", Column::Int),
            ("rows_succeeded", Column::Int),
            ("rows_failed", Column::Int),
            ("error_items", Column::Text),
            ("inserted_at", Column::Int),
            ("updated_at", Column::Int),
        ],
        "",
    )
});

pub(crate) async fn insert_bulk_operations(
    tx: &Tx<'_>,
    rows: impl Iterator<Item = &BulkOperationRow>,
) -> Result<(), StoreError> {
    let mut values = Vec::new();
    for row in rows {
        values.extend([
            row.id.into(),
            row.env.into(),
            Param::from(row.kind.as_str()),
            Param::from(row.name.as_str()),
            Param::opt(row.scope.as_deref()),
            Param::from(row.input.as_str()),
            Param::Int(row.status as i64),
            Param::Int(row.rows_estimated),
            Param::Int(row.rows_succeeded),
            Param::Int(row.rows_failed),
            Param::from(row.error_items.as_str()),
            row.inserted_at.into(),
            row.updated_at.into(),
        ]);
    }
    tx.insert(&BULK_OPERATIONS, &values).await.map(drop)
}

const COLUMNS: &str = "id, env, kind, name, scope, status, rows_estimated, rows_succeeded, rows_failed, error_items, \
     inserted_at, updated_at, started_at, completed_at, failed_at";

fn operation(mut row: Row) -> Result<BulkOperationRow, StoreError> {
    Ok(BulkOperationRow {
        id: row.uuid(0)?,
        env: EnvId(row.int(1)?),
        kind: row.text(2)?,
        name: row.text(3)?,
        scope: row.opt_text(4)?,
        status: BulkStatus::from_code(row.int(5)?)?,
        rows_estimated: row.int(6)?,
        rows_succeeded: row.int(7)?,
        rows_failed: row.int(8)?,
        error_items: row.text(9)?,
        inserted_at: row.at(10)?,
        updated_at: row.at(11)?,
        started_at: row.opt_at(12)?,
        completed_at: row.opt_at(13)?,
        failed_at: row.opt_at(14)?,
        input: String::new(),
    })
}

impl Tx<'_> {
    /// Finishes or puts off a claimed job inside this transaction; false when it is no longer ours, and then nothing
    /// else may be written.
    pub async fn settle(&mut self, guard: &Guard) -> Result<bool, StoreError> {
        Ok(!jobs::settle_guards(self, std::iter::once(guard)).await?.is_empty())
    }

    /// Writes how far an operation came. The input is let go when it has ended.
    pub async fn record_bulk_progress(&mut self, row: &BulkOperationRow) -> Result<(), StoreError> {
        self.execute(
            "UPDATE bulk_operations SET status = $2, rows_estimated = $3, rows_succeeded = $4, rows_failed = $5, \
             error_items = $6, updated_at = $7, started_at = $8, completed_at = $9, failed_at = $10, \
             input = CASE WHEN CAST($2 AS BIGINT) >= 2 THEN '' ELSE input END WHERE id = $1",
            &[
                row.id.into(),
                Param::Int(row.status as i64),
                Param::Int(row.rows_estimated),
                Param::Int(row.rows_succeeded),
                Param::Int(row.rows_failed),
                row.error_items.as_str().into(),
                row.updated_at.into(),
                Param::opt_int(row.started_at.map(|at| at.0)),
                Param::opt_int(row.completed_at.map(|at| at.0)),
                Param::opt_int(row.failed_at.map(|at| at.0)),
            ],
        )
        .await
        .map(drop)
    }
}

impl Store {
    /// One operation, without its input.
    pub async fn bulk_operation(&self, env: EnvId, id: Uuid) -> Result<Option<BulkOperationRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM bulk_operations WHERE env = $1 AND id = $2");
        self.query_one(&sql, &[env.into(), id.into()]).await?.map(operation).transpose()
    }

    /// One operation with its input, for the job that works on it.
    pub async fn bulk_work(&self, env: EnvId, id: Uuid) -> Result<Option<BulkOperationRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS}, input FROM bulk_operations WHERE env = $1 AND id = $2");
        let Some(mut row) = self.query_one(&sql, &[env.into(), id.into()]).await? else { return Ok(None) };
        let input = row.text(15)?;
        Ok(Some(BulkOperationRow { input, ..operation(row)? }))
    }

    /// Deletes a slice of the operations that are no longer kept; answers how many went.
    pub async fn prune_bulk_operations(&self, now: Timestamp) -> Result<u64, StoreError> {
        let bound = Param::Int(now.0 - KEPT_MICROS);
        self.transact(move |tx| {
            Box::pin(async move {
                let sql = "DELETE FROM bulk_operations WHERE id IN \
                           (SELECT id FROM bulk_operations WHERE inserted_at < $1 AND status >= 2 LIMIT 1000)";
                tx.execute(sql, &[bound]).await
            })
        })
        .await
    }
}
