//! Status changes by recipients (in-app.md section 8): one message, or a batch.

use std::collections::{HashMap, HashSet};

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use campanile_core::ids::{EnvId, Ksuid};
use campanile_core::problem::Problems;
use campanile_core::workflow::ChannelType;
use campanile_engine::engagement::{Action, change};
use campanile_store::MessageView;
use serde_json::{Map, Value};

use super::views;
use crate::app::App;
use crate::auth::ClientKey;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};
use crate::public::segments::Segments;

/// Ids in one batch: documented as 50, but the browser SDK sends whatever it has scrolled through (IA8.4).
const BATCH_MAX: usize = 1_000;
/// Ids in one rate limit header: Node refuses an answer with more than 16 KiB of headers.
const RATE_LIMITED_MAX: usize = 250;
/// Pairs in the metadata of an interaction (R3.4).
const METADATA_PAIRS_MAX: usize = 5;

/// One message. `metadata` of an interaction becomes the data of its event.
pub(in crate::public) async fn one(
    key: ClientKey,
    app: App,
    id: String,
    action: Action,
    body: Map<String, Value>,
) -> ApiResult<Json<Value>> {
    let env = key.env;
    let id: Ksuid = id.parse().map_err(|_| ApiError::missing())?;
    let message = app.store().message(env, id).await?;
    let message = message.filter(|message| can_change(&app, env, message)).ok_or_else(ApiError::missing)?;
    key.check_message(&message.row.recipient, message.row.tenant.as_deref())?;
    let mut problems = Problems::default();
    let metadata = metadata(action, &body, &mut problems);
    problems.into_result(()).map_err(ApiError::invalid)?;
    let changed = app.store().engage(env, vec![id], change(action, metadata), app.now()).await?;
    let views = views(&app, &changed).await?;
    Ok(Json(views.into_iter().next().ok_or_else(ApiError::missing)?))
}

/// Many messages: answered in the order asked for, unknown ids left out (S15). A message that a batch changed less than
/// a second ago is answered as it is and named in a header (A9.2).
pub(in crate::public) async fn many(
    key: ClientKey,
    app: App,
    action: Action,
    body: Map<String, Value>,
) -> ApiResult<(HeaderMap, Json<Value>)> {
    let mut problems = Problems::default();
    let ids = message_ids(&body, &mut problems);
    let metadata = metadata(action, &body, &mut problems);
    problems.into_result(()).map_err(ApiError::invalid)?;
    let env = key.env;
    let known = app.store().messages(env, &ids).await?;
    for message in &known {
        // One message of somebody else refuses them all: nothing is changed (api-conventions.md 2.2).
        key.check_message(&message.row.recipient, message.row.tenant.as_deref())?;
    }
    let known = known.into_iter().filter(|message| can_change(&app, env, message));
    let mut shown: HashMap<Ksuid, MessageView> = known.map(|message| (message.row.id, message)).collect();
    let ids: Vec<Ksuid> = ids.into_iter().filter(|id| shown.contains_key(id)).collect();
    let now = app.now();
    let (free, limited): (Vec<Ksuid>, Vec<Ksuid>) =
        ids.iter().partition(|id| app.batch_updates().take(env, **id, now));
    if !free.is_empty() {
        let changed = app.store().engage(env, free, change(action, metadata), now).await?;
        shown.extend(changed.into_iter().map(|message| (message.row.id, message)));
    }
    let answered: Vec<MessageView> = ids.iter().filter_map(|id| shown.remove(id)).collect();
    Ok((rate_limited("message_ids", &limited)?, Json(views(&app, &answered).await?.into())))
}

/// `x-ratelimited-<parameter>`, when there is anything to say. It names no more ids than clients accept in one header.
fn rate_limited(parameter: &str, ids: &[Ksuid]) -> ApiResult<HeaderMap> {
    let mut headers = HeaderMap::new();
    if !ids.is_empty() {
        let list: Vec<String> = ids.iter().take(RATE_LIMITED_MAX).map(Ksuid::to_string).collect();
        let name = HeaderName::try_from(format!("x-ratelimited-{parameter}")).map_err(ApiError::internal)?;
        headers.insert(name, HeaderValue::try_from(list.join(",")).map_err(ApiError::internal)?);
    }
    Ok(headers)
}

/// In-app messages for ever, others until their retention ends (R3.8).
fn can_change(app: &App, env: EnvId, message: &MessageView) -> bool {
    let catalog = app.engine().catalog();
    let kind = catalog.channel(message.row.channel).map(|entry| entry.kind);
    matches!(kind, Some(ChannelType::InAppFeed | ChannelType::InAppGuide))
        || message.row.id.at() >= app.engine().readable_since(env)
}

/// The ids that could exist, each once, in the order given.
fn message_ids(body: &Map<String, Value>, problems: &mut Problems) -> Vec<Ksuid> {
    let list = match body.get("message_ids") {
        None | Some(Value::Null) => {
            problems.add("message_ids", "can't be blank");
            return Vec::new();
        }
        Some(Value::Array(list)) => list,
        Some(_) => {
            problems.add("message_ids", "must be a list");
            return Vec::new();
        }
    };
    if list.is_empty() {
        problems.add("message_ids", "can't be blank");
    }
    if list.len() > BATCH_MAX {
        problems.add("message_ids", format!("should have at most {BATCH_MAX} item(s)"));
        return Vec::new();
    }
    let mut seen = HashSet::new();
    let mut ids = Vec::with_capacity(list.len());
    for (n, value) in list.iter().enumerate() {
        match value {
            Value::String(text) => ids.extend(text.parse::<Ksuid>().ok().filter(|id| seen.insert(*id))),
            _ => problems.add(format!("message_ids[{n}]"), "must be a string"),
        }
    }
    ids
}

/// A flat map of at most five pairs; only interactions have one.
pub(in crate::public) fn metadata(
    action: Action,
    body: &Map<String, Value>,
    problems: &mut Problems,
) -> Option<String> {
    if action != Action::Interacted {
        return None;
    }
    match body.get("metadata") {
        None | Some(Value::Null) => return None,
        Some(Value::Object(map)) if map.len() > METADATA_PAIRS_MAX => {
            problems.add("metadata", format!("should have at most {METADATA_PAIRS_MAX} pair(s)"));
        }
        Some(Value::Object(map)) if map.values().any(|value| value.is_object() || value.is_array()) => {
            problems.add("metadata", "must not hold nested values");
        }
        Some(metadata @ Value::Object(_)) => return Some(metadata.to_string()),
        Some(_) => problems.add("metadata", "must be an object"),
    }
    None
}

macro_rules! handlers {
    ($($single:ident, $batch:ident: $action:ident;)*) => {$(
        /// One message.
        pub(in crate::public) async fn $single(
            key: ClientKey,
            State(app): State<App>,
            Segments(id): Segments<String>,
            JsonObject(body): JsonObject,
        ) -> ApiResult<Json<Value>> {
            one(key, app, id, Action::$action, body).await
        }

        /// Many messages.
        pub(in crate::public) async fn $batch(
            key: ClientKey,
            State(app): State<App>,
            JsonObject(body): JsonObject,
        ) -> ApiResult<(HeaderMap, Json<Value>)> {
            many(key, app, Action::$action, body).await
        }
    )*};
}

handlers! {
    seen, batch_seen: Seen;
    unseen, batch_unseen: Unseen;
    read, batch_read: Read;
    unread, batch_unread: Unread;
    interacted, batch_interacted: Interacted;
    archived, batch_archived: Archived;
    unarchived, batch_unarchived: Unarchived;
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_bodies() {
        let id = Ksuid::floor(campanile_core::time::Timestamp(1_700_000_000_000_000)).to_string();
        for (body, ids, refused) in [
            (json!({"message_ids":[id, "x", id]}), 1, None),
            (json!({}), 0, Some("message_ids")),
            (json!({"message_ids":[]}), 0, Some("message_ids")),
            (json!({"message_ids":"x"}), 0, Some("message_ids")),
            (json!({"message_ids":[7]}), 0, Some("message_ids[0]")),
            (json!({"message_ids":vec!["x";1_001]}), 0, Some("message_ids")),
            (json!({"message_ids":["x"],"metadata":{"a":1,"b":null}}), 0, None),
            (json!({"message_ids":["x"],"metadata":{"a":{}}}), 0, Some("metadata")),
            (
                json!({"message_ids":["x"],"metadata":{"a":1,"b":1,"c":1,"d":1,"e":1,"f":1}}),
                0,
                Some("metadata"),
            ),
            (json!({"message_ids":["x"],"metadata":[]}), 0, Some("metadata")),
        ] {
            let Value::Object(map) = body.clone() else { unreachable!() };
            let mut problems = Problems::default();
            assert_eq!(message_ids(&map, &mut problems).len(), ids, "{body}");
            metadata(Action::Interacted, &map, &mut problems);
            let found = problems.into_result(()).err().and_then(|mut found| found.pop());
            assert_eq!(found.map(|problem| problem.field), refused.map(str::to_owned), "{body}");
        }
    }
}
