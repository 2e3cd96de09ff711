//! What a request says about a set, and what is stored afterwards (preferences.md sections 1 and 5).

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{CHANNEL_TYPES, COMMERCIAL, CONDITIONS, KEY_CHARS_MAX, SECTIONS, STRATEGY};
use crate::condition::ConditionGroup;
use crate::problem::Problems;

/// At the root of a request only; never stored (PF1.3).
const PERSISTENCE: &str = "__persistence_strategy__";

/// How a request meets what is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strategy {
    /// Objects recurse, everything else is replaced, null removes (S10).
    Merge,
    /// What is not said is cleared.
    Replace,
}

/// A part of a set with an endpoint of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// By channel type.
    ChannelTypes,
    /// By workflow key.
    Workflows,
    /// By category.
    Categories,
}

impl Section {
    /// The member of a set.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ChannelTypes => "channel_types",
            Self::Workflows => "workflows",
            Self::Categories => "categories",
        }
    }
}

/// A checked request.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A whole set; nulls are kept, for they remove.
    Set {
        /// The known members.
        body: Map<String, Value>,
        /// How it is written.
        strategy: Strategy,
    },
    /// One section replaced, the rest kept (S17).
    Section(Section, Map<String, Value>),
    /// One entry replaced, the rest kept.
    Entry(Section, String, Value),
}

impl Change {
    /// Reads a set request. Unknown members, an id and `__typename` are ignored: clients send back what they read.
    pub fn parse(value: &Value, otherwise: Strategy, field: &str, problems: &mut Problems) -> Option<Self> {
        let Value::Object(map) = value else {
            problems.add(field, "must be an object");
            return None;
        };
        let mut checking = Checking { problems, sound: true };
        let strategy = match map.get(PERSISTENCE) {
            None | Some(Value::Null) => otherwise,
            Some(Value::String(name)) if name == "merge" => Strategy::Merge,
            Some(Value::String(name)) if name == "replace" => Strategy::Replace,
            Some(_) => {
                checking.refuse(&join(field, PERSISTENCE), "must be merge or replace");
                otherwise
            }
        };
        if map.contains_key(STRATEGY) {
            checking.refuse(&join(field, STRATEGY), "must not be at the root of a set");
        }
        let mut body = Map::new();
        for name in SECTIONS {
            if let Some(value) = map.get(name) {
                body.insert(name.into(), checking.section(name, value, &join(field, name)));
            }
        }
        if let Some(value) = map.get(COMMERCIAL) {
            body.insert(COMMERCIAL.into(), checking.leaf(value, &join(field, COMMERCIAL)));
        }
        checking.sound.then_some(Self::Set { body, strategy })
    }

    /// The same change, written in this way whatever it asked for.
    pub fn with_strategy(self, strategy: Strategy) -> Self {
        match self {
            Self::Set { body, .. } => Self::Set { body, strategy },
            other => other,
        }
    }

    /// Reads the body of a section's endpoint.
    pub fn parse_section(
        section: Section,
        body: Map<String, Value>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut checking = Checking { problems, sound: true };
        let checked = checking.section(section.as_str(), &Value::Object(body), "");
        let Value::Object(entries) = pruned(&checked) else { return None };
        checking.sound.then_some(Self::Section(section, entries))
    }

    /// Reads the body of an entry's endpoint: `{"subscribed": …}` is a boolean, anything else the entry itself.
    pub fn parse_entry(
        section: Section,
        key: &str,
        body: Map<String, Value>,
        problems: &mut Problems,
    ) -> Option<Self> {
        let mut checking = Checking { problems, sound: true };
        if let Err(why) = canonical(section.as_str(), key) {
            checking.refuse(if section == Section::ChannelTypes { "type" } else { "key" }, why);
        }
        let value = match body.get("subscribed") {
            Some(value @ Value::Bool(_)) => value.clone(),
            Some(_) => {
                checking.refuse("subscribed", "must be true or false");
                Value::Null
            }
            None if section == Section::ChannelTypes => checking.leaf(&Value::Object(body), ""),
            None => checking.node(&Value::Object(body), ""),
        };
        checking.sound.then(|| Self::Entry(section, key.to_owned(), pruned(&value)))
    }

    /// The recipient's set afterwards. A replacement that does not mention the commercial flag keeps it (PF5.11): nobody
    /// who opted out is subscribed again by an oversight.
    pub fn apply(&self, stored: Option<&Map<String, Value>>) -> Map<String, Value> {
        let mut set = self.apply_to_default(stored);
        if let Self::Set { body, strategy: Strategy::Replace } = self
            && !body.contains_key(COMMERCIAL)
            && let Some(flag) = stored.and_then(|stored| stored.get(COMMERCIAL))
        {
            set.insert(COMMERCIAL.into(), flag.clone());
        }
        set
    }

    /// The default set of a tenant or an environment afterwards: replaced, it is exactly what was said.
    pub fn apply_to_default(&self, stored: Option<&Map<String, Value>>) -> Map<String, Value> {
        let mut set = stored.cloned().unwrap_or_default();
        match self {
            Self::Set { body, strategy } => {
                if *strategy == Strategy::Replace {
                    set.clear();
                }
                merge(&mut set, body);
            }
            Self::Section(section, entries) => {
                set.insert(section.as_str().into(), Value::Object(entries.clone()));
            }
            Self::Entry(section, key, value) => {
                let entries = set.entry(section.as_str()).or_insert_with(|| Value::Object(Map::new()));
                if let Value::Object(entries) = entries {
                    entries.insert(key.clone(), value.clone());
                }
            }
        }
        set
    }

    /// The request again, as far as it says something: what a tenant's properties carry to the merge.
    pub fn into_request(self) -> Value {
        let Self::Set { mut body, strategy } = self else { return Value::Null };
        let name = if strategy == Strategy::Merge { "merge" } else { "replace" };
        body.insert(PERSISTENCE.into(), name.into());
        Value::Object(body)
    }

    /// Reads what [`Change::into_request`] wrote, without checking it again.
    pub fn from_request(mut body: Map<String, Value>) -> Self {
        let strategy = match body.remove(PERSISTENCE) {
            Some(Value::String(name)) if name == "replace" => Strategy::Replace,
            _ => Strategy::Merge,
        };
        Self::Set { body, strategy }
    }
}

/// Writes `new` over `old`: objects recurse, null removes, everything else replaces.
fn merge(old: &mut Map<String, Value>, new: &Map<String, Value>) {
    for (key, value) in new {
        match (old.get_mut(key), value) {
            (_, Value::Null) => drop(old.remove(key)),
            (Some(Value::Object(inner)), Value::Object(more)) => merge(inner, more),
            (_, value) => drop(old.insert(key.clone(), pruned(value))),
        }
    }
}

/// The value without null members.
fn pruned(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let kept = map.iter().filter(|(_, value)| !value.is_null());
            Value::Object(kept.map(|(key, value)| (key.clone(), pruned(value))).collect())
        }
        // Conditions are values: an argument may be null.
        other => other.clone(),
    }
}

fn join(field: &str, member: &str) -> String {
    if field.is_empty() { member.to_owned() } else { format!("{field}.{member}") }
}

/// The key of an entry as it is stored, or why it cannot be one.
fn canonical(section: &str, key: &str) -> Result<String, &'static str> {
    match section {
        "channel_types" if CHANNEL_TYPES.contains(&key) => Ok(key.to_owned()),
        "channel_types" => Err("is not a channel type"),
        "channels" => Uuid::try_parse(key).map(|id| id.to_string()).map_err(|_| "is not a channel id"),
        _ if key.is_empty() => Err("can't be blank"),
        _ if key.contains('\0') => Err("must not contain a NUL character"),
        _ if key.chars().count() > KEY_CHARS_MAX => Err("should be at most 256 character(s)"),
        _ => Ok(key.to_owned()),
    }
}

/// A request being checked; what it returns holds the known members only.
struct Checking<'p> {
    problems: &'p mut Problems,
    sound: bool,
}

impl Checking<'_> {
    fn refuse(&mut self, field: &str, message: &str) {
        self.problems.add(field, message);
        self.sound = false;
    }

    fn section(&mut self, name: &str, value: &Value, field: &str) -> Value {
        let map = match value {
            Value::Null => return Value::Null,
            Value::Object(map) => map,
            _ => {
                self.refuse(field, "must be an object");
                return Value::Null;
            }
        };
        let is_leaf = matches!(name, "channel_types" | "channels");
        let mut entries = Map::new();
        for (key, value) in map {
            let field = join(field, key);
            if key == STRATEGY {
                self.strategy(value, &field, &mut entries);
                continue;
            }
            match canonical(name, key) {
                Ok(key) if is_leaf => drop(entries.insert(key, self.leaf(value, &field))),
                Ok(key) => drop(entries.insert(key, self.node(value, &field))),
                Err(why) => self.refuse(&field, why),
            }
        }
        Value::Object(entries)
    }

    fn leaf(&mut self, value: &Value, field: &str) -> Value {
        let map = match value {
            Value::Null | Value::Bool(_) => return value.clone(),
            Value::Object(map) => map,
            _ => {
                self.refuse(field, "must be a boolean or an object with conditions");
                return Value::Null;
            }
        };
        let mut leaf = Map::new();
        self.marker(map, field, &mut leaf);
        let member = join(field, CONDITIONS);
        match map.get(CONDITIONS) {
            None | Some(Value::Null) => self.refuse(&member, "can't be blank"),
            Some(list) => drop(leaf.insert(CONDITIONS.into(), self.conditions(list, &member))),
        }
        Value::Object(leaf)
    }

    fn node(&mut self, value: &Value, field: &str) -> Value {
        let map = match value {
            Value::Null | Value::Bool(_) => return value.clone(),
            Value::Object(map) => map,
            _ => {
                self.refuse(field, "must be a boolean or an object");
                return Value::Null;
            }
        };
        let mut node = Map::new();
        self.marker(map, field, &mut node);
        for name in ["channel_types", "channels"] {
            if let Some(section) = map.get(name) {
                node.insert(name.into(), self.section(name, section, &join(field, name)));
            }
        }
        if let Some(list) = map.get(CONDITIONS) {
            node.insert(CONDITIONS.into(), self.conditions(list, &join(field, CONDITIONS)));
        }
        Value::Object(node)
    }

    fn marker(&mut self, map: &Map<String, Value>, field: &str, into: &mut Map<String, Value>) {
        if let Some(value) = map.get(STRATEGY) {
            self.strategy(value, &join(field, STRATEGY), into);
        }
    }

    fn strategy(&mut self, value: &Value, field: &str, into: &mut Map<String, Value>) {
        match value {
            Value::Null => {}
            Value::String(name) if name == "merge" || name == "replace" => {
                into.insert(STRATEGY.into(), value.clone());
            }
            _ => self.refuse(field, "must be merge or replace"),
        }
    }

    /// A flat list that reads no step: message status is unavailable to preferences (corner 17).
    fn conditions(&mut self, list: &Value, field: &str) -> Value {
        if !matches!(list, Value::Null | Value::Array(_)) {
            self.refuse(field, "must be a list");
            return Value::Null;
        }
        let mut found = Problems::default();
        ConditionGroup::parse_all_of(list, field, &mut found);
        if let Err(found) = found.into_result(()) {
            self.problems.extend(found);
            self.sound = false;
        }
        list.clone()
    }
}
