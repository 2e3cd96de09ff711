//! Steps of workflows, as short as tests want them.

use serde_json::{Value, json};

/// A message in the feed.
pub fn feed(step: &str, body: &str) -> Value {
    json!({"ref": step, "type": "channel", "channel_key": "in-app-feed", "template": {"markdown_body": body}})
}

/// An e-mail.
pub fn email(step: &str, subject: &str) -> Value {
    json!({
        "ref": step,
        "type": "channel",
        "channel_key": "email",
        "template": {"subject": subject, "html_body": "<p>Hi</p>"},
    })
}

/// A text message.
pub fn sms(step: &str, body: &str) -> Value {
    json!({"ref": step, "type": "channel", "channel_key": "sms", "template": {"text_body": body}})
}

/// A webhook with a small JSON body.
pub fn webhook(step: &str, url: &str) -> Value {
    json!({
        "ref": step,
        "type": "channel",
        "channel_key": "webhook",
        "template": {"method": "post", "url": url, "body": r#"{ "to": "{{ recipient.id }}" }"#},
    })
}

/// Waits.
pub fn delay(step: &str, value: i64, unit: &str) -> Value {
    json!({"ref": step, "type": "delay", "settings": {"delay_for": {"unit": unit, "value": value}}})
}

/// A step with conditions that all must hold.
pub fn when(mut step: Value, conditions: &[(&str, &str, Value)]) -> Value {
    step["conditions"] = all(conditions);
    step
}

/// Conditions that all must hold.
pub fn all(conditions: &[(&str, &str, Value)]) -> Value {
    let list: Vec<Value> = conditions
        .iter()
        .map(|(variable, operator, argument)| {
            json!({"variable": variable, "operator": operator, "argument": argument})
        })
        .collect();
    json!({"all": list})
}
