//! Making schedules inside a transaction: what requests and bulk operations have in common.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use campanile_core::ids::{EnvId, new_run_id};
use campanile_core::problem::FieldProblem;
use campanile_core::recipient::RecipientRef;
use campanile_core::recurrence::{Recurrence, RepeatRule};
use campanile_core::time::Timestamp;
use campanile_core::window::zone_named;
use campanile_store::{ScheduleRow, StoreError, Tx};

use super::{repeats_text, zones};
use crate::identify::{Identify, Upsert, apply_all};
use crate::trigger::TriggerError;

/// A schedule to make. Its shape was checked.
#[derive(Debug)]
pub(crate) struct NewSchedule {
    pub(crate) workflow: String,
    pub(crate) recipient: Identify,
    pub(crate) actor: Option<Identify>,
    pub(crate) tenant: Option<Identify>,
    pub(crate) data: Option<Arc<str>>,
    pub(crate) repeats: Vec<RepeatRule>,
    pub(crate) scheduled_at: Option<Timestamp>,
    pub(crate) ending_at: Option<Timestamp>,
}

/// Why a schedule was not made.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// Never committed, archived or unknown.
    WorkflowMissing,
    /// The actor was never identified.
    ActorMissing,
    /// An inline identification would make somebody too large.
    TooLarge(FieldProblem),
}

impl From<Refusal> for TriggerError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::WorkflowMissing => Self::WorkflowMissing,
            Refusal::ActorMissing => Self::ActorMissing,
            Refusal::TooLarge(problem) => Self::Invalid(vec![problem]),
        }
    }
}

/// Writes what is identified inline, then the schedules; each row is made or refused on its own.
pub(crate) async fn create(
    tx: &mut Tx<'_>,
    env: EnvId,
    new: Vec<NewSchedule>,
    now: Timestamp,
) -> Result<Vec<Result<ScheduleRow, Refusal>>, StoreError> {
    let workflows: BTreeSet<&str> = new.iter().map(|one| one.workflow.as_str()).collect();
    let workflows: HashSet<String> =
        tx.published_workflows(env, workflows.into_iter().map(str::to_owned).collect()).await?;
    let mut refusals: Vec<Option<Refusal>> = new
        .iter()
        .map(|one| (!workflows.contains(&one.workflow)).then_some(Refusal::WorkflowMissing))
        .collect();
    identify(tx, env, &new, &mut refusals, now).await?;
    let keys: BTreeSet<String> = new
        .iter()
        .flat_map(|one| std::iter::once(&one.recipient).chain(&one.actor))
        .map(|one| one.reference().key())
        .collect();
    let known = zones::known(tx, env, keys.into_iter().collect()).await?;
    let mut made = Vec::with_capacity(new.len());
    let mut results = Vec::with_capacity(new.len());
    for (one, refusal) in new.into_iter().zip(refusals) {
        let actor = one.actor.as_ref().map(|actor| actor.reference().key());
        let actor_missing = actor.as_ref().is_some_and(|key| !known.contains_key(key));
        match refusal.or(actor_missing.then_some(Refusal::ActorMissing)) {
            Some(refusal) => results.push(Err(refusal)),
            None => {
                let row = schedule(env, one, actor, &known, now);
                made.push(row.clone());
                results.push(Ok(row));
            }
        }
    }
    tx.save_schedules(&made).await?;
    Ok(results)
}

fn schedule(
    env: EnvId,
    new: NewSchedule,
    actor: Option<String>,
    known: &HashMap<String, String>,
    now: Timestamp,
) -> ScheduleRow {
    let recipient = new.recipient.reference().key();
    let zone = zones::zone_of(known, &recipient).to_owned();
    let repeats = repeats_text(&new.repeats);
    let recurrence = Recurrence {
        rules: new.repeats,
        scheduled_at: new.scheduled_at,
        ending_at: new.ending_at,
        created_at: now,
    };
    ScheduleRow {
        id: new_run_id(now),
        env,
        workflow: new.workflow,
        recipient,
        tenant: new.tenant.map(|tenant| tenant.reference().id.clone()),
        actor,
        data: new.data,
        repeats,
        next_at: recurrence.first(now, &zone_named(&zone)),
        zone,
        scheduled_at: new.scheduled_at,
        ending_at: new.ending_at,
        last_at: None,
        inserted_at: now,
        updated_at: now,
    }
}

/// Writes recipients, actors and tenants that are named with what is to be known about them; tenants that are only
/// named are made empty (R5.8).
async fn identify(
    tx: &mut Tx<'_>,
    env: EnvId,
    new: &[NewSchedule],
    refusals: &mut [Option<Refusal>],
    now: Timestamp,
) -> Result<(), StoreError> {
    let mut upserts: Vec<Upsert> = Vec::new();
    let mut places = Vec::new();
    let mut tenants: BTreeSet<RecipientRef> = BTreeSet::new();
    for (n, one) in new.iter().enumerate().filter(|(n, _)| refusals[*n].is_none()) {
        let fields = [
            (Some(&one.recipient), format!("recipients[{n}]")),
            (one.actor.as_ref(), "actor".to_owned()),
            (one.tenant.as_ref(), "tenant".to_owned()),
        ];
        for (who, field) in fields {
            if let Some(Identify::Upsert(upsert)) = who {
                upserts.push((**upsert).clone());
                places.push((n, field));
            }
        }
        if let Some(Identify::Reference(tenant)) = &one.tenant {
            tenants.insert(tenant.clone());
        }
    }
    let written = apply_all(tx, env, upserts, now).await?;
    for ((n, field), written) in places.into_iter().zip(written) {
        if let Err(problem) = written {
            refusals[n].get_or_insert(Refusal::TooLarge(FieldProblem { field, ..problem }));
        }
    }
    for tenant in &tenants {
        tx.touch_recipient(env, tenant, now).await?;
    }
    Ok(())
}
