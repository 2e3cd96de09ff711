//! Devices of push providers. Clients write tokens or devices and read both.

use campanile_core::window::is_zone;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::Input;

/// `{tokens, devices}`: devices as given, the last of equals at the first one's place, then tokens that are not among
/// them (RC9.7, RC9.8).
pub(super) fn devices(input: &mut Input<'_>, list: &str, item: &str) -> Value {
    let tokens = input.list(list);
    let described = input.list("devices");
    if tokens.is_none() && described.is_none() && input.sound {
        input.refuse(list, "can't be blank");
    }
    let mut devices: Vec<(String, Value)> = Vec::new();
    for (n, device) in described.into_iter().flatten().enumerate() {
        let member = format!("devices[{n}]");
        let Value::Object(map) = device else {
            input.refuse(&member, "must be an object");
            continue;
        };
        let (token, value) = input.inside(&member, map, |device| describe(device, item));
        match devices.iter_mut().find(|(known, _)| *known == token) {
            Some(known) => known.1 = value,
            None => devices.push((token, value)),
        }
    }
    for token in texts(input, list, tokens) {
        if devices.iter().all(|(known, _)| *known != token) {
            let value = json!({item: token, "locale": null, "timezone": null});
            devices.push((token, value));
        }
    }
    let (tokens, devices): (Vec<_>, Vec<_>) = devices.into_iter().unzip();
    json!({list: tokens, "devices": devices})
}

fn describe(device: &mut Input<'_>, item: &str) -> (String, Value) {
    let token = device.required(item);
    let locale = device.opaque("locale");
    if locale.as_str().is_some_and(|tag| !is_language_tag(tag)) {
        device.refuse("locale", "must be a language tag like it-IT");
    }
    let timezone = device.opaque("timezone");
    if timezone.as_str().is_some_and(|name| !is_zone(name)) {
        device.refuse("timezone", "is not a time zone of the tz database");
    }
    let mut map = Map::new();
    map.insert(item.into(), token.as_str().into());
    map.insert("locale".into(), locale);
    map.insert("timezone".into(), timezone);
    (token, map.into())
}

/// `{player_ids}`: UUIDs, each once.
pub(super) fn player_ids(input: &mut Input<'_>) -> Value {
    let list = input.list("player_ids");
    if list.is_none() && input.sound {
        input.refuse("player_ids", "can't be blank");
    }
    let mut ids: Vec<String> = Vec::new();
    for (n, id) in texts(input, "player_ids", list).into_iter().enumerate() {
        if Uuid::parse_str(&id).is_err() {
            input.refuse(&format!("player_ids[{n}]"), "is not a UUID");
        } else if !ids.contains(&id) {
            ids.push(id);
        }
    }
    json!({"player_ids": ids})
}

/// The members of a list of texts; each of another kind is refused.
fn texts(input: &mut Input<'_>, member: &str, list: Option<&Vec<Value>>) -> Vec<String> {
    let mut texts = Vec::new();
    for (n, value) in list.into_iter().flatten().enumerate() {
        match value {
            Value::String(text) if !text.is_empty() => texts.push(text.clone()),
            Value::String(_) => input.refuse(&format!("{member}[{n}]"), "can't be blank"),
            _ => input.refuse(&format!("{member}[{n}]"), "must be a string"),
        }
    }
    texts
}

/// `it`, `it-IT`, `zh-Hant-TW`; underscores are another convention (RC9.9).
fn is_language_tag(tag: &str) -> bool {
    let mut parts = tag.split('-');
    let language = parts
        .next()
        .is_some_and(|p| (2..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphabetic()));
    language && parts.all(|p| (1..=8).contains(&p.len()) && p.bytes().all(|b| b.is_ascii_alphanumeric()))
}
