//! A channel step becomes messages: destinations, then content, frozen as it is stored (channels.md section 3).

use std::borrow::Cow;
use std::collections::HashMap;

use campanile_channels::message::{
    ChatBlock, ChatMessage, ChatTemplate, Content, EmailMessage, KeyValue, PushMessage, SmsMessage,
    WebhookRequest,
};
use campanile_channels::sms::{Segments, segments};
use campanile_channels::{chat, email, push};
use campanile_core::ids::{ChannelId, EnvId, Ksuid};
use campanile_core::preference::Decision;
use campanile_core::scope::lookup;
use campanile_store::ShortLinkRow;
use campanile_template::tracking::{Links, rewrite_html, rewrite_json, rewrite_markdown, rewrite_text};
use campanile_template::{RenderOptions, Template, TemplateError, Tracking, markdown};
use serde_json::{Map, Value, json};

use crate::catalog::{ChannelEntry, ChannelInEnv};
use crate::links::RecipientLinks;
use crate::program::{ChannelProgram, JsonOrText, Message, Pairs};
use crate::scope::RunScope;
use crate::setting_texts::SettingTexts;
use crate::tracking::{Form, Tracker};

/// One message before it has an id.
#[derive(Debug)]
pub(crate) struct Rendered {
    /// Stored content, JSON.
    pub(crate) content: String,
    /// Of a device, when it has one: decides the send window.
    pub(crate) timezone: Option<String>,
    /// What a text message costs.
    pub(crate) segments: Option<Segments>,
    /// Rows of the short links in it.
    pub(crate) short_links: Vec<ShortLinkRow>,
}

/// Why a step made no message.
#[derive(Debug, PartialEq)]
pub(crate) enum NoMessage {
    /// The run goes on with the next step.
    Skipped(&'static str),
    /// Preferences speak against it; the run goes on.
    OptedOut(Box<Decision>),
    /// The attempt failed; it may be repeated.
    Failed(String),
}

impl From<TemplateError> for NoMessage {
    fn from(error: TemplateError) -> Self {
        Self::Failed(error.to_string())
    }
}

/// Everything a step needs besides its scope.
pub(crate) struct StepInput<'s> {
    pub(crate) entry: &'s ChannelEntry,
    pub(crate) settings: &'s ChannelInEnv,
    /// The recipient is a user.
    pub(crate) is_user: bool,
    /// The recipient's channel data, by channel.
    pub(crate) channel_data: &'s HashMap<ChannelId, Value>,
    /// The tenant's channel data for this channel.
    pub(crate) tenant_data: &'s Value,
    /// What leads the recipient to pages of ours.
    pub(crate) links: &'s RecipientLinks<'s>,
    pub(crate) options: RenderOptions<'s>,
    pub(crate) env: EnvId,
    /// Makes tracked links.
    pub(crate) tracker: &'s Tracker,
    /// The id that the step's n-th message will have.
    pub(crate) message_id: &'s dyn Fn(usize) -> Ksuid,
}

impl StepInput<'_> {
    /// Lets the links of the n-th message be rewritten; answers the rows of its short links too.
    fn rewrite<T>(&self, n: usize, work: impl FnOnce(&mut Links<'_>) -> T) -> (T, Vec<ShortLinkRow>) {
        self.tracker.rewrite(self.env, (self.message_id)(n), Form::of(self.entry), work)
    }
}

/// The part of the stored content that is for delivery alone.
pub(crate) const ATTACHMENT_KEY: &str = "attachment_key";
/// Provider setting of webhook channels.
pub(crate) const SIGNING_KEY: &str = "signing_key";
/// Settings of the type that say what is tracked.
const LINK_TRACKING: &str = "link_tracking";
const OPEN_TRACKING: &str = "open_tracking";
/// See [`ATTACHMENT_KEY`].
pub(crate) const OVERRIDES: &str = "overrides";

/// Longest address in a header: a line of a mail has 998 bytes at the most.
const LINK_BYTES_MAX: usize = 950;

/// Renders a step into one message per destination.
pub(crate) fn render(
    program: &ChannelProgram,
    scope: &RunScope<'_>,
    input: &StepInput<'_>,
) -> Result<Vec<Rendered>, NoMessage> {
    match &program.message {
        Message::InAppFeed { body, action_url, buttons } => {
            if !input.is_user {
                return Err(NoMessage::Skipped("recipient_not_a_user"));
            }
            let html = |markdown: &str| {
                let html = markdown::to_html(markdown);
                match is_on(program, input, LINK_TRACKING) {
                    true => input.rewrite(0, |links| rewrite_html(&html, Some(links)).into_owned()).0,
                    // The marks of authors go in any case (R10.6); few bodies have one.
                    false => match rewrite_html(&html, None) {
                        Cow::Owned(without_marks) => without_marks,
                        Cow::Borrowed(_) => html,
                    },
                }
            };
            let content = feed_content(body, html, action_url.as_ref(), buttons, scope, &input.options)?;
            Ok(vec![Rendered { content, timezone: None, segments: None, short_links: Vec::new() }])
        }
        Message::Email { template, attachment_key } => {
            let template = template.as_ref().map_err(|errors| {
                let told: Vec<_> = errors.iter().map(ToString::to_string).collect();
                NoMessage::Failed(told.join("; "))
            })?;
            email_content(program, template, attachment_key, scope, input)
        }
        Message::Sms { body, to, payload_overrides } => {
            let to = match to {
                Some(template) => line(text("settings.to_number", template, scope, &input.options)?),
                None => None,
            };
            let Some(to) = to.or_else(|| text_of(&scope.recipient, "phone_number")) else {
                return Err(NoMessage::Skipped("missing_recipient_data"));
            };
            let body = text("text_body", body, scope, &input.options)?;
            let overrides = payload(payload_overrides.as_ref(), program, scope, input);
            let (body, short_links) = match is_on(program, input, LINK_TRACKING) {
                true => input.rewrite(0, |links| rewrite_text(&body, links)),
                false => (body, Vec::new()),
            };
            // Of the text as it is sent: links grow or shrink (delivery.md corner 13).
            let segments = Some(segments(&body));
            let content = Content::Sms(SmsMessage { to, body });
            Ok(vec![Rendered { segments, short_links, ..stored(content, overrides, None) }])
        }
        Message::Push { title, body, silent, payload_overrides } => {
            let devices = push::devices(data_of(input));
            if devices.is_empty() {
                return Err(NoMessage::Skipped("missing_recipient_data"));
            }
            let overrides = payload(payload_overrides.as_ref(), program, scope, input);
            let title = text("title", title, scope, &input.options)?.trim().to_owned();
            let body = text("text_body", body, scope, &input.options)?;
            let one = |device: push::Device| {
                let content = PushMessage {
                    token: device.token,
                    title: title.clone(),
                    body: body.clone(),
                    data: Map::new(),
                    silent: *silent,
                };
                stored(Content::Push(content), overrides.clone(), device.timezone)
            };
            Ok(devices.into_iter().map(one).collect())
        }
        Message::Chat { markdown, json, summary } => {
            let connections = chat::connections(data_of(input), input.tenant_data);
            if connections.is_empty() {
                return Err(NoMessage::Skipped("missing_recipient_data"));
            }
            let summary = match summary {
                Some(template) => line(text("summary", template, scope, &input.options)?),
                None => None,
            };
            let template = match (json, markdown) {
                (Some(json), _) => ChatTemplate {
                    blocks: None,
                    json_content: Some(
                        json.render_any(scope, &input.options).map_err(|e| e.within("json_body"))?,
                    ),
                    summary,
                },
                (None, Some(markdown)) => ChatTemplate {
                    blocks: Some(vec![ChatBlock {
                        kind: "markdown".into(),
                        name: "body".into(),
                        content: text("markdown_body", markdown, scope, &input.options)?,
                    }]),
                    json_content: None,
                    summary,
                },
                (None, None) => return Err(NoMessage::Failed("the template has no body".into())),
            };
            let is_tracked = is_on(program, input, LINK_TRACKING);
            let one = |(n, connection)| {
                let mut template = template.clone();
                let short_links = match is_tracked {
                    true => input.rewrite(n, |links| rewrite_chat(&mut template, links)).1,
                    false => Vec::new(),
                };
                let content = ChatMessage { connection, template, ..ChatMessage::default() };
                Rendered { short_links, ..stored(Content::Chat(content), None, None) }
            };
            Ok(connections.into_iter().enumerate().map(one).collect())
        }
        Message::Http { method, url, headers, query_params, body } => {
            let url = text("url", url, scope, &input.options)?.trim().to_owned();
            // Rendered again at each attempt: a key has no place in stored content.
            if let Some(text) = input.settings.provider_settings.get(SIGNING_KEY).and_then(Value::as_str)
                && line(input.settings.provider_texts.render(SIGNING_KEY, text, scope, &input.options)?)
                    .is_none()
            {
                return Err(NoMessage::Skipped("missing_signing_key"));
            }
            let body = match body {
                Some(JsonOrText::Json(json)) => Some(
                    json.render_any(scope, &input.options).map_err(|error| error.within("body"))?.to_string(),
                ),
                Some(JsonOrText::Text(text)) => {
                    let text = self::text("body", text, scope, &input.options)?;
                    // A body that renders to JSON is sent compactly, whatever it looked like (section 13).
                    Some(serde_json::from_str::<Value>(&text).map_or(text, |json| json.to_string()))
                }
                None => None,
            };
            let content = WebhookRequest {
                method: method.clone(),
                url,
                headers: pairs(headers, scope, &input.options)?,
                query_params: pairs(query_params, scope, &input.options)?,
                body,
                signing_key: None,
            };
            Ok(vec![stored(Content::Http(content), None, None)])
        }
    }
}

/// Whether the recipient can be reached at all (R8.3): the gate before preferences, where nothing is rendered yet.
pub(crate) fn check_destination(
    program: &ChannelProgram,
    scope: &RunScope<'_>,
    input: &StepInput<'_>,
) -> Result<(), NoMessage> {
    let reason = "missing_recipient_data";
    let (is_there, reason) = match &program.message {
        Message::InAppFeed { .. } => (input.is_user, "recipient_not_a_user"),
        Message::Email { .. } => (
            setting(program, input, "to_address").is_some() || text_of(&scope.recipient, "email").is_some(),
            reason,
        ),
        Message::Sms { to, .. } => {
            (to.is_some() || text_of(&scope.recipient, "phone_number").is_some(), reason)
        }
        Message::Push { .. } => (!push::devices(data_of(input)).is_empty(), reason),
        Message::Chat { .. } => (!chat::connections(data_of(input), input.tenant_data).is_empty(), reason),
        Message::Http { .. } => (true, reason),
    };
    if is_there { Ok(()) } else { Err(NoMessage::Skipped(reason)) }
}

/// A field of the template; the error names it.
fn text(
    field: &str,
    template: &Template,
    scope: &RunScope<'_>,
    options: &RenderOptions<'_>,
) -> Result<String, TemplateError> {
    template.render(scope, options).map_err(|error| error.within(field))
}

fn stored(content: Content, overrides: Option<Value>, timezone: Option<String>) -> Rendered {
    let mut value = serde_json::to_value(&content).unwrap_or(Value::Null);
    if let (Some(overrides), Some(map)) = (overrides, value.as_object_mut()) {
        map.insert(OVERRIDES.into(), overrides);
    }
    Rendered { content: value.to_string(), timezone, segments: None, short_links: Vec::new() }
}

fn data_of<'s>(input: &'s StepInput<'_>) -> &'s Value {
    input.channel_data.get(&input.entry.channel.id).unwrap_or(&Value::Null)
}

fn line(text: String) -> Option<String> {
    let text = text.trim();
    (!text.is_empty()).then(|| text.to_owned())
}

fn text_of(value: &Value, name: &str) -> Option<String> {
    value.get(name).and_then(Value::as_str).filter(|text| !text.trim().is_empty()).map(str::to_owned)
}

/// The overrides of a message: the step's replace the channel's (channels.md R2.2). A blob that is not a JSON object
/// is kept as it is and fails the delivery (R2.6), not the step.
fn payload(
    step: Option<&campanile_template::JsonTemplate>,
    program: &ChannelProgram,
    scope: &RunScope<'_>,
    input: &StepInput<'_>,
) -> Option<Value> {
    let rendered = match step {
        Some(json) => json.render_any(scope, &input.options),
        None => {
            let name = if program.channel_type == campanile_core::workflow::ChannelType::Email {
                "json_overrides"
            } else {
                "payload_overrides"
            };
            let (_, texts) = setting(program, input, name)?;
            texts.render_json(name, scope, &input.options)?
        }
    };
    Some(rendered.unwrap_or_else(|error| Value::String(error.to_string())))
}

/// A setting of the type, and where its Liquid is: the step's override, where it names it, else the channel's (R2.1).
fn setting<'s>(
    program: &'s ChannelProgram,
    input: &'s StepInput<'_>,
    name: &str,
) -> Option<(&'s Value, &'s SettingTexts)> {
    let (value, texts) = match program.overrides.get(name) {
        Some(value) => (value, &program.override_texts),
        None => (input.settings.channel_settings.get(name)?, &*input.settings.channel_texts),
    };
    (!value.is_null()).then_some((value, texts))
}

/// A flag of the type, off where nobody says otherwise (R10.1).
fn is_on(program: &ChannelProgram, input: &StepInput<'_>, name: &str) -> bool {
    match setting(program, input, name) {
        Some((Value::Bool(flag), _)) => *flag,
        Some((Value::String(text), _)) => text.trim() == "true",
        _ => false,
    }
}

fn rewrite_chat(template: &mut ChatTemplate, links: &mut Links<'_>) {
    if let Some(json) = &mut template.json_content {
        rewrite_json(json, links);
    }
    for block in template.blocks.iter_mut().flatten() {
        block.content = rewrite_markdown(&block.content, links);
    }
}

fn email_content(
    program: &ChannelProgram,
    template: &campanile_template::EmailTemplate,
    attachment_key: &str,
    scope: &RunScope<'_>,
    input: &StepInput<'_>,
) -> Result<Vec<Rendered>, NoMessage> {
    let text = |name: &str| -> Result<Option<String>, NoMessage> {
        let Some((value, texts)) = setting(program, input, name) else { return Ok(None) };
        let Some(text) = value.as_str() else { return Ok(None) };
        Ok(line(email::one_line(&texts.render(name, text, scope, &input.options)?)))
    };
    let (to, to_name) = match text("to_address")? {
        Some(address) => (address, None),
        None => match text_of(&scope.recipient, "email") {
            Some(address) => (address, text_of(&scope.recipient, "name")),
            None => return Err(NoMessage::Skipped("missing_recipient_data")),
        },
    };
    let from = match text("from_address")? {
        Some(address) => address,
        None if input.settings.provider_settings.is_empty() => "no-reply@localhost".to_owned(),
        None => {
            return Err(NoMessage::Failed("from_address is empty: set it on the channel or the step".into()));
        }
    };
    let open_image = is_on(program, input, OPEN_TRACKING)
        .then(|| input.tracker.open_image(input.env, (input.message_id)(0)));
    let open_image = open_image.as_deref();
    let rendered = match is_on(program, input, LINK_TRACKING) {
        false => template.render_tracked(scope, &input.options, Tracking { links: None, open_image })?,
        true => {
            let render = |links: &mut Links<'_>| {
                let tracking = Tracking { links: Some(links), open_image };
                template.render_tracked(scope, &input.options, tracking)
            };
            input.rewrite(0, render).0?
        }
    };
    let addresses = |list: Option<String>| list.map(|list| email::split_addresses(&list)).unwrap_or_default();
    let content = EmailMessage {
        from,
        from_name: text("from_name")?,
        to,
        to_name,
        cc: addresses(text("cc_address")?),
        bcc: addresses(text("bcc_address")?),
        reply_to: text("reply_to_address")?,
        subject: rendered.subject,
        html: rendered.html,
        text: rendered.text,
        headers: input.links.unsubscribe().map(unsubscribe_headers).unwrap_or_default(),
    };
    let overrides = payload(None, program, scope, input);
    let mut value = serde_json::to_value(Content::Email(content)).unwrap_or(Value::Null);
    if let Some(map) = value.as_object_mut() {
        if let Some(overrides) = overrides {
            map.insert(OVERRIDES.into(), overrides);
        }
        if lookup(scope, &format!("data.{attachment_key}")).is_some_and(|found| !found.is_null()) {
            map.insert(ATTACHMENT_KEY.into(), attachment_key.into());
        }
    }
    Ok(vec![Rendered { content: value.to_string(), timezone: None, segments: None, short_links: Vec::new() }])
}

/// How mail clients offer to leave (RFC 8058).
fn unsubscribe_headers(url: &str) -> Vec<KeyValue> {
    // The line cannot be broken inside an address; only ids of hundreds of characters make it too long for a mail.
    if url.len() > LINK_BYTES_MAX {
        return Vec::new();
    }
    vec![
        KeyValue::new("List-Unsubscribe", format!("<{url}>")),
        KeyValue::new("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ]
}

fn pairs(
    pairs: &Pairs,
    scope: &RunScope<'_>,
    options: &RenderOptions<'_>,
) -> Result<Vec<KeyValue>, TemplateError> {
    match pairs {
        Pairs::List(list) => list
            .iter()
            .map(|(key, value)| Ok(KeyValue::new(key, value.render(scope, options)?.trim())))
            .collect(),
        Pairs::Object(json) => Ok(json
            .render(scope, options)?
            .into_iter()
            .map(|(key, value)| match value {
                Value::String(text) => KeyValue::new(key, text),
                other => KeyValue::new(key, other.to_string()),
            })
            .collect()),
    }
}

/// The blocks of an in-app message (in-app.md section 5), written as text: this is the hot path.
fn feed_content(
    body: &Template,
    to_html: impl FnOnce(&str) -> String,
    action_url: Option<&Template>,
    buttons: &[(Template, Template)],
    scope: &RunScope<'_>,
    options: &RenderOptions<'_>,
) -> Result<String, TemplateError> {
    let markdown_body = text("markdown_body", body, scope, options)?;
    let mut blocks = vec![json!({
        "type": "markdown",
        "name": "body",
        "content": body.source(),
        "rendered": to_html(&markdown_body),
    })];
    if let Some(url) = action_url {
        let rendered = text("action_url", url, scope, options)?;
        blocks.push(json!({
            "type": "text", "name": "action_url", "content": url.source(), "rendered": rendered.trim(),
        }));
    }
    if !buttons.is_empty() {
        let names = ["primary", "secondary"];
        let rendered = buttons
            .iter()
            .zip(names)
            .map(|((label, action), name)| {
                Ok(json!({
                    "name": name,
                    "label": text("action_buttons", label, scope, options)?,
                    "action": text("action_buttons", action, scope, options)?.trim(),
                }))
            })
            .collect::<Result<Vec<_>, TemplateError>>()?;
        blocks.push(json!({"type": "button_set", "name": "actions", "buttons": rendered}));
    }
    Ok(json!({"blocks": blocks}).to_string())
}
