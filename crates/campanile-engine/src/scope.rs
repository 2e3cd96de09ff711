//! What one recipient run can read (workflows.md section 5): shared parts by reference, own parts built when the
//! program reads them.

use std::sync::Arc;

use campanile_core::scope::Scope;
use serde_json::{Value, json};

use crate::program::Program;

/// Roots that all recipients of a workflow run share: built once per run.
#[derive(Debug, Default)]
pub(crate) struct SharedRoots {
    pub(crate) data: Arc<Value>,
    pub(crate) actor: Option<Arc<Value>>,
    pub(crate) tenant: Option<Arc<Value>>,
    pub(crate) workflow: Value,
    pub(crate) vars: Arc<Value>,
    pub(crate) timestamp: Value,
}

/// The roots of one recipient run.
pub(crate) struct RunScope<'r> {
    pub(crate) shared: &'r SharedRoots,
    /// The recipient's own trigger data, when it differs.
    pub(crate) data: Option<Value>,
    pub(crate) recipient: Value,
    pub(crate) run: Value,
    pub(crate) activities: Value,
    pub(crate) actors: Value,
    pub(crate) total_activities: Value,
    pub(crate) total_actors: Value,
    /// Only while a message is rendered.
    pub(crate) current_message: Value,
    /// In place of the shared ones, while a message is rendered whose layout or recipient has some of its own.
    pub(crate) vars: Option<Arc<Value>>,
}

impl<'r> RunScope<'r> {
    /// The scope of a run that has met no batch: one activity, its actor if any.
    pub(crate) fn new(shared: &'r SharedRoots, data: Option<Value>, recipient: Value) -> Self {
        let actors = i64::from(shared.actor.is_some());
        Self {
            shared,
            data,
            recipient,
            run: json!({"total_activities": 1, "total_actors": actors}),
            activities: Value::Null,
            actors: Value::Null,
            total_activities: json!(1),
            total_actors: json!(actors),
            current_message: Value::Null,
            vars: None,
        }
    }

    /// Builds `activities` and `actors`, for programs that read them.
    pub(crate) fn with_activities(mut self) -> Self {
        let data = self.data.as_ref().unwrap_or(&self.shared.data);
        let mut activity = data.as_object().cloned().unwrap_or_default();
        activity.insert("data".into(), data.clone());
        activity.insert("recipient".into(), self.recipient.clone());
        activity.insert("actor".into(), self.shared.actor.as_deref().cloned().unwrap_or(Value::Null));
        activity.insert("inserted_at".into(), self.shared.timestamp.clone());
        activity.insert("updated_at".into(), self.shared.timestamp.clone());
        self.activities = json!([activity]);
        self.actors = self.shared.actor.as_deref().map_or_else(|| json!([]), |actor| json!([actor]));
        self
    }

    /// The run's data as it stands.
    pub(crate) fn data(&self) -> &Value {
        self.data.as_ref().unwrap_or(&self.shared.data)
    }
}

impl Scope for RunScope<'_> {
    fn root(&self, name: &str) -> Option<&Value> {
        let present = |value: &'_ Value| !value.is_null();
        match name {
            "data" => Some(self.data()),
            "recipient" => Some(&self.recipient),
            "actor" => Some(self.shared.actor.as_deref().unwrap_or(&Value::Null)),
            "tenant" => self.shared.tenant.as_deref(),
            "workflow" => Some(&self.shared.workflow),
            "vars" => Some(self.vars.as_ref().unwrap_or(&self.shared.vars)),
            "timestamp" => Some(&self.shared.timestamp),
            "run" => Some(&self.run),
            "total_activities" => Some(&self.total_activities),
            "total_actors" => Some(&self.total_actors),
            "activities" => Some(&self.activities).filter(|v| present(v)),
            "actors" => Some(&self.actors).filter(|v| present(v)),
            "current_message" => Some(&self.current_message).filter(|v| present(v)),
            _ => None,
        }
    }
}

/// `workflow` as templates and conditions see it (workflows.md C16).
pub(crate) fn workflow_root(program: &Program, cancellation_key: Option<&str>) -> Value {
    json!({
        "id": program.version.to_string(),
        "key": program.key,
        "name": program.name,
        "categories": program.categories,
        "commercial": program.is_commercial,
        "override_preferences": program.override_preferences,
        "cancellation_key": cancellation_key,
    })
}
