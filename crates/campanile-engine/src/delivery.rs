//! One attempt to hand a message to its provider: build, send, classify, record (channels.md section 8, delivery.md
//! section 7). The attempt was counted when the job was claimed, before anything leaves.

mod outcome;

use std::sync::Arc;
use std::time::Instant;

use campanile_channels::delivery::{Delivery, Outgoing};
use campanile_channels::email::from_data;
use campanile_channels::message::Content;
use campanile_channels::registry::{Answer, Connector, Provider, provider_by_key};
use campanile_channels::{chat, delivery_log, push};
use campanile_core::ids::Ksuid;
use campanile_core::message::DeliveryStatus;
use campanile_core::recipient::{RecipientRef, TENANTS};
use campanile_core::scope::lookup;
use campanile_core::time::Timestamp;
use campanile_store::{Claim, DeliveryLog, MessageView, RunRow, StoreError, Unit};
use campanile_template::RenderOptions;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::catalog::{ChannelEntry, ChannelInEnv};
use crate::engine::Engine;
use crate::identify::scope_value;
use crate::interpreter::is_sandboxed;
use crate::render::SIGNING_KEY;
use crate::scope::{RunScope, SharedRoots};
use crate::transport::Timeouts;
use outcome::{Verdict, judge, not_sent};

/// The members of stored content that are for delivery alone (`render::ATTACHMENT_KEY`, `render::OVERRIDES`).
#[derive(Default, Deserialize)]
#[serde(default)]
struct Extra {
    attachment_key: Option<String>,
    #[serde(deserialize_with = "present")]
    overrides: Option<Value>,
}

/// A member that is there, null included: overrides that render to null fail the delivery, absent ones do not.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// Everything about one message that an attempt needs.
struct Attempt<'a> {
    message: &'a MessageView,
    entry: &'a ChannelEntry,
    settings: &'a ChannelInEnv,
    provider: &'static Provider,
    run: Option<RunRow>,
    content: Content,
    /// Delivery-only parts of the stored content.
    extra: Extra,
    number: i64,
    first_at: Timestamp,
    now: Timestamp,
}

impl Engine {
    /// Carries out a delivery job.
    pub(crate) async fn deliver(&self, claim: Claim, now: Timestamp) -> Result<(), StoreError> {
        let id = <[u8; 20]>::try_from(claim.target.as_slice()).map(Ksuid);
        let message = match id {
            Ok(id) => self.store().message(claim.env, id).await?,
            Err(_) => None,
        };
        let Some(message) = message.filter(|m| may_go(m.row.status)) else {
            return self.store().commit(Unit::finishing(claim)).await.map(drop);
        };
        let verdict = self.attempt(&claim, &message, now).await?;
        let mut unit = match verdict.again_at {
            Some(at) => Unit::putting_off(claim, at, None),
            None => Unit::finishing(claim),
        };
        match verdict.result.status.and_then(DeliveryStatus::from_code) {
            Some(DeliveryStatus::Sent | DeliveryStatus::Delivered) => {
                _ = self.metrics().messages_delivered.inc()
            }
            Some(DeliveryStatus::Undelivered | DeliveryStatus::Bounced) => {
                _ = self.metrics().messages_failed.inc()
            }
            Some(DeliveryStatus::Queued) => _ = self.metrics().delivery_retries.inc(),
            _ => {}
        }
        unit.delivery = Some(verdict.result);
        self.commit_and_perform(unit).await.map(drop)
    }

    async fn attempt(
        &self,
        claim: &Claim,
        message: &MessageView,
        now: Timestamp,
    ) -> Result<Verdict, StoreError> {
        let catalog = self.catalog();
        let found = catalog.channel(message.row.channel).and_then(|entry| {
            Some((entry, entry.settings.get(&claim.env)?, provider_by_key(&entry.channel.provider)?))
        });
        let Some((entry, settings, provider)) = found else {
            return Ok(outcome::lost(message, now, "the channel is not configured in this environment"));
        };
        if matches!(provider.connector, Connector::InApp) {
            return Ok(outcome::shown(message, now));
        }
        let Ok(content) = serde_json::from_str::<Content>(&message.row.content) else {
            return Ok(outcome::lost(message, now, "the stored content cannot be read"));
        };
        let extra = serde_json::from_str::<Extra>(&message.row.content).unwrap_or_default();
        let run = self.store().workflow_run(message.row.run).await?;
        let attempt = Attempt {
            message,
            entry,
            settings,
            provider,
            run,
            content,
            extra,
            number: claim.attempt.max(1),
            first_at: claim.first_at.unwrap_or(now),
            now,
        };
        self.exchange(attempt).await
    }

    async fn exchange(&self, mut attempt: Attempt<'_>) -> Result<Verdict, StoreError> {
        let flags = attempt.run.as_ref().map_or(0, |run| run.flags);
        let sandbox = is_sandboxed(attempt.entry, attempt.settings, flags);
        let data: Value =
            match attempt.message.row.data.as_deref().or_else(|| attempt.run.as_ref()?.data.as_deref()) {
                Some(text) => serde_json::from_str(text).unwrap_or_default(),
                None => json!({}),
            };
        let attachments = match &attempt.extra.attachment_key {
            Some(path) => {
                let scope = json!({"data": data});
                lookup(&scope, &format!("data.{path}")).map(from_data).unwrap_or_default()
            }
            None => Vec::new(),
        };
        let settings = self.fresh_settings(&mut attempt, data).await?;
        let of_provider = attempt.provider.secrets(&settings);
        let catalog = self.catalog();
        let of_variables = catalog.variables().secrets_in(attempt.message.row.env);
        let secrets: Vec<&str> = of_provider.iter().chain(of_variables).map(String::as_str).collect();
        let message_id = attempt.message.row.id.to_string();
        let overrides = attempt.extra.overrides.clone();
        let mut delivery = Delivery::new(&message_id, &settings, attempt.now);
        delivery.overrides = overrides.as_ref();
        delivery.attachments = &attachments;
        delivery.sandbox = sandbox;
        delivery.allow_private_addresses = self.options().allow_private_addresses;
        let token = match attempt.provider.needs_token(&attempt.content) && !sandbox {
            true => match self.access_token(&attempt, &delivery).await {
                Ok(token) => Some(token),
                Err(reason) => return Ok(outcome::retry(&attempt.facts(), &reason, None, None)),
            },
            false => None,
        };
        delivery.access_token = token.as_deref();
        let outgoing = match attempt.provider.build(&attempt.content, &delivery) {
            Ok(outgoing) => outgoing,
            // Nothing left: no call, no log (D0).
            Err(error) => return Ok(outcome::fatal(&attempt.facts(), &error.to_string(), None)),
        };
        if sandbox {
            let log = attempt.log(&outgoing, None, &secrets);
            return Ok(not_sent(&attempt.facts(), log));
        }
        let started = Instant::now();
        let timeouts = Timeouts::total_seconds(attempt.provider.timeout_seconds);
        let result = self.transport().send(&outgoing, timeouts).await;
        self.metrics().delivery_took(started.elapsed());
        let verdict = attempt.provider.classify(&attempt.content, &outgoing, &result, attempt.now);
        let log = attempt.log(&outgoing, Some(&result), &secrets);
        Ok(judge(&attempt.facts(), verdict, log, snapshot(&attempt.content)))
    }

    /// Provider settings with their Liquid rendered; credentials of the recipient read again (R8.5).
    async fn fresh_settings(
        &self,
        attempt: &mut Attempt<'_>,
        data: Value,
    ) -> Result<Map<String, Value>, StoreError> {
        let mut settings = attempt.settings.provider_settings.clone();
        let row = &attempt.message.row;
        let reference = RecipientRef::from_key(&row.recipient);
        let texts = &attempt.settings.provider_texts;
        if !texts.are_fixed() {
            let recipient = self.store().recipient(row.env, &reference).await?;
            let tenant = match &row.tenant {
                Some(id) => {
                    self.store().recipient(row.env, &RecipientRef::object(TENANTS, id.clone())).await?
                }
                None => None,
            };
            let tenant = tenant.as_ref().map(scope_value);
            let shared = SharedRoots {
                data: data.into(),
                vars: self.catalog().variables().branded(row.env, tenant.as_ref(), None),
                tenant: tenant.map(Arc::new),
                ..SharedRoots::default()
            };
            let scope = RunScope::new(&shared, None, recipient.map_or(Value::Null, |row| scope_value(&row)));
            let now = attempt.now;
            let rendered = self.with_stored_data(row.env, |loaded, notes| {
                let options = RenderOptions::at(now).with_data(loaded, notes);
                let mut rendered = settings.clone();
                for (name, value) in &mut rendered {
                    if let Value::String(text) = value {
                        *text = texts.render(name, text, &scope, &options).unwrap_or_default();
                    }
                }
                rendered
            });
            settings = rendered.await?;
        }
        match &mut attempt.content {
            Content::Http(request) => {
                request.signing_key = settings
                    .get(SIGNING_KEY)
                    .and_then(Value::as_str)
                    .filter(|k| !k.is_empty())
                    .map(str::to_owned);
            }
            Content::Chat(message) => {
                let own = self.store().channel_data(row.env, &reference, row.channel).await?;
                let tenant = match &row.tenant {
                    Some(id) => {
                        let tenant = RecipientRef::object(TENANTS, id.clone());
                        self.store().channel_data(row.env, &tenant, row.channel).await?
                    }
                    None => None,
                };
                let parse = |text: Option<String>| {
                    text.and_then(|text| serde_json::from_str::<Value>(&text).ok()).unwrap_or_default()
                };
                let fresh = chat::connections(&parse(own), &parse(tenant));
                let address = chat::snapshot(&message.connection);
                if let Some(connection) = fresh.into_iter().find(|c| chat::snapshot(c) == address) {
                    message.connection = connection;
                }
            }
            _ => {}
        }
        Ok(settings)
    }

    /// The OAuth token of a provider that wants one, kept until it runs out.
    async fn access_token(&self, attempt: &Attempt<'_>, delivery: &Delivery<'_>) -> Result<String, String> {
        let key =
            (attempt.entry.channel.id, attempt.message.row.env, attempt.settings.provider_settings.len());
        if let Some(found) = self.tokens().lock().get(&key)
            && found.use_until > attempt.now
        {
            return Ok(found.token.clone());
        }
        let request = match attempt.provider.token_request(delivery) {
            Some(Ok(request)) => request,
            Some(Err(error)) => return Err(error.to_string()),
            None => return Err("the provider has no token endpoint".into()),
        };
        let timeouts = Timeouts::total_seconds(attempt.provider.timeout_seconds);
        match self.transport().send(&Outgoing::Http(request), timeouts).await {
            Ok(Answer::Http(answer)) => match push::read_token(&answer, attempt.now) {
                Some(token) => {
                    let text = token.token.clone();
                    self.tokens().lock().insert(key, token);
                    Ok(text)
                }
                None => Err(format!("the token endpoint answered HTTP {}", answer.status)),
            },
            Ok(Answer::Smtp(_)) => Err("the token endpoint speaks SMTP".into()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Queued, or left in the middle of an attempt by a crash.
fn may_go(status: i64) -> bool {
    matches!(
        DeliveryStatus::from_code(status),
        Some(DeliveryStatus::Queued | DeliveryStatus::DeliveryAttempted)
    )
}

/// The destination as addressed (delivery.md section 1).
fn snapshot(content: &Content) -> Option<String> {
    match content {
        Content::Email(mail) => Some(json!({"email": mail.to, "name": mail.to_name}).to_string()),
        Content::Chat(message) => Some(chat::snapshot(&message.connection).to_string()),
        _ => None,
    }
}

impl Attempt<'_> {
    fn facts(&self) -> outcome::Facts<'_> {
        outcome::Facts { message: self.message, number: self.number, first_at: self.first_at, now: self.now }
    }

    fn log(
        &self,
        outgoing: &Outgoing,
        result: Option<&Result<Answer, campanile_channels::exchange::TransportError>>,
        secrets: &[&str],
    ) -> DeliveryLog {
        let log = delivery_log::record(self.provider, &self.content, outgoing, result, secrets);
        DeliveryLog {
            id: Ksuid::derived(
                self.now,
                &[b"delivery_log", &self.message.row.id.0, &self.number.to_be_bytes()],
            ),
            service: log.service_name.to_owned(),
            request: log.request.to_string(),
            response: log.response.to_string(),
            inserted_at: self.now,
        }
    }
}
