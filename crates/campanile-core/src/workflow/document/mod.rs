//! From the document to [`super::Workflow`]: every check of an upsert, every problem at once (workflows.md S53).

mod channel;
mod delay;
mod key;
mod normalize;
mod send_windows;
mod steps;
mod template;
#[cfg(test)]
mod tests;

pub use key::key_problem;
pub use normalize::normalize;
pub(crate) use normalize::{cleaned, is_for_tools};

use serde_json::Value;

use self::fields::{BLANK, Fields, INVALID, UNKNOWN};
use self::steps::Walk;
use super::{ChannelType, TriggerFrequency, Workflow};
use crate::condition::ConditionGroup;
use crate::fields;
use crate::json_schema::JsonSchema;
use crate::problem::{FieldProblem, Problems};

/// What a document may refer to.
pub trait Catalog {
    /// The type of a channel that exists, by key.
    fn channel_type(&self, key: &str) -> Option<ChannelType>;
    /// True when the layout exists in the environment.
    fn has_layout(&self, key: &str) -> bool;
    /// True when the audience exists in the environment.
    fn has_audience(&self, _key: &str) -> bool {
        true
    }
}

/// Checks a workflow document (the inside of `{"workflow": …}`) and reads it. Unknown keys are ignored; Liquid is
/// not looked at.
pub fn parse(document: &Value, catalog: &dyn Catalog) -> Result<Workflow, Vec<FieldProblem>> {
    let mut problems = Problems::default();
    let workflow =
        Fields::of(document, "", &mut problems).map(|fields| read(&fields, catalog, &mut problems));
    // Without fields there is a problem, so the default never leaves.
    problems.into_result(workflow).map(|workflow| workflow.expect("an object was read"))
}

/// Checks a template that belongs to no step, as [`parse`] checks those of steps. Fields begin with `template`.
pub fn check_template(
    template: &Value,
    channel_type: ChannelType,
    catalog: &dyn Catalog,
) -> Vec<FieldProblem> {
    let mut problems = Problems::default();
    let step = serde_json::json!({"template": template});
    if let Some(step) = Fields::of(&step, "", &mut problems) {
        template::check(&step, channel_type, catalog, &mut problems);
    }
    problems.into_result(()).err().unwrap_or_default()
}

fn read(fields: &Fields<'_>, catalog: &dyn Catalog, problems: &mut Problems) -> Workflow {
    let name = fields.text_required("name", problems).unwrap_or_default().to_owned();
    fields.text_at_most("name", 255, problems);
    fields.text("description", problems);
    fields.text_at_most("description", 280, problems);
    fields.texts("tags", problems);
    let trigger_frequency = match fields.text("trigger_frequency", problems) {
        None | Some("every_trigger") => TriggerFrequency::EveryTrigger,
        Some("once_per_recipient") => TriggerFrequency::OncePerRecipient,
        Some("once_per_recipient_per_tenant") => TriggerFrequency::OncePerRecipientPerTenant,
        Some(_) => {
            problems.add(fields.path("trigger_frequency"), INVALID);
            TriggerFrequency::EveryTrigger
        }
    };
    let settings = fields.object("settings", problems);
    let mut setting =
        |name| settings.as_ref().and_then(|settings| settings.flag(name, problems)).unwrap_or_default();
    let (override_preferences, is_commercial) = (setting("override_preferences"), setting("is_commercial"));
    if override_preferences && is_commercial {
        // Nobody may override an opt-out that the law protects (preferences.md S6).
        problems.add(fields.path("settings.override_preferences"), "cannot be combined with is_commercial");
    }
    if fields.object("trigger_data_json_schema", problems).is_some()
        && let Some(Err(why)) = fields.get("trigger_data_json_schema").map(JsonSchema::compile)
    {
        problems.add(fields.path("trigger_data_json_schema"), why);
    }
    goal(fields, problems);
    audience_trigger(fields, catalog, problems);
    let conditions = fields.get("conditions").and_then(|conditions| {
        ConditionGroup::parse_with_refs(conditions, &fields.path("conditions"), problems, &|_| {
            Some("must not refer to a step")
        })
    });
    if fields.get("steps").is_none() {
        problems.add(fields.path("steps"), BLANK);
    }
    let steps = fields.list("steps", problems).unwrap_or_default();
    Workflow {
        name,
        categories: fields.texts("categories", problems),
        conditions,
        trigger_frequency,
        override_preferences,
        is_commercial,
        trigger_data_schema: fields.get("trigger_data_json_schema").cloned(),
        steps: Walk::new(catalog, problems).tree(steps, &fields.path("steps")),
    }
}

/// The audience whose new members run the workflow (S41); it is found in the stored content.
fn audience_trigger(fields: &Fields<'_>, catalog: &dyn Catalog, problems: &mut Problems) {
    let Some(trigger) = fields.object("audience_trigger", problems) else { return };
    let key = trigger.text_required("audience_key", problems);
    if key.is_some_and(|key| !catalog.has_audience(key)) {
        problems.add(trigger.path("audience_key"), UNKNOWN);
    }
}

/// `goal_attachment` only serves attribution, so it is checked and left in the stored content.
fn goal(fields: &Fields<'_>, problems: &mut Problems) {
    let Some(goal) = fields.object("goal_attachment", problems) else { return };
    goal.text_required("goal_key", problems);
    let why = match goal.get("attribution_window_days").map(Value::as_i64) {
        None => return,
        Some(None) => INVALID,
        Some(Some(..=0)) => "must be greater than or equal to 1",
        Some(Some(31..)) => "must be less than or equal to 30",
        Some(Some(_)) => return,
    };
    problems.add(goal.path("attribution_window_days"), why);
}
