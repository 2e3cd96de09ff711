//! A feed item (in-app.md section 5).

use campanile_channels::response_filter::ResponseFilter;
use campanile_store::MessageView;
use serde_json::{Value, json};

use crate::public::messages::activities::activity;
use crate::public::people::People;
use crate::public::sources::{Sources, parsed};

/// How much an item shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    /// Everything.
    Rich,
    /// No activities, one actor, only scalars of the data.
    Compact,
}

/// An item. `cursor` leads on from it.
pub(super) fn item(
    message: &MessageView,
    cursor: String,
    sources: &Sources,
    people: &People,
    mode: Mode,
    shows: &ResponseFilter,
) -> Value {
    let row = &message.row;
    let run = sources.run(message);
    let actor = run.and_then(|run| run.actor.as_deref());
    let data = shows.data.of(sources.data(message)).unwrap_or_default();
    let actors = actor.and_then(|actor| shows.actor.of(people.get(actor, row.id.at())));
    let mut item = json!({
        "__typename": "FeedItem",
        "__cursor": cursor,
        "id": row.id,
        "inserted_at": row.id.at(),
        "updated_at": message.updated_at,
        "seen_at": message.seen_at,
        "read_at": message.read_at,
        "interacted_at": message.interacted_at,
        "link_clicked_at": message.clicked_at,
        "clicked_at": message.clicked_at,
        "archived_at": message.archived_at,
        "tenant": row.tenant,
        "source": {
            "__typename": "Workflow",
            "key": row.workflow,
            "version_id": sources.version(message).to_string(),
            "categories": sources.categories(message),
        },
        "blocks": blocks(&row.content),
        "data": if mode == Mode::Compact { scalars(data) } else { data },
        "actors": actors.into_iter().collect::<Vec<_>>(),
        "total_actors": usize::from(actor.is_some()),
    });
    if mode == Mode::Rich {
        let activities: Vec<Value> =
            run.map(|run| filtered(activity(message, run, sources, people), shows)).into_iter().collect();
        item["total_activities"] = activities.len().into();
        item["activities"] = activities.into();
    }
    item
}

/// An activity as the channel shows it: what is not shown is null (IA6.1).
fn filtered(mut activity: Value, shows: &ResponseFilter) -> Value {
    for (name, shown) in [("actor", &shows.actor), ("recipient", &shows.recipient), ("data", &shows.data)] {
        activity[name] = shown.of(activity[name].take()).unwrap_or_default();
    }
    activity
}

fn blocks(content: &str) -> Value {
    let mut content = parsed(Some(content));
    content.get_mut("blocks").map(Value::take).filter(Value::is_array).unwrap_or_else(|| json!([]))
}

/// Without nested lists and objects.
fn scalars(data: Value) -> Value {
    match data {
        Value::Object(map) => {
            Value::Object(map.into_iter().filter(|(_, v)| !v.is_object() && !v.is_array()).collect())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compact_data_is_flat() {
        assert_eq!(scalars(json!({"a":1,"b":null,"c":[1],"d":{}})), json!({"a":1,"b":null}));
        assert_eq!(scalars(Value::Null), Value::Null);
    }

    #[test]
    fn blocks_are_a_list_whatever_is_stored() {
        assert_eq!(blocks(r#"{"blocks":[{"name":"body"}]}"#), json!([{"name":"body"}]));
        assert_eq!(blocks("nonsense"), json!([]));
    }
}
