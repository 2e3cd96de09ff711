//! Guides: in-app messages that a client fetches and places itself (in-app.md section 12, management.md section 10).

mod url_pattern;

use std::sync::Arc;

use serde_json::{Map, Value};

use crate::condition::ConditionGroup;
use crate::fields::{BLANK, Fields, INVALID, UNKNOWN};
use crate::message_type::MessageType;
use crate::problem::{FieldProblem, Problems};
use crate::workflow::{ChannelType, cleaned, key_problem};

/// Steps of one guide at the most; today's clients make one.
const STEPS_MAX: usize = 20;
/// Activation patterns of one guide at the most; every client tries all of them at every change of location.
const PATTERNS_MAX: usize = 100;
/// Roots of conditions that a guide has not (section 12).
const FOREIGN_ROOTS: [&str; 5] = ["actor.", "workflow.", "run.", "refs.", "event."];

/// What a document may refer to.
pub trait Catalog {
    /// The type of a channel that exists, by key.
    fn channel_type(&self, key: &str) -> Option<ChannelType>;
    /// True when a message type exists, in whatever version.
    fn has_message_type(&self, key: &str) -> bool;
    /// One version of a message type.
    fn message_type(&self, key: &str, semver: &str) -> Option<Arc<MessageType>>;
}

/// One version of a guide.
#[derive(Debug)]
pub struct Guide {
    /// Key of an `in_app_guide` channel.
    pub channel_key: String,
    /// Whose members are targeted; `None` is everyone.
    pub target_audience_key: Option<String>,
    /// Over `recipient`, `data`, `tenant` and `vars`.
    pub conditions: Option<ConditionGroup>,
    /// As clients read them: `directive` and whichever of `pathname` and `search` is set.
    pub url_patterns: Vec<Value>,
    /// At least one, all of one message type.
    pub steps: Vec<Step>,
}

/// One piece of UI.
#[derive(Debug)]
pub struct Step {
    /// Unique in the guide.
    pub reference: String,
    /// Key of the message type.
    pub schema_key: String,
    /// Which version of it; another one is used only after the guide is changed (templates.md T17.1).
    pub schema_semver: String,
    /// Which variant of it.
    pub schema_variant_key: String,
    /// By field key, as written.
    pub values: Map<String, Value>,
}

impl Guide {
    /// Reads stored content, which passed [`check`] when it was saved; `None` when it would not today, whatever
    /// became of what it refers to.
    pub fn read(content: &Value) -> Option<Self> {
        let mut problems = Problems::default();
        let fields = Fields::of(content, "", &mut problems)?;
        let (guide, _) = read(&fields, &mut problems);
        problems.is_empty().then_some(guide)
    }
}

/// Checks a document (the inside of `{"guide": …}`) and answers the guide with the content to store. Liquid is not
/// looked at.
pub fn check(document: &Value, catalog: &dyn Catalog) -> Result<(Guide, Value), Vec<FieldProblem>> {
    let mut problems = Problems::default();
    let found = Fields::of(document, "", &mut problems).map(|fields| {
        let (mut guide, mut written) = read(&fields, &mut problems);
        match catalog.channel_type(&guide.channel_key) {
            Some(ChannelType::InAppGuide) => {}
            Some(_) => problems.add("channel_key", "must be a channel of type in_app_guide"),
            None if guide.channel_key.is_empty() => {}
            None => problems.add("channel_key", UNKNOWN),
        }
        for (at, step) in guide.steps.iter_mut().enumerate() {
            check_step(step, &format!("steps[{at}]"), catalog, &mut problems);
            written["steps"][at]["values"] = Value::Object(step.values.clone());
        }
        (guide, written)
    });
    // Without fields there is a problem, so the default never leaves.
    problems.into_result(found).map(|found| found.expect("an object was read"))
}

/// Looks a step's message type up, checks its values and drops those that it does not know.
fn check_step(step: &mut Step, path: &str, catalog: &dyn Catalog, problems: &mut Problems) {
    if step.schema_key.is_empty() || step.schema_semver.is_empty() {
        return;
    }
    let Some(message_type) = catalog.message_type(&step.schema_key, &step.schema_semver) else {
        let field = if catalog.has_message_type(&step.schema_key) { "schema_semver" } else { "schema_key" };
        return problems.add(format!("{path}.{field}"), UNKNOWN);
    };
    match message_type.variant(&step.schema_variant_key) {
        Some(variant) => {
            let values = Value::Object(std::mem::take(&mut step.values));
            variant.check(&values, &format!("{path}.values"), problems);
            step.values = variant.known(&values);
        }
        None if step.schema_variant_key.is_empty() => {}
        None => problems.add(format!("{path}.schema_variant_key"), UNKNOWN),
    }
}

fn read(fields: &Fields<'_>, problems: &mut Problems) -> (Guide, Value) {
    let mut written = Map::new();
    fields.text_at_most("name", 255, problems);
    if let Some(name) = fields.text_required("name", problems) {
        written.insert("name".into(), name.into());
    }
    let channel_key = fields.text_required("channel_key", problems).unwrap_or_default().to_owned();
    written.insert("channel_key".into(), channel_key.as_str().into());
    let description = fields.text_within("description", 280, problems);
    let target_audience_key = fields.text_within("target_audience_key", 255, problems).map(str::to_owned);
    for (name, text) in
        [("description", description), ("target_audience_key", target_audience_key.as_deref())]
    {
        if let Some(text) = text {
            written.insert(name.into(), text.into());
        }
    }
    let tags = fields.texts("tags", problems);
    if !tags.is_empty() {
        written.insert("tags".into(), tags.into());
    }
    let conditions = fields.get("target_property_conditions").and_then(|value| {
        written.insert("target_property_conditions".into(), cleaned("", value));
        refuse_foreign_roots(value, "target_property_conditions", problems);
        ConditionGroup::parse(value, "target_property_conditions", problems)
    });
    if let Some(goal) = goal_attachment(fields, problems) {
        written.insert("goal_attachment".into(), goal);
    }
    let url_patterns = url_patterns(fields, problems);
    if let Some(patterns) = &url_patterns {
        written.insert("activation_url_patterns".into(), patterns.clone().into());
    }
    let (steps, list) = steps(fields, problems);
    written.insert("steps".into(), list.into());
    let url_patterns = url_patterns.unwrap_or_default();
    (Guide { channel_key, target_audience_key, conditions, url_patterns, steps }, Value::Object(written))
}

/// A condition on something that a guide never has would be false for everybody.
fn refuse_foreign_roots(value: &Value, path: &str, problems: &mut Problems) {
    for name in ["all", "any"] {
        for (at, entry) in value.get(name).and_then(Value::as_array).into_iter().flatten().enumerate() {
            let path = format!("{path}.{name}[{at}]");
            let variable = entry.get("variable").and_then(Value::as_str).unwrap_or_default();
            if FOREIGN_ROOTS.iter().any(|root| variable.starts_with(root)) {
                problems.add(format!("{path}.variable"), "is not available in guides");
            }
            refuse_foreign_roots(entry, &path, problems);
        }
    }
}

fn goal_attachment(fields: &Fields<'_>, problems: &mut Problems) -> Option<Value> {
    let goal = fields.object("goal_attachment", problems)?;
    let key = goal.text_required("goal_key", problems)?;
    let days = match goal.get("attribution_window_days") {
        None => 7,
        Some(days) => days.as_i64().filter(|days| (1..=30).contains(days)).unwrap_or_else(|| {
            problems.add(goal.path("attribution_window_days"), "must be between 1 and 30");
            7
        }),
    };
    Some(serde_json::json!({"goal_key": key, "attribution_window_days": days}))
}

/// Says why a text is none of its kind.
type ProblemOf = fn(&str) -> Option<&'static str>;

/// The older name is an alias (management.md M10.6).
fn url_patterns(fields: &Fields<'_>, problems: &mut Problems) -> Option<Vec<Value>> {
    let old = "activation_location_rules";
    let name = if fields.get("activation_url_patterns").is_none() && fields.get(old).is_some() {
        old
    } else {
        "activation_url_patterns"
    };
    let list = fields.list(name, problems)?;
    if list.len() > PATTERNS_MAX {
        problems.add(name, format!("should have at most {PATTERNS_MAX} item(s)"));
        return None;
    }
    let mut patterns = Vec::with_capacity(list.len());
    for (at, entry) in list.iter().enumerate() {
        let path = format!("{name}[{at}]");
        let Some(pattern) = Fields::of(entry, &path, problems) else { continue };
        let directive = pattern.text("directive", problems).unwrap_or("allow");
        if !["allow", "block"].contains(&directive) {
            problems.add(pattern.path("directive"), INVALID);
        }
        let mut kept = Map::new();
        kept.insert("directive".into(), directive.into());
        let checks: [(&str, ProblemOf); 2] =
            [("pathname", url_pattern::pathname_problem), ("search", url_pattern::search_problem)];
        for (part, problem_of) in checks {
            let Some(text) = pattern.text_within(part, 2_000, problems).filter(|text| !text.is_empty())
            else {
                continue;
            };
            if let Some(why) = problem_of(text) {
                problems.add(pattern.path(part), why);
            }
            kept.insert(part.into(), text.into());
        }
        if kept.len() == 1 && pattern.get("pathname").or(pattern.get("search")).is_none_or(|v| v == "") {
            problems.add(path, "must have a pathname or a search");
        }
        patterns.push(Value::Object(kept));
    }
    Some(patterns)
}

fn steps(fields: &Fields<'_>, problems: &mut Problems) -> (Vec<Step>, Vec<Value>) {
    let list = fields.list("steps", problems).unwrap_or_default();
    if list.is_empty() && fields.get("steps").is_none_or(Value::is_array) {
        problems.add("steps", BLANK);
    }
    if list.len() > STEPS_MAX {
        problems.add("steps", format!("should have at most {STEPS_MAX} item(s)"));
        return (Vec::new(), Vec::new());
    }
    let mut steps: Vec<Step> = Vec::new();
    let mut written = Vec::new();
    for (at, entry) in list.iter().enumerate() {
        let Some(step) = Fields::of(entry, format!("steps[{at}]"), problems) else { continue };
        let reference = step.text("ref", problems).unwrap_or_default();
        match key_problem(reference) {
            Some(why) if step.get("ref").is_none_or(Value::is_string) => problems.add(step.path("ref"), why),
            _ if steps.iter().any(|known| known.reference == reference) => {
                problems.add(step.path("ref"), "has already been taken");
            }
            _ => {}
        }
        let name = step.text_within("name", 255, problems);
        let [schema_key, schema_semver, schema_variant_key] =
            ["schema_key", "schema_semver", "schema_variant_key"]
                .map(|name| step.text_required(name, problems).unwrap_or_default().to_owned());
        if steps.first().is_some_and(|first| first.schema_key != schema_key) && !schema_key.is_empty() {
            problems.add(step.path("schema_key"), "must be the message type of the first step");
        }
        let values = match step.get("values") {
            None => Map::new(),
            Some(Value::Object(values)) => values.clone(),
            Some(_) => {
                problems.add(step.path("values"), INVALID);
                Map::new()
            }
        };
        let mut kept = serde_json::json!({
            "ref": reference,
            "schema_key": schema_key,
            "schema_semver": schema_semver,
            "schema_variant_key": schema_variant_key,
            "values": values,
        });
        if let Some(name) = name {
            kept["name"] = name.into();
        }
        written.push(kept);
        steps.push(Step {
            reference: reference.to_owned(),
            schema_key,
            schema_semver,
            schema_variant_key,
            values,
        });
    }
    (steps, written)
}

#[cfg(test)]
mod tests;
