//! From a workflow run to recipient runs: what the recipients share is built once, the rest per recipient, without a
//! query in the loop.

use std::collections::{HashMap, HashSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use campanile_core::ids::{ChannelId, EnvId, recipient_run_id};
use campanile_core::preference::{PreferenceSet, Sources};
use campanile_core::recipient::{RecipientRef, TENANTS};
use campanile_core::time::Timestamp;
use campanile_core::workflow::{ChannelType, TriggerFrequency};
use campanile_store::{
    Claim, Outcome, RecipientRow, RecipientRunRow, RunRow, RunStatus, StoreError, StoredRun, Unit,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::catalog::Catalog;
use crate::engine::Engine;
use crate::fan_out::{Parents, Via};
use crate::identify::{scope_value, tenant_default};
use crate::interpreter::{Activation, Input, Statuses, advance};
use crate::origin::Origin;
use crate::program::{OpKind, Program, Roots};
use crate::scope::{RunScope, SharedRoots, workflow_root};
use crate::state::{RunLog, RunState};

/// Recipients in one transaction, when a run is expanded in pieces.
pub(crate) const CHUNK: usize = 250;
/// Characters kept of a text in the filterable copy of the data (api-conventions.md A12.1).
const TRIGGER_TEXT_CHARS_MAX: usize = 256;

/// A recipient that has no run yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// Key of the recipient.
    #[serde(rename = "r")]
    pub(crate) recipient: String,
    /// Its own trigger data, merged over the run's for it alone.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub(crate) trigger_data: Option<Map<String, Value>>,
    /// How it was reached, when the trigger does not name it itself; such entries are never stored.
    #[serde(skip)]
    pub(crate) via: Option<Via>,
}

/// What all recipients of a run share.
pub(crate) struct RunContext {
    pub(crate) env: EnvId,
    pub(crate) run: Arc<RunRow>,
    pub(crate) program: Arc<Program>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) shared: SharedRoots,
    pub(crate) trigger_data: Option<String>,
    pub(crate) tenant_data: HashMap<ChannelId, Value>,
    /// `recipient.schedule` of a scheduled run.
    pub(crate) schedule: Option<Value>,
    pub(crate) preferences: SharedPreferences,
    /// Every root was built, because conditions of preferences may read any.
    pub(crate) has_all_roots: bool,
}

impl RunContext {
    /// Whether anything in the run looks at the recipient.
    fn reads_recipient(&self) -> bool {
        self.has_all_roots || self.program.reads_recipient()
    }
}

/// The preferences that all recipients of a run share.
#[derive(Debug, Default)]
pub(crate) struct SharedPreferences {
    environment: Option<Arc<PreferenceSet>>,
    tenant: Option<PreferenceSet>,
}

impl SharedPreferences {
    fn of(catalog: &Catalog, env: EnvId, tenant: Option<&RecipientRow>) -> Self {
        Self {
            environment: catalog.preference_default(env).cloned(),
            tenant: tenant.and_then(tenant_default).map(PreferenceSet::shared),
        }
    }

    fn have_conditions(&self) -> bool {
        [self.environment.as_deref(), self.tenant.as_ref()]
            .into_iter()
            .flatten()
            .any(PreferenceSet::has_conditions)
    }
}

/// True when preferences of one of these recipients may read anything of the run.
pub(crate) fn own_have_conditions(known: &HashMap<String, RecipientRow>) -> bool {
    known.values().any(|row| row.sets.may_have_conditions())
}

/// Top-level scalars, texts cut: what lists and feeds can be filtered by.
pub(crate) fn filterable(data: &Value) -> Option<String> {
    let map = data.as_object().filter(|map| !map.is_empty())?;
    let kept: Map<String, Value> = map
        .iter()
        .filter_map(|(key, value)| match value {
            Value::Object(_) | Value::Array(_) => None,
            // JSONB cannot hold NUL characters.
            Value::String(text) => {
                let text: String = text.chars().filter(|c| *c != '\0').take(TRIGGER_TEXT_CHARS_MAX).collect();
                Some((key.replace('\0', ""), text.into()))
            }
            other => Some((key.replace('\0', ""), other.clone())),
        })
        .collect();
    (!kept.is_empty()).then(|| Value::Object(kept).to_string())
}

fn needs_channel_data(program: &Program) -> bool {
    program.ops.iter().any(|op| {
        matches!(&op.kind, OpKind::Channel(c) if matches!(c.channel_type, ChannelType::Push | ChannelType::Chat))
    })
}

impl Engine {
    /// Reads what the recipients of a run share. `known` holds recipients that were read already.
    pub(crate) async fn run_context(
        &self,
        run: Arc<RunRow>,
        program: Arc<Program>,
        data: Arc<Value>,
        known: &HashMap<String, RecipientRow>,
    ) -> Result<RunContext, StoreError> {
        let catalog = self.catalog();
        let tenant_key = run.tenant.as_deref().map(|id| RecipientRef::object(TENANTS, id).key());
        let tenant_row = match &tenant_key {
            Some(key) => self.row_of(run.env, key, known).await?,
            None => None,
        };
        let preferences = SharedPreferences::of(&catalog, run.env, tenant_row.as_ref());
        let has_all_roots = preferences.have_conditions() || own_have_conditions(known);
        let roots = if has_all_roots { Roots::ALL } else { program.roots };
        let actor = match &run.actor {
            Some(key) if roots.actor => self.row_of(run.env, key, known).await?.as_ref().map(scope_value),
            _ => None,
        };
        let tenant = tenant_row.as_ref().filter(|_| roots.tenant).map(scope_value);
        let tenant_data = match tenant_key {
            Some(key) if needs_channel_data(&program) => {
                self.channel_data(run.env, vec![key]).await?.into_values().next().unwrap_or_default()
            }
            _ => HashMap::new(),
        };
        let shared = SharedRoots {
            actor: actor.map(Arc::new),
            tenant: tenant.map(Arc::new),
            workflow: match roots.workflow {
                true => workflow_root(&program, run.cancellation_key.as_deref()),
                false => Value::Null,
            },
            vars: json!({}),
            timestamp: Value::String(run.inserted_at.to_string()),
            data: Arc::clone(&data),
        };
        Ok(RunContext {
            env: run.env,
            trigger_data: filterable(&data),
            schedule: Origin::schedule_scope(&run),
            catalog,
            shared,
            tenant_data,
            preferences,
            has_all_roots,
            program,
            run,
        })
    }

    async fn row_of(
        &self,
        env: EnvId,
        key: &str,
        known: &HashMap<String, RecipientRow>,
    ) -> Result<Option<RecipientRow>, StoreError> {
        match known.get(key) {
            Some(row) => Ok(Some(row.clone())),
            None => self.store().recipient(env, &RecipientRef::from_key(key)).await,
        }
    }

    async fn channel_data(
        &self,
        env: EnvId,
        keys: Vec<String>,
    ) -> Result<HashMap<String, HashMap<ChannelId, Value>>, StoreError> {
        let mut found: HashMap<String, HashMap<ChannelId, Value>> = HashMap::new();
        for row in self.store().channel_data_of(env, keys).await? {
            let value = serde_json::from_str(&row.data).unwrap_or_default();
            found.entry(row.recipient).or_default().insert(row.channel, value);
        }
        Ok(found)
    }

    /// Recipients by key, with the preferences that this run asks.
    pub(crate) async fn recipients_by_key(
        &self,
        run: &RunRow,
        keys: Vec<String>,
    ) -> Result<HashMap<String, RecipientRow>, StoreError> {
        let rows = self.store().recipients_of_run(run.env, keys, run.tenant.as_deref()).await?;
        Ok(rows.into_iter().map(|row| (row.reference.key(), row)).collect())
    }

    /// Makes the recipient runs of `pending` and everything they do before they end or wait.
    pub(crate) async fn expand(
        &self,
        context: &RunContext,
        pending: Vec<Pending>,
        rows: &HashMap<String, RecipientRow>,
        now: Timestamp,
        unit: &mut Unit,
    ) -> Result<(), StoreError> {
        let channel_data = if needs_channel_data(&context.program) {
            self.channel_data(context.env, pending.iter().map(|p| p.recipient.clone()).collect()).await?
        } else {
            HashMap::new()
        };
        let none = HashMap::new();
        let parents = match context.reads_recipient() {
            true => Parents::of(pending.iter().filter_map(|p| p.via.as_ref()), rows),
            false => Parents::default(),
        };
        let memberships = self.audiences_of(context, pending.iter().map(|p| p.recipient.as_str())).await?;
        let no_audiences = HashSet::new();
        let mut done = Vec::with_capacity(pending.len());
        for mut one in pending {
            let data = channel_data.get(&one.recipient).unwrap_or(&none);
            let audiences = memberships.get(&one.recipient).unwrap_or(&no_audiences);
            let row = rows.get(&one.recipient);
            let (trigger_data, activation) = start(context, &mut one, row, data, audiences, &parents, now);
            done.push((one, trigger_data, activation));
        }
        self.enforce_frequency(context, &mut done, now).await?;
        self.metrics().recipient_runs.inc_by(done.len() as u64);
        for (one, trigger_data, activation) in done {
            let reference = RecipientRef::from_key(&one.recipient);
            self.count(&activation);
            unit.recipient_runs.push(RecipientRunRow {
                env: context.env,
                run: context.run.id,
                id: recipient_run_id(context.run.id, &reference.gid()),
                recipient: one.recipient,
                status: activation.status,
                error_count: activation.log.errors(),
                state: state_text(&activation),
                log: activation.log.into_text(),
                trigger_data,
                inserted_at: now,
            });
            unit.messages.extend(activation.messages);
            unit.events.extend(activation.events);
            unit.jobs.extend(activation.jobs);
        }
        Ok(())
    }

    /// The audiences of a run's recipients, by key, for programs that ask (workflows.md R23.7).
    async fn audiences_of(
        &self,
        context: &RunContext,
        recipients: impl Iterator<Item = &str>,
    ) -> Result<HashMap<String, HashSet<String>>, StoreError> {
        if !context.program.asks_audiences {
            return Ok(HashMap::new());
        }
        let users = recipients.map(str::to_owned).collect();
        self.audiences_under(context.env, users, context.run.tenant.as_deref()).await
    }

    fn count(&self, activation: &Activation) {
        for kind in &activation.made {
            self.metrics().messages_made(kind, 1);
            if *kind == ChannelType::InAppFeed.as_str() {
                self.metrics().messages_delivered.inc();
            }
        }
    }

    /// R3.10: a recipient that had its run ends at the trigger step. The mark is set only after the trigger
    /// conditions let the run pass (S8).
    async fn enforce_frequency(
        &self,
        context: &RunContext,
        done: &mut [(Pending, Option<Arc<str>>, Activation)],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let tenant = match context.program.trigger_frequency {
            _ if context.run.flags & RunRow::REHEARSAL != 0 => return Ok(()),
            TriggerFrequency::EveryTrigger => return Ok(()),
            TriggerFrequency::OncePerRecipient => "",
            TriggerFrequency::OncePerRecipientPerTenant => context.run.tenant.as_deref().unwrap_or_default(),
        };
        // A run whose first step waits has passed the trigger too.
        let passed = |activation: &Activation| {
            activation.state.at > 0
                || !activation.messages.is_empty()
                || activation.status != RunStatus::Completed
        };
        let candidates =
            done.iter().filter(|(_, _, a)| passed(a)).map(|(one, _, _)| one.recipient.clone()).collect();
        let fresh = self
            .store()
            .mark_frequency(context.env, &context.program.key, tenant, context.run.id, candidates)
            .await?;
        for (one, _, activation) in done {
            if passed(activation) && !fresh.contains(&one.recipient) {
                *activation = ended(now, "trigger_frequency_exceeded", false);
            }
        }
        Ok(())
    }

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
        let reference = RecipientRef::from_key(&row.recipient);
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
                interpret(
                    &context, &reference, recipient, None, own, &audiences, &parents, statuses, now, state,
                    log,
                )
            }
            // R2.3, S52: asked at each step, so that reactivating in time saves the run.
            (None, _, _) => stopped(state, log, now, "workflow_archived"),
            (Some(false), ..) => stopped(state, log, now, "workflow_inactive"),
            (_, None, _) => stopped(state, log, now, "workflow_archived"),
            (_, _, None) => stopped(state, log, now, "recipient_deleted"),
        };
        self.count(&activation);
        unit.updates.push(campanile_store::RunUpdate {
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
        unit.events = activation.events;
        unit.jobs = activation.jobs;
        self.commit_and_perform(unit).await
    }
}

impl Engine {
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

/// The state as it is stored; a run that ended keeps what conditions of others might ask: nothing.
fn state_text(activation: &Activation) -> String {
    if activation.state == RunState::default() || activation.status.is_final() {
        return "{}".into();
    }
    serde_json::to_string(&activation.state).unwrap_or_else(|_| "{}".into())
}

fn ended(now: Timestamp, event: &str, is_error: bool) -> Activation {
    let mut log = RunLog::new();
    if is_error {
        log.error(now, event, None, &json!({"reason": event}));
    } else {
        log.add(now, event, None, &json!({"reason": event}));
    }
    log.add(now, "run_completed", None, &json!({"reason": event}));
    activation(RunStatus::Completed, RunState::default(), log)
}

fn stopped(state: RunState, mut log: RunLog, now: Timestamp, reason: &str) -> Activation {
    log.add(now, "run_cancelled", None, &json!({"reason": reason}));
    activation(RunStatus::Cancelled, state, log)
}

fn activation(status: RunStatus, state: RunState, log: RunLog) -> Activation {
    Activation {
        status,
        state,
        log,
        messages: Vec::new(),
        events: Vec::new(),
        jobs: Vec::new(),
        made: Vec::new(),
    }
}

/// The first activation of one recipient.
fn start(
    context: &RunContext,
    one: &mut Pending,
    row: Option<&RecipientRow>,
    channel_data: &HashMap<ChannelId, Value>,
    audiences: &HashSet<String>,
    parents: &Parents,
    now: Timestamp,
) -> (Option<Arc<str>>, Activation) {
    let Some(row) = row else { return (None, ended(now, "recipient_missing", true)) };
    // `$trigger_data` merges shallowly over the run's data, for this recipient only (R3.5).
    let own = one.trigger_data.as_ref().map(|own| {
        let mut data = context.shared.data.as_object().cloned().unwrap_or_default();
        data.extend(own.clone());
        Value::Object(data)
    });
    let text = own.as_ref().map(|data| Arc::from(data.to_string()));
    let activation = interpret(
        context,
        &row.reference,
        row,
        own,
        channel_data,
        audiences,
        parents,
        Statuses::default(),
        now,
        RunState { via: one.via.take().map(Box::new), ..RunState::default() },
        RunLog::new(),
    );
    (text, activation)
}

/// Runs the interpreter; a panic becomes this run's error and nobody else's.
fn interpret(
    context: &RunContext,
    reference: &RecipientRef,
    row: &RecipientRow,
    own_data: Option<Value>,
    channel_data: &HashMap<ChannelId, Value>,
    audiences: &HashSet<String>,
    parents: &Parents,
    statuses: Statuses,
    now: Timestamp,
    state: RunState,
    log: RunLog,
) -> Activation {
    let program = &*context.program;
    let own = |text: &Option<String>| text.as_deref().map(PreferenceSet::from_text);
    let (own_default, own_tenant) = (own(&row.sets.default), own(&row.sets.tenant));
    let preferences = Sources {
        recipient: own_default.as_ref(),
        recipient_tenant: own_tenant.as_ref(),
        tenant: context.preferences.tenant.as_ref(),
        environment: context.preferences.environment.as_deref(),
    };
    let mut recipient = if context.reads_recipient() { scope_value(row) } else { Value::Null };
    if let Value::Object(members) = &mut recipient {
        if let Some(schedule) = &context.schedule {
            members.insert("schedule".into(), schedule.clone());
        }
        if let Some(via) = &state.via {
            members.insert("subscription".into(), parents.subscription(via));
        }
        if program.roots.recipient || context.has_all_roots {
            members.insert("preferences".into(), preferences.resolved());
        }
    }
    let trigger_data = match &own_data {
        Some(data) => filterable(data),
        None => context.trigger_data.clone(),
    };
    let mut scope = RunScope::new(&context.shared, own_data, recipient);
    if program.roots.activities {
        scope = scope.with_activities();
    }
    let id = recipient_run_id(context.run.id, &reference.gid());
    let input = Input {
        env: context.env,
        program,
        run: &context.run,
        catalog: &context.catalog,
        recipient: reference,
        recipient_run: id,
        scope,
        channel_data,
        tenant_data: &context.tenant_data,
        audiences,
        preferences,
        statuses,
        now,
        trigger_data,
    };
    let (before_state, before_log) = (state.clone(), log.clone());
    catch_unwind(AssertUnwindSafe(|| advance(input, state, log))).unwrap_or_else(|_| {
        tracing::error!(recipient_run = %id, workflow = %program.key, "the interpreter panicked");
        let mut log = before_log;
        log.error(now, "step_failed", None, &json!({"reason": "internal_error"}));
        log.add(now, "run_halted", None, &json!({"reason": "internal_error"}));
        activation(RunStatus::Completed, before_state, log)
    })
}
