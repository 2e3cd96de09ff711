//! API logs (api-conventions.md section 13).

use axum::Json;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use campanile_core::ids::EnvId;
use campanile_engine::Catalog;
use campanile_store::{ApiLog, ApiLogFilter};
use serde_json::{Value, json};

use crate::api_logs::obfuscated;
use crate::app::App;
use crate::auth::ServiceToken;
use crate::error::{ApiError, ApiResult};
use crate::page;
use crate::public::filters::inserted_at;
use crate::public::segments::Segments;
use crate::query::Query;

/// Stands for the logs of no environment: the management API, and requests without a valid key.
const ACCOUNT: &str = "account";
const ACCOUNT_ENV: EnvId = EnvId(0);
const PAGE_SIZE_MAX: usize = 100;

/// An environment's logs, newest first, without bodies. `environment` (default `development`; `account`), `status`
/// (`succeeded`, `failed`), `operation`, `method`, `user`, `inserted_at.gte` and so on; `limit`, `after`, `before`.
pub(super) async fn list(
    _: ServiceToken,
    State(app): State<App>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let catalog = app.engine().catalog();
    let slug = query.text("environment").unwrap_or("development").to_owned();
    let env = match slug.as_str() {
        ACCOUNT => Some(ACCOUNT_ENV),
        slug => catalog.environment(slug).map(|environment| environment.id),
    };
    if env.is_none() {
        query.problems.add("environment", "does not exist");
    }
    let list = format!("admin/logs/{slug}");
    let request = query.page(&list, "limit", PAGE_SIZE_MAX, app.cursor_key());
    let failed = query.one_of("status", &["succeeded", "failed"]).map(|status| status == "failed");
    let (from, until) = inserted_at(&mut query);
    let text = |name: &str| query.text(name).map(str::to_owned);
    let filter = ApiLogFilter {
        failed,
        operation: text("operation"),
        method: text("method").map(|method| method.to_uppercase()),
        user: text("user"),
        from,
        until,
    };
    query.finish()?;
    app.api_logs().flush().await;
    let found = app.store().list_api_logs(env.unwrap_or(ACCOUNT_ENV), &filter, &request).await?;
    let entries: Vec<_> = found.items.iter().map(|log| view(&catalog, log)).collect();
    let page_info = page::management(&app, &list, &found, request.size);
    Ok(Json(json!({"entries": entries, "page_info": page_info})))
}

/// One log with its bodies, by the request id, whichever environment it belongs to.
pub(super) async fn get(
    _: ServiceToken,
    State(app): State<App>,
    Segments(id): Segments<String>,
) -> ApiResult<Json<Value>> {
    let id = URL_SAFE_NO_PAD.decode(&id).map_err(|_| ApiError::missing())?;
    app.api_logs().flush().await;
    let catalog = app.engine().catalog();
    let envs = catalog.environments.iter().map(|environment| environment.id);
    for env in envs.chain([ACCOUNT_ENV]) {
        if let Some(log) = app.store().api_log(env, &id).await? {
            return Ok(Json(with_bodies(&catalog, &log)));
        }
    }
    Err(ApiError::missing())
}

fn view(catalog: &Catalog, log: &ApiLog) -> Value {
    json!({
        "request_id": URL_SAFE_NO_PAD.encode(log.id),
        "environment": catalog.environment_by_id(log.env).map(|environment| environment.slug.as_str()),
        "operation": log.operation,
        "method": log.method,
        "path": log.path,
        "status": log.status,
        "duration_us": log.duration_us,
        "credential": log.credential,
        "user_id": log.user,
        "client": log.client,
        "inserted_at": log.at(),
    })
}

fn with_bodies(catalog: &Catalog, log: &ApiLog) -> Value {
    let hides = catalog.environment_by_id(log.env).is_some_and(|environment| {
        let settings: Value = serde_json::from_str(&environment.settings).unwrap_or_default();
        settings["hide_pii_data"] == true
    });
    let body = |text: &Option<String>| {
        let body = text.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        if hides { obfuscated(body) } else { body }
    };
    let mut shown = view(catalog, log);
    shown["request_body"] = body(&log.request);
    shown["response_body"] = body(&log.response);
    shown
}
