//! Which links of its recipient a part of a program reads, so that only those are signed.

use std::ops::BitOr;

use campanile_core::condition::ConditionGroup;
use campanile_template::Template;
use serde_json::{Map, Value};

/// The members of `vars` that are another for each recipient (templates.md T4.1).
pub(crate) const UNSUBSCRIBE: &str = "commercial_unsubscribe_url";
/// See [`UNSUBSCRIBE`].
pub(crate) const PREFERENCES: &str = "manage_preferences_url";

/// Links of a recipient in `vars`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct LinkVars {
    pub(crate) unsubscribe: bool,
    pub(crate) preferences: bool,
}

impl LinkVars {
    /// As `mentions` says of `vars.…`.
    pub(crate) fn of(mentions: impl Fn(&str) -> bool) -> Self {
        let reads = |name: &str| mentions(&format!("vars.{name}"));
        Self { unsubscribe: reads(UNSUBSCRIBE), preferences: reads(PREFERENCES) }
    }

    /// What settings read, which are texts with Liquid anywhere in them. A text that is no template as it stands may be
    /// one inside of JSON, and then it may read anything.
    pub(crate) fn in_settings(settings: &Map<String, Value>) -> Self {
        settings.values().map(in_setting).fold(Self::default(), BitOr::bitor)
    }

    /// What conditions read by name.
    pub(crate) fn in_conditions<'c>(groups: impl Iterator<Item = &'c ConditionGroup> + Clone) -> Self {
        Self::of(|name| groups.clone().any(|group| group.mentions(name)))
    }
}

fn in_setting(value: &Value) -> LinkVars {
    match value {
        Value::String(text) if text.contains("{{") || text.contains("{%") => match Template::parse(text) {
            Ok(template) => LinkVars::of(|name| template.mentions(name)),
            Err(_) => LinkVars::of(|_| true),
        },
        Value::Array(items) => items.iter().map(in_setting).fold(LinkVars::default(), BitOr::bitor),
        Value::Object(members) => LinkVars::in_settings(members),
        _ => LinkVars::default(),
    }
}

impl BitOr for LinkVars {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self {
            unsubscribe: self.unsubscribe || other.unsubscribe,
            preferences: self.preferences || other.preferences,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn settings_read_what_their_texts_read() {
        for (settings, want) in [
            (json!({}), (false, false)),
            (json!({"from_address": "vars.commercial_unsubscribe_url"}), (false, false)),
            (json!({"from_address": "{{ vars.app_name }}"}), (false, false)),
            (json!({"reply_to_address": "{{ vars.manage_preferences_url }}"}), (false, true)),
            (
                json!({"json_overrides": {"headers": {"X": ["{{ vars.commercial_unsubscribe_url }}"]}}}),
                (true, false),
            ),
            (
                json!({"json_overrides": r#"{"a": "{{ vars[\"commercial_unsubscribe_url\"] }}"}"#}),
                (true, true),
            ),
            (json!({"json_overrides": r#"{"a": "{{ vars | json }}"}"#}), (true, true)),
        ] {
            let found = LinkVars::in_settings(settings.as_object().unwrap());
            assert_eq!((found.unsubscribe, found.preferences), want, "{settings}");
        }
    }
}
