//! What messages said (delivery.md section 5).

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use campanile_channels::message::Content;
use campanile_core::ids::Ksuid;
use campanile_core::workflow::ChannelType;
use campanile_engine::Catalog;
use campanile_store::MessageView;
use serde_json::{Value, json};

use super::{filter, find};
use crate::app::App;
use crate::auth::SecretKey;
use crate::error::{ApiError, ApiResult};
use crate::public::segments::Segments;
use crate::query::Query;

/// The content of one message.
pub(in crate::public) async fn get(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments(id): Segments<String>,
) -> ApiResult<Json<Value>> {
    let message = find(&app, env, &id).await?;
    Ok(Json(view(&message, &app.engine().catalog())?))
}

/// The contents of many, in the order asked for; unknown ids are left out.
pub(in crate::public) async fn batch(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let mut problems = std::mem::take(&mut query.problems);
    let ids = filter::message_ids(&query.list("message_ids"), &mut problems);
    if ids.is_none() {
        problems.add("message_ids", "can't be blank");
    }
    let ids = problems.into_result(ids).map_err(ApiError::invalid)?.unwrap_or_default();
    let catalog = app.engine().catalog();
    let retained_from = app.engine().readable_since(env);
    let found = app.store().messages(env, &ids).await?;
    let found: HashMap<Ksuid, MessageView> =
        found.into_iter().map(|message| (message.row.id, message)).collect();
    let wanted = ids.iter().filter(|id| id.at() >= retained_from).filter_map(|id| found.get(id));
    let contents = wanted.map(|message| view(message, &catalog)).collect::<ApiResult<Vec<_>>>()?;
    Ok(Json(contents.into()))
}

fn view(message: &MessageView, catalog: &Catalog) -> ApiResult<Value> {
    let kind = catalog.channel(message.row.channel).map(|entry| entry.kind);
    Ok(json!({
        "__typename": "MessageContent",
        "message_id": message.row.id,
        "inserted_at": message.row.id.at(),
        "data": data(kind, &message.row.content)?,
    }))
}

/// The variant of the channel's type; secrets masked.
fn data(kind: Option<ChannelType>, stored: &str) -> ApiResult<Value> {
    if matches!(kind, Some(ChannelType::InAppFeed | ChannelType::InAppGuide)) {
        let mut content: Value = serde_json::from_str(stored).map_err(ApiError::internal)?;
        let blocks = content.get_mut("blocks").map(Value::take).filter(Value::is_array);
        let mut data = json!({
            "__typename": "MessageInAppFeedContent",
            "blocks": blocks.unwrap_or_else(|| json!([])),
        });
        // A guide has no blocks; what its client showed is beside them.
        if kind == Some(ChannelType::InAppGuide) {
            data["content"] = content.get_mut("content").map(Value::take).unwrap_or_default();
        }
        return Ok(data);
    }
    let content: Content = serde_json::from_str(stored).map_err(ApiError::internal)?;
    Ok(content.wire())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_the_variant() {
        for (kind, stored, want) in [
            (ChannelType::InAppFeed, json!({"blocks":[]}), "MessageInAppFeedContent"),
            (ChannelType::Email, json!({"channel_type":"email","from":"a","to":"b"}), "MessageEmailContent"),
            (ChannelType::Sms, json!({"channel_type":"sms","to":"1","body":"b"}), "MessageSmsContent"),
            (ChannelType::Push, json!({"channel_type":"push","token":"t"}), "MessagePushContent"),
            (ChannelType::Chat, json!({"channel_type":"chat","connection":{}}), "MessageChatContent"),
        ] {
            assert_eq!(data(Some(kind), &stored.to_string()).unwrap()["__typename"], want);
        }
        assert!(data(Some(ChannelType::Email), "nonsense").is_err());
    }
}
