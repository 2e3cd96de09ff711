//! Message types: what a guide's content consists of (templates.md sections 17 and 18).

mod builtin;
mod field;
mod value;

pub use builtin::{BUILTIN, builtin};
pub use field::{Field, FieldKind};

use serde_json::{Map, Value};

use crate::fields::{Fields, INVALID};
use crate::problem::{FieldProblem, Problems};

/// The variant that every type must have.
const DEFAULT: &str = "default";

/// One version of a message type.
#[derive(Debug)]
pub struct MessageType {
    /// At least one; keys are unique.
    pub variants: Vec<Variant>,
}

/// A shape of a message type.
#[derive(Debug)]
pub struct Variant {
    /// Unique in the type.
    pub key: String,
    /// At least one; keys are unique.
    pub fields: Vec<Field>,
}

impl MessageType {
    /// A variant by key.
    pub fn variant(&self, key: &str) -> Option<&Variant> {
        self.variants.iter().find(|variant| variant.key == key)
    }

    /// Reads stored content, which passed [`check`] when it was saved; `None` when it would not today.
    pub fn read(content: &Value) -> Option<Self> {
        let mut problems = Problems::default();
        let fields = Fields::of(content, "", &mut problems)?;
        let variants = variants(&fields, &mut problems).into_iter().map(|(variant, _)| variant).collect();
        problems.is_empty().then_some(Self { variants })
    }
}

impl Variant {
    /// Checks the values of a guide step, noting problems under `path`.
    pub fn check(&self, values: &Value, path: &str, problems: &mut Problems) {
        let values = match values {
            Value::Null => None,
            Value::Object(values) => Some(values),
            _ => return problems.add(path, INVALID),
        };
        for field in &self.fields {
            let value = values.and_then(|values| values.get(&field.key)).unwrap_or(&Value::Null);
            field.check(value, &format!("{path}.{}", field.key), problems);
        }
    }

    /// The values without members that no field names (management.md M2.4).
    pub fn known(&self, values: &Value) -> Map<String, Value> {
        let known = self.fields.iter().filter_map(|field| {
            let value = values.get(&field.key)?;
            Some((field.key.clone(), field.known(value)))
        });
        known.collect()
    }

    /// A JSON Schema of the values, for type generation (M10.7).
    pub fn json_schema(&self) -> Value {
        field::object_schema(&self.fields)
    }
}

/// Checks a document (the inside of `{"message_type": …}`) and answers the content to store. `preview` checks the
/// Liquid of the preview and says what is wrong with it.
pub fn check(document: &Value, preview: &dyn Fn(&str) -> Option<String>) -> Result<Value, Vec<FieldProblem>> {
    let mut problems = Problems::default();
    let mut content = Map::new();
    if let Some(fields) = Fields::of(document, "", &mut problems) {
        fields.read_label(&mut content, &mut problems);
        // Required by the document of the API, though it may be empty (management.md corner 15).
        match fields.get("preview") {
            None => problems.add("preview", crate::fields::BLANK),
            Some(Value::String(source)) => {
                if let Some(why) = preview(source) {
                    problems.add("preview", why);
                }
                content.insert("preview".into(), source.as_str().into());
            }
            Some(_) => problems.add("preview", INVALID),
        }
        let variants = variants(&fields, &mut problems).into_iter().map(|(_, written)| written);
        content.insert("variants".into(), variants.collect());
    }
    problems.into_result(Value::Object(content))
}

/// Reads a list of fields that stands elsewhere: the input schema of a partial (templates.md section 18). Answers them,
/// and as they are written.
pub fn fields(list: &[Value], path: &str, problems: &mut Problems) -> (Vec<Field>, Vec<Value>) {
    field::parse_list(list, path, problems)
}

/// The variants, and as they are written.
fn variants(fields: &Fields<'_>, problems: &mut Problems) -> Vec<(Variant, Value)> {
    let mut found: Vec<(Variant, Value)> = Vec::new();
    let list = fields.list("variants", problems);
    for (at, entry) in list.unwrap_or_default().iter().enumerate() {
        let path = format!("variants[{at}]");
        let Some(variant) = Fields::of(entry, &path, problems) else { continue };
        for name in ["key", "name"] {
            variant.text_at_most(name, 255, problems);
        }
        let key = variant.text_required("key", problems).unwrap_or_default();
        let name = variant.text_required("name", problems).unwrap_or_default();
        if !key.is_empty() && found.iter().any(|(known, _)| known.key == key) {
            problems.add(format!("{path}.key"), "has already been taken");
        }
        let inside = variant.list("fields", problems).unwrap_or_default();
        if inside.is_empty() {
            problems.add(format!("{path}.fields"), crate::fields::BLANK);
        }
        let (inside, written) = field::parse_list(inside, &format!("{path}.fields"), problems);
        let written = serde_json::json!({"key": key, "name": name, "fields": written});
        found.push((Variant { key: key.into(), fields: inside }, written));
    }
    if !found.iter().any(|(variant, _)| variant.key == DEFAULT) {
        problems.add("variants", "must include a variant with key \"default\"");
    }
    found
}

#[cfg(test)]
mod tests;
