//! Channels and their settings, which the management API only reads. A change is live for the next delivery attempt.

use axum::Json;
use axum::extract::State;
use campanile_channels::registry::{Provider, provider_by_key};
use campanile_channels::setting::Settings;
use campanile_core::ids::{ChannelId, EnvId};
use campanile_core::problem::{FieldProblem, Problems};
use campanile_core::time::Timestamp;
use campanile_core::workflow::key_problem;
use campanile_engine::Vault;
use campanile_store::{Channel, ChannelSettings, StoreError, Tx};
use serde_json::{Value, json};
use uuid::Uuid;

use super::channel_change::Change;
use crate::app::App;
use crate::auth::ServiceToken;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};
use crate::management::channel_view;
use crate::public::segments::Segments;

/// Every channel with its settings in every environment, secrets obfuscated.
pub(super) async fn list(_: ServiceToken, State(app): State<App>) -> ApiResult<Json<Value>> {
    let catalog = app.engine().catalog();
    let entries: Vec<_> =
        catalog.channels().into_iter().map(|entry| channel_view(&catalog, entry, true)).collect();
    Ok(Json(json!({"entries": entries})))
}

/// Changes a channel in one environment; makes it when it is unknown and `type` and `provider` are given.
pub(super) async fn set(
    _: ServiceToken,
    State(app): State<App>,
    Segments(key): Segments<String>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let change = Change::read(&body).map_err(ApiError::invalid)?;
    let slug = change.environment.as_deref().unwrap_or("development");
    let env = app.engine().catalog().environment(slug).map(|environment| environment.id);
    let env = env.ok_or_else(|| ApiError::field("environment", "does not exist"))?;
    let (engine, now, name) = (app.engine().clone(), app.now(), key.clone());
    let written: Result<(), Vec<FieldProblem>> = app
        .store()
        .transact(move |tx| {
            Box::pin(async move { write(tx, engine.vault(), &name, env, &change, now).await })
        })
        .await?;
    written.map_err(ApiError::invalid)?;
    app.engine().reload_catalog().await?;
    let catalog = app.engine().catalog();
    let entry = catalog.channel_by_key(&key).ok_or_else(ApiError::missing)?;
    Ok(Json(channel_view(&catalog, entry, true)))
}

/// Decides first, writes then: a refused change leaves everything as it was.
async fn write(
    tx: &mut Tx<'_>,
    vault: &Vault,
    key: &str,
    env: EnvId,
    change: &Change,
    now: Timestamp,
) -> Result<Result<(), Vec<FieldProblem>>, StoreError> {
    let stored = tx.channel_by_key(key).await?;
    let is_new = stored.is_none();
    let (mut channel, provider) = match planned(stored, key, change, now) {
        Ok(planned) => planned,
        Err(problems) => return Ok(Err(problems)),
    };
    let before = if is_new { None } else { tx.channel_settings_in(channel.id, env).await? };
    let (mut of_type, mut of_provider) = (Settings::new(), Settings::new());
    if let Some(before) = &before {
        of_type = settings(&before.channel_settings)?;
        let text = vault.open(&before.provider_settings);
        of_provider = settings(&text.map_err(|error| StoreError::Corrupt(error.to_string().into()))?)?;
    }
    let merged = (
        change.channel_settings(provider.channel_type, &of_type),
        change.provider_settings(provider, &of_provider),
    );
    let (of_type, of_provider) = match merged {
        (Ok(of_type), Ok(of_provider)) => (of_type, of_provider),
        (of_type, of_provider) => {
            let mut problems = of_type.err().unwrap_or_default();
            problems.extend(of_provider.err().unwrap_or_default());
            return Ok(Err(problems));
        }
    };
    if is_new {
        channel.id = tx.insert_channel(&channel).await?;
    } else {
        tx.update_channel(&channel).await?;
    }
    tx.set_channel_settings(&ChannelSettings {
        channel: channel.id,
        env,
        uuid: before.as_ref().map_or_else(Uuid::new_v4, |before| before.uuid),
        is_sandbox: change.is_sandbox.unwrap_or(before.is_some_and(|before| before.is_sandbox)),
        channel_settings: Value::Object(of_type).to_string(),
        provider_settings: vault.seal(&Value::Object(of_provider).to_string()),
        updated_at: now,
    })
    .await?;
    Ok(Ok(()))
}

/// The channel after the change, and its provider. Type and provider stay what they were made with.
fn planned(
    stored: Option<Channel>,
    key: &str,
    change: &Change,
    now: Timestamp,
) -> Result<(Channel, &'static Provider), Vec<FieldProblem>> {
    let mut problems = Problems::default();
    let provider = match &stored {
        Some(stored) => provider_by_key(&stored.provider),
        None => change.provider,
    };
    if let Some(stored) = &stored {
        if stored.archived_at.is_some() {
            problems.add("key", "belongs to an archived channel");
        }
        if change.kind.is_some_and(|kind| kind.as_str() != stored.kind) {
            problems.add("type", "cannot be changed");
        }
        if change.provider.is_some_and(|provider| provider.key != stored.provider) {
            problems.add("provider", "cannot be changed; make another channel");
        }
        if provider.is_none() {
            problems.add("provider", "is not available in this version");
        }
    } else {
        if let Some(why) = key_problem(key) {
            problems.add("key", why);
        }
        if change.kind.is_none() {
            problems.add("type", "can't be blank");
        }
        if provider.is_none() {
            problems.add("provider", "can't be blank");
        }
    }
    problems.into_result(())?;
    let provider = provider.ok_or_else(|| vec![FieldProblem::new("provider", "can't be blank")])?;
    let mut channel = stored.unwrap_or_else(|| Channel {
        id: ChannelId(0),
        uuid: Uuid::new_v4(),
        key: key.to_owned(),
        name: key.to_owned(),
        kind: provider.channel_type.as_str().to_owned(),
        provider: provider.key.to_owned(),
        description: None,
        created_at: now,
        updated_at: now,
        archived_at: None,
    });
    if let Some(name) = &change.name {
        channel.name.clone_from(name);
    }
    if change.description.is_some() {
        channel.description.clone_from(&change.description);
    }
    channel.updated_at = now;
    Ok((channel, provider))
}

fn settings(text: &str) -> Result<Settings, StoreError> {
    serde_json::from_str(text).map_err(|_| StoreError::Corrupt("settings of a channel are not JSON".into()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn type_and_provider_are_for_ever() {
        let change = |body: Value| Change::read(&body.as_object().cloned().unwrap_or_default()).unwrap();
        let at = Timestamp(7);
        let made = change(json!({"type": "sms", "provider": "twilio", "name": "Texts"}));
        let (stored, provider) = planned(None, "sms", &made, at).unwrap();
        assert_eq!((stored.provider.as_str(), provider.key), ("sms_twilio", "sms_twilio"));
        for (known, key, body, want) in [
            (true, "sms", json!({"name": "Other", "type": "sms"}), vec![]),
            (true, "sms", json!({"type": "email"}), vec!["type"]),
            (true, "sms", json!({"provider": "email_smtp"}), vec!["provider"]),
            (false, "sms", json!({"name": "x"}), vec!["provider", "type"]),
            (false, "a b", json!({"type": "sms", "provider": "twilio"}), vec!["key"]),
        ] {
            let found = planned(known.then(|| stored.clone()), key, &change(body.clone()), at).err();
            let found: Vec<_> = found.unwrap_or_default().into_iter().map(|problem| problem.field).collect();
            assert_eq!(found, want, "{body}");
        }
    }
}
