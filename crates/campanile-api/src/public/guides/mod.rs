//! Guides of a user (in-app.md sections 13 and 14).

mod engage;
mod view;

pub(super) use engage::{archived, archived_by_message, interacted, interacted_by_message, reset, seen};
pub(super) use engage::{seen_by_message, unarchived};

use axum::Json;
use axum::extract::State;
use campanile_core::ids::ChannelId;
use campanile_core::workflow::ChannelType;
use campanile_engine::guides::GuideQuery;
use serde_json::{Value, json};
use uuid::Uuid;

use super::segments::Segments;
use crate::app::App;
use crate::auth::AnyKey;
use crate::error::{ApiError, ApiResult};
use crate::query::Query;

/// The guides that a user may see on a channel, rendered, and why not the others.
pub(super) async fn list(
    AnyKey(env): AnyKey,
    State(app): State<App>,
    Segments((user, channel)): Segments<(String, String)>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let channel = guide_channel(&app, &channel)?;
    let data = data(&mut query);
    let force_all = query.bool("force_all_guides").unwrap_or(false);
    let tenant = query.text("tenant").map(str::to_owned);
    let message_type = query.text("type").map(str::to_owned);
    query.finish()?;
    let wanted = GuideQuery { env, user, channel, tenant, data, message_type, force_all };
    let list = app.engine().guides_of(&wanted).await?;
    Ok(Json(view::list(&list, channel)))
}

/// `data` as an object; anything else is refused.
fn data(query: &mut Query) -> Value {
    let Some(text) = query.text("data") else { return json!({}) };
    match serde_json::from_str(text) {
        Ok(data @ Value::Object(_)) => data,
        _ => {
            query.problems.add("data", "is not a JSON object");
            json!({})
        }
    }
}

fn guide_channel(app: &App, text: &str) -> ApiResult<ChannelId> {
    let uuid = Uuid::parse_str(text).map_err(|_| ApiError::missing())?;
    let catalog = app.engine().catalog();
    let found = catalog.channel_by_uuid(uuid).filter(|entry| entry.kind == ChannelType::InAppGuide);
    found
        .map(|entry| entry.channel.id)
        .ok_or_else(|| ApiError::refused("channel_invalid", "The channel is not an in-app guide channel"))
}
