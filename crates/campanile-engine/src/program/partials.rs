//! Which partials a document renders, and where (templates.md section 6).

use campanile_core::problem::FieldProblem;
use campanile_core::workflow::{ChannelStep, StepKind, Workflow};
use campanile_template::Template;
use serde_json::Value;

use super::walk;

/// Calls `found` with the place and the key of every partial that a text below `value` renders. Texts that are no
/// templates are passed over: whoever checks them says so.
pub(crate) fn each_partial(value: &Value, path: &str, found: &mut impl FnMut(&str, &str)) {
    match value {
        Value::String(text) if text.contains("render") => {
            if let Ok(template) = Template::parse(text) {
                template.partial_keys().for_each(|key| found(path, key));
            }
        }
        Value::Array(items) => {
            for (at, item) in items.iter().enumerate() {
                each_partial(item, &format!("{path}[{at}]"), found);
            }
        }
        Value::Object(members) => {
            for (name, member) in members {
                let dot = if path.is_empty() { "" } else { "." };
                each_partial(member, &format!("{path}{dot}{name}"), found);
            }
        }
        _ => {}
    }
}

fn each_in_step(path: &str, step: &ChannelStep, found: &mut impl FnMut(&str, &str)) {
    let template = format!("{path}.template");
    each_partial(&step.template, &template, found);
    each_partial(&step.overrides, &format!("{path}.channel_overrides"), found);
    // Partial blocks name theirs without a tag (templates.md T8.7).
    for (at, block) in step.template["visual_blocks"].as_array().into_iter().flatten().enumerate() {
        if let (Some("partial"), Some(key)) = (block["type"].as_str(), block["key"].as_str()) {
            found(&format!("{template}.visual_blocks[{at}].key"), key);
        }
    }
}

/// Keys of the partials that a workflow's templates render, each once.
pub(crate) fn partial_keys(workflow: &Workflow) -> Vec<String> {
    let mut keys = Vec::new();
    walk(&workflow.steps, "steps", &mut |path, step| {
        if let StepKind::Channel(channel) = &step.kind {
            each_in_step(path, channel, &mut |_, key| keys.push(key.to_owned()));
        }
    });
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// Keys of the partials that one step renders.
pub(crate) fn partial_keys_of(step: &ChannelStep) -> Vec<String> {
    let mut keys = Vec::new();
    each_in_step("", step, &mut |_, key| keys.push(key.to_owned()));
    keys
}

/// Adds the partials that a step renders and that do not exist.
pub(super) fn each_missing(
    path: &str,
    step: &ChannelStep,
    exists: &impl Fn(&str) -> bool,
    problems: &mut Vec<FieldProblem>,
) {
    each_in_step(path, step, &mut |path, key| {
        if !exists(key) {
            problems.push(missing_partial(path, key));
        }
    });
}

/// The problem of a tag that names a partial which does not exist.
pub(crate) fn missing_partial(path: &str, key: &str) -> FieldProblem {
    FieldProblem::new(path, format!("renders the partial {key:?}, which does not exist"))
}
