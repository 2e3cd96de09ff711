//! Query parameters that message lists and feeds share (in-app.md sections 4 and 9).

use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;
use campanile_store::{Cursor, Direction, PageRequest, ResourceKind};
use serde_json::{Map, Value};

use super::sources;
use crate::app::App;
use crate::error::ApiResult;
use crate::query::Query;

/// Workflows read at a time.
const WORKFLOWS_PER_READ: usize = 200;

/// `trigger_data`: a flat JSON object as text; all its pairs must be present (api-conventions.md section 12).
pub(super) fn trigger_data(query: &mut Query) -> Map<String, Value> {
    let Some(text) = query.text("trigger_data") else { return Map::new() };
    match serde_json::from_str(text) {
        Ok(Value::Object(map)) if map.values().any(|value| value.is_object() || value.is_array()) => {
            query.problems.add("trigger_data", "must not hold nested values");
        }
        Ok(Value::Object(map)) => return map.into_iter().map(without_nul).collect(),
        _ => query.problems.add("trigger_data", "must be a JSON object"),
    }
    Map::new()
}

/// NUL characters are not kept of the data either, since JSONB has none.
pub(super) fn without_nul((key, value): (String, Value)) -> (String, Value) {
    let value = match value {
        Value::String(text) => text.replace('\0', "").into(),
        other => other,
    };
    (key.replace('\0', ""), value)
}

/// `inserted_at.*` as a half-open range: instants are microseconds, so a bound moves by one.
pub(crate) fn inserted_at(query: &mut Query) -> (Option<Timestamp>, Option<Timestamp>) {
    let next = |at: Timestamp| Timestamp(at.0.saturating_add(1));
    let after = query.datetime("inserted_at.gt").map(next);
    let from = query.datetime("inserted_at.gte");
    let before = query.datetime("inserted_at.lt");
    let until = query.datetime("inserted_at.lte").map(next);
    (after.max(from), before.into_iter().chain(until).min())
}

/// Keys of the committed workflows that have one of the categories; `None` when the filter was not given.
pub(super) async fn workflows_of_categories(
    app: &App,
    env: EnvId,
    wanted: &[String],
) -> ApiResult<Option<Vec<String>>> {
    if wanted.is_empty() {
        return Ok(None);
    }
    let mut keys = Vec::new();
    let mut next: Option<(Direction, Cursor)> = None;
    loop {
        let request = PageRequest { cursor: next, size: WORKFLOWS_PER_READ };
        let page = app.store().list_resources(env, ResourceKind::Workflow, true, &request).await?;
        let found = page.items.into_iter().filter(|workflow| {
            sources::categories_in(&workflow.version.content).iter().any(|category| wanted.contains(category))
        });
        keys.extend(found.map(|workflow| workflow.key));
        match page.after {
            Some(cursor) => next = Some((Direction::After, cursor)),
            None => return Ok(Some(keys)),
        }
    }
}

/// `workflow_categories` as given.
pub(super) fn workflow_categories(query: &Query) -> Vec<String> {
    query.list("workflow_categories").into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_trigger_data() {
        for (raw, want) in [
            ("", Some(json!({}))),
            ("trigger_data=", Some(json!({}))),
            ("trigger_data=%7B%22a%22%3A1%2C%22b%22%3Anull%7D", Some(json!({"a":1,"b":null}))),
            ("trigger_data=%7B%22a%22%3A%5B%5D%7D", None),
            ("trigger_data=%5B%5D", None),
            ("trigger_data=x", None),
        ] {
            let mut query = Query::parse(raw);
            let map = trigger_data(&mut query);
            assert_eq!(query.finish().ok().map(|()| Value::Object(map)), want, "{raw}");
        }
    }

    #[test]
    fn reads_ranges() {
        let at = |seconds: i64, micros| Some(Timestamp(seconds * 1_000_000 + micros));
        for (raw, from, until) in [
            ("", None, None),
            ("inserted_at.gt=1970-01-01T00:00:01Z", at(1, 1), None),
            ("inserted_at[gte]=1970-01-01T00:00:01Z&inserted_at.lt=1970-01-01T00:00:02Z", at(1, 0), at(2, 0)),
            (
                "inserted_at.gt=1970-01-01T00:00:01Z&inserted_at.gte=1970-01-01T00:00:03Z\
                 &inserted_at.lt=1970-01-01T00:00:05Z&inserted_at.lte=1970-01-01T00:00:04Z",
                at(3, 0),
                at(4, 1),
            ),
        ] {
            let mut query = Query::parse(raw);
            assert_eq!(inserted_at(&mut query), (from, until), "{raw}");
            assert!(query.finish().is_ok());
        }
        let mut query = Query::parse("inserted_at.gt=yesterday");
        inserted_at(&mut query);
        assert!(query.finish().is_err());
    }
}
