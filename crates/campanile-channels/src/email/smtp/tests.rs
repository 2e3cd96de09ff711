use super::*;
use crate::message::KeyValue;
use crate::outcome::tests::{transport_errors, word};
use crate::setting::Settings;
use campanile_core::time::Timestamp;
use serde_json::{Value, json};

fn settings(value: Value) -> Settings {
    value.as_object().cloned().unwrap()
}

fn configured() -> Settings {
    settings(json!({"host":"mx.test","port":587,"username":"u","password":"p"}))
}

fn mail() -> EmailMessage {
    EmailMessage {
        from: "a@x.io".into(),
        from_name: Some("A\r\nBcc: evil@x.io".into()),
        to: "b@y.io".into(),
        to_name: Some("Ünal".into()),
        cc: vec!["C <c@y.io>".into()],
        bcc: vec!["audit@x.io".into()],
        reply_to: Some("r@x.io".into()),
        subject: "Hi\nthere".into(),
        html: "<p>Hallo Ü</p>".into(),
        text: "Hallo Ü".into(),
        headers: vec![KeyValue::new("List-Unsubscribe", "<https://x.io/u/1>")],
    }
}

fn built(mail: &EmailMessage, overrides: Option<&Value>, attachments: &[Value]) -> (SmtpMail, String) {
    let settings = configured();
    let at = Timestamp(1_700_000_000_000_000);
    let delivery = Delivery { overrides, attachments, ..Delivery::new("m1", &settings, at) };
    let sent = build(mail, &delivery).unwrap();
    let text = String::from_utf8(sent.bytes.clone()).unwrap();
    (sent, text)
}

#[test]
fn builds_headers_and_envelope() {
    let (sent, text) = built(&mail(), None, &[]);
    for line in [
        "Message-ID: <m1@x.io>\r\n",
        "Date: Tue, 14 Nov 2023 22:13:20 +0000\r\n",
        "From: =?utf-8?b?QSBCY2M6IGV2aWxAeC5pbw==?= <a@x.io>\r\n",
        "Cc: C <c@y.io>\r\n",
        "Reply-To: r@x.io\r\n",
        "Subject: Hi there\r\n",
        "List-Unsubscribe: <https://x.io/u/1>\r\n",
        "Content-Type: multipart/alternative;",
        "Content-Type: text/plain; charset=utf-8\r\n",
        "Content-Type: text/html; charset=utf-8\r\n",
    ] {
        assert!(text.contains(line), "{line:?} in\n{text}");
    }
    assert!(text.is_ascii());
    assert!(!text.contains("\r\nBcc:") && !text.contains("audit@x.io"));
    assert_eq!(sent.copies.iter().map(ToString::to_string).collect::<Vec<_>>(), ["c@y.io", "audit@x.io"]);
    assert_eq!(sent.message_id, "m1@x.io");
    assert_eq!(sent.account.security, Security::StartTls);
    assert_eq!(built(&mail(), None, &[]).1, text, "attempts send the same bytes");
}

#[test]
fn nests_parts_only_where_needed() {
    let attachments = [
        json!({"name":"a.pdf","content_type":"application/pdf","content":"aGk="}),
        json!({"name":"l.png","content_type":"image/png","content":"aGk=","disposition":"inline","content_id":"c1"}),
        json!({"name":"i.ics","content_type":"text/calendar; charset=utf-8; method=REQUEST","content":"aGk=","disposition":"inline"}),
    ];
    let only = |text: &str, html: &str| EmailMessage { text: text.into(), html: html.into(), ..mail() };
    for (mail, files, want) in [
        (only("t", ""), &attachments[..0], vec!["text/plain"]),
        (only("", "<p>"), &attachments[..0], vec!["text/html"]),
        (only("t", "<p>"), &attachments[..0], vec!["multipart/alternative", "text/plain", "text/html"]),
        (only("t", ""), &attachments[..1], vec!["multipart/mixed", "text/plain", "application/pdf"]),
        (
            only("t", "<p>"),
            &attachments[..],
            vec![
                "multipart/mixed",
                "multipart/related",
                "multipart/alternative",
                "text/plain",
                "text/html",
                "text/calendar",
                "image/png",
                "application/pdf",
            ],
        ),
    ] {
        let (_, text) = built(&mail, None, files);
        let types: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("Content-Type: "))
            .map(|line| line.split(';').next().unwrap_or(line))
            .collect();
        assert_eq!(types, want);
    }
    let (_, text) = built(&mail(), None, &attachments);
    assert!(text.contains("Content-ID: <c1>\r\n") && text.contains("method=REQUEST"));
    assert!(text.contains("Content-Disposition: inline; filename=\"l.png\""));
}

#[test]
fn overrides_touch_headers_only() {
    let over = json!({"headers":{"list-unsubscribe":"<mailto:x>","X-Num":7,"Content-Type":"x","X-Evil":"a\r\nBcc: b@x.io"},"subject":"no"});
    let (_, text) = built(&mail(), Some(&over), &[]);
    assert!(text.to_lowercase().contains("list-unsubscribe: <mailto:x>\r\n"), "{text}");
    assert!(text.contains("X-Num: 7\r\n") && text.contains("X-Evil: a Bcc: b@x.io\r\n"));
    assert!(!text.contains("x.io/u/1") && text.contains("Subject: Hi there"));

    let settings = configured();
    for (over, want) in [(json!([]), BuildError::Overrides), (json!({"headers":"x"}), BuildError::Overrides)]
    {
        let delivery = Delivery { overrides: Some(&over), ..Delivery::new("m1", &settings, Timestamp(0)) };
        assert_eq!(build(&mail(), &delivery).unwrap_err(), want);
    }
    let over = json!({"headers":{"X Y":"x"}});
    let delivery = Delivery { overrides: Some(&over), ..Delivery::new("m1", &settings, Timestamp(0)) };
    assert!(matches!(build(&mail(), &delivery), Err(BuildError::Invalid { what: "headers", .. })));
}

#[test]
fn long_unsubscribe_links_stay_whole() {
    let link = format!("<https://x.io/u/{}>", "a1_-".repeat(120));
    let headers = vec![
        KeyValue::new("List-Unsubscribe", link.clone()),
        KeyValue::new("List-Unsubscribe-Post", "List-Unsubscribe=One-Click"),
    ];
    let (_, text) = built(&EmailMessage { headers, ..mail() }, None, &[]);
    assert!(text.contains(&link), "{text}");
    assert!(text.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"));
}

#[test]
fn international_domains_become_ascii() {
    let (sent, text) = built(&EmailMessage { to: "b@büro.test".into(), ..mail() }, None, &[]);
    assert_eq!(sent.to.to_string(), "b@xn--bro-hoa.test");
    assert!(text.contains("<b@xn--bro-hoa.test>"));
}

#[test]
fn bad_addresses_cannot_be_built() {
    let settings = configured();
    let delivery = Delivery::new("m1", &settings, Timestamp(0));
    for (what, mail) in [
        ("from", EmailMessage { from: "nobody".into(), ..mail() }),
        ("to", EmailMessage { to: "a@x.io, b@x.io".into(), ..mail() }),
        ("to", EmailMessage { to: String::new(), ..mail() }),
        ("cc", EmailMessage { cc: vec!["@".into()], ..mail() }),
    ] {
        let error = build(&mail, &delivery).unwrap_err();
        assert!(matches!(&error, BuildError::Invalid { what: w, .. } if *w == what), "{error:?}");
    }
}

#[test]
fn reads_the_account() {
    let account_of = |value: Value, sandbox: bool| {
        let settings = settings(value);
        account(&Delivery { sandbox, ..Delivery::new("m1", &settings, Timestamp(0)) })
    };
    for (value, port, security, login) in [
        (json!({"host":"h","port":"465","username":"u","password":"p"}), 465, Security::Tls, true),
        (json!({"host":"h","port":25,"username":"u","password":"p"}), 25, Security::StartTls, true),
        (json!({"host":"h","port":1025,"security":"none"}), 1025, Security::None, false),
        (
            json!({"host":"h","port":465,"security":"starttls","username":"u","password":"p"}),
            465,
            Security::StartTls,
            true,
        ),
    ] {
        let account = account_of(value, false).unwrap();
        assert_eq!((account.port, account.security), (port, security));
        assert_eq!(account.credentials.is_some(), login);
        assert!(!format!("{account:?}").contains("\"p\""));
    }
    assert_eq!(account_of(json!({}), false), Err(BuildError::MissingSetting("port")));
    let shown = account_of(json!({}), true).unwrap();
    assert_eq!((shown.host.as_str(), shown.port), ("HOST", 587));
}

#[test]
fn classifies_replies() {
    use SmtpStage::*;
    for (code, text, stage, want) in [
        (250, "2.0.0 queued", Data, "sent"),
        (421, "closing", Connect, "retry"),
        (450, "busy", Recipient, "retry"),
        (451, "greylisted", Recipient, "retry"),
        (452, "full", Data, "retry"),
        (454, "4.7.0 temporary", Auth, "retry"),
        (530, "auth required", From, "fatal"),
        (534, "weak", Auth, "fatal"),
        (535, "5.7.8 bad credentials", Auth, "fatal"),
        (538, "encrypt", Auth, "fatal"),
        (550, "no such user", Recipient, "bounce"),
        (551, "not local", Recipient, "bounce"),
        (553, "bad mailbox", Recipient, "bounce"),
        (554, "5.1.1 unknown", Recipient, "bounce"),
        (550, "5.1.1 unknown", Data, "bounce"),
        (550, "5.1.8 bad sender", From, "fatal"),
        (553, "5.1.8 bad sender", From, "fatal"),
        (550, "spam", Data, "fatal"),
        (552, "too big", Data, "fatal"),
        (554, "no service", Connect, "fatal"),
        (354, "odd", Data, "fatal"),
    ] {
        let reply = SmtpReply { code, text: text.into(), stage, refused_copies: Vec::new() };
        assert_eq!(word(&classify(&reply, "m1@x.io")), want, "{code} {text} {stage:?}");
    }
    for error in transport_errors() {
        let never = matches!(error, TransportError::Blocked(_) | TransportError::Impossible(_));
        assert_eq!(word(&classify_error(&error)), if never { "fatal" } else { "retry" }, "{error}");
    }
}
