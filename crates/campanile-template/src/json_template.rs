//! Templates of JSON documents: headers, request bodies, overrides, data updates (workflows.md S14).

use campanile_core::scope::Scope;
use serde_json::{Map, Value as Json};

use crate::liquid::{Budget, RenderOptions, Template, TemplateError};

/// A JSON document with Liquid in it.
///
/// When the raw text is JSON by itself, each text in it is a template, and one that is exactly one `{{ … }}`
/// keeps the type of its value. Any other raw text is rendered whole and parsed afterwards.
#[derive(Debug)]
pub struct JsonTemplate(Form);

#[derive(Debug)]
enum Form {
    Tree(Node),
    Whole(Template),
}

#[derive(Debug)]
enum Node {
    Fixed(Json),
    Leaf(Template),
    Array(Vec<Node>),
    Object(Vec<(String, Node)>),
}

impl JsonTemplate {
    /// Parses the raw text of a JSON field.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        match serde_json::from_str::<Json>(source) {
            Ok(json) => Self::from_json(&json),
            Err(_) => Ok(Self(Form::Whole(Template::parse(source)?))),
        }
    }

    /// The same for a document that arrived as JSON instead of as text.
    pub fn from_json(json: &Json) -> Result<Self, TemplateError> {
        Ok(Self(Form::Tree(Node::parse(json)?)))
    }

    /// Renders to a JSON object; anything else is an error.
    pub fn render(
        &self,
        scope: &dyn Scope,
        options: &RenderOptions<'_>,
    ) -> Result<Map<String, Json>, TemplateError> {
        match self.render_any(scope, options)? {
            Json::Object(map) => Ok(map),
            other => Err(TemplateError::locate("", 0, format!("is {}, not a JSON object", kind(&other)))),
        }
    }

    /// Renders to any JSON.
    pub fn render_any(&self, scope: &dyn Scope, options: &RenderOptions<'_>) -> Result<Json, TemplateError> {
        match &self.0 {
            Form::Tree(node) => node.render(scope, options, &mut Budget::new(&options.limits)),
            Form::Whole(template) => {
                let text = template.render(scope, options)?;
                serde_json::from_str(&text).map_err(|error| not_json(&text, &error))
            }
        }
    }

    /// Whether any part may read that root (see [`Template::mentions`]).
    pub fn mentions(&self, root: &str) -> bool {
        self.templates().iter().any(|template| template.mentions(root))
    }

    /// Its texts, in order.
    pub fn templates(&self) -> Vec<&Template> {
        let mut found = Vec::new();
        match &self.0 {
            Form::Tree(node) => node.collect(&mut found),
            Form::Whole(template) => found.push(template),
        }
        found
    }
}

impl Node {
    fn parse(json: &Json) -> Result<Self, TemplateError> {
        Ok(match json {
            Json::String(text) => {
                let template = Template::parse(text)?;
                if template.is_static() == Some(text) {
                    Self::Fixed(json.clone())
                } else {
                    Self::Leaf(template)
                }
            }
            Json::Array(items) => {
                let parse = |(i, item)| Self::parse(item).map_err(|error| at_index(error, i));
                Self::Array(items.iter().enumerate().map(parse).collect::<Result<_, _>>()?)
            }
            Json::Object(map) => {
                let parse = |(key, value): (&String, &Json)| {
                    Ok((key.clone(), Self::parse(value).map_err(|error| error.within(key))?))
                };
                Self::Object(map.iter().map(parse).collect::<Result<_, TemplateError>>()?)
            }
            other => Self::Fixed(other.clone()),
        })
    }

    fn render(
        &self,
        scope: &dyn Scope,
        options: &RenderOptions<'_>,
        budget: &mut Budget,
    ) -> Result<Json, TemplateError> {
        Ok(match self {
            Self::Fixed(json) => json.clone(),
            Self::Leaf(template) => template.render_leaf(scope, options, budget)?,
            Self::Array(nodes) => {
                let render = |(i, node): (usize, &Node)| {
                    node.render(scope, options, budget).map_err(|error| at_index(error, i))
                };
                Json::Array(nodes.iter().enumerate().map(render).collect::<Result<_, _>>()?)
            }
            Self::Object(members) => {
                let render = |(key, node): &(String, Node)| {
                    Ok((key.clone(), node.render(scope, options, budget).map_err(|error| error.within(key))?))
                };
                Json::Object(members.iter().map(render).collect::<Result<_, TemplateError>>()?)
            }
        })
    }

    fn collect<'t>(&'t self, found: &mut Vec<&'t Template>) {
        match self {
            Self::Fixed(_) => {}
            Self::Leaf(template) => found.push(template),
            Self::Array(nodes) => nodes.iter().for_each(|node| node.collect(found)),
            Self::Object(members) => members.iter().for_each(|(_, node)| node.collect(found)),
        }
    }
}

fn at_index(error: TemplateError, index: usize) -> TemplateError {
    error.within(&format!("[{index}]"))
}

fn kind(json: &Json) -> &'static str {
    match json {
        Json::Null => "null",
        Json::Bool(_) => "a boolean",
        Json::Number(_) => "a number",
        Json::String(_) => "a text",
        Json::Array(_) => "an array",
        Json::Object(_) => "an object",
    }
}

/// Points at the place in the rendered text, which is what the author has to look at.
fn not_json(text: &str, error: &serde_json::Error) -> TemplateError {
    let start: usize = text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
    let reason = error.to_string();
    let reason = reason.split(" at line ").next().unwrap_or_default();
    let at = start + error.column().saturating_sub(1);
    TemplateError::locate(text, at, format!("rendered text is not JSON: {reason}"))
}

#[cfg(test)]
mod tests {
    use campanile_core::time::Timestamp;
    use serde_json::json;

    use super::*;

    fn check(source: &str, want: Result<Json, &str>) {
        let scope = json!({"data": {"items": [1, 2, 3], "name": "Ada", "quote": "say \"hi\""},
            "recipient": {"plan": "premium"}});
        let got = JsonTemplate::parse(source)
            .and_then(|template| template.render(&scope, &RenderOptions::at(Timestamp::default()).strict()));
        match (got, want) {
            (Ok(got), Ok(want)) => assert_eq!(Json::Object(got), want, "{source}"),
            (Err(error), Err(want)) => assert!(error.to_string().contains(want), "{source}: {error}"),
            (got, want) => panic!("{source}: {got:?} instead of {want:?}"),
        }
    }

    #[test]
    fn keeps_native_types() {
        check(r#"{"item_count":"{{ data.items | size }}"}"#, Ok(json!({"item_count": 3})));
        check(r#"{"p":"{{ recipient.plan | equals: \"premium\" }}"}"#, Ok(json!({"p": true})));
        check(
            r#"{"a":["{{ data.items }}"," {{ data.name }}"],"b":1}"#,
            Ok(json!({"a": [[1,2,3], " Ada"], "b": 1})),
        );
        check(r#"{"n":"{{ data.nope | default: nil }}"}"#, Ok(json!({"n": null})));
    }

    #[test]
    fn renders_other_text_whole() {
        check(r#"{"a": {{ data.items | json }}}"#, Ok(json!({"a": [1, 2, 3]})));
        check(r#"{% if true %}{"q": {{ data.quote | json }}}{% endif %}"#, Ok(json!({"q": "say \"hi\""})));
    }

    #[test]
    fn leaves_share_the_limits() {
        let leaf = r#""{% for i in (1..60000) %}{% endfor %}""#;
        check(&format!("{{\"a\":{leaf}}}"), Ok(json!({"a": ""})));
        check(&format!("{{\"a\":{leaf},\"b\":{leaf}}}"), Err("b: more than 100000 loop iterations"));
    }

    #[test]
    fn refuses_what_is_no_object() {
        check("[1]", Err("is an array, not a JSON object"));
        check("{% if true %}{\"q\": \"{{ data.quote }}\"}{% endif %}", Err("rendered text is not JSON"));
        check(r#"{"a":{"b":["{{ data.nope }}"]}}"#, Err("a.b[0]: data.nope is not defined"));
        check(r#"{"a":"{{ x | nope }}"}"#, Err("a: unknown filter \"nope\""));
    }
}
