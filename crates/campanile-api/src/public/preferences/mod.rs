//! Preference sets of users and objects (preferences.md sections 5, 7 and 8), and the page where users see theirs.

pub(super) mod center;

use std::collections::HashMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use campanile_core::ids::EnvId;
use campanile_core::preference::{self, Change, DEFAULT, Section, Strategy, set_id_problem};
use campanile_core::problem::Problems;
use campanile_core::recipient::{RecipientRef, TENANTS, id_problem};
use campanile_engine::identify::{limit_message, tenant_default};
use campanile_engine::preferences_scope;
use campanile_store::{PreferenceEdit, PreferenceSetRow};
use serde_json::{Map, Value};

use super::segments::Segments;
use super::{bulk, objects};
use crate::app::App;
use crate::auth::{AnyKey, SecretKey};
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};
use crate::query::Query;
use crate::router::Routes;

type User = Segments<(String, String)>;
type UserEntry = Segments<(String, String, String)>;
type Object = Segments<(String, String, String)>;
type ObjectEntry = Segments<(String, String, String, String)>;

/// Its handlers.
pub(super) fn routes() -> Routes {
    use Section::{Categories, ChannelTypes, Workflows};
    Routes::default()
        .on("listUserPreferenceSets", list_of_user)
        .on("getUserPreferenceSet", get_of_user)
        .on("updateUserPreferenceSet", set_of_user)
        .on("deleteUserPreferenceSet", unset_of_user)
        .on("updateUserPreferenceChannelTypes", |k: AnyKey, a: State<App>, s: User, b: JsonObject| {
            user_section(ChannelTypes, k, a, s, b)
        })
        .on("updateUserPreferenceWorkflows", |k: AnyKey, a: State<App>, s: User, b: JsonObject| {
            user_section(Workflows, k, a, s, b)
        })
        .on("updateUserPreferenceCategories", |k: AnyKey, a: State<App>, s: User, b: JsonObject| {
            user_section(Categories, k, a, s, b)
        })
        .on("updateUserPreferenceChannelType", |k: AnyKey, a: State<App>, s: UserEntry, b: JsonObject| {
            user_entry(ChannelTypes, k, a, s, b)
        })
        .on("updateUserPreferenceWorkflow", |k: AnyKey, a: State<App>, s: UserEntry, b: JsonObject| {
            user_entry(Workflows, k, a, s, b)
        })
        .on("updateUserPreferenceCategory", |k: AnyKey, a: State<App>, s: UserEntry, b: JsonObject| {
            user_entry(Categories, k, a, s, b)
        })
        .on("listObjectPreferenceSets", list_of_object)
        .on("getObjectPreferenceSet", get_of_object)
        .on("updateObjectPreferenceSet", set_of_object)
        .on("deleteObjectPreferenceSet", unset_of_object)
        .on("updateObjectPreferenceChannelTypes", |k: SecretKey, a: State<App>, s: Object, b: JsonObject| {
            object_section(ChannelTypes, k, a, s, b)
        })
        .on("updateObjectPreferenceWorkflows", |k: SecretKey, a: State<App>, s: Object, b: JsonObject| {
            object_section(Workflows, k, a, s, b)
        })
        .on("updateObjectPreferenceCategories", |k: SecretKey, a: State<App>, s: Object, b: JsonObject| {
            object_section(Categories, k, a, s, b)
        })
        .on(
            "updateObjectPreferenceChannelType",
            |k: SecretKey, a: State<App>, s: ObjectEntry, b: JsonObject| {
                object_entry(ChannelTypes, k, a, s, b)
            },
        )
        .on("updateObjectPreferenceWorkflow", |k: SecretKey, a: State<App>, s: ObjectEntry, b: JsonObject| {
            object_entry(Workflows, k, a, s, b)
        })
        .on("updateObjectPreferenceCategory", |k: SecretKey, a: State<App>, s: ObjectEntry, b: JsonObject| {
            object_entry(Categories, k, a, s, b)
        })
        .on("bulkSetUserPreferences", set_for_many)
        .on("getPreferenceCenterConfig", center::config)
        .on("generatePreferenceCenterSignedUrl", center::signed_url)
}

/// Every set of a user, the default first; a bare list (PF7.3).
async fn list_of_user(
    AnyKey(env): AnyKey,
    State(app): State<App>,
    Segments(user): Segments<String>,
) -> ApiResult<Json<Value>> {
    list(&app, env, &RecipientRef::user(user)).await
}

async fn list_of_object(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments((collection, id)): Segments<(String, String)>,
) -> ApiResult<Json<Value>> {
    list(&app, env, &objects::reference(collection, id)?).await
}

/// One set as it applies: of an unknown user too, since browsers read it while they identify (PF7.1).
async fn get_of_user(
    AnyKey(env): AnyKey,
    State(app): State<App>,
    Segments((user, id)): User,
    query: Query,
) -> ApiResult<Json<Value>> {
    get(&app, env, &RecipientRef::user(user), &id, query).await
}

async fn get_of_object(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments((collection, object, id)): Object,
    query: Query,
) -> ApiResult<Json<Value>> {
    get(&app, env, &objects::reference(collection, object)?, &id, query).await
}

/// Replaces a set, or merges into it on request (PF5.1).
async fn set_of_user(
    AnyKey(env): AnyKey,
    State(app): State<App>,
    Segments((user, id)): User,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    set(&app, env, owner_user(user), id, body).await
}

async fn set_of_object(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments((collection, object, id)): Object,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    set(&app, env, owner_object(collection, object), id, body).await
}

/// Removes a set; one that is not stored too.
async fn unset_of_user(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments((user, id)): User,
) -> ApiResult<StatusCode> {
    app.store().delete_preference_set(env, &RecipientRef::user(user), &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn unset_of_object(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments((collection, object, id)): Object,
) -> ApiResult<StatusCode> {
    app.store().delete_preference_set(env, &objects::reference(collection, object)?, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn user_section(
    section: Section,
    AnyKey(env): AnyKey,
    State(app): State<App>,
    Segments((user, id)): User,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    write(&app, env, owner_user(user), id, |problems| Change::parse_section(section, body, problems)).await
}

async fn user_entry(
    section: Section,
    AnyKey(env): AnyKey,
    State(app): State<App>,
    Segments((user, id, key)): UserEntry,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    write(&app, env, owner_user(user), id, |problems| Change::parse_entry(section, &key, body, problems))
        .await
}

async fn object_section(
    section: Section,
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments((collection, object, id)): Object,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let owner = owner_object(collection, object);
    write(&app, env, owner, id, |problems| Change::parse_section(section, body, problems)).await
}

async fn object_entry(
    section: Section,
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments((collection, object, id, key)): ObjectEntry,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let owner = owner_object(collection, object);
    write(&app, env, owner, id, |problems| Change::parse_entry(section, &key, body, problems)).await
}

/// One set written for many users, always replacing (PF5.3).
async fn set_for_many(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    JsonObject(mut body): JsonObject,
) -> ApiResult<Json<Value>> {
    let mut problems = Problems::default();
    let set = body.remove("preferences").unwrap_or_default();
    let change = match &set {
        Value::Null => {
            problems.add("preferences", "can't be blank");
            None
        }
        set => Change::parse(set, Strategy::Replace, "preferences", &mut problems),
    };
    let id = match set.get("id") {
        None | Some(Value::Null) => DEFAULT.to_owned(),
        Some(Value::String(id)) => {
            if let Some(problem) = set_id_problem(id) {
                problems.add("preferences.id", problem);
            }
            id.clone()
        }
        Some(_) => {
            problems.add("preferences.id", "must be a string");
            String::new()
        }
    };
    let rows = match bulk::rows(body, "user_ids", bulk::Row::Id) {
        Ok(rows) => rows,
        Err(error) => {
            problems.extend(error.errors);
            Vec::new()
        }
    };
    let change = problems.into_result(change).map_err(ApiError::invalid)?;
    let change = change.ok_or_else(|| ApiError::internal("a refused body named no problem"))?;
    bulk::submit_rows(&app, env, "users.set_preferences", Some(preferences_scope(&id, change)), rows).await
}

/// An owner to be written to; made when missing, so its id must be possible.
fn owner_user(user: String) -> ApiResult<RecipientRef> {
    id_problem(&user).map_or(Ok(()), |problem| Err(ApiError::field("user_id", problem)))?;
    Ok(RecipientRef::user(user))
}

fn owner_object(collection: String, object: String) -> ApiResult<RecipientRef> {
    id_problem(&object).map_or(Ok(()), |problem| Err(ApiError::field("object_id", problem)))?;
    objects::reference(collection, object)
}

async fn set(
    app: &App,
    env: EnvId,
    owner: ApiResult<RecipientRef>,
    id: String,
    body: Map<String, Value>,
) -> ApiResult<Json<Value>> {
    let body = Value::Object(body);
    write(app, env, owner, id, |problems| Change::parse(&body, Strategy::Replace, "", problems)).await
}

/// Writes a set and answers it as a read does (PF5.12).
async fn write(
    app: &App,
    env: EnvId,
    owner: ApiResult<RecipientRef>,
    id: String,
    parse: impl FnOnce(&mut Problems) -> Option<Change>,
) -> ApiResult<Json<Value>> {
    let reference = owner?;
    let mut problems = Problems::default();
    if let Some(problem) = set_id_problem(&id) {
        problems.add("id", problem);
    }
    let change = parse(&mut problems);
    let change = problems.into_result(change).map_err(ApiError::invalid)?;
    let change = change.ok_or_else(|| ApiError::internal("a refused body named no problem"))?;
    let (now, edit) = (app.now(), PreferenceEdit { reference: reference.clone(), id: id.clone(), change });
    let written = app
        .store()
        .transact(move |tx| {
            Box::pin(async move {
                tx.lock_recipients(env, &[reference], now).await?;
                tx.edit_preferences(env, vec![edit], now).await
            })
        })
        .await?;
    let set = written.into_iter().next().ok_or_else(|| ApiError::internal("an edit had no result"))?;
    let set = set.map_err(|limit| ApiError::field("", limit_message(limit)))?;
    let tenants = TenantDefaults::of(app, env, [id.as_str()]).await?;
    Ok(Json(resolved(app, env, &id, Some(&set), tenants.get(&id))))
}

async fn get(app: &App, env: EnvId, owner: &RecipientRef, id: &str, query: Query) -> ApiResult<Json<Value>> {
    // The tenant that is named supplies its default set, else the one that the set is for (S15).
    let tenant = query.text("tenant").unwrap_or(id).to_owned();
    query.finish()?;
    let stored = app.store().preference_set(env, owner, id).await?;
    let stored = stored.map(|text| serde_json::from_str(&text)).transpose().map_err(ApiError::internal)?;
    let tenants = TenantDefaults::of(app, env, [tenant.as_str()]).await?;
    Ok(Json(resolved(app, env, id, stored.as_ref(), tenants.get(&tenant))))
}

async fn list(app: &App, env: EnvId, owner: &RecipientRef) -> ApiResult<Json<Value>> {
    let rows = app.store().preference_sets(env, vec![owner.key()]).await?;
    let mut sets: Vec<(String, Option<Map<String, Value>>)> = vec![(DEFAULT.to_owned(), None)];
    for PreferenceSetRow { id, content, .. } in rows {
        let set = serde_json::from_str(&content).map_err(ApiError::internal)?;
        match id == DEFAULT {
            true => sets[0].1 = Some(set),
            false => sets.push((id, Some(set))),
        }
    }
    let tenants = TenantDefaults::of(app, env, sets.iter().map(|(id, _)| id.as_str())).await?;
    let list = sets.iter().map(|(id, set)| resolved(app, env, id, set.as_ref(), tenants.get(id)));
    Ok(Json(Value::Array(list.collect())))
}

/// Default sets of tenants by their ids.
struct TenantDefaults(HashMap<String, Map<String, Value>>);

impl TenantDefaults {
    /// Reads all of them at once.
    async fn of<'i>(app: &App, env: EnvId, ids: impl IntoIterator<Item = &'i str>) -> ApiResult<Self> {
        let keys = ids.into_iter().map(|id| RecipientRef::object(TENANTS, id).key()).collect();
        let rows = app.store().recipients(env, keys).await?;
        let sets = rows.into_iter().filter_map(|row| Some((row.reference.id.clone(), tenant_default(&row)?)));
        Ok(Self(sets.collect()))
    }

    fn get(&self, id: &str) -> Option<&Map<String, Value>> {
        self.0.get(id)
    }
}

/// A stored set over the defaults, as the API answers it (PF7.2).
pub(super) fn resolved(
    app: &App,
    env: EnvId,
    id: &str,
    set: Option<&Map<String, Value>>,
    tenant: Option<&Map<String, Value>>,
) -> Value {
    let catalog = app.engine().catalog();
    let environment = catalog.preference_default(env).map(|set| set.json());
    let [set, tenant, environment] = [set, tenant, environment].map(|set| set.cloned().map(Value::Object));
    let low = preference::resolve(tenant.as_ref(), environment.as_ref());
    match preference::resolve(set.as_ref(), Some(&low)) {
        Value::Object(set) => preference::view(id, &set),
        _ => preference::view(id, &Map::new()),
    }
}

/// What lists show with `include=preferences`: the stored sets of each recipient by id (RC3.6, S8).
pub(super) async fn included(
    app: &App,
    env: EnvId,
    keys: Vec<String>,
) -> ApiResult<HashMap<String, Map<String, Value>>> {
    let mut included: HashMap<String, Map<String, Value>> = HashMap::new();
    for row in app.store().preference_sets(env, keys).await? {
        let set = serde_json::from_str(&row.content).map_err(ApiError::internal)?;
        included.entry(row.recipient).or_default().insert(row.id.clone(), preference::view(&row.id, &set));
    }
    Ok(included)
}
