//! What is kept of one exchange with a provider (delivery.md section 6): shaped as HTTP whatever the protocol was,
//! without secrets, without attachments, short.

use serde::Serialize;
use serde_json::{Map, Value, json};
use url::Url;

use crate::delivery::Outgoing;
use crate::email::{SmtpMail, SmtpReply};
use crate::exchange::{HttpAnswer, HttpRequest, TransportError};
use crate::message::Content;
use crate::redaction::{self, REDACTED};
use crate::registry::{Answer, Provider};
use crate::truncation::{TRUNCATED, truncate};

/// The provider-specific part of a delivery log; the store adds ids and times.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DeliveryLog {
    /// The provider's display name.
    pub service_name: &'static str,
    /// `{method, host, path, query, headers, body}`.
    pub request: Value,
    /// `{status, headers, body}`; the status is 0 when none came, also because the request was only shown (sandbox).
    pub response: Value,
}

/// The log of one attempt. `secrets` are texts that must not be shown wherever they occur: the provider's own and
/// the secret variables that settings were rendered from. No `result` means that nothing was sent.
pub fn record(
    provider: &Provider,
    content: &Content,
    outgoing: &Outgoing,
    result: Option<&Result<Answer, TransportError>>,
    secrets: &[&str],
) -> DeliveryLog {
    let mut request = match outgoing {
        Outgoing::Http(request) => http_request(request),
        Outgoing::Smtp(mail) => smtp_request(mail, content),
    };
    let mut response = match result {
        // The published schema wants an object here too.
        None => json!({"status": 0, "headers": null, "body": {"error": "sandbox"}}),
        Some(Ok(Answer::Http(answer))) => http_response(answer),
        Some(Ok(Answer::Smtp(reply))) => smtp_response(reply),
        Some(Err(error)) => no_response(error),
    };
    for side in [&mut request, &mut response] {
        redaction::replace_secrets_in(side, secrets);
        if let Some(body) = side.get_mut("body") {
            *body = truncate(body.take());
        }
    }
    DeliveryLog { service_name: provider.name, request, response }
}

fn http_request(request: &HttpRequest) -> Value {
    let url = Url::parse(&request.url).ok();
    let host = url.as_ref().map(host_and_port).unwrap_or_default();
    let secret_path = url
        .as_ref()
        .is_some_and(|url| redaction::is_webhook_host(url.host_str().unwrap_or_default(), url.path()));
    let path = match &url {
        _ if secret_path => format!("/{REDACTED}"),
        Some(url) => url.path().to_owned(),
        None => String::new(),
    };
    json!({
        "method": request.method.as_str(),
        "host": host,
        "path": path,
        "query": url.as_ref().filter(|_| !secret_path).and_then(query),
        "headers": headers(&request.headers),
        "body": body(&request.body, request.header("content-type")),
    })
}

fn host_and_port(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The query with its question mark, its credentials hidden.
fn query(url: &Url) -> Option<String> {
    let text = url.query().filter(|text| !text.is_empty())?;
    Some(format!("?{}", redaction::query(text)))
}

fn headers(headers: &[(String, String)]) -> Value {
    let mut shown: Map<String, Value> = Map::new();
    for (name, value) in headers {
        let value =
            if redaction::is_secret_header(name) { redaction::header_value(value) } else { value.clone() };
        match shown.get_mut(name) {
            Some(Value::String(before)) => *before = format!("{before}, {value}"),
            _ => {
                shown.insert(name.clone(), value.into());
            }
        }
    }
    Value::Object(shown)
}

/// An object where the payload is JSON or a form, else a text.
fn body(bytes: &[u8], content_type: Option<&str>) -> Value {
    let is_form = content_type.is_some_and(|text| text.starts_with("application/x-www-form-urlencoded"));
    let mut value = if is_form {
        form(bytes)
    } else {
        match serde_json::from_slice::<Value>(bytes) {
            Ok(value @ (Value::Object(_) | Value::Array(_))) => value,
            _ => Value::String(String::from_utf8_lossy(bytes).into_owned()),
        }
    };
    redaction::body(&mut value);
    value
}

fn form(bytes: &[u8]) -> Value {
    let mut fields: Map<String, Value> = Map::new();
    for (key, value) in url::form_urlencoded::parse(bytes) {
        let value = Value::String(value.into_owned());
        match fields.get_mut(key.as_ref()) {
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
            None => {
                fields.insert(key.into_owned(), value);
            }
        }
    }
    Value::Object(fields)
}

fn http_response(answer: &HttpAnswer) -> Value {
    json!({
        "status": answer.status,
        "headers": headers(&answer.headers),
        "body": body(&answer.body, answer.header("content-type")),
    })
}

/// R6.2.
fn no_response(error: &TransportError) -> Value {
    let mut body = json!({"error": error.code()});
    if !matches!(error, TransportError::Timeout { .. }) {
        body["details"] = error.to_string().into();
    }
    json!({"status": 0, "headers": null, "body": body})
}

/// Clients know HTTP verbs only, so mail submission is a POST to the server's root (corner 28).
fn smtp_request(mail: &SmtpMail, content: &Content) -> Value {
    let mut body = content.wire();
    if let Value::Object(map) = &mut body {
        map.remove("__typename");
        if mail.attachments > 0 {
            map.insert("attachments".into(), TRUNCATED.into());
        }
    }
    let mut headers = headers(&mail.headers);
    headers["Message-ID"] = format!("<{}>", mail.message_id).into();
    json!({
        "method": "POST",
        "host": format!("{}:{}", mail.account.host, mail.account.port),
        "path": "/",
        "query": null,
        "headers": headers,
        "body": body,
    })
}

fn smtp_response(reply: &SmtpReply) -> Value {
    let mut body = json!({"message": reply.text});
    if !reply.refused_copies.is_empty() {
        body["refused_copies"] = reply.refused_copies.clone().into();
    }
    json!({"status": reply.code, "headers": null, "body": body})
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::Delivery;
    use crate::email::SmtpStage;
    use crate::message::{ChatMessage, EmailMessage, KeyValue, SmsMessage, WebhookRequest};
    use crate::registry::provider_by_key;
    use crate::setting::Settings;
    use campanile_core::time::Timestamp;

    fn log(
        key: &str,
        content: &Content,
        settings: Value,
        result: Option<&Result<Answer, TransportError>>,
        secrets: &[&str],
    ) -> DeliveryLog {
        let provider = provider_by_key(key).unwrap();
        let settings: Settings = settings.as_object().cloned().unwrap();
        let delivery = Delivery { sandbox: true, ..Delivery::new("m1", &settings, Timestamp(0)) };
        let outgoing = provider.build(content, &delivery).unwrap();
        record(provider, content, &outgoing, result, secrets)
    }

    #[test]
    fn a_form_is_an_object_and_credentials_are_hidden() {
        let sms = Content::Sms(SmsMessage { to: "+1".into(), body: "hi".into() });
        let answer = Ok(Answer::Http(HttpAnswer {
            status: 201,
            headers: vec![("Set-Cookie".into(), "a=b".into()), ("X-Id".into(), "1".into())],
            body: br#"{"sid":"SM1","auth_token":"x"}"#.to_vec(),
        }));
        let log = log("sms_twilio", &sms, json!({"account_id":"AC1"}), Some(&answer), &[]);
        assert_eq!(log.service_name, "Twilio");
        assert_eq!(
            log.request,
            json!({
                "method": "POST",
                "host": "api.twilio.com",
                "path": "/2010-04-01/Accounts/AC1/Messages.json",
                "query": null,
                "headers": {
                    "User-Agent": crate::exchange::USER_AGENT,
                    "Authorization": "Basic [REDACTED]",
                    "Content-Type": "application/x-www-form-urlencoded",
                },
                "body": {"To": "+1", "Body": "hi", "From": "PHONE_NUMBER"},
            })
        );
        assert_eq!(
            log.response,
            json!({
                "status": 201,
                "headers": {"Set-Cookie": "[REDACTED]", "X-Id": "1"},
                "body": {"sid": "SM1", "auth_token": "[REDACTED]"},
            })
        );
    }

    #[test]
    fn missing_answers_have_status_zero() {
        let sms = Content::Sms(SmsMessage::default());
        for (error, want) in [
            (
                TransportError::Timeout { may_have_arrived: true },
                json!({"status":0,"headers":null,"body":{"error":"timeout"}}),
            ),
            (
                TransportError::Connect("refused".into()),
                json!({"status":0,"headers":null,"body":{"error":"connect_error","details":"cannot connect: refused"}}),
            ),
        ] {
            assert_eq!(log("sms_twilio", &sms, json!({}), Some(&Err(error)), &[]).response, want);
        }
        let shown = log("sms_twilio", &sms, json!({}), None, &[]).response;
        assert_eq!(shown, json!({"status": 0, "headers": null, "body": {"error": "sandbox"}}));
    }

    #[test]
    fn secrets_do_not_reach_urls_headers_or_bodies() {
        let hook = Content::Http(WebhookRequest {
            method: "post".into(),
            url: "https://h.test:8443/a?api_key=s3cret-1&q=1&token=s3cret-2".into(),
            headers: vec![KeyValue::new("X-Custom", "with s3cret-3 inside")],
            body: Some(r#"{"key":"s3cret-4","note":"s3cret-5"}"#.into()),
            signing_key: Some("k".into()),
            ..Default::default()
        });
        let shown = log("http_knock_webhook", &hook, json!({}), None, &["s3cret-3", "s3cret-5"]);
        assert!(!shown.request.to_string().contains("s3cret"), "{}", shown.request);
        assert_eq!(shown.request["host"], "h.test:8443");
        assert_eq!(shown.request["query"], "?api_key=[REDACTED]&q=1&token=[REDACTED]");
        assert_eq!(shown.request["headers"]["x-webhook-signature"], "[REDACTED]");

        let chat = Content::Chat(ChatMessage {
            connection: json!({"incoming_webhook":{"url":"https://hooks.slack.com/services/T/B/s3cret"}}),
            ..Default::default()
        });
        let shown = log("chat_slack", &chat, json!({}), None, &[]);
        assert_eq!(
            (&shown.request["host"], &shown.request["path"]),
            (&json!("hooks.slack.com"), &json!("/[REDACTED]"))
        );
    }

    #[test]
    fn mail_is_shaped_as_http() {
        let mail = Content::Email(EmailMessage {
            from: "a@x.io".into(),
            to: "b@x.io".into(),
            subject: "S".into(),
            html: "x".repeat(2000),
            text: "t".into(),
            ..Default::default()
        });
        let reply = Ok(Answer::Smtp(SmtpReply {
            code: 550,
            text: "5.1.1 no such user".into(),
            stage: SmtpStage::Recipient,
            refused_copies: Vec::new(),
        }));
        let log = log("email_smtp", &mail, json!({"host":"mx.test","port":587}), Some(&reply), &[]);
        assert_eq!(log.service_name, "SMTP");
        assert_eq!(
            (&log.request["method"], &log.request["host"], &log.request["path"]),
            (&json!("POST"), &json!("mx.test:587"), &json!("/"))
        );
        assert_eq!(log.request["body"]["subject_line"], "S");
        assert_eq!(log.request["body"]["html_body"], "[TRUNCATED]");
        assert_eq!(
            log.response,
            json!({"status":550,"headers":null,"body":{"message":"5.1.1 no such user"}})
        );
    }
}
