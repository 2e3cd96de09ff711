//! One field of a variant: its type and its settings (templates.md section 18). Settings are read in both spellings
//! and written in one (T18.1).

use serde_json::{Map, Value, json};

use crate::fields::{BLANK, Fields, INVALID};
use crate::json_schema::JsonSchema;
use crate::problem::Problems;

/// What an author fills in.
#[derive(Debug)]
pub struct Field {
    /// Unique among its neighbours.
    pub key: String,
    /// Its type, with what the type can be told.
    pub kind: FieldKind,
    /// An empty value is refused.
    pub required: bool,
    /// Stands in for an absent value; null when there is none.
    pub default: Value,
}

/// The thirteen types.
#[derive(Debug)]
pub enum FieldKind {
    /// `text` and `textarea`: Liquid. Graphemes.
    Text {
        /// At least so many.
        min_length: Option<usize>,
        /// At most so many.
        max_length: Option<usize>,
    },
    /// Liquid, then Markdown to HTML.
    Markdown,
    /// True or false.
    Boolean,
    /// A number.
    Number {
        /// Inclusive.
        min: Option<f64>,
        /// Inclusive.
        max: Option<f64>,
    },
    /// `#RGB`, `#RRGGBB`, or Liquid.
    Color,
    /// One of the options.
    Select(Vec<String>),
    /// Some of the options.
    MultiSelect(Vec<String>),
    /// An address, absolute or relative; Liquid.
    Url,
    /// `button` and `image`: an object of these fields.
    Compound(Vec<Field>),
    /// Any JSON that meets the schema.
    Json(Option<JsonSchema>),
    /// A list whose items meet the schema.
    List(Option<JsonSchema>),
}

/// Reads a list of fields; answers them and as they are written.
pub(super) fn parse_list(list: &[Value], path: &str, problems: &mut Problems) -> (Vec<Field>, Vec<Value>) {
    let mut fields: Vec<Field> = Vec::new();
    let mut written = Vec::new();
    for (at, entry) in list.iter().enumerate() {
        let path = format!("{path}[{at}]");
        let Some((field, text)) = parse(entry, &path, problems) else { continue };
        if fields.iter().any(|known| known.key == field.key) {
            problems.add(format!("{path}.key"), "has already been taken");
        }
        fields.push(field);
        written.push(text);
    }
    (fields, written)
}

fn parse(value: &Value, path: &str, problems: &mut Problems) -> Option<(Field, Value)> {
    let object = Fields::of(value, path, problems)?;
    object.text_at_most("key", 255, problems);
    object.text_at_most("label", 255, problems);
    let key = object.text_required("key", problems);
    let label = object.text("label", problems);
    let name = object.text_required("type", problems);
    let settings = Settings::of(&object, path, problems);
    let mut written = Map::new();
    let kind = name.and_then(|name| kind(name, &object, &settings, path, &mut written, problems))?;
    let default = settings.get("default").cloned().unwrap_or_default();
    let field = Field { key: key?.to_owned(), required: settings.flag("required", problems), kind, default };
    for text in ["description", "placeholder"] {
        settings.text(text, problems);
    }
    if matches!(field.kind, FieldKind::Compound(_)) {
        if !field.default.is_null() {
            problems.add(format!("{path}.settings.default"), INVALID);
        }
    } else if !field.default.is_null() {
        field.check(&field.default, &format!("{path}.settings.default"), problems);
    }
    written.insert("type".into(), name.into());
    written.insert("key".into(), field.key.as_str().into());
    // The document of the API requires it, null or not.
    written.insert("label".into(), label.into());
    if let Some(settings) = settings.written() {
        written.insert("settings".into(), settings);
    }
    Some((field, Value::Object(written)))
}

fn kind(
    name: &str,
    object: &Fields<'_>,
    settings: &Settings,
    path: &str,
    written: &mut Map<String, Value>,
    problems: &mut Problems,
) -> Option<FieldKind> {
    let mut compound = |names: &[(&str, &str)], problems: &mut Problems| {
        let mut fields = Vec::new();
        for (name, kind) in names {
            let path = format!("{path}.{name}");
            let Some(value) = object.get(name) else {
                problems.add(path, BLANK);
                continue;
            };
            let Some((field, text)) = parse(value, &path, problems) else { continue };
            if field.key != *name {
                problems.add(format!("{path}.key"), INVALID);
            }
            if text["type"] != *kind {
                problems.add(format!("{path}.type"), INVALID);
            }
            fields.push(field);
            written.insert((*name).to_owned(), text);
        }
        FieldKind::Compound(fields)
    };
    Some(match name {
        "text" | "textarea" => {
            let (min_length, max_length) = settings.lengths(problems);
            FieldKind::Text { min_length, max_length }
        }
        "markdown" => FieldKind::Markdown,
        "boolean" => FieldKind::Boolean,
        "number" => {
            settings.text("unit_label", problems);
            let (min, max) = (settings.number("min", problems), settings.number("max", problems));
            if matches!((min, max), (Some(min), Some(max)) if min > max) {
                problems.add(settings.path("max"), "must be greater than or equal to min");
            }
            FieldKind::Number { min, max }
        }
        "color" => FieldKind::Color,
        "select" => FieldKind::Select(settings.options(problems)),
        "multi_select" => FieldKind::MultiSelect(settings.options(problems)),
        "url" => FieldKind::Url,
        "button" => compound(&[("text", "text"), ("action", "text")], problems),
        "image" => compound(&[("url", "url"), ("alt", "text"), ("action", "text")], problems),
        "json" => FieldKind::Json(settings.schema("schema", problems)),
        "list" => FieldKind::List(settings.schema("item_schema", problems)),
        _ => {
            problems.add(format!("{path}.type"), INVALID);
            return None;
        }
    })
}

/// The settings of a field by their canonical names, without nulls (T18.2).
struct Settings {
    path: String,
    found: Map<String, Value>,
    given: bool,
}

const NAMES: [&str; 12] = [
    "required",
    "description",
    "placeholder",
    "default",
    "min_length",
    "max_length",
    "min",
    "max",
    "unit_label",
    "options",
    "schema",
    "item_schema",
];

fn camel_case(name: &str) -> String {
    let mut parts = name.split('_');
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (first, rest) = part.split_at(1);
        text.push_str(&first.to_ascii_uppercase());
        text.push_str(rest);
    }
    text
}

impl Settings {
    fn of(field: &Fields<'_>, path: &str, problems: &mut Problems) -> Self {
        let settings = field.object("settings", problems);
        let mut found = Map::new();
        for name in NAMES {
            let value = settings
                .as_ref()
                .and_then(|settings| settings.get(name).or_else(|| settings.get(&camel_case(name))).cloned());
            if let Some(value) = value {
                found.insert(name.to_owned(), value);
            }
        }
        Self { path: format!("{path}.settings"), found, given: settings.is_some() }
    }

    fn path(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.found.get(name)
    }

    fn read<T>(&self, name: &str, problems: &mut Problems, read: fn(&Value) -> Option<T>) -> Option<T> {
        let value = self.get(name)?;
        let found = read(value);
        if found.is_none() {
            problems.add(self.path(name), INVALID);
        }
        found
    }

    fn flag(&self, name: &str, problems: &mut Problems) -> bool {
        self.read(name, problems, Value::as_bool).unwrap_or(false)
    }

    fn text(&self, name: &str, problems: &mut Problems) {
        self.read(name, problems, |value| value.as_str().map(drop));
    }

    fn number(&self, name: &str, problems: &mut Problems) -> Option<f64> {
        self.read(name, problems, Value::as_f64)
    }

    fn lengths(&self, problems: &mut Problems) -> (Option<usize>, Option<usize>) {
        let mut length = |name| self.read(name, problems, Value::as_u64).map(|length| length as usize);
        let (min, max) = (length("min_length"), length("max_length"));
        if matches!((min, max), (Some(min), Some(max)) if min > max) {
            problems.add(self.path("max_length"), "must be greater than or equal to min_length");
        }
        (min, max)
    }

    fn options(&self, problems: &mut Problems) -> Vec<String> {
        let list = self.read("options", problems, |value| value.as_array().cloned()).unwrap_or_default();
        if list.is_empty() && self.get("options").is_none_or(Value::is_array) {
            problems.add(self.path("options"), BLANK);
        }
        let mut options: Vec<String> = Vec::new();
        for (at, entry) in list.iter().enumerate() {
            let path = format!("{}[{at}]", self.path("options"));
            let Some(option) = Fields::of(entry, &path, problems) else { continue };
            option.text("label", problems);
            let Some(value) = option.text_required("value", problems) else { continue };
            if options.iter().any(|known| known == value) {
                problems.add(format!("{path}.value"), "has already been taken");
            }
            options.push(value.to_owned());
        }
        options
    }

    fn schema(&self, name: &str, problems: &mut Problems) -> Option<JsonSchema> {
        match JsonSchema::compile(self.get(name)?) {
            Ok(schema) => Some(schema),
            Err(why) => {
                problems.add(self.path(name), why);
                None
            }
        }
    }

    fn written(self) -> Option<Value> {
        self.given.then_some(Value::Object(self.found))
    }
}

/// A schema of an object with these members.
pub(super) fn object_schema(fields: &[Field]) -> Value {
    let properties: Map<String, Value> =
        fields.iter().map(|field| (field.key.clone(), schema_of(&field.kind))).collect();
    let required: Vec<&str> =
        fields.iter().filter(|field| field.required).map(|field| field.key.as_str()).collect();
    json!({"type": "object", "properties": properties, "required": required, "additionalProperties": false})
}

fn schema_of(kind: &FieldKind) -> Value {
    match kind {
        FieldKind::Text { min_length, max_length } => {
            let mut schema = json!({"type": "string"});
            for (name, length) in [("minLength", min_length), ("maxLength", max_length)] {
                if let Some(length) = length {
                    schema[name] = json!(length);
                }
            }
            schema
        }
        FieldKind::Markdown | FieldKind::Color | FieldKind::Url => json!({"type": "string"}),
        FieldKind::Boolean => json!({"type": "boolean"}),
        FieldKind::Number { min, max } => {
            let mut schema = json!({"type": "number"});
            for (name, bound) in [("minimum", min), ("maximum", max)] {
                if let Some(bound) = bound {
                    schema[name] = json!(bound);
                }
            }
            schema
        }
        FieldKind::Select(options) => json!({"type": "string", "enum": options}),
        FieldKind::MultiSelect(options) => {
            json!({"type": "array", "items": {"type": "string", "enum": options}})
        }
        FieldKind::Compound(fields) => object_schema(fields),
        FieldKind::Json(schema) => {
            schema.as_ref().map_or_else(|| json!({}), |schema| schema.written().clone())
        }
        FieldKind::List(schema) => match schema {
            Some(schema) => json!({"type": "array", "items": schema.written()}),
            None => json!({"type": "array"}),
        },
    }
}
