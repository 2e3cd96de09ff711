//! The suite that every provider passes.

use super::*;
use crate::outcome::tests::{answer, transport_errors, word};
use serde_json::{Value, json};

fn content(channel_type: ChannelType) -> Option<Content> {
    Some(match channel_type {
        ChannelType::Email => Content::Email(EmailMessage {
            from: "a@x.io".into(),
            to: "b@x.io".into(),
            subject: "S".into(),
            text: "T".into(),
            ..Default::default()
        }),
        ChannelType::Sms => Content::Sms(SmsMessage { to: "+15551".into(), body: "B".into() }),
        ChannelType::Push => Content::Push(PushMessage { token: "t".into(), ..Default::default() }),
        ChannelType::Chat => {
            Content::Chat(ChatMessage { connection: json!({"channel_id":"C1"}), ..Default::default() })
        }
        ChannelType::Http => Content::Http(WebhookRequest {
            method: "post".into(),
            url: "https://h.test".into(),
            ..Default::default()
        }),
        ChannelType::InAppFeed | ChannelType::InAppGuide => return None,
    })
}

#[test]
fn keys_are_unique_and_name_their_type() {
    for (n, provider) in PROVIDERS.iter().enumerate() {
        assert!(PROVIDERS[n + 1..].iter().all(|other| other.key != provider.key), "{}", provider.key);
        assert!(provider.key.starts_with(provider.channel_type.as_str()), "{}", provider.key);
        assert!(!provider.name.is_empty());
        assert_eq!(provider_by_key(provider.key).map(|p| p.key), Some(provider.key));
    }
}

#[test]
fn bare_vendor_names_are_accepted_where_they_name_one() {
    for (name, want) in [
        ("smtp", Some("email_smtp")),
        ("twilio", Some("sms_twilio")),
        ("fcm", Some("push_fcm")),
        ("slack", Some("chat_slack")),
        ("ms_teams", Some("chat_ms_teams")),
        ("knock_webhook", Some("http_knock_webhook")),
        ("knock", None),
        ("", None),
        ("sendgrid", None),
    ] {
        assert_eq!(provider_by_key(name).map(|provider| provider.key), want, "{name}");
    }
}

#[test]
fn secrets_are_never_shown() {
    for provider in PROVIDERS {
        let mut settings = Settings::new();
        for setting in provider.settings.iter().filter(|setting| setting.secret) {
            settings.insert(setting.name.into(), "s3cret-s3cret-s3cret".into());
        }
        let shown = Value::Object(provider.obfuscate(&settings)).to_string();
        assert!(!shown.contains("s3cret"), "{} {shown}", provider.key);
        assert_eq!(provider.secrets(&settings).len(), settings.len());
    }
}

#[test]
fn every_message_can_be_shown_without_credentials() {
    for provider in PROVIDERS {
        let Some(content) = content(provider.channel_type) else { continue };
        let settings = Settings::new();
        let shown = Delivery { sandbox: true, ..Delivery::new("m1", &settings, Timestamp(0)) };
        let built = provider.build(&content, &shown);
        assert!(built.is_ok(), "{}: {built:?}", provider.key);
        if !provider.missing(&settings).is_empty() {
            let refused = provider.build(&content, &Delivery::new("m1", &settings, Timestamp(0)));
            assert!(matches!(refused, Err(BuildError::MissingSetting(_))), "{}: {refused:?}", provider.key);
        }
    }
}

#[test]
fn another_type_of_message_is_refused() {
    for provider in PROVIDERS {
        let settings = Settings::new();
        let delivery = Delivery::new("m1", &settings, Timestamp(0));
        for channel_type in ChannelType::ALL.into_iter().filter(|other| *other != provider.channel_type) {
            let Some(content) = content(channel_type) else { continue };
            assert_eq!(provider.build(&content, &delivery), Err(BuildError::WrongChannelType));
        }
    }
}

#[test]
fn general_answers_are_judged_sensibly() {
    for provider in PROVIDERS.iter().filter(|provider| !matches!(provider.connector, Connector::Smtp { .. }))
    {
        let Some(content) = content(provider.channel_type) else { continue };
        let settings = Settings::new();
        let shown = Delivery { sandbox: true, ..Delivery::new("m1", &settings, Timestamp(0)) };
        let outgoing = provider.build(&content, &shown).unwrap();
        let judge = |result| word(&provider.classify(&content, &outgoing, &result, Timestamp(0)));
        for (status, want) in [(401, "fatal"), (403, "fatal"), (429, "retry"), (500, "retry"), (503, "retry")]
        {
            for body in ["", "<html>", "{}", "[]", "null"] {
                assert_eq!(judge(Ok(Answer::Http(answer(status, body)))), want, "{} {status}", provider.key);
            }
        }
        for error in transport_errors() {
            assert!(matches!(judge(Err(error)), "retry" | "fatal"));
        }
    }
}
