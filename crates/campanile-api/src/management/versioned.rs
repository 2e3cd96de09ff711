//! List, get, upsert, validate and archive of versioned kinds: one set of handlers for all of them, one serializer, two
//! envelopes (management.md corner 2). A kind is a type with [`Versioned`] in a file of its own, and its line in `mod.rs`.

use axum::Json;
use axum::extract::State;
use campanile_core::time::Timestamp;
use campanile_engine::resources::{self, Publish, Resource, Upsert};
use campanile_store::{Environment, ResourceKind, Schedule};
use serde_json::{Map, Value, json};

use super::request::{LIMIT_MAX, author, environment, unwrapped};
use crate::app::App;
use crate::auth::ServiceToken;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};
use crate::page;
use crate::public::segments::Segments;
use crate::query::Query;
use crate::router::Routes;

/// What differs between the kinds in this API.
pub(super) trait Versioned: 'static {
    /// Which; its wire name is also the wrapper.
    const KIND: ResourceKind;

    /// Operations that list, get, upsert and validate.
    const OPERATIONS: [&'static str; 4];

    /// Adds the read-only members that not every kind has.
    fn complete(_view: &mut Map<String, Value>, _facts: &Facts<'_>) {}

    /// Adds `__annotation` members (section 20.1).
    fn annotate(view: &mut Map<String, Value>);
}

/// The four operations that every kind has.
pub(super) fn routes<K: Versioned>() -> Routes {
    let [list_, get_, upsert_, validate_] = K::OPERATIONS;
    Routes::default()
        .on(list_, list::<K>)
        .on(get_, get::<K>)
        .on(upsert_, upsert::<K>)
        .on(validate_, validate::<K>)
}

/// What an answer can say beside the content.
pub(super) struct Facts<'r> {
    pub key: &'r str,
    pub environment: &'r str,
    pub sha: &'r str,
    /// Switched on in the environment.
    pub active: bool,
    /// Passes every check of an upsert at present (M4.9).
    pub valid: bool,
    /// Bounds of `active` in time.
    pub schedule: Schedule,
    /// Number of what is published, if anything is.
    pub semver: Option<&'r str>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub now: Timestamp,
}

/// The answer for a stored resource.
pub(super) fn view<K: Versioned>(
    app: &App,
    environment: &Environment,
    resource: Resource,
    annotate: bool,
) -> Value {
    let Resource { row, content, valid } = resource;
    let facts = Facts {
        key: &row.key,
        environment: &environment.slug,
        sha: &row.version.sha,
        active: row.active,
        valid,
        schedule: row.schedule,
        semver: row.semver.as_deref(),
        created_at: row.created_at,
        updated_at: row.updated_at,
        now: app.now(),
    };
    render::<K>(content, &facts, annotate)
}

fn render<K: Versioned>(content: Value, facts: &Facts<'_>, annotate: bool) -> Value {
    let Value::Object(mut view) = content else { return content };
    view.insert("key".into(), facts.key.into());
    view.insert("environment".into(), facts.environment.into());
    view.insert("sha".into(), facts.sha.into());
    view.insert("created_at".into(), facts.created_at.to_string().into());
    view.insert("updated_at".into(), facts.updated_at.to_string().into());
    K::complete(&mut view, facts);
    if annotate {
        K::annotate(&mut view);
    }
    Value::Object(view)
}

/// A view in its wrapper (M2.2).
pub(super) fn wrapped<K: Versioned>(view: Value) -> Json<Value> {
    Json(json!({K::KIND.as_str(): view}))
}

/// `GET /v1/<kind>s`.
pub(super) async fn list<K: Versioned>(
    _: ServiceToken,
    State(app): State<App>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let environment = environment(&app.engine().catalog(), &query)?;
    let name = K::KIND.as_str();
    let request = query.page(name, "limit", LIMIT_MAX, app.cursor_key());
    let annotate = query.bool("annotate").unwrap_or(false);
    let published = query.bool("hide_uncommitted_changes").unwrap_or(false);
    query.finish()?;
    let page = resources::list(app.engine(), environment.id, K::KIND, published, &request).await?;
    let page_info = page::management(&app, name, &page, request.size);
    let entries: Vec<_> =
        page.items.into_iter().map(|resource| view::<K>(&app, &environment, resource, annotate)).collect();
    Ok(Json(json!({"entries": entries, "page_info": page_info})))
}

/// `GET /v1/<kind>s/{key}`: bare (M2.2).
pub(super) async fn get<K: Versioned>(
    _: ServiceToken,
    State(app): State<App>,
    Segments(key): Segments<String>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let environment = environment(&app.engine().catalog(), &query)?;
    let annotate = query.bool("annotate").unwrap_or(false);
    let published = query.bool("hide_uncommitted_changes").unwrap_or(false);
    query.finish()?;
    let found = resources::get(app.engine(), environment.id, K::KIND, &key, published).await?;
    let resource = found.ok_or_else(ApiError::missing)?;
    Ok(Json(view::<K>(&app, &environment, resource, annotate)))
}

/// `PUT /v1/<kind>s/{key}`.
pub(super) async fn upsert<K: Versioned>(
    token: ServiceToken,
    State(app): State<App>,
    Segments(key): Segments<String>,
    mut query: Query,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let environment = environment(&app.engine().catalog(), &query)?;
    let mut flag = |name| query.bool(name).unwrap_or(false);
    let (annotate, force) = (flag("annotate"), flag("force"));
    let (publish, allow_empty) = (flag("commit"), flag("allow_empty"));
    let message = query.text("commit_message").map(str::to_owned);
    query.finish()?;
    let upsert = Upsert {
        env: environment.id,
        kind: K::KIND,
        key,
        document: unwrapped(body, K::KIND.as_str())?,
        force,
        publish: publish.then_some(Publish { message, allow_empty }),
        author: author(token),
    };
    let saved = resources::upsert(app.engine(), upsert).await?;
    Ok(wrapped::<K>(view::<K>(&app, &environment, saved.resource, annotate)))
}

/// `PUT /v1/<kind>s/{key}/validate`: persists nothing. The document of the API requires the read-only members here
/// too, so they are those of the stored resource, or of one that would be made now.
pub(super) async fn validate<K: Versioned>(
    _: ServiceToken,
    State(app): State<App>,
    Segments(key): Segments<String>,
    query: Query,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let environment = environment(&app.engine().catalog(), &query)?;
    query.finish()?;
    let document = unwrapped(body, K::KIND.as_str())?;
    let content = resources::validate(app.engine(), environment.id, K::KIND, &key, &document).await?;
    let stored = app.store().resource(environment.id, K::KIND, &key, false).await?;
    let now = app.now();
    let facts = Facts {
        key: &key,
        environment: &environment.slug,
        sha: &resources::sha(&resources::canonical_json(&content)),
        active: stored.as_ref().map_or_else(|| resources::starts_active(K::KIND), |row| row.active),
        valid: true,
        schedule: stored.as_ref().map_or_else(Schedule::default, |row| row.schedule),
        semver: stored.as_ref().and_then(|row| row.semver.as_deref()),
        created_at: stored.as_ref().map_or(now, |row| row.created_at),
        updated_at: stored.as_ref().map_or(now, |row| row.updated_at),
        now,
    };
    Ok(wrapped::<K>(render::<K>(content, &facts, false)))
}

/// `DELETE /v1/<kind>s/{key}`: archives in every environment at once (M4.21, section 18).
pub(super) async fn archive<K: Versioned>(
    _: ServiceToken,
    State(app): State<App>,
    Segments(key): Segments<String>,
) -> ApiResult<Json<Value>> {
    resources::archive(app.engine(), K::KIND, &key).await?;
    Ok(Json(json!({"result": "success"})))
}
