//! Workflows (section 7). Running one is the public side's business and lives elsewhere.

use campanile_store::ResourceKind;
use serde_json::{Map, Value};

use super::annotation;
use super::versioned::{Facts, Versioned};

/// Workflows in this API.
pub(super) struct Workflows;

impl Versioned for Workflows {
    const KIND: ResourceKind = ResourceKind::Workflow;
    const OPERATIONS: [&'static str; 4] =
        ["listWorkflows", "getWorkflow", "upsertWorkflow", "validateWorkflow"];

    fn complete(view: &mut Map<String, Value>, facts: &Facts<'_>) {
        view.insert("active".into(), facts.active.into());
        view.insert("valid".into(), facts.valid.into());
    }

    fn annotate(view: &mut Map<String, Value>) {
        annotation::workflow(view);
    }
}
