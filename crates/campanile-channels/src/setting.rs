//! What a provider must be told, and how its secrets are shown.

use serde_json::{Map, Value};

use crate::response_filter::Shown;

/// Provider settings of one channel in one environment, as stored.
pub type Settings = Map<String, Value>;

/// When a setting must be present.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Required {
    /// Always.
    Always,
    /// Never.
    Never,
    /// When another setting has this value.
    When(&'static str, &'static str),
    /// Unless another setting has this value.
    Unless(&'static str, &'static str),
}

/// The form of a setting's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A TCP port.
    Port,
    /// True or false.
    Flag,
    /// One of these words.
    OneOf(&'static [&'static str]),
    /// A JSON object, as such or as text.
    Object,
    /// A JSON object, as such or as a text that renders to one.
    Overrides,
    /// See [`crate::response_filter::Shown`].
    Shown,
}

/// One setting of a provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setting {
    /// The JSON name.
    pub name: &'static str,
    /// See [`Kind`].
    pub kind: Kind,
    /// See [`Required`].
    pub required: Required,
    /// Shown obfuscated.
    pub secret: bool,
}

impl Setting {
    /// A required text.
    pub const fn text(name: &'static str) -> Self {
        Self { name, kind: Kind::Text, required: Required::Always, secret: false }
    }

    /// A required secret.
    pub const fn secret(name: &'static str) -> Self {
        Self { name, kind: Kind::Text, required: Required::Always, secret: true }
    }

    /// The same setting with another form.
    pub const fn kind(self, kind: Kind) -> Self {
        Self { kind, ..self }
    }

    /// The same setting, required in other cases.
    pub const fn required(self, required: Required) -> Self {
        Self { required, ..self }
    }

    fn is_missing(&self, settings: &Settings) -> bool {
        let needed = match self.required {
            Required::Always => true,
            Required::Never => false,
            Required::When(other, value) => text(settings, other).as_deref() == Some(value),
            Required::Unless(other, value) => text(settings, other).as_deref() != Some(value),
        };
        match settings.get(self.name) {
            Some(value) if !is_blank(value) => !self.accepts(value),
            _ => needed,
        }
    }

    fn accepts(&self, value: &Value) -> bool {
        if is_liquid(value) {
            return true; // Known only at send time.
        }
        match self.kind {
            Kind::Overrides => value.is_string() || value.is_object(),
            Kind::Shown => Shown::read(value).is_ok(),
            Kind::Text => value.is_string() || value.is_number(),
            Kind::Port => as_text(value).and_then(|t| t.parse::<u16>().ok()).is_some_and(|port| port > 0),
            Kind::Flag => value.is_boolean() || matches!(value.as_str(), Some("true" | "false")),
            Kind::OneOf(words) => value.as_str().is_some_and(|word| words.contains(&word)),
            Kind::Object => match value {
                Value::String(text) => serde_json::from_str::<Settings>(text).is_ok(),
                other => other.is_object(),
            },
        }
    }
}

/// The names of settings that are absent or malformed; empty means configured.
pub fn missing(declared: &[Setting], settings: &Settings) -> Vec<&'static str> {
    declared.iter().filter(|setting| setting.is_missing(settings)).map(|setting| setting.name).collect()
}

/// What may be shown: secrets reduced to their last four characters (management.md M13.2).
/// Liquid templates stay, since they hold no secret themselves.
pub fn obfuscate(declared: &[Setting], settings: &Settings) -> Settings {
    let mut shown = settings.clone();
    for setting in declared.iter().filter(|setting| setting.secret) {
        if let Some(value) = shown.get_mut(setting.name)
            && !is_blank(value)
            && !is_liquid(value)
        {
            *value = Value::String(obfuscated(value));
        }
    }
    shown
}

/// Puts stored secrets back where a form returned the obfuscated text (channels.md corner 4).
pub fn restore_secrets(declared: &[Setting], stored: &Settings, mut incoming: Settings) -> Settings {
    let shown = obfuscate(declared, stored);
    for setting in declared.iter().filter(|setting| setting.secret) {
        if let (Some(before), Some(now), Some(kept)) =
            (shown.get(setting.name), incoming.get_mut(setting.name), stored.get(setting.name))
            && before == now
        {
            *now = kept.clone();
        }
    }
    incoming
}

/// Sixteen characters, the last four of them real when the secret is longer than that.
fn obfuscated(value: &Value) -> String {
    let text = value.as_str().unwrap_or_default();
    let chars = text.chars().count();
    let tail: String = if chars > 4 { text.chars().skip(chars - 4).collect() } else { String::new() };
    format!("{}{tail}", "*".repeat(16 - tail.chars().count()))
}

/// The value of a setting as text; blank counts as absent (R2.4).
pub fn text(settings: &Settings, name: &str) -> Option<String> {
    settings.get(name).filter(|value| !is_blank(value)).and_then(as_text)
}

fn as_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.trim().to_owned()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Object(_) => Some(value.to_string()),
        _ => None,
    }
}

fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(|text| text.trim().is_empty())
}

fn is_liquid(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.contains("{{") || text.contains("{%"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const DECLARED: &[Setting] = &[
        Setting::text("user"),
        Setting::secret("password").required(Required::Unless("security", "none")),
        Setting::text("port").kind(Kind::Port),
        Setting::text("security").kind(Kind::OneOf(&["none", "tls"])).required(Required::Never),
        Setting::text("number").required(Required::When("security", "tls")),
    ];

    fn map(value: Value) -> Settings {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn names_what_is_missing() {
        for (settings, want) in [
            (json!({}), vec!["user", "password", "port"]),
            (json!({"user": " ", "password": null, "port": 25}), vec!["user", "password"]),
            (json!({"user": "u", "password": "{{ vars.p }}", "port": "587"}), vec![]),
            (json!({"user": "u", "security": "none", "port": 70_000}), vec!["port"]),
            (json!({"user": "u", "password": "p", "port": 1, "security": "tls"}), vec!["number"]),
            (json!({"user": "u", "password": "p", "port": 1, "security": "no"}), vec!["security"]),
        ] {
            assert_eq!(missing(DECLARED, &map(settings.clone())), want, "{settings}");
        }
    }

    #[test]
    fn secrets_are_shown_by_their_last_four_characters() {
        for (stored, shown) in [
            (json!("SG.abcdefghijklmnopqrst1234"), json!("************1234")),
            (json!("abcd"), json!("****************")),
            (json!("äöüßé"), json!("************öüßé")),
            (json!("{{ vars.key }}"), json!("{{ vars.key }}")),
            (json!(12345), json!("****************")),
            (json!(""), json!("")),
            (json!(null), json!(null)),
        ] {
            let settings = map(json!({"user": "plain", "password": stored}));
            let seen = obfuscate(DECLARED, &settings);
            assert_eq!(seen["password"], shown);
            assert_eq!(seen["user"], "plain");
            assert_eq!(restore_secrets(DECLARED, &settings, seen), settings);
        }
    }
}
