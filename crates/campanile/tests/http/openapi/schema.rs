//! What a value lacks of its schema: types, required members, enumerations; the rest of JSON Schema is not asked for.

use serde_json::Value;

/// Everything that does not fit, by place.
pub fn problems(value: &Value, schema: &Value, document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    Check { document }.check(value, schema, "$", &mut found);
    found
}

struct Check<'d> {
    document: &'d Value,
}

impl Check<'_> {
    fn check(&self, value: &Value, schema: &Value, place: &str, found: &mut Vec<String>) {
        if let Some(name) = schema["$ref"].as_str() {
            let pointer = name.trim_start_matches('#');
            let target = self.document.pointer(pointer).unwrap_or_else(|| panic!("{name} leads nowhere"));
            return self.check(value, target, place, found);
        }
        if value.is_null() && schema["nullable"] == true {
            return;
        }
        for part in schema["allOf"].as_array().into_iter().flatten() {
            self.check(value, part, place, found);
        }
        for name in ["anyOf", "oneOf"] {
            let Some(parts) = schema[name].as_array() else { continue };
            let tried: Vec<Vec<String>> = parts
                .iter()
                .map(|part| {
                    let mut found = Vec::new();
                    self.check(value, part, place, &mut found);
                    found
                })
                .collect();
            if tried.iter().all(|found| !found.is_empty()) {
                found.push(format!("{place} is none of {name}: {tried:?}"));
            }
        }
        if let Some(allowed) = schema["enum"].as_array()
            && !allowed.contains(value)
        {
            found.push(format!("{place} is {value}, not one of {allowed:?}"));
        }
        let fits = match schema["type"].as_str() {
            Some("string") => value.is_string(),
            Some("integer") => value.is_i64() || value.is_u64(),
            Some("number") => value.is_number(),
            Some("boolean") => value.is_boolean(),
            Some("array") => value.is_array(),
            Some("object") => value.is_object(),
            _ => true,
        };
        if !fits {
            found.push(format!("{place} is {value}, not of type {}", schema["type"]));
            return;
        }
        for (n, item) in value.as_array().into_iter().flatten().enumerate() {
            self.check(item, &schema["items"], &format!("{place}[{n}]"), found);
        }
        let Some(members) = value.as_object() else { return };
        for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !members.contains_key(name) {
                found.push(format!("{place} lacks {name}"));
            }
        }
        for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
            if let Some(member) = members.get(name) {
                self.check(member, schema, &format!("{place}.{name}"), found);
            }
        }
    }
}
