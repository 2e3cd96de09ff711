//! Stored data that templates ask for (templates.md 2.8): whoever renders, everything missing is read with one query
//! per kind, and the render is done again.

use std::collections::{BTreeSet, HashMap};

use campanile_core::ids::EnvId;
use campanile_core::recipient::{RecipientRef, TENANTS, USERS};
use campanile_store::{RecipientRow, StoreError};
use campanile_template::{LOADS_MAX, Load, Loaded, Notes};
use serde_json::{Value, json};

use crate::engine::Engine;
use crate::identify::scope_value;

/// Rounds of rendering and loading: each finds at least one thing, and a render may ask for no more than
/// [`LOADS_MAX`].
pub(crate) const ROUNDS_MAX: usize = LOADS_MAX + 1;
/// Subscriptions of one user that a template sees.
const SUBSCRIPTIONS_MAX: i64 = 25;
/// Longest id that is looked for, in bytes: nothing is stored under a longer one.
const ID_BYTES_MAX: usize = 1_024;

impl Engine {
    /// Renders until nothing is missing. `render` is called again with more data; only its last answer counts.
    pub async fn with_stored_data<T: Send>(
        &self,
        env: EnvId,
        mut render: impl FnMut(&Loaded, &Notes) -> T + Send,
    ) -> Result<T, StoreError> {
        let (mut loaded, notes) = (Loaded::default(), Notes::default());
        for _ in 1..ROUNDS_MAX {
            let done = render(&loaded, &notes);
            let missing = notes.take_missing();
            if missing.is_empty() {
                return Ok(done);
            }
            drop(done);
            notes.take_warnings();
            self.load(env, missing, &mut loaded).await?;
        }
        Ok(render(&loaded, &notes))
    }

    /// Reads what is missing. What does not exist is noted as such (T2.20).
    pub(crate) async fn load(
        &self,
        env: EnvId,
        missing: BTreeSet<Load>,
        loaded: &mut Loaded,
    ) -> Result<(), StoreError> {
        let mut entities = HashMap::new();
        let mut subscribers = Vec::new();
        for load in missing {
            match key_of(&load) {
                None => loaded.insert(load, Value::Null),
                Some(key) if matches!(load, Load::Subscriptions(_)) => subscribers.push(key),
                Some(key) => drop(entities.insert(key, load)),
            }
        }
        if !entities.is_empty() {
            let rows = self.store().recipients(env, entities.keys().cloned().collect()).await?;
            let mut found: HashMap<String, RecipientRow> =
                rows.into_iter().map(|row| (row.reference.key(), row)).collect();
            for (key, load) in entities {
                let answer = found.remove(&key).map_or(Value::Null, |row| entity(&row));
                loaded.insert(load, answer);
            }
        }
        if !subscribers.is_empty() {
            self.load_subscriptions(env, subscribers, loaded).await?;
        }
        Ok(())
    }

    async fn load_subscriptions(
        &self,
        env: EnvId,
        users: Vec<String>,
        loaded: &mut Loaded,
    ) -> Result<(), StoreError> {
        let rows = self.store().newest_subscriptions(env, users.clone(), SUBSCRIPTIONS_MAX).await?;
        let keys: BTreeSet<String> = rows.iter().map(|row| row.object.clone()).collect();
        let objects = match keys.is_empty() {
            true => Vec::new(),
            false => self.store().recipients(env, keys.into_iter().collect()).await?,
        };
        let objects: HashMap<String, Value> =
            objects.iter().map(|row| (row.reference.key(), entity(row))).collect();
        let mut lists: HashMap<String, Vec<Value>> = HashMap::new();
        for row in rows {
            let properties = row.properties.as_deref().and_then(|text| serde_json::from_str(text).ok());
            let properties = properties.unwrap_or_else(|| json!({}));
            let Some(object) = objects.get(&row.object) else { continue };
            lists.entry(row.recipient).or_default().push(json!({"object": object, "properties": properties}));
        }
        for user in users {
            let list = lists.remove(&user).unwrap_or_default();
            loaded.insert(Load::Subscriptions(user), Value::Array(list));
        }
        Ok(())
    }
}

/// The key under which it would be stored; `None` for what cannot be a key.
fn key_of(load: &Load) -> Option<String> {
    let reference = match load {
        Load::User(id) | Load::Subscriptions(id) => RecipientRef::user(id),
        Load::Tenant(id) => RecipientRef::object(TENANTS, id),
        Load::Object { collection, id } => RecipientRef::object(collection, id),
    };
    let is_key = |part: &str| !part.is_empty() && part.len() <= ID_BYTES_MAX && !part.contains(['/', '\0']);
    let is_other = matches!(load, Load::Object { collection, .. } if collection == USERS);
    (is_key(&reference.id) && is_key(&reference.collection) && !is_other).then(|| reference.key())
}

/// What a template sees of a recipient: flat, without preferences (T2.21).
fn entity(row: &RecipientRow) -> Value {
    let mut value = scope_value(row);
    if let Value::Object(members) = &mut value {
        members.remove("__typename");
        if row.reference.collection == TENANTS {
            members.remove("collection");
            if let Some(Value::Object(settings)) = members.get_mut("settings") {
                settings.remove("preferences");
                settings.remove("preference_set");
            }
        }
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_a_key_is_not_looked_for() {
        let object =
            |collection: &str, id: &str| Load::Object { collection: collection.into(), id: id.into() };
        for (load, want) in [
            (Load::User("ann".into()), Some("ann")),
            (Load::User("projects/p1".into()), None),
            (Load::User("a\0".into()), None),
            (Load::User("x".repeat(ID_BYTES_MAX + 1)), None),
            (Load::Subscriptions("ann".into()), Some("ann")),
            (Load::Tenant("acme".into()), Some("$tenants/acme")),
            (object("projects", "p1"), Some("projects/p1")),
            (object("projects", "p/1"), None),
            (object("", "p1"), None),
            (object("$users", "ann"), None),
        ] {
            assert_eq!(key_of(&load).as_deref(), want, "{load:?}");
        }
    }
}
