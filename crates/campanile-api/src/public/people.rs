//! Recipients and actors as whole entities, read once per page.

use std::collections::{HashMap, HashSet};

use campanile_core::ids::EnvId;
use campanile_core::recipient::RecipientRef;
use campanile_core::time::Timestamp;
use campanile_engine::identify::wire_recipient;
use serde_json::{Value, json};

use crate::app::App;
use crate::error::ApiResult;

/// Entities by key.
#[derive(Default)]
pub(super) struct People {
    known: HashMap<String, Value>,
}

impl People {
    /// Reads all of them at once.
    pub(super) async fn of(app: &App, env: EnvId, keys: HashSet<String>) -> ApiResult<Self> {
        if keys.is_empty() {
            return Ok(Self::default());
        }
        let rows = app.store().recipients(env, keys.into_iter().collect()).await?;
        Ok(Self { known: rows.iter().map(|row| (row.reference.key(), wire_recipient(row))).collect() })
    }

    /// One of them. Who was deleted or never identified shows as missing (S23), last seen at `at`.
    pub(super) fn get(&self, key: &str, at: Timestamp) -> Value {
        self.known.get(key).cloned().unwrap_or_else(|| missing(&RecipientRef::from_key(key), at))
    }
}

fn missing(reference: &RecipientRef, at: Timestamp) -> Value {
    if reference.is_user() {
        return json!({
            "__typename": "User", "id": reference.id, "name": null, "email": null, "avatar": null,
            "phone_number": null, "timezone": null, "created_at": null, "updated_at": at, "missing": true,
        });
    }
    json!({
        "__typename": "Object", "id": reference.id, "collection": reference.collection, "properties": {},
        "created_at": null, "updated_at": at, "missing": true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_people_are_marked() {
        let people = People::default();
        let user = people.get("u1", Timestamp(0));
        assert_eq!(
            (&user["id"], &user["missing"], &user["name"]),
            (&json!("u1"), &json!(true), &Value::Null)
        );
        let object = people.get("projects/p1", Timestamp(0));
        assert_eq!((&object["id"], &object["collection"]), (&json!("p1"), &json!("projects")));
    }
}
