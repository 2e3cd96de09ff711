//! Settings that belong to the channel's type, whoever provides it (channels.md section 2).

use campanile_core::workflow::ChannelType;
use serde_json::Value;

use crate::setting::{Kind, Required, Setting, Settings};

const fn optional(name: &'static str) -> Setting {
    Setting::text(name).required(Required::Never)
}

const fn flag(name: &'static str) -> Setting {
    optional(name).kind(Kind::Flag)
}

const fn overrides(name: &'static str) -> Setting {
    optional(name).kind(Kind::Overrides)
}

const fn shown(name: &'static str) -> Setting {
    optional(name).kind(Kind::Shown)
}

const EMAIL: &[Setting] = &[
    Setting::text("from_address"),
    optional("from_name"),
    optional("to_address"),
    optional("cc_address"),
    optional("bcc_address"),
    optional("reply_to_address"),
    overrides("json_overrides"),
    flag("open_tracking"),
    flag("link_tracking"),
];
const SMS: &[Setting] = &[flag("link_tracking"), overrides("payload_overrides")];
const PUSH: &[Setting] = &[flag("token_deregistration"), overrides("payload_overrides")];
const CHAT: &[Setting] = &[flag("link_tracking"), flag("email_based_user_id_resolution")];
/// The last four are the response filter (in-app.md IA6.1).
const FEED: &[Setting] =
    &[flag("link_tracking"), shown("vars"), shown("actor"), shown("recipient"), shown("data")];
/// Tenancy of guides (in-app.md IA12.6, IA12.7).
const GUIDE: &[Setting] = &[flag("strict_tenancy"), flag("per_tenant_scope")];

/// The declared settings of a type; the webhook's request template is an object that its own reader checks.
pub const fn of_type(channel_type: ChannelType) -> &'static [Setting] {
    match channel_type {
        ChannelType::Email => EMAIL,
        ChannelType::Sms => SMS,
        ChannelType::Push => PUSH,
        ChannelType::Chat => CHAT,
        ChannelType::InAppFeed => FEED,
        ChannelType::InAppGuide => GUIDE,
        ChannelType::Http => &[],
    }
}

/// The environment's settings with a step's `channel_overrides` on top: key by key, null clears, absent inherits
/// (R2.1).
pub fn layered(environment: &Settings, overrides: &Settings) -> Settings {
    let mut settings = environment.clone();
    for (key, value) in overrides {
        match value {
            Value::Null => settings.remove(key),
            value => settings.insert(key.clone(), value.clone()),
        };
    }
    settings
}

/// A flag of the layered settings, or its default.
pub fn is_on(settings: &Settings, name: &str, default: bool) -> bool {
    match settings.get(name) {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => text.trim() == "true",
        _ => default,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::setting::missing;
    use serde_json::json;

    fn map(value: Value) -> Settings {
        value.as_object().cloned().unwrap()
    }

    #[test]
    fn layers_as_the_page_shows() {
        let environment =
            map(json!({"from_address":"a@x.io","bcc_address":"audit@x.io","open_tracking":true}));
        let step = map(json!({"open_tracking":false,"bcc_address":null,"to_address":"{{ data.inbox }}"}));
        let settings = layered(&environment, &step);
        assert_eq!(
            Value::Object(settings.clone()),
            json!({"from_address":"a@x.io","open_tracking":false,"to_address":"{{ data.inbox }}"})
        );
        assert!(is_on(&environment, "open_tracking", false) && !is_on(&settings, "open_tracking", true));
        assert!(is_on(&settings, "token_deregistration", true));
    }

    #[test]
    fn only_a_sender_address_is_required() {
        for channel_type in ChannelType::ALL {
            let want: Vec<&str> =
                if channel_type == ChannelType::Email { vec!["from_address"] } else { vec![] };
            assert_eq!(missing(of_type(channel_type), &Settings::new()), want, "{channel_type:?}");
        }
    }
}
