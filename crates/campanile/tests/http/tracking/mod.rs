//! Open and link tracking from the message to its statuses (delivery.md section 10).

mod email;
mod endpoints;
mod other_channels;

use serde_json::{Value, json};

use crate::kit::db::for_each;
use crate::kit::{Answer, Kit};

/// Where clients reach the server of these tests; it stays when the server starts again on another port.
const SITE: &str = "https://n.test";

fn on_site(test: impl AsyncFn(&mut Kit)) {
    for_each(async |db| {
        let mut kit = Kit::with(db, |config| config.public_url = Some(SITE.into())).await;
        test(&mut kit).await;
        kit.close().await;
    });
}

fn ada() -> Value {
    json!({"id": "ada", "name": "Ada", "email": "ada@example.com", "phone_number": "+15005550001"})
}

async fn settings(kit: &Kit, channel: &str, settings: Value) {
    kit.channel(channel, json!({"channel_settings": settings})).await;
}

/// A step on a channel, with what it overrides.
fn step(channel: &str, template: Value, overrides: Value) -> Value {
    json!({"ref": "step_1", "type": "channel", "channel_key": channel, "template": template,
        "channel_overrides": overrides})
}

/// Sends one step's messages to Ada; answers their ids, oldest first.
async fn send(kit: &Kit, step: Value) -> Vec<String> {
    kit.workflow("tracked", json!([step])).await;
    kit.advance("PT1S").await;
    let run = kit.trigger("tracked", json!({"recipients": [ada()]})).await;
    let messages = kit.messages(&run).await;
    messages.iter().map(|message| message["id"].as_str().expect("an id").to_owned()).collect()
}

async fn content(kit: &Kit, message: &str) -> Value {
    kit.get(&format!("/v1/messages/{message}/content")).await.ok()["data"].clone()
}

async fn message(kit: &Kit, id: &str) -> Value {
    kit.get(&format!("/v1/messages/{id}")).await.ok()
}

/// Events after those of the delivery, oldest first, without their prefix and with their data.
async fn engagement(kit: &Kit, message: &str) -> Vec<(String, Value)> {
    let events = kit.full_events(message).await.into_iter();
    let events = events.map(|event| {
        (event["type"].as_str().unwrap_or_default().replace("message.", ""), event["data"].clone())
    });
    let delivery = ["created", "queued", "not_sent", "sent", "delivered"];
    events.filter(|(kind, _)| !delivery.contains(&&**kind)).collect()
}

fn read() -> (String, Value) {
    ("read".into(), Value::Null)
}

fn clicked(url: &str) -> (String, Value) {
    ("link_clicked".into(), json!({"url": url}))
}

/// Our addresses in a text, in their order.
fn ours(text: &str) -> Vec<String> {
    let parts = text.split(SITE).skip(1);
    parts
        .map(|part| {
            let end =
                part.find(|c: char| !c.is_ascii_alphanumeric() && !"-_/".contains(c)).unwrap_or(part.len());
            part[..end].to_owned()
        })
        .collect()
}

/// Asks for one of our addresses, as anybody may; done when what it means is written.
async fn open(kit: &Kit, path: &str) -> Answer {
    let answer = kit.nobody.get(path).await;
    kit.idle().await;
    answer
}

#[track_caller]
fn check_redirect(answer: &Answer, target: &str) {
    let seen = ["location", "cache-control", "referrer-policy"].map(|name| answer.header(name));
    assert_eq!(answer.status, 302, "{}", answer.text);
    assert_eq!(seen, [target, "no-store", "no-referrer-when-downgrade"]);
}
