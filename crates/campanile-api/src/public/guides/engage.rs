//! What a user does with guides (in-app.md section 14). Older clients put a message id into the path, even `null`: it
//! is accepted and ignored.

use axum::Json;
use axum::extract::State;
use campanile_core::fields::{BLANK, Fields, INVALID};
use campanile_core::ids::EnvId;
use campanile_core::problem::Problems;
use campanile_engine::engagement::{Action, change};
use campanile_engine::guides::{Engaging, EngagingError};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::auth::AnyKey;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};
use crate::public::messages::engage::metadata;
use crate::public::segments::Segments;

macro_rules! handlers {
    ($($name:ident, $by_message:ident: $action:ident;)*) => {$(
        /// By guide and step.
        pub(in crate::public) async fn $name(
            AnyKey(env): AnyKey,
            State(app): State<App>,
            Segments(user): Segments<String>,
            JsonObject(body): JsonObject,
        ) -> ApiResult<Json<Value>> {
            engage(env, &app, user, Action::$action, body).await
        }

        /// As older clients ask for it: a message id follows, in the alias a channel's before it.
        pub(in crate::public) async fn $by_message(
            AnyKey(env): AnyKey,
            State(app): State<App>,
            Segments(segments): Segments<Vec<String>>,
            JsonObject(body): JsonObject,
        ) -> ApiResult<Json<Value>> {
            let user = segments.into_iter().next().unwrap_or_default();
            engage(env, &app, user, Action::$action, body).await
        }
    )*};
}

handlers! {
    seen, seen_by_message: Seen;
    interacted, interacted_by_message: Interacted;
    archived, archived_by_message: Archived;
}

/// Takes the archiving of a guide back, all its steps.
pub(in crate::public) async fn unarchived(
    AnyKey(env): AnyKey,
    State(app): State<App>,
    Segments(user): Segments<String>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let (guide, tenant) = guide_and_tenant(body)?;
    let change = change(Action::Unarchived, None);
    app.engine().unarchive_guide(env, &user, tenant.as_deref(), &guide, change).await?;
    Ok(done())
}

/// Forgets all engagement with a guide: the next one makes another message.
pub(in crate::public) async fn reset(
    AnyKey(env): AnyKey,
    State(app): State<App>,
    Segments(user): Segments<String>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let (guide, tenant) = guide_and_tenant(body)?;
    app.engine().reset_guide(env, &user, tenant.as_deref(), &guide).await?;
    Ok(done())
}

async fn engage(
    env: EnvId,
    app: &App,
    user: String,
    action: Action,
    body: Map<String, Value>,
) -> ApiResult<Json<Value>> {
    let engaging = read(env, user, action, body)?;
    app.engine().engage_guide(engaging).await?;
    Ok(done())
}

/// Reads a body, all problems at once.
fn read(env: EnvId, user: String, action: Action, body: Map<String, Value>) -> ApiResult<Engaging> {
    let mut problems = Problems::default();
    let event_data = metadata(action, &body, &mut problems);
    let body = Value::Object(body);
    let engaging = Fields::of(&body, "", &mut problems).map(|fields| {
        let mut text = |name| fields.text_required(name, &mut problems).unwrap_or_default().to_owned();
        let (guide, step) = (text("guide_key"), text("guide_step_ref"));
        let channel = uuid(&fields, "channel_id", &mut problems);
        let guide_id = uuid(&fields, "guide_id", &mut problems);
        let content = object(&fields, "content", &mut problems);
        if action == Action::Seen && fields.get("content").is_none() {
            problems.add("content", BLANK);
        }
        let is_archived = action == Action::Archived;
        let mut flag = |name| fields.flag(name, &mut problems).unwrap_or(false);
        let (is_final, unthrottled) = (flag("is_final"), flag("unthrottled"));
        Engaging {
            env,
            user,
            guide,
            guide_id,
            channel,
            step,
            content: if content.is_null() { json!({}) } else { content },
            data: object(&fields, "data", &mut problems),
            tenant: tenant(&fields, &mut problems),
            change: change(action, event_data),
            is_final: is_archived && is_final,
            displays: is_archived && !unthrottled,
        }
    });
    problems.into_result(engaging).map_err(ApiError::invalid)?.ok_or_else(ApiError::missing)
}

fn guide_and_tenant(body: Map<String, Value>) -> ApiResult<(String, Option<String>)> {
    let mut problems = Problems::default();
    let body = Value::Object(body);
    let read = Fields::of(&body, "", &mut problems).map(|fields| {
        let guide = fields.text_required("guide_key", &mut problems).unwrap_or_default().to_owned();
        (guide, tenant(&fields, &mut problems))
    });
    problems.into_result(read).map_err(ApiError::invalid)?.ok_or_else(ApiError::missing)
}

/// The id of a tenant; an empty one is none.
fn tenant(fields: &Fields<'_>, problems: &mut Problems) -> Option<String> {
    let tenant = fields.text_within("tenant", 256, problems)?;
    if tenant.contains('\0') {
        problems.add("tenant", "must not contain a NUL character");
    }
    (!tenant.is_empty()).then(|| tenant.to_owned())
}

fn uuid(fields: &Fields<'_>, name: &str, problems: &mut Problems) -> Uuid {
    let Some(text) = fields.text_required(name, problems) else { return Uuid::nil() };
    Uuid::parse_str(text).unwrap_or_else(|_| {
        problems.add(name, "is not a UUID");
        Uuid::nil()
    })
}

fn object(fields: &Fields<'_>, name: &str, problems: &mut Problems) -> Value {
    match fields.get(name) {
        None => Value::Null,
        Some(object @ Value::Object(_)) => object.clone(),
        Some(_) => {
            problems.add(name, INVALID);
            Value::Null
        }
    }
}

fn done() -> Json<Value> {
    Json(json!({"status": "ok"}))
}

impl From<EngagingError> for ApiError {
    fn from(error: EngagingError) -> Self {
        match error {
            EngagingError::UnknownGuide => Self::missing(),
            EngagingError::Invalid(problems) => Self::invalid(problems),
            EngagingError::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_every_problem_of_a_body() {
        let id = "123e4567-e89b-12d3-a456-426614174000";
        let whole = json!({"channel_id": id, "guide_id": id, "guide_key": "tour", "guide_step_ref": "s", "content": {}});
        for (action, change, want) in [
            (Action::Seen, json!({}), vec![]),
            (Action::Seen, json!({"tenant": "", "data": null}), vec![]),
            (Action::Seen, json!({"content": null}), vec!["content"]),
            (Action::Interacted, json!({"content": null}), vec![]),
            (Action::Interacted, json!({"metadata": {"a": {}}}), vec!["metadata"]),
            (Action::Archived, json!({"is_final": "yes", "unthrottled": 1}), vec!["is_final", "unthrottled"]),
            (
                Action::Seen,
                json!({"channel_id": "x", "guide_id": null, "guide_key": 7, "guide_step_ref": "", "content": [], "data": "x", "tenant": 1}),
                vec!["channel_id", "content", "data", "guide_id", "guide_key", "guide_step_ref", "tenant"],
            ),
        ] {
            let mut body = whole.as_object().cloned().unwrap();
            body.extend(change.as_object().cloned().unwrap());
            let found = read(EnvId(1), "u1".into(), action, body).map_err(|error| error.errors);
            let found = found.err().unwrap_or_default().into_iter().map(|problem| problem.field);
            assert_eq!(found.collect::<Vec<_>>(), want, "{change}");
        }
        let archived = |change: Value| {
            let mut body = whole.as_object().cloned().unwrap();
            body.extend(change.as_object().cloned().unwrap());
            let read = read(EnvId(1), "u1".into(), Action::Archived, body).unwrap();
            (read.is_final, read.displays)
        };
        assert_eq!(archived(json!({})), (false, true));
        assert_eq!(archived(json!({"is_final": true, "unthrottled": true})), (true, false));
    }
}
