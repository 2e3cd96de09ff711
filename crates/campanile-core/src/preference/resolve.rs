//! Merging layers into one set, for those who read sets (preferences.md section 3).

use serde_json::{Map, Value, json};

use super::{CHANNEL_TYPES, COMMERCIAL, SECTIONS, STRATEGY};

/// What two layers say together (PF3.1): the higher one wins, objects unite, and a lower object that is marked
/// `replace` stands as it is. Lists of conditions are values.
pub fn resolve(high: Option<&Value>, low: Option<&Value>) -> Value {
    match (high.unwrap_or(&Value::Null), low.unwrap_or(&Value::Null)) {
        (_, Value::Object(low)) if is_replacing(low) => Value::Object(low.clone()),
        (Value::Null, low) => low.clone(),
        (Value::Object(high), Value::Object(low)) => Value::Object(united(high, low)),
        (high, _) => high.clone(),
    }
}

fn united(high: &Map<String, Value>, low: &Map<String, Value>) -> Map<String, Value> {
    let keys = high.keys().chain(low.keys().filter(|key| !high.contains_key(*key)));
    keys.map(|key| (key.clone(), resolve(high.get(key), low.get(key))))
        .filter(|(key, value)| !(key == STRATEGY && value == "merge"))
        .collect()
}

/// True when a lower layer insists on this object.
pub(super) fn is_replacing(map: &Map<String, Value>) -> bool {
    map.get(STRATEGY).is_some_and(|strategy| strategy == "replace")
}

/// A set as the API answers it: all six members, null where unset (PF1.1).
pub fn view(id: &str, set: &Map<String, Value>) -> Value {
    let mut view: Map<String, Value> = SECTIONS
        .iter()
        .chain([&COMMERCIAL])
        .map(|name| ((*name).to_owned(), set.get(*name).cloned().unwrap_or_default()))
        .collect();
    view.insert("id".into(), id.into());
    Value::Object(view)
}

/// A resolved set above the implicit one in which every channel type is true (PF2.4): what a person sees who asks why.
pub fn with_implicit(set: &Value) -> Value {
    let types: Map<String, Value> =
        CHANNEL_TYPES.iter().map(|name| ((*name).to_owned(), Value::Bool(true))).collect();
    resolve(Some(set), Some(&json!({"channel_types": types})))
}
