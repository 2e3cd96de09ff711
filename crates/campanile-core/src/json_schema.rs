//! JSON Schemas that customers write, behind one door: compiled once, asked for every problem at once. References to
//! other documents are refused, so nothing is ever fetched.

use serde_json::Value;

/// Problems reported of one value at the most.
const PROBLEMS_MAX: usize = 50;

/// A compiled schema.
pub struct JsonSchema {
    validator: jsonschema::Validator,
    written: Value,
}

impl JsonSchema {
    /// Compiles a schema, or says why it is none.
    pub fn compile(schema: &Value) -> Result<Self, String> {
        if !schema.is_object() {
            return Err("must be an object".into());
        }
        jsonschema::options()
            .build(schema)
            .map(|validator| Self { validator, written: schema.clone() })
            .map_err(|error| format!("is not a valid JSON Schema: {error}"))
    }

    /// As its author wrote it.
    pub fn written(&self) -> &Value {
        &self.written
    }

    /// What is wrong with a value: the place inside it (`.a[0]`, empty for the value itself) and why.
    pub fn problems(&self, value: &Value) -> Vec<(String, String)> {
        let errors = self.validator.iter_errors(value).take(PROBLEMS_MAX);
        errors.map(|error| (place(error.instance_path().as_str()), error.to_string())).collect()
    }
}

impl std::fmt::Debug for JsonSchema {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JsonSchema")
    }
}

/// A JSON pointer in the notation of problems: dots and brackets.
fn place(pointer: &str) -> String {
    pointer.split('/').skip(1).fold(String::new(), |mut place, part| {
        let part = part.replace("~1", "/").replace("~0", "~");
        if part.bytes().all(|byte| byte.is_ascii_digit()) {
            place.push_str(&format!("[{part}]"));
        } else {
            place.push_str(&format!(".{part}"));
        }
        place
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn names_every_place() {
        let schema = json!({"type": "object", "required": ["a"], "properties": {
            "a": {"type": "array", "items": {"type": "integer"}}, "b/c": {"type": "string"}}});
        let schema = JsonSchema::compile(&schema).unwrap();
        for (value, want) in [
            (json!({"a": [1]}), vec![]),
            (json!({"a": [1, "x"], "b/c": 7}), vec![".a[1]", ".b/c"]),
            (json!({}), vec![""]),
            (json!(7), vec![""]),
        ] {
            let mut places: Vec<_> = schema.problems(&value).into_iter().map(|(place, _)| place).collect();
            places.sort();
            assert_eq!(places, want, "{value}");
        }
    }

    #[test]
    fn refuses_what_is_no_schema() {
        for schema in [
            json!([]),
            json!({"type": "dog"}),
            json!({"$ref": "https://x.test/schema.json"}),
            json!({"$ref": "file:///etc/passwd"}),
        ] {
            assert!(JsonSchema::compile(&schema).is_err(), "{schema}");
        }
    }
}
