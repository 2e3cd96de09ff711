//! From the objects among a trigger's recipients to everybody who subscribes to them, two levels down (workflows.md
//! section 3.5).
//!
//! Few subscribers are found with one read a level and expanded with the trigger itself. Many are walked along in
//! pieces by the job that expands the run: see [`walk`].

mod stored;
mod walk;

use std::collections::{HashMap, HashSet};

use campanile_core::ids::EnvId;
use campanile_store::{RecipientRow, StoreError, SubscriptionRow};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::engine::Engine;
use crate::expand::Pending;
use crate::identify::scope_value;

/// How deep subscriptions are followed (workflows.md R3.11).
const LEVELS: u8 = 2;

/// The subscription through which a recipient was reached: a snapshot from the start of its run (S12).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Via {
    /// Key of the object.
    #[serde(rename = "o")]
    pub(crate) object: String,
    /// JSON object, if any was given; read only for programs that look at it.
    #[serde(rename = "p", default, skip_serializing_if = "Option::is_none")]
    pub(crate) properties: Option<String>,
}

/// Objects as `recipient.subscription.object` shows them, by key: read and parsed once for all their subscribers.
#[derive(Debug, Default)]
pub(crate) struct Parents(HashMap<String, Value>);

impl Parents {
    /// The objects through which `reached` were reached, as far as they are among `rows`.
    pub(crate) fn of<'v>(
        reached: impl Iterator<Item = &'v Via>,
        rows: &HashMap<String, RecipientRow>,
    ) -> Self {
        let mut parents = HashMap::new();
        for via in reached {
            if !parents.contains_key(&via.object)
                && let Some(row) = rows.get(&via.object)
            {
                parents.insert(via.object.clone(), scope_value(row));
            }
        }
        Self(parents)
    }

    /// `recipient.subscription`: the properties, and the object beside them (R3.14). The object is nil when it was
    /// deleted meanwhile.
    pub(crate) fn subscription(&self, via: &Via) -> Value {
        let properties = via.properties.as_deref().and_then(|text| serde_json::from_str(text).ok());
        let mut subscription: Map<String, Value> = properties.unwrap_or_default();
        subscription.insert("object".into(), self.0.get(&via.object).cloned().unwrap_or_default());
        Value::Object(subscription)
    }
}

/// True for the key of an object: only objects have subscribers.
pub(crate) fn is_object(key: &str) -> bool {
    key.contains('/')
}

impl Engine {
    /// The subscribers of the objects among `pending`, or `None` when they might be more than `room`. Costs nothing
    /// when all are users.
    pub(crate) async fn few_subscribers(
        &self,
        env: EnvId,
        pending: &[Pending],
        actor: Option<&str>,
        room: usize,
    ) -> Result<Option<Vec<Pending>>, StoreError> {
        let mut objects: Vec<String> =
            pending.iter().filter(|p| is_object(&p.recipient)).map(|p| p.recipient.clone()).collect();
        let mut seen: HashSet<String> = HashSet::new();
        if !objects.is_empty() {
            seen.extend(pending.iter().map(|p| p.recipient.clone()));
        }
        let mut found = Vec::new();
        for _ in 0..LEVELS {
            if objects.is_empty() {
                break;
            }
            let rows = self.store().some_subscriptions(env, objects.clone(), room + 1).await?;
            if rows.len() > room {
                return Ok(None);
            }
            objects = reach(&objects, rows, actor, &mut seen, &mut found);
        }
        Ok((found.len() <= room).then_some(found))
    }
}

/// Adds those of one level who were not seen yet, in the order of their objects and, within one, of their
/// subscriptions (S7); answers the objects among them. The actor is left out but followed (R3.13).
fn reach(
    objects: &[String],
    mut rows: Vec<SubscriptionRow>,
    actor: Option<&str>,
    seen: &mut HashSet<String>,
    found: &mut Vec<Pending>,
) -> Vec<String> {
    let places: HashMap<&str, usize> = objects.iter().enumerate().map(|(n, key)| (key.as_str(), n)).collect();
    let place = |row: &SubscriptionRow| places.get(row.object.as_str()).copied();
    rows.sort_by(|a, b| {
        (place(a), a.inserted_at, &a.recipient).cmp(&(place(b), b.inserted_at, &b.recipient))
    });
    let mut next = Vec::new();
    for row in rows {
        if !seen.insert(row.recipient.clone()) {
            continue;
        }
        if is_object(&row.recipient) {
            next.push(row.recipient.clone());
        }
        if actor != Some(row.recipient.as_str()) {
            let via = Via { object: row.object, properties: row.properties };
            found.push(Pending { recipient: row.recipient, via: Some(via), ..Pending::default() });
        }
    }
    next
}

#[cfg(test)]
mod tests {
    use campanile_core::time::Timestamp;
    use serde_json::json;

    use super::*;

    fn row(object: &str, recipient: &str, at: i64) -> SubscriptionRow {
        SubscriptionRow {
            object: object.into(),
            recipient: recipient.into(),
            properties: None,
            inserted_at: Timestamp(at),
            updated_at: Timestamp(at),
        }
    }

    #[test]
    fn a_level_is_reached_in_order_and_once() {
        let objects = ["o/2".to_owned(), "o/1".to_owned()];
        let rows = vec![
            row("o/1", "both", 1),
            row("o/1", "t/1", 2),
            row("o/2", "late", 9),
            row("o/2", "both", 8),
            row("o/2", "ann", 9),
            row("o/1", "t/actor", 3),
            row("o/1", "direct", 3),
        ];
        let (mut seen, mut found) = (HashSet::from(["direct".to_owned()]), Vec::new());
        let next = reach(&objects, rows, Some("t/actor"), &mut seen, &mut found);
        let found: Vec<_> =
            found.iter().map(|p| (p.recipient.as_str(), p.via.as_ref().unwrap().object.as_str())).collect();
        assert_eq!(found, [("both", "o/2"), ("ann", "o/2"), ("late", "o/2"), ("t/1", "o/1")]);
        assert_eq!(next, ["t/1", "t/actor"]);
    }

    #[test]
    fn a_subscription_shows_its_properties_and_its_object() {
        let mut parents = Parents::default();
        parents.0.insert("o/1".into(), json!({"id": "1", "name": "One"}));
        let via = |object: &str, text: Option<&str>| Via {
            object: object.into(),
            properties: text.map(Into::into),
        };
        for (via, want) in [
            (
                via("o/1", Some(r#"{"role":"member","object":1}"#)),
                json!({"role": "member", "object": {"id": "1", "name": "One"}}),
            ),
            (via("o/1", None), json!({"object": {"id": "1", "name": "One"}})),
            (via("o/gone", Some(r#"{"a":1}"#)), json!({"a": 1, "object": null})),
        ] {
            assert_eq!(parents.subscription(&via), want);
        }
    }
}
