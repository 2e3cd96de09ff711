//! What channel pickers ask of Slack and Microsoft Teams through us (channels.md 12.8, in-app.md section 19).

pub(super) mod ms_teams;
pub(super) mod slack;

use std::sync::Arc;

use campanile_channels::chat::Refusal;
use campanile_channels::delivery::Delivery;
use campanile_core::recipient::RecipientRef;
use campanile_engine::{ChannelEntry, ChannelInEnv};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::auth::ClientKey;
use crate::error::{ApiError, ApiResult};
use crate::query::Query;

/// The channel of the path and the object whose credential is used.
struct Asked {
    key: ClientKey,
    app: App,
    entry: Arc<ChannelEntry>,
    object: RecipientRef,
    /// The object's channel data; null when there is none.
    data: Value,
}

impl Asked {
    /// Reads the request: who may ask about the object comes before whether it exists.
    async fn read(
        app: App,
        key: ClientKey,
        provider: &str,
        channel: &str,
        parameter: &str,
        mut query: Query,
    ) -> ApiResult<Self> {
        let object = object(&mut query, parameter);
        query.finish()?;
        let object = object.ok_or_else(|| ApiError::field(parameter, "can't be blank"))?;
        key.check_object(&object)?;
        let uuid = Uuid::parse_str(channel).map_err(|_| ApiError::missing())?;
        let entry = app.engine().catalog().channel_by_uuid(uuid).cloned().ok_or_else(ApiError::missing)?;
        if entry.channel.provider != provider || !entry.settings.contains_key(&key.env) {
            return Err(ApiError::refused(
                "channel_invalid",
                format!("The channel is not set up for {provider} in this environment"),
            ));
        }
        let data = app.store().channel_data(key.env, &object, entry.channel.id).await?;
        let data = data.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        Ok(Self { key, app, entry, object, data })
    }

    fn settings(&self) -> ApiResult<&ChannelInEnv> {
        self.entry.settings.get(&self.key.env).ok_or_else(ApiError::missing)
    }

    fn delivery<'a>(&self, settings: &'a ChannelInEnv) -> Delivery<'a> {
        Delivery::new("", &settings.provider_settings, self.app.now())
    }

    /// Forgets the credential, unless it was replaced meanwhile.
    async fn forget(&self, member: &'static str) -> ApiResult<()> {
        let (env, object, channel) = (self.key.env, self.object.clone(), self.entry.channel.id);
        let (expected, now) = (self.data[member].clone(), self.app.now());
        let forget = self.app.store().transact(move |tx| {
            Box::pin(async move {
                tx.clear_channel_data_member(env, &object, channel, member, &expected, now).await
            })
        });
        Ok(forget.await?)
    }
}

/// The object in any spelling: JSON text, or `name[object_id]` and `name[collection]` (R12.9).
fn object(query: &mut Query, name: &str) -> Option<RecipientRef> {
    let part = |part: &str| query.text(&format!("{name}.{part}")).map(str::to_owned);
    let (mut id, mut collection) = (part("object_id"), part("collection"));
    if let Some(text) = query.text(name) {
        let given: Value = serde_json::from_str(text).unwrap_or_default();
        let member = |member: &str| given[member].as_str().map(str::to_owned);
        (id, collection) = (member("object_id"), member("collection"));
        if !given.is_object() {
            query.problems.add(name, "must be a JSON object");
            return None;
        }
    }
    for (member, value) in [("object_id", &id), ("collection", &collection)] {
        if value.as_ref().is_none_or(|value| value.is_empty() || value.contains('\0')) {
            query.problems.add(format!("{name}.{member}"), "can't be blank");
        }
    }
    Some(RecipientRef::object(collection?, id?))
}

/// A whole number of a query, within bounds.
fn number(query: &mut Query, name: &str, max: u32) -> Option<u32> {
    let number = query.text(name)?.parse::<u32>().ok().filter(|number| (1..=max).contains(number));
    if number.is_none() {
        query.problems.add(name, format!("must be an integer from 1 to {max}"));
    }
    number
}

/// The answer of an `auth_check`. A refusal is told by both names that clients read (R12.12).
fn connection(works: Result<(), Refusal>) -> Value {
    let reason = match works {
        Ok(()) => return json!({"ok": true}),
        Err(Refusal::Refused(error) | Refusal::Unavailable(error)) => error,
        Err(Refusal::Throttled) => "ratelimited".into(),
    };
    json!({"ok": false, "reason": reason, "error": reason})
}

/// A refusal where there is nothing else to answer.
fn refuse(provider: &str, refusal: Refusal) -> ApiError {
    match refusal {
        Refusal::Refused(error) => ApiError::authorization(format!("{provider} refused: {error}")),
        Refusal::Throttled => ApiError::too_many_requests(),
        Refusal::Unavailable(reason) => ApiError::provider_unavailable(provider, &reason),
    }
}
