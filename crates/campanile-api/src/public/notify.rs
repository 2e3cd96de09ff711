//! `POST /v1/notify` and `/v1/notify/cancel`: the trigger before workflows had paths. The workflow's key is `name`, the
//! actor is required, and neither tenants, settings, idempotency nor inline recipients are known (workflows.md R3.3).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use campanile_core::problem::Problems;
use campanile_engine::Accepted;
use campanile_engine::identify::Identify;
use serde_json::{Map, Value, json};

use super::cancel;
use super::trigger;
use crate::app::App;
use crate::auth::SecretKey;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};

/// What is read of the body; everything else is ignored.
const MEMBERS: [&str; 4] = ["recipients", "actor", "data", "cancellation_key"];

/// Triggers a workflow; `result_id` is the run's id.
pub(super) async fn notify(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    JsonObject(mut body): JsonObject,
) -> ApiResult<Json<Value>> {
    let mut problems = Problems::default();
    let workflow = name(&body, &mut problems);
    if body.get("actor").is_none_or(Value::is_null) {
        problems.add("actor", "can't be blank");
    }
    body.retain(|member, _| MEMBERS.contains(&member.as_str()));
    let text = Value::Object(body).to_string();
    let read = trigger::read(&app, env, workflow, text.as_bytes());
    let trigger = match read {
        Ok(trigger) => Some(trigger),
        Err(error) if !error.errors.is_empty() => {
            problems.extend(error.errors);
            None
        }
        Err(error) => return Err(error),
    };
    if let Some(trigger) = &trigger {
        let named = trigger.recipients.iter().enumerate().map(|(n, one)| (format!("recipients[{n}]"), one));
        let actor = trigger.actor.iter().map(|one| ("actor".to_owned(), one));
        for (field, one) in named.chain(actor) {
            if matches!(one, Identify::Upsert(_)) {
                problems.add(field, "must be a reference");
            }
        }
    }
    let trigger = problems.into_result(trigger).map_err(ApiError::invalid)?;
    let trigger = trigger.ok_or_else(|| ApiError::internal("a refused trigger named no problem"))?;
    match app.engine().trigger(trigger).await.map_err(trigger::refuse)? {
        Accepted::Run(id) => Ok(Json(json!({"result_id": id.to_string()}))),
        Accepted::Repeated(_) => Err(ApiError::internal("a trigger without a key was repeated")),
    }
}

/// Stops the runs of a workflow that share a key.
pub(super) async fn stop(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    JsonObject(body): JsonObject,
) -> ApiResult<StatusCode> {
    let mut problems = Problems::default();
    let workflow = name(&body, &mut problems);
    cancel::stop(&app, env, &workflow, &body, problems).await
}

/// The workflow's key; empty when it was refused.
fn name(body: &Map<String, Value>, problems: &mut Problems) -> String {
    match body.get("name") {
        Some(Value::String(name)) if name.contains('\0') => {
            problems.add("name", "must not contain a NUL character");
        }
        Some(Value::String(name)) if !name.is_empty() => return name.clone(),
        None | Some(Value::Null | Value::String(_)) => problems.add("name", "can't be blank"),
        Some(_) => problems.add("name", "must be a string"),
    }
    String::new()
}
