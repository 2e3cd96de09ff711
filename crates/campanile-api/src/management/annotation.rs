//! `annotate=true`: which fields the CLI writes to files of their own and which are read-only (section 20.1).

use serde_json::{Map, Value, json};

const KEY: &str = "__annotation";

/// A field that may go to its own file: its name, whether it does by default, the file's extension.
type Extractable = (&'static str, bool, &'static str);

const READONLY_WORKFLOW: &[&str] =
    &["environment", "key", "active", "valid", "created_at", "updated_at", "sha"];
const READONLY_LAYOUT: &[&str] = &["key", "environment", "created_at", "updated_at", "sha"];
const READONLY_AUDIENCE: &[&str] = &["key", "environment", "created_at", "updated_at", "sha"];
const READONLY_BROADCAST: &[&str] =
    &["environment", "key", "valid", "status", "scheduled_at", "sent_at", "created_at", "updated_at", "sha"];
const READONLY_MESSAGE_TYPE: &[&str] =
    &["key", "valid", "owner", "environment", "semver", "created_at", "updated_at", "sha"];
const READONLY_PARTIAL: &[&str] = &["environment", "key", "valid", "created_at", "updated_at", "sha"];
const READONLY_GUIDE: &[&str] = &["environment", "key", "active", "valid", "created_at", "updated_at", "sha"];
const SETTINGS: &[Extractable] = &[("pre_content", true, "txt"), ("payload_overrides", true, "json")];
const OVERRIDES: &[Extractable] = &[("json_overrides", true, "json")];
const REQUEST: &[Extractable] = &[("body", false, "txt")];

/// Annotates a workflow: itself and, in every step of the tree, whatever can be extracted.
pub(super) fn workflow(workflow: &mut Map<String, Value>) {
    if let Some(steps) = workflow.get_mut("steps") {
        annotate_steps(steps);
    }
    annotate(workflow, &[], READONLY_WORKFLOW);
}

/// Annotates an audience.
pub(super) fn audience(audience: &mut Map<String, Value>) {
    annotate(audience, &[], READONLY_AUDIENCE);
}

/// Annotates a broadcast like the workflow that it is.
pub(super) fn broadcast(broadcast: &mut Map<String, Value>) {
    if let Some(steps) = broadcast.get_mut("steps") {
        annotate_steps(steps);
    }
    annotate(broadcast, &[], READONLY_BROADCAST);
}

/// Annotates an e-mail layout.
pub(super) fn email_layout(layout: &mut Map<String, Value>) {
    let fields = [("html_layout", true, html_extension(layout)), ("text_layout", true, "txt")];
    annotate(layout, &fields, READONLY_LAYOUT);
}

/// Annotates a partial; the CLI knows by its type what its content is.
pub(super) fn partial(partial: &mut Map<String, Value>) {
    annotate(partial, &[("content", true, "txt")], READONLY_PARTIAL);
}

/// Annotates a message type.
pub(super) fn message_type(message_type: &mut Map<String, Value>) {
    annotate(message_type, &[("preview", true, "html")], READONLY_MESSAGE_TYPE);
}

/// Annotates a guide.
pub(super) fn guide(guide: &mut Map<String, Value>) {
    annotate(guide, &[], READONLY_GUIDE);
}

fn annotate(object: &mut Map<String, Value>, extractable: &[Extractable], readonly: &[&str]) {
    let fields: Map<String, Value> = extractable
        .iter()
        .map(|(name, default, ext)| ((*name).into(), json!({"default": default, "file_ext": ext})))
        .collect();
    object.insert(KEY.into(), json!({"extractable_fields": fields, "readonly_fields": readonly}));
}

fn annotate_steps(steps: &mut Value) {
    for step in steps.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        let is_request = step.get("channel_type").and_then(Value::as_str) == Some("http");
        if let Some(Value::Object(template)) = step.get_mut("template") {
            if is_request { annotate(template, REQUEST, &[]) } else { annotate_template(template) }
        }
        if let Some(Value::Object(overrides)) = step.get_mut("channel_overrides") {
            annotate(overrides, OVERRIDES, &[]);
        }
        if step.get("type").and_then(Value::as_str) == Some("http_fetch")
            && let Some(Value::Object(request)) = step.get_mut("settings")
        {
            annotate(request, REQUEST, &[]);
        }
        for branches in ["branches", "cohort_branches"] {
            for branch in step.get_mut(branches).and_then(Value::as_array_mut).into_iter().flatten() {
                if let Some(steps) = branch.get_mut("steps") {
                    annotate_steps(steps);
                }
            }
        }
    }
}

fn annotate_template(template: &mut Map<String, Value>) {
    if let Some(Value::Object(settings)) = template.get_mut("settings") {
        annotate(settings, SETTINGS, &[]);
    }
    if let Some(blocks) = template.get_mut("visual_blocks") {
        annotate_blocks(blocks);
    }
    let fields = [
        ("subject", false, "txt"),
        ("html_body", true, html_extension(template)),
        ("text_body", true, "txt"),
        ("json_body", true, "json"),
        ("markdown_body", true, "md"),
        ("visual_blocks", true, "json"),
    ];
    annotate(template, &fields, &[]);
}

/// Markdown and HTML blocks at any depth: rows nest.
fn annotate_blocks(value: &mut Value) {
    match value {
        Value::Array(list) => list.iter_mut().for_each(annotate_blocks),
        Value::Object(object) => {
            object.values_mut().for_each(annotate_blocks);
            let ext = match object.get("type").and_then(Value::as_str) {
                Some("markdown") => "md",
                Some("html") => "html",
                _ => return,
            };
            annotate(object, &[("content", true, ext)], &[]);
        }
        _ => {}
    }
}

fn html_extension(object: &Map<String, Value>) -> &'static str {
    let is_mjml = |object: &Map<String, Value>| object.get("is_mjml") == Some(&Value::Bool(true));
    let in_settings = object.get("settings").and_then(Value::as_object).is_some_and(is_mjml);
    if is_mjml(object) || in_settings { "mjml" } else { "html" }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn annotated(mut value: Value, with: fn(&mut Map<String, Value>)) -> Value {
        if let Value::Object(object) = &mut value {
            with(object);
        }
        value
    }

    #[test]
    fn marks_every_object_that_the_cli_takes_apart() {
        let got = annotated(
            json!({"name": "W", "trigger_data_json_schema": {"properties": {"template": {}}}, "steps": [
                {"type": "channel", "channel_overrides": {}, "template": {"subject": "s", "settings": {},
                    "visual_blocks": [{"type": "row", "columns": [{"blocks": [{"type": "markdown"}, {"type": "html"}]}]}]}},
                {"type": "branch", "branches": [{"steps": [{"type": "channel", "template": {"settings": null}}]}]},
                {"type": "channel", "channel_type": "http", "template": {"body": "x"}},
            ]}),
            workflow,
        );
        let ext = |path: &str, field: &str| {
            got.pointer(&format!("{path}/__annotation/extractable_fields/{field}/file_ext"))
                .and_then(Value::as_str)
        };
        for (path, field, want) in [
            ("/steps/0/template", "html_body", Some("html")),
            ("/steps/0/template", "subject", Some("txt")),
            ("/steps/0/template/settings", "pre_content", Some("txt")),
            ("/steps/0/channel_overrides", "json_overrides", Some("json")),
            ("/steps/0/template/visual_blocks/0/columns/0/blocks/0", "content", Some("md")),
            ("/steps/0/template/visual_blocks/0/columns/0/blocks/1", "content", Some("html")),
            ("/steps/1/branches/0/steps/0/template", "markdown_body", Some("md")),
            ("/steps/2/template", "body", Some("txt")),
            ("/steps/2/template", "html_body", None),
        ] {
            assert_eq!(ext(path, field), want, "{path} {field}");
        }
        assert_eq!(got["__annotation"]["extractable_fields"], json!({}));
        assert_eq!(got["__annotation"]["readonly_fields"], json!(READONLY_WORKFLOW));
        assert_eq!(got.pointer("/steps/0/template/visual_blocks/0/__annotation"), None);
        assert_eq!(got.pointer("/steps/1/branches/0/steps/0/template/settings"), Some(&Value::Null));
        assert_eq!(got["trigger_data_json_schema"], json!({"properties": {"template": {}}}));
    }

    #[test]
    fn the_extension_of_html_depends_on_mjml() {
        for (layout, want) in
            [(json!({}), "html"), (json!({"is_mjml": true}), "mjml"), (json!({"is_mjml": false}), "html")]
        {
            let got = annotated(layout, email_layout);
            assert_eq!(got["__annotation"]["extractable_fields"]["html_layout"]["file_ext"], want);
        }
    }
}
