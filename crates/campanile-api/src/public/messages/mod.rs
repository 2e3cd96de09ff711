//! Messages: lists, one, and everything that hangs on one (delivery.md sections 1, 4, 5, 6, 15; in-app.md 7 to 9).

pub(super) mod activities;
pub(super) mod bulk;
pub(super) mod content;
pub(super) mod engage;
mod filter;
pub(super) mod history;
mod view;

use axum::Json;
use axum::extract::State;
use campanile_core::ids::{EnvId, Ksuid};
use campanile_core::recipient::RecipientRef;
use campanile_store::{MessageView, Page, PageRequest};
use serde_json::{Value, json};

use super::objects;
use super::recipients::{PAGE_SIZE_MAX, page_info};
use super::segments::Segments;
use super::sources::Sources;
use crate::app::App;
use crate::auth::{ClientKey, SecretKey};
use crate::error::{ApiError, ApiResult};
use crate::query::Query;

/// Every message of the environment.
pub(super) async fn list(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    query: Query,
) -> ApiResult<Json<Value>> {
    page_of(&app, env, None, query).await
}

/// The messages of a user; none when it is unknown (R15.4).
pub(super) async fn list_of_user(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments(user): Segments<String>,
    query: Query,
) -> ApiResult<Json<Value>> {
    page_of(&app, env, Some(RecipientRef::user(user)), query).await
}

/// The messages of an object.
pub(super) async fn list_of_object(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments((collection, id)): Segments<(String, String)>,
    query: Query,
) -> ApiResult<Json<Value>> {
    page_of(&app, env, Some(objects::reference(collection, id)?), query).await
}

/// One message.
pub(super) async fn get(
    key: ClientKey,
    State(app): State<App>,
    Segments(id): Segments<String>,
) -> ApiResult<Json<Value>> {
    let message = find(&app, key.env, &id).await?;
    key.check_message(&message.row.recipient, message.row.tenant.as_deref())?;
    let views = views(&app, std::slice::from_ref(&message)).await?;
    Ok(Json(views.into_iter().next().unwrap_or_default()))
}

async fn page_of(
    app: &App,
    env: EnvId,
    recipient: Option<RecipientRef>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let name = match &recipient {
        None => "messages".to_owned(),
        Some(recipient) => format!("messages/{recipient}"),
    };
    let request = query.page(&name, "page_size", PAGE_SIZE_MAX, app.cursor_key());
    let filter = filter::read(app, env, recipient, query).await?;
    let found = match filter {
        Some(filter) => app.store().list_messages(env, &filter, &request).await?,
        None => Page { items: Vec::new(), after: None, before: None },
    };
    let items = views(app, &found.items).await?;
    Ok(Json(items_body(app, &name, items, &found, &request)))
}

/// A message by its id as it stands in a path. Past retention it is as if it had never been (R12.1).
async fn find(app: &App, env: EnvId, id: &str) -> ApiResult<MessageView> {
    let id: Ksuid = id.parse().map_err(|_| ApiError::missing())?;
    let message = app.store().message(env, id).await?.ok_or_else(ApiError::missing)?;
    if id.at() < app.engine().readable_since(env) {
        return Err(ApiError::missing());
    }
    Ok(message)
}

/// Messages as the API answers them, with one read for all their runs.
async fn views(app: &App, messages: &[MessageView]) -> ApiResult<Vec<Value>> {
    let sources = Sources::of(app, messages).await?;
    let catalog = app.engine().catalog();
    Ok(messages.iter().map(|message| view::message(message, &sources, &catalog)).collect())
}

/// The envelope of lists around messages: `items`, not `entries` (A6.1).
fn items_body<T>(app: &App, name: &str, items: Vec<Value>, found: &Page<T>, request: &PageRequest) -> Value {
    json!({"items": items, "page_info": page_info(app, name, found, request)})
}
