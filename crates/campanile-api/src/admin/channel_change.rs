//! What a request changes of a channel: reading it, and merging settings key by key. Pure.

use campanile_channels::channel_settings;
use campanile_channels::registry::{Provider, provider_by_key};
use campanile_channels::response_filter::Shown;
use campanile_channels::setting::{Kind, Settings};
use campanile_core::problem::{FieldProblem, Problems};
use campanile_core::workflow::ChannelType;
use serde_json::{Map, Value};

/// Every provider takes it besides its own settings (channels.md R8.4).
const BASE_URL: &str = "base_url";
const INVALID: &str = "is invalid";

/// A change as asked for; what is absent stays.
#[derive(Debug, Default)]
pub(super) struct Change {
    pub environment: Option<String>,
    pub name: Option<String>,
    pub description: Option<String>,
    pub kind: Option<ChannelType>,
    pub provider: Option<&'static Provider>,
    pub is_sandbox: Option<bool>,
    pub channel_settings: Settings,
    pub provider_settings: Settings,
}

impl Change {
    /// Reads a body; every problem at once.
    pub(super) fn read(body: &Map<String, Value>) -> Result<Self, Vec<FieldProblem>> {
        let mut problems = Problems::default();
        let kind = text(body, "type", &mut problems).and_then(|name| {
            let kind = ChannelType::from_wire(&name);
            if kind.is_none() {
                problems.add("type", INVALID);
            }
            kind
        });
        let provider = text(body, "provider", &mut problems).and_then(|name| {
            let provider = provider_by_key(&name);
            if provider.is_none() {
                problems.add("provider", "is not available in this version");
            }
            provider
        });
        if let (Some(kind), Some(provider)) = (kind, provider)
            && provider.channel_type != kind
        {
            problems.add("provider", format!("serves channels of type {}", provider.channel_type.as_str()));
        }
        let is_sandbox = match body.get("is_sandbox") {
            None | Some(Value::Null) => None,
            Some(Value::Bool(on)) => Some(*on),
            Some(_) => {
                problems.add("is_sandbox", "must be true or false");
                None
            }
        };
        let name = text(body, "name", &mut problems);
        if name.as_ref().is_some_and(|name| name.chars().count() > 255) {
            problems.add("name", "should be at most 255 character(s)");
        }
        let change = Self {
            environment: text(body, "environment", &mut problems),
            name,
            description: text(body, "description", &mut problems),
            kind,
            provider,
            is_sandbox,
            channel_settings: object(body, "channel_settings", &mut problems),
            provider_settings: object(body, "provider_settings", &mut problems),
        };
        problems.into_result(change)
    }

    /// The provider's settings after the change. Secrets that came back obfuscated stay as they were.
    pub(super) fn provider_settings(
        &self,
        provider: &Provider,
        stored: &Settings,
    ) -> Result<Settings, Vec<FieldProblem>> {
        let mut problems = Problems::default();
        let known = |name: &str| name == BASE_URL || provider.settings.iter().any(|known| known.name == name);
        for name in self.provider_settings.keys().filter(|name| !known(name)) {
            problems
                .add(format!("provider_settings.{name}"), format!("is not a setting of {}", provider.key));
        }
        let given = provider.restore_secrets(stored, self.provider_settings.clone());
        let merged = merged(stored, &given);
        // Absent settings make a channel that is not valid yet; malformed ones are a mistake of this request.
        for name in provider.missing(&merged) {
            if given.get(name).is_some_and(|value| !value.is_null() && value.as_str() != Some("")) {
                problems.add(format!("provider_settings.{name}"), INVALID);
            }
        }
        if given.get(BASE_URL).is_some_and(|url| !url.is_null() && !is_http_url(url)) {
            problems.add(format!("provider_settings.{BASE_URL}"), "must be an http or https URL");
        }
        problems.into_result(merged)
    }

    /// The settings of the channel's type after the change.
    pub(super) fn channel_settings(
        &self,
        kind: ChannelType,
        stored: &Settings,
    ) -> Result<Settings, Vec<FieldProblem>> {
        let mut problems = Problems::default();
        // Templates may stand in a webhook's settings, under any name.
        if kind == ChannelType::Http {
            return Ok(merged(stored, &self.channel_settings));
        }
        let known = channel_settings::of_type(kind);
        for (name, value) in &self.channel_settings {
            let why = match known.iter().find(|known| known.name == name) {
                None => Some("is not a setting of this type of channel"),
                Some(_) if value.is_null() => None,
                Some(setting) => form_problem(setting.kind, value),
            };
            if let Some(why) = why {
                problems.add(format!("channel_settings.{name}"), why);
            }
        }
        problems.into_result(merged(stored, &self.channel_settings))
    }
}

/// What is wrong with the form of a channel setting. Stricter than what a send accepts: flags are not texts here.
fn form_problem(kind: Kind, value: &Value) -> Option<&'static str> {
    match kind {
        Kind::Flag => (!value.is_boolean()).then_some("must be true or false"),
        Kind::Overrides => (!value.is_string() && !value.is_object())
            .then_some("must be a JSON object, or a template of one"),
        Kind::Shown => Shown::read(value).err(),
        _ => (!value.is_string()).then_some("must be a string"),
    }
}

/// Key by key; null clears.
fn merged(stored: &Settings, given: &Settings) -> Settings {
    let mut merged = stored.clone();
    for (name, value) in given {
        match value {
            Value::Null => drop(merged.remove(name)),
            value => drop(merged.insert(name.clone(), value.clone())),
        }
    }
    merged
}

fn is_http_url(url: &Value) -> bool {
    url.as_str().is_some_and(|url| url.starts_with("https://") || url.starts_with("http://"))
}

fn text(body: &Map<String, Value>, name: &str, problems: &mut Problems) -> Option<String> {
    match body.get(name) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) if text.contains('\0') => {
            problems.add(name, "must not contain a NUL character");
            None
        }
        Some(Value::String(text)) if !text.trim().is_empty() => Some(text.clone()),
        Some(Value::String(_)) => {
            problems.add(name, "can't be blank");
            None
        }
        Some(_) => {
            problems.add(name, INVALID);
            None
        }
    }
}

fn object(body: &Map<String, Value>, name: &str, problems: &mut Problems) -> Settings {
    match body.get(name) {
        None | Some(Value::Null) => Settings::new(),
        Some(Value::Object(object)) => object.clone(),
        Some(_) => {
            problems.add(name, "must be an object");
            Settings::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Settings {
        value.as_object().cloned().unwrap_or_default()
    }

    fn fields(problems: Vec<FieldProblem>) -> Vec<String> {
        problems.into_iter().map(|problem| problem.field).collect()
    }

    #[test]
    fn reads_a_change() {
        for (body, want) in [
            (json!({}), vec![]),
            (json!({"type": "sms", "provider": "twilio", "name": "Texts", "is_sandbox": true}), vec![]),
            (json!({"type": "email", "provider": "sms_twilio"}), vec!["provider"]),
            (json!({"type": "fax", "provider": "acme"}), vec!["provider", "type"]),
            (
                json!({"name": " ", "is_sandbox": 1, "provider_settings": []}),
                vec!["is_sandbox", "name", "provider_settings"],
            ),
        ] {
            let found = Change::read(&map(body.clone())).err().map(fields).unwrap_or_default();
            assert_eq!(found, want, "{body}");
        }
    }

    #[test]
    fn merges_provider_settings_key_by_key() {
        let provider = provider_by_key("email_smtp").unwrap();
        let stored = map(json!({"host": "a", "port": 25, "username": "u", "password": "correct horse"}));
        for (given, want) in [
            (json!({}), Ok(json!({"host": "a", "port": 25, "username": "u", "password": "correct horse"}))),
            (
                json!({"host": "b", "username": null}),
                Ok(json!({"host": "b", "port": 25, "password": "correct horse"})),
            ),
            (
                json!({"password": "************orse"}),
                Ok(json!({"host": "a", "port": 25, "username": "u", "password": "correct horse"})),
            ),
            (
                json!({"port": "many", "hots": "x"}),
                Err(vec!["provider_settings.hots", "provider_settings.port"]),
            ),
            (json!({"base_url": "ftp://x"}), Err(vec!["provider_settings.base_url"])),
        ] {
            let change = Change { provider_settings: map(given.clone()), ..Change::default() };
            let got = change.provider_settings(provider, &stored).map(Value::Object).map_err(fields);
            assert_eq!(got, want.map_err(|names| names.into_iter().map(str::to_owned).collect()), "{given}");
        }
    }

    #[test]
    fn knows_the_settings_of_each_type() {
        for (kind, given, want) in [
            (ChannelType::Email, json!({"from_address": "a@b.c", "open_tracking": true}), vec![]),
            (
                ChannelType::Email,
                json!({"from_adress": "a@b.c", "open_tracking": "yes"}),
                vec!["channel_settings.from_adress", "channel_settings.open_tracking"],
            ),
            (ChannelType::Push, json!({"payload_overrides": "{}", "token_deregistration": null}), vec![]),
            (ChannelType::Http, json!({"input_schema": {}}), vec![]),
            (ChannelType::InAppFeed, json!({"vars": false, "actor": {"only": ["id"]}, "data": null}), vec![]),
            (
                ChannelType::InAppFeed,
                json!({"actor": {"only": ["id"], "except": ["x"]}, "recipient": "no"}),
                vec!["channel_settings.actor", "channel_settings.recipient"],
            ),
            (ChannelType::InAppGuide, json!({"x": 1, "strict_tenancy": true}), vec!["channel_settings.x"]),
        ] {
            let change = Change { channel_settings: map(given.clone()), ..Change::default() };
            let found = change.channel_settings(kind, &Settings::new()).err().map(fields).unwrap_or_default();
            assert_eq!(found, want, "{given}");
        }
    }
}
