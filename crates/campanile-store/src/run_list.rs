//! Lists of recipient runs (workflows.md R4.5). Workflow run ids sort as their instants do, so run and recipient are
//! list order and cursor; each filter that may be rare has an index in that order.

use campanile_core::ids::EnvId;
use campanile_core::time::{Micros, Timestamp};
use uuid::Uuid;

use crate::db::{Cost, Param, Store};
use crate::error::StoreError;
use crate::messages::EventRow;
use crate::page::{Page, PageRequest};
use crate::runs::{RUN_COLUMNS, RunStatus, STORED_COLUMNS, StoredRun, stored_run};

/// A recipient run is made at most this long after its workflow run was accepted, unless the server was down longer.
const EXPANSION_MAX: Micros = Micros::seconds(86_400);
/// Ids go on from the highest one where a clock was set back by as much.
const CLOCK_STEP_MAX: Micros = Micros::seconds(86_400);

/// Filters of a list of recipient runs; all given ones must hold.
#[derive(Debug, Clone, Default)]
pub struct RunFilter {
    /// Key of the workflow.
    pub workflow: Option<String>,
    /// Any of these; empty is all.
    pub statuses: Vec<RunStatus>,
    /// Exact tenant.
    pub tenant: Option<String>,
    /// With errors, or without any.
    pub has_errors: Option<bool>,
    /// Key of the recipient.
    pub recipient: Option<String>,
    /// Made after this instant.
    pub after: Option<Timestamp>,
    /// Made before this instant.
    pub before: Option<Timestamp>,
    /// Older ones are past their retention.
    pub retained_from: Timestamp,
}

/// What became of one of a run's messages.
#[derive(Debug, Clone)]
pub struct RunEvent {
    /// Ref of the step that made the message.
    pub step: String,
    /// The message's event.
    pub event: EventRow,
}

/// Outcomes shown with one run at the most.
const OUTCOMES_MAX: i64 = 1_000;

/// The lowest id of a run that was accepted at this instant.
fn floor(at: Timestamp) -> Param<'static> {
    let mut bytes = vec![0; 16];
    bytes[..6].copy_from_slice(&at.millis().max(0).to_be_bytes()[2..]);
    Param::Blob(bytes.into())
}

impl Store {
    /// What became of the messages of one recipient run, oldest first: attempts and delivery statuses, no engagement.
    pub async fn delivery_events(
        &self,
        env: EnvId,
        run: Uuid,
        recipient: &str,
    ) -> Result<Vec<RunEvent>, StoreError> {
        // The codes of not_sent, sent, delivered, delivery_attempted, undelivered and bounced.
        let sql = "SELECT m.step, e.message, e.seq, e.type, e.data, e.inserted_at FROM messages m \
                   JOIN message_events e ON e.message = m.id \
                   WHERE m.run = $1 AND m.env = $2 AND m.recipient = $3 AND e.type BETWEEN 3 AND 8 \
                   ORDER BY e.inserted_at, e.message, e.seq LIMIT $4";
        let params = [run.into(), env.into(), recipient.into(), Param::Int(OUTCOMES_MAX)];
        let rows = self.query(Cost::Point, sql, &params).await?;
        rows.into_iter()
            .map(|mut row| {
                let event = EventRow {
                    message: row.ksuid(1)?,
                    seq: row.int(2)?,
                    kind: row.int(3)?,
                    data: row.opt_text(4)?,
                    inserted_at: row.at(5)?,
                };
                Ok(RunEvent { step: row.text(0)?, event })
            })
            .collect()
    }

    /// One page of recipient runs, newest first (S54).
    pub async fn list_recipient_runs(
        &self,
        env: EnvId,
        filter: &RunFilter,
        page: &PageRequest,
    ) -> Result<Page<StoredRun>, StoreError> {
        let (compare, order) = if page.is_backward() { (">", "ASC") } else { ("<", "DESC") };
        // Whichever table has the index of the rarest filter leads; SQLite takes the order as written.
        let by_workflow = filter.workflow.is_some() && filter.recipient.is_none();
        let join = if self.is_shared() { "JOIN" } else { "CROSS JOIN" };
        let (tables, run) = match by_workflow {
            true => (format!("workflow_runs w {join} recipient_runs r"), "w.id"),
            false => (format!("recipient_runs r {join} workflow_runs w"), "r.run"),
        };
        let mut params: Vec<Param<'_>> = vec![env.into()];
        let mut wanted = String::from("r.env = $1");
        let mut and = |condition: &str, value: Param<'static>| {
            params.push(value);
            wanted.push_str(&format!(" AND {condition}").replace("{}", &format!("${}", params.len())));
        };
        // The retention's limit is soft: a day makes no difference to it.
        let oldest = filter.after.map_or(filter.retained_from, |at| at.max(filter.retained_from));
        and(&format!("{run} >= {{}}"), floor(oldest + Micros(-EXPANSION_MAX.0)));
        and("r.inserted_at >= {}", filter.retained_from.into());
        if let Some(after) = filter.after {
            and("r.inserted_at > {}", after.into());
        }
        if let Some(before) = filter.before {
            // Nothing is made before it was accepted; ids never run backwards, though clocks may.
            and(&format!("{run} < {{}}"), floor(before + CLOCK_STEP_MAX));
            and("r.inserted_at < {}", before.into());
        }
        if let Some(recipient) = &filter.recipient {
            and("r.recipient = {}", recipient.clone().into());
        }
        if let Some(workflow) = &filter.workflow {
            and("w.env = $1 AND w.workflow = {}", workflow.clone().into());
        }
        if let Some(tenant) = &filter.tenant {
            and("w.tenant = {}", tenant.clone().into());
        }
        if let Some(key) = page.key() {
            let (last, recipient) =
                key.split_at_checked(16).ok_or_else(|| StoreError::corrupt("a short cursor"))?;
            and(&format!("{run} {compare}= {{}}"), Param::Blob(last.to_vec().into()));
            params.push(String::from_utf8_lossy(recipient).into_owned().into());
            let place = params.len();
            wanted.push_str(&format!(" AND ({run}, r.recipient) {compare} (${}, ${place})", place - 1));
        }
        match filter.has_errors {
            Some(true) => wanted.push_str(" AND r.error_count > 0"),
            Some(false) => wanted.push_str(" AND r.error_count = 0"),
            None => {}
        }
        if !filter.statuses.is_empty() {
            let codes: Vec<String> =
                filter.statuses.iter().map(|status| (*status as i64).to_string()).collect();
            wanted.push_str(&format!(" AND r.status IN ({})", codes.join(", ")));
        }
        params.push(Param::Int(page.size as i64 + 1));
        let limit = params.len();
        let sql = format!(
            "SELECT {RUN_COLUMNS}, {STORED_COLUMNS} FROM {tables} ON w.id = r.run WHERE {wanted} \
             ORDER BY {run} {order}, r.recipient {order} LIMIT ${limit}"
        );
        let rows = self.query(Cost::Scan, &sql, &params).await?;
        let rows = rows.into_iter().map(stored_run).collect::<Result<Vec<_>, _>>()?;
        Ok(page.page(rows, |stored| {
            let mut key = stored.run.id.as_bytes().to_vec();
            key.extend_from_slice(stored.recipient_run.recipient.as_bytes());
            key
        }))
    }
}
