//! Chat: one message per connection of the recipient; never beyond `sent`, never a bounce.

mod mrkdwn;
mod ms_teams;
pub mod ms_teams_directory;
mod refusal;
mod slack;
pub mod slack_directory;
pub mod slack_lookup;

pub use ms_teams::PROVIDER as MS_TEAMS;
pub use refusal::Refusal;
pub use slack::PROVIDER as SLACK;

use serde_json::{Value, json};

/// Member of connections and channel data: the Microsoft directory of a team.
const DIRECTORY: &str = "ms_teams_tenant_id";

/// The connections that get a message, the tenant's token merged in: it wins over a token of the recipient, while
/// the recipient says where. Incoming webhooks need no token and stay as they are (channels.md 12.1).
pub fn connections(recipient_data: &Value, tenant_data: &Value) -> Vec<Value> {
    let token = |data: &Value| data.pointer("/token/access_token").filter(|token| token.is_string()).cloned();
    let tenant = token(tenant_data);
    let own = token(recipient_data);
    // Microsoft Teams: the tenant says in which directory the channel is.
    let directory = |data: &Value| data.get(DIRECTORY).filter(|id| id.is_string()).cloned();
    let (tenant_directory, own_directory) = (directory(tenant_data), directory(recipient_data));
    let list = recipient_data.get("connections").and_then(Value::as_array);
    list.into_iter()
        .flatten()
        .map(|connection| match (connection, &tenant, &own) {
            (Value::Object(map), tenant, own) if map.get("incoming_webhook").is_none_or(Value::is_null) => {
                let mut map = map.clone();
                if let Some(token) = tenant {
                    map.insert("access_token".into(), token.clone());
                } else if let (Some(token), true) = (own, map.get("access_token").is_none_or(Value::is_null))
                {
                    map.insert("access_token".into(), token.clone());
                }
                let lacks = map.get(DIRECTORY).is_none_or(Value::is_null);
                let directory = tenant_directory.as_ref().or(own_directory.as_ref().filter(|_| lacks));
                if let Some(directory) = directory {
                    map.insert(DIRECTORY.into(), directory.clone());
                }
                Value::Object(map)
            }
            (other, ..) => other.clone(),
        })
        .collect()
}

/// The `recipient_snapshot` of a chat message.
pub fn snapshot(connection: &Value) -> Value {
    let text = |key: &str| connection.get(key).and_then(Value::as_str);
    if connection.get("incoming_webhook").is_some_and(|hook| !hook.is_null()) {
        json!({"via_incoming_webhook": true})
    } else if let Some(id) = text("channel_id").or(text("ms_teams_channel_id")) {
        json!({"channel_id": id})
    } else if let Some(id) = text("user_id").or(text("ms_teams_user_id")) {
        json!({"user_id": id})
    } else {
        json!({})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenant_token_wins() {
        let tenant = json!({"token":{"access_token":"T"}});
        let none = json!({});
        for (recipient, tenant, want) in [
            (
                json!({"connections":[{"channel_id":"C","access_token":"R"}]}),
                &tenant,
                json!([{"channel_id":"C","access_token":"T"}]),
            ),
            (
                json!({"connections":[{"channel_id":"C","access_token":"R"}]}),
                &none,
                json!([{"channel_id":"C","access_token":"R"}]),
            ),
            (
                json!({"connections":[{"user_id":"U"}],"token":{"access_token":"R"}}),
                &none,
                json!([{"user_id":"U","access_token":"R"}]),
            ),
            (
                json!({"connections":[{"incoming_webhook":{"url":"u"}}]}),
                &tenant,
                json!([{"incoming_webhook":{"url":"u"}}]),
            ),
            (json!({"token":{"access_token":"R"}}), &tenant, json!([])),
            (
                json!({"connections":[{"ms_teams_channel_id":"C","ms_teams_tenant_id":"own"}]}),
                &json!({"ms_teams_tenant_id":"t1"}),
                json!([{"ms_teams_channel_id":"C","ms_teams_tenant_id":"t1"}]),
            ),
            (
                json!({"connections":[{"ms_teams_channel_id":"C","ms_teams_tenant_id":null}],"ms_teams_tenant_id":"r"}),
                &none,
                json!([{"ms_teams_channel_id":"C","ms_teams_tenant_id":"r"}]),
            ),
        ] {
            assert_eq!(Value::from(connections(&recipient, tenant)), want, "{recipient}");
        }
    }

    #[test]
    fn snapshots_name_the_destination() {
        for (connection, want) in [
            (json!({"channel_id":"C","user_id":"U"}), json!({"channel_id":"C"})),
            (json!({"user_id":"U","access_token":"x"}), json!({"user_id":"U"})),
            (json!({"incoming_webhook":{"url":"u"}}), json!({"via_incoming_webhook":true})),
            (json!({"incoming_webhook":null,"channel_id":"C"}), json!({"channel_id":"C"})),
        ] {
            assert_eq!(snapshot(&connection), want);
        }
    }
}
