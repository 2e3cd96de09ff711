//! The templates of one channel step, parsed (templates.md section 13).

use std::sync::Arc;

use campanile_core::workflow::{ChannelStep, ChannelType, SendWindow};
use campanile_template::{EmailSource, EmailTemplate, JsonTemplate, Layout, Template, TemplateError};
use serde_json::{Map, Value};

use super::LinkVars;
use crate::setting_texts::SettingTexts;

/// A channel step, ready to render.
#[derive(Debug)]
pub(crate) struct ChannelProgram {
    pub(crate) channel_type: ChannelType,
    pub(crate) channel_key: String,
    pub(crate) message: Message,
    /// `channel_overrides`: what replaces the channel's own settings, as texts with Liquid.
    pub(crate) overrides: Map<String, Value>,
    pub(crate) send_windows: Option<[SendWindow; 7]>,
    /// The Liquid in them.
    pub(crate) override_texts: SettingTexts,
    /// Links of the recipient that templates and overrides read, those of partials included.
    pub(crate) link_vars: LinkVars,
}

/// What is rendered.
#[derive(Debug)]
pub(crate) enum Message {
    Email {
        /// `Err` says why its layout keeps it from being rendered.
        template: Result<Box<EmailTemplate>, Vec<TemplateError>>,
        attachment_key: String,
    },
    Sms {
        body: Template,
        to: Option<Template>,
        payload_overrides: Option<JsonTemplate>,
    },
    Push {
        title: Template,
        body: Template,
        silent: bool,
        payload_overrides: Option<JsonTemplate>,
    },
    Chat {
        markdown: Option<Template>,
        json: Option<JsonTemplate>,
        summary: Option<Template>,
    },
    InAppFeed {
        body: Template,
        action_url: Option<Template>,
        buttons: Vec<(Template, Template)>,
    },
    Http {
        method: String,
        url: Template,
        headers: Pairs,
        query_params: Pairs,
        body: Option<JsonOrText>,
    },
}

/// Names with templates, or one template that renders to an object.
#[derive(Debug)]
pub(crate) enum Pairs {
    List(Vec<(String, Template)>),
    Object(JsonTemplate),
}

/// A body that is JSON where it can be.
#[derive(Debug)]
pub(crate) enum JsonOrText {
    Json(JsonTemplate),
    Text(Template),
}

struct Fields<'t> {
    template: &'t Value,
    problems: Vec<TemplateError>,
}

impl Fields<'_> {
    fn refuse(&mut self, field: &str, error: &TemplateError) {
        let mut error = error.clone().within(&format!("template.{field}"));
        error.field.truncate(error.field.trim_end_matches('.').len());
        self.problems.push(error);
    }

    fn parse(&mut self, field: &str, text: &str) -> Template {
        match Template::parse(text) {
            Ok(template) => template,
            Err(error) => {
                self.refuse(field, &error);
                Template::parse("").unwrap_or_else(|_| unreachable!("an empty template parses"))
            }
        }
    }

    fn text(&mut self, field: &str) -> Template {
        let text = self.template[field].as_str().unwrap_or_default().to_owned();
        self.parse(field, &text)
    }

    fn optional(&mut self, field: &str) -> Option<Template> {
        let text = self.template[field].as_str().filter(|text| !text.is_empty())?.to_owned();
        Some(self.parse(field, &text))
    }

    fn json(&mut self, field: &str, value: &Value) -> Option<JsonTemplate> {
        let parsed = match value {
            Value::Null => return None,
            Value::String(text) if text.trim().is_empty() => return None,
            Value::String(text) => JsonTemplate::parse(text),
            other => JsonTemplate::from_json(other),
        };
        parsed.map_err(|error| self.refuse(field, &error)).ok()
    }

    fn pairs(&mut self, field: &str) -> Pairs {
        match &self.template[field] {
            Value::Array(list) => Pairs::List(
                list.iter()
                    .map(|pair| {
                        let text = |name: &str| pair[name].as_str().unwrap_or_default().to_owned();
                        (text("key"), self.parse(field, &text("value")))
                    })
                    .collect(),
            ),
            other => match self.json(field, &other.clone()) {
                Some(json) => Pairs::Object(json),
                None => Pairs::List(Vec::new()),
            },
        }
    }
}

/// Parses everything; errors name fields below the step (`template.subject`).
pub(crate) fn compile(
    step: &ChannelStep,
    layout: Option<(&str, Option<&Arc<Layout>>)>,
) -> Result<ChannelProgram, Vec<TemplateError>> {
    let template = &step.template;
    let mut fields = Fields { template, problems: Vec::new() };
    let settings = &template["settings"];
    let message = match step.channel_type {
        ChannelType::Email => email(&mut fields, layout),
        ChannelType::Sms => Message::Sms {
            body: fields.text("text_body"),
            to: settings["to_number"].as_str().map(|text| fields.parse("settings.to_number", text)),
            payload_overrides: fields.json("settings.payload_overrides", &settings["payload_overrides"]),
        },
        ChannelType::Push => Message::Push {
            title: fields.text("title"),
            body: fields.text("text_body"),
            silent: settings["delivery_type"] == "silent",
            payload_overrides: fields.json("settings.payload_overrides", &settings["payload_overrides"]),
        },
        ChannelType::Chat => Message::Chat {
            markdown: fields.optional("markdown_body"),
            json: fields.json("json_body", &template["json_body"]),
            summary: fields.optional("summary"),
        },
        ChannelType::InAppFeed | ChannelType::InAppGuide => {
            let buttons = template["action_buttons"].as_array().map(Vec::as_slice).unwrap_or_default();
            Message::InAppFeed {
                body: fields.text("markdown_body"),
                action_url: fields.optional("action_url"),
                buttons: buttons
                    .iter()
                    .enumerate()
                    .map(|(n, button)| {
                        let mut part = |name: &str| {
                            let text = button[name].as_str().unwrap_or_default();
                            fields.parse(&format!("action_buttons[{n}].{name}"), text)
                        };
                        (part("label"), part("action"))
                    })
                    .collect(),
            }
        }
        ChannelType::Http => Message::Http {
            method: template["method"].as_str().unwrap_or("post").to_lowercase(),
            url: fields.text("url"),
            headers: fields.pairs("headers"),
            query_params: fields.pairs("query_params"),
            body: match &template["body"] {
                Value::Null => None,
                Value::String(text) if serde_json::from_str::<Value>(text).is_err() => {
                    Some(JsonOrText::Text(fields.parse("body", text)))
                }
                other => fields.json("body", &other.clone()).map(JsonOrText::Json),
            },
        },
    };
    let overrides = step.overrides.as_object().cloned().unwrap_or_default();
    let override_texts = SettingTexts::of(&overrides);
    let broken = override_texts.errors();
    fields
        .problems
        .extend(broken.map(|(name, error)| error.clone().within(&format!("channel_overrides.{name}"))));
    if !fields.problems.is_empty() {
        return Err(fields.problems);
    }
    Ok(ChannelProgram {
        channel_type: step.channel_type,
        channel_key: step.channel_key.clone(),
        link_vars: LinkVars::of(|name| message.mentions(name)) | LinkVars::in_settings(&overrides),
        message,
        overrides,
        send_windows: step.send_windows,
        override_texts,
    })
}

fn email(fields: &mut Fields<'_>, layout: Option<(&str, Option<&Arc<Layout>>)>) -> Message {
    let template = fields.template;
    let settings = &template["settings"];
    let source = EmailSource::from_json(template);
    let attachment_key = settings["attachment_key"].as_str().unwrap_or("attachments").to_owned();
    let template = match layout {
        Some((key, None)) => Err(vec![TemplateError::of_field(
            "settings.layout_key",
            format!("the layout {key} is not published in this environment"),
        )]),
        // The source was judged when it was saved. What does not fit its layout any more fails the step alone.
        Some((_, Some(layout))) => EmailTemplate::compile(&source, Some(layout)).map(Box::new),
        None => EmailTemplate::compile(&source, None).map(Box::new).map_err(|errors| {
            for mut error in errors {
                // The error knows its field; there it belongs into the path, not into the message.
                let field = std::mem::take(&mut error.field);
                fields.refuse(&field, &error);
            }
            Vec::new()
        }),
    };
    Message::Email { template, attachment_key }
}

impl Pairs {
    fn templates(&self) -> Vec<&Template> {
        match self {
            Self::List(pairs) => pairs.iter().map(|(_, template)| template).collect(),
            Self::Object(json) => json.templates(),
        }
    }
}

impl Message {
    /// Every template but those of an e-mail, which keeps its own.
    fn templates(&self) -> Vec<&Template> {
        let mut found = Vec::new();
        let mut json = None;
        match self {
            Self::Email { .. } => {}
            Self::Sms { body, to, payload_overrides } => {
                found.push(body);
                found.extend(to);
                json = payload_overrides.as_ref();
            }
            Self::Push { title, body, payload_overrides, .. } => {
                found.extend([title, body]);
                json = payload_overrides.as_ref();
            }
            Self::Chat { markdown, json: blocks, summary } => {
                found.extend(markdown.iter().chain(summary));
                json = blocks.as_ref();
            }
            Self::InAppFeed { body, action_url, buttons } => {
                found.push(body);
                found.extend(action_url);
                found.extend(buttons.iter().flat_map(|(label, action)| [label, action]));
            }
            Self::Http { url, headers, query_params, body, .. } => {
                found.push(url);
                found.extend(headers.templates());
                found.extend(query_params.templates());
                match body {
                    Some(JsonOrText::Json(body)) => json = Some(body),
                    Some(JsonOrText::Text(body)) => found.push(body),
                    None => {}
                }
            }
        }
        found.extend(json.into_iter().flat_map(JsonTemplate::templates));
        found
    }

    /// True when a template of it may read the root.
    fn mentions(&self, root: &str) -> bool {
        match self {
            Self::Email { template, .. } => template.as_ref().is_ok_and(|t| t.mentions(root)),
            _ => self.templates().iter().any(|t| t.mentions(root)),
        }
    }
}

impl ChannelProgram {
    /// What the layout of an e-mail has in place of the account's branding, if anything.
    pub(crate) fn branding_overrides(&self) -> Option<&Map<String, Value>> {
        match &self.message {
            Message::Email { template: Ok(template), .. } => {
                Some(template.branding_overrides()).filter(|overrides| !overrides.is_empty())
            }
            _ => None,
        }
    }

    /// True when anything of the step may read the root.
    pub(crate) fn mentions(&self, root: &str) -> bool {
        self.message.mentions(root)
            || self.override_texts.mention(root)
            // Channel settings may hold Liquid too and are not known here; only e-mail and webhook read them.
            || matches!(self.channel_type, ChannelType::Email | ChannelType::Http)
    }

    /// Keys of the `t` tags of the step, some more than once.
    pub(super) fn translation_keys(&self) -> Vec<&str> {
        let mut keys = Vec::new();
        if let Message::Email { template: Ok(template), .. } = &self.message {
            keys.extend(template.translation_keys());
        }
        let templates = self.message.templates().into_iter().chain(self.override_texts.templates());
        keys.extend(templates.flat_map(Template::translation_keys));
        keys
    }
}
