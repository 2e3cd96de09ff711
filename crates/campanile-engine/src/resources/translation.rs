//! Translations (templates.md section 5, management.md section 12).
//!
//! The key of the resource is the identity of the translation (`en/admin~acme`, see
//! [`campanile_core::translation::Identity`]). The content is `{"content": "…"}`: the JSON of the texts as a text, for
//! the order of its keys must survive (management.md corner 14). PO is converted on the way in and out.

use campanile_core::fields::{BLANK, INVALID};
use campanile_core::problem::{FieldProblem, Problems};
use campanile_core::translation::{Identity, Texts, from_po};
use campanile_store::ResourceKind;
use campanile_template::Template;
use serde_json::{Value, json};

use super::{Context, Kind, syntax_problem};

pub(super) const TRANSLATION: Kind =
    Kind { kind: ResourceKind::Translation, starts_active: true, check, key_problem };

fn check(document: &Value, _: &Context) -> Result<Value, Vec<FieldProblem>> {
    let mut problems = Problems::default();
    // Stored content has no format: it is JSON.
    let is_po = match &document["format"] {
        Value::Null => false,
        Value::String(format) if format == "json" => false,
        Value::String(format) if format == "po" => true,
        _ => {
            problems.add("format", INVALID);
            false
        }
    };
    let content = match &document["content"] {
        Value::Null => {
            problems.add("content", BLANK);
            String::new()
        }
        Value::String(text) => read(text, is_po, &mut problems),
        _ => {
            problems.add("content", INVALID);
            String::new()
        }
    };
    problems.into_result(json!({"content": content}))
}

/// The JSON of the texts: as it was written, or made from PO.
fn read(text: &str, is_po: bool, problems: &mut Problems) -> String {
    let texts = if is_po { from_po(text) } else { Texts::from_json(text) };
    match texts {
        Ok(texts) => {
            for (path, leaf) in texts.leaves() {
                if leaf.contains('{')
                    && let Err(error) = Template::parse_translation(leaf)
                {
                    let why = syntax_problem(&error);
                    problems.add("content", format!("at {} {why}", path.join(".")));
                }
            }
            if is_po { texts.to_json() } else { text.to_owned() }
        }
        Err(error) => {
            problems.add("content", format!("{INVALID}: {error}"));
            String::new()
        }
    }
}

/// Only for callers that name a key as a whole: handlers check the parts themselves and name the parameter.
fn key_problem(key: &str) -> Option<&'static str> {
    Identity::of_key(key).problems().first().map(|(_, why)| *why)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_texts_and_refuses_the_rest() {
        let check = |document: Value| {
            check(&document, &Context::default())
                .map(|content| content["content"].as_str().unwrap_or_default().to_owned())
                .map_err(|found| {
                    found
                        .into_iter()
                        .map(|p| format!("{} {}", p.field, p.message))
                        .collect::<Vec<_>>()
                        .join("; ")
                })
        };
        let spaced = "{ \"b\": \"1\",\n \"a\": {\"x\": \"{{ n }}\"} }";
        for (document, want) in [
            (json!({"format": "json", "content": spaced}), Ok(spaced)),
            (json!({"content": spaced}), Ok(spaced)),
            (json!({"format": "po", "content": "msgid \"b.a\"\nmsgstr \"1\""}), Ok(r#"{"b":{"a":"1"}}"#)),
            (json!({"format": "json"}), Err("content can't be blank")),
            (json!({"format": "yaml", "content": 7}), Err("content is invalid; format is invalid")),
            (json!({"content": "[]"}), Err("content is invalid: invalid type")),
            (json!({"content": "{\"a\": 1}"}), Err("content is invalid: invalid type")),
            (json!({"content": "{"}), Err("content is invalid: EOF")),
            (json!({"format": "po", "content": "x"}), Err("content is invalid: line 1: x is not known")),
            (
                json!({"content": r#"{"a": "{% t %}x{% endt %}"}"#}),
                Err("content at a has invalid Liquid syntax: t cannot stand inside a translation (line 1)"),
            ),
            (
                json!({"content": r#"{"a": {"b": "{{ x"}}"#}),
                Err("content at a.b has invalid Liquid syntax: output is not closed with }} (line 1)"),
            ),
        ] {
            match (check(document.clone()), want) {
                (Ok(got), Ok(want)) => assert_eq!(got, want, "{document}"),
                (Err(got), Err(want)) => assert!(got.starts_with(want), "{document}: {got}"),
                (got, _) => panic!("{document}: {got:?}"),
            }
        }
        assert_eq!((key_problem("en/admin~acme"), key_problem("english")), (None, Some("is invalid")));
    }
}
