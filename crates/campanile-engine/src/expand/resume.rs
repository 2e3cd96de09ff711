//! Going on with a run whose timer fell due.

use std::collections::HashMap;
use std::sync::Arc;

use campanile_core::recipient::{RecipientRef, TENANTS};
use campanile_core::time::Timestamp;
use campanile_store::{Claim, Outcome, RecipientRow, RunRow, RunUpdate, StoreError, StoredRun, Unit};
use campanile_template::Loaded;
use serde_json::{Value, json};

use super::activate::{Facts, activate, overloaded, state_text, stopped};
use super::context::needs_channel_data;
use crate::engine::Engine;
use crate::fan_out::Parents;
use crate::interpreter::Statuses;
use crate::state::{RunLog, RunState};
use crate::stored_data::ROUNDS_MAX;

impl Engine {
    /// Goes on with a run whose job fell due.
    pub(crate) async fn resume(
        &self,
        claim: Claim,
        stored: StoredRun,
        now: Timestamp,
    ) -> Result<Outcome, StoreError> {
        let run = Arc::new(stored.run);
        let row = stored.recipient_run;
        let mut unit = Unit::finishing(claim);
        if row.status.is_final() {
            return self.commit_and_perform(unit).await;
        }
        let state: RunState = serde_json::from_str(&row.state).unwrap_or_default();
        let log = RunLog::resume(row.log, row.error_count);
        // A broadcast is nothing that could be switched off or archived.
        let is_active = match run.flags & RunRow::BROADCAST {
            0 => self.published(run.env, &run.workflow).await?.map(|published| published.active),
            _ => Some(true),
        };
        let program = self.program(run.env, run.version).await?;
        let people = self.people_of(&run, &row.recipient, &state).await?;
        let parents = Parents::of(state.via.as_deref().into_iter(), &people);
        let recipient = people.get(&row.recipient);
        let activation = match (is_active, program, recipient) {
            (Some(true), Some(program), Some(recipient)) => {
                let data = row.trigger_data.as_ref().or(run.data.as_ref());
                let data: Value =
                    data.map_or_else(|| json!({}), |text| serde_json::from_str(text).unwrap_or_default());
                let context = self.run_context(Arc::clone(&run), program, Arc::new(data), &people).await?;
                let channel_data = match needs_channel_data(&context.program) {
                    true => self.channel_data(run.env, vec![row.recipient.clone()]).await?,
                    false => HashMap::new(),
                };
                let none = HashMap::new();
                let own = channel_data.get(&row.recipient).unwrap_or(&none);
                let found = match context.program.reads_statuses {
                    true => self.store().message_statuses(run.env, &state.message_ids()).await?,
                    false => Vec::new(),
                };
                let statuses = Statuses::of(&state, found.into_iter().map(|m| (m.id, m.status, m.flags)));
                let memberships =
                    self.audiences_of(&context, std::iter::once(row.recipient.as_str())).await?;
                let audiences = memberships.into_values().next().unwrap_or_default();
                let (mut loaded, mut from, mut round) = (Loaded::default(), (state, log), 1);
                loop {
                    let facts = Facts {
                        row: recipient,
                        channel_data: own,
                        audiences: &audiences,
                        parents: &parents,
                        loaded: &loaded,
                    };
                    let (state, log) = from;
                    match activate(&context, facts, None, statuses.clone(), now, state, log) {
                        Ok(activation) => break activation,
                        Err(unloaded) if round == ROUNDS_MAX => break overloaded(now, *unloaded),
                        Err(unloaded) => {
                            self.load(run.env, unloaded.missing, &mut loaded).await?;
                            from = (unloaded.state, unloaded.log);
                            round += 1;
                        }
                    }
                }
            }
            // R2.3, S52: asked at each step, so that reactivating in time saves the run.
            (None, _, _) => stopped(state, log, now, "workflow_archived"),
            (Some(false), ..) => stopped(state, log, now, "workflow_inactive"),
            (_, None, _) => stopped(state, log, now, "workflow_archived"),
            (_, _, None) => stopped(state, log, now, "recipient_deleted"),
        };
        self.count(&activation);
        unit.updates.push(RunUpdate {
            env: run.env,
            run: run.id,
            recipient: row.recipient,
            status: activation.status,
            error_count: activation.log.errors(),
            state: state_text(&activation),
            log: activation.log.into_text(),
            updated_at: now,
        });
        unit.messages = activation.messages;
        unit.short_links = activation.short_links;
        unit.events = activation.events;
        unit.jobs = activation.jobs;
        self.commit_and_perform(unit).await
    }

    /// The recipient of a run, its tenant and the object through which it was reached, by key. Preferences are those of
    /// now, not those of the trigger (preferences.md PF4.4).
    async fn people_of(
        &self,
        run: &RunRow,
        recipient: &str,
        state: &RunState,
    ) -> Result<HashMap<String, RecipientRow>, StoreError> {
        let mut keys = vec![recipient.to_owned()];
        keys.extend(state.via.as_ref().map(|via| via.object.clone()));
        keys.extend(run.tenant.as_deref().map(|id| RecipientRef::object(TENANTS, id).key()));
        keys.sort_unstable();
        keys.dedup();
        self.recipients_by_key(run, keys).await
    }
}
