//! A workflow compiled for running: templates parsed once, steps in a row with jumps instead of a tree, so that a
//! paused run is a single number.

mod channel;
mod link_vars;
mod partials;
mod scan;

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use campanile_core::condition::ConditionGroup;
use campanile_core::json_schema::JsonSchema;
use campanile_core::problem::FieldProblem;
use campanile_core::window::Span;
use campanile_core::workflow::{
    Branch, Catalog, ChannelStep, ChannelType, DelayStep, Step, StepKind, TriggerFrequency, Workflow,
};
use campanile_template::{Layout, Partials, TemplateError, is_mjml_document};
use serde_json::Value;
use uuid::Uuid;

use crate::resources::{Context, syntax_problem};

pub(crate) use channel::{ChannelProgram, JsonOrText, Message, Pairs, compile as compile_channel};
pub(crate) use link_vars::{LinkVars, PREFERENCES, UNSUBSCRIBE};
pub(crate) use partials::{each_partial, missing_partial, partial_keys, partial_keys_of};
pub(crate) use scan::Roots;

/// One version of a workflow, ready to run.
#[derive(Debug)]
pub struct Program {
    /// Key of the workflow.
    pub key: String,
    /// The version compiled.
    pub version: Uuid,
    /// For templates and conditions.
    pub name: String,
    /// In the order given.
    pub categories: Vec<String>,
    /// Evaluated once per recipient run.
    pub conditions: Option<ConditionGroup>,
    /// How often a recipient may run it.
    pub trigger_frequency: TriggerFrequency,
    /// Skips preference checks.
    pub override_preferences: bool,
    /// The commercial opt-out applies.
    pub is_commercial: bool,
    /// What runs, by position.
    pub(crate) ops: Vec<Op>,
    /// Which roots anything in here reads: the others are never built.
    pub(crate) roots: Roots,
    /// True when some condition reads the status of an earlier message.
    pub(crate) reads_statuses: bool,
    /// Links of the recipient that conditions read.
    pub(crate) condition_links: LinkVars,
    /// True when some condition asks for the recipient's audiences.
    pub(crate) asks_audiences: bool,
    /// What the data of every trigger must satisfy (workflows.md R3.8).
    pub(crate) data_schema: Option<JsonSchema>,
    /// What `render` tags find: published partials.
    pub(crate) partials: Partials,
}

impl Program {
    /// True when anything in here looks at the recipient.
    pub(crate) fn reads_recipient(&self) -> bool {
        self.roots.recipient || self.ops.iter().any(|op| op.kind.reads_recipient())
    }
}

/// One element of the row.
#[derive(Debug)]
pub(crate) struct Op {
    /// Ref of the step that this came from; empty for jumps.
    pub(crate) step: Arc<str>,
    /// False skips the step.
    pub(crate) conditions: Option<ConditionGroup>,
    pub(crate) kind: OpKind,
}

#[derive(Debug)]
pub(crate) enum OpKind {
    Channel(Box<ChannelProgram>),
    Delay {
        delay_for: Option<Span>,
        until_path: Option<String>,
    },
    /// Alternatives in order; the last has no conditions.
    Branch(Vec<BranchTarget>),
    /// Goes on elsewhere, after a branch.
    Jump(usize),
    /// Ends the run after a terminating branch.
    End,
}

#[derive(Debug)]
pub(crate) struct BranchTarget {
    pub(crate) name: String,
    pub(crate) conditions: Option<ConditionGroup>,
    pub(crate) target: usize,
}

impl OpKind {
    /// True when running it looks at the recipient, whatever the templates say: an address, a timezone.
    pub(crate) fn reads_recipient(&self) -> bool {
        match self {
            Self::Channel(channel) => {
                channel.channel_type != ChannelType::InAppFeed || channel.send_windows.is_some()
            }
            Self::Delay { until_path, .. } => until_path.is_some(),
            Self::Branch(_) | Self::Jump(_) | Self::End => false,
        }
    }

    /// The step type, as logs name it.
    pub(crate) const fn step_type(&self) -> &'static str {
        match self {
            Self::Channel(_) => "channel",
            Self::Delay { .. } => "delay",
            Self::Branch(_) => "branch",
            Self::Jump(_) | Self::End => "",
        }
    }
}

/// Layouts by key, as far as a workflow names them.
pub type Layouts = HashMap<String, Arc<Layout>>;

/// Keys of the layouts that a workflow's e-mail steps name.
pub fn layout_keys(workflow: &Workflow) -> Vec<String> {
    let mut keys = Vec::new();
    walk(&workflow.steps, "steps", &mut |_, step| {
        if let StepKind::Channel(channel) = &step.kind
            && let Some(key) = channel.template["settings"]["layout_key"].as_str()
        {
            keys.push(key.to_owned());
        }
    });
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Every template of a workflow that does not compile or renders a partial which does not exist, by its path in the
/// document. The document need not be a valid workflow: what is wrong with templates is told beside the rest.
pub fn check_templates(document: &Value, context: &Context) -> Vec<FieldProblem> {
    let mut problems = Vec::new();
    each_channel(document, context, &mut |path, channel| {
        partials::each_missing(path, channel, &|key| context.partials.contains(key), &mut problems);
        if needs_mjml_layout(channel)
            && let Some(key) = channel.template["settings"]["layout_key"].as_str()
            && context.layouts.contains(key)
            && !context.mjml_layouts.contains(key)
        {
            let field = format!("{path}.template.settings.layout_key");
            problems.push(FieldProblem::new(field, "must be an MJML layout"));
        }
        let errors = channel::compile(channel, None).err().unwrap_or_default();
        problems.extend(errors.into_iter().map(|error| problem(&error.within(path))));
    });
    problems
}

/// Keys of the `t` tags in a workflow's templates, each once, in the order of its steps. They are looked for in what
/// is rendered, so that they are what a render looks up.
pub(crate) fn translation_keys(document: &Value, context: &Context) -> Vec<String> {
    let mut keys = Vec::new();
    let mut known = HashSet::new();
    each_channel(document, context, &mut |_, channel| {
        let Ok(program) = channel::compile(channel, None) else { return };
        for key in program.translation_keys() {
            if known.insert(key.to_owned()) {
                keys.push(key.to_owned());
            }
        }
    });
    keys
}

/// Channel steps of a document whose channel has a type.
fn each_channel(document: &Value, context: &Context, visit: &mut impl FnMut(&str, &ChannelStep)) {
    walk_document(&document["steps"], "steps", &mut |path, step| {
        let channel_key = step["channel_key"].as_str().unwrap_or_default();
        let named = || step["channel_type"].as_str().and_then(ChannelType::from_wire);
        let catalog: &dyn Catalog = context;
        let Some(channel_type) = catalog.channel_type(channel_key).or_else(named) else { return };
        let channel = ChannelStep {
            channel_type,
            channel_key: channel_key.to_owned(),
            template: step["template"].clone(),
            overrides: step["channel_overrides"].clone(),
            send_windows: None,
        };
        visit(path, &channel);
    });
}

/// The template of a channel step in a workflow's document, by the step's ref.
pub(crate) fn template_of<'d>(document: &'d Value, step: &str) -> Option<&'d Value> {
    fn find<'d>(steps: &'d Value, step: &str) -> Option<&'d Value> {
        steps.as_array()?.iter().find_map(|candidate| {
            if candidate["ref"] == step {
                return candidate.get("template");
            }
            let mut branches = candidate["branches"].as_array().into_iter().flatten();
            branches.find_map(|branch| find(&branch["steps"], step))
        })
    }
    find(&document["steps"], step)
}

fn problem(error: &TemplateError) -> FieldProblem {
    FieldProblem::new(&error.field, syntax_problem(error))
}

/// True for an e-mail whose body is MJML (templates.md T10.1).
fn needs_mjml_layout(channel: &ChannelStep) -> bool {
    let html = channel.template["html_body"].as_str().unwrap_or_default();
    channel.channel_type == ChannelType::Email
        && !html.trim().is_empty()
        && (channel.template["is_mjml"] == true || is_mjml_document(html))
}

/// Channel steps of a document as it was sent. Deeper than any valid document nobody looks.
pub(crate) fn walk_document(steps: &Value, path: &str, visit: &mut impl FnMut(&str, &Value)) {
    const PATH_BYTES_MAX: usize = 200;
    if path.len() > PATH_BYTES_MAX {
        return;
    }
    for (n, step) in steps.as_array().into_iter().flatten().enumerate() {
        let here = format!("{path}[{n}]");
        if step["type"] == "channel" {
            visit(&here, step);
        }
        for (b, branch) in step["branches"].as_array().into_iter().flatten().enumerate() {
            walk_document(&branch["steps"], &format!("{here}.branches[{b}].steps"), visit);
        }
    }
}

fn walk(steps: &[Step], path: &str, visit: &mut impl FnMut(&str, &Step)) {
    for (n, step) in steps.iter().enumerate() {
        let here = format!("{path}[{n}]");
        visit(&here, step);
        if let StepKind::Branch(branches) = &step.kind {
            for (b, branch) in branches.iter().enumerate() {
                walk(&branch.steps, &format!("{here}.branches[{b}].steps"), visit);
            }
        }
    }
}

impl Program {
    /// Compiles a version. A layout that is missing makes its e-mail steps fail at run time, not the whole workflow
    /// (management.md M4.23).
    pub fn compile(
        key: &str,
        version: Uuid,
        workflow: &Workflow,
        layouts: &Layouts,
        partials: Partials,
    ) -> Result<Self, Vec<FieldProblem>> {
        let mut ops = Vec::new();
        flatten(&workflow.steps, layouts, &mut ops)?;
        let conditions = || {
            ops.iter().flat_map(|op: &Op| {
                let branches = match &op.kind {
                    OpKind::Branch(targets) => targets.iter().filter_map(|t| t.conditions.as_ref()).collect(),
                    _ => Vec::new(),
                };
                op.conditions.iter().chain(branches)
            })
        };
        let reads_statuses = conditions().any(ConditionGroup::uses_refs);
        let asks_audiences = conditions().chain(&workflow.conditions).any(ConditionGroup::asks_audiences);
        let has_conditions = workflow.conditions.is_some() || conditions().next().is_some();
        let condition_links = LinkVars::in_conditions(conditions().chain(&workflow.conditions));
        let mut roots = Roots::of(&ops, has_conditions);
        // A partial that translates needs the recipient's locale.
        roots.recipient |= partials.translate();
        let links_of_partials = LinkVars::of(|name| partials.mention(name));
        for op in &mut ops {
            if let OpKind::Channel(channel) = &mut op.kind {
                channel.link_vars = channel.link_vars | links_of_partials;
            }
        }
        Ok(Self {
            key: key.to_owned(),
            version,
            name: workflow.name.clone(),
            categories: workflow.categories.clone(),
            conditions: workflow.conditions.clone(),
            trigger_frequency: workflow.trigger_frequency,
            override_preferences: workflow.override_preferences,
            is_commercial: workflow.is_commercial,
            roots,
            reads_statuses,
            condition_links,
            asks_audiences,
            // It compiled when the version was saved.
            data_schema: workflow
                .trigger_data_schema
                .as_ref()
                .and_then(|schema| JsonSchema::compile(schema).ok()),
            partials,
            ops,
        })
    }
}

fn flatten(steps: &[Step], layouts: &Layouts, ops: &mut Vec<Op>) -> Result<(), Vec<FieldProblem>> {
    for step in steps {
        let kind = match &step.kind {
            StepKind::Channel(channel) => {
                let layout =
                    channel.template["settings"]["layout_key"].as_str().map(|key| (key, layouts.get(key)));
                let compiled = channel::compile(channel, layout);
                let problems = |errors: Vec<TemplateError>| errors.iter().map(problem).collect::<Vec<_>>();
                OpKind::Channel(Box::new(compiled.map_err(problems)?))
            }
            StepKind::Delay(DelayStep { delay_for, until_path }) => {
                OpKind::Delay { delay_for: *delay_for, until_path: until_path.clone() }
            }
            StepKind::Branch(branches) => {
                flatten_branches(step, branches, layouts, ops)?;
                continue;
            }
        };
        ops.push(Op { step: step.reference.as_str().into(), conditions: step.conditions.clone(), kind });
    }
    Ok(())
}

fn flatten_branches(
    step: &Step,
    branches: &[Branch],
    layouts: &Layouts,
    ops: &mut Vec<Op>,
) -> Result<(), Vec<FieldProblem>> {
    let head = ops.len();
    let empty = |kind| Op { step: "".into(), conditions: None, kind };
    ops.push(empty(OpKind::End));
    let mut targets = Vec::with_capacity(branches.len());
    let mut exits = Vec::new();
    for branch in branches {
        targets.push(BranchTarget {
            name: branch.name.clone(),
            conditions: branch.conditions.clone(),
            target: ops.len(),
        });
        flatten(&branch.steps, layouts, ops)?;
        if branch.terminates {
            ops.push(empty(OpKind::End));
        } else {
            exits.push(ops.len());
            ops.push(empty(OpKind::Jump(0)));
        }
    }
    let after = ops.len();
    for exit in exits {
        ops[exit].kind = OpKind::Jump(after);
    }
    ops[head] = Op { step: step.reference.as_str().into(), conditions: None, kind: OpKind::Branch(targets) };
    Ok(())
}
