//! Schedules: making, changing and deleting them, and firing their occurrences (workflows.md section 22).
//!
//! A schedule is one row and one job that falls due at its next occurrence. Firing writes the run, the next occurrence
//! and the job's next instant in one guarded unit, so that each occurrence makes one run whatever happens to the node.

mod create;
mod fire;
mod parse;
mod zones;

use std::collections::HashMap;
use std::sync::Arc;

use campanile_core::ids::EnvId;
use campanile_core::problem::{FieldProblem, Problems};
use campanile_core::recipient::{RecipientRef, TENANTS};
use campanile_core::recurrence::{Recurrence, RepeatRule, parse_repeats};
use campanile_core::time::Timestamp;
use campanile_core::window::zone_named;
use campanile_store::{ScheduleRow, StoreError};
use parking_lot::Mutex;
use serde_json::Value;
use uuid::Uuid;

pub(crate) use create::{NewSchedule, create};
pub(crate) use parse::parse_new;
pub use parse::{Timing, parse_new_timing, parse_timing, parse_workflow};
pub(crate) use zones::follow_zones;

use crate::engine::Engine;
use crate::identify::{Identify, Upsert, apply_all};
use crate::trigger::TriggerError;

/// Schedules in one call at the most.
pub const SCHEDULES_MAX: usize = 100;

/// What `POST /v1/schedules` asks for: one schedule for each recipient.
#[derive(Debug)]
pub struct CreateSchedules {
    /// Key of the workflow.
    pub workflow: String,
    /// In order; each gets its own, named twice or not.
    pub recipients: Vec<Identify>,
    /// Who did it.
    pub actor: Option<Identify>,
    /// Under which tenant.
    pub tenant: Option<Identify>,
    /// For each run, JSON.
    pub data: Option<Arc<str>>,
    /// The rules; none for a one-off.
    pub repeats: Vec<RepeatRule>,
    /// Start, or the instant of a one-off.
    pub scheduled_at: Option<Timestamp>,
    /// The end.
    pub ending_at: Option<Timestamp>,
}

/// What `PUT /v1/schedules` changes; `None` leaves a value, `Some(None)` clears it (S47).
#[derive(Debug, Clone, Default)]
pub struct ScheduleChange {
    /// Only by reference.
    pub actor: Option<Option<RecipientRef>>,
    /// The tenant.
    pub tenant: Option<Option<Identify>>,
    /// For each run, JSON.
    pub data: Option<Option<Arc<str>>>,
    /// The rules; none make a one-off.
    pub repeats: Option<Vec<RepeatRule>>,
    /// Start, or the instant of a one-off.
    pub scheduled_at: Option<Option<Timestamp>>,
    /// The end.
    pub ending_at: Option<Option<Timestamp>>,
}

/// When a stored schedule fires.
pub(crate) fn recurrence(row: &ScheduleRow) -> Result<Recurrence, StoreError> {
    let mut problems = Problems::default();
    let stored: Value =
        serde_json::from_str(&row.repeats).map_err(|error| StoreError::Corrupt(error.to_string().into()))?;
    Ok(Recurrence {
        rules: parse_repeats(Some(&stored), "repeats", &mut problems),
        scheduled_at: row.scheduled_at,
        ending_at: row.ending_at,
        created_at: row.inserted_at,
    })
}

fn repeats_text(rules: &[RepeatRule]) -> String {
    Value::Array(rules.iter().map(RepeatRule::to_json).collect()).to_string()
}

impl Engine {
    /// Makes a schedule for each recipient; answered when they are durable.
    pub async fn create_schedules(
        &self,
        env: EnvId,
        wanted: CreateSchedules,
    ) -> Result<Vec<ScheduleRow>, TriggerError> {
        let now = self.clock().now();
        let refused = Arc::new(Mutex::new(None));
        let refusal = Arc::clone(&refused);
        let written = self
            .store()
            .transact(move |tx| {
                Box::pin(async move {
                    let rows = wanted.recipients.into_iter().enumerate().map(|(n, recipient)| NewSchedule {
                        workflow: wanted.workflow.clone(),
                        recipient,
                        // Written once is written.
                        actor: wanted.actor.as_ref().map(|actor| named(actor, n)),
                        tenant: wanted.tenant.as_ref().map(|tenant| named(tenant, n)),
                        data: wanted.data.clone(),
                        repeats: wanted.repeats.clone(),
                        scheduled_at: wanted.scheduled_at,
                        ending_at: wanted.ending_at,
                    });
                    let made = create(tx, env, rows.collect(), now).await?;
                    made.into_iter().collect::<Result<Vec<_>, _>>().map_err(|refusal| {
                        *refused.lock() = Some(refusal);
                        // An error undoes what was written before it: one refusal refuses the request.
                        StoreError::Conflict("a schedule was refused".into())
                    })
                })
            })
            .await;
        if let Some(refusal) = refusal.lock().take() {
            return Err(refusal.into());
        }
        self.wake();
        Ok(written?)
    }

    /// Changes schedules, all of them in the same way; unknown ids are left out of the answer. The occurrence ahead is
    /// computed anew when what it depends on changed.
    pub async fn update_schedules(
        &self,
        env: EnvId,
        ids: Vec<Uuid>,
        change: ScheduleChange,
    ) -> Result<Vec<ScheduleRow>, TriggerError> {
        let now = self.clock().now();
        let refused = Arc::new(Mutex::new(None));
        let refusal = Arc::clone(&refused);
        let written = self
            .store()
            .transact(move |tx| {
                Box::pin(async move {
                    let refuse = |problem: TriggerError| {
                        *refused.lock() = Some(problem);
                        StoreError::Conflict("a change of schedules was refused".into())
                    };
                    match change.tenant.as_ref().and_then(Option::as_ref) {
                        Some(Identify::Upsert(upsert)) => {
                            let upsert: Upsert = (**upsert).clone();
                            let written = apply_all(tx, env, vec![upsert], now).await?;
                            if let Some(Err(problem)) = written.into_iter().next() {
                                let problem = FieldProblem { field: "tenant".into(), ..problem };
                                return Err(refuse(TriggerError::Invalid(vec![problem])));
                            }
                        }
                        Some(Identify::Reference(tenant)) => tx.touch_recipient(env, tenant, now).await?,
                        None => {}
                    }
                    let mut rows = tx.take_schedules(env, &ids).await?;
                    let mut keys: Vec<String> = rows.iter().map(|row| row.recipient.clone()).collect();
                    let actor = change.actor.as_ref().and_then(Option::as_ref).map(RecipientRef::key);
                    keys.extend(actor.clone());
                    let known = zones::known(tx, env, keys).await?;
                    if actor.is_some_and(|actor| !known.contains_key(&actor)) {
                        return Err(refuse(TriggerError::ActorMissing));
                    }
                    for row in &mut rows {
                        if let Err(problem) = apply_change(row, &change, &known, now)? {
                            return Err(refuse(TriggerError::Invalid(vec![problem])));
                        }
                    }
                    tx.save_schedules(&rows).await?;
                    Ok(in_order(&ids, rows))
                })
            })
            .await;
        if let Some(refusal) = refusal.lock().take() {
            return Err(refusal);
        }
        self.wake();
        Ok(written?)
    }

    /// Deletes schedules and answers them; unknown ids are left out. An occurrence that has not fired never will.
    pub async fn delete_schedules(&self, env: EnvId, ids: Vec<Uuid>) -> Result<Vec<ScheduleRow>, StoreError> {
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    let rows = tx.take_schedules(env, &ids).await?;
                    tx.delete_schedules(env, &ids).await?;
                    Ok(in_order(&ids, rows))
                })
            })
            .await
    }
}

/// The same person for the rows after the first, who has been written by then.
fn named(one: &Identify, row: usize) -> Identify {
    if row == 0 { one.clone() } else { Identify::Reference(one.reference().clone()) }
}

fn in_order(ids: &[Uuid], rows: Vec<ScheduleRow>) -> Vec<ScheduleRow> {
    let mut rows: HashMap<Uuid, ScheduleRow> = rows.into_iter().map(|row| (row.id, row)).collect();
    ids.iter().filter_map(|id| rows.remove(id)).collect()
}

fn apply_change(
    row: &mut ScheduleRow,
    change: &ScheduleChange,
    known: &HashMap<String, String>,
    now: Timestamp,
) -> Result<Result<(), FieldProblem>, StoreError> {
    let before = recurrence(row)?;
    if let Some(actor) = &change.actor {
        row.actor = actor.as_ref().map(RecipientRef::key);
    }
    if let Some(tenant) = &change.tenant {
        row.tenant = tenant.as_ref().map(|tenant| tenant.reference().id.clone());
    }
    if let Some(data) = &change.data {
        row.data.clone_from(data);
    }
    if let Some(rules) = &change.repeats {
        row.repeats = repeats_text(rules);
    }
    if let Some(scheduled_at) = change.scheduled_at {
        row.scheduled_at = scheduled_at;
    }
    if let Some(ending_at) = change.ending_at {
        row.ending_at = ending_at;
    }
    row.updated_at = now;
    let after = recurrence(row)?;
    if after.rules.is_empty() && after.scheduled_at.is_none() {
        return Ok(Err(FieldProblem::new("scheduled_at", "can't be blank without repeats")));
    }
    if after != before {
        zones::zone_of(known, &row.recipient).clone_into(&mut row.zone);
        // Changing something else about a one-off does not fire it again.
        let is_over =
            after.rules.is_empty() && after.scheduled_at == before.scheduled_at && row.last_at.is_some();
        row.next_at = if is_over { None } else { after.first(now, &zone_named(&row.zone)) };
    }
    Ok(Ok(()))
}

/// The tenant of a stored schedule.
fn tenant_of(row: &ScheduleRow) -> Option<RecipientRef> {
    row.tenant.as_deref().map(|id| RecipientRef::object(TENANTS, id))
}
