//! Workflows (section 7). Running one is the public side's business and lives elsewhere.

use axum::Json;
use axum::extract::State;
use campanile_engine::resources;
use campanile_store::ResourceKind;
use serde_json::{Map, Value};

use super::annotation;
use super::request::environment;
use super::versioned::{Facts, Versioned, view, wrapped};
use crate::app::App;
use crate::auth::ServiceToken;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};
use crate::public::segments::Segments;
use crate::query::Query;

/// Workflows in this API.
pub(super) struct Workflows;

impl Versioned for Workflows {
    const KIND: ResourceKind = ResourceKind::Workflow;

    fn complete(view: &mut Map<String, Value>, facts: &Facts<'_>) {
        view.insert("active".into(), facts.active.into());
        view.insert("valid".into(), facts.valid.into());
    }

    fn annotate(view: &mut Map<String, Value>) {
        annotation::workflow(view);
    }
}

/// Switches a workflow on or off at once. The CLI sends `status` in the query, SDKs in the body; the body wins.
pub(super) async fn activate(
    _: ServiceToken,
    State(app): State<App>,
    Segments(key): Segments<String>,
    query: Query,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let environment = environment(&app.engine().catalog(), &query)?;
    if app.store().resource(environment.id, Workflows::KIND, &key, false).await?.is_none() {
        return Err(ApiError::missing());
    }
    let active = status(body.get("status"), query.text("status"))?;
    let resource = resources::activate(app.engine(), environment.id, Workflows::KIND, &key, active).await?;
    Ok(wrapped::<Workflows>(view::<Workflows>(&app, &environment, resource, false)))
}

pub(super) fn status(body: Option<&Value>, query: Option<&str>) -> ApiResult<bool> {
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
    use serde_json::json;

    use super::*;

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
