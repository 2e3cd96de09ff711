//! What each channel type's template must have (templates.md section 13). Liquid is not parsed here.

use serde_json::Value;

use super::Catalog;
use super::fields::{BLANK, Fields, INVALID, UNAVAILABLE, UNKNOWN};
use crate::problem::Problems;
use crate::workflow::ChannelType;

/// Most buttons of an in-app message.
const BUTTONS_MAX: usize = 2;

/// Checks the template of a channel step.
pub(super) fn check(
    step: &Fields<'_>,
    channel_type: ChannelType,
    catalog: &dyn Catalog,
    problems: &mut Problems,
) {
    if step.get("template").is_none() {
        problems.add(step.path("template"), BLANK);
    }
    let Some(template) = step.object("template", problems) else { return };
    match channel_type {
        ChannelType::Email => email(&template, catalog, problems),
        ChannelType::Sms => sms(&template, problems),
        ChannelType::Push => push(&template, problems),
        ChannelType::Chat => chat(&template, problems),
        ChannelType::InAppFeed => in_app_feed(&template, problems),
        ChannelType::Http => http(&template, problems),
        ChannelType::InAppGuide => {}
    }
}

fn email(template: &Fields<'_>, catalog: &dyn Catalog, problems: &mut Problems) {
    template.text_required("subject", problems);
    for name in ["text_body", "preview_text"] {
        template.text(name, problems);
    }
    template.flag("is_mjml", problems);
    if template.get("markdown_body").is_some() {
        problems.add(template.path("markdown_body"), UNAVAILABLE);
    }
    let html = template.text("html_body", problems);
    // An empty list is no body, as an empty text is none (templates.md 19). What stands in the blocks is judged where
    // they are compiled.
    let has_blocks = template.list("visual_blocks", problems).is_some_and(|list| !list.is_empty());
    match (html.is_some_and(|html| !html.trim().is_empty()), has_blocks) {
        (true, true) => problems.add(template.path("html_body"), "cannot be set together with visual_blocks"),
        (false, false) if template.get("html_body").is_none_or(Value::is_string) => {
            problems.add(template.path("html_body"), BLANK);
        }
        _ => {}
    }
    let Some(settings) = template.object("settings", problems) else { return };
    for name in ["attachment_key", "pre_content"] {
        settings.text(name, problems);
    }
    let layout = settings.text("layout_key", problems);
    if layout.is_some_and(|key| !catalog.has_layout(key)) {
        problems.add(settings.path("layout_key"), UNKNOWN);
    }
}

fn sms(template: &Fields<'_>, problems: &mut Problems) {
    template.text_required("text_body", problems);
    if let Some(settings) = template.object("settings", problems) {
        json_template(&settings, "payload_overrides", problems);
        settings.text("to_number", problems);
    }
}

fn push(template: &Fields<'_>, problems: &mut Problems) {
    let settings = template.object("settings", problems);
    let delivery_type = settings.as_ref().and_then(|settings| settings.text("delivery_type", problems));
    for name in ["title", "text_body"] {
        // A silent push sends neither.
        if delivery_type == Some("silent") {
            template.text(name, problems);
        } else {
            template.text_required(name, problems);
        }
    }
    let Some(settings) = settings else { return };
    if !matches!(delivery_type, None | Some("content" | "silent")) {
        problems.add(settings.path("delivery_type"), INVALID);
    }
    json_template(&settings, "payload_overrides", problems);
}

fn chat(template: &Fields<'_>, problems: &mut Problems) {
    let json_body = template.text("json_body", problems);
    if json_body.is_some_and(|body| !body.trim().is_empty()) {
        template.text("markdown_body", problems);
    } else {
        template.text_required("markdown_body", problems);
    }
    template.text("summary", problems);
}

fn in_app_feed(template: &Fields<'_>, problems: &mut Problems) {
    template.text_required("markdown_body", problems);
    template.text("action_url", problems);
    let buttons = template.list("action_buttons", problems).unwrap_or_default();
    let path = template.path("action_buttons");
    if buttons.len() > BUTTONS_MAX {
        problems.add(&path, "should have at most 2 item(s)");
    }
    for (at, button) in buttons.iter().enumerate() {
        if let Some(button) = Fields::of(button, format!("{path}[{at}]"), problems) {
            button.text_required("label", problems);
            button.text_required("action", problems);
        }
    }
}

fn http(template: &Fields<'_>, problems: &mut Problems) {
    let method = template.text_required("method", problems);
    if !matches!(method, None | Some("get" | "post" | "put" | "delete" | "patch")) {
        problems.add(template.path("method"), INVALID);
    }
    template.text_required("url", problems);
    template.text("body", problems);
    for name in ["headers", "query_params"] {
        // A text is a template that renders to an object.
        if template.get(name).is_some_and(Value::is_string) {
            continue;
        }
        let path = template.path(name);
        for (at, pair) in template.list(name, problems).unwrap_or_default().iter().enumerate() {
            if let Some(pair) = Fields::of(pair, format!("{path}[{at}]"), problems) {
                pair.text_required("key", problems);
                pair.text("value", problems);
            }
        }
    }
}

/// A template that renders to JSON: a text, or the object itself.
pub(super) fn json_template(fields: &Fields<'_>, name: &str, problems: &mut Problems) {
    if fields.get(name).is_some_and(|value| !value.is_string() && !value.is_object()) {
        problems.add(fields.path(name), INVALID);
    }
}
