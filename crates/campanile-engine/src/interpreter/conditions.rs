//! Conditions of a run: the scope they read, and what became of earlier channel steps.

use std::collections::HashMap;

use campanile_core::condition::{ConditionGroup, Context, MessageStatus, StepOutcome, StepStatuses, Verdict};
use campanile_core::ids::Ksuid;
use campanile_core::message::{DeliveryStatus, EngagementSet};
use campanile_template::Template;

use super::Input;
use crate::state::RunState;

/// Statuses of the run's messages at the instant of the activation (R7.10).
#[derive(Debug, Clone, Default)]
pub(crate) struct Statuses {
    steps: HashMap<String, Vec<Ksuid>>,
    messages: HashMap<Ksuid, MessageStatus>,
}

impl Statuses {
    /// The statuses of a run that was resumed; messages that are missing are past retention.
    pub(crate) fn of(state: &RunState, found: impl IntoIterator<Item = (Ksuid, i64, i64)>) -> Self {
        let steps = state
            .steps
            .iter()
            .map(|step| (step.step.clone(), step.messages.iter().filter_map(|id| id.parse().ok()).collect()))
            .collect();
        let messages = found
            .into_iter()
            .map(|(id, status, flags)| {
                let delivery = DeliveryStatus::from_code(status).unwrap_or(DeliveryStatus::Queued);
                (id, MessageStatus { delivery, engagement: EngagementSet::from_bits(flags) })
            })
            .collect();
        Self { steps, messages }
    }

    /// Adds a message that this activation made.
    pub(super) fn add(&mut self, id: Ksuid, delivery: DeliveryStatus) {
        self.messages.insert(id, MessageStatus { delivery, engagement: EngagementSet::EMPTY });
    }

    /// Notes the messages of a step.
    pub(super) fn note(&mut self, step: &str, ids: &[Ksuid]) {
        self.steps.insert(step.to_owned(), ids.to_vec());
    }
}

impl StepStatuses for Statuses {
    fn outcome(&self, step_ref: &str) -> StepOutcome {
        let Some(ids) = self.steps.get(step_ref).filter(|ids| !ids.is_empty()) else {
            return StepOutcome::Skipped;
        };
        let found: Vec<MessageStatus> = ids.iter().filter_map(|id| self.messages.get(id).copied()).collect();
        if found.is_empty() { StepOutcome::Expired } else { StepOutcome::Messages(found) }
    }
}

/// Decides a group and says why.
pub(super) fn evaluate(group: &ConditionGroup, input: &Input<'_>) -> Verdict {
    let options = input.options();
    let render =
        |text: &str| Template::parse(text).and_then(|template| template.render(&input.scope, &options)).ok();
    group.evaluate(&context(input, &render))
}

/// What every condition of this run can ask.
pub(super) fn context<'a>(input: &'a Input<'_>, render: &'a dyn Fn(&str) -> Option<String>) -> Context<'a> {
    Context {
        scope: &input.scope,
        now: input.now,
        steps: &input.statuses,
        audiences: input.audiences,
        render,
    }
}
