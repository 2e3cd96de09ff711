//! Who calls, and what the account may do.

use axum::Json;
use axum::extract::State;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::auth::ServiceToken;
use crate::error::ApiResult;

/// What a plan would allow: here everything is. The CLI leaves out translations unless they are (M1.7).
const ALLOWED: [&str; 15] = [
    "batch_items_render_limit_allowed",
    "custom_branding_allowed",
    "data_warehouse_extension_allowed",
    "datadog_extension_allowed",
    "dsync_allowed",
    "guides_per_tenant_scope_allowed",
    "heap_extension_allowed",
    "litmus_email_preview_allowed",
    "new_relic_extension_allowed",
    "permission_groups_allowed",
    "segment_extension_allowed",
    "self_serve_allowed",
    "sso_allowed",
    "tenant_preferences_allowed",
    "translations_allowed",
];
/// What this version has of it.
const BUILT: [&str; 4] = [
    "batch_items_render_limit_allowed",
    "custom_branding_allowed",
    "tenant_preferences_allowed",
    "translations_allowed",
];
const LIMITS: [&str; 3] =
    ["data_retention_days", "guides_monthly_notified_recipients_limit", "message_sent_limit"];

pub(super) async fn get(token: ServiceToken, State(app): State<App>) -> ApiResult<Json<Value>> {
    let name = app.store().setting("account_name").await?.unwrap_or_else(|| "Campanile".into());
    let slug = app.store().setting("account_slug").await?.unwrap_or_else(|| "campanile".into());
    Ok(Json(json!({
        "type": "service_token",
        "account_name": name,
        "account_slug": slug,
        "service_token_name": token.name,
        "user_id": null,
        "user_name": null,
        "user_email": null,
        "account_features": features(),
    })))
}

fn features() -> Map<String, Value> {
    let mut features: Map<String, Value> =
        ALLOWED.iter().map(|name| ((*name).into(), BUILT.contains(name).into())).collect();
    features.extend(LIMITS.iter().map(|name| ((*name).into(), Value::Null)));
    features.insert("knock_branding_required".into(), false.into());
    features
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_every_feature_of_the_document() {
        let features = features();
        assert_eq!(features.len(), 19);
        assert_eq!(features["translations_allowed"], true);
        assert_eq!(features["knock_branding_required"], false);
        assert_eq!(features["message_sent_limit"], Value::Null);
    }
}
