//! People who are only named: `"user_1"` or `{"collection": "projects", "id": "p1"}`, in bodies and in queries.

use campanile_core::problem::Problems;
use campanile_core::recipient::{RecipientRef, collection_problem, id_problem};
use serde_json::Value;

use crate::query::Query;

/// A reference in a body; whatever else a map says is not read.
pub(super) fn in_body(value: &Value, field: &str, problems: &mut Problems) -> Option<RecipientRef> {
    let text = |name: &str, problems: &mut Problems| {
        let problem = match value.get(name) {
            Some(Value::String(text)) => return Some(text.clone()),
            None | Some(Value::Null) => "can't be blank",
            Some(_) => "must be a string",
        };
        problems.add(format!("{field}.{name}"), problem);
        None
    };
    let (id, id_field, collection) = match value {
        Value::String(id) => (Some(id.clone()), field.to_owned(), None),
        Value::Object(map) => {
            let collection = map.contains_key("collection").then(|| text("collection", problems));
            (text("id", problems), format!("{field}.id"), collection)
        }
        Value::Null => {
            problems.add(field, "can't be blank");
            return None;
        }
        _ => {
            problems.add(field, "must be a user id or an object");
            return None;
        }
    };
    let mut check = |field: String, problem: Option<&'static str>| {
        if let Some(problem) = problem {
            problems.add(field, problem);
        }
    };
    let collection = match collection {
        None => None,
        Some(collection) => {
            let collection = collection?;
            check(format!("{field}.collection"), collection_problem(&collection));
            Some(collection)
        }
    };
    let id = id?;
    check(id_field, id_problem(&id));
    Some(match collection {
        None => RecipientRef::user(id),
        Some(collection) => RecipientRef::object(collection, id),
    })
}

/// References in a query: `name[]=u1`, `name[0][collection]=c&name[0][id]=i`, or a reference as JSON text. `None` when
/// the query names nobody.
pub(super) fn in_query(query: &mut Query, name: &str) -> Option<Vec<RecipientRef>> {
    let mut problems = Problems::default();
    let mut found: Vec<Option<RecipientRef>> = Vec::new();
    for text in query.list(name) {
        let value = match serde_json::from_str(text) {
            Ok(map @ Value::Object(_)) => map,
            _ => Value::String(text.to_owned()),
        };
        found.push(in_body(&value, name, &mut problems));
    }
    // The members of one reference stand together, so the n-th collection belongs to the n-th id.
    let collections = query.list(&format!("{name}.collection"));
    let ids = query.list(&format!("{name}.id"));
    if collections.len() > ids.len() {
        problems.add(format!("{name}.id"), "can't be blank");
    } else if ids.len() > collections.len() && !collections.is_empty() {
        problems.add(format!("{name}.collection"), "can't be blank");
    } else {
        for (n, id) in ids.iter().enumerate() {
            let value = match collections.get(n) {
                Some(collection) => serde_json::json!({"collection": collection, "id": id}),
                None => serde_json::json!({"id": id}),
            };
            found.push(in_body(&value, name, &mut problems));
        }
    }
    if let Err(refused) = problems.into_result(()) {
        query.problems.extend(refused);
    }
    (!found.is_empty()).then(|| found.into_iter().flatten().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_bodies() {
        for (value, want) in [
            (json!("u1"), Ok("u1")),
            (json!({"id": "u1"}), Ok("u1")),
            (json!({"collection": "projects", "id": "p1"}), Ok("projects/p1")),
            (json!({"collection": "projects"}), Err("actor.id")),
            (json!({"collection": 7, "id": "p1"}), Err("actor.collection")),
            (json!("a/b"), Err("actor")),
            (json!({"id": ""}), Err("actor.id")),
            (json!(7), Err("actor")),
            (json!(null), Err("actor")),
        ] {
            let mut problems = Problems::default();
            let found = in_body(&value, "actor", &mut problems).map(|one| one.key());
            let refused = problems.into_result(()).err().map(|list| list[0].field.clone());
            assert_eq!(refused.as_deref(), want.err(), "{value}");
            if let Ok(want) = want {
                assert_eq!(found.as_deref(), Some(want), "{value}");
            }
        }
    }

    #[test]
    fn reads_queries() {
        for (raw, want) in [
            ("", Some(None)),
            ("r[]=u1&r[]=u2", Some(Some(vec!["u1", "u2"]))),
            ("r=u1", Some(Some(vec!["u1"]))),
            ("r[0][collection]=c&r[0][id]=i&r[1][id]=j&r[1][collection]=d", Some(Some(vec!["c/i", "d/j"]))),
            ("r[collection]=c&r[id]=i", Some(Some(vec!["c/i"]))),
            ("r[]=%7B%22collection%22%3A%22c%22%2C%22id%22%3A%22i%22%7D", Some(Some(vec!["c/i"]))),
            ("r[id]=u1", Some(Some(vec!["u1"]))),
            ("r[collection]=c", None),
            ("r[]=a%2Fb", None),
        ] {
            let mut query = Query::parse(raw);
            let found = in_query(&mut query, "r");
            let found =
                query.finish().ok().map(|()| found.map(|list| list.iter().map(RecipientRef::key).collect()));
            let want =
                want.map(|list| list.map(|list| list.into_iter().map(str::to_owned).collect::<Vec<_>>()));
            assert_eq!(found, want, "{raw}");
        }
    }
}
