//! Guides (section 10).

use axum::Json;
use axum::extract::State;
use campanile_engine::resources;
use campanile_store::{FIRST_SEMVER, ResourceKind};
use serde_json::{Map, Value};

use super::annotation;
use super::request::environment;
use super::versioned::{self, Facts, Versioned};
use crate::app::App;
use crate::auth::ServiceToken;
use crate::error::ApiResult;
use crate::query::Query;

/// Guides in this API.
pub(super) struct Guides;

impl Versioned for Guides {
    const KIND: ResourceKind = ResourceKind::Guide;
    const OPERATIONS: [&'static str; 4] = ["listGuides", "getGuide", "upsertGuide", "validateGuide"];

    fn complete(view: &mut Map<String, Value>, facts: &Facts<'_>) {
        let message_type = view.get("steps").and_then(|steps| steps.get(0)?.get("schema_key").cloned());
        if let Some(message_type) = message_type {
            view.insert("type".into(), message_type);
        }
        view.insert("active".into(), (facts.active && facts.schedule.has(facts.now)).into());
        view.insert("valid".into(), facts.valid.into());
        view.insert("semver".into(), facts.semver.unwrap_or(FIRST_SEMVER).into());
        for (name, at) in [("active_from", facts.schedule.from), ("active_until", facts.schedule.until)] {
            if let Some(at) = at {
                view.insert(name.into(), at.to_string().into());
            }
        }
    }

    fn annotate(view: &mut Map<String, Value>) {
        annotation::guide(view);
    }
}

/// `GET /v1/guides`, with the JSON Schemas of the steps when they are asked for (M10.7).
pub(super) async fn list(
    token: ServiceToken,
    State(app): State<App>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let with_schemas = query.bool("include_json_schema").unwrap_or(false);
    let environment = environment(&app.engine().catalog(), &query)?;
    let Json(mut body) = versioned::list::<Guides>(token, State(app.clone()), query).await?;
    if with_schemas && let Some(Value::Array(entries)) = body.get_mut("entries") {
        let guides: Vec<&Value> = entries.iter().collect();
        let schemas = resources::step_schemas(app.engine(), environment.id, &guides).await?;
        for (guide, schemas) in entries.iter_mut().zip(schemas) {
            let steps = guide.get_mut("steps").and_then(Value::as_array_mut);
            for (step, schema) in steps.into_iter().flatten().zip(schemas) {
                step["json_schema"] = schema;
            }
        }
    }
    Ok(Json(body))
}
