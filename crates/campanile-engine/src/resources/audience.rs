//! Audiences (management.md section 11). Who is a member is no part of the definition (M11.4).

use campanile_core::problem::FieldProblem;
use campanile_core::{audience, workflow};
use campanile_store::ResourceKind;
use serde_json::Value;

use super::{Context, Kind};

pub(super) const AUDIENCE: Kind =
    Kind { kind: ResourceKind::Audience, starts_active: true, check, key_problem: workflow::key_problem };

fn check(document: &Value, _: &Context) -> Result<Value, Vec<FieldProblem>> {
    audience::parse(document).map(|(content, _)| content)
}

/// The type of an audience never changes (S22).
pub(super) fn change_problem(stored: &str, new: &Value) -> Option<FieldProblem> {
    let stored: Value = serde_json::from_str(stored).ok()?;
    (stored["type"] != new["type"]).then(|| FieldProblem::new("type", "cannot be changed"))
}
