//! Channel data of users and objects (recipients.md section 9).

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use campanile_core::ids::EnvId;
use campanile_core::problem::Problems;
use campanile_core::recipient::{RecipientRef, TENANTS, id_problem};
use campanile_engine::ChannelEntry;
use campanile_engine::identify::{normalize_channel_data, takes_channel_data};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::objects;
use super::segments::Segments;
use crate::app::App;
use crate::auth::AnyKey;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};

/// A user's value; 404 when none was set, which a client relies on (RC9.5).
pub(super) async fn get_of_user(
    AnyKey(env): AnyKey,
    State(app): State<App>,
    Segments((user, channel)): Segments<(String, String)>,
) -> ApiResult<Json<Value>> {
    get(&app, env, &RecipientRef::user(user), &channel).await
}

/// Replaces a user's value.
pub(super) async fn set_of_user(
    AnyKey(env): AnyKey,
    State(app): State<App>,
    Segments((user, channel)): Segments<(String, String)>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    check_id("user_id", &user)?;
    set(&app, env, RecipientRef::user(user), &channel, &body).await
}

/// Removes a user's value, if there is one.
pub(super) async fn unset_of_user(
    AnyKey(env): AnyKey,
    State(app): State<App>,
    Segments((user, channel)): Segments<(String, String)>,
) -> ApiResult<StatusCode> {
    unset(&app, env, &RecipientRef::user(user), &channel).await
}

/// An object's value.
pub(super) async fn get_of_object(
    AnyKey(env): AnyKey,
    State(app): State<App>,
    Segments((collection, id, channel)): Segments<(String, String, String)>,
) -> ApiResult<Json<Value>> {
    get(&app, env, &objects::reference(collection, id)?, &channel).await
}

/// Replaces an object's value.
pub(super) async fn set_of_object(
    AnyKey(env): AnyKey,
    State(app): State<App>,
    Segments((collection, id, channel)): Segments<(String, String, String)>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    check_id("object_id", &id)?;
    set(&app, env, objects::reference(collection, id)?, &channel, &body).await
}

/// Removes an object's value, if there is one.
pub(super) async fn unset_of_object(
    AnyKey(env): AnyKey,
    State(app): State<App>,
    Segments((collection, id, channel)): Segments<(String, String, String)>,
) -> ApiResult<StatusCode> {
    unset(&app, env, &objects::reference(collection, id)?, &channel).await
}

fn check_id(field: &str, id: &str) -> ApiResult<()> {
    id_problem(id).map_or(Ok(()), |problem| Err(ApiError::field(field, problem)))
}

/// The channel of the path, which must be set up in this environment and keep data (RC9.2).
fn channel(app: &App, env: EnvId, text: &str) -> ApiResult<Arc<ChannelEntry>> {
    let uuid = Uuid::parse_str(text).map_err(|_| ApiError::field("channel_id", "is not a channel id"))?;
    let catalog = app.engine().catalog();
    let found = catalog.channel_by_uuid(uuid).filter(|entry| entry.settings.contains_key(&env));
    let found = found.filter(|entry| takes_channel_data(&entry.channel.provider));
    found.cloned().ok_or_else(|| {
        ApiError::refused(
            "channel_invalid",
            "The channel is unknown, not set up in this environment or takes no channel data",
        )
    })
}

async fn get(app: &App, env: EnvId, of: &RecipientRef, channel_id: &str) -> ApiResult<Json<Value>> {
    // A channel that cannot have data has none: a reader hears the same as for one that is not set (RC9.5).
    let channel = channel(app, env, channel_id).map_err(|error| match error.code {
        "channel_invalid" => ApiError::missing(),
        _ => error,
    })?;
    let stored = app.store().channel_data(env, of, channel.channel.id).await?;
    let stored = stored.ok_or_else(ApiError::missing)?;
    let data = serde_json::from_str(&stored).map_err(ApiError::internal)?;
    Ok(Json(view(&channel, data)))
}

async fn set(
    app: &App,
    env: EnvId,
    of: RecipientRef,
    channel_id: &str,
    body: &Map<String, Value>,
) -> ApiResult<Json<Value>> {
    let channel = channel(app, env, channel_id)?;
    let given = body.get("data").filter(|data| !data.is_null());
    let given = given.ok_or_else(|| ApiError::field("data", "can't be blank"))?;
    let mut problems = Problems::default();
    let is_tenant = of.collection == TENANTS;
    let data = normalize_channel_data(&channel.channel.provider, given, is_tenant, "data", &mut problems);
    let data = problems.into_result(data).map_err(ApiError::invalid)?.unwrap_or_default();
    let (text, id, now) = (data.to_string(), channel.channel.id, app.now());
    app.store()
        .transact(move |tx| {
            Box::pin(async move {
                tx.touch_recipient(env, &of, now).await?;
                tx.set_channel_data(env, &of, id, &text, now).await
            })
        })
        .await?;
    Ok(Json(view(&channel, data)))
}

async fn unset(app: &App, env: EnvId, of: &RecipientRef, channel_id: &str) -> ApiResult<StatusCode> {
    let channel = channel(app, env, channel_id)?;
    app.store().delete_channel_data(env, of, channel.channel.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn view(channel: &ChannelEntry, data: Value) -> Value {
    json!({
        "__typename": "ChannelData",
        "channel_id": channel.channel.uuid.to_string(),
        "provider": channel.channel.provider,
        "data": data,
    })
}
