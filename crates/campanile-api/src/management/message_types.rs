//! Message types (section 10, templates.md section 17).

use campanile_engine::resources::is_builtin;
use campanile_store::{FIRST_SEMVER, ResourceKind};
use serde_json::{Map, Value};

use super::annotation;
use super::versioned::{Facts, Versioned};

/// Message types in this API.
pub(super) struct MessageTypes;

impl Versioned for MessageTypes {
    const KIND: ResourceKind = ResourceKind::MessageType;
    const OPERATIONS: [&'static str; 4] =
        ["listMessageTypes", "getMessageType", "upsertMessageType", "validateMessageType"];

    fn complete(view: &mut Map<String, Value>, facts: &Facts<'_>) {
        let owner = if is_builtin(Self::KIND, facts.key) { "system" } else { "user" };
        view.insert("owner".into(), owner.into());
        view.insert("valid".into(), facts.valid.into());
        view.insert("semver".into(), facts.semver.unwrap_or(FIRST_SEMVER).into());
    }

    fn annotate(view: &mut Map<String, Value>) {
        annotation::message_type(view);
    }
}
