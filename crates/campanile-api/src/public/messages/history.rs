//! What happened to a message: its events and its exchanges with the provider (delivery.md sections 4 and 6).

use axum::Json;
use axum::extract::State;
use campanile_core::event::MessageEventType;
use campanile_core::ids::EnvId;
use campanile_core::recipient::RecipientRef;
use campanile_store::{DeliveryLog, EventRow, event_id};
use serde_json::{Value, json};

use super::{find, items_body};
use crate::app::App;
use crate::auth::SecretKey;
use crate::error::ApiResult;
use crate::public::recipients::PAGE_SIZE_MAX;
use crate::public::segments::Segments;
use crate::public::sources::parsed;
use crate::query::Query;

/// Events, newest first.
pub(in crate::public) async fn events(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments(id): Segments<String>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let message = find(&app, env, &id).await?;
    let name = format!("message_events/{id}");
    let request = query.page(&name, "page_size", PAGE_SIZE_MAX, app.cursor_key());
    query.finish()?;
    let found = app.store().message_events(message.row.id, &request).await?;
    let recipient = RecipientRef::from_key(&message.row.recipient);
    let items = found.items.iter().map(|event| event_view(event, &recipient)).collect();
    Ok(Json(items_body(&app, &name, items, &found, &request)))
}

/// Exchanges with the provider, newest first; never any for in-app messages.
pub(in crate::public) async fn delivery_logs(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments(id): Segments<String>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let message = find(&app, env, &id).await?;
    let name = format!("delivery_logs/{id}");
    let request = query.page(&name, "page_size", PAGE_SIZE_MAX, app.cursor_key());
    query.finish()?;
    let found = app.store().delivery_logs(message.row.id, &request).await?;
    let environment = environment_id(&app, env);
    let items = found.items.iter().map(|log| log_view(log, &environment)).collect();
    Ok(Json(items_body(&app, &name, items, &found, &request)))
}

fn event_view(event: &EventRow, recipient: &RecipientRef) -> Value {
    json!({
        "__typename": "MessageEvent",
        "id": event_id(event),
        "type": MessageEventType::from_code(event.kind),
        "recipient": recipient,
        "inserted_at": event.inserted_at,
        "data": parsed(event.data.as_deref()),
    })
}

fn log_view(log: &DeliveryLog, environment: &str) -> Value {
    json!({
        "__typename": "MessageDeliveryLog",
        "id": log.id,
        "environment_id": environment,
        "service_name": log.service,
        "request": parsed(Some(&log.request)),
        "response": parsed(Some(&log.response)),
        "inserted_at": log.inserted_at,
    })
}

fn environment_id(app: &App, env: EnvId) -> String {
    let catalog = app.engine().catalog();
    catalog.environment_by_id(env).map_or_else(String::new, |env| env.uuid.to_string())
}
