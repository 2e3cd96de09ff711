//! Push: one message per device token; never beyond `sent`.

mod fcm;
mod google_oauth;

pub use fcm::PROVIDER as FCM;
pub use google_oauth::{AccessToken, read_token, token_request};

use serde_json::Value;

/// One device of a recipient's channel data (channels.md section 7).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Device {
    /// What the provider addresses.
    pub token: String,
    /// Beats the recipient's locale (R7.2).
    pub locale: Option<String>,
    /// Beats the recipient's timezone.
    pub timezone: Option<String>,
}

/// The distinct devices in channel data: `devices` first, then tokens not among them (R7.1).
pub fn devices(channel_data: &Value) -> Vec<Device> {
    let mut devices: Vec<Device> = Vec::new();
    let text = |value: &Value, key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
    let list = |key: &str| channel_data.get(key).and_then(Value::as_array).into_iter().flatten();
    let described = list("devices").filter_map(|device| {
        Some(Device {
            token: text(device, "token")?,
            locale: text(device, "locale"),
            timezone: text(device, "timezone"),
        })
    });
    let bare = list("tokens")
        .filter_map(|token| Some(Device { token: token.as_str()?.to_owned(), ..Device::default() }));
    for device in described.chain(bare) {
        if !device.token.is_empty() && devices.iter().all(|known| known.token != device.token) {
            devices.push(device);
        }
    }
    devices
}

/// Bounce reasons that a misconfigured channel causes for every token (R11.8).
const DOUBTFUL: [&str; 4] =
    ["BadDeviceToken", "DeviceTokenNotForTopic", "SENDER_ID_MISMATCH", "INVALID_ARGUMENT"];

/// True when the token may be removed only if the channel has lately sent something: the bounce may be the
/// channel's own fault, and believing it would delete every token.
pub fn is_doubtful_bounce(reason: &str) -> bool {
    DOUBTFUL.iter().any(|name| reason.contains(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn some_bounces_may_be_our_own_fault() {
        for (reason, want) in [
            ("FCM UNREGISTERED: gone", false),
            ("FCM SENDER_ID_MISMATCH: other project", true),
            ("FCM INVALID_ARGUMENT: bad token", true),
        ] {
            assert_eq!(is_doubtful_bounce(reason), want, "{reason}");
        }
    }

    #[test]
    fn lists_distinct_devices() {
        for (data, want) in [
            (json!({}), vec![]),
            (json!({"tokens":["t1","t2","t1",""]}), vec!["t1", "t2"]),
            (
                json!({"tokens":["t3","t1"],"devices":[{"token":"t1","locale":"de"},{"locale":"x"}]}),
                vec!["t1", "t3"],
            ),
            (json!({"tokens":"t1"}), vec![]),
        ] {
            let tokens: Vec<String> = devices(&data).into_iter().map(|device| device.token).collect();
            assert_eq!(tokens, want, "{data}");
        }
    }
}
