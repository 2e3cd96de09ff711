//! Partials: pieces of templates with a scope of their own (templates.md section 6).

use campanile_core::fields::{BLANK, Fields, INVALID};
use campanile_core::icons::is_icon;
use campanile_core::message_type;
use campanile_core::problem::{FieldProblem, Problems};
use campanile_core::workflow;
use campanile_store::ResourceKind;
use campanile_template::{Partial, PartialKind};
use serde_json::{Map, Value};

use super::{Context, Kind};
use crate::program::{each_partial, missing_partial};

pub(super) const PARTIAL: Kind =
    Kind { kind: ResourceKind::Partial, starts_active: true, check, key_problem: workflow::key_problem };

fn check(document: &Value, context: &Context) -> Result<Value, Vec<FieldProblem>> {
    let mut problems = Problems::default();
    let mut content = Map::new();
    if let Some(fields) = Fields::of(document, "", &mut problems) {
        fields.read_label(&mut content, &mut problems);
        let name = fields.text_required("type", &mut problems);
        let kind = name.and_then(PartialKind::of);
        if name.is_some() && kind.is_none() {
            problems.add("type", INVALID);
        }
        content.insert("type".into(), name.into());
        match fields.get("content") {
            None => problems.add("content", BLANK),
            // An empty one is a partial that prints nothing yet.
            Some(Value::String(source)) => {
                check_content(source, kind, context, &mut problems);
                content.insert("content".into(), source.as_str().into());
            }
            Some(_) => problems.add("content", INVALID),
        }
        let is_html = kind.is_none_or(|kind| kind == PartialKind::Html);
        if let Some(is_block) = fields.flag("visual_block_enabled", &mut problems) {
            if is_block && !is_html {
                problems.add("visual_block_enabled", "can only be true for html partials");
            }
            content.insert("visual_block_enabled".into(), is_block.into());
        }
        if let Some(list) = fields.list("input_schema", &mut problems) {
            if !list.is_empty() && !is_html {
                problems.add("input_schema", "is only for html partials");
            }
            let (_, written) = message_type::fields(list, "input_schema", &mut problems);
            content.insert("input_schema".into(), written.into());
        }
    }
    problems.into_result(Value::Object(content))
}

fn check_content(source: &str, kind: Option<PartialKind>, context: &Context, problems: &mut Problems) {
    let kind = kind.unwrap_or(PartialKind::Text);
    if let Err(error) = Partial::compile(kind, source, &Value::Null) {
        problems
            .add("content", format!("has invalid Liquid syntax: {} (line {})", error.message, error.line));
    }
    if kind == PartialKind::Html && has_mjml(source) {
        problems.add("content", "must not contain MJML");
    }
    each_partial(&Value::String(source.to_owned()), "content", &mut |path, key| {
        if !context.partials.contains(key) {
            problems.extend([missing_partial(path, key)]);
        }
    });
}

/// True when an element of MJML stands in it (T6.7).
fn has_mjml(source: &str) -> bool {
    source.split('<').skip(1).any(|rest| {
        let name = rest.split(|c: char| c.is_whitespace() || c == '>' || c == '/').next().unwrap_or_default();
        name.eq_ignore_ascii_case("mjml")
            || name.get(..3).is_some_and(|head| head.eq_ignore_ascii_case("mj-"))
    })
}

/// The type of a partial never changes (management.md M9.2).
pub(super) fn change_problem(stored: &str, new: &Value) -> Option<FieldProblem> {
    let stored: Value = serde_json::from_str(stored).ok()?;
    (stored["type"] != new["type"]).then(|| FieldProblem::new("type", "cannot be changed"))
}

/// An icon that nobody can draw is refused when it is saved (M9.5).
pub(super) fn icon_problem(document: &Value) -> Option<FieldProblem> {
    let name = document["icon_name"].as_str()?;
    (!is_icon(name)).then(|| FieldProblem::new("icon_name", "is not the name of a Lucide icon"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn problems(change: Value) -> Vec<String> {
        let mut document = json!({"name": "P", "type": "html", "content": "<p>{{ a }}</p>"});
        document.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let context = Context { partials: ["known".to_owned()].into(), ..Context::default() };
        let found = check(&document, &context).err().unwrap_or_default();
        found.into_iter().map(|problem| format!("{} {}", problem.field, problem.message)).collect()
    }

    #[test]
    fn refuses_what_cannot_be_rendered() {
        let field = json!({"type": "text", "key": "a", "label": "A"});
        for (change, want) in [
            (json!({}), vec![]),
            (json!({"content": "", "icon_name": "no such icon"}), vec![]),
            (
                json!({"content": "{% render 'known' %}", "visual_block_enabled": true, "input_schema": [field]}),
                vec![],
            ),
            (
                json!({"name": "x".repeat(256), "type": "xml", "content": null, "description": "x".repeat(281)}),
                vec![
                    "content can't be blank",
                    "description should be at most 280 character(s)",
                    "name should be at most 255 character(s)",
                    "type is invalid",
                ],
            ),
            (
                json!({"type": "json", "visual_block_enabled": true, "input_schema": [field]}),
                vec![
                    "input_schema is only for html partials",
                    "visual_block_enabled can only be true for html partials",
                ],
            ),
            (json!({"type": "text", "visual_block_enabled": false, "input_schema": []}), vec![]),
            (json!({"input_schema": [field, field]}), vec!["input_schema[1].key has already been taken"]),
            (json!({"content": "a\n<MJ-text>x"}), vec!["content must not contain MJML"]),
            (json!({"content": "<mjml>", "type": "text"}), vec![]),
            (json!({"content": "<mjx a> <b> mj-"}), vec![]),
            (
                json!({"content": "a\n{% if %}"}),
                vec!["content has invalid Liquid syntax: expected a value, found nothing (line 2)"],
            ),
            (
                json!({"content": "{% render 'unknown' %}"}),
                vec!["content renders the partial \"unknown\", which does not exist"],
            ),
        ] {
            assert_eq!(problems(change.clone()), want, "{change}");
        }
    }

    #[test]
    fn keeps_what_was_written_and_nothing_else() {
        let document = json!({"$schema": "s", "key": "p", "name": "P", "type": "html", "content@": "content.html",
            "content": "a\r\n", "description": null, "visual_block_enabled": false, "valid": true,
            "input_schema": [{"type": "text", "key": "a", "label": "A", "settings": {"maxLength": 3}}]});
        let content = check(&document, &Context::default()).unwrap();
        assert_eq!(
            content,
            json!({"name": "P", "type": "html", "content": "a\r\n", "visual_block_enabled": false,
                "input_schema": [{"type": "text", "key": "a", "label": "A", "settings": {"max_length": 3}}]})
        );
        assert_eq!(check(&content, &Context::default()).unwrap(), content);
        assert_eq!(icon_problem(&json!({"icon_name": "bell"})), None);
        assert!(icon_problem(&json!({"icon_name": "no such"})).is_some());
        assert!(change_problem(r#"{"type":"html"}"#, &json!({"type": "text"})).is_some());
    }
}
