//! Workflow runs and recipient runs.

use std::sync::{Arc, LazyLock};

use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;
use uuid::Uuid;

use crate::db::{Bulk, Column, Cost, Param, Row, Store, Tx};
use crate::error::StoreError;
use crate::unit::RunUpdate;

/// Where a recipient run stands (workflows.md section 4). There is no failed status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RunStatus {
    /// Accepted.
    Queued = 0,
    /// Running.
    Processing = 1,
    /// Waiting for a timer.
    Paused = 2,
    /// Ended by itself; final.
    Completed = 3,
    /// Ended from outside; final.
    Cancelled = 4,
}

impl RunStatus {
    /// Every status, in the order of a run's life.
    pub const ALL: [Self; 5] =
        [Self::Queued, Self::Processing, Self::Paused, Self::Completed, Self::Cancelled];

    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Processing => "processing",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
        }
    }
    /// True when nothing can change any more.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled)
    }
    /// The status of a wire name.
    pub fn from_wire(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }
    fn from_code(code: i64) -> Result<Self, StoreError> {
        Self::ALL
            .into_iter()
            .find(|status| *status as i64 == code)
            .ok_or_else(|| StoreError::corrupt(format_args!("unknown run status {code}")))
    }
}

/// One accepted trigger.
#[derive(Debug, Clone)]
pub struct RunRow {
    /// Shared by all its recipient runs.
    pub id: Uuid,
    /// Where.
    pub env: EnvId,
    /// Key of the workflow.
    pub workflow: String,
    /// The version it runs, to its end.
    pub version: Uuid,
    /// Tenant id.
    pub tenant: Option<String>,
    /// Key of the actor.
    pub actor: Option<String>,
    /// Trigger data as JSON text, stored once and shared.
    pub data: Option<Arc<str>>,
    /// Cancels every run that shares it.
    pub cancellation_key: Option<String>,
    /// Bits of `RunRow::SANDBOX` and the others.
    pub flags: i64,
    /// Recipients not yet expanded, JSON; `None` when all are.
    pub pending: Option<String>,
    /// What started it, JSON of the engine; `None` is a request of the API.
    pub origin: Option<Arc<str>>,
    /// When it was accepted.
    pub inserted_at: Timestamp,
}

impl RunRow {
    /// Every message ends `not_sent`.
    pub const SANDBOX: i64 = 1;
    /// Delay steps are skipped.
    pub const SKIP_DELAY: i64 = 2;
    /// A test run from the management API.
    pub const REHEARSAL: i64 = 4;
    /// Of a broadcast: `workflow` is its key, and there is no published workflow to ask.
    pub const BROADCAST: i64 = 8;
    /// Objects are notified without their subscribers, as schedules do (workflows.md R3.15).
    pub const NO_FAN_OUT: i64 = 64;
}

/// One recipient's run.
#[derive(Debug, Clone)]
pub struct RecipientRunRow {
    /// Where.
    pub env: EnvId,
    /// Its workflow run.
    pub run: Uuid,
    /// Key of the recipient.
    pub recipient: String,
    /// UUIDv5 of the two.
    pub id: Uuid,
    /// Where it stands.
    pub status: RunStatus,
    /// Errors so far.
    pub error_count: i64,
    /// Interpreter state, JSON.
    pub state: String,
    /// Run events, JSON: why each step did what it did.
    pub log: String,
    /// The recipient's own trigger data, when it differs from the run's.
    pub trigger_data: Option<Arc<str>>,
    /// When it was made.
    pub inserted_at: Timestamp,
}

/// A recipient run with its workflow run, as a resumed step needs them.
#[derive(Debug, Clone)]
pub struct StoredRun {
    /// The workflow run.
    pub run: RunRow,
    /// The recipient run.
    pub recipient_run: RecipientRunRow,
    /// Last change.
    pub updated_at: Timestamp,
}

static RUNS: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "workflow_runs",
        &[
            ("id", Column::Blob),
            ("env", Column::Int),
            ("workflow", Column::Text),
            ("version", Column::Blob),
            ("tenant", Column::Text),
            ("actor", Column::Text),
            ("data", Column::Text),
            ("cancellation_key", Column::Text),
            ("flags", Column::Int),
            ("pending", Column::Text),
            ("origin", Column::Text),
            ("inserted_at", Column::Int),
        ],
        "ON CONFLICT DO NOTHING",
    )
});

pub(crate) async fn insert_runs(tx: &Tx<'_>, rows: impl Iterator<Item = &RunRow>) -> Result<(), StoreError> {
    let mut values = Vec::new();
    for row in rows {
        values.extend([
            Param::Blob(row.id.as_bytes().as_slice().into()),
            row.env.into(),
            Param::from(row.workflow.as_str()),
            Param::Blob(row.version.as_bytes().as_slice().into()),
            Param::opt(row.tenant.as_deref()),
            Param::opt(row.actor.as_deref()),
            Param::opt(row.data.as_deref()),
            Param::opt(row.cancellation_key.as_deref()),
            Param::Int(row.flags),
            Param::opt(row.pending.as_deref()),
            Param::opt(row.origin.as_deref()),
            row.inserted_at.into(),
        ]);
    }
    tx.insert(&RUNS, &values).await.map(drop)
}

static RECIPIENT_RUNS: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "recipient_runs",
        &[
            ("env", Column::Int),
            ("run", Column::Blob),
            ("recipient", Column::Text),
            ("id", Column::Blob),
            ("status", Column::Int),
            ("error_count", Column::Int),
            ("state", Column::Text),
            ("log", Column::Text),
            ("trigger_data", Column::Text),
            ("inserted_at", Column::Int),
            ("updated_at", Column::Int),
        ],
        "ON CONFLICT DO NOTHING",
    )
});

pub(crate) async fn insert_recipient_runs(
    tx: &Tx<'_>,
    rows: impl Iterator<Item = &RecipientRunRow>,
) -> Result<(), StoreError> {
    let mut values = Vec::new();
    for row in rows {
        values.extend([
            row.env.into(),
            Param::Blob(row.run.as_bytes().as_slice().into()),
            Param::from(row.recipient.as_str()),
            Param::Blob(row.id.as_bytes().as_slice().into()),
            Param::Int(row.status as i64),
            Param::Int(row.error_count),
            Param::from(row.state.as_str()),
            Param::from(row.log.as_str()),
            Param::opt(row.trigger_data.as_deref()),
            row.inserted_at.into(),
            row.inserted_at.into(),
        ]);
    }
    tx.insert(&RECIPIENT_RUNS, &values).await.map(drop)
}

pub(crate) async fn update_recipient_runs(
    tx: &mut Tx<'_>,
    rows: impl Iterator<Item = &RunUpdate>,
) -> Result<(), StoreError> {
    for row in rows {
        tx.execute(
            "UPDATE recipient_runs SET status = $4, error_count = $5, state = $6, log = $7, updated_at = $8 \
             WHERE env = $1 AND run = $2 AND recipient = $3",
            &[
                row.env.into(),
                row.run.into(),
                row.recipient.as_str().into(),
                Param::Int(row.status as i64),
                Param::Int(row.error_count),
                row.state.as_str().into(),
                row.log.as_str().into(),
                row.updated_at.into(),
            ],
        )
        .await?;
    }
    Ok(())
}

pub(crate) async fn mark_expanded(
    tx: &mut Tx<'_>,
    runs: impl Iterator<Item = &Uuid>,
) -> Result<(), StoreError> {
    for run in runs {
        tx.execute("UPDATE workflow_runs SET pending = NULL WHERE id = $1", &[(*run).into()]).await?;
        tx.execute("DELETE FROM cancelled_recipients WHERE run = $1", &[(*run).into()]).await?;
    }
    Ok(())
}

pub(crate) const RUN_COLUMNS: &str = "w.id, w.env, w.workflow, w.version, w.tenant, w.actor, w.data, w.cancellation_key, \
                           w.flags, w.pending, w.origin, w.inserted_at";

fn run_row(row: &mut Row) -> Result<RunRow, StoreError> {
    Ok(RunRow {
        id: row.uuid(0)?,
        env: EnvId(row.int(1)?),
        workflow: row.text(2)?,
        version: row.uuid(3)?,
        tenant: row.opt_text(4)?,
        actor: row.opt_text(5)?,
        data: row.opt_text(6)?.map(Arc::from),
        cancellation_key: row.opt_text(7)?,
        flags: row.int(8)?,
        pending: row.opt_text(9)?,
        origin: row.opt_text(10)?.map(Arc::from),
        inserted_at: row.at(11)?,
    })
}

pub(crate) fn stored_run(mut row: Row) -> Result<StoredRun, StoreError> {
    let run = run_row(&mut row)?;
    Ok(StoredRun {
        recipient_run: RecipientRunRow {
            env: run.env,
            run: run.id,
            recipient: row.text(12)?,
            id: row.uuid(13)?,
            status: RunStatus::from_code(row.int(14)?)?,
            error_count: row.int(15)?,
            state: row.text(16)?,
            log: row.text(17)?,
            trigger_data: row.opt_text(18)?.map(Arc::from),
            inserted_at: row.at(19)?,
        },
        updated_at: row.at(20)?,
        run,
    })
}

pub(crate) const STORED_COLUMNS: &str = "r.recipient, r.id, r.status, r.error_count, r.state, r.log, r.trigger_data, \
                              r.inserted_at, r.updated_at";
pub(crate) const STORED_FROM: &str = "FROM recipient_runs r JOIN workflow_runs w ON w.id = r.run";

impl Store {
    /// One workflow run.
    pub async fn workflow_run(&self, id: Uuid) -> Result<Option<RunRow>, StoreError> {
        let sql = format!("SELECT {RUN_COLUMNS} FROM workflow_runs w WHERE w.id = $1");
        self.query_one(&sql, &[id.into()]).await?.map(|mut row| run_row(&mut row)).transpose()
    }

    /// Many workflow runs, in no order.
    pub async fn workflow_runs(&self, ids: &[Uuid]) -> Result<Vec<RunRow>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids = Param::Blobs(ids.iter().map(|id| id.as_bytes().to_vec()).collect());
        let sql = format!("SELECT {RUN_COLUMNS} FROM workflow_runs w WHERE w.id IN {}", self.blobs_in("$1"));
        let rows = self.query(Cost::Point, &sql, &[ids]).await?;
        rows.into_iter().map(|mut row| run_row(&mut row)).collect()
    }

    /// One recipient run by its id. Ids are unique across environments; the caller compares `run.env`.
    pub async fn recipient_run(&self, id: Uuid) -> Result<Option<StoredRun>, StoreError> {
        let sql = format!("SELECT {RUN_COLUMNS}, {STORED_COLUMNS} {STORED_FROM} WHERE r.id = $1");
        self.query_one(&sql, &[id.into()]).await?.map(stored_run).transpose()
    }

    /// Many recipient runs by id, in no order.
    pub async fn recipient_runs(&self, ids: &[Uuid]) -> Result<Vec<StoredRun>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids = Param::Blobs(ids.iter().map(|id| id.as_bytes().to_vec()).collect());
        let sql = format!(
            "SELECT {RUN_COLUMNS}, {STORED_COLUMNS} {STORED_FROM} WHERE r.id IN {}",
            self.blobs_in("$1")
        );
        self.query(Cost::Point, &sql, &[ids]).await?.into_iter().map(stored_run).collect()
    }

    /// The trigger data of those recipient runs that have their own, by id: what activities show, without the state
    /// and log of the runs.
    pub async fn own_trigger_data(&self, ids: &[Uuid]) -> Result<Vec<(Uuid, String)>, StoreError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let ids = Param::Blobs(ids.iter().map(|id| id.as_bytes().to_vec()).collect());
        let sql = format!(
            "SELECT id, trigger_data FROM recipient_runs WHERE trigger_data IS NOT NULL AND id IN {}",
            self.blobs_in("$1")
        );
        let rows = self.query(Cost::Point, &sql, &[ids]).await?;
        rows.into_iter().map(|mut row| Ok((row.uuid(0)?, row.text(1)?))).collect()
    }
}
