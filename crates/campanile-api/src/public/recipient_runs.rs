//! Recipient runs and their events: why somebody was notified, or was not (workflows.md sections 4 and 27).

use axum::Json;
use axum::extract::State;
use campanile_core::event::MessageEventType;
use campanile_core::ids::{EnvId, Ksuid};
use campanile_core::recipient::RecipientRef;
use campanile_core::time::Timestamp;
use campanile_engine::{LoggedEvent, Origin, read_log};
use campanile_store::{RunEvent, RunFilter, RunStatus, StoredRun};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::recipients::{PAGE_SIZE_MAX, page_info};
use super::references;
use super::segments::Segments;
use super::sources::parsed;
use crate::app::App;
use crate::auth::SecretKey;
use crate::error::{ApiError, ApiResult};
use crate::query::Query;

/// Longer texts are cut out of logs (R27.4).
const TEXT_BYTES_MAX: usize = 1024;
const LIST: &str = "workflow_recipient_runs";

/// Runs, newest first.
pub(super) async fn list(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let request = query.page(LIST, "page_size", PAGE_SIZE_MAX, app.cursor_key());
    let filter = filter(&app, env, query)?;
    let found = app.store().list_recipient_runs(env, &filter, &request).await?;
    let items: Vec<Value> = found.items.iter().map(view).collect();
    Ok(Json(json!({"items": items, "page_info": page_info(&app, LIST, &found, &request)})))
}

/// One run with its events.
pub(super) async fn get(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments(id): Segments<String>,
) -> ApiResult<Json<Value>> {
    let id = Uuid::parse_str(&id).map_err(|_| ApiError::missing())?;
    let stored = app.store().recipient_run(id).await?.filter(|stored| stored.run.env == env);
    let stored = stored.filter(|stored| stored.recipient_run.inserted_at >= app.engine().readable_since(env));
    let stored = stored.ok_or_else(ApiError::missing)?;
    let delivered = app.store().delivery_events(env, stored.run.id, &stored.recipient_run.recipient).await?;
    let mut run = view(&stored);
    run["events"] = Value::Array(events(&stored, &delivered));
    Ok(Json(run))
}

fn filter(app: &App, env: EnvId, mut query: Query) -> ApiResult<RunFilter> {
    let mut statuses = Vec::new();
    let mut unknown = false;
    for name in query.list("status") {
        match RunStatus::from_wire(name) {
            Some(status) => statuses.push(status),
            None => unknown = true,
        }
    }
    if unknown {
        let known = RunStatus::ALL.map(RunStatus::as_str).join(", ");
        query.problems.add("status", format!("must be one of {known}"));
    }
    let recipients = references::in_query(&mut query, "recipient");
    if recipients.as_ref().is_some_and(|list| list.len() > 1) {
        query.problems.add("recipient", "must be one recipient");
    }
    let filter = RunFilter {
        workflow: query.text("workflow").map(str::to_owned),
        statuses,
        tenant: query.text("tenant").map(str::to_owned),
        has_errors: query.bool("has_errors"),
        recipient: recipients.and_then(|list| list.first().map(RecipientRef::key)),
        after: query.datetime("starting_at"),
        before: query.datetime("ending_at"),
        retained_from: app.engine().readable_since(env),
    };
    query.finish()?;
    Ok(filter)
}

fn view(stored: &StoredRun) -> Value {
    let (run, row) = (&stored.run, &stored.recipient_run);
    json!({
        "__typename": "WorkflowRecipientRun",
        "id": row.id.to_string(),
        "workflow_run_id": run.id.to_string(),
        "workflow": run.workflow,
        "status": row.status.as_str(),
        "recipient": RecipientRef::from_key(&row.recipient),
        "actor": run.actor.as_deref().map(RecipientRef::from_key),
        "tenant": run.tenant,
        "error_count": row.error_count,
        "trigger_source": trigger_source(stored),
        "inserted_at": row.inserted_at,
        "updated_at": stored.updated_at,
    })
}

/// Which members there are depends on the origin (3.6).
fn trigger_source(stored: &StoredRun) -> Value {
    let origin = Origin::of(&stored.run);
    let mut source = Map::new();
    source.insert("type".into(), origin.as_str().into());
    match origin {
        Origin::Schedule(occurrence) => {
            source.insert("schedule_id".into(), occurrence.id.into());
        }
        Origin::Audience { key } => {
            source.insert("audience_key".into(), key.into());
        }
        Origin::Broadcast => {}
        Origin::Api | Origin::Rehearsal => {
            source.insert("cancellation_key".into(), json!(stored.run.cancellation_key));
        }
    }
    Value::Object(source)
}

/// What the run decided, and between it what became of its messages, in the order of their instants.
fn events(stored: &StoredRun, delivered: &[RunEvent]) -> Vec<Value> {
    let id = stored.recipient_run.id;
    let log = read_log(&stored.recipient_run.log);
    let mut events: Vec<(Timestamp, Value)> =
        log.iter().enumerate().map(|(n, event)| (Timestamp(event.at), logged(id, n, event))).collect();
    events.extend(delivered.iter().filter_map(|event| Some((event.event.inserted_at, outcome(id, event)?))));
    // Stable: what happened at one instant keeps its order, decisions before outcomes.
    events.sort_by_key(|(at, _)| *at);
    events.into_iter().map(|(_, event)| event).collect()
}

fn logged(run: Uuid, n: usize, event: &LoggedEvent) -> Value {
    json!({
        "__typename": "WorkflowRecipientRunEvent",
        "id": Ksuid::derived(Timestamp(event.at), &[b"run event", run.as_bytes(), &n.to_be_bytes()]),
        "event": event.event,
        "status": if event.is_error { "error" } else { "ok" },
        "step_ref": event.step,
        "step_type": event.step_type,
        "attempt": event.attempt.unwrap_or(1),
        "data": object(cut(event.data.clone())),
        "inserted_at": Timestamp(event.at),
    })
}

/// What became of a message; that it was made is in the log already.
fn outcome(run: Uuid, event: &RunEvent) -> Option<Value> {
    use MessageEventType as Type;
    let kind = Type::from_code(event.event.kind)?;
    let (name, is_error) = match kind {
        Type::Sent => ("message_sent", false),
        Type::Delivered => ("message_delivered", false),
        Type::NotSent => ("message_not_sent", false),
        Type::DeliveryAttempted => ("message_delivery_attempted", false),
        Type::Undelivered => ("message_undelivered", true),
        Type::Bounced => ("message_bounced", true),
        _ => return None,
    };
    let mut data = Map::new();
    data.insert("message_id".into(), event.event.message.to_string().into());
    if let Value::Object(more) = parsed(event.event.data.as_deref()) {
        data.extend(more);
    }
    Some(json!({
        "__typename": "WorkflowRecipientRunEvent",
        "id": Ksuid::derived(
            event.event.inserted_at,
            &[b"run outcome", run.as_bytes(), &event.event.message.0, &event.event.seq.to_be_bytes()],
        ),
        "event": name,
        "status": if is_error { "error" } else { "ok" },
        "step_ref": event.step,
        "step_type": "channel",
        "attempt": 1,
        "data": cut(Value::Object(data)),
        "inserted_at": event.event.inserted_at,
    }))
}

/// `data` is a map or null.
fn object(data: Value) -> Value {
    match data {
        Value::Object(_) | Value::Null => data,
        other => json!({"value": other}),
    }
}

/// Long texts stand for themselves no more (R27.4).
fn cut(value: Value) -> Value {
    match value {
        Value::String(text) if text.len() > TEXT_BYTES_MAX => "[TRUNCATED]".into(),
        Value::Array(list) => list.into_iter().map(cut).collect(),
        Value::Object(map) => map.into_iter().map(|(key, value)| (key, cut(value))).collect(),
        other => other,
    }
}
