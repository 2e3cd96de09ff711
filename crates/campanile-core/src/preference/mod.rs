//! Preferences: who wants what over which channel (preferences.md sections 1 to 6 and 9).
//!
//! A set is kept as the JSON that the wire has. [`Change`] checks what a request says and merges it into a stored set;
//! [`resolve`] merges layers for readers; [`Sources::decide`] asks the layers at a channel step without merging them.

mod change;
mod decide;
mod resolve;
#[cfg(test)]
mod tests;

pub use change::{Change, Section, Strategy};
pub use decide::{Asked, Decision, Layer, Opinion, Sources};
pub use resolve::{resolve, view, with_implicit};

use std::collections::HashMap;

use serde_json::{Map, Value};

use crate::condition::ConditionGroup;
use crate::problem::Problems;

/// Id of the set that applies without a tenant.
pub const DEFAULT: &str = "default";
/// Largest set, as compact JSON.
pub const SET_BYTES_MAX: usize = 64 * 1024;
/// Sets of one recipient at the most.
pub const SETS_MAX: usize = 1_000;
/// Longest set id, workflow key or category, in characters.
pub const KEY_CHARS_MAX: usize = 256;

/// Channel types that preferences speak of (section 1).
pub const CHANNEL_TYPES: [&str; 6] = ["email", "in_app_feed", "sms", "push", "chat", "http"];
/// The parts of a set that decide about channels (S2).
const SECTIONS: [&str; 4] = ["channel_types", "channels", "workflows", "categories"];
const COMMERCIAL: &str = "commercial_subscribed";
const CONDITIONS: &str = "conditions";
/// Stored and returned; settles who wins when layers merge (PF3.1).
const STRATEGY: &str = "__strategy__";
/// Between the parts of a place inside a set; no key holds one.
const SEPARATOR: char = '\0';

/// Why a text cannot be a set id, or `None` when it can. Ids are free texts (corner 16).
pub fn set_id_problem(id: &str) -> Option<&'static str> {
    if id.trim().is_empty() {
        Some("can't be blank")
    } else if id.chars().count() > KEY_CHARS_MAX {
        Some("should be at most 256 character(s)")
    } else if id.chars().any(char::is_control) {
        Some("must not contain control characters")
    } else {
        None
    }
}

/// True for the names of a set's parts, which cannot be set ids inline: the caller forgot the id (S11).
pub fn is_section(name: &str) -> bool {
    SECTIONS.contains(&name) || name == COMMERCIAL
}

/// A stored set, ready to be asked.
#[derive(Debug, Default)]
pub struct PreferenceSet {
    json: Map<String, Value>,
    /// Conditions by their place; what is missing is compiled when it is asked.
    compiled: HashMap<String, ConditionGroup>,
}

impl PreferenceSet {
    /// A set of one recipient: its conditions are compiled when a step asks them.
    pub fn new(json: Map<String, Value>) -> Self {
        Self { json, compiled: HashMap::new() }
    }

    /// A set that many recipients share: its conditions are compiled at once.
    pub fn shared(json: Map<String, Value>) -> Self {
        let mut compiled = HashMap::new();
        for (key, value) in &json {
            compile(value, key.clone(), &mut compiled);
        }
        Self { json, compiled }
    }

    /// Reads a stored text; one that cannot be read holds no opinion.
    pub fn from_text(text: &str) -> Self {
        Self::new(serde_json::from_str(text).unwrap_or_default())
    }

    /// As stored.
    pub fn json(&self) -> &Map<String, Value> {
        &self.json
    }

    /// True when some condition may look at the run. Sets made by [`PreferenceSet::shared`] know.
    pub fn has_conditions(&self) -> bool {
        !self.compiled.is_empty()
    }

    /// Whether the set counts as a layer (S2): a section is set, if only to an empty map.
    fn exists(&self) -> bool {
        SECTIONS.iter().any(|name| self.json.get(*name).is_some_and(|section| !section.is_null()))
    }

    /// The conditions at a place, asked of this set's compiled ones first.
    fn with_conditions<T>(
        &self,
        place: &str,
        list: &Value,
        ask: impl FnOnce(Option<&ConditionGroup>) -> T,
    ) -> T {
        match self.compiled.get(place) {
            Some(group) => ask(Some(group)),
            None => ask(compiled_list(list).as_ref()),
        }
    }
}

fn compiled_list(list: &Value) -> Option<ConditionGroup> {
    ConditionGroup::parse_all_of(list, "", &mut Problems::default())
}

/// Collects the conditions of a value by place.
fn compile(value: &Value, place: String, compiled: &mut HashMap<String, ConditionGroup>) {
    let Value::Object(map) = value else { return };
    for (key, value) in map {
        if key == CONDITIONS && value.is_array() {
            if let Some(group) = compiled_list(value) {
                compiled.insert(place.clone(), group);
            }
        } else {
            compile(value, format!("{place}{SEPARATOR}{key}"), compiled);
        }
    }
}
