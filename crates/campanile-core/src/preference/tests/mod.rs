mod changes;
mod decisions;
mod layers;
mod properties;

use serde_json::{Map, Value};

/// The members of an object.
pub(super) fn map(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        other => panic!("{other} is no object"),
    }
}
