//! Workflows that carry `data.n` and the recipient to every receiver.

use serde_json::{Value, json};

/// A feed item.
pub fn feed() -> Value {
    json!({"ref": "feed_1", "type": "channel", "channel_key": "in-app-feed",
        "template": {"markdown_body": "number {{ data.n }}", "action_url": "https://crash.example/{{ data.n }}"}})
}

/// A mail whose subject is `n=<n> to=<recipient>`.
pub fn mail() -> Value {
    json!({"ref": "email_1", "type": "channel", "channel_key": "email", "template": {
        "subject": "n={{ data.n }} to={{ recipient.id }}",
        "html_body": "<p>number {{ data.n }}</p>", "text_body": "number {{ data.n }}"}})
}

/// A webhook whose body is `{"n": …, "to": …}`.
pub fn hook(url: &str) -> Value {
    json!({"ref": "webhook_1", "type": "channel", "channel_key": "webhook", "template": {
        "method": "post", "url": url, "query_params": [],
        "headers": [{"key": "content-type", "value": "application/json"}],
        "body": "{\"n\": {{ data.n }}, \"to\": \"{{ recipient.id }}\"}"}})
}

/// Waits.
pub fn delay(seconds: u64) -> Value {
    delay_called("delay_1", seconds)
}

/// Waits, under a name of its own.
pub fn delay_called(name: &str, seconds: u64) -> Value {
    json!({"ref": name, "type": "delay", "settings": {"delay_for": {"unit": "seconds", "value": seconds}}})
}

/// A trigger for one user.
pub fn to_one(user: &str, n: u64) -> Value {
    json!({"recipients": [user], "data": {"n": n}})
}
