//! The rendered message in the terms of its channel type: stored when the message is made, then never changed.

use std::fmt;

use campanile_core::workflow::ChannelType;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::redaction;

/// What a message says, ready for any provider of its channel type. Attachments stay outside (R9.10).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "channel_type", rename_all = "snake_case")]
pub enum Content {
    /// Over e-mail.
    Email(EmailMessage),
    /// Over SMS.
    Sms(SmsMessage),
    /// To one device.
    Push(PushMessage),
    /// To one connection.
    Chat(ChatMessage),
    /// To a URL.
    Http(WebhookRequest),
}

impl Content {
    /// The type of channel that carries it.
    pub const fn channel_type(&self) -> ChannelType {
        match self {
            Self::Email(_) => ChannelType::Email,
            Self::Sms(_) => ChannelType::Sms,
            Self::Push(_) => ChannelType::Push,
            Self::Chat(_) => ChannelType::Chat,
            Self::Http(_) => ChannelType::Http,
        }
    }

    /// The object that API clients read under `data` of a message's content (delivery.md 5); secrets masked.
    pub fn wire(&self) -> Value {
        match self {
            Self::Email(mail) => json!({
                "__typename": "MessageEmailContent",
                "from": mailbox(mail.from_name.as_deref(), &mail.from),
                "to": mailbox(mail.to_name.as_deref(), &mail.to),
                "cc": joined(&mail.cc),
                "bcc": joined(&mail.bcc),
                "reply_to": mail.reply_to,
                "subject_line": mail.subject,
                "html_body": mail.html,
                "text_body": mail.text,
            }),
            Self::Sms(sms) => json!({"__typename": "MessageSmsContent", "to": sms.to, "body": sms.body}),
            Self::Push(push) => json!({
                "__typename": "MessagePushContent",
                "token": push.token,
                "title": push.title,
                "body": push.body,
                "data": push.data,
            }),
            Self::Chat(chat) => json!({
                "__typename": "MessageChatContent",
                "connection": redaction::connection(&chat.connection),
                "template": chat.template,
                "metadata": chat.metadata,
            }),
            Self::Http(request) => json!({
                "__typename": "MessageWebhookContent",
                "request": {
                    "method": request.method,
                    "url": redaction::url(&request.url),
                    "headers": pairs(&request.headers),
                    "query_params": pairs(&request.query_params),
                    "body": request.body,
                },
            }),
        }
    }
}

/// One e-mail to one recipient.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct EmailMessage {
    /// The sender's address.
    pub from: String,
    /// The sender's display name.
    pub from_name: Option<String>,
    /// Exactly one address (R9.1).
    pub to: String,
    /// Only when the address is the recipient's own (S17).
    pub to_name: Option<String>,
    /// Addresses, `Name <addr>` allowed; see [`crate::email::split_addresses`].
    pub cc: Vec<String>,
    /// The same, kept out of the headers.
    pub bcc: Vec<String>,
    /// One address.
    pub reply_to: Option<String>,
    /// The subject line.
    pub subject: String,
    /// The HTML part.
    pub html: String,
    /// The text part.
    pub text: String,
    /// Further headers: the unsubscribe headers of commercial workflows.
    pub headers: Vec<KeyValue>,
}

/// One text message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SmsMessage {
    /// A phone number.
    pub to: String,
    /// Plain text.
    pub body: String,
}

/// One notification for one device.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PushMessage {
    /// The device.
    pub token: String,
    /// Rendered even when silent.
    pub title: String,
    /// Rendered even when silent.
    pub body: String,
    /// The trigger data.
    pub data: Map<String, Value>,
    /// Delivery type `silent`: title and body do not reach the provider.
    pub silent: bool,
}

/// One chat message for one connection.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChatMessage {
    /// Where it goes and with whose token, the tenant's merged in; see [`crate::chat::connections`].
    pub connection: Value,
    /// What it says.
    pub template: ChatTemplate,
    /// Shown to API clients as it is.
    pub metadata: Option<Value>,
    /// The provider's id of the message that it answers.
    pub reply_to: Option<String>,
}

impl fmt::Debug for ChatMessage {
    /// Without the connection, which holds tokens.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChatMessage").field("template", &self.template).finish_non_exhaustive()
    }
}

/// The body of a chat message: blocks or provider-native JSON.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChatTemplate {
    /// Markdown or text, null in JSON templates.
    pub blocks: Option<Vec<ChatBlock>>,
    /// Provider-native JSON.
    pub json_content: Option<Value>,
    /// For device notifications.
    pub summary: Option<String>,
}

/// One block of a chat message.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChatBlock {
    /// `markdown` or `text`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Its name in the template.
    pub name: String,
    /// The rendered source.
    pub content: String,
}

/// A request to a customer's URL. Signed anew at each attempt (R13.4).
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct WebhookRequest {
    /// `get`, `post`, `put`, `delete` or `patch`.
    pub method: String,
    /// Rendered.
    pub url: String,
    /// In order.
    pub headers: Vec<KeyValue>,
    /// Appended to the URL's own.
    pub query_params: Vec<KeyValue>,
    /// Rendered; not sent with `get` and `delete`.
    pub body: Option<String>,
    /// Present when signing is on.
    pub signing_key: Option<String>,
}

impl fmt::Debug for WebhookRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookRequest")
            .field("method", &self.method)
            .field("signed", &self.signing_key.is_some())
            .finish_non_exhaustive()
    }
}

/// A named text, where order and repetition count.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyValue {
    /// Its name.
    pub key: String,
    /// Its value.
    pub value: String,
}

impl KeyValue {
    /// A pair.
    pub fn new(key: impl Into<String>, value: impl Into<String>) -> Self {
        Self { key: key.into(), value: value.into() }
    }
}

fn pairs(values: &[KeyValue]) -> Vec<Value> {
    values
        .iter()
        .map(|pair| {
            let masked = redaction::is_secret_header(&pair.key) || redaction::is_secret_key(&pair.key);
            let value = if masked { redaction::header_value(&pair.value) } else { pair.value.clone() };
            json!({"key": pair.key, "value": value})
        })
        .collect()
}

fn mailbox(name: Option<&str>, address: &str) -> String {
    match name {
        Some(name) if !name.is_empty() => format!("{name} <{address}>"),
        _ => address.to_owned(),
    }
}

fn joined(addresses: &[String]) -> Option<String> {
    (!addresses.is_empty()).then(|| addresses.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_survives_its_storage() {
        for content in [
            Content::Email(EmailMessage { from: "a@x.io".into(), to: "b@x.io".into(), ..Default::default() }),
            Content::Sms(SmsMessage { to: "+1".into(), body: "hi".into() }),
            Content::Push(PushMessage { token: "t".into(), silent: true, ..Default::default() }),
            Content::Chat(ChatMessage {
                connection: json!({"channel_id":"C1","access_token":"xoxb"}),
                ..Default::default()
            }),
            Content::Http(WebhookRequest { method: "post".into(), ..Default::default() }),
        ] {
            let stored = serde_json::to_value(&content).unwrap();
            assert_eq!(stored["channel_type"], content.channel_type().as_str());
            assert_eq!(serde_json::from_value::<Content>(stored).unwrap(), content);
        }
    }

    #[test]
    fn the_wire_form_follows_the_page_and_holds_no_secret() {
        let mail = EmailMessage {
            from: "a@x.io".into(),
            from_name: Some("A".into()),
            to: "b@x.io".into(),
            cc: vec!["c@x.io".into(), "D <d@x.io>".into()],
            subject: "S".into(),
            ..Default::default()
        };
        let wire = Content::Email(mail).wire();
        assert_eq!(wire["from"], "A <a@x.io>");
        assert_eq!(wire["cc"], "c@x.io, D <d@x.io>");
        assert_eq!(wire["bcc"], Value::Null);

        let chat = Content::Chat(ChatMessage {
            connection: json!({"channel_id":"C1","access_token":"s3cret","incoming_webhook":{"url":"https://h.test/s3cret"}}),
            ..Default::default()
        });
        let hook = Content::Http(WebhookRequest {
            headers: vec![KeyValue::new("Authorization", "Bearer s3cret"), KeyValue::new("X-Team", "red")],
            signing_key: Some("s3cret".into()),
            ..Default::default()
        });
        for content in [chat, hook] {
            assert!(!content.wire().to_string().contains("s3cret"), "{}", content.wire());
            assert!(!format!("{content:?}").contains("s3cret"));
        }
    }
}
