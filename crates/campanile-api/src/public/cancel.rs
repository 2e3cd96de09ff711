//! `POST /v1/workflows/{key}/cancel`: 204 whether or not anything matched (workflows.md section 21).

use axum::extract::State;
use axum::http::StatusCode;
use campanile_core::ids::EnvId;
use campanile_core::problem::Problems;
use campanile_core::recipient::RecipientRef;
use campanile_engine::identify::parse_recipient;
use serde_json::{Map, Value};

use super::segments::Segments;
use crate::app::App;
use crate::auth::SecretKey;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};

/// Stops the runs that share the key.
pub(super) async fn cancel(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments(workflow): Segments<String>,
    JsonObject(body): JsonObject,
) -> ApiResult<StatusCode> {
    stop(&app, env, &workflow, &body, Problems::default()).await
}

/// Stops the runs of one workflow that the body describes, unless something about the request was refused.
pub(super) async fn stop(
    app: &App,
    env: EnvId,
    workflow: &str,
    body: &Map<String, Value>,
    mut problems: Problems,
) -> ApiResult<StatusCode> {
    let key = match body.get("cancellation_key") {
        Some(Value::String(key)) if key.contains('\0') => {
            problems.add("cancellation_key", "must not contain a NUL character");
            String::new()
        }
        Some(Value::String(key)) if !key.is_empty() => key.clone(),
        None | Some(Value::Null) => {
            problems.add("cancellation_key", "can't be blank");
            String::new()
        }
        Some(_) => {
            problems.add("cancellation_key", "must be a non-empty string");
            String::new()
        }
    };
    let catalog = app.engine().catalog();
    let recipients: Option<Vec<RecipientRef>> = match body.get("recipients") {
        None | Some(Value::Null) => None,
        Some(Value::Array(list)) => Some(
            list.iter()
                .enumerate()
                .filter_map(|(n, value)| {
                    parse_recipient(value, &format!("recipients[{n}]"), &catalog, env, &mut problems)
                })
                .map(|one| one.reference().clone())
                .collect(),
        ),
        Some(_) => {
            problems.add("recipients", "must be a list");
            None
        }
    };
    problems.into_result(()).map_err(ApiError::invalid)?;
    app.engine().cancel(env, workflow, &key, recipients).await?;
    Ok(StatusCode::NO_CONTENT)
}
