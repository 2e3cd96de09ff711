//! Subscriptions of objects and users (recipients.md section 10).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use campanile_core::ids::EnvId;
use campanile_core::problem::Problems;
use campanile_core::recipient::{RecipientRef, TENANTS, id_problem};
use campanile_engine::subscriptions::{
    parse_subscribe, parse_unsubscribe, subscribe, subscribers_problem, unsubscribe,
};
use campanile_store::{StoreError, SubscriptionRow, SubscriptionSide};
use parking_lot::Mutex;
use serde_json::{Map, Value, json};

use super::people::People;
use super::preferences;
use super::recipients::{PAGE_SIZE_MAX, includes_preferences, page_info};
use super::segments::Segments;
use super::{bulk, objects};
use crate::app::App;
use crate::auth::SecretKey;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};
use crate::query::Query;

/// How often a write is tried that met others of the same people.
const WRITES_MAX: u32 = 4;

/// Subscribes recipients to an object; answers the subscriptions in the order of the request.
pub(super) async fn add(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments((collection, id)): Segments<(String, String)>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let mut problems = Problems::default();
    let object = writable(collection, id, &mut problems)?;
    let given = parse_subscribe(&body, "", &app.engine().catalog(), env, &mut problems);
    problems.into_result(()).map_err(ApiError::invalid)?;
    let now = app.now();
    let mut tries = 0;
    loop {
        let (object, given) = (object.clone(), given.clone());
        let refused = Arc::new(Mutex::new(None));
        let problem = Arc::clone(&refused);
        let written = app
            .store()
            .transact(move |tx| {
                Box::pin(async move {
                    match subscribe(tx, env, &object, given, now).await? {
                        Ok(rows) => Ok(rows),
                        Err(found) => {
                            *problem.lock() = Some(found);
                            // An error undoes what was identified before: one refusal refuses the request.
                            Err(StoreError::Conflict("a subscriber was refused".into()))
                        }
                    }
                })
            })
            .await;
        if let Some(found) = refused.lock().take() {
            return Err(ApiError::invalid(found));
        }
        tries += 1;
        match written {
            Err(StoreError::Contended(_)) if tries < WRITES_MAX => {}
            written => return Ok(Json(view(&app, env, &written?, false).await?.into())),
        }
    }
}

/// Ends subscriptions; answers those that were there.
pub(super) async fn remove(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments((collection, id)): Segments<(String, String)>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let object = objects::reference(collection, id)?;
    let mut problems = Problems::default();
    let recipients = parse_unsubscribe(&body, "", &app.engine().catalog(), env, &mut problems);
    problems.into_result(()).map_err(ApiError::invalid)?;
    let deleted = app
        .store()
        .transact(move |tx| Box::pin(async move { unsubscribe(tx, env, &object, &recipients).await }))
        .await?;
    Ok(Json(view(&app, env, &deleted, false).await?.into()))
}

/// Subscribes recipients to many objects of one collection, in the background.
pub(super) async fn bulk_add(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments(collection): Segments<String>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    objects::check_collection(&collection)?;
    bulk::submit_rows(&app, env, "objects.add_subscriptions", Some(collection), rows(body)?).await
}

/// Ends subscriptions of many objects of one collection, in the background.
pub(super) async fn bulk_remove(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments(collection): Segments<String>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    objects::check_collection(&collection)?;
    bulk::submit_rows(&app, env, "objects.delete_subscriptions", Some(collection), rows(body)?).await
}

/// The entries of a bulk request; how many recipients each names is part of the envelope.
fn rows(body: Map<String, Value>) -> ApiResult<Vec<Value>> {
    let rows = bulk::rows(body, "subscriptions", bulk::Row::Entity)?;
    let mut problems = Problems::default();
    for (n, row) in rows.iter().enumerate() {
        if let Some(problem) = subscribers_problem(&row["recipients"]) {
            problems.add(format!("subscriptions[{n}].recipients"), problem);
        }
    }
    problems.into_result(rows).map_err(ApiError::invalid)
}

/// Who subscribes to an object, or what it subscribes to; unknown objects have an empty list.
pub(super) async fn list_of_object(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments((collection, id)): Segments<(String, String)>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let key = objects::reference(collection, id)?.key();
    // A filter of the other mode is ignored (RC10.4).
    let side = match query.one_of("mode", &["object", "recipient"]) {
        Some("recipient") => SubscriptionSide::Recipient(key, query.references("objects")),
        _ => SubscriptionSide::Object(key, query.references("recipients")),
    };
    list(&app, env, side, query).await
}

/// What a user subscribes to.
pub(super) async fn list_of_user(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments(id): Segments<String>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let side = SubscriptionSide::Recipient(RecipientRef::user(id).key(), query.references("objects"));
    list(&app, env, side, query).await
}

async fn list(app: &App, env: EnvId, side: SubscriptionSide, mut query: Query) -> ApiResult<Json<Value>> {
    let name = match &side {
        SubscriptionSide::Object(key, _) => format!("subscribers/{key}"),
        SubscriptionSide::Recipient(key, _) => format!("subscriptions/{key}"),
    };
    let request = query.page(&name, "page_size", PAGE_SIZE_MAX, app.cursor_key());
    let with_preferences = includes_preferences(&mut query);
    query.finish()?;
    let found = app.store().list_subscriptions(env, &side, &request).await?;
    let entries = view(app, env, &found.items, with_preferences).await?;
    Ok(Json(json!({"entries": entries, "page_info": page_info(app, &name, &found, &request)})))
}

/// Subscriptions with both of their sides, read at once.
async fn view(
    app: &App,
    env: EnvId,
    rows: &[SubscriptionRow],
    with_preferences: bool,
) -> ApiResult<Vec<Value>> {
    let keys: HashSet<String> =
        rows.iter().flat_map(|row| [row.object.clone(), row.recipient.clone()]).collect();
    let people = People::of(app, env, keys).await?;
    let mut sets = HashMap::new();
    if with_preferences {
        let recipients: HashSet<String> = rows.iter().map(|row| row.recipient.clone()).collect();
        sets = preferences::included(app, env, recipients.into_iter().collect()).await?;
    }
    let recipient = |row: &SubscriptionRow| {
        let mut recipient = people.get(&row.recipient, row.updated_at);
        if with_preferences {
            recipient["preferences"] = json!(sets.get(&row.recipient).cloned().unwrap_or_default());
        }
        recipient
    };
    let view = |row: &SubscriptionRow| {
        let properties: Option<Value> =
            row.properties.as_deref().and_then(|text| serde_json::from_str(text).ok());
        json!({
            "__typename": "Subscription",
            "object": people.get(&row.object, row.updated_at),
            "recipient": recipient(row),
            "properties": properties,
            "inserted_at": row.inserted_at,
            "updated_at": row.updated_at,
        })
    };
    Ok(rows.iter().map(view).collect())
}

/// The object of the path, which may have to be made.
fn writable(collection: String, id: String, problems: &mut Problems) -> ApiResult<RecipientRef> {
    let object = objects::reference(collection, id)?;
    let blank = object.collection == TENANTS && object.id.contains(char::is_whitespace);
    if let Some(problem) = id_problem(&object.id).or(blank.then_some("must not contain whitespace")) {
        problems.add("object_id", problem);
    }
    Ok(object)
}
