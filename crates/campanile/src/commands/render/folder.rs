//! `campanile render FOLDER`: everything that a workflow or a broadcast says, step by step.

use std::path::Path;

use campanile_engine::project::{LocatedError, ProjectSteps, steps_of};
use campanile_template::{Notes, RenderOptions, Warning};
use serde_json::{Map, Value, json};

use super::input::Input;
use super::{RenderArgs, print, problem, warn, warnings_json};
use crate::commands::{CommandError, say};

/// Fields that previews show under a second name, or that are settings rather than text.
const NOT_PRINTED: [&str; 4] = ["html_content", "settings", "subject_line", "text_content"];

/// One step, rendered.
struct Step {
    step: String,
    channel_type: &'static str,
    template: Map<String, Value>,
    errors: Vec<LocatedError>,
    warnings: Vec<Warning>,
}

/// Renders every step and prints all of them, or everything that is wrong.
pub(super) fn run(args: &RenderArgs, folder: &Path) -> Result<(), CommandError> {
    if args.open {
        return Err(CommandError::Given("--open shows one template: name its file".to_owned()));
    }
    let input = Input::read(args)?;
    let nowhere = || {
        CommandError::Given(format!(
            "{} holds no workflow or broadcast of a project folder",
            folder.display()
        ))
    };
    let project = input.project.as_deref().ok_or_else(nowhere)?;
    let ProjectSteps { steps, errors } = steps_of(project, folder).ok_or_else(nowhere)?;
    let translations = input.translations();
    let steps: Vec<Step> = steps
        .iter()
        .map(|step| {
            let notes = Notes::default();
            let mut options = RenderOptions::at(input.now).with_translations(Some(&translations));
            options.partials = Some(&input.templates.partials);
            options.notes = Some(&notes);
            options.strict_undefined = args.strict;
            let (template, errors) = step.render(&input.scope, &options);
            Step {
                step: step.step.clone(),
                channel_type: step.channel_type.as_str(),
                template,
                errors,
                warnings: notes.take_warnings(),
            }
        })
        .collect();
    let all = || errors.iter().chain(steps.iter().flat_map(|step| &step.errors));
    if args.json {
        say(as_json(&steps, &errors));
    } else {
        input.problems.iter().for_each(|problem| warn(problem));
        for step in &steps {
            step.warnings.iter().for_each(|warning| warn(&format!("{}: {warning}", step.step)));
        }
        if all().next().is_none() {
            print(&as_text(&steps))?;
        }
    }
    let told: Vec<String> =
        all().map(|located| format!("{}: {}", located.file.display(), located.error)).collect();
    if told.is_empty() { Ok(()) } else { Err(CommandError::Given(told.join("\n"))) }
}

/// A heading for each step, one for each of its fields.
fn as_text(steps: &[Step]) -> String {
    let mut out = String::new();
    for step in steps {
        let gap = if out.is_empty() { "" } else { "\n" };
        out += &format!("{gap}# {} ({})\n", step.step, step.channel_type);
        for (name, value) in step.template.iter().filter(|(name, _)| !NOT_PRINTED.contains(&name.as_str())) {
            let text = match value {
                Value::Null => continue,
                Value::Array(list) if list.is_empty() => continue,
                Value::String(text) => text.clone(),
                other => other.to_string(),
            };
            out += &format!("\n## {name}\n{}\n", text.trim_end_matches('\n'));
        }
    }
    out
}

fn as_json(steps: &[Step], errors: &[LocatedError]) -> Value {
    let located = |located: &LocatedError| {
        let mut told = problem(&located.error);
        told["file"] = located.file.display().to_string().into();
        told
    };
    let list = |errors: &[LocatedError]| errors.iter().map(located).collect::<Vec<_>>();
    let steps_json = steps.iter().map(|step| {
        json!({
            "ref": step.step, "content_type": step.channel_type, "template": step.template,
            "warnings": warnings_json(&step.warnings), "errors": list(&step.errors),
        })
    });
    let is_fine = errors.is_empty() && steps.iter().all(|step| step.errors.is_empty());
    json!({
        "result": if is_fine { "success" } else { "error" },
        "steps": steps_json.collect::<Vec<_>>(),
        "errors": list(errors),
    })
}
