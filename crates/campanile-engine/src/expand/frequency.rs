//! Workflows that a recipient goes through only once (workflows.md R3.10).

use campanile_core::time::Timestamp;
use campanile_core::workflow::TriggerFrequency;
use campanile_store::{RunRow, RunStatus, StoreError};
use serde_json::json;

use super::Started;
use super::context::RunContext;
use crate::engine::Engine;
use crate::interpreter::Activation;
use crate::state::RunState;

const EXCEEDED: &str = "trigger_frequency_exceeded";

impl Engine {
    /// A recipient that had its run ends at the trigger step. The mark is set only after the trigger conditions let
    /// the run pass (S8); what they decided stays in the log.
    pub(super) async fn enforce_frequency(
        &self,
        context: &RunContext,
        started: &mut [Started],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let tenant = match context.program.trigger_frequency {
            _ if context.run.flags & RunRow::REHEARSAL != 0 => return Ok(()),
            TriggerFrequency::EveryTrigger => return Ok(()),
            TriggerFrequency::OncePerRecipient => "",
            TriggerFrequency::OncePerRecipientPerTenant => context.run.tenant.as_deref().unwrap_or_default(),
        };
        let passed = started.iter().filter(|one| one.activation.log.passed_trigger());
        let candidates = passed.map(|one| one.recipient.clone()).collect();
        let (env, key, run) = (context.env, &context.program.key, context.run.id);
        let fresh = self.store().mark_frequency(env, key, tenant, run, candidates).await?;
        let fresh: std::collections::HashSet<String> = fresh.into_iter().collect();
        for one in started {
            let activation = &mut one.activation;
            if activation.log.passed_trigger() && !fresh.contains(&one.recipient) {
                let mut log = std::mem::take(&mut activation.log).until_trigger();
                log.add(now, EXCEEDED, None, &json!({"reason": EXCEEDED}));
                log.add(now, "run_completed", None, &json!({"reason": EXCEEDED}));
                *activation = Activation::without_effects(RunStatus::Completed, RunState::default(), log);
            }
        }
        Ok(())
    }
}
