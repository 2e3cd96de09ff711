//! Message types (templates.md section 17).

use campanile_core::message_type::{self, BUILTIN, builtin};
use campanile_core::problem::FieldProblem;
use campanile_core::workflow;
use campanile_store::ResourceKind;
use serde_json::Value;

use super::{Context, Kind, liquid_problem};

pub(super) const MESSAGE_TYPE: Kind =
    Kind { kind: ResourceKind::MessageType, starts_active: true, check, key_problem: workflow::key_problem };

fn check(document: &Value, _: &Context) -> Result<Value, Vec<FieldProblem>> {
    message_type::check(document, &liquid_problem)
}

/// True when a key belongs to a type that comes with the installation, which nobody changes (management.md M10.1).
pub fn is_builtin(kind: ResourceKind, key: &str) -> bool {
    kind == ResourceKind::MessageType && BUILTIN.contains(&key)
}

/// Why a document cannot be saved under a key: it would change a built-in type. One that says the same as the type
/// does changes nothing, so the CLI can push what it pulled.
pub(super) fn builtin_problem(kind: ResourceKind, key: &str, content: &Value) -> Option<FieldProblem> {
    if !is_builtin(kind, key) {
        return None;
    }
    let same = builtin(key).and_then(|document| check(&document, &Context::default()).ok());
    (same.as_ref() != Some(content)).then(|| FieldProblem::new("key", "is a built-in message type"))
}
