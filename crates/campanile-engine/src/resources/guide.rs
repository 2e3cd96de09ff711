//! Guides (in-app.md section 12, management.md section 10).

use std::sync::Arc;

use campanile_core::ids::EnvId;
use campanile_core::message_type::MessageType;
use campanile_core::problem::{FieldProblem, Problems};
use campanile_core::{guide, workflow};
use campanile_store::{ResourceKind, StoreError};
use serde_json::Value;

use super::{Context, Kind};
use crate::engine::Engine;
use crate::guides::Content;
use crate::program::{each_partial, missing_partial};

pub(super) const GUIDE: Kind =
    Kind { kind: ResourceKind::Guide, starts_active: false, check, key_problem: workflow::key_problem };

fn check(document: &Value, context: &Context) -> Result<Value, Vec<FieldProblem>> {
    let (guide, content) = guide::check(document, context)?;
    let mut problems = Problems::default();
    for (at, step) in guide.steps.iter().enumerate() {
        let Some(message_type) = variant_of(step, context) else { continue };
        let Some(variant) = message_type.variant(&step.schema_variant_key) else { continue };
        if let Err(found) = Content::compile(variant, &step.values) {
            problems.extend(found.into_iter().map(|problem| FieldProblem {
                field: format!("steps[{at}].values.{}", problem.field),
                ..problem
            }));
        }
    }
    for (at, step) in guide.steps.iter().enumerate() {
        for (name, value) in &step.values {
            each_partial(value, &format!("steps[{at}].values.{name}"), &mut |path, key| {
                if !context.partials.contains(key) {
                    problems.extend([missing_partial(path, key)]);
                }
            });
        }
    }
    problems.into_result(content)
}

fn variant_of(step: &guide::Step, context: &Context) -> Option<Arc<MessageType>> {
    guide::Catalog::message_type(context, &step.schema_key, &step.schema_semver)
}

/// The JSON Schemas of the steps of some guides, in order (M10.7): what type generation reads. A step whose message
/// type is gone has an empty one.
pub async fn step_schemas(
    engine: &Engine,
    env: EnvId,
    guides: &[&Value],
) -> Result<Vec<Vec<Value>>, StoreError> {
    let context = Context::load_for(engine, env, ResourceKind::Guide).await?;
    let of_step = |step: &Value| {
        let text = |name: &str| step[name].as_str().unwrap_or_default();
        let found = guide::Catalog::message_type(&context, text("schema_key"), text("schema_semver"));
        let schema = found.as_ref().and_then(|found| found.variant(text("schema_variant_key")));
        schema.map_or_else(|| serde_json::json!({}), |variant| variant.json_schema())
    };
    let of_guide = |guide: &&Value| guide["steps"].as_array().into_iter().flatten().map(of_step).collect();
    Ok(guides.iter().map(of_guide).collect())
}
