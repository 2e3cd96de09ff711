//! One activation of one recipient run: the scope it sees is put together, the interpreter runs, and what comes of it
//! is told apart from runs that never get so far.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use campanile_core::ids::{ChannelId, recipient_run_id};
use campanile_core::preference::{PreferenceSet, Sources};
use campanile_core::time::Timestamp;
use campanile_store::{RecipientRow, RunStatus};
use campanile_template::{Load, Loaded, Notes};
use serde_json::{Value, json};

use super::Pending;
use super::context::{RunContext, filterable};
use crate::fan_out::Parents;
use crate::identify::scope_value;
use crate::interpreter::{Activation, Input, Statuses, advance};
use crate::links::RecipientLinks;
use crate::scope::RunScope;
use crate::state::{RunLog, RunState};

/// What is known of the recipient.
#[derive(Clone, Copy)]
pub(super) struct Facts<'f> {
    pub(super) row: &'f RecipientRow,
    /// Its own channel data.
    pub(super) channel_data: &'f HashMap<ChannelId, Value>,
    /// Its audiences under the run's tenant.
    pub(super) audiences: &'f HashSet<String>,
    /// The objects through which the run's recipients were reached.
    pub(super) parents: &'f Parents,
    /// Stored data that templates asked for so far.
    pub(super) loaded: &'f Loaded,
}

/// An activation that needs more stored data: it is void, and done again from the same state.
pub(super) struct Unloaded {
    pub(super) missing: BTreeSet<Load>,
    pub(super) state: RunState,
    pub(super) log: RunLog,
}

/// The first activation; answers the recipient's own trigger data beside it, as it is stored.
pub(super) fn start(
    context: &RunContext,
    one: &mut Pending,
    facts: Facts<'_>,
    now: Timestamp,
) -> (Option<Arc<str>>, Result<Activation, Box<Unloaded>>) {
    // `$trigger_data` merges shallowly over the run's data, for this recipient only (R3.5).
    let own = one.trigger_data.as_ref().map(|own| {
        let mut data = context.shared.data.as_object().cloned().unwrap_or_default();
        data.extend(own.clone());
        Value::Object(data)
    });
    let text = own.as_ref().map(|data| Arc::from(data.to_string()));
    let state = RunState { via: one.via.take().map(Box::new), ..RunState::default() };
    (text, activate(context, facts, own, Statuses::default(), now, state, RunLog::new()))
}

/// Runs the interpreter, unless a template asks for data that is not loaded yet; a panic becomes this run's error and nobody else's.
pub(super) fn activate(
    context: &RunContext,
    facts: Facts<'_>,
    own_data: Option<Value>,
    statuses: Statuses,
    now: Timestamp,
    state: RunState,
    log: RunLog,
) -> Result<Activation, Box<Unloaded>> {
    let (program, row) = (&*context.program, facts.row);
    let own = |text: &Option<String>| text.as_deref().map(PreferenceSet::from_text);
    let (own_default, own_tenant) = (own(&row.sets.default), own(&row.sets.tenant));
    let preferences = Sources {
        recipient: own_default.as_ref(),
        recipient_tenant: own_tenant.as_ref(),
        tenant: context.preferences.tenant.as_ref(),
        environment: context.preferences.environment.as_deref(),
    };
    let recipient = recipient_root(context, facts, &preferences, &state);
    let trigger_data = match &own_data {
        Some(data) => filterable(data),
        None => context.trigger_data.clone(),
    };
    let locale = recipient.get("locale").and_then(Value::as_str);
    let translations = context.translations.as_ref().map(|translations| translations.of(locale));
    let notes = Notes::default();
    let mut scope = RunScope::new(&context.shared, own_data, recipient);
    if program.roots.activities {
        scope = scope.with_activities();
    }
    let id = recipient_run_id(context.run.id, &row.reference.gid());
    let input = Input {
        env: context.env,
        program,
        run: &context.run,
        catalog: &context.catalog,
        recipient: &row.reference,
        recipient_run: id,
        scope,
        channel_data: facts.channel_data,
        tenant_data: &context.tenant_data,
        branded: &context.branded,
        links: RecipientLinks::new(
            &context.links,
            context.env,
            &row.reference,
            row.inserted_at,
            context.offered_links,
        ),
        condition_vars: None,
        audiences: facts.audiences,
        preferences,
        statuses,
        now,
        trigger_data,
        translations: translations.as_deref(),
        loaded: facts.loaded,
        notes: &notes,
        tracker: &context.tracker,
    };
    let (before_state, before_log) = (state.clone(), log.clone());
    let activation = catch_unwind(AssertUnwindSafe(|| advance(input, state, log)));
    let missing = notes.take_missing();
    if !missing.is_empty() {
        return Err(Box::new(Unloaded { missing, state: before_state, log: before_log }));
    }
    Ok(activation.unwrap_or_else(|_| {
        tracing::error!(recipient_run = %id, workflow = %program.key, "the interpreter panicked");
        let mut log = before_log;
        log.error(now, "step_failed", None, &json!({"reason": "internal_error"}));
        log.add(now, "run_halted", None, &json!({"reason": "internal_error"}));
        Activation::without_effects(RunStatus::Completed, before_state, log)
    }))
}

/// The end of a run whose templates ask for ever more stored data.
pub(super) fn overloaded(now: Timestamp, unloaded: Unloaded) -> Activation {
    let Unloaded { state, mut log, .. } = unloaded;
    let why = json!({"reason": "templates ask for more and more stored data"});
    log.error(now, "step_failed", None, &why);
    log.add(now, "run_halted", None, &json!({"reason": "step_failed"}));
    Activation::without_effects(RunStatus::Completed, state, log)
}

/// `recipient` of the scope; nil when nothing in the run looks at it.
fn recipient_root(
    context: &RunContext,
    facts: Facts<'_>,
    preferences: &Sources<'_>,
    state: &RunState,
) -> Value {
    let mut recipient = if context.reads_recipient() { scope_value(facts.row) } else { Value::Null };
    if let Value::Object(members) = &mut recipient {
        if let Some(schedule) = &context.schedule {
            members.insert("schedule".into(), schedule.clone());
        }
        if let Some(via) = &state.via {
            members.insert("subscription".into(), facts.parents.subscription(via));
        }
        if context.program.roots.recipient || context.has_all_roots {
            members.insert("preferences".into(), preferences.resolved());
        }
    }
    recipient
}

/// The run of a recipient that nobody identified (S2).
pub(super) fn missing(now: Timestamp) -> Activation {
    let (mut log, why) = (RunLog::new(), json!({"reason": "recipient_missing"}));
    log.error(now, "recipient_missing", None, &why);
    log.add(now, "run_completed", None, &why);
    Activation::without_effects(RunStatus::Completed, RunState::default(), log)
}

/// A run that something outside of it ends.
pub(super) fn stopped(state: RunState, mut log: RunLog, now: Timestamp, reason: &str) -> Activation {
    log.add(now, "run_cancelled", None, &json!({"reason": reason}));
    Activation::without_effects(RunStatus::Cancelled, state, log)
}

/// The state as it is stored; a run that ended keeps what conditions of others might ask: nothing.
pub(super) fn state_text(activation: &Activation) -> String {
    if activation.state == RunState::default() || activation.status.is_final() {
        return "{}".into();
    }
    serde_json::to_string(&activation.state).unwrap_or_else(|_| "{}".into())
}
