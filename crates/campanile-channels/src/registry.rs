//! Every provider there is. Adding one is a file and a line in [`PROVIDERS`].

use campanile_core::time::Timestamp;
use campanile_core::workflow::ChannelType;

use crate::delivery::{BuildError, Delivery, Outgoing};
use crate::email::{self, SmtpMail, SmtpReply};
use crate::exchange::{HttpAnswer, HttpRequest, TransportError};
use crate::message::{ChatMessage, Content, EmailMessage, PushMessage, SmsMessage, WebhookRequest};
use crate::outcome::{self, Outcome, Reply};
use crate::setting::{self, Setting, Settings};
use crate::{chat, in_app, push, sms, webhook};

/// All providers, grouped by channel type.
pub const PROVIDERS: &[Provider] = &[
    email::SMTP,
    sms::TWILIO,
    push::FCM,
    chat::SLACK,
    chat::MS_TEAMS,
    webhook::HTTP,
    in_app::FEED,
    in_app::GUIDE,
];

/// Finds a provider by its key, or by its bare vendor name (X1): `sms_twilio`, `twilio`.
pub fn provider_by_key(key: &str) -> Option<&'static Provider> {
    PROVIDERS.iter().find(|provider| provider.key == key).or_else(|| {
        let mut named = PROVIDERS.iter().filter(|provider| provider.vendor() == key);
        named.next().filter(|_| named.next().is_none())
    })
}

/// The company or program behind a channel.
#[derive(Debug, Clone, Copy)]
pub struct Provider {
    /// `<type>_<vendor>`.
    pub key: &'static str,
    /// What delivery logs call it (`service_name`).
    pub name: &'static str,
    /// The type of channel that it serves.
    pub channel_type: ChannelType,
    /// Besides these every provider takes the hidden `base_url` (R8.4).
    pub settings: &'static [Setting],
    /// How long one attempt may take in all (R8.2).
    pub timeout_seconds: u32,
    /// See [`Connector`].
    pub connector: Connector,
}

/// Builds the request for a message of type `M`.
pub type Build<M> = fn(&M, &Delivery<'_>) -> Result<HttpRequest, BuildError>;
/// Judges the reply to it.
pub type Classify<M> = fn(&M, Reply<'_>) -> Outcome;

/// Builds the request for an OAuth token.
pub type BuildTokenRequest = fn(&Delivery<'_>) -> Result<HttpRequest, BuildError>;

/// How a provider is spoken to.
#[derive(Debug, Clone, Copy)]
pub enum Connector {
    /// Mail submission.
    Smtp {
        /// Builds the mail.
        build: fn(&EmailMessage, &Delivery<'_>) -> Result<SmtpMail, BuildError>,
    },
    /// E-mail over an HTTP API.
    Email {
        /// See [`Build`].
        build: Build<EmailMessage>,
        /// See [`Classify`].
        classify: Classify<EmailMessage>,
    },
    /// SMS over an HTTP API.
    Sms {
        /// See [`Build`].
        build: Build<SmsMessage>,
        /// See [`Classify`].
        classify: Classify<SmsMessage>,
    },
    /// Push over an HTTP API.
    Push {
        /// See [`Build`].
        build: Build<PushMessage>,
        /// See [`Classify`].
        classify: Classify<PushMessage>,
        /// The request for the OAuth token that `build` wants, where one is needed.
        token: Option<BuildTokenRequest>,
    },
    /// Chat over an HTTP API.
    Chat {
        /// See [`Build`].
        build: Build<ChatMessage>,
        /// See [`Classify`].
        classify: Classify<ChatMessage>,
        /// The request for the OAuth token that `build` wants for all but incoming webhooks, where one is needed.
        token: Option<BuildTokenRequest>,
    },
    /// A customer's URL.
    Webhook {
        /// See [`Build`].
        build: Build<WebhookRequest>,
        /// See [`Classify`].
        classify: Classify<WebhookRequest>,
    },
    /// Nothing is called.
    InApp,
}

/// What a transport brought back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// From an HTTP server.
    Http(HttpAnswer),
    /// From a mail server.
    Smtp(SmtpReply),
}

impl Provider {
    /// The key without its type: `twilio`.
    pub fn vendor(&self) -> &'static str {
        let prefix = self.channel_type.as_str();
        self.key.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('_')).unwrap_or(self.key)
    }

    /// True when every required setting is present and well formed (`is_valid`).
    pub fn is_configured(&self, settings: &Settings) -> bool {
        self.missing(settings).is_empty()
    }

    /// The names of settings that are absent or malformed.
    pub fn missing(&self, settings: &Settings) -> Vec<&'static str> {
        setting::missing(self.settings, settings)
    }

    /// The settings as API clients may see them.
    pub fn obfuscate(&self, settings: &Settings) -> Settings {
        setting::obfuscate(self.settings, settings)
    }

    /// Settings that were edited on top of obfuscated ones, their secrets put back.
    pub fn restore_secrets(&self, stored: &Settings, incoming: Settings) -> Settings {
        setting::restore_secrets(self.settings, stored, incoming)
    }

    /// The values that must not appear in logs.
    pub fn secrets(&self, settings: &Settings) -> Vec<String> {
        let secret = self.settings.iter().filter(|setting| setting.secret);
        secret.filter_map(|secret| setting::text(settings, secret.name)).collect()
    }

    /// True when [`Provider::token_request`] must be sent before this message.
    pub fn needs_token(&self, content: &Content) -> bool {
        match (self.connector, content) {
            (Connector::Push { token: Some(_), .. }, _) => true,
            (Connector::Chat { token: Some(_), .. }, Content::Chat(chat)) => {
                chat.connection.get("incoming_webhook").is_none_or(serde_json::Value::is_null)
            }
            _ => false,
        }
    }

    /// The request for the provider's OAuth token; read its answer with [`push::read_token`].
    pub fn token_request(&self, delivery: &Delivery<'_>) -> Option<Result<HttpRequest, BuildError>> {
        match self.connector {
            Connector::Push { token: Some(token), .. } | Connector::Chat { token: Some(token), .. } => {
                Some(token(delivery))
            }
            _ => None,
        }
    }

    /// The message in the provider's terms.
    pub fn build(&self, content: &Content, delivery: &Delivery<'_>) -> Result<Outgoing, BuildError> {
        let http = match (self.connector, content) {
            (Connector::Smtp { build }, Content::Email(mail)) => {
                return build(mail, delivery).map(|mail| Outgoing::Smtp(Box::new(mail)));
            }
            (Connector::Email { build, .. }, Content::Email(mail)) => build(mail, delivery),
            (Connector::Sms { build, .. }, Content::Sms(sms)) => build(sms, delivery),
            (Connector::Push { build, .. }, Content::Push(push)) => build(push, delivery),
            (Connector::Chat { build, .. }, Content::Chat(chat)) => build(chat, delivery),
            (Connector::Webhook { build, .. }, Content::Http(request)) => build(request, delivery),
            _ => Err(BuildError::WrongChannelType),
        };
        http.map(Outgoing::Http)
    }

    /// What came of it. `outgoing` is what was sent.
    pub fn classify(
        &self,
        content: &Content,
        outgoing: &Outgoing,
        result: &Result<Answer, TransportError>,
        now: Timestamp,
    ) -> Outcome {
        let result = match (result, outgoing) {
            (Ok(Answer::Smtp(reply)), Outgoing::Smtp(mail)) => {
                return email::classify(reply, &mail.message_id);
            }
            (Err(error), Outgoing::Smtp(_)) => return email::classify_error(error),
            (Ok(Answer::Http(answer)), Outgoing::Http(_)) => Ok(answer),
            (Err(error), Outgoing::Http(_)) => Err(error),
            _ => return Outcome::fatal("the answer is of another protocol than the request"),
        };
        let reply = Reply { result, now };
        match (self.connector, content) {
            (Connector::Email { classify, .. }, Content::Email(mail)) => classify(mail, reply),
            (Connector::Sms { classify, .. }, Content::Sms(sms)) => classify(sms, reply),
            (Connector::Push { classify, .. }, Content::Push(push)) => classify(push, reply),
            (Connector::Chat { classify, .. }, Content::Chat(chat)) => classify(chat, reply),
            (Connector::Webhook { classify, .. }, Content::Http(request)) => classify(request, reply),
            _ => outcome::by_default(reply),
        }
    }
}

#[cfg(test)]
mod tests;
