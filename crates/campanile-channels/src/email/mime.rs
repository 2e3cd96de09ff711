//! A canonical e-mail as MIME: `mixed` around `related` around `alternative`, each only where it is needed.

use std::time::{Duration, UNIX_EPOCH};

use aws_lc_rs::digest;
use lettre::Address;
use lettre::message::header::{ContentTransferEncoding, HeaderName, HeaderValue};
use lettre::message::{Attachment as MimeAttachment, Body, Mailbox, Message, MultiPart, SinglePart};
use serde_json::{Map, Value};

use super::attachment::{self, Attachment};
use super::{SmtpAccount, SmtpMail, one_line};
use crate::delivery::{BuildError, Delivery};
use crate::message::EmailMessage;
use crate::overrides;

/// Headers that describe the structure of the bytes; overriding them would break the mail.
const STRUCTURAL: [&str; 4] = ["content-type", "content-transfer-encoding", "mime-version", "bcc"];

/// Builds the bytes and the envelope. The same message makes the same bytes at every attempt, `Date` aside.
pub fn build(
    mail: &EmailMessage,
    delivery: &Delivery<'_>,
    account: SmtpAccount,
) -> Result<SmtpMail, BuildError> {
    let from = named("from", mail.from_name.as_deref(), &mail.from)?;
    let to = named("to", mail.to_name.as_deref(), &mail.to)?;
    let cc = mailboxes("cc", &mail.cc)?;
    let bcc = mailboxes("bcc", &mail.bcc)?;
    let headers = headers(mail, delivery)?;
    let message_id = headers
        .iter()
        .find(|(name, _)| name.eq_ignore_ascii_case("message-id"))
        .map_or_else(|| format!("{}@{}", delivery.message_id, from.email.domain()), |(_, id)| bare_id(id));

    let seconds = Duration::from_micros(delivery.now.0.max(0).unsigned_abs());
    let mut builder = Message::builder()
        .message_id(Some(format!("<{message_id}>")))
        .date(UNIX_EPOCH + seconds)
        .from(from.clone())
        .to(to.clone())
        .subject(one_line(&mail.subject));
    for mailbox in &cc {
        builder = builder.cc(mailbox.clone());
    }
    if let Some(reply_to) = mail.reply_to.as_deref().filter(|text| !text.trim().is_empty()) {
        builder = builder.reply_to(mailbox("reply_to", reply_to)?);
    }
    let copies: Vec<Address> = cc.iter().chain(&bcc).map(|mailbox| mailbox.email.clone()).collect();
    let envelope = std::iter::once(to.email.clone()).chain(copies.iter().cloned()).collect();
    let envelope = lettre::address::Envelope::new(Some(from.email.clone()), envelope)
        .map_err(|error| BuildError::invalid("to", error))?;
    let body = body(mail, attachment::parse(delivery.attachments)?, delivery.message_id);
    let builder = builder.envelope(envelope);
    let built = match body {
        Part::Many(parts) => builder.multipart(parts),
        Part::One(part) => builder.singlepart(part),
    };
    let mut message = built.map_err(|error| BuildError::invalid("e-mail", error))?;
    for (name, value) in headers.clone() {
        let name = HeaderName::new_from_ascii(name).map_err(|error| BuildError::invalid("headers", error))?;
        message.headers_mut().insert_raw(HeaderValue::new(name, value));
    }
    Ok(SmtpMail {
        account,
        message_id,
        from: from.email,
        to: to.email,
        copies,
        bytes: message.formatted(),
        headers,
        attachments: delivery.attachments.len(),
    })
}

/// The message's own headers, then the overrides (R2.6, 9.14): null removes, other values become text.
fn headers(mail: &EmailMessage, delivery: &Delivery<'_>) -> Result<Vec<(String, String)>, BuildError> {
    let mut headers: Vec<(String, String)> =
        mail.headers.iter().map(|header| (one_line(&header.key), one_line(&header.value))).collect();
    let overrides = overrides::object(delivery.overrides)?;
    let overrides = match overrides.get("headers") {
        Some(Value::Object(map)) => map.clone(),
        None | Some(Value::Null) => Map::new(),
        Some(_) => return Err(BuildError::Overrides),
    };
    for (name, value) in overrides {
        let name = one_line(&name);
        headers.retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
        if !value.is_null() {
            headers.push((name, one_line(&overrides::as_text(&value))));
        }
    }
    headers.retain(|(name, _)| !STRUCTURAL.iter().any(|own| name.eq_ignore_ascii_case(own)));
    match headers.iter().find(|(name, _)| !is_header_name(name)) {
        Some(_) => Err(BuildError::invalid("headers", "a name holds characters that headers cannot have")),
        None => Ok(headers),
    }
}

fn is_header_name(name: &str) -> bool {
    !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b':')
}

fn bare_id(text: &str) -> String {
    text.trim().trim_start_matches('<').trim_end_matches('>').to_owned()
}

fn named(what: &'static str, name: Option<&str>, address: &str) -> Result<Mailbox, BuildError> {
    let name = name.map(one_line).filter(|name| !name.is_empty());
    let mut mailbox = mailbox(what, address)?;
    if name.is_some() {
        mailbox.name = name;
    }
    Ok(mailbox)
}

fn mailbox(what: &'static str, address: &str) -> Result<Mailbox, BuildError> {
    let invalid = |error: &dyn std::fmt::Display| BuildError::invalid(what, error);
    let mut mailbox: Mailbox = one_line(address).parse().map_err(|error| invalid(&error))?;
    if !mailbox.email.domain().is_ascii() {
        // Punycode: every mail server understands it, whether it knows SMTPUTF8 or not.
        let domain = url::Host::parse(mailbox.email.domain()).map_err(|error| invalid(&error))?;
        mailbox.email =
            Address::new(mailbox.email.user(), domain.to_string()).map_err(|error| invalid(&error))?;
    }
    Ok(mailbox)
}

fn mailboxes(what: &'static str, addresses: &[String]) -> Result<Vec<Mailbox>, BuildError> {
    addresses.iter().map(|address| mailbox(what, address)).collect()
}

enum Part {
    One(SinglePart),
    Many(MultiPart),
}

fn body(mail: &EmailMessage, attachments: Vec<Attachment>, message_id: &str) -> Part {
    let (calendars, rest): (Vec<_>, Vec<_>) =
        attachments.into_iter().partition(Attachment::is_calendar_alternative);
    let (inline, attached): (Vec<_>, Vec<_>) = rest.into_iter().partition(|a| a.inline_id.is_some());

    let mut parts = Vec::new();
    if !mail.text.is_empty() || mail.html.is_empty() {
        parts.push(SinglePart::plain(mail.text.clone()));
    }
    if !mail.html.is_empty() {
        parts.push(SinglePart::html(mail.html.clone()));
    }
    parts.extend(calendars.into_iter().map(|calendar| {
        SinglePart::builder().content_type(calendar.content_type).body(encoded(calendar.content))
    }));
    let one = (parts.len() == 1).then(|| parts.pop()).flatten();
    let mut body = match one {
        Some(only) => Part::One(only),
        None => {
            let multi = MultiPart::alternative().boundary(boundary(message_id, "alternative")).build();
            Part::Many(parts.into_iter().fold(multi, MultiPart::singlepart))
        }
    };
    if !inline.is_empty() {
        let multi = wrap(MultiPart::related().boundary(boundary(message_id, "related")).build(), body);
        body = Part::Many(inline.into_iter().fold(multi, |multi, file| multi.singlepart(file_part(file))));
    }
    if !attached.is_empty() {
        let multi = wrap(MultiPart::mixed().boundary(boundary(message_id, "mixed")).build(), body);
        body = Part::Many(attached.into_iter().fold(multi, |multi, file| multi.singlepart(file_part(file))));
    }
    body
}

fn wrap(outer: MultiPart, inner: Part) -> MultiPart {
    match inner {
        Part::One(part) => outer.singlepart(part),
        Part::Many(parts) => outer.multipart(parts),
    }
}

fn file_part(file: Attachment) -> SinglePart {
    let holder = match file.inline_id {
        Some(id) => MimeAttachment::new_inline_with_name(id, file.name),
        None => MimeAttachment::new(file.name),
    };
    holder.body(encoded(file.content), file.content_type)
}

fn encoded(content: Vec<u8>) -> Body {
    Body::new_with_encoding(content, ContentTransferEncoding::Base64).expect("base64 encodes every byte")
}

/// A boundary that is the same at each attempt and cannot be foreseen by who writes the content.
fn boundary(message_id: &str, level: &str) -> String {
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(message_id.as_bytes());
    hash.update(level.as_bytes());
    hash.finish().as_ref()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}
