//! The step interpreter: one activation of one recipient run, from where it stands until it ends or must wait.
//!
//! It reads no clock, no database and no network: what it may see is handed in, what it wants done is handed back.
//! Executed again with the same input it gives the same output, message ids included, which is what makes a crash
//! between two commits harmless (promise P2).

mod conditions;
mod preferences;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use campanile_channels::registry::provider_by_key;
use campanile_core::event::MessageEventType as MessageEvent;
use campanile_core::ids::{ChannelId, EnvId, Ksuid};
use campanile_core::message::DeliveryStatus;
use campanile_core::preference::{Decision, Sources};
use campanile_core::recipient::RecipientRef;
use campanile_core::scope::lookup;
use campanile_core::time::{Micros, Timestamp};
use campanile_core::window::{next_opening, resolve};
use campanile_core::workflow::ChannelType;
use campanile_store::{EventRow, JobKind, JobRow, MessageRow, RunRow, RunStatus, ShortLinkRow};
use campanile_template::{Loaded, Notes, RenderOptions, Translations};
use serde_json::{Value, json};
use uuid::Uuid;

pub(crate) use conditions::Statuses;

use crate::catalog::{Catalog, ChannelEntry, ChannelInEnv};
use crate::links::RecipientLinks;
use crate::program::{ChannelProgram, LinkVars, Op, OpKind, Program};
use crate::render::{self, NoMessage, Rendered, StepInput};
use crate::scope::RunScope;
use crate::state::{RunLog, RunState, StepName, StepRecord, Waiting};
use crate::tracking::Tracker;

/// Waits before the second and the third attempt of a failed step (README.md 24).
const RETRY_WAITS: [Micros; 2] = [Micros::seconds(5), Micros::seconds(30)];
/// Steps in one activation: a program has no loops, so more would be a fault of ours.
const OPS_MAX: usize = 10_000;
/// Characters of a missing key that the log keeps: keys of `t` tags are whole paragraphs.
const WARNED_KEY_CHARS_MAX: usize = 200;
/// Zone of recipients that name none.
const ZONE: &str = "Etc/UTC";

/// What an activation sees.
pub(crate) struct Input<'i> {
    pub(crate) env: EnvId,
    pub(crate) program: &'i Program,
    pub(crate) run: &'i RunRow,
    pub(crate) catalog: &'i Catalog,
    pub(crate) recipient: &'i RecipientRef,
    pub(crate) recipient_run: Uuid,
    pub(crate) scope: RunScope<'i>,
    pub(crate) channel_data: &'i HashMap<ChannelId, Value>,
    pub(crate) tenant_data: &'i HashMap<ChannelId, Value>,
    /// `vars` of steps that have their own, by ref.
    pub(crate) branded: &'i HashMap<Arc<str>, Arc<Value>>,
    /// What leads the recipient to pages of ours.
    pub(crate) links: RecipientLinks<'i>,
    /// `vars` as conditions see them, when that is not as everybody does.
    pub(crate) condition_vars: Option<Arc<Value>>,
    /// The recipient's audiences under the run's tenant.
    pub(crate) audiences: &'i HashSet<String>,
    /// Everybody's preferences that have a say in this run.
    pub(crate) preferences: Sources<'i>,
    /// Statuses of the run's earlier messages, as of now.
    pub(crate) statuses: Statuses,
    /// The instant of this activation: the trigger's, or the timer's due instant.
    pub(crate) now: Timestamp,
    /// Reduced copy of the data for filters, JSON.
    pub(crate) trigger_data: Option<String>,
    /// In the recipient's locale, when there are any.
    pub(crate) translations: Option<&'i Translations>,
    /// Stored data that templates asked for.
    pub(crate) loaded: &'i Loaded,
    /// What templates lacked. When data is missing, the whole activation is void.
    pub(crate) notes: &'i Notes,
    /// Makes tracked links.
    pub(crate) tracker: &'i Tracker,
}

impl Input<'_> {
    fn options(&self) -> RenderOptions<'_> {
        RenderOptions::at(self.now)
            .with_partials(&self.program.partials)
            .with_translations(self.translations)
            .with_data(self.loaded, self.notes)
    }

    /// `vars` of a step, when they are not as everybody's: its layout's branding, links of the recipient.
    fn own_vars(&self, step: &str, reads: LinkVars) -> Option<Arc<Value>> {
        let branded = self.branded.get(step);
        let with_links = self.links.over(branded.unwrap_or(&self.scope.shared.vars), reads);
        with_links.map(Arc::new).or_else(|| branded.cloned())
    }
}

/// What an activation wants.
#[derive(Debug)]
pub(crate) struct Activation {
    pub(crate) status: RunStatus,
    pub(crate) state: RunState,
    pub(crate) log: RunLog,
    pub(crate) messages: Vec<MessageRow>,
    pub(crate) short_links: Vec<ShortLinkRow>,
    pub(crate) events: Vec<EventRow>,
    pub(crate) jobs: Vec<JobRow>,
    /// Channel types of the messages, for metrics.
    pub(crate) made: Vec<&'static str>,
}

impl Activation {
    /// An activation that makes nothing.
    pub(crate) fn without_effects(status: RunStatus, state: RunState, log: RunLog) -> Self {
        Self {
            status,
            state,
            log,
            messages: Vec::new(),
            short_links: Vec::new(),
            events: Vec::new(),
            jobs: Vec::new(),
            made: Vec::new(),
        }
    }
}

enum Next {
    Advance,
    JumpTo(usize),
    Pause { waiting: Waiting, due_at: Timestamp },
    End,
}

/// Runs until the run ends or waits.
pub(crate) fn advance(mut input: Input<'_>, state: RunState, log: RunLog) -> Activation {
    let mut run = Activation::without_effects(RunStatus::Processing, state, log);
    let with_links = input.links.over(&input.scope.shared.vars, input.program.condition_links);
    input.condition_vars = with_links.map(Arc::new);
    input.scope.vars = input.condition_vars.clone();
    match run.state.waiting.take() {
        None => {
            run.log.add(input.now, "run_started", None, &Value::Null);
            if let Some(group) = &input.program.conditions {
                let verdict = conditions::evaluate(group, &input);
                run.log.add(input.now, "trigger_conditions_evaluated", None, &json!(verdict));
                if !verdict.holds {
                    run.finish(&input, "trigger_conditions_not_met");
                    return run;
                }
            }
            run.log.pass_trigger();
        }
        Some(Waiting::Delay) => {
            if let Some(op) = input.program.ops.get(run.state.at) {
                run.log.add(input.now, "delay_ended", Some(name(op, 1)), &Value::Null);
            }
            run.state.at += 1;
        }
        Some(Waiting::Retry) => {}
    }
    for _ in 0..OPS_MAX {
        let Some(op) = input.program.ops.get(run.state.at) else { break };
        match run.step(op, &mut input) {
            Next::Advance => {
                run.state.at += 1;
                run.state.failures = 0;
            }
            Next::JumpTo(target) => run.state.at = target,
            Next::Pause { waiting, due_at } => {
                run.state.waiting = Some(waiting);
                run.status = RunStatus::Paused;
                run.jobs.push(JobRow {
                    target: input.recipient_run.as_bytes().to_vec(),
                    kind: JobKind::Resume,
                    env: input.env,
                    due_at,
                    run_at: due_at,
                    claim: 0,
                    attempt: 0,
                    first_at: None,
                    payload: None,
                });
                return run;
            }
            Next::End => {
                run.status = RunStatus::Completed;
                return run;
            }
        }
    }
    run.finish(&input, "");
    run
}

fn name(op: &Op, attempt: u32) -> StepName<'_> {
    StepName { reference: &op.step, kind: op.kind.step_type(), attempt }
}

impl Activation {
    fn finish(&mut self, input: &Input<'_>, reason: &str) {
        self.status = RunStatus::Completed;
        let data = if reason.is_empty() { Value::Null } else { json!({"reason": reason}) };
        self.log.add(input.now, "run_completed", None, &data);
    }

    fn step(&mut self, op: &Op, input: &mut Input<'_>) -> Next {
        if let Some(group) = &op.conditions
            && self.state.failures == 0
        {
            let verdict = conditions::evaluate(group, input);
            let holds = verdict.holds;
            self.log.add(input.now, "conditions_evaluated", Some(name(op, 1)), &json!(verdict));
            if !holds {
                self.skip(op, input, "conditions_not_met", false);
                return Next::Advance;
            }
        }
        match &op.kind {
            OpKind::Channel(channel) => self.channel(op, channel, input),
            OpKind::Delay { delay_for, until_path } => {
                self.delay(op, *delay_for, until_path.as_deref(), input)
            }
            OpKind::Branch(targets) => {
                for target in targets {
                    let Some(group) = &target.conditions else {
                        let data = json!({"branch": target.name, "default": true});
                        self.log.add(input.now, "branch_selected", Some(name(op, 1)), &data);
                        return Next::JumpTo(target.target);
                    };
                    let verdict = conditions::evaluate(group, input);
                    let data = json!({"branch": target.name, "conditions": verdict.log});
                    if verdict.holds {
                        self.log.add(input.now, "branch_selected", Some(name(op, 1)), &data);
                        return Next::JumpTo(target.target);
                    }
                    self.log.add(input.now, "conditions_evaluated", Some(name(op, 1)), &data);
                }
                Next::Advance
            }
            OpKind::Jump(target) => Next::JumpTo(*target),
            OpKind::End => {
                self.finish(input, "branch_terminated");
                Next::End
            }
        }
    }

    fn skip(&mut self, op: &Op, input: &mut Input<'_>, reason: &str, is_error: bool) {
        self.skip_because(op, input, &json!({"reason": reason}), is_error);
    }

    fn skip_because(&mut self, op: &Op, input: &mut Input<'_>, data: &Value, is_error: bool) {
        if is_error {
            self.log.error(input.now, "step_skipped", Some(name(op, 1)), data);
        } else {
            self.log.add(input.now, "step_skipped", Some(name(op, 1)), data);
        }
        if matches!(op.kind, OpKind::Channel(_)) {
            self.record(op, Vec::new(), input);
        }
    }

    fn record(&mut self, op: &Op, messages: Vec<Ksuid>, input: &mut Input<'_>) {
        if input.program.ops.len() == 1 {
            // Nothing follows that could ask.
            return;
        }
        input.statuses.note(&op.step, &messages);
        let texts = messages.iter().map(Ksuid::to_string).collect();
        self.state.steps.push(StepRecord { step: op.step.to_string(), messages: texts });
    }

    fn delay(
        &mut self,
        op: &Op,
        delay_for: Option<campanile_core::window::Span>,
        until_path: Option<&str>,
        input: &mut Input<'_>,
    ) -> Next {
        if input.run.flags & RunRow::SKIP_DELAY != 0 {
            self.skip(op, input, "skip_delay", false);
            return Next::Advance;
        }
        let due_at = match until_path {
            None => Ok(delay_for.map_or(input.now, |span| input.now + span.to_micros())),
            Some(path) => {
                // A bare name is a key of the data (R6.2).
                let path = if path.contains('.') { path.to_owned() } else { format!("data.{path}") };
                let zone = zone_of(&input.scope.recipient);
                resolve(lookup(&input.scope, &path), delay_for, input.now, &zone)
            }
        };
        match due_at {
            Ok(due_at) => {
                let data = json!({"until": due_at.to_string()});
                self.log.add(input.now, "delay_started", Some(name(op, 1)), &data);
                Next::Pause { waiting: Waiting::Delay, due_at }
            }
            Err(invalid) => {
                self.skip(op, input, invalid.reason, true);
                Next::Advance
            }
        }
    }

    fn channel(&mut self, op: &Op, channel: &ChannelProgram, input: &mut Input<'_>) -> Next {
        let found = input.catalog.channel_by_key(&channel.channel_key).cloned();
        let Some((entry, settings)) =
            found.as_ref().and_then(|entry| Some((entry, entry.settings.get(&input.env)?)))
        else {
            self.skip(op, input, "channel_not_configured", false);
            return Next::Advance;
        };
        let attempt = self.state.failures + 1;
        let made = self.messages_of(op, channel, entry, settings, input);
        input.scope.vars = input.condition_vars.clone();
        match made {
            Ok(ids) => {
                self.record(op, ids, input);
                Next::Advance
            }
            Err(NoMessage::Skipped(reason)) => {
                self.skip(op, input, reason, false);
                Next::Advance
            }
            Err(NoMessage::OptedOut(decision)) => {
                self.skip_because(op, input, &preferences::why(&decision, input), false);
                Next::Advance
            }
            Err(NoMessage::Failed(reason)) => self.fail(op, attempt, &reason, input),
        }
    }

    fn fail(&mut self, op: &Op, attempt: u32, reason: &str, input: &mut Input<'_>) -> Next {
        self.log.error(input.now, "step_failed", Some(name(op, attempt)), &json!({"reason": reason}));
        match RETRY_WAITS.get(attempt as usize - 1) {
            Some(wait) => {
                self.state.failures = attempt;
                Next::Pause { waiting: Waiting::Retry, due_at: input.now + *wait }
            }
            None => {
                self.log.add(
                    input.now,
                    "run_halted",
                    Some(name(op, attempt)),
                    &json!({"reason": "step_failed"}),
                );
                Next::End
            }
        }
    }

    fn messages_of(
        &mut self,
        op: &Op,
        channel: &ChannelProgram,
        entry: &ChannelEntry,
        settings: &ChannelInEnv,
        input: &mut Input<'_>,
    ) -> Result<Vec<Ksuid>, NoMessage> {
        let zone = zone_of(&input.scope.recipient);
        let position = self.messages.len();
        let first_id = message_id(input, &op.step, entry.channel.id, 0, position);
        if input.program.roots.current_message {
            input.scope.current_message = json!({
                "id": first_id.to_string(),
                "inserted_at": first_id.at().to_string(),
                "updated_at": first_id.at().to_string(),
            });
        }
        let decision = preferences::decide(entry, input);
        if !decision.is_blocked {
            input.scope.vars = input.own_vars(&op.step, channel.link_vars | entry.link_vars(input.env));
        }
        let step = StepInput {
            entry,
            settings,
            is_user: input.recipient.is_user(),
            channel_data: input.channel_data,
            tenant_data: input.tenant_data.get(&entry.channel.id).unwrap_or(&Value::Null),
            links: &input.links,
            options: input.options(),
            env: input.env,
            tracker: input.tracker,
            message_id: &|n| message_id(input, &op.step, entry.channel.id, n, position + n),
        };
        if decision.is_blocked {
            // Who cannot be reached was not asked.
            render::check_destination(channel, &input.scope, &step)?;
            return Err(NoMessage::OptedOut(Box::new(decision)));
        }
        let rendered = render::render(channel, &input.scope, &step);
        for warning in input.notes.take_warnings() {
            let key: String = warning.key().chars().take(WARNED_KEY_CHARS_MAX).collect();
            let data = json!({"reason": warning.reason(), "key": key});
            self.log.add(input.now, "template_warning", Some(name(op, self.state.failures + 1)), &data);
        }
        let rendered = rendered?;
        let mut ids = Vec::with_capacity(rendered.len());
        for (n, message) in rendered.into_iter().enumerate() {
            let id = message_id(input, &op.step, entry.channel.id, n, self.messages.len());
            let zone = message.timezone.as_deref().unwrap_or(&zone);
            let scheduled_at =
                channel.send_windows.as_ref().and_then(|windows| next_opening(windows, input.now, zone));
            self.enqueue(op, entry, id, scheduled_at, message, &decision, input);
            ids.push(id);
        }
        Ok(ids)
    }

    fn enqueue(
        &mut self,
        op: &Op,
        entry: &ChannelEntry,
        id: Ksuid,
        scheduled_at: Option<Timestamp>,
        message: Rendered,
        decision: &Decision,
        input: &mut Input<'_>,
    ) {
        let in_app = matches!(entry.kind, ChannelType::InAppFeed | ChannelType::InAppGuide);
        // The commit itself delivers in-app messages; a send window holds them back like any other.
        let now = id.at();
        let deliver_now = in_app && scheduled_at.is_none();
        let status = if deliver_now { DeliveryStatus::Delivered } else { DeliveryStatus::Queued };
        // Every message is queued first, if only for the instant of the commit (delivery.md 2.1).
        let kinds = [MessageEvent::Created, MessageEvent::Queued, MessageEvent::Delivered];
        for (seq, kind) in kinds.into_iter().take(if deliver_now { 3 } else { 2 }).enumerate() {
            self.events.push(EventRow {
                message: id,
                seq: seq as i64,
                kind: kind.code(),
                data: None,
                inserted_at: now,
            });
        }
        if !deliver_now {
            let due_at = scheduled_at.unwrap_or(input.now);
            self.jobs.push(JobRow {
                target: id.0.to_vec(),
                kind: JobKind::Deliver,
                env: input.env,
                due_at,
                run_at: due_at,
                claim: 0,
                attempt: 0,
                first_at: None,
                payload: None,
            });
        }
        let mut data = json!({"message_id": id.to_string(), "channel_type": entry.kind.as_str()});
        if let Some(opens_at) = scheduled_at {
            data["scheduled_at"] = opens_at.to_string().into();
        }
        if let Some(segments) = message.segments {
            data["segments"] = json!({
                "encoding": segments.encoding.to_string(), "units": segments.units, "count": segments.count,
            });
        }
        if !decision.opinions.is_empty() {
            data["opinions"] = json!(decision.opinions);
        }
        self.log.add(input.now, "message_enqueued", Some(name(op, self.state.failures + 1)), &data);
        self.made.push(entry.kind.as_str());
        input.statuses.add(id, status);
        self.short_links.extend(message.short_links);
        self.messages.push(MessageRow {
            env: input.env,
            id,
            channel: entry.channel.id,
            recipient: input.recipient.key(),
            run: input.run.id,
            workflow: input.program.key.clone(),
            step: op.step.to_string(),
            tenant: input.run.tenant.clone(),
            status: status.code(),
            scheduled_at,
            content: message.content,
            data: None,
            trigger_data: input.trigger_data.clone(),
            metadata: None,
        });
    }
}

/// The id of a step's n-th message. The position within the activation adds microseconds, so that messages of one
/// activation list in the order of their steps.
fn message_id(input: &Input<'_>, step: &str, channel: ChannelId, n: usize, position: usize) -> Ksuid {
    let at = Timestamp(input.now.0 + position as i64);
    Ksuid::derived(
        at,
        &[input.recipient_run.as_bytes(), step.as_bytes(), &channel.0.to_be_bytes(), &n.to_be_bytes()],
    )
}

fn zone_of(recipient: &Value) -> String {
    recipient.get("timezone").and_then(Value::as_str).unwrap_or(ZONE).to_owned()
}

/// True when the channel can only show what it would send: no credentials, or sandbox mode.
pub(crate) fn is_sandboxed(entry: &ChannelEntry, settings: &ChannelInEnv, run_flags: i64) -> bool {
    let configured = provider_by_key(&entry.channel.provider)
        .is_some_and(|provider| provider.is_configured(&settings.provider_settings));
    settings.is_sandbox || !configured || run_flags & RunRow::SANDBOX != 0
}
