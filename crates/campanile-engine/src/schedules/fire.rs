//! An occurrence that fell due becomes a run.

use std::collections::HashMap;
use std::sync::Arc;

use campanile_core::ids::derived_run_id;
use campanile_core::recipient::RecipientRef;
use campanile_core::time::Timestamp;
use campanile_core::window::zone_named;
use campanile_store::{Claim, RecipientRow, RunRow, ScheduleFired, ScheduleRow, StoreError, Unit};
use serde_json::Value;
use uuid::Uuid;

use super::{recurrence, tenant_of, zones};
use crate::engine::Engine;
use crate::expand::Pending;
use crate::identify::Identify;
use crate::origin::{Occurrence, Origin};
use crate::programs::Published;
use crate::trigger::TriggerError;

impl Engine {
    /// Fires one occurrence and sets the next. What fell due meanwhile is not made up for: one late run, then on from
    /// now (S46). An occurrence of a workflow that is missing or switched off is lost (R22.12).
    pub(crate) async fn fire_schedule(&self, claim: Claim, now: Timestamp) -> Result<(), StoreError> {
        let id =
            Uuid::from_slice(&claim.target).map_err(|error| StoreError::Corrupt(error.to_string().into()))?;
        let Some(row) = self.store().schedule(claim.env, id).await? else {
            return self.store().commit(Unit::finishing(claim)).await.map(drop);
        };
        let recurrence = recurrence(&row)?;
        let due_at = claim.due_at;
        let known = self.people_of_schedule(&row, now).await?;
        let zone = known
            .get(&row.recipient)
            .map_or_else(|| zones::zone_of(&HashMap::new(), "").to_owned(), zones::zone_in);
        let next_at = recurrence.next(now.max(due_at), &zone_named(&zone));
        let mut unit = match next_at {
            Some(next_at) => Unit::putting_off(claim, next_at, None),
            None => Unit::finishing(claim),
        };
        let mut fired = ScheduleFired { id, last_at: row.last_at, next_at, zone };
        let published = self.published(row.env, &row.workflow).await?.filter(|found| found.active);
        match published.filter(|_| recurrence.may_fire(due_at, now)) {
            Some(published) => {
                fired.last_at = Some(due_at);
                self.start_run(&row, published, &known, due_at, next_at, now, &mut unit).await?;
            }
            None => tracing::debug!(schedule = %id, workflow = row.workflow, "an occurrence made no run"),
        }
        unit.schedules.push(fired);
        self.commit_and_perform(unit).await.map(drop)
    }

    /// Adds the run of an occurrence to the unit. Its id is the occurrence's, so that a firing that is repeated after
    /// a crash finds the marks of its first try. Nobody is reached through subscriptions (R22.11).
    async fn start_run(
        &self,
        row: &ScheduleRow,
        published: Published,
        known: &HashMap<String, RecipientRow>,
        due_at: Timestamp,
        next_at: Option<Timestamp>,
        now: Timestamp,
        unit: &mut Unit,
    ) -> Result<(), StoreError> {
        let origin = Origin::Schedule(Occurrence {
            id: row.id.to_string(),
            last_occurrence_at: row.last_at,
            next_occurrence_at: next_at,
        });
        let data: Arc<Value> = match &row.data {
            Some(text) => Arc::new(serde_json::from_str(text).unwrap_or_default()),
            None => self.empty_data(),
        };
        let run = Arc::new(RunRow {
            id: derived_run_id(due_at, &[row.id.as_bytes(), &due_at.0.to_be_bytes()]),
            env: row.env,
            workflow: row.workflow.clone(),
            version: published.program.version,
            tenant: row.tenant.clone(),
            actor: row.actor.clone(),
            data: row.data.clone(),
            cancellation_key: None,
            flags: 0,
            pending: None,
            origin: origin.stored(),
            inserted_at: now,
        });
        let context = self.run_context(Arc::clone(&run), published.program, data, known).await?;
        let pending = vec![Pending { recipient: row.recipient.clone(), ..Pending::default() }];
        self.expand(&context, pending, known, now, unit).await?;
        drop(context);
        unit.runs.push(Arc::unwrap_or_clone(run));
        Ok(())
    }

    /// Reads recipient, actor and tenant in one query; a tenant that was deleted is made again (R5.8).
    async fn people_of_schedule(
        &self,
        row: &ScheduleRow,
        now: Timestamp,
    ) -> Result<HashMap<String, RecipientRow>, StoreError> {
        let actor = row.actor.as_deref().map(|key| Identify::Reference(RecipientRef::from_key(key)));
        let tenant = tenant_of(row).map(Identify::Reference);
        let keys = vec![row.recipient.clone()];
        match self.known(row.env, &actor, &tenant, Vec::new(), keys, now).await {
            Ok(known) => Ok(known),
            Err(TriggerError::Store(error)) => Err(error),
            // Only inline identifications can be refused, and there are none.
            Err(refused) => Err(StoreError::Corrupt(format!("{refused:?}").into())),
        }
    }
}
