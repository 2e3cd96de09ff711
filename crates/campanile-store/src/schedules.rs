//! Schedules: one row each, and one job that falls due at the next occurrence (workflows.md section 22).
//!
//! Row and job change in one transaction, always the job first: whoever fires an occurrence takes them in that order
//! too, so a change that comes between leaves the firing without its job, and it writes nothing.

use std::sync::{Arc, LazyLock};

use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;
use uuid::Uuid;

use crate::db::{Bulk, Column, Cost, Param, Row, Store, Tx};
use crate::error::StoreError;
use crate::jobs::{self, JobKind, JobRow};
use crate::page::{Page, PageRequest};

/// A stored schedule.
#[derive(Debug, Clone)]
pub struct ScheduleRow {
    /// Its id; sorts by the instant of its making.
    pub id: Uuid,
    /// Where.
    pub env: EnvId,
    /// Key of the workflow.
    pub workflow: String,
    /// Key of the recipient.
    pub recipient: String,
    /// Tenant id.
    pub tenant: Option<String>,
    /// Key of the actor.
    pub actor: Option<String>,
    /// Data for each run, JSON.
    pub data: Option<Arc<str>>,
    /// Its rules, JSON; an empty list is a one-off.
    pub repeats: String,
    /// The zone by which `next_at` was computed.
    pub zone: String,
    /// Start of a recurring schedule, or the instant of a one-off.
    pub scheduled_at: Option<Timestamp>,
    /// No occurrence is later than this.
    pub ending_at: Option<Timestamp>,
    /// The occurrence that fired last.
    pub last_at: Option<Timestamp>,
    /// The next occurrence; `None` when there is none.
    pub next_at: Option<Timestamp>,
    /// When it was made.
    pub inserted_at: Timestamp,
    /// Last change by a request.
    pub updated_at: Timestamp,
}

/// What firing leaves on a schedule, written in the unit that makes the run.
#[derive(Debug, Clone)]
pub struct ScheduleFired {
    /// Which schedule.
    pub id: Uuid,
    /// The occurrence that fired last.
    pub last_at: Option<Timestamp>,
    /// The next occurrence.
    pub next_at: Option<Timestamp>,
    /// The zone by which it was computed.
    pub zone: String,
}

/// Filters of a list of schedules; all given ones must hold.
#[derive(Debug, Clone, Default)]
pub struct ScheduleFilter {
    /// Key of the workflow.
    pub workflow: Option<String>,
    /// Keys of recipients, any of them.
    pub recipients: Option<Vec<String>>,
    /// Exact tenant.
    pub tenant: Option<String>,
}

static SCHEDULES: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "schedules",
        &[
            ("id", Column::Blob),
            ("env", Column::Int),
            ("workflow", Column::Text),
            ("recipient", Column::Text),
            ("tenant", Column::Text),
            ("actor", Column::Text),
            ("data", Column::Text),
            ("repeats", Column::Text),
            ("zone", Column::Text),
            ("scheduled_at", Column::Int),
            ("ending_at", Column::Int),
            ("last_at", Column::Int),
            ("next_at", Column::Int),
            ("inserted_at", Column::Int),
            ("updated_at", Column::Int),
        ],
        "ON CONFLICT (id) DO UPDATE SET workflow = excluded.workflow, tenant = excluded.tenant, \
         actor = excluded.actor, data = excluded.data, repeats = excluded.repeats, zone = excluded.zone, \
         scheduled_at = excluded.scheduled_at, ending_at = excluded.ending_at, last_at = excluded.last_at, \
         next_at = excluded.next_at, updated_at = excluded.updated_at",
    )
});

const COLUMNS: &str = "id, env, workflow, recipient, tenant, actor, data, repeats, zone, scheduled_at, ending_at, \
                       last_at, next_at, inserted_at, updated_at";

fn schedule(mut row: Row) -> Result<ScheduleRow, StoreError> {
    Ok(ScheduleRow {
        id: row.uuid(0)?,
        env: EnvId(row.int(1)?),
        workflow: row.text(2)?,
        recipient: row.text(3)?,
        tenant: row.opt_text(4)?,
        actor: row.opt_text(5)?,
        data: row.opt_text(6)?.map(Arc::from),
        repeats: row.text(7)?,
        zone: row.text(8)?,
        scheduled_at: row.opt_at(9)?,
        ending_at: row.opt_at(10)?,
        last_at: row.opt_at(11)?,
        next_at: row.opt_at(12)?,
        inserted_at: row.at(13)?,
        updated_at: row.at(14)?,
    })
}

fn columns(row: &ScheduleRow) -> [Param<'_>; 15] {
    [
        row.id.into(),
        row.env.into(),
        row.workflow.as_str().into(),
        row.recipient.as_str().into(),
        Param::opt(row.tenant.as_deref()),
        Param::opt(row.actor.as_deref()),
        Param::opt(row.data.as_deref()),
        row.repeats.as_str().into(),
        row.zone.as_str().into(),
        Param::opt_int(row.scheduled_at.map(|at| at.0)),
        Param::opt_int(row.ending_at.map(|at| at.0)),
        Param::opt_int(row.last_at.map(|at| at.0)),
        Param::opt_int(row.next_at.map(|at| at.0)),
        row.inserted_at.into(),
        row.updated_at.into(),
    ]
}

fn blobs(ids: &[Uuid]) -> Param<'static> {
    Param::Blobs(ids.iter().map(|id| id.as_bytes().to_vec()).collect())
}

pub(crate) async fn record_fired(
    tx: &mut Tx<'_>,
    rows: impl Iterator<Item = &ScheduleFired>,
) -> Result<(), StoreError> {
    for row in rows {
        tx.execute(
            "UPDATE schedules SET last_at = $2, next_at = $3, zone = $4 WHERE id = $1",
            &[
                row.id.into(),
                Param::opt_int(row.last_at.map(|at| at.0)),
                Param::opt_int(row.next_at.map(|at| at.0)),
                row.zone.as_str().into(),
            ],
        )
        .await?;
    }
    Ok(())
}

impl Tx<'_> {
    /// Schedules by id, locked together with their jobs until the transaction ends, in no order; unknown ones are
    /// absent. The jobs are taken away: whoever holds one finds it gone, and [`Tx::save_schedules`] makes them anew.
    pub async fn take_schedules(&mut self, env: EnvId, ids: &[Uuid]) -> Result<Vec<ScheduleRow>, StoreError> {
        let set = self.blobs_in("$2");
        if self.is_postgres() {
            // In one order everywhere, or two of us wait for each other.
            let sql = format!(
                "SELECT 1 FROM jobs WHERE kind = 5 AND env = $1 AND target IN {set} ORDER BY target FOR UPDATE"
            );
            self.query(&sql, &[env.into(), blobs(ids)]).await?;
        }
        let sql = format!("DELETE FROM jobs WHERE kind = 5 AND env = $1 AND target IN {set}");
        self.execute(&sql, &[env.into(), blobs(ids)]).await?;
        let lock = if self.is_postgres() { "FOR UPDATE" } else { "" };
        let sql =
            format!("SELECT {COLUMNS} FROM schedules WHERE env = $1 AND id IN {set} ORDER BY id {lock}");
        let rows = self.query(&sql, &[env.into(), blobs(ids)]).await?;
        rows.into_iter().map(schedule).collect()
    }

    /// Writes new and taken schedules, each with the job of its next occurrence.
    pub async fn save_schedules(&mut self, rows: &[ScheduleRow]) -> Result<(), StoreError> {
        let values: Vec<Param<'_>> = rows.iter().flat_map(columns).collect();
        self.insert(&SCHEDULES, &values).await?;
        let jobs: Vec<JobRow> = rows
            .iter()
            .filter_map(|row| {
                let due_at = row.next_at?;
                Some(JobRow {
                    target: row.id.as_bytes().to_vec(),
                    kind: JobKind::Schedule,
                    env: row.env,
                    due_at,
                    run_at: due_at,
                    claim: 0,
                    attempt: 0,
                    first_at: None,
                    payload: None,
                })
            })
            .collect();
        jobs::insert_jobs(self, jobs.iter()).await
    }

    /// Deletes taken schedules.
    pub async fn delete_schedules(&mut self, env: EnvId, ids: &[Uuid]) -> Result<(), StoreError> {
        let sql = format!("DELETE FROM schedules WHERE env = $1 AND id IN {}", self.blobs_in("$2"));
        self.execute(&sql, &[env.into(), blobs(ids)]).await.map(drop)
    }

    /// The schedules of some recipients that have an occurrence ahead, by id with the zone it was computed in.
    pub async fn schedule_zones(
        &mut self,
        env: EnvId,
        recipients: Vec<String>,
    ) -> Result<Vec<(Uuid, String, String)>, StoreError> {
        let sql = format!(
            "SELECT id, recipient, zone FROM schedules WHERE env = $1 AND next_at IS NOT NULL AND recipient IN {}",
            self.texts_in("$2")
        );
        let rows = self.query(&sql, &[env.into(), Param::Texts(recipients)]).await?;
        rows.into_iter().map(|mut row| Ok((row.uuid(0)?, row.text(1)?, row.text(2)?))).collect()
    }
}

impl Store {
    /// One schedule.
    pub async fn schedule(&self, env: EnvId, id: Uuid) -> Result<Option<ScheduleRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM schedules WHERE env = $1 AND id = $2");
        self.query_one(&sql, &[env.into(), id.into()]).await?.map(schedule).transpose()
    }

    /// One page of schedules, newest first (S54).
    pub async fn list_schedules(
        &self,
        env: EnvId,
        filter: &ScheduleFilter,
        page: &PageRequest,
    ) -> Result<Page<ScheduleRow>, StoreError> {
        let (compare, order) = if page.is_backward() { (">", "ASC") } else { ("<", "DESC") };
        let mut params: Vec<Param<'_>> = vec![env.into(), Param::Int(page.size as i64 + 1)];
        let mut wanted = String::new();
        let mut and = |condition: &str, value: Param<'static>| {
            params.push(value);
            wanted.push_str(&format!(" AND {condition}").replace("{}", &format!("${}", params.len())));
        };
        if let Some(workflow) = &filter.workflow {
            and("workflow = {}", workflow.clone().into());
        }
        match filter.recipients.as_deref() {
            None => {}
            Some([one]) => and("recipient = {}", one.clone().into()),
            Some(many) => {
                and(&format!("recipient IN {}", self.texts_in("{}")), Param::Texts(many.to_vec()));
            }
        }
        if let Some(tenant) = &filter.tenant {
            and("tenant = {}", tenant.clone().into());
        }
        if let Some(key) = page.key() {
            and(&format!("id {compare} {{}}"), Param::Blob(key.to_vec().into()));
        }
        let sql =
            format!("SELECT {COLUMNS} FROM schedules WHERE env = $1{wanted} ORDER BY id {order} LIMIT $2");
        let rows = self.query(Cost::Scan, &sql, &params).await?;
        let rows = rows.into_iter().map(schedule).collect::<Result<Vec<_>, _>>()?;
        Ok(page.page(rows, |row| row.id.as_bytes().to_vec()))
    }
}
