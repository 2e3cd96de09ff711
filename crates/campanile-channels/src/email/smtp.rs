//! SMTP: authenticated submission to any mail server. Never tracked, so a mail ends at `sent`.
//!
//! The bounce rows need to know which command was refused, so a reply carries its stage.

use std::fmt;

use campanile_core::workflow::ChannelType;
use lettre::Address;

use super::mime;
use crate::delivery::{BuildError, Delivery};
use crate::exchange::TransportError;
use crate::message::EmailMessage;
use crate::outcome::{self, Outcome};
use crate::registry::{Connector, Provider};
use crate::setting::{Kind, Required, Setting};

/// See the module.
pub const PROVIDER: Provider = Provider {
    key: "email_smtp",
    name: "SMTP",
    channel_type: ChannelType::Email,
    settings: &[
        Setting::text("host"),
        Setting::text("port").kind(Kind::Port),
        Setting::text("username").required(Required::Unless("security", "none")),
        Setting::secret("password").required(Required::Unless("security", "none")),
        Setting::text("security").kind(Kind::OneOf(&["none", "starttls", "tls"])).required(Required::Never),
    ],
    timeout_seconds: 30,
    connector: Connector::Smtp { build },
};

/// How the connection is protected. The page knows the last two; `none` is for test relays and set by hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Security {
    /// Plain text.
    None,
    /// Upgraded after the greeting; a server that cannot is refused.
    StartTls,
    /// From the first byte.
    Tls,
}

/// Where and as whom to submit.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SmtpAccount {
    /// The server's name.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// See [`Security`].
    pub security: Security,
    /// User name and password; none only without protection.
    pub credentials: Option<(String, String)>,
}

impl fmt::Debug for SmtpAccount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmtpAccount({}:{}, {:?})", self.host, self.port, self.security)
    }
}

/// One mail ready to be submitted.
#[derive(Clone, PartialEq, Eq)]
pub struct SmtpMail {
    /// Where it goes in.
    pub account: SmtpAccount,
    /// The `Message-ID` without its angle brackets; the external id.
    pub message_id: String,
    /// Envelope sender.
    pub from: Address,
    /// The one address whose refusal counts (S16).
    pub to: Address,
    /// cc and bcc.
    pub copies: Vec<Address>,
    /// The message, ASCII only.
    pub bytes: Vec<u8>,
    /// How many files it carries.
    pub attachments: usize,
}

impl fmt::Debug for SmtpMail {
    /// Without the bytes: message bodies never reach logs.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SmtpMail({}, {:?}, {} bytes)", self.message_id, self.account, self.bytes.len())
    }
}

/// The part of the dialogue that a reply belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SmtpStage {
    /// Greeting, EHLO, STARTTLS.
    Connect,
    /// AUTH.
    Auth,
    /// MAIL FROM.
    From,
    /// RCPT TO of the to-address.
    Recipient,
    /// DATA and the message itself.
    Data,
}

/// The reply that decided the attempt: the first refusal, or the acceptance after DATA.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SmtpReply {
    /// Three digits.
    pub code: u16,
    /// Its lines, joined.
    pub text: String,
    /// See [`SmtpStage`].
    pub stage: SmtpStage,
    /// cc and bcc addresses that the server refused while it took the message.
    pub refused_copies: Vec<String>,
}

fn build(mail: &EmailMessage, delivery: &Delivery<'_>) -> Result<SmtpMail, BuildError> {
    mime::build(mail, delivery, account(delivery)?)
}

fn account(delivery: &Delivery<'_>) -> Result<SmtpAccount, BuildError> {
    let port = match delivery.setting("port") {
        Some(text) => text.parse().map_err(|_| BuildError::invalid("port", "it is not a port number"))?,
        None if delivery.sandbox => 587,
        None => return Err(BuildError::MissingSetting("port")),
    };
    let security = match delivery.setting("security").as_deref() {
        Some("none") => Security::None,
        Some("starttls") => Security::StartTls,
        Some("tls") => Security::Tls,
        Some(_) => return Err(BuildError::invalid("security", "it is not one of none, starttls, tls")),
        None if port == 465 => Security::Tls,
        None => Security::StartTls,
    };
    let credentials = match (delivery.setting("username"), delivery.setting("password")) {
        (None, None) if security == Security::None => None,
        _ => Some((delivery.required("username")?, delivery.required("password")?)),
    };
    let host = delivery.required("host")?;
    // For tests the hidden `base_url` names another server, as `host:port`.
    if let Some((host, port)) = delivery.setting("base_url").as_deref().and_then(host_and_port) {
        return Ok(SmtpAccount { host, port, security, credentials });
    }
    Ok(SmtpAccount { host, port, security, credentials })
}

fn host_and_port(base: &str) -> Option<(String, u16)> {
    let (host, port) = base.trim_start_matches("smtp://").trim_end_matches('/').rsplit_once(':')?;
    Some((host.to_owned(), port.parse().ok()?))
}

/// What a server's reply means (channels.md 9.14).
pub fn classify(reply: &SmtpReply, message_id: &str) -> Outcome {
    let reason = || format!("SMTP {}: {}", reply.code, reply.text);
    match reply.code {
        200..=299 => Outcome::sent(message_id),
        400..=499 => Outcome::retry(reason()),
        530 | 534 | 535 | 538 => Outcome::fatal(reason()),
        550 | 551 | 553 if reply.stage == SmtpStage::Recipient => Outcome::bounce(reason()),
        500..=599 if reply.stage >= SmtpStage::Recipient && names_bad_recipient(&reply.text) => {
            Outcome::bounce(reason())
        }
        _ => Outcome::fatal(reason()),
    }
}

/// What a missing reply means.
pub fn classify_error(error: &TransportError) -> Outcome {
    outcome::without_answer(error)
}

/// An enhanced code `5.1.x`, except those about the sender's address: that is our configuration (R8.7).
fn names_bad_recipient(text: &str) -> bool {
    let code = text.split_whitespace().next().unwrap_or_default();
    code.starts_with("5.1.") && !matches!(code, "5.1.7" | "5.1.8")
}

#[cfg(test)]
mod tests {
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
        for (over, want) in
            [(json!([]), BuildError::Overrides), (json!({"headers":"x"}), BuildError::Overrides)]
        {
            let delivery =
                Delivery { overrides: Some(&over), ..Delivery::new("m1", &settings, Timestamp(0)) };
            assert_eq!(build(&mail(), &delivery).unwrap_err(), want);
        }
        let over = json!({"headers":{"X Y":"x"}});
        let delivery = Delivery { overrides: Some(&over), ..Delivery::new("m1", &settings, Timestamp(0)) };
        assert!(matches!(build(&mail(), &delivery), Err(BuildError::Invalid { what: "headers", .. })));
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
}
