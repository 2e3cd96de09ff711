//! Switching a resource on and off: at once, per environment, without a commit (M7.1, M10.5).

use axum::Json;
use axum::extract::State;
use campanile_core::problem::Problems;
use campanile_core::time::Timestamp;
use campanile_engine::resources;
use campanile_store::{ResourceKind, Schedule};
use serde_json::{Map, Value, json};

use super::request::environment;
use super::versioned::{Versioned, view, wrapped};
use crate::app::App;
use crate::auth::ServiceToken;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};
use crate::public::segments::Segments;
use crate::query::Query;

/// `PUT /v1/<kind>s/{key}/activate`. The CLI sends the values in the query, SDKs in the body; the body wins (corner 1).
/// Only guides know schedules.
pub(super) async fn activate<K: Versioned>(
    _: ServiceToken,
    State(app): State<App>,
    Segments(key): Segments<String>,
    query: Query,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let environment = environment(&app.engine().catalog(), &query)?;
    if app.store().resource(environment.id, K::KIND, &key, false).await?.is_none() {
        return Err(ApiError::missing());
    }
    let asked = match K::KIND {
        ResourceKind::Guide => activation(&body, &query)?,
        _ => Activation::Switch(status(body.get("status"), query.text("status"))?),
    };
    let (engine, env) = (app.engine(), environment.id);
    let activated = match asked {
        Activation::Switch(active) => resources::activate(engine, env, K::KIND, &key, active).await,
        Activation::Schedule(schedule) => resources::schedule(engine, env, K::KIND, &key, schedule).await,
    };
    Ok(wrapped::<K>(view::<K>(&app, &environment, activated?, false)))
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

fn status(body: Option<&Value>, query: Option<&str>) -> ApiResult<bool> {
    let text = match body {
        Some(Value::Bool(active)) => return Ok(*active),
        Some(Value::String(text)) => Some(text.as_str()),
        None | Some(Value::Null) => query,
        Some(_) => Some(""),
    };
    match text {
        Some("true") => Ok(true),
        Some("false") => Ok(false),
        Some(_) => Err(ApiError::field("status", "is invalid")),
        None => Err(ApiError::field("status", "can't be blank")),
    }
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

    #[test]
    fn reads_the_status_from_both_places() {
        for (body, query, want) in [
            (json!(true), None, Some(true)),
            (json!("false"), Some("true"), Some(false)),
            (json!(null), Some("true"), Some(true)),
            (json!(null), None, None),
            (json!(1), Some("true"), None),
            (json!("yes"), None, None),
            (json!(null), Some("on"), None),
        ] {
            assert_eq!(status(Some(&body), query).ok(), want, "{body} {query:?}");
        }
        assert_eq!(status(None, Some("false")).ok(), Some(false));
    }
}
