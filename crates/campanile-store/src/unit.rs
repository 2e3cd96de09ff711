//! One piece of engine work as it is written: a guard that must still hold, then rows.
//!
//! A unit is all or nothing. Its guard is a claimed job (whoever still holds the claim may finish it) or an
//! idempotency key that must be new; a unit whose guard has gone writes nothing, which is what makes repeating
//! work after a crash or on a second node harmless.

use std::collections::HashSet;
use std::sync::LazyLock;

use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;
use futures_util::future::try_join5;
use uuid::Uuid;

use crate::bulk_operations::{self, BulkOperationRow};
use crate::db::{Bulk, Column, Param, Store, Tx};
use crate::delivery::{self, DeliveryResult};
use crate::error::StoreError;
use crate::jobs::{self, Claim, JobKind, JobRow};
use crate::messages::{self, EventRow, MessageRow};
use crate::runs::{self, RecipientRunRow, RunRow, RunStatus};
use crate::schedules::{self, ScheduleFired};
use crate::short_links::{self, ShortLinkRow};

/// Rows to write together.
#[derive(Debug, Default)]
pub struct Unit {
    /// The job that this unit finishes or puts off.
    pub guard: Option<Guard>,
    /// The key under which the answer is kept for repeats.
    pub idempotency: Option<IdempotencyRow>,
    /// New workflow runs.
    pub runs: Vec<RunRow>,
    /// New recipient runs; one that exists stays as it is.
    pub recipient_runs: Vec<RecipientRunRow>,
    /// Recipient runs that went on.
    pub updates: Vec<RunUpdate>,
    /// Workflow runs whose recipients are now all expanded.
    pub expanded: Vec<Uuid>,
    /// New messages; one that exists stays as it is.
    pub messages: Vec<MessageRow>,
    /// Short links of the new messages; one that exists stays as it is.
    pub short_links: Vec<ShortLinkRow>,
    /// Message events.
    pub events: Vec<EventRow>,
    /// New jobs.
    pub jobs: Vec<JobRow>,
    /// What became of one delivery attempt.
    pub delivery: Option<DeliveryResult>,
    /// Schedules that fired.
    pub schedules: Vec<ScheduleFired>,
    /// New bulk operations.
    pub bulk_operations: Vec<BulkOperationRow>,
}

/// A claimed job that must still be ours.
#[derive(Debug, Clone)]
pub struct Guard {
    /// What was claimed.
    pub claim: Claim,
    /// What happens to the job.
    pub action: GuardAction,
}

/// What a unit does with its job.
#[derive(Debug, Clone)]
pub enum GuardAction {
    /// Done: the row goes.
    Finish,
    /// Not done yet: the claim is kept until `run_at`, with this payload.
    Continue {
        /// End of the new lease.
        run_at: Timestamp,
        /// Replaces the payload.
        payload: Option<String>,
    },
    /// Again at this instant, with this payload.
    PutOff {
        /// When it falls due.
        due_at: Timestamp,
        /// Replaces the payload.
        payload: Option<String>,
    },
}

/// A kept answer (api-conventions.md section 7).
#[derive(Debug, Clone)]
pub struct IdempotencyRow {
    /// Scope.
    pub env: EnvId,
    /// Method, path and key.
    pub key: String,
    /// SHA-256 of the request as compared (A7.7).
    pub request_hash: [u8; 32],
    /// `x-request-id` of the original.
    pub request_id: String,
    /// The answer's body.
    pub body: String,
    /// Start of the window.
    pub created_at: Timestamp,
}

/// The answer that was kept under a key.
#[derive(Debug, Clone)]
pub struct StoredReply {
    /// Of the original request.
    pub request_hash: Vec<u8>,
    /// Of the original request.
    pub request_id: String,
    /// Sent again.
    pub body: String,
}

/// The next state of a recipient run.
#[derive(Debug, Clone)]
pub struct RunUpdate {
    /// Which run.
    pub env: EnvId,
    /// Its workflow run.
    pub run: Uuid,
    /// Its recipient's key.
    pub recipient: String,
    /// Where it stands now.
    pub status: RunStatus,
    /// Errors so far.
    pub error_count: i64,
    /// Interpreter state, JSON.
    pub state: String,
    /// All events, JSON.
    pub log: String,
    /// Now.
    pub updated_at: Timestamp,
}

/// What became of a unit.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Written.
    Committed,
    /// Its job was finished, cancelled or taken over meanwhile: nothing was written.
    Superseded,
    /// Its idempotency key was taken: nothing was written.
    Repeated(StoredReply),
}

/// How long an idempotency key is kept (A7.4).
pub(crate) const IDEMPOTENCY_WINDOW_MICROS: i64 = 24 * 3_600 * 1_000_000;

static IDEMPOTENCY: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "idempotency",
        &[
            ("env", Column::Int),
            ("key", Column::Text),
            ("request_hash", Column::Blob),
            ("request_id", Column::Text),
            ("body", Column::Text),
            ("created_at", Column::Int),
        ],
        "",
    )
});

/// Writes units in their order; answers in the same order.
pub(crate) async fn write_units(tx: &mut Tx<'_>, units: &[Unit]) -> Result<Vec<Outcome>, StoreError> {
    let mut outcomes = Vec::with_capacity(units.len());
    let held = jobs::settle_guards(tx, units.iter().filter_map(|unit| unit.guard.as_ref())).await?;
    let mut keys = HashSet::new();
    for unit in units {
        outcomes.push(match (&unit.guard, &unit.idempotency) {
            (Some(guard), _) if !held.contains(&guard.claim.key()) => Outcome::Superseded,
            (_, Some(row)) => match reserve(tx, row, &mut keys).await? {
                Some(reply) => Outcome::Repeated(reply),
                None => Outcome::Committed,
            },
            _ => Outcome::Committed,
        });
    }
    let kept = || {
        units
            .iter()
            .zip(&outcomes)
            .filter(|(_, outcome)| matches!(outcome, Outcome::Committed))
            .map(|(u, _)| u)
    };
    insert_replies(tx, kept().filter_map(|unit| unit.idempotency.as_ref())).await?;
    // One after the other for SQLite; on PostgreSQL all five are on their way before the first is answered.
    let shared = &*tx;
    try_join5(
        runs::insert_runs(shared, kept().flat_map(|unit| &unit.runs)),
        runs::insert_recipient_runs(shared, kept().flat_map(|unit| &unit.recipient_runs)),
        messages::insert_messages(shared, kept().flat_map(|unit| &unit.messages)),
        messages::insert_events(shared, kept().flat_map(|unit| &unit.events)),
        jobs::insert_jobs(shared, kept().flat_map(|unit| &unit.jobs)),
    )
    .await?;
    short_links::insert_short_links(tx, kept().flat_map(|unit| &unit.short_links)).await?;
    bulk_operations::insert_bulk_operations(tx, kept().flat_map(|unit| &unit.bulk_operations)).await?;
    runs::update_recipient_runs(tx, kept().flat_map(|unit| &unit.updates)).await?;
    schedules::record_fired(tx, kept().flat_map(|unit| &unit.schedules)).await?;
    runs::mark_expanded(tx, kept().flat_map(|unit| &unit.expanded)).await?;
    for result in kept().filter_map(|unit| unit.delivery.as_ref()) {
        delivery::record(tx, result).await?;
    }
    Ok(outcomes)
}

impl Tx<'_> {
    /// Writes engine work inside this transaction. It has no guard and no idempotency key.
    pub async fn write(&mut self, unit: &Unit) -> Result<(), StoreError> {
        write_units(self, std::slice::from_ref(unit)).await.map(drop)
    }
}

/// Answers what is kept under the key, or `None` when this unit may go ahead.
async fn reserve<'u>(
    tx: &mut Tx<'_>,
    row: &'u IdempotencyRow,
    keys: &mut HashSet<(i64, &'u str)>,
) -> Result<Option<StoredReply>, StoreError> {
    // Within one group the second of two equal keys meets the first here, before its row is written.
    if !keys.insert((row.env.0, row.key.as_str())) {
        return Ok(Some(StoredReply {
            request_hash: Vec::new(),
            request_id: row.request_id.clone(),
            body: String::new(),
        }));
    }
    find_reply(tx, row.env, &row.key, row.created_at).await
}

async fn find_reply(
    tx: &mut Tx<'_>,
    env: EnvId,
    key: &str,
    now: Timestamp,
) -> Result<Option<StoredReply>, StoreError> {
    let found = tx.query_one(FIND_REPLY, &reply_params(env, key, now)).await?;
    if found.is_none() {
        // An expired answer makes room for the new one.
        tx.execute("DELETE FROM idempotency WHERE env = $1 AND key = $2", &[env.into(), key.into()]).await?;
    }
    found.map(reply).transpose()
}

const FIND_REPLY: &str =
    "SELECT request_hash, request_id, body FROM idempotency WHERE env = $1 AND key = $2 AND created_at > $3";

fn reply_params(env: EnvId, key: &str, now: Timestamp) -> [Param<'_>; 3] {
    [env.into(), key.into(), Param::Int(now.0 - IDEMPOTENCY_WINDOW_MICROS)]
}

fn reply(mut row: crate::db::Row) -> Result<StoredReply, StoreError> {
    Ok(StoredReply { request_hash: row.blob(0)?.to_vec(), request_id: row.text(1)?, body: row.text(2)? })
}

impl Store {
    /// The answer that is kept under an idempotency key.
    pub async fn kept_reply(
        &self,
        env: EnvId,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<StoredReply>, StoreError> {
        self.query_one(FIND_REPLY, &reply_params(env, key, now)).await?.map(reply).transpose()
    }
}

async fn insert_replies(
    tx: &mut Tx<'_>,
    rows: impl Iterator<Item = &IdempotencyRow>,
) -> Result<(), StoreError> {
    let mut values = Vec::new();
    for row in rows {
        values.extend([
            row.env.into(),
            Param::from(row.key.as_str()),
            Param::from(row.request_hash.as_slice()),
            Param::from(row.request_id.as_str()),
            Param::from(row.body.as_str()),
            row.created_at.into(),
        ]);
    }
    tx.insert(&IDEMPOTENCY, &values).await.map(drop)
}

impl Unit {
    /// A unit that finishes a claimed job.
    pub fn finishing(claim: Claim) -> Self {
        Self { guard: Some(Guard { claim, action: GuardAction::Finish }), ..Self::default() }
    }

    /// A unit that goes on with a claimed job.
    pub fn continuing(claim: Claim, run_at: Timestamp, payload: Option<String>) -> Self {
        Self {
            guard: Some(Guard { claim, action: GuardAction::Continue { run_at, payload } }),
            ..Self::default()
        }
    }

    /// A unit that puts a claimed job off.
    pub fn putting_off(claim: Claim, due_at: Timestamp, payload: Option<String>) -> Self {
        Self {
            guard: Some(Guard { claim, action: GuardAction::PutOff { due_at, payload } }),
            ..Self::default()
        }
    }
}

/// A claim as the guard set knows it.
pub(crate) type GuardKey = (Vec<u8>, JobKind, i64, i64);
