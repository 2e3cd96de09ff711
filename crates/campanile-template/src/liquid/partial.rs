//! Partials: templates with a scope of their own (templates.md section 6).

use std::collections::HashMap;

use campanile_core::scope::Scope;
use serde_json::{Map, Value as Json};

use super::error::TemplateError;
use super::template::Template;
use crate::markdown;

/// Partials inside one another, counted from the template (T6.8).
pub(crate) const DEPTH_MAX: usize = 5;

/// The argument that only partial blocks give: a required field without a value is an error then (T8.7).
pub(crate) const BLOCK_ARGUMENT: &str = "__block";

/// What a partial is written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PartialKind {
    /// Inserted as it renders; its `<style>` elements go to the head of the layout (T6.10).
    Html,
    /// Inserted verbatim.
    Text,
    /// Inserted verbatim.
    Json,
    /// Becomes HTML inside an email (S38).
    Markdown,
}

impl PartialKind {
    /// By its name in the API.
    pub fn of(name: &str) -> Option<Self> {
        match name {
            "html" => Some(Self::Html),
            "text" => Some(Self::Text),
            "json" => Some(Self::Json),
            "markdown" => Some(Self::Markdown),
            _ => None,
        }
    }
}

/// A compiled partial.
#[derive(Debug)]
pub struct Partial {
    pub(crate) kind: PartialKind,
    pub(crate) template: Template,
    /// Contents of its `<style>` elements, in order.
    pub(crate) styles: Vec<Template>,
    parameters: Vec<Parameter>,
}

/// A field of the input schema.
#[derive(Debug)]
struct Parameter {
    key: String,
    kind: String,
    default: Json,
    is_required: bool,
}

impl Partial {
    /// Compiles content. `input_schema` is the list of fields as it is stored; null is none.
    pub fn compile(kind: PartialKind, content: &str, input_schema: &Json) -> Result<Self, TemplateError> {
        let (rest, styles) = match kind {
            PartialKind::Html => cut_styles(content),
            _ => (content.to_owned(), Vec::new()),
        };
        // The whole first: what stands in a style element has its line in the content that the author wrote.
        Template::parse(content)?;
        let parameters = input_schema.as_array().into_iter().flatten().map(|field| {
            let kind = field["type"].as_str().unwrap_or("text").to_owned();
            let default = match &field["settings"]["default"] {
                Json::Null => empty(&kind),
                given => given.clone(),
            };
            Parameter {
                key: field["key"].as_str().unwrap_or_default().to_owned(),
                kind,
                default,
                is_required: field["settings"]["required"] == true,
            }
        });
        Ok(Self {
            kind,
            template: Template::parse(&rest)?,
            styles: styles.iter().map(|style| Template::parse(style)).collect::<Result<_, _>>()?,
            parameters: parameters.collect(),
        })
    }

    /// Keys of the partials that this one renders.
    pub fn partial_keys(&self) -> impl Iterator<Item = &str> {
        self.template.partial_keys().chain(self.styles.iter().flat_map(Template::partial_keys))
    }

    /// True when anything in it is translated.
    pub fn translates(&self) -> bool {
        self.template.translates() || self.styles.iter().any(Template::translates)
    }

    fn mentions(&self, root: &str) -> bool {
        self.template.mentions(root) || self.styles.iter().any(|style| style.mentions(root))
    }

    /// The first required field that a block leaves empty.
    pub(crate) fn missing(&self, given: &[(&str, Json)]) -> Option<&str> {
        let is_empty = |value: &Json| match value {
            Json::Null => true,
            Json::String(text) => text.trim().is_empty(),
            Json::Array(items) => items.is_empty(),
            Json::Object(members) => members.is_empty(),
            _ => false,
        };
        let value = |parameter: &Parameter| {
            let given = given.iter().find(|(name, _)| *name == parameter.key).map(|(_, value)| value);
            is_empty(given.filter(|value| !value.is_null()).unwrap_or(&parameter.default))
        };
        let missing =
            |parameter: &&Parameter| parameter.is_required && parameter.kind != "boolean" && value(parameter);
        self.parameters.iter().find(missing).map(|parameter| &*parameter.key)
    }

    /// The scope inside, from the arguments that were given (T6.2 – T6.5).
    pub(crate) fn scope<'v>(&self, given: Vec<(&str, Json)>, vars: Option<&'v Json>) -> PartialScope<'v> {
        let mut arguments = Map::new();
        for (name, value) in given {
            let parameter = self.parameters.iter().find(|parameter| parameter.key == name);
            let value = match parameter {
                None => Json::String(as_text(&value)),
                Some(parameter) if value.is_null() => parameter.default.clone(),
                Some(parameter) => typed(&parameter.kind, value),
            };
            arguments.insert(name.to_owned(), value);
        }
        for parameter in &self.parameters {
            if !arguments.contains_key(&parameter.key) {
                arguments.insert(parameter.key.clone(), typed(&parameter.kind, parameter.default.clone()));
            }
        }
        PartialScope { arguments, vars }
    }
}

/// What an absent argument without a default is (S19).
fn empty(kind: &str) -> Json {
    match kind {
        "boolean" => false.into(),
        "list" | "multi_select" => Json::Array(Vec::new()),
        "json" | "button" | "image" => Json::Object(Map::new()),
        _ => "".into(),
    }
}

/// The value of an argument with a field: structure is kept, text-like types are texts (T6.4).
fn typed(kind: &str, value: Json) -> Json {
    match (kind, value) {
        ("boolean", Json::String(text)) if text == "true" || text == "false" => (text == "true").into(),
        ("number", Json::String(text)) => match serde_json::from_str::<serde_json::Number>(text.trim()) {
            Ok(number) => Json::Number(number),
            Err(_) => Json::String(text),
        },
        ("json" | "list" | "multi_select" | "button" | "image", Json::String(text)) => {
            serde_json::from_str(&text).unwrap_or(Json::String(text))
        }
        ("boolean" | "number" | "json" | "list" | "multi_select" | "button" | "image", value) => value,
        ("markdown", value) => markdown::to_html(&as_text(&value)).trim_end_matches('\n').into(),
        (_, value) => as_text(&value).into(),
    }
}

/// Stringified: arrays and objects as JSON text (T6.3).
fn as_text(value: &Json) -> String {
    match value {
        Json::Null => String::new(),
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// Arguments and `vars`, and nothing else (T6.2).
pub(crate) struct PartialScope<'v> {
    arguments: Map<String, Json>,
    vars: Option<&'v Json>,
}

impl Scope for PartialScope<'_> {
    fn root(&self, name: &str) -> Option<&Json> {
        self.arguments.get(name).or_else(|| self.vars.filter(|_| name == "vars"))
    }
}

/// Published partials by key.
#[derive(Debug, Default)]
pub struct Partials {
    by_key: HashMap<String, Partial>,
}

impl Partials {
    /// Adds or replaces one.
    pub fn insert(&mut self, key: impl Into<String>, partial: Partial) {
        self.by_key.insert(key.into(), partial);
    }

    /// True when there is one by that key.
    pub fn contains(&self, key: &str) -> bool {
        self.by_key.contains_key(key)
    }

    /// True when one of them translates anything.
    pub fn translate(&self) -> bool {
        self.by_key.values().any(Partial::translates)
    }

    /// True when one of them may read that root (see [`Template::mentions`]).
    pub fn mention(&self, root: &str) -> bool {
        self.by_key.values().any(|partial| partial.mentions(root))
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Partial> {
        self.by_key.get(key)
    }
}

/// The content without its `<style>` elements, and what stood in them.
fn cut_styles(content: &str) -> (String, Vec<String>) {
    let lower = content.to_ascii_lowercase();
    let (mut rest, mut styles, mut from) = (String::new(), Vec::new(), 0);
    while let Some(start) = lower[from..].find("<style").map(|at| from + at) {
        let is_element =
            lower.as_bytes().get(start + 6).is_some_and(|b| matches!(b, b'>' | b' ' | b'\n' | b'\t' | b'\r'));
        let Some(open) = lower[start..].find('>').map(|at| start + at + 1).filter(|_| is_element) else {
            rest.push_str(&content[from..start + 6]);
            from = start + 6;
            continue;
        };
        let Some(close) = lower[open..].find("</style").map(|at| open + at) else { break };
        let end = lower[close..].find('>').map_or(content.len(), |at| close + at + 1);
        rest.push_str(&content[from..start]);
        styles.push(content[open..close].to_owned());
        from = end;
    }
    rest.push_str(&content[from..]);
    (rest, styles)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_are_cut_out() {
        for (content, want, styles) in [
            ("<p>a</p>", "<p>a</p>", vec![]),
            ("<STYLE type=\"x\">.a{}</Style ><p>", "<p>", vec![".a{}"]),
            ("a<style>1</style>b<style>2</style>c", "abc", vec!["1", "2"]),
            ("<styled>a</styled>", "<styled>a</styled>", vec![]),
            ("<style>never closed", "<style>never closed", vec![]),
            ("é<style>ü</style>ß", "éß", vec!["ü"]),
        ] {
            let (rest, cut) = cut_styles(content);
            assert_eq!(
                (rest.as_str(), cut),
                (want, styles.iter().map(|s| s.to_string()).collect()),
                "{content}"
            );
        }
    }
}
