//! Activities: the triggers behind a message (delivery.md R5.4). Without batches each message has exactly one.

use axum::Json;
use axum::extract::State;
use campanile_core::ids::Ksuid;
use campanile_store::{MessageView, Page, RunRow};
use serde_json::{Map, Value, json};

use super::{find, items_body};
use crate::app::App;
use crate::auth::SecretKey;
use crate::error::ApiResult;
use crate::public::filters::trigger_data;
use crate::public::people::People;
use crate::public::recipients::PAGE_SIZE_MAX;
use crate::public::segments::Segments;
use crate::public::sources::Sources;
use crate::query::Query;

/// The activities of a message.
pub(in crate::public) async fn list(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    Segments(id): Segments<String>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let message = find(&app, env, &id).await?;
    let name = format!("activities/{id}");
    let request = query.page(&name, "page_size", PAGE_SIZE_MAX, app.cursor_key());
    let wanted = trigger_data(&mut query);
    query.finish()?;
    let sources = Sources::of(&app, std::slice::from_ref(&message)).await?;
    let mut items = Vec::new();
    // A cursor into a list of one leads past its end.
    if let Some(run) = sources.run(&message).filter(|_| request.cursor.is_none()) {
        let keys = [Some(message.row.recipient.clone()), run.actor.clone()];
        let people = People::of(&app, env, keys.into_iter().flatten().collect()).await?;
        let item = activity(&message, run, &sources, &people);
        if matches(&item["data"], &wanted) {
            items.push(item);
        }
    }
    let found = Page::<Value> { items: Vec::new(), after: None, before: None };
    Ok(Json(items_body(&app, &name, items, &found, &request)))
}

/// The one activity of an unbatched message; recipient and actor are whole entities.
pub(in crate::public) fn activity(
    message: &MessageView,
    run: &RunRow,
    sources: &Sources,
    people: &People,
) -> Value {
    let recipient = &message.row.recipient;
    json!({
        "__typename": "Activity",
        "id": Ksuid::derived(run.inserted_at, &[b"activity", run.id.as_bytes(), recipient.as_bytes()]),
        "recipient": people.get(recipient, run.inserted_at),
        "actor": run.actor.as_deref().map(|actor| people.get(actor, run.inserted_at)),
        "data": sources.trigger_data(message),
        "inserted_at": run.inserted_at,
        "updated_at": run.inserted_at,
    })
}

/// Every wanted pair is in the data, type-strict; texts count up to 256 characters as in stored copies (A12.2).
fn matches(data: &Value, wanted: &Map<String, Value>) -> bool {
    let cut = |text: &str| text.chars().take(256).collect::<String>();
    wanted.iter().all(|(key, wanted)| match (data.get(key), wanted) {
        (Some(Value::String(text)), Value::String(wanted)) => cut(text) == cut(wanted),
        (Some(Value::Number(number)), Value::Number(wanted)) => {
            number == wanted || number.as_f64() == wanted.as_f64()
        }
        (Some(value), wanted) => value == wanted,
        (None, _) => false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_type_strictly() {
        let data = json!({"plan":"pro","n":3,"nothing":null,"note":"x".repeat(300),"tags":["a"]});
        for (wanted, want) in [
            (json!({}), true),
            (json!({"plan":"pro","n":3}), true),
            (json!({"n":3.0}), true),
            (json!({"n":"3"}), false),
            (json!({"nothing":null}), true),
            (json!({"absent":null}), false),
            (json!({"note":"x".repeat(256)}), true),
            (json!({"note":"x".repeat(255)}), false),
        ] {
            let Value::Object(map) = wanted.clone() else { unreachable!() };
            assert_eq!(matches(&data, &map), want, "{wanted}");
        }
        assert!(!matches(&Value::Null, &Map::from_iter([("a".to_owned(), json!(1))])));
    }
}
