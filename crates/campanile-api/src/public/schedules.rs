//! Schedules (workflows.md section 22): shapes are checked here, the engine does the rest.

use std::collections::HashSet;

use axum::Json;
use axum::extract::State;
use campanile_core::ids::EnvId;
use campanile_core::problem::Problems;
use campanile_core::recipient::RecipientRef;
use campanile_engine::identify::{parse_recipient, parse_tenant};
use campanile_engine::{
    BULK_ROWS_MAX, BulkSubmission, CreateSchedules, SCHEDULES_MAX, ScheduleChange, parse_new_timing,
    parse_timing, parse_workflow,
};
use campanile_store::{ScheduleFilter, ScheduleRow};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::people::People;
use super::recipients::{PAGE_SIZE_MAX, page_info};
use super::references;
use super::segments::Segments;
use super::sources::parsed;
use super::trigger::refuse;
use super::{bulk, objects};
use crate::app::App;
use crate::auth::SecretKey;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};
use crate::query::Query;

/// Makes a schedule for each recipient.
pub(super) async fn create(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let catalog = app.engine().catalog();
    let mut problems = Problems::default();
    let given = |name: &str| body.get(name).filter(|value| !value.is_null());
    let workflow = parse_workflow(&body, &mut problems);
    let recipients = up_to_a_hundred(&body, "recipients", &mut problems)
        .iter()
        .enumerate()
        .filter_map(|(n, value)| {
            parse_recipient(value, &format!("recipients[{n}]"), &catalog, env, &mut problems)
        })
        .collect();
    let actor =
        given("actor").and_then(|value| parse_recipient(value, "actor", &catalog, env, &mut problems));
    let tenant =
        given("tenant").and_then(|value| parse_tenant(value, "tenant", &catalog, env, &mut problems));
    let timing = parse_new_timing(&body, &mut problems);
    let workflow = problems.into_result(workflow).map_err(ApiError::invalid)?.unwrap_or_default();
    let wanted = CreateSchedules {
        workflow,
        recipients,
        actor,
        tenant,
        data: timing.data,
        repeats: timing.repeats,
        scheduled_at: timing.scheduled_at,
        ending_at: timing.ending_at,
    };
    let rows = app.engine().create_schedules(env, wanted).await.map_err(refuse)?;
    Ok(Json(Value::Array(views(&app, env, &rows).await?)))
}

/// Changes schedules, all of them in the same way (S47).
pub(super) async fn update(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let catalog = app.engine().catalog();
    let mut problems = Problems::default();
    let ids = ids(&body, &mut problems);
    let actor = body.get("actor").map(|value| match value {
        Value::Null => None,
        value => references::in_body(value, "actor", &mut problems),
    });
    let tenant = body.get("tenant").map(|value| match value {
        Value::Null => None,
        value => parse_tenant(value, "tenant", &catalog, env, &mut problems),
    });
    let timing = parse_timing(&body, &mut problems);
    problems.into_result(()).map_err(ApiError::invalid)?;
    let says = |name: &str| body.contains_key(name);
    let change = ScheduleChange {
        actor,
        tenant,
        data: says("data").then_some(timing.data),
        repeats: says("repeats").then_some(timing.repeats),
        scheduled_at: says("scheduled_at").then_some(timing.scheduled_at),
        ending_at: says("ending_at").then_some(timing.ending_at),
    };
    let rows = app.engine().update_schedules(env, ids, change).await.map_err(refuse)?;
    Ok(Json(Value::Array(views(&app, env, &rows).await?)))
}

/// Deletes schedules and answers what they were. Runs that have started go on.
pub(super) async fn delete(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let mut problems = Problems::default();
    let ids = ids(&body, &mut problems);
    problems.into_result(()).map_err(ApiError::invalid)?;
    let rows = app.engine().delete_schedules(env, ids).await?;
    Ok(Json(Value::Array(views(&app, env, &rows).await?)))
}

/// The schedules of a workflow, newest first.
pub(super) async fn list_all(
    app: &App,
    env: EnvId,
    name: &str,
    filter: ScheduleFilter,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let request = query.page(name, "page_size", PAGE_SIZE_MAX, app.cursor_key());
    let filter = ScheduleFilter {
        workflow: query.text("workflow").map(str::to_owned),
        tenant: query.text("tenant").map(str::to_owned),
        ..filter
    };
    query.finish()?;
    let found = app.store().list_schedules(env, &filter, &request).await?;
    let entries = views(app, env, &found.items).await?;
    Ok(Json(json!({"entries": entries, "page_info": page_info(app, name, &found, &request)})))
}

/// The schedules of a workflow, newest first.
pub(super) async fn list(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    if query.text("workflow").is_none() {
        query.problems.add("workflow", "can't be blank");
    }
    let recipients = references::in_query(&mut query, "recipients");
    if recipients.as_ref().is_some_and(|list| list.len() > SCHEDULES_MAX) {
        query.problems.add("recipients", format!("should have at most {SCHEDULES_MAX} item(s)"));
    }
    let recipients = recipients.map(|list| list.iter().map(RecipientRef::key).collect());
    list_all(&app, env, "schedules", ScheduleFilter { recipients, ..ScheduleFilter::default() }, query).await
}

/// The schedules of a user; none when it is unknown.
pub(super) async fn list_of_user(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments(user): Segments<String>,
    query: Query,
) -> ApiResult<Json<Value>> {
    list_of(&app, env, RecipientRef::user(user), query).await
}

/// The schedules of an object; none when it is unknown.
pub(super) async fn list_of_object(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments((collection, id)): Segments<(String, String)>,
    query: Query,
) -> ApiResult<Json<Value>> {
    objects::check_collection(&collection)?;
    list_of(&app, env, RecipientRef::object(collection, id), query).await
}

async fn list_of(app: &App, env: EnvId, recipient: RecipientRef, query: Query) -> ApiResult<Json<Value>> {
    let filter = ScheduleFilter { recipients: Some(vec![recipient.key()]), ..ScheduleFilter::default() };
    list_all(app, env, &format!("schedules/{recipient}"), filter, query).await
}

/// Up to a thousand schedules at once, each with its own recipient; recipients may repeat.
pub(super) async fn bulk_create(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    JsonObject(mut body): JsonObject,
) -> ApiResult<Json<Value>> {
    let rows = match body.remove("schedules") {
        None | Some(Value::Null) => return Err(ApiError::field("schedules", "can't be blank")),
        Some(Value::Array(rows)) => rows,
        Some(_) => return Err(ApiError::field("schedules", "must be a list")),
    };
    if rows.is_empty() {
        return Err(ApiError::field("schedules", "should have at least 1 item(s)"));
    }
    if rows.len() > BULK_ROWS_MAX {
        return Err(ApiError::field("schedules", format!("should have at most {BULK_ROWS_MAX} item(s)")));
    }
    let mut problems = Problems::default();
    for (n, row) in rows.iter().enumerate() {
        let Some(row) = row.as_object() else {
            problems.add(format!("schedules[{n}]"), "must be an object");
            continue;
        };
        let mut of_row = Problems::default();
        parse_workflow(row, &mut of_row);
        references::in_body(row.get("recipient").unwrap_or(&Value::Null), "recipient", &mut of_row);
        if let Err(found) = of_row.into_result(()) {
            for problem in found {
                problems.add(format!("schedules[{n}].{}", problem.field), problem.message);
            }
        }
    }
    problems.into_result(()).map_err(ApiError::invalid)?;
    let rows_estimated = rows.len();
    let submission = BulkSubmission {
        env,
        kind: "schedules.create",
        name: None,
        scope: None,
        input: Value::Array(rows),
        rows_estimated,
    };
    bulk::submit(&app, submission).await
}

/// A list of up to a hundred.
fn up_to_a_hundred<'b>(body: &'b Map<String, Value>, name: &str, problems: &mut Problems) -> &'b [Value] {
    let problem = match body.get(name) {
        Some(Value::Array(list)) if list.is_empty() => "should have at least 1 item(s)".to_owned(),
        Some(Value::Array(list)) if list.len() > SCHEDULES_MAX => {
            format!("should have at most {SCHEDULES_MAX} item(s)")
        }
        Some(Value::Array(list)) => return list,
        None | Some(Value::Null) => "can't be blank".to_owned(),
        Some(_) => "must be a list".to_owned(),
    };
    problems.add(name, problem);
    &[]
}

/// `schedule_ids`, each once; a text that is no UUID names nothing.
fn ids(body: &Map<String, Value>, problems: &mut Problems) -> Vec<Uuid> {
    let mut ids = Vec::new();
    for (n, value) in up_to_a_hundred(body, "schedule_ids", problems).iter().enumerate() {
        match value.as_str() {
            Some(text) => ids.extend(Uuid::parse_str(text).ok().filter(|id| !ids.contains(id))),
            None => problems.add(format!("schedule_ids[{n}]"), "must be a string"),
        }
    }
    ids
}

/// Schedules as the API answers them, with one read for all their people.
async fn views(app: &App, env: EnvId, rows: &[ScheduleRow]) -> ApiResult<Vec<Value>> {
    let keys: HashSet<String> =
        rows.iter().flat_map(|row| std::iter::once(&row.recipient).chain(&row.actor)).cloned().collect();
    let people = People::of(app, env, keys).await?;
    Ok(rows.iter().map(|row| view(row, &people)).collect())
}

fn view(row: &ScheduleRow, people: &People) -> Value {
    json!({
        "__typename": "Schedule",
        "id": row.id.to_string(),
        "workflow": row.workflow,
        "recipient": people.get(&row.recipient, row.inserted_at),
        "actor": row.actor.as_deref().map(|actor| people.get(actor, row.inserted_at)),
        "tenant": row.tenant,
        "data": parsed(row.data.as_deref()),
        "repeats": parsed(Some(&row.repeats)),
        "scheduled_at": row.scheduled_at,
        "ending_at": row.ending_at,
        "last_occurrence_at": row.last_at,
        "next_occurrence_at": row.next_at,
        "inserted_at": row.inserted_at,
        "updated_at": row.updated_at,
    })
}
