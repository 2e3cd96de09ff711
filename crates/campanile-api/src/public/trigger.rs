//! `POST /v1/workflows/{key}/trigger`: shapes are checked here, the engine decides the rest.

use std::sync::Arc;

use aws_lc_rs::digest;
use axum::Extension;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use campanile_core::ids::EnvId;
use campanile_core::problem::Problems;
use campanile_engine::identify::{Identify, parse_recipient, parse_tenant};
use campanile_engine::{Accepted, Trigger, TriggerError};
use campanile_store::{RunRow, StoredReply};
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;

use super::segments::Segments;
use crate::app::{App, InProgress};
use crate::auth::SecretKey;
use crate::body::RawBody;
use crate::error::{ApiError, ApiResult};
use crate::router::RequestId;

/// Recipients named by one trigger at the most (workflows.md R3.2).
const RECIPIENTS_MAX: usize = 1_000;
/// Longest idempotency key (api-conventions.md A7.2).
const IDEMPOTENCY_KEY_CHARS_MAX: usize = 255;

#[derive(Deserialize)]
struct Body<'b> {
    #[serde(borrow, default)]
    recipients: Option<&'b RawValue>,
    #[serde(borrow, default)]
    actor: Option<&'b RawValue>,
    #[serde(borrow, default)]
    data: Option<&'b RawValue>,
    #[serde(borrow, default)]
    tenant: Option<&'b RawValue>,
    #[serde(borrow, default)]
    cancellation_key: Option<&'b RawValue>,
    #[serde(borrow, default)]
    settings: Option<&'b RawValue>,
}

/// Answers `{"workflow_run_id": …}` when the run is on disk.
pub(super) async fn trigger(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments(key): Segments<String>,
    Extension(RequestId(request_id)): Extension<RequestId>,
    headers: HeaderMap,
    RawBody(bytes): RawBody,
) -> ApiResult<Response> {
    let idempotency = Idempotency::begin(&app, env, &key, &headers, &bytes, request_id)?;
    if let Some(first) = &idempotency {
        let kept = app.store().kept_reply(env, &first.key, app.now()).await?;
        if let Some(reply) = kept {
            return first.replay(&reply);
        }
    }
    let mut trigger = read(&app, env, key, &bytes)?;
    trigger.idempotency = idempotency.as_ref().map(|i| (i.key.clone(), i.hash, i.request_id.clone()));
    match app.engine().trigger(trigger).await.map_err(refuse)? {
        Accepted::Run(id) => Ok((
            [(header::CONTENT_TYPE, "application/json; charset=utf-8")],
            format!(r#"{{"workflow_run_id":"{id}"}}"#),
        )
            .into_response()),
        Accepted::Repeated(reply) => match &idempotency {
            Some(first) if !reply.request_hash.is_empty() => first.replay(&reply),
            _ => Err(ApiError::in_progress()),
        },
    }
}

pub(crate) fn refuse(error: TriggerError) -> ApiError {
    match error {
        TriggerError::WorkflowMissing => ApiError::workflow_missing(),
        TriggerError::WorkflowInactive => {
            ApiError::refused("workflow_inactive", "The workflow is inactive in this environment")
        }
        TriggerError::ActorMissing => ApiError::refused("actor_missing", "The actor has not been identified"),
        TriggerError::Invalid(problems) => ApiError::invalid(problems),
        TriggerError::Store(error) => error.into(),
    }
}

fn parse(raw: Option<&RawValue>) -> ApiResult<Value> {
    raw.map_or(Ok(Value::Null), |raw| serde_json::from_str(raw.get()).map_err(ApiError::malformed))
}

/// Reads and checks a trigger; every problem at once.
pub(crate) fn read(app: &App, env: EnvId, workflow: String, bytes: &[u8]) -> ApiResult<Trigger> {
    if bytes.iter().find(|b| !b.is_ascii_whitespace()).is_none_or(|b| *b != b'{') {
        // Tells what is not JSON from JSON that is not an object.
        crate::body::parse_object(bytes)?;
        return Err(ApiError::field("recipients", "can't be blank"));
    }
    // Members that are not read are not looked into, so the text is checked as a whole.
    let text = std::str::from_utf8(bytes).map_err(ApiError::malformed)?;
    let body: Body<'_> = serde_json::from_str(text).map_err(ApiError::malformed)?;
    let catalog = app.engine().catalog();
    let mut problems = Problems::default();
    let recipients = match parse(body.recipients)? {
        Value::Array(list) if list.is_empty() => {
            problems.add("recipients", "should have at least 1 item(s)");
            Vec::new()
        }
        Value::Array(list) if list.len() > RECIPIENTS_MAX => {
            problems.add("recipients", format!("should have at most {RECIPIENTS_MAX} item(s)"));
            Vec::new()
        }
        Value::Array(list) => list
            .iter()
            .enumerate()
            .filter_map(|(n, value)| {
                parse_recipient(value, &format!("recipients[{n}]"), &catalog, env, &mut problems)
            })
            .collect(),
        Value::Null => {
            problems.add("recipients", "can't be blank");
            Vec::new()
        }
        _ => {
            problems.add("recipients", "must be a list");
            Vec::new()
        }
    };
    let actor = match parse(body.actor)? {
        Value::Null => None,
        value => parse_recipient(&value, "actor", &catalog, env, &mut problems),
    };
    let tenant: Option<Identify> = match parse(body.tenant)? {
        Value::Null => None,
        value => parse_tenant(&value, "tenant", &catalog, env, &mut problems),
    };
    let cancellation_key = match parse(body.cancellation_key)? {
        Value::Null => None,
        Value::String(text) if text.contains('\0') => {
            problems.add("cancellation_key", "must not contain a NUL character");
            None
        }
        Value::String(text) => Some(text),
        _ => {
            problems.add("cancellation_key", "must be a string");
            None
        }
    };
    let flags = flags(&parse(body.settings)?, &mut problems);
    let data = match body.data {
        Some(raw) => match serde_json::from_str(raw.get()).map_err(ApiError::malformed)? {
            Value::Null => None,
            value @ Value::Object(_) => Some((Arc::from(raw.get()), Arc::new(value))),
            _ => {
                problems.add("data", "must be an object");
                None
            }
        },
        None => None,
    };
    problems.into_result(()).map_err(ApiError::invalid)?;
    Ok(Trigger { env, workflow, recipients, actor, tenant, data, cancellation_key, flags, idempotency: None })
}

fn flags(settings: &Value, problems: &mut Problems) -> i64 {
    let settings = match settings {
        Value::Null => return 0,
        Value::Object(map) => map,
        _ => {
            problems.add("settings", "must be an object");
            return 0;
        }
    };
    let mut flags = 0;
    for (name, bit) in [("sandbox_mode", RunRow::SANDBOX), ("skip_delay", RunRow::SKIP_DELAY)] {
        match settings.get(name) {
            Some(Value::Bool(true)) => flags |= bit,
            None | Some(Value::Null | Value::Bool(false)) => {}
            Some(_) => problems.add(format!("settings.{name}"), "must be true or false"),
        }
    }
    flags
}

/// A request that carries an idempotency key. While it lives, its twin is told to wait.
struct Idempotency {
    key: String,
    hash: [u8; 32],
    request_id: String,
    _held: InProgress,
}

impl Idempotency {
    fn begin(
        app: &App,
        env: EnvId,
        workflow: &str,
        headers: &HeaderMap,
        bytes: &[u8],
        request_id: String,
    ) -> ApiResult<Option<Self>> {
        let Some(value) = headers.get("idempotency-key") else { return Ok(None) };
        let value = value.to_str().unwrap_or_default();
        if value.is_empty() {
            return Ok(None);
        }
        if value.chars().count() > IDEMPOTENCY_KEY_CHARS_MAX {
            return Err(ApiError::bad_request(
                "idempotency_key_too_long",
                format!("The idempotency key is longer than {IDEMPOTENCY_KEY_CHARS_MAX} characters"),
            ));
        }
        // Equal requests are equal as JSON, whatever their white space and key order (A7.7): maps print sorted.
        let canonical = serde_json::from_slice::<Value>(bytes).map_err(ApiError::malformed)?.to_string();
        let hash = digest::digest(&digest::SHA256, canonical.as_bytes());
        let key = format!("trigger {workflow} {value}");
        let held = app.take_idempotency_key(env, &key).ok_or_else(ApiError::in_progress)?;
        let hash = hash.as_ref().try_into().map_err(ApiError::internal)?;
        Ok(Some(Self { key, hash, request_id, _held: held }))
    }

    /// The kept answer, when the request is the same.
    fn replay(&self, reply: &StoredReply) -> ApiResult<Response> {
        if reply.request_hash != self.hash {
            return Err(ApiError::bad_request(
                "idempotency_mismatch",
                "This idempotency key was used with other parameters",
            ));
        }
        let json = [(header::CONTENT_TYPE, "application/json; charset=utf-8")];
        let mut response = (json, reply.body.clone()).into_response();
        response.headers_mut().insert("idempotent-replayed", HeaderValue::from_static("true"));
        if let Ok(value) = HeaderValue::from_str(&reply.request_id) {
            response.headers_mut().insert("original-x-request-id", value);
        }
        Ok(response)
    }
}
