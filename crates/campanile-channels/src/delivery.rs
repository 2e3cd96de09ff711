//! What a connector gets besides the message, and what it gives back.

use std::borrow::Cow;

use campanile_core::time::Timestamp;
use serde_json::Value;

use crate::email::SmtpMail;
use crate::exchange::HttpRequest;
use crate::setting::{self, Settings};

/// Everything of one attempt that is not the rendered message.
#[derive(Clone, Copy)]
pub struct Delivery<'a> {
    /// The message's id, stable over attempts.
    pub message_id: &'a str,
    /// How often a person asked for the message again; part of the idempotency key (delivery.md R9.1).
    pub manual_retries: u32,
    /// Provider settings, their Liquid rendered.
    pub settings: &'a Settings,
    /// Rendered JSON or payload overrides.
    pub overrides: Option<&'a Value>,
    /// Attachments as the trigger gave them.
    pub attachments: &'a [Value],
    /// The OAuth token of providers that need one.
    pub access_token: Option<&'a str>,
    /// Where the provider may report the status.
    pub status_callback: Option<&'a str>,
    /// The request is only shown: placeholders stand in for missing settings.
    pub sandbox: bool,
    /// The operator allows `http` URLs and private addresses (R13.2).
    pub allow_private_addresses: bool,
    /// The present.
    pub now: Timestamp,
}

impl<'a> Delivery<'a> {
    /// An attempt with nothing but the necessary.
    pub fn new(message_id: &'a str, settings: &'a Settings, now: Timestamp) -> Self {
        Self {
            message_id,
            manual_retries: 0,
            settings,
            overrides: None,
            attachments: &[],
            access_token: None,
            status_callback: None,
            sandbox: false,
            allow_private_addresses: false,
            now,
        }
    }

    /// The value of a setting; blank counts as absent.
    pub fn setting(&self, name: &str) -> Option<String> {
        setting::text(self.settings, name)
    }

    /// The value of a setting that must be there; in the sandbox its upper-case name takes its place.
    pub fn required(&self, name: &'static str) -> Result<String, BuildError> {
        self.setting(name).map_or_else(|| self.placeholder(name), Ok)
    }

    /// The OAuth token, with the same stand-in.
    pub fn required_token(&self) -> Result<Cow<'a, str>, BuildError> {
        match self.access_token {
            Some(token) => Ok(Cow::Borrowed(token)),
            None => self.placeholder("access_token").map(Cow::Owned),
        }
    }

    /// What stands for `name` in a request that is only shown; outside the sandbox its absence is an error.
    pub fn placeholder(&self, name: &'static str) -> Result<String, BuildError> {
        if self.sandbox { Ok(name.to_ascii_uppercase()) } else { Err(BuildError::MissingSetting(name)) }
    }

    /// `path` below the provider's base URL, which the hidden setting `base_url` replaces (R8.4).
    pub fn url(&self, base: &str, path: &str) -> String {
        let own = self.setting("base_url");
        format!("{}{path}", own.as_deref().unwrap_or(base).trim_end_matches('/'))
    }

    /// The key under which providers recognise a repeated request.
    pub fn idempotency_key(&self) -> String {
        match self.manual_retries {
            0 => self.message_id.to_owned(),
            n => format!("{}-r{n}", self.message_id),
        }
    }
}

/// A message in its provider's terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outgoing {
    /// To be sent over HTTP.
    Http(HttpRequest),
    /// To be sent over SMTP.
    Smtp(Box<SmtpMail>),
}

/// Why no request could be made. The message is lost for good (D0: fatal, no call, no delivery log).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BuildError {
    /// A setting that this provider cannot do without.
    #[error("the channel setting `{0}` is missing")]
    MissingSetting(&'static str),
    /// A setting or a part of the message that the provider cannot take.
    #[error("{what} is not valid: {reason}")]
    Invalid {
        /// Which one.
        what: &'static str,
        /// Why, without the value of secrets.
        reason: String,
    },
    /// An attachment is malformed (R9.7).
    #[error("attachment {index} {reason}")]
    Attachment {
        /// 0-based.
        index: usize,
        /// Reads on after the index.
        reason: String,
    },
    /// An override is not a JSON object (R2.6).
    #[error("the overrides are not a JSON object")]
    Overrides,
    /// Larger than the provider takes.
    #[error("the payload has {bytes} bytes, {bytes_max} are allowed")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// The limit.
        bytes_max: usize,
    },
    /// The message goes over another type of channel than the provider serves.
    #[error("the provider does not take this type of message")]
    WrongChannelType,
}

impl BuildError {
    /// [`BuildError::Invalid`].
    pub fn invalid(what: &'static str, reason: impl ToString) -> Self {
        Self::Invalid { what, reason: reason.to_string() }
    }
}
