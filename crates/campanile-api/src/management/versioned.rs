//! List, get, upsert and validate of one versioned kind: one serializer, two envelopes (management.md corner 2).

use axum::Json;
use campanile_core::time::Timestamp;
use campanile_engine::resources::{self, Publish, Resource, Upsert};
use campanile_store::{Environment, ResourceKind};
use serde_json::{Map, Value, json};

use super::request::{LIMIT_MAX, author, environment, unwrapped};
use crate::app::App;
use crate::auth::ServiceToken;
use crate::error::{ApiError, ApiResult};
use crate::page;
use crate::query::Query;

/// What differs between the kinds in this API.
#[derive(Debug)]
pub(super) struct Shape {
    /// Which; its wire name is also the wrapper.
    pub kind: ResourceKind,
    /// Answers say `active` and `valid`.
    pub has_state: bool,
    /// Adds `__annotation` members.
    pub annotate: fn(&mut Map<String, Value>),
}

impl Shape {
    fn wrapped(&self, view: Value) -> Json<Value> {
        Json(json!({self.kind.as_str(): view}))
    }

    /// The answer for a stored resource.
    pub(super) fn view(&self, environment: &Environment, resource: Resource, annotate: bool) -> Value {
        let Resource { row, content, valid } = resource;
        let facts = Facts {
            key: &row.key,
            environment: &environment.slug,
            sha: &row.version.sha,
            active: row.active,
            valid,
            created_at: row.created_at,
            updated_at: row.updated_at,
        };
        self.render(content, &facts, annotate)
    }

    fn render(&self, content: Value, facts: &Facts<'_>, annotate: bool) -> Value {
        let Value::Object(mut view) = content else { return content };
        view.insert("key".into(), facts.key.into());
        view.insert("environment".into(), facts.environment.into());
        view.insert("sha".into(), facts.sha.into());
        view.insert("created_at".into(), facts.created_at.to_string().into());
        view.insert("updated_at".into(), facts.updated_at.to_string().into());
        if self.has_state {
            view.insert("active".into(), facts.active.into());
            view.insert("valid".into(), facts.valid.into());
        }
        if annotate {
            (self.annotate)(&mut view);
        }
        Value::Object(view)
    }
}

/// The read-only members of an answer.
struct Facts<'r> {
    key: &'r str,
    environment: &'r str,
    sha: &'r str,
    active: bool,
    valid: bool,
    created_at: Timestamp,
    updated_at: Timestamp,
}

/// `GET /v1/<kind>s`.
pub(super) async fn list(app: &App, mut query: Query, shape: &Shape) -> ApiResult<Json<Value>> {
    let environment = environment(&app.engine().catalog(), &query)?;
    let name = shape.kind.as_str();
    let request = query.page(name, "limit", LIMIT_MAX, app.cursor_key());
    let annotate = query.bool("annotate").unwrap_or(false);
    let published = query.bool("hide_uncommitted_changes").unwrap_or(false);
    query.finish()?;
    let page = resources::list(app.engine(), environment.id, shape.kind, published, &request).await?;
    let page_info = page::management(app, name, &page, request.size);
    let entries: Vec<_> =
        page.items.into_iter().map(|resource| shape.view(&environment, resource, annotate)).collect();
    Ok(Json(json!({"entries": entries, "page_info": page_info})))
}

/// `GET /v1/<kind>s/{key}`: bare (M2.2).
pub(super) async fn get(app: &App, key: &str, mut query: Query, shape: &Shape) -> ApiResult<Json<Value>> {
    let environment = environment(&app.engine().catalog(), &query)?;
    let annotate = query.bool("annotate").unwrap_or(false);
    let published = query.bool("hide_uncommitted_changes").unwrap_or(false);
    query.finish()?;
    let found = resources::get(app.engine(), environment.id, shape.kind, key, published).await?;
    let resource = found.ok_or_else(ApiError::missing)?;
    Ok(Json(shape.view(&environment, resource, annotate)))
}

/// `PUT /v1/<kind>s/{key}`.
pub(super) async fn upsert(
    app: &App,
    token: ServiceToken,
    key: String,
    mut query: Query,
    body: Map<String, Value>,
    shape: &Shape,
) -> ApiResult<Json<Value>> {
    let environment = environment(&app.engine().catalog(), &query)?;
    let mut flag = |name| query.bool(name).unwrap_or(false);
    let (annotate, force) = (flag("annotate"), flag("force"));
    let (publish, allow_empty) = (flag("commit"), flag("allow_empty"));
    let message = query.text("commit_message").map(str::to_owned);
    query.finish()?;
    let upsert = Upsert {
        env: environment.id,
        kind: shape.kind,
        key,
        document: unwrapped(body, shape.kind.as_str())?,
        force,
        publish: publish.then_some(Publish { message, allow_empty }),
        author: author(token),
    };
    let saved = resources::upsert(app.engine(), upsert).await?;
    Ok(shape.wrapped(shape.view(&environment, saved.resource, annotate)))
}

/// `PUT /v1/<kind>s/{key}/validate`: persists nothing. The document of the API requires the read-only members here
/// too, so they are those of the stored resource, or of one that would be made now.
pub(super) async fn validate(
    app: &App,
    key: &str,
    query: Query,
    body: Map<String, Value>,
    shape: &Shape,
) -> ApiResult<Json<Value>> {
    let environment = environment(&app.engine().catalog(), &query)?;
    query.finish()?;
    let document = unwrapped(body, shape.kind.as_str())?;
    let content = resources::validate(app.engine(), environment.id, shape.kind, key, &document).await?;
    let stored = app.store().resource(environment.id, shape.kind, key, false).await?;
    let now = app.now();
    let facts = Facts {
        key,
        environment: &environment.slug,
        sha: &resources::sha(&resources::canonical_json(&content)),
        active: stored.as_ref().is_none_or(|row| row.active),
        valid: true,
        created_at: stored.as_ref().map_or(now, |row| row.created_at),
        updated_at: stored.as_ref().map_or(now, |row| row.updated_at),
    };
    Ok(shape.wrapped(shape.render(content, &facts, false)))
}
