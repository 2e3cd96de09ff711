//! A partial block: its attributes as arguments of `render` (templates.md T8.7, T6.3, T6.4).
//!
//! It is written as Liquid in front of the tag, because the whole mail renders in one pass: a text that is exactly one
//! output is assigned, which keeps the type of the value; any other is captured; anything else is put together as
//! JSON and parsed.

use serde_json::{Map, Value as Json};

use super::html::Writer;
use crate::liquid::{BLOCK_ARGUMENT, Template, TemplateError};

/// Objects and lists inside one another.
const DEPTH_MAX: usize = 16;

pub(super) fn write(out: &mut Writer<'_>, key: &str, attrs: &Map<String, Json>) {
    // Names that no author uses; blocks below set them anew.
    let mut arguments = String::new();
    for (at, (name, value)) in attrs.iter().enumerate() {
        let path = format!("attrs.{name}");
        if !is_name(name) {
            refuse(out, &path);
            continue;
        }
        let variable = format!("__attr_{at}");
        if argument(out, &path, &variable, value) {
            arguments.push_str(&format!(", {name}: {variable}"));
        }
    }
    out.raw(&format!("{{% render '{key}', {BLOCK_ARGUMENT}: true{arguments} %}}\n"));
}

/// Sets `variable`; false when there is nothing to set.
fn argument(out: &mut Writer<'_>, path: &str, variable: &str, value: &Json) -> bool {
    match value {
        Json::Null => return false,
        Json::String(text) => text_argument(out, path, variable, text),
        Json::Bool(_) => out.raw(&format!("{{% assign {variable} = {value} %}}")),
        // Numbers too: JSON writes more of them than Liquid reads.
        Json::Number(_) | Json::Array(_) | Json::Object(_) => {
            let mut json = String::new();
            let mut leaves = Leaves { out, variable, count: 0 };
            leaves.write(path, value, 0, &mut json);
            out.raw(&format!(
                "{{% capture {variable} %}}{json}{{% endcapture %}}{{% assign {variable} = {variable} | from_json %}}"
            ));
        }
    }
    true
}

fn text_argument(out: &mut Writer<'_>, path: &str, variable: &str, text: &str) {
    if let Some(inner) = single_output(text) {
        out.raw(&format!("{{% assign {variable} = {inner} %}}"));
    } else {
        out.raw(&format!("{{% capture {variable} %}}"));
        out.leaf(path, text);
        out.raw("{% endcapture %}");
    }
}

/// What stands in the only output of a text that is nothing else.
fn single_output(text: &str) -> Option<&str> {
    let template = Template::parse(text).ok()?;
    if !template.is_single_output() {
        return None;
    }
    let inner = text.strip_prefix("{{")?.strip_suffix("}}")?;
    let inner = inner.strip_prefix('-').unwrap_or(inner);
    Some(inner.strip_suffix('-').unwrap_or(inner).trim())
}

/// JSON text whose texts are printed from variables of their own.
struct Leaves<'l, 'w> {
    out: &'l mut Writer<'w>,
    variable: &'l str,
    count: usize,
}

impl Leaves<'_, '_> {
    fn write(&mut self, path: &str, value: &Json, depth: usize, json: &mut String) {
        if depth > DEPTH_MAX {
            return refuse(self.out, path);
        }
        match value {
            Json::String(text) => {
                let variable = format!("{}_{}", self.variable, self.count);
                self.count += 1;
                text_argument(self.out, path, &variable, text);
                json.push_str(&format!("{{{{ {variable} | json }}}}"));
            }
            Json::Array(items) => {
                json.push('[');
                for (at, item) in items.iter().enumerate() {
                    json.push_str(if at > 0 { "," } else { "" });
                    self.write(&format!("{path}[{at}]"), item, depth + 1, json);
                }
                json.push(']');
            }
            Json::Object(members) => {
                // A space: two braces in a row would be Liquid.
                json.push_str("{ ");
                for (at, (name, member)) in members.iter().enumerate() {
                    let path = format!("{path}.{name}");
                    if name.contains("{{") || name.contains("{%") {
                        refuse(self.out, &path);
                        continue;
                    }
                    json.push_str(if at > 0 { "," } else { "" });
                    json.push_str(&format!("{}:", Json::String(name.clone())));
                    self.write(&path, member, depth + 1, json);
                }
                json.push_str(" }");
            }
            other => json.push_str(&other.to_string()),
        }
    }
}

fn refuse(out: &mut Writer<'_>, path: &str) {
    out.errors.push(TemplateError::of_field(&format!("{}.{path}", out.path), "is invalid"));
}

/// What can be the name of an argument.
fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        && name != BLOCK_ARGUMENT
}
