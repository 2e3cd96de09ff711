//! The content of a step: compiled when its guide is read, rendered for each fetch (in-app.md section 17).

use campanile_core::fields::INVALID;
use campanile_core::message_type::{Field, FieldKind, Variant};
use campanile_core::problem::{FieldProblem, Problems};
use campanile_core::scope::Scope;
use campanile_template::{JsonTemplate, RenderOptions, Template, TemplateError, markdown};
use serde_json::{Map, Value};

/// What a variant's fields hold, by field key.
#[derive(Debug)]
pub(crate) struct Content(Vec<(String, Part)>);

#[derive(Debug)]
enum Part {
    /// The same for everybody.
    Fixed(Value),
    /// Liquid.
    Text(Template),
    /// Liquid, then Markdown.
    Markdown(Template),
    /// JSON with Liquid in it.
    Json(JsonTemplate),
    /// A button or an image.
    Object(Content),
}

impl Content {
    /// Compiles values that their variant has checked. Absent ones become what the field says by default, or null
    /// (S26). Problems are named by the path inside the values.
    pub(crate) fn compile(variant: &Variant, values: &Map<String, Value>) -> Result<Self, Vec<FieldProblem>> {
        let mut problems = Problems::default();
        let content = Self::of(&variant.fields, Some(values), "", &mut problems);
        problems.into_result(content)
    }

    fn of(
        fields: &[Field],
        values: Option<&Map<String, Value>>,
        path: &str,
        problems: &mut Problems,
    ) -> Self {
        let parts = fields.iter().map(|field| {
            let given = values.and_then(|values| values.get(&field.key)).filter(|value| !value.is_null());
            let path = if path.is_empty() { field.key.clone() } else { format!("{path}.{}", field.key) };
            (field.key.clone(), Part::of(field, given.unwrap_or(&field.default), &path, problems))
        });
        Self(parts.collect())
    }

    /// The content for one user.
    pub(crate) fn render(
        &self,
        scope: &dyn Scope,
        options: &RenderOptions<'_>,
    ) -> Result<Map<String, Value>, TemplateError> {
        self.0.iter().map(|(key, part)| Ok((key.clone(), part.render(scope, options)?))).collect()
    }
}

impl Part {
    fn of(field: &Field, value: &Value, path: &str, problems: &mut Problems) -> Self {
        let kept = |compiled: Result<Self, TemplateError>, problems: &mut Problems| {
            compiled.unwrap_or_else(|error| {
                problems
                    .add(path, format!("has invalid Liquid syntax: {} (line {})", error.message, error.line));
                Self::Fixed(Value::Null)
            })
        };
        match (&field.kind, value) {
            (FieldKind::Compound(_), Value::Null) if !field.required => Self::Fixed(Value::Null),
            (FieldKind::Compound(fields), value) => {
                Self::Object(Content::of(fields, value.as_object(), path, problems))
            }
            (_, Value::Null) => Self::Fixed(Value::Null),
            (FieldKind::Text { .. } | FieldKind::Url | FieldKind::Color, Value::String(text)) => {
                kept(Template::parse(text).map(Self::Text), problems)
            }
            (FieldKind::Markdown, Value::String(text)) => {
                kept(Template::parse(text).map(Self::Markdown), problems)
            }
            (FieldKind::Json(_) | FieldKind::List(_), Value::String(text)) if !text.is_empty() => {
                kept(JsonTemplate::parse(text).map(Self::Json), problems)
            }
            (FieldKind::Json(_) | FieldKind::List(_), value) => {
                kept(JsonTemplate::from_json(value).map(Self::Json), problems)
            }
            // Booleans and numbers may be written as text.
            (FieldKind::Boolean | FieldKind::Number { .. }, Value::String(text)) => {
                Self::Fixed(serde_json::from_str(text.trim()).unwrap_or_else(|_| {
                    problems.add(path, INVALID);
                    Value::Null
                }))
            }
            (_, value) => Self::Fixed(value.clone()),
        }
    }

    fn render(&self, scope: &dyn Scope, options: &RenderOptions<'_>) -> Result<Value, TemplateError> {
        Ok(match self {
            Self::Fixed(value) => value.clone(),
            Self::Text(template) => template.render(scope, options)?.into(),
            Self::Markdown(template) => markdown::to_html(&template.render(scope, options)?).into(),
            Self::Json(template) => template.render_any(scope, options)?,
            Self::Object(content) => content.render(scope, options)?.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use campanile_core::message_type::MessageType;
    use campanile_core::time::Timestamp;
    use serde_json::json;

    use super::*;

    fn compiled(values: Value) -> Result<Content, Vec<FieldProblem>> {
        let text = |key: &str| json!({"type": "text", "key": key, "settings": {"default": null}});
        let read = MessageType::read(&json!({"variants": [{"key": "default", "name": "D", "fields": [
            text("title"),
            {"type": "text", "key": "kicker", "settings": {"default": "New, {{ recipient.name }}"}},
            {"type": "markdown", "key": "body"},
            {"type": "boolean", "key": "flag", "settings": {"default": true}},
            {"type": "number", "key": "n"},
            {"type": "json", "key": "j"},
            {"type": "list", "key": "l"},
            {"type": "button", "key": "b", "text": text("text"), "action": text("action")},
        ]}]}));
        let values = values.as_object().cloned().unwrap_or_default();
        Content::compile(read.unwrap().variant("default").unwrap(), &values)
    }

    #[test]
    fn renders_by_field_type() {
        let scope = json!({"recipient": {"name": "Ada"}, "data": {"n": 3}, "tenant": {"name": "Acme"}});
        let options = RenderOptions::at(Timestamp::default());
        let none = json!({"title": null, "kicker": "New, Ada", "body": null, "flag": true, "n": null, "j": null,
            "l": null, "b": null});
        for (values, change) in [
            (json!({}), json!({})),
            (json!({"title": null, "flag": null, "b": null}), json!({})),
            (
                json!({"title": "Hi {{ recipient.name }} of {{ tenant.name }}", "kicker": "", "flag": false, "n": 4}),
                json!({"title": "Hi Ada of Acme", "kicker": "", "flag": false, "n": 4}),
            ),
            (json!({"body": "**{{ data.n }}**"}), json!({"body": "<p><strong>3</strong></p>"})),
            (json!({"flag": "false", "n": "5"}), json!({"flag": false, "n": 5})),
            (
                json!({"j": {"n": "{{ data.n }}"}, "l": "[{{ data.n }}, 4]"}),
                json!({"j": {"n": 3}, "l": [3, 4]}),
            ),
            (json!({"b": {"text": "{{ data.n }}"}}), json!({"b": {"text": "3", "action": null}})),
        ] {
            let mut want = none.clone();
            want.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
            let got = compiled(values.clone()).unwrap().render(&scope, &options).unwrap();
            assert_eq!(Value::Object(got), want, "{values}");
        }
    }

    #[test]
    fn names_broken_liquid_by_its_place() {
        let values = json!({"title": "{{ a", "b": {"text": "{% nope %}"}, "j": {"x": "{{"}});
        let fields: Vec<_> = compiled(values).unwrap_err().into_iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["b.text", "j", "title"]);
    }
}
