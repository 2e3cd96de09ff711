//! `/v1/audiences/{key}/members` (recipients.md section 14).

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use campanile_core::ids::EnvId;
use campanile_core::problem::Problems;
use campanile_core::recipient::id_problem;
use campanile_engine::identify::{parse_tenant, parse_user};
use campanile_engine::{Catalog, MEMBERS_MAX, MembershipError, NewMember};
use campanile_store::Member;
use serde_json::{Map, Value, json};

use super::people::People;
use super::recipients::{PAGE_SIZE_MAX, page_info};
use super::segments::Segments;
use crate::app::App;
use crate::auth::SecretKey;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};
use crate::query::Query;

/// Adds members, identifying their users first.
pub(super) async fn add(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments(key): Segments<String>,
    mut query: Query,
    JsonObject(body): JsonObject,
) -> ApiResult<StatusCode> {
    let create = query.bool("create_audience").unwrap_or(false);
    query.finish()?;
    let catalog = app.engine().catalog();
    let mut problems = Problems::default();
    let members = each(&body, &mut problems, |map, field, problems| {
        let tenant = tenant(map, field, &catalog, env, problems);
        let user = user(map, field, problems)?;
        let id = id(user, field, problems)?;
        let user = parse_user(id, user.clone(), &format!("{field}.user"), &catalog, env, problems)?;
        Some(NewMember { user, tenant: tenant? })
    });
    let members = problems.into_result(members).map_err(ApiError::invalid)?;
    app.engine().add_audience_members(env, &key, create, members).await.map_err(refuse)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Removes members; of a user only the id is looked at.
pub(super) async fn remove(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments(key): Segments<String>,
    JsonObject(body): JsonObject,
) -> ApiResult<StatusCode> {
    let catalog = app.engine().catalog();
    let mut problems = Problems::default();
    let members = each(&body, &mut problems, |map, field, problems| {
        let tenant = tenant(map, field, &catalog, env, problems);
        let id = id(user(map, field, problems)?, field, problems)?;
        if let Some(why) = id_problem(id) {
            problems.add(format!("{field}.user.id"), why);
        }
        Some(Member { tenant: tenant?, user: id.to_owned() })
    });
    let members = problems.into_result(members).map_err(ApiError::invalid)?;
    app.engine().remove_audience_members(env, &key, members).await.map_err(refuse)?;
    Ok(StatusCode::NO_CONTENT)
}

/// The members of an audience, newest first.
pub(super) async fn list(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments(key): Segments<String>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let audience = app.store().audience(env, &key).await?.ok_or_else(ApiError::missing)?;
    // A cursor belongs to one audience, not to whichever has its key later.
    let name = format!("audiences/{}", audience.id);
    let request = query.page(&name, "page_size", PAGE_SIZE_MAX, app.cursor_key());
    query.finish()?;
    let page = app.store().list_audience_members(env, audience.id, &request).await?;
    let users = page.items.iter().map(|(member, _)| member.user.clone()).collect();
    let people = People::of(&app, env, users).await?;
    let entries: Vec<Value> = page
        .items
        .iter()
        .map(|(member, added_at)| {
            json!({
                "__typename": "AudienceMember",
                "user_id": member.user,
                "user": people.get(&member.user, *added_at),
                "tenant": member.tenant,
                "added_at": added_at,
            })
        })
        .collect();
    Ok(Json(json!({"entries": entries, "page_info": page_info(&app, &name, &page, &request)})))
}

/// Reads each member of the list.
fn each<T>(
    body: &Map<String, Value>,
    problems: &mut Problems,
    read: impl Fn(&Map<String, Value>, &str, &mut Problems) -> Option<T>,
) -> Vec<T> {
    let list = match body.get("members") {
        Some(Value::Array(list)) => list,
        None | Some(Value::Null) => {
            problems.add("members", "can't be blank");
            return Vec::new();
        }
        Some(_) => {
            problems.add("members", "must be a list");
            return Vec::new();
        }
    };
    if list.is_empty() {
        problems.add("members", "should have at least 1 item(s)");
    }
    if list.len() > MEMBERS_MAX {
        problems.add("members", format!("should have at most {MEMBERS_MAX} item(s)"));
        return Vec::new();
    }
    let mut members = Vec::with_capacity(list.len());
    for (at, member) in list.iter().enumerate() {
        let field = format!("members[{at}]");
        match member {
            Value::Object(map) => members.extend(read(map, &field, problems)),
            _ => problems.add(field, "must be an object"),
        }
    }
    members
}

/// A user is always a map here (recipients.md section 7).
fn user<'m>(
    member: &'m Map<String, Value>,
    field: &str,
    problems: &mut Problems,
) -> Option<&'m Map<String, Value>> {
    match member.get("user") {
        Some(Value::Object(user)) => return Some(user),
        None | Some(Value::Null) => problems.add(format!("{field}.user"), "can't be blank"),
        Some(_) => problems.add(format!("{field}.user"), "must be an object"),
    }
    None
}

fn id<'m>(user: &'m Map<String, Value>, field: &str, problems: &mut Problems) -> Option<&'m str> {
    match user.get("id") {
        Some(Value::String(id)) => return Some(id),
        None | Some(Value::Null) => problems.add(format!("{field}.user.id"), "can't be blank"),
        Some(_) => problems.add(format!("{field}.user.id"), "must be a string"),
    }
    None
}

/// The tenant's id, never a map. `None` when it was refused.
#[expect(clippy::option_option, reason = "no tenant is a value of its own")]
fn tenant(
    member: &Map<String, Value>,
    field: &str,
    catalog: &Catalog,
    env: EnvId,
    problems: &mut Problems,
) -> Option<Option<String>> {
    let field = format!("{field}.tenant");
    match member.get("tenant") {
        None | Some(Value::Null) => Some(None),
        Some(text @ Value::String(_)) => {
            let named = parse_tenant(text, &field, catalog, env, problems)?;
            Some(Some(named.reference().id.clone()))
        }
        Some(_) => {
            problems.add(field, "must be a string");
            None
        }
    }
}

fn refuse(error: MembershipError) -> ApiError {
    match error {
        MembershipError::Missing => ApiError::missing(),
        MembershipError::Dynamic => ApiError::field("key", "is the key of a dynamic audience"),
        MembershipError::Invalid(problems) => ApiError::invalid(problems),
        MembershipError::Store(error) => error.into(),
    }
}
