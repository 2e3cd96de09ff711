//! What custom preference centers read, and the link to the hosted one (preferences.md section 11).

use axum::Json;
use axum::extract::State;
use campanile_core::recipient::RecipientRef;
use campanile_engine::links::PreferenceLink;
use serde_json::{Map, Value, json};

use super::super::segments::Segments;
use crate::app::App;
use crate::auth::{AnyKey, SecretKey};
use crate::error::{ApiError, ApiResult};
use crate::preference_center;

/// The configuration, also when the center is switched off (PF11.3) and for users not identified yet.
pub(in crate::public) async fn config(
    AnyKey(env): AnyKey,
    State(app): State<App>,
    Segments(user): Segments<String>,
) -> ApiResult<Json<Value>> {
    let center = preference_center::read(&app, env).await?;
    let row = app.store().recipient(env, &RecipientRef::user(&user)).await?;
    let properties = row.and_then(|row| serde_json::from_str::<Value>(&row.properties).ok());
    let email = properties.as_ref().and_then(|properties| properties["email"].as_str());
    let branding = branding(&app.engine().catalog().variables().branding_in(env));
    Ok(Json(json!({
        "account_name": app.store().setting("account_name").await?,
        "user_email": email.filter(|email| !email.is_empty()).unwrap_or(&user),
        "enabled": center.is_enabled,
        "knock_branding_required": false,
        "branding": branding,
        "config": center.config,
    })))
}

/// What of an environment's branding is public: light, and what the dark mode has of its own.
fn branding(set: &Map<String, Value>) -> Value {
    const KEYS: [&str; 4] = ["logo_url", "icon_url", "primary_color", "primary_color_contrast"];
    let mut light: Map<String, Value> =
        KEYS.iter().map(|key| ((*key).to_owned(), json!(set.get(*key)))).collect();
    let dark: Map<String, Value> = KEYS
        .iter()
        .filter_map(|key| Some(((*key).to_owned(), set.get(&format!("dark_{key}"))?.clone())))
        .collect();
    if !dark.is_empty() {
        light.insert("dark".into(), dark.into());
    }
    light.into()
}

/// The link of a user; signing again does not spoil earlier ones (PF11.6).
pub(in crate::public) async fn signed_url(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments(user): Segments<String>,
) -> ApiResult<Json<Value>> {
    let row = app.store().recipient(env, &RecipientRef::user(&user)).await?.ok_or_else(ApiError::missing)?;
    let links = app.engine().links();
    let token = PreferenceLink::new(env, &user, row.inserted_at).token(links);
    let url = PreferenceLink::url(links, &token);
    Ok(Json(json!({"token": token, "url": url})))
}
