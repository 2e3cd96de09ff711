//! Guides (section 10).

use axum::Json;
use axum::extract::State;
use campanile_core::problem::Problems;
use campanile_core::time::Timestamp;
use campanile_engine::resources::{self, Refusal};
use campanile_store::{FIRST_SEMVER, ResourceKind, Schedule};
use serde_json::{Map, Value, json};

use super::annotation;
use super::request::environment;
use super::versioned::{self, Facts, Versioned, view, wrapped};
use super::workflows::status;
use crate::app::App;
use crate::auth::ServiceToken;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};
use crate::public::segments::Segments;
use crate::query::Query;

/// Guides in this API.
pub(super) struct Guides;

impl Versioned for Guides {
    const KIND: ResourceKind = ResourceKind::Guide;

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

/// Switches a guide on or off at once, or for a time (M10.5). The CLI sends the values in the query, SDKs in the body;
/// the body wins.
pub(super) async fn activate(
    _: ServiceToken,
    State(app): State<App>,
    Segments(key): Segments<String>,
    query: Query,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let environment = environment(&app.engine().catalog(), &query)?;
    if app.store().resource(environment.id, Guides::KIND, &key, false).await?.is_none() {
        return Err(ApiError::missing());
    }
    let (engine, env) = (app.engine(), environment.id);
    let activated: Result<_, Refusal> = match activation(&body, &query)? {
        Activation::Switch(active) => resources::activate(engine, env, Guides::KIND, &key, active).await,
        Activation::Schedule(schedule) => {
            resources::schedule(engine, env, Guides::KIND, &key, schedule).await
        }
    };
    Ok(wrapped::<Guides>(view::<Guides>(&app, &environment, activated?, false)))
}

#[derive(Debug, PartialEq, Eq)]
enum Activation {
    Switch(bool),
    Schedule(Schedule),
}

fn activation(body: &Map<String, Value>, query: &Query) -> ApiResult<Activation> {
    let mut problems = Problems::default();
    let mut instant = |name: &str| {
        let given = match body.get(name) {
            None | Some(Value::Null) => json!(query.text(name)?),
            Some(given) => given.clone(),
        };
        let at = given.as_str().and_then(Timestamp::parse);
        if at.is_none() {
            problems.add(name, "is not an ISO 8601 datetime");
        }
        at
    };
    let given = |name: &str| body.get(name).is_some_and(|v| !v.is_null()) || query.text(name).is_some();
    let is_schedule = given("from") || given("until");
    if given("status") || !is_schedule {
        return Ok(Activation::Switch(status(body.get("status"), query.text("status"))?));
    }
    let schedule = Schedule { from: instant("from"), until: instant("until") };
    if let Schedule { from: Some(from), until: Some(until) } = schedule
        && until <= from
    {
        problems.add("until", "must be after from");
    }
    problems.into_result(Activation::Schedule(schedule)).map_err(ApiError::invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_activation_from_both_places() {
        let at = |text: &str| Timestamp::parse(text);
        let (from, until) = ("2024-03-20T10:00:00Z", "2024-03-21T10:00:00Z");
        let schedule = |from, until| Some(Activation::Schedule(Schedule { from, until }));
        for (body, query, want) in [
            (json!({"status": true}), "", Some(Activation::Switch(true))),
            (json!({}), "status=false", Some(Activation::Switch(false))),
            (json!({"status": true, "from": from}), "", Some(Activation::Switch(true))),
            (json!({"from": from, "until": until}), "", schedule(at(from), at(until))),
            (json!({"until": until}), "from=2024-03-20T10:00:00Z", schedule(at(from), at(until))),
            (json!({"until": until, "from": null}), "", schedule(None, at(until))),
            (json!({}), "", None),
            (json!({"from": until, "until": from}), "", None),
            (json!({"from": from, "until": from}), "", None),
            (json!({"from": "soon"}), "", None),
            (json!({"from": 7}), "", None),
        ] {
            let found = activation(body.as_object().unwrap(), &Query::parse(query));
            assert_eq!(found.ok(), want, "{body} {query}");
        }
    }
}
