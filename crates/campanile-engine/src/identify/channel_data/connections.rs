//! Connections of chat providers. Every member is an opaque text or null, because nulls come back in round trips
//! (RC9.10); members that nobody knows are kept.

use serde_json::{Map, Value, json};

use super::Input;

/// `{connections, token}`.
pub(super) fn slack(input: &mut Input<'_>, is_tenant: bool) -> Value {
    let token = match input.map.get("token") {
        None | Some(Value::Null) => Value::Null,
        Some(Value::Object(map)) => {
            let access_token = input.inside("token", map, |token| token.opaque("access_token"));
            json!({"access_token": access_token})
        }
        Some(_) => {
            input.refuse("token", "must be an object");
            Value::Null
        }
    };
    let may_lack = is_tenant && !token.is_null();
    let list = connections(input, may_lack, &["access_token", "channel_id", "user_id"], &["channel_name"]);
    json!({"connections": list, "token": token})
}

/// `{connections, ms_teams_tenant_id}`.
pub(super) fn teams(input: &mut Input<'_>, is_tenant: bool) -> Value {
    let tenant = input.opaque("ms_teams_tenant_id");
    let may_lack = is_tenant && !tenant.is_null();
    let members = ["ms_teams_tenant_id", "ms_teams_team_id", "ms_teams_channel_id", "ms_teams_user_id"];
    let list = connections(input, may_lack, &members, &[]);
    json!({"connections": list, "ms_teams_tenant_id": tenant})
}

/// `{connections}`. A connection names its channel or its webhook.
pub(super) fn discord(input: &mut Input<'_>) -> Value {
    json!({"connections": connections(input, false, &["channel_id"], &[])})
}

/// Each connection with `members` and `incoming_webhook` printed even when null; `extra` are checked when given.
fn connections(input: &mut Input<'_>, may_lack: bool, members: &[&str], extra: &[&str]) -> Vec<Value> {
    let list = input.list("connections");
    if list.is_none() && !may_lack && input.map.get("connections").is_none_or(Value::is_null) {
        input.refuse("connections", "can't be blank");
    }
    let mut connections = Vec::new();
    for (n, value) in list.into_iter().flatten().enumerate() {
        let member = format!("connections[{n}]");
        match value {
            Value::Object(map) => {
                connections.push(input.inside(&member, map, |one| connection(one, members, extra)));
            }
            _ => input.refuse(&member, "must be an object"),
        }
    }
    connections
}

fn connection(input: &mut Input<'_>, members: &[&str], extra: &[&str]) -> Value {
    let mut known: Map<String, Value> = input.map.clone();
    for member in members {
        known.insert((*member).into(), input.opaque(member));
    }
    for member in extra {
        input.opaque(member);
    }
    let webhook = match input.map.get("incoming_webhook") {
        None | Some(Value::Null) => Value::Null,
        Some(Value::Object(map)) => {
            input.inside("incoming_webhook", map, |webhook| webhook.required("url"));
            Value::Object(map.clone())
        }
        Some(_) => {
            input.refuse("incoming_webhook", "must be an object");
            Value::Null
        }
    };
    known.insert("incoming_webhook".into(), webhook);
    known.into()
}
