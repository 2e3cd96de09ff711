//! E-mail layouts (templates.md section 7).

use campanile_core::problem::{FieldProblem, Problems};
use campanile_core::workflow;
use campanile_store::ResourceKind;
use campanile_template::branding::{COLORS, IMAGES, is_color};
use campanile_template::{Layout, is_mjml_document};
use serde_json::{Map, Value};

use super::{Context, Kind, liquid_problem};
use crate::program::{each_partial, missing_partial};

pub(super) const EMAIL_LAYOUT: Kind =
    Kind { kind: ResourceKind::EmailLayout, starts_active: true, check, key_problem: workflow::key_problem };

const BLANK: &str = "can't be blank";
const INVALID: &str = "is invalid";

fn check(document: &Value, context: &Context) -> Result<Value, Vec<FieldProblem>> {
    let Value::Object(document) = document else {
        return Err(vec![FieldProblem::new("", "must be an object")]);
    };
    let mut problems = Problems::default();
    let mut content = Map::new();
    if let Some(name) = required_text(document, "name", &mut problems) {
        if name.chars().count() > 255 {
            problems.add("name", "should be at most 255 character(s)");
        }
        content.insert("name".into(), name.into());
    }
    for field in ["html_layout", "text_layout"] {
        if let Some(source) = required_text(document, field, &mut problems) {
            check_source(source, field, &mut problems);
            content.insert(field.into(), source.into());
        }
    }
    match document.get("is_mjml") {
        None | Some(Value::Null) => {}
        Some(Value::Bool(false)) => drop(content.insert("is_mjml".into(), false.into())),
        Some(Value::Bool(true)) => drop(content.insert("is_mjml".into(), true.into())),
        Some(_) => problems.add("is_mjml", INVALID),
    }
    let html = document.get("html_layout").and_then(Value::as_str).unwrap_or_default();
    if document.get("is_mjml") == Some(&Value::Bool(true)) || is_mjml_document(html) {
        // Liquid that is broken was told above.
        if !html.trim().is_empty()
            && liquid_problem(html).is_none()
            && let Err(error) = Layout::check_mjml(html)
        {
            problems.add("html_layout", format!("{} (line {})", error.message, error.line));
        }
    }
    for field in ["html_layout", "text_layout", "footer_links"] {
        each_partial(document.get(field).unwrap_or(&Value::Null), field, &mut |path, key| {
            if !context.partials.contains(key) {
                problems.extend([missing_partial(path, key)]);
            }
        });
    }
    if let Some(links) = footer_links(document.get("footer_links"), &mut problems) {
        content.insert("footer_links".into(), links);
    }
    if let Some(overrides) = branding(document.get("branding_overrides"), &mut problems) {
        content.insert("branding_overrides".into(), overrides);
    }
    problems.into_result(Value::Object(content))
}

fn required_text<'d>(object: &'d Map<String, Value>, name: &str, problems: &mut Problems) -> Option<&'d str> {
    match object.get(name) {
        Some(Value::String(text)) if !text.trim().is_empty() => return Some(text),
        None | Some(Value::Null | Value::String(_)) => problems.add(name, BLANK),
        Some(_) => problems.add(name, INVALID),
    }
    None
}

fn check_source(source: &str, field: &str, problems: &mut Problems) {
    check_liquid(source, field, problems);
    if !has_content_tag(source) {
        problems.add(field, "must include {{ content }}");
    }
}

fn check_liquid(source: &str, field: &str, problems: &mut Problems) {
    if let Some(why) = liquid_problem(source) {
        problems.add(field, why);
    }
}

/// True when an output tag's expression is exactly `content` (T7.4).
fn has_content_tag(source: &str) -> bool {
    source.split("{{").skip(1).any(|rest| {
        rest.split_once("}}").is_some_and(|(inside, _)| {
            let inside = inside.strip_prefix('-').unwrap_or(inside);
            inside.strip_suffix('-').unwrap_or(inside).trim() == "content"
        })
    })
}

fn footer_links(value: Option<&Value>, problems: &mut Problems) -> Option<Value> {
    let list = match value? {
        Value::Null => return None,
        Value::Array(list) => list,
        _ => {
            problems.add("footer_links", INVALID);
            return None;
        }
    };
    let mut links = Vec::new();
    for (at, entry) in list.iter().enumerate() {
        let mut link = Map::new();
        for name in ["text", "url"] {
            let field = format!("footer_links[{at}].{name}");
            // An older name of the text (templates.md C2).
            let alias = || entry.get("label").filter(|_| name == "text");
            match entry.get(name).or_else(alias) {
                Some(Value::String(text)) if !text.trim().is_empty() => {
                    check_liquid(text, &field, problems);
                    link.insert(name.into(), text.as_str().into());
                }
                None | Some(Value::Null | Value::String(_)) => problems.add(field, BLANK),
                Some(_) => problems.add(field, INVALID),
            }
        }
        links.push(Value::Object(link));
    }
    Some(Value::Array(links))
}

fn branding(value: Option<&Value>, problems: &mut Problems) -> Option<Value> {
    let given = match value? {
        Value::Null => return None,
        Value::Object(given) => given,
        _ => {
            problems.add("branding_overrides", INVALID);
            return None;
        }
    };
    let mut kept = Map::new();
    for (name, holds_color) in
        COLORS.iter().map(|name| (name, true)).chain(IMAGES.iter().map(|name| (name, false)))
    {
        match given.get(*name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if !holds_color || is_color(text) => {
                kept.insert((*name).into(), text.as_str().into());
            }
            Some(_) => problems.add(format!("branding_overrides.{name}"), "has invalid format"),
        }
    }
    (!kept.is_empty()).then_some(Value::Object(kept))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn refuses_what_cannot_frame_a_mail() {
        let whole = json!({"name": "L", "html_layout": "<b>{{ content }}</b>", "text_layout": "{{content}}"});
        for (change, want) in [
            (json!({}), vec![]),
            (
                json!({"name": " ", "text_layout": null}),
                vec!["name can't be blank", "text_layout can't be blank"],
            ),
            (json!({"html_layout": "<b></b>"}), vec!["html_layout must include {{ content }}"]),
            (
                json!({"html_layout": "{{ content | upcase }}"}),
                vec!["html_layout must include {{ content }}"],
            ),
            (json!({"html_layout": "{{-content-}}"}), vec![]),
            (json!({"is_mjml": true}), vec!["html_layout must be an MJML document (line 1)"]),
            (
                json!({"is_mjml": true, "html_layout": "<mjml><mj-body>{{ content }}</mj-body></mjml>"}),
                vec![],
            ),
            (
                json!({"html_layout": "<mjml>\n<mj-body>\n{{ content }}</mjml>"}),
                vec!["html_layout invalid MJML: </mjml> closes nothing: mj-body is open (line 3)"],
            ),
            (json!({"is_mjml": "no"}), vec!["is_mjml is invalid"]),
            (
                json!({"footer_links": [{"text": "a"}, 7]}),
                vec![
                    "footer_links[0].url can't be blank",
                    "footer_links[1].text can't be blank",
                    "footer_links[1].url can't be blank",
                ],
            ),
            (
                json!({"branding_overrides": {"primary_color": "red", "logo_url": "x", "icon_url": null}}),
                vec!["branding_overrides.primary_color has invalid format"],
            ),
        ] {
            let mut document = whole.clone();
            document.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            let found = check(&document, &Context::default()).err().unwrap_or_default();
            let found: Vec<_> = found.iter().map(|p| format!("{} {}", p.field, p.message)).collect();
            assert_eq!(found, want, "{change}");
        }
        let broken =
            json!({"name": "L", "html_layout": "a\n{% if %}{{ content }}", "text_layout": "{{ content }}"});
        let found = check(&broken, &Context::default()).unwrap_err();
        assert!(found[0].message.starts_with("has invalid Liquid syntax: "), "{found:?}");
        assert_eq!(check(&json!(7), &Context::default()).unwrap_err()[0].message, "must be an object");
    }

    #[test]
    fn keeps_what_was_written_and_nothing_else() {
        let document = json!({
            "$schema": "s", "key": "l", "name": "L", "html_layout@": "h.html", "html_layout": "{{ content }}\r\n",
            "text_layout": "{{ content }}", "footer_links": [{"label": "a", "url": "{{ u }}", "id": 1}], "is_mjml": false,
            "branding_overrides": {"logo_url": null}, "sha": "x",
        });
        let content = check(&document, &Context::default()).unwrap();
        assert_eq!(
            content,
            json!({
                "name": "L", "html_layout": "{{ content }}\r\n", "text_layout": "{{ content }}",
                "footer_links": [{"text": "a", "url": "{{ u }}"}], "is_mjml": false,
            })
        );
        assert_eq!(check(&content, &Context::default()).unwrap(), content);
    }
}
