//! Channels (section 13): read-only in this API; `admin/channels.rs` writes them.

use axum::Json;
use axum::extract::State;
use campanile_channels::registry::provider_by_key;
use campanile_engine::{Catalog, ChannelEntry, ChannelInEnv};
use serde_json::{Map, Value, json};

use super::request::LIMIT_MAX;
use super::{number_key, page_of};
use crate::app::App;
use crate::auth::ServiceToken;
use crate::error::{ApiError, ApiResult};
use crate::page;
use crate::public::segments::Segments;
use crate::query::Query;

pub(super) async fn list(
    _: ServiceToken,
    State(app): State<App>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let request = query.page("channels", "limit", LIMIT_MAX, app.cursor_key());
    let with_settings = query.list("include").contains(&"environment_settings");
    let id = query.text("id").map(str::to_owned);
    query.finish()?;
    let catalog = app.engine().catalog();
    let mut channels = catalog.channels();
    channels.retain(|entry| id.as_ref().is_none_or(|id| *id == entry.channel.uuid.to_string()));
    let page = page_of(&channels, &request, |entry| number_key(entry.channel.id.0));
    let entries: Vec<_> = page.items.iter().map(|entry| view(&catalog, entry, with_settings)).collect();
    let page_info = page::management(&app, "channels", &page, request.size);
    Ok(Json(json!({"entries": entries, "page_info": page_info})))
}

pub(super) async fn get(
    _: ServiceToken,
    State(app): State<App>,
    Segments(key): Segments<String>,
) -> ApiResult<Json<Value>> {
    let catalog = app.engine().catalog();
    let entry = catalog.channel_by_key(&key).ok_or_else(ApiError::missing)?;
    Ok(Json(view(&catalog, entry, true)))
}

/// A channel as answers show it: secrets obfuscated.
pub(crate) fn view(catalog: &Catalog, entry: &ChannelEntry, with_settings: bool) -> Value {
    let channel = &entry.channel;
    let mut view = json!({
        "id": channel.uuid.to_string(),
        "key": channel.key,
        "name": channel.name,
        "type": channel.kind,
        "provider": channel.provider,
        "description": channel.description,
        "custom_icon_url": null,
        "visible_in": ["workflow", "broadcast"],
        "archived_at": channel.archived_at,
        "created_at": channel.created_at,
        "updated_at": channel.updated_at,
    });
    if with_settings {
        let settings: Map<String, Value> = catalog
            .environments
            .iter()
            .filter_map(|env| {
                Some((env.slug.clone(), settings(&channel.provider, entry.settings.get(&env.id)?)))
            })
            .collect();
        view["environment_settings"] = Value::Object(settings);
    }
    view
}

/// Settings of a provider that this version does not know are not shown: nobody can say which are secret.
fn settings(provider: &str, settings: &ChannelInEnv) -> Value {
    let provider = provider_by_key(provider);
    json!({
        "id": settings.uuid.to_string(),
        "is_sandbox": settings.is_sandbox,
        "is_valid": provider.is_some_and(|provider| provider.is_configured(&settings.provider_settings)),
        "channel_settings": settings.channel_settings,
        "provider_settings": provider.map(|provider| provider.obfuscate(&settings.provider_settings)),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_never_shown() {
        let stored =
            json!({"account_id": "AC1", "auth_token": "0123456789abcdef", "from_type": "phone_number"});
        let stored = stored.as_object().cloned().unwrap_or_default();
        let in_env = ChannelInEnv::new(uuid::Uuid::nil(), true, Map::new(), stored);
        for (provider, valid, shown) in [
            (
                "sms_twilio",
                false,
                json!({"account_id": "AC1", "auth_token": "************cdef", "from_type": "phone_number"}),
            ),
            ("sms_unknown", false, Value::Null),
        ] {
            let got = settings(provider, &in_env);
            assert_eq!(
                (got["is_valid"].clone(), got["provider_settings"].clone()),
                (json!(valid), shown),
                "{provider}"
            );
        }
    }
}
