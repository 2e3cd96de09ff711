//! Translations (section 12). Versioned like everything else, but named by locale, namespace and tenant, and shown in
//! one of two formats.

use axum::Json;
use axum::extract::State;
use campanile_core::problem::FieldProblem;
use campanile_core::translation::{Identity, Texts, to_po};
use campanile_engine::resources::{self, Publish, Refusal, Resource, Upsert};
use campanile_store::ResourceKind;
use serde_json::{Value, json};

use super::page_of;
use super::request::{LIMIT_MAX, author, environment, unwrapped};
use crate::app::App;
use crate::auth::ServiceToken;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};
use crate::page;
use crate::public::segments::Segments;
use crate::query::Query;
use crate::router::Routes;

const KIND: ResourceKind = ResourceKind::Translation;

/// Its handlers.
pub(super) fn routes() -> Routes {
    Routes::default()
        .on("listTranslations", list)
        .on("getTranslation", get)
        .on("upsertTranslation", upsert)
        .on("validateTranslation", validate)
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Format {
    Json,
    Po,
}

/// The format that content is answered in (M12.3).
fn format(query: &mut Query) -> Format {
    match query.text("format") {
        None | Some("json") => Format::Json,
        Some("po") => Format::Po,
        Some(_) => {
            query.problems.add("format", "must be json or po");
            Format::Json
        }
    }
}

/// An empty parameter counts as absent (M12.4).
fn identity(locale: String, query: &Query) -> Identity {
    let part = |name: &str| query.text(name).map(str::to_owned);
    Identity { locale, namespace: part("namespace"), tenant: part("tenant") }
}

fn problems(identity: &Identity) -> Vec<FieldProblem> {
    identity.problems().into_iter().map(|(field, why)| FieldProblem::new(field, why)).collect()
}

fn view(
    identity: &Identity,
    content: &Value,
    format: Format,
    inserted_at: String,
    updated_at: String,
) -> Value {
    let json = content["content"].as_str().unwrap_or_default();
    let content = match format {
        Format::Json => json.to_owned(),
        // It was read when it was saved.
        Format::Po => Texts::from_json(json).map(|texts| to_po(&texts, &identity.locale)).unwrap_or_default(),
    };
    let mut view = json!({
        "locale_code": identity.locale,
        // The document of the API requires it.
        "namespace": identity.namespace.as_deref().unwrap_or_default(),
        "content": content,
        "format": if format == Format::Po { "po" } else { "json" },
        "inserted_at": inserted_at,
        "created_at": inserted_at,
        "updated_at": updated_at,
    });
    if let Some(tenant) = &identity.tenant {
        view["tenant"] = tenant.as_str().into();
    }
    view
}

fn view_of(resource: &Resource, format: Format) -> Value {
    let row = &resource.row;
    let (inserted_at, updated_at) = (row.created_at.to_string(), row.updated_at.to_string());
    view(&Identity::of_key(&row.key), &resource.content, format, inserted_at, updated_at)
}

/// `GET /v1/translations`: of everybody, unless a tenant is named (M12.7).
async fn list(_: ServiceToken, State(app): State<App>, mut query: Query) -> ApiResult<Json<Value>> {
    let environment = environment(&app.engine().catalog(), &query)?;
    let request = query.page("translation", "limit", LIMIT_MAX, app.cursor_key());
    let format = format(&mut query);
    let published = query.bool("hide_uncommitted_changes").unwrap_or(false);
    let part = |name: &str| query.text(name).map(str::to_owned);
    let (locale, namespace, tenant) = (part("locale_code"), part("namespace"), part("tenant"));
    query.finish()?;
    let mut found: Vec<Identity> = app
        .store()
        .keys_of_kind(environment.id, KIND, published)
        .await?
        .iter()
        .map(|key| Identity::of_key(key))
        .filter(|one| one.tenant == tenant)
        .filter(|one| locale.as_ref().is_none_or(|locale| *locale == one.locale))
        .filter(|one| namespace.is_none() || namespace == one.namespace)
        .collect();
    found.sort();
    let page = page_of(&found, &request, sort_key);
    let page_info = page::management(&app, "translation", &page, request.size);
    let keys = page.items.iter().map(Identity::to_string).collect();
    let resources = resources::by_key(app.engine(), environment.id, KIND, keys, published).await?;
    let entries: Vec<_> = resources.iter().map(|resource| view_of(resource, format)).collect();
    Ok(Json(json!({"entries": entries, "page_info": page_info})))
}

/// Bytes that sort like the identity: no part holds a NUL.
fn sort_key(identity: &Identity) -> Vec<u8> {
    let parts = [Some(&identity.locale), identity.namespace.as_ref(), identity.tenant.as_ref()];
    parts.map(|part| part.map(String::as_str).unwrap_or_default()).join("\0").into_bytes()
}

/// `GET /v1/translations/{locale_code}`: bare for the CLI, wrapped for the SDKs (M12.2).
async fn get(
    _: ServiceToken,
    State(app): State<App>,
    Segments(locale): Segments<String>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let environment = environment(&app.engine().catalog(), &query)?;
    let format = format(&mut query);
    let published = query.bool("hide_uncommitted_changes").unwrap_or(false);
    let key = identity(locale, &query).to_string();
    query.finish()?;
    let found = resources::get(app.engine(), environment.id, KIND, &key, published).await?;
    let translation = view_of(&found.ok_or_else(ApiError::missing)?, format);
    let mut answer = translation.clone();
    answer["translation"] = translation;
    Ok(Json(answer))
}

/// `PUT /v1/translations/{locale_code}`.
async fn upsert(
    token: ServiceToken,
    State(app): State<App>,
    Segments(locale): Segments<String>,
    mut query: Query,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let environment = environment(&app.engine().catalog(), &query)?;
    let format = format(&mut query);
    let mut flag = |name| query.bool(name).unwrap_or(false);
    let (force, publish, allow_empty) = (flag("force"), flag("commit"), flag("allow_empty"));
    let message = query.text("commit_message").map(str::to_owned);
    let identity = identity(locale, &query);
    query.finish()?;
    let document = unwrapped(body, KIND.as_str())?;
    check(&app, &environment, &identity, &document).await?;
    let upsert = Upsert {
        env: environment.id,
        kind: KIND,
        key: identity.to_string(),
        document,
        force,
        publish: publish.then_some(Publish { message, allow_empty }),
        author: author(token),
    };
    let saved = resources::upsert(app.engine(), upsert).await?;
    Ok(Json(json!({"translation": view_of(&saved.resource, format)})))
}

/// `PUT /v1/translations/{locale_code}/validate`: persists nothing.
async fn validate(
    _: ServiceToken,
    State(app): State<App>,
    Segments(locale): Segments<String>,
    mut query: Query,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let environment = environment(&app.engine().catalog(), &query)?;
    let format = format(&mut query);
    let identity = identity(locale, &query);
    query.finish()?;
    let document = unwrapped(body, KIND.as_str())?;
    let content = check(&app, &environment, &identity, &document).await?;
    let now = app.now().to_string();
    Ok(Json(json!({"translation": view(&identity, &content, format, now.clone(), now)})))
}

/// Every problem of the name and of the content at once.
async fn check(
    app: &App,
    environment: &campanile_store::Environment,
    identity: &Identity,
    document: &Value,
) -> ApiResult<Value> {
    let mut problems = problems(identity);
    let key = identity.to_string();
    match resources::validate(app.engine(), environment.id, KIND, &key, document).await {
        Ok(content) if problems.is_empty() => return Ok(content),
        Ok(_) => {}
        // The key is what the parts make: they were named above.
        Err(Refusal::Invalid(found)) => problems.extend(found.into_iter().filter(|p| p.field != "key")),
        Err(other) => return Err(other.into()),
    }
    problems.sort();
    Err(ApiError::invalid(problems))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_in_the_order_of_the_names() {
        let mut keys = ["en~acme", "en-US", "fr", "en/b", "en", "en/a~z", "en/a"].map(Identity::of_key);
        keys.sort();
        assert!(keys.is_sorted_by_key(sort_key));
        assert_eq!(
            keys.map(|key| key.to_string()),
            ["en", "en~acme", "en/a", "en/a~z", "en/b", "en-US", "fr"]
        );
    }
}
