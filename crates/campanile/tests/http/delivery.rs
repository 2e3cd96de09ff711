//! Delivery through a provider that answers by a script (delivery.md sections 2 to 7).

use aws_lc_rs::hmac;
use base64::Engine as _;
use campanile_core::time::Timestamp;
use serde_json::{Value, json};

use crate::kit::db::for_each;
use crate::kit::provider::{Provider, Reply};
use crate::kit::{Kit, START, on_both, steps};

/// Triggers one webhook at the provider; answers the message's id.
async fn send(kit: &Kit, url: &str) -> String {
    kit.users(&["ada"]).await;
    kit.workflow("hooks", json!([steps::webhook("hook_1", url)])).await;
    let run = kit.trigger("hooks", json!({"recipients": ["ada"]})).await;
    kit.messages(&run).await[0]["id"].as_str().expect("an id").to_owned()
}

async fn status(kit: &Kit, message: &str) -> String {
    let message = kit.get(&format!("/v1/messages/{message}")).await.ok();
    message["status"].as_str().expect("a status").to_owned()
}

fn attempted(attempt: u64, retryable: bool) -> Value {
    json!({"attempt": attempt, "max_attempts": 8, "retryable": retryable})
}

/// Types and data of a message's events.
async fn told(kit: &Kit, message: &str) -> Vec<(String, Value)> {
    let events = kit.full_events(message).await.into_iter();
    events
        .map(|event| {
            let kind = event["type"].as_str().unwrap_or_default().replace("message.", "");
            (kind, event["data"].clone())
        })
        .collect()
}

fn plain(kind: &str) -> (String, Value) {
    (kind.to_owned(), Value::Null)
}

/// Microseconds from the start of a delivery log.
fn micros(log: &Value) -> i64 {
    let at = log["inserted_at"].as_str().and_then(Timestamp::parse).expect("a datetime");
    let start = Timestamp::parse(START).expect("a datetime");
    (at - start).0
}

#[test]
fn what_was_accepted_is_delivered() {
    on_both(async |kit| {
        let replies: &[Reply] = &[
            (200, &[("content-type", "application/json")], r#"{"ok":true}"#),
            (204, &[], ""),
            (299, &[], ""),
        ];
        let provider = Provider::start(replies).await;
        for status_code in [200, 204, 299] {
            let id = send(kit, &provider.url("/hook?x=1")).await;
            assert_eq!(status(kit, &id).await, "delivered", "{status_code}");
            assert_eq!(told(kit, &id).await, [plain("created"), plain("queued"), plain("delivered")]);
            let logs = kit.delivery_logs(&id).await;
            assert_eq!(logs.len(), 1);
            let (request, response) = (&logs[0]["request"], &logs[0]["response"]);
            assert_eq!(
                (&request["method"], &request["path"], &request["query"]),
                (&json!("POST"), &json!("/hook"), &json!("?x=1"))
            );
            assert_eq!(request["body"], json!({"to": "ada"}));
            assert_eq!(response["status"], status_code);
            let seen = provider.seen().pop().expect("a request came");
            assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/hook?x=1"));
            assert_eq!(seen.body, r#"{"to":"ada"}"#, "compact, whatever the template looked like");
            assert_eq!(seen.header("idempotency-key"), id);
            assert!(seen.header("content-type").starts_with("application/json"));
        }
    });
}

#[test]
fn one_failure_is_one_more_attempt() {
    on_both(async |kit| {
        let provider = Provider::start(&[(503, &[], "busy"), (200, &[], "")]).await;
        let id = send(kit, &provider.url("/hook")).await;
        assert_eq!(status(kit, &id).await, "queued", "between attempts a message rests");
        kit.advance("PT6.999999S").await;
        assert_eq!(provider.seen().len(), 1, "half of the nominal wait is the least");
        kit.advance("PT7.000001S").await;
        assert_eq!(status(kit, &id).await, "delivered");
        let wanted = [
            plain("created"),
            plain("queued"),
            ("delivery_attempted".into(), attempted(1, true)),
            plain("queued"),
            plain("delivered"),
        ];
        assert_eq!(told(kit, &id).await, wanted);
        let logs = kit.delivery_logs(&id).await;
        assert_eq!(logs.iter().map(|log| log["response"]["status"].clone()).collect::<Vec<_>>(), [503, 200]);
        let keys: Vec<_> =
            provider.seen().iter().map(|seen| seen.header("idempotency-key").to_owned()).collect();
        assert_eq!(keys, [id.as_str(), id.as_str()], "both attempts carry the message's id");
    });
}

#[test]
fn retry_after_is_obeyed() {
    on_both(async |kit| {
        let provider = Provider::start(&[(429, &[("retry-after", "120")], ""), (200, &[], "")]).await;
        let id = send(kit, &provider.url("/hook")).await;
        kit.advance("PT1M59.999999S").await;
        assert_eq!(provider.seen().len(), 1);
        kit.advance("PT0.000001S").await;
        assert_eq!(provider.seen().len(), 2);
        assert_eq!(kit.events(&id).await, ["created", "queued", "delivery_attempted", "queued", "delivered"]);
        // More than the window has left: the last attempt comes at its end.
        let provider = Provider::start(&[(429, &[("retry-after", "86400")], ""), (200, &[], "")]).await;
        let id = send(kit, &provider.url("/hook")).await;
        kit.advance("PT30M").await;
        assert_eq!((provider.seen().len(), status(kit, &id).await.as_str()), (2, "delivered"));
    });
}

#[test]
fn some_answers_end_it_at_once() {
    on_both(async |kit| {
        for code in [401, 403, 404, 405] {
            let script: [Reply; 1] = [(code, &[], "no")];
            let provider = Provider::start(&script).await;
            let id = send(kit, &provider.url("/hook")).await;
            assert_eq!(status(kit, &id).await, "undelivered", "{code}");
            let events = told(kit, &id).await;
            assert_eq!(events[2], ("delivery_attempted".into(), attempted(1, false)));
            assert_eq!(events.len(), 4, "no second queued: {events:?}");
            assert_eq!(
                (events[3].0.as_str(), &events[3].1["failure_reason"]),
                ("undelivered", &json!("fatal_error"))
            );
            assert!(
                events[3].1["failure_details"].as_str().is_some_and(|text| text.contains(&code.to_string()))
            );
            kit.advance("PT1H").await;
            assert_eq!(provider.seen().len(), 1, "{code}");
        }
    });
}

#[test]
fn eight_attempts_are_all() {
    on_both(async |kit| {
        let provider = Provider::start(&[(503, &[], "")]).await;
        let id = send(kit, &provider.url("/hook")).await;
        kit.advance("PT30M").await;
        assert_eq!((provider.seen().len(), status(kit, &id).await.as_str()), (8, "undelivered"));
        let events = told(kit, &id).await;
        for n in 0..8 {
            assert_eq!(events[2 + 2 * n], ("delivery_attempted".into(), attempted(n as u64 + 1, true)));
        }
        let (last, data) = events.last().expect("events");
        assert_eq!((last.as_str(), &data["failure_reason"]), ("undelivered", &json!("retries_exhausted")));
        assert_eq!(events.len(), 2 + 7 * 2 + 2);
        let at: Vec<i64> = kit.delivery_logs(&id).await.iter().map(micros).collect();
        assert_eq!(at.len(), 8);
        for (n, pair) in at.windows(2).enumerate() {
            let nominal = 14_000_000 << n;
            let wait = pair[1] - pair[0];
            assert!((nominal / 2..=nominal).contains(&wait), "wait {n} is {wait}, nominally {nominal}");
        }
        assert!((889_000_000..=1_778_000_000).contains(&at[7]), "the last attempt is after {} µs", at[7]);
        kit.advance("P1D").await;
        assert_eq!(provider.seen().len(), 8);
    });
}

#[test]
fn redirects_are_not_followed() {
    on_both(async |kit| {
        let provider = Provider::start(&[(302, &[("location", "/elsewhere")], ""), (200, &[], "")]).await;
        let id = send(kit, &provider.url("/hook")).await;
        assert_eq!(provider.seen().len(), 1);
        assert_eq!(kit.delivery_logs(&id).await[0]["response"]["status"], 302);
        kit.advance("PT14S").await;
        let paths: Vec<_> = provider.seen().into_iter().map(|seen| seen.path).collect();
        assert_eq!(paths, ["/hook", "/hook"]);
    });
}

#[test]
fn nobody_listening_is_an_attempt_too() {
    on_both(async |kit| {
        let gone = Provider::start(&[(200, &[], "")]).await;
        let url = gone.url("/hook");
        drop(gone);
        // The port is free only when the listener's task has ended.
        while tokio::net::TcpStream::connect(url.trim_start_matches("http://").trim_end_matches("/hook"))
            .await
            .is_ok()
        {
            tokio::task::yield_now().await;
        }
        let id = send(kit, &url).await;
        assert_eq!(told(kit, &id).await[2], ("delivery_attempted".into(), attempted(1, true)));
        let response = kit.delivery_logs(&id).await[0]["response"].clone();
        assert_eq!(response["status"], 0, "{response}");
        kit.advance("PT30M").await;
        assert_eq!(status(kit, &id).await, "undelivered");
    });
}

#[test]
fn private_addresses_are_closed_unless_allowed() {
    for_each(async |db| {
        let kit = Kit::with(db, |config| config.allow_private_addresses = false).await;
        let provider = Provider::start(&[(200, &[], "")]).await;
        let port = provider.url("").rsplit_once(':').expect("a port").1.to_owned();
        for url in [
            provider.url("/hook"),
            format!("https://127.0.0.1:{port}/hook"),
            format!("https://localhost:{port}/hook"),
            format!("https://[::1]:{port}/hook"),
            format!("https://[::ffff:127.0.0.1]:{port}/hook"),
            format!("https://2130706433:{port}/hook"),
            "https://169.254.169.254/latest/meta-data".to_owned(),
            "https://10.0.0.1/hook".to_owned(),
        ] {
            let id = send(&kit, &url).await;
            assert_eq!(status(&kit, &id).await, "undelivered", "{url}");
            let events = told(&kit, &id).await;
            assert_eq!(
                events.last().map(|(_, data)| data["failure_reason"].clone()),
                Some(json!("fatal_error")),
                "{url}"
            );
        }
        assert_eq!(provider.seen().len(), 0);
        kit.close().await;
    });
}

#[test]
fn secret_variables_reach_the_provider_and_no_log() {
    on_both(async |kit| {
        let provider = Provider::start(&[(200, &[], "you sent deep-secret")]).await;
        kit.users(&["ada"]).await;
        let secret = json!({"type": "secret", "value": r#"{"key": "deep-secret"}"#});
        kit.service.put("/v1/admin/variables/api", secret).await.ok();
        kit.channel("webhook", json!({"provider_settings": {"signing_key": "{{ vars.api.key }}"}})).await;
        let mut step = steps::webhook("hook_1", &provider.url("/hook"));
        step["template"]["headers"] = json!([{"key": "x-custom", "value": "{{ vars.api.key }}"}]);
        kit.workflow("secret", json!([step])).await;
        let run = kit.trigger("secret", json!({"recipients": ["ada"]})).await;
        kit.idle().await;
        let seen = provider.seen().pop().expect("a request came");
        assert_eq!(seen.header("x-custom"), "deep-secret");
        let (signed, signature) = seen.header("x-webhook-signature").split_once(",s=").expect("signed");
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"deep-secret");
        let signature = base64::engine::general_purpose::STANDARD.decode(signature).expect("base64");
        let signed = format!("{}.{}", signed.trim_start_matches("t="), seen.body);
        assert!(hmac::verify(&key, signed.as_bytes(), &signature).is_ok(), "settings see variables");
        let id = kit.messages(&run).await[0]["id"].as_str().expect("an id").to_owned();
        let shown = json!(kit.delivery_logs(&id).await).to_string();
        assert!(shown.contains("[REDACTED]") && !shown.contains("deep-secret"), "{shown}");
    });
}

#[test]
fn the_signature_covers_the_exact_bytes() {
    on_both(async |kit| {
        let provider = Provider::start(&[(200, &[], "")]).await;
        kit.channel("webhook", json!({"provider_settings": {"signing_key": "s3cret-key"}})).await;
        let id = send(kit, &provider.url("/hook")).await;
        let seen = provider.seen().pop().expect("a request came");
        let header = seen.header("x-webhook-signature").to_owned();
        let (time, signature) = header.split_once(",s=").expect("t=…,s=…");
        let millis = time.strip_prefix("t=").expect("t=…");
        assert_eq!(millis, "1772442000000", "the instant of the attempt");
        let signature = base64::engine::general_purpose::STANDARD.decode(signature).expect("base64");
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"s3cret-key");
        let signed = format!("{millis}.{}", seen.body);
        assert!(hmac::verify(&key, signed.as_bytes(), &signature).is_ok(), "{header}");
        let shown = json!(kit.delivery_logs(&id).await).to_string();
        assert!(!shown.contains("s3cret-key"), "{shown}");
        let channels = kit.service.get("/v1/admin/channels").await.ok().to_string();
        assert!(!channels.contains("s3cret-key"), "{channels}");
    });
}

#[test]
fn the_sandbox_shows_what_would_have_been_sent() {
    on_both(async |kit| {
        let (push, chat) = (kit.channel_id("push").await, kit.channel_id("chat").await);
        let ada = json!({
            "name": "Ada",
            "email": "ada@example.com",
            "phone_number": "+15551234567",
            "channel_data": {
                push: {"tokens": ["device-1", "device-2"]},
                chat: {"connections": [{"access_token": "xoxb-secret", "channel_id": "C1"}]},
            },
        });
        kit.put("/v1/users/ada", ada).await.ok();
        let list = json!([
            {"ref": "email_1", "type": "channel", "channel_key": "email",
             "template": {"subject": "Hi {{ recipient.name }}", "html_body": "<p>{{ data.text }}</p>", "text_body": "T {{ data.text }}"}},
            steps::sms("sms_1", "S {{ data.text }}"),
            {"ref": "push_1", "type": "channel", "channel_key": "push",
             "template": {"title": "P", "text_body": "B {{ data.text }}"}},
            {"ref": "chat_1", "type": "channel", "channel_key": "chat",
             "template": {"markdown_body": "**C** {{ data.text }}"}},
        ]);
        kit.workflow("all", list).await;
        let run = kit.trigger("all", json!({"recipients": ["ada"], "data": {"text": "ü & 1+1"}})).await;
        let messages = kit.messages(&run).await;
        assert_eq!(kit.steps(&run).await, ["email_1", "sms_1", "push_1", "push_1", "chat_1"]);
        let mut requests = Vec::new();
        for message in &messages {
            assert_eq!(message["status"], "not_sent", "{message}");
            let id = message["id"].as_str().expect("an id");
            assert_eq!(kit.events(id).await, ["created", "queued", "not_sent"]);
            let logs = kit.delivery_logs(id).await;
            assert_eq!(logs.len(), 1, "{message}");
            assert_eq!(
                logs[0]["response"],
                json!({"status": 0, "headers": null, "body": {"error": "sandbox"}})
            );
            requests.push((logs[0]["service_name"].clone(), logs[0]["request"].clone()));
        }
        let [(_, email), (twilio, sms), (fcm, first), (_, second), (slack, chat)] = &requests[..] else {
            panic!("{requests:?}");
        };
        let body = email["body"].to_string();
        for part in ["Hi Ada", "ada@example.com", "T ü & 1+1"] {
            assert!(body.contains(part), "{part}: {body}");
        }
        assert_eq!(twilio, "Twilio");
        assert_eq!((&sms["host"], &sms["method"]), (&json!("api.twilio.com"), &json!("POST")));
        assert!(sms["path"].as_str().is_some_and(|path| path.ends_with("/Messages.json")), "{sms}");
        assert_eq!((&sms["body"]["To"], &sms["body"]["Body"]), (&json!("+15551234567"), &json!("S ü & 1+1")));
        assert_eq!(fcm, "Firebase");
        assert_eq!(first["host"], "fcm.googleapis.com");
        for (request, device) in [(first, "device-1"), (second, "device-2")] {
            let message = &request["body"]["message"];
            assert_eq!(message["token"], device, "{request}");
            assert_eq!(message["notification"], json!({"title": "P", "body": "B ü & 1+1"}));
        }
        assert_eq!(slack, "Slack");
        assert_eq!((&chat["host"], &chat["path"]), (&json!("slack.com"), &json!("/api/chat.postMessage")));
        assert_eq!(chat["body"]["channel"], "C1");
        assert_eq!(chat["body"]["text"], "*C* ü &amp; 1+1");
        assert!(!json!(requests).to_string().contains("xoxb-secret"), "a token stands in the log");
    });
}

#[test]
fn a_sandboxed_run_reaches_nobody() {
    on_both(async |kit| {
        let provider = Provider::start(&[(200, &[], "")]).await;
        kit.users(&["ada"]).await;
        let list = json!([steps::webhook("hook_1", &provider.url("/hook")), steps::feed("feed_1", "x")]);
        kit.workflow("hooks", list).await;
        let body = json!({"recipients": ["ada"], "settings": {"sandbox_mode": true}});
        let run = kit.trigger("hooks", body.clone()).await;
        let messages = kit.messages(&run).await;
        assert_eq!(
            (&messages[0]["status"], &messages[1]["status"]),
            (&json!("not_sent"), &json!("delivered"))
        );
        kit.channel("webhook", json!({"is_sandbox": true})).await;
        let run = kit.trigger("hooks", json!({"recipients": ["ada"]})).await;
        assert_eq!(kit.messages(&run).await[0]["status"], "not_sent");
        assert_eq!(provider.seen().len(), 0);
        kit.channel("webhook", json!({"is_sandbox": false})).await;
        kit.trigger("hooks", json!({"recipients": ["ada"]})).await;
        assert_eq!(provider.seen().len(), 1, "a change of the channel is live at once");
    });
}

#[test]
fn a_provider_with_credentials_is_called() {
    on_both(async |kit| {
        let replies: &[Reply] = &[
            (201, &[("content-type", "application/json")], r#"{"sid":"SM1","status":"queued"}"#),
            (
                400,
                &[("content-type", "application/json")],
                r#"{"code":21211,"message":"not a phone number"}"#,
            ),
        ];
        let provider = Provider::start(replies).await;
        let settings = json!({
            "account_id": "AC1", "auth_token": "tw-secret", "from_type": "phone_number",
            "phone_number": "+1555", "base_url": provider.url(""),
        });
        kit.channel("sms", json!({"provider_settings": settings})).await;
        kit.put("/v1/users/ada", json!({"phone_number": "+4915112345"})).await.ok();
        kit.workflow("texts", json!([steps::sms("sms_1", "Hi")])).await;
        let run = kit.trigger("texts", json!({"recipients": ["ada"]})).await;
        let message = kit.messages(&run).await.remove(0);
        assert_eq!(
            (&message["status"], &message["metadata"]["external_id"]),
            (&json!("sent"), &json!("SM1"))
        );
        let seen = provider.seen().remove(0);
        assert_eq!(seen.path, "/2010-04-01/Accounts/AC1/Messages.json");
        assert_eq!(seen.body, "To=%2B4915112345&Body=Hi&From=%2B1555");
        let run = kit.trigger("texts", json!({"recipients": ["ada"]})).await;
        let message = kit.messages(&run).await.remove(0);
        assert_eq!(message["status"], "bounced");
        let id = message["id"].as_str().expect("an id");
        assert_eq!(kit.events(id).await, ["created", "queued", "bounced"]);
        assert!(!json!(kit.delivery_logs(id).await).to_string().contains("tw-secret"));
    });
}
