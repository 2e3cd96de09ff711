//! Foreign text, whatever it is, neither panics nor gains powers.

use campanile_channels::delivery::{Delivery, Outgoing};
use campanile_channels::delivery_log;
use campanile_channels::email;
use campanile_channels::exchange::HttpAnswer;
use campanile_channels::message::{
    ChatBlock, ChatMessage, ChatTemplate, Content, EmailMessage, KeyValue, PushMessage, SmsMessage,
    WebhookRequest,
};
use campanile_channels::outcome;
use campanile_channels::registry::{Answer, PROVIDERS, provider_by_key};
use campanile_channels::setting::Settings;
use campanile_core::time::Timestamp;
use proptest::prelude::*;
use serde_json::{Value, json};

fn smtp(mail: EmailMessage) -> Option<String> {
    let settings: Settings =
        json!({"host":"h","port":25,"username":"u","password":"p"}).as_object().cloned()?;
    let built = provider_by_key("smtp")?
        .build(&Content::Email(mail), &Delivery::new("m1", &settings, Timestamp(0)))
        .ok()?;
    match built {
        Outgoing::Smtp(mail) => Some(String::from_utf8(mail.bytes).expect("mails are ASCII")),
        Outgoing::Http(_) => None,
    }
}

fn webhook(request: WebhookRequest) -> Option<Vec<u8>> {
    let settings = Settings::new();
    let built = provider_by_key("http_knock_webhook")?
        .build(&Content::Http(request), &Delivery::new("m1", &settings, Timestamp(0)))
        .ok()?;
    match built {
        Outgoing::Http(request) => Some(request.body),
        Outgoing::Smtp(_) => None,
    }
}

fn contents(text: &str) -> Vec<Content> {
    let data = json!({text: text, "nested": {"a": [text]}}).as_object().cloned().unwrap_or_default();
    let block = ChatBlock { kind: "markdown".into(), name: "b".into(), content: text.into() };
    vec![
        Content::Email(EmailMessage { from: text.into(), to: text.into(), ..Default::default() }),
        Content::Sms(SmsMessage { to: text.into(), body: text.into() }),
        Content::Push(PushMessage { token: text.into(), title: text.into(), data, ..Default::default() }),
        Content::Chat(ChatMessage {
            connection: json!({"channel_id": text, "access_token": text}),
            template: ChatTemplate { blocks: Some(vec![block]), ..Default::default() },
            ..Default::default()
        }),
        Content::Http(WebhookRequest {
            method: "post".into(),
            url: format!("https://h.test/{text}"),
            headers: vec![KeyValue::new(text, text)],
            body: Some(text.into()),
            ..Default::default()
        }),
    ]
}

proptest! {
    #[test]
    fn no_text_adds_a_header_to_a_mail(subject in any::<String>(), name in any::<String>(), value in any::<String>()) {
        let inject = |text: String| format!("{text}\r\nX-Injected: 1\n\rX-Injected: 2");
        let mail = EmailMessage {
            from: "a@x.io".into(),
            from_name: Some(inject(name.clone())),
            to: "b@x.io".into(),
            to_name: Some(inject(name)),
            subject: inject(subject),
            headers: vec![KeyValue::new("X-Own", inject(value))],
            text: "t".into(),
            ..Default::default()
        };
        let bytes = smtp(mail).expect("only addresses can be refused");
        prop_assert!(!bytes.lines().any(|line| line.starts_with("X-Injected")), "{}", bytes);
    }

    #[test]
    fn lists_are_split_into_single_lines(list in any::<String>()) {
        for address in email::split_addresses(&list) {
            prop_assert!(!address.is_empty() && !address.contains(['\r', '\n']));
        }
    }

    #[test]
    fn json_bodies_keep_their_value(text in any::<String>(), number in any::<f64>(), key in any::<String>()) {
        let value = json!({key: [text, number, null, {"a": true}]});
        let pretty = serde_json::to_string_pretty(&value).unwrap_or_default();
        let request = WebhookRequest {
            method: "post".into(),
            url: "https://h.test".into(),
            body: Some(pretty),
            ..Default::default()
        };
        let body = webhook(request).unwrap_or_default();
        prop_assert_eq!(String::from_utf8_lossy(&body), value.to_string());
    }

    #[test]
    fn any_content_is_built_or_refused_and_can_be_logged(text in "\\PC*", raw in any::<String>(), sandbox in any::<bool>()) {
        let settings = Settings::new();
        for content in contents(&text).iter().chain(&contents(&raw)) {
            for provider in PROVIDERS.iter().filter(|provider| provider.channel_type == content.channel_type()) {
                let delivery = Delivery { sandbox, ..Delivery::new("m1", &settings, Timestamp(0)) };
                if let Ok(outgoing) = provider.build(content, &delivery) {
                    let log = delivery_log::record(provider, content, &outgoing, None, &[]);
                    prop_assert!(log.request["method"].is_string());
                }
            }
            prop_assert!(content.wire().is_object());
        }
    }

    #[test]
    fn any_answer_is_judged(status in 100u16..1000, body in any::<Vec<u8>>(), error in "[a-zA-Z_]{0,20}", wait in any::<String>()) {
        let settings = Settings::new();
        let json = json!({"ok": false, "error": error, "code": status, "message": [error]}).to_string();
        for content in contents("x") {
            for provider in PROVIDERS.iter().filter(|provider| provider.channel_type == content.channel_type()) {
                let delivery = Delivery { sandbox: true, ..Delivery::new("m1", &settings, Timestamp(0)) };
                let Ok(outgoing) = provider.build(&content, &delivery) else { continue };
                for body in [body.clone(), json.clone().into_bytes()] {
                    let headers = vec![("Retry-After".to_owned(), wait.clone())];
                    let result = Ok(Answer::Http(HttpAnswer { status, headers, body }));
                    let _ = provider.classify(&content, &outgoing, &result, Timestamp(0));
                    let log = delivery_log::record(provider, &content, &outgoing, Some(&result), &["xxxx"]);
                    prop_assert_eq!(&log.response["status"], &Value::from(status));
                }
            }
        }
    }

    #[test]
    fn waits_are_never_negative(text in any::<String>(), now in any::<i64>()) {
        let answer = HttpAnswer { status: 429, headers: vec![("Retry-After".into(), text)], body: Vec::new() };
        prop_assert!(outcome::retry_after(&answer, Timestamp(now)).is_none_or(|wait| wait.0 >= 0));
    }
}
