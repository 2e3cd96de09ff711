//! The fields of a channel's template, each rendered by itself so that every error is heard.

use campanile_channels::sms::segments;
use campanile_core::scope::Scope;
use campanile_template::{JsonTemplate, RenderOptions, Template, TemplateError, markdown};
use serde_json::{Map, Value, json};

use super::{Preview, sorted};
use crate::program::{ChannelProgram, JsonOrText, Message, Pairs};

/// Renders a compiled step. `template` is its document: what is not rendered is shown as it stands there.
pub(crate) fn render(
    channel: &ChannelProgram,
    template: &Value,
    scope: &dyn Scope,
    options: &RenderOptions<'_>,
) -> Preview {
    let mut fields = Fields { scope, options, shown: Map::new(), errors: Vec::new() };
    let mut cost = None;
    match &channel.message {
        Message::Email { template: compiled, .. } => match compiled {
            Ok(compiled) => fields.email(compiled),
            Err(errors) => fields.errors.extend(errors.iter().cloned()),
        },
        Message::Sms { body, to, payload_overrides } => {
            cost = fields.text("text_body", body).map(|body| segments(&body));
            let to = to.as_ref().and_then(|to| fields.value("settings.to_number", to));
            let overrides = fields.overrides(payload_overrides.as_ref());
            let settings =
                json!({"to_number": to.map(|to| to.trim().to_owned()), "payload_overrides": overrides});
            fields.shown.insert("settings".into(), settings);
        }
        Message::Push { title, body, silent, payload_overrides } => {
            fields.line("title", title);
            fields.text("text_body", body);
            let delivery_type = if *silent { "silent" } else { "content" };
            let mut settings = json!({"delivery_type": delivery_type});
            if let Some(overrides) = fields.overrides(payload_overrides.as_ref()) {
                settings["payload_overrides"] = overrides.into();
            }
            fields.shown.insert("settings".into(), settings);
        }
        Message::Chat { markdown, json, summary } => {
            // The document says that there always is one.
            fields.shown.insert("markdown_body".into(), "".into());
            if let Some(markdown) = markdown {
                fields.text("markdown_body", markdown);
            }
            if let Some(json) = json {
                let body = fields.json("json_body", json);
                fields.shown.insert("json_body".into(), json!(body));
            }
            if let Some(summary) = summary {
                fields.line("summary", summary);
            }
        }
        Message::InAppFeed { body, action_url, buttons } => {
            if let Some(text) = fields.text("markdown_body", body) {
                fields.shown.insert("html_body".into(), markdown::to_html(&text).into());
            }
            if let Some(url) = action_url {
                fields.line("action_url", url);
            }
            if !buttons.is_empty() {
                let rendered = buttons.iter().enumerate().map(|(at, (label, action))| {
                    let mut part = |name: &str, template: &Template| {
                        fields.value(&format!("action_buttons[{at}].{name}"), template).unwrap_or_default()
                    };
                    json!({"label": part("label", label), "action": part("action", action).trim()})
                });
                let rendered: Vec<Value> = rendered.collect();
                fields.shown.insert("action_buttons".into(), rendered.into());
            }
        }
        Message::Http { method, url, headers, query_params, body } => {
            fields.shown.insert("method".into(), method.as_str().into());
            fields.line("url", url);
            fields.pairs("headers", headers);
            fields.pairs("query_params", query_params);
            match body {
                Some(JsonOrText::Json(json)) => {
                    let body = fields.json("body", json);
                    fields.shown.insert("body".into(), json!(body));
                }
                Some(JsonOrText::Text(text)) => drop(fields.text("body", text)),
                None => {}
            }
        }
    }
    if matches!(channel.message, Message::Email { .. }) {
        let settings = template["settings"].as_object().cloned().unwrap_or_default();
        fields.shown.insert("settings".into(), settings.into());
    }
    Preview {
        content_type: channel.channel_type,
        template: fields.shown,
        errors: sorted(fields.errors),
        segments: cost,
    }
}

struct Fields<'r> {
    scope: &'r dyn Scope,
    options: &'r RenderOptions<'r>,
    shown: Map<String, Value>,
    errors: Vec<TemplateError>,
}

impl Fields<'_> {
    /// What a template renders to, shown nowhere.
    fn value(&mut self, name: &str, template: &Template) -> Option<String> {
        match template.render(self.scope, self.options) {
            Ok(text) => Some(text),
            Err(error) => {
                self.errors.push(error.within(name));
                None
            }
        }
    }

    fn text(&mut self, name: &str, template: &Template) -> Option<String> {
        let text = self.value(name, template)?;
        self.shown.insert(name.to_owned(), text.as_str().into());
        Some(text)
    }

    /// A field of one line (T13.4).
    fn line(&mut self, name: &str, template: &Template) {
        if let Some(text) = self.value(name, template) {
            self.shown.insert(name.to_owned(), text.trim().into());
        }
    }

    /// JSON as a text, which is what these fields hold.
    fn json(&mut self, name: &str, template: &JsonTemplate) -> Option<String> {
        match template.render_any(self.scope, self.options) {
            Ok(json) => Some(json.to_string()),
            Err(error) => {
                self.errors.push(error.within(name));
                None
            }
        }
    }

    fn overrides(&mut self, overrides: Option<&JsonTemplate>) -> Option<String> {
        overrides.and_then(|json| self.json("settings.payload_overrides", json))
    }

    fn pairs(&mut self, name: &str, pairs: &Pairs) {
        let shown = match pairs {
            Pairs::List(list) => {
                let pair = |(at, (key, template)): (usize, &(String, Template))| {
                    let value = self.value(&format!("{name}[{at}].value"), template)?;
                    Some(json!({"key": key, "value": value.trim()}))
                };
                Value::Array(list.iter().enumerate().filter_map(pair).collect())
            }
            Pairs::Object(json) => match self.json(name, json) {
                Some(text) => Value::String(text),
                None => return,
            },
        };
        self.shown.insert(name.to_owned(), shown);
    }

    /// Under both sets of names that clients read (C3); tracking is not part of previews (T16.9).
    fn email(&mut self, template: &campanile_template::EmailTemplate) {
        match template.render_whole(self.scope, self.options, campanile_template::Tracking::default()) {
            Ok(mail) => {
                for (names, text) in [
                    (["subject", "subject_line"], mail.subject),
                    (["html_body", "html_content"], mail.html),
                    (["text_body", "text_content"], mail.text),
                ] {
                    self.shown.extend(names.map(|name| (name.to_owned(), text.as_str().into())));
                }
                self.shown.insert("preview_text".into(), mail.preview_text.into());
            }
            Err(errors) => self.errors.extend(errors),
        }
    }
}
