//! Order and throttle of an environment's guides (in-app.md IA13.2, IA13.3): the peer has no API for them.

use std::collections::HashSet;

use axum::Json;
use axum::extract::State;
use campanile_core::fields::Fields;
use campanile_core::problem::Problems;
use campanile_engine::guides::GROUP;
use campanile_store::GuideGroupRow;
use serde_json::{Value, json};

use crate::app::App;
use crate::auth::ServiceToken;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};
use crate::query::Query;

/// Keys in one list.
const KEYS_MAX: usize = 1_000;
/// A year.
const INTERVAL_SECONDS_MAX: i64 = 31_536_000;

/// What an answer has, so that it can be sent back.
const MEMBERS: [&str; 6] =
    ["key", "display_sequence", "unthrottled", "display_interval", "inserted_at", "updated_at"];

/// The group as it was saved.
pub(super) async fn get(_: ServiceToken, State(app): State<App>, query: Query) -> ApiResult<Json<Value>> {
    let env = environment(&app, &query)?;
    query.finish()?;
    Ok(Json(view(&app.engine().guide_group(env).await?)))
}

/// Replaces order and throttle. Keys of guides that do not exist are kept: the guide may come later.
pub(super) async fn set(
    _: ServiceToken,
    State(app): State<App>,
    query: Query,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let env = environment(&app, &query)?;
    query.finish()?;
    let stored = app.engine().guide_group(env).await?;
    let mut problems = Problems::default();
    for name in body.keys().filter(|name| !MEMBERS.contains(&name.as_str())) {
        // A misspelt name would clear what it was meant to set.
        problems.add(name, "is not a member of a guide group");
    }
    let body = Value::Object(body);
    let group = Fields::of(&body, "", &mut problems).map(|fields| GuideGroupRow {
        key: GROUP.to_owned(),
        sequence: keys(&fields, "display_sequence", &mut problems),
        unthrottled: keys(&fields, "unthrottled", &mut problems),
        display_interval: interval(&fields, &mut problems),
        inserted_at: stored.inserted_at,
        updated_at: app.now(),
    });
    let group = problems.into_result(group).map_err(ApiError::invalid)?.ok_or_else(ApiError::missing)?;
    app.engine().set_guide_group(env, group.clone()).await?;
    Ok(Json(view(&group)))
}

fn environment(app: &App, query: &Query) -> ApiResult<campanile_core::ids::EnvId> {
    let slug = query.text("environment").unwrap_or("development");
    Ok(app.engine().catalog().environment(slug).ok_or_else(ApiError::missing)?.id)
}

fn keys(fields: &Fields<'_>, name: &str, problems: &mut Problems) -> Vec<String> {
    let keys = fields.texts(name, problems);
    if keys.len() > KEYS_MAX {
        problems.add(name, format!("should have at most {KEYS_MAX} item(s)"));
    }
    let mut seen = HashSet::new();
    for (at, key) in keys.iter().enumerate() {
        if !seen.insert(key) {
            problems.add(format!("{name}[{at}]"), "has already been taken");
        }
    }
    keys
}

fn interval(fields: &Fields<'_>, problems: &mut Problems) -> Option<i64> {
    let given = fields.get("display_interval")?;
    let seconds = given.as_i64().filter(|seconds| (1..=INTERVAL_SECONDS_MAX).contains(seconds));
    if seconds.is_none() {
        problems.add(
            "display_interval",
            format!("must be between 1 and {INTERVAL_SECONDS_MAX} seconds, or null"),
        );
    }
    seconds
}

fn view(group: &GuideGroupRow) -> Value {
    json!({
        "key": group.key,
        "display_sequence": group.sequence,
        "unthrottled": group.unthrottled,
        "display_interval": group.display_interval,
        "inserted_at": group.inserted_at,
        "updated_at": group.updated_at,
    })
}
