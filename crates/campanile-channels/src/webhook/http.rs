//! The generic webhook provider: any verb, any URL of the customer, signed on request. 2xx means delivered.

use ::http::Method;
use campanile_core::workflow::ChannelType;
use serde::de::IgnoredAny;
use url::Url;

use super::signature_header;
use crate::delivery::{BuildError, Delivery};
use crate::exchange::{HttpRequest, JSON, TransportError};
use crate::message::WebhookRequest;
use crate::outcome::{self, Outcome, Reply};
use crate::registry::{Connector, Provider};
use crate::setting::{Required, Setting};

/// Headers that belong to the connection, not to the template.
const OF_THE_CONNECTION: [&str; 7] =
    ["host", "content-length", "transfer-encoding", "connection", "te", "trailer", "upgrade"];

/// See the module. The request template belongs to the channel settings; only the key is a secret of its own.
pub const PROVIDER: Provider = Provider {
    key: "http_knock_webhook",
    name: "Webhook",
    channel_type: ChannelType::Http,
    settings: &[Setting::secret("signing_key").required(Required::Never)],
    timeout_seconds: 50,
    connector: Connector::Webhook { build, classify },
};

fn build(webhook: &WebhookRequest, delivery: &Delivery<'_>) -> Result<HttpRequest, BuildError> {
    let method = match webhook.method.to_ascii_lowercase().as_str() {
        "get" => Method::GET,
        "post" => Method::POST,
        "put" => Method::PUT,
        "patch" => Method::PATCH,
        "delete" => Method::DELETE,
        _ => return Err(BuildError::invalid("method", "it is not one of get, post, put, patch, delete")),
    };
    let mut request = HttpRequest::new(method.clone(), url(webhook, delivery)?);
    request.guarded = true;
    if matches!(method, Method::POST | Method::PUT | Method::PATCH)
        && let Some(body) = webhook.body.as_deref().filter(|body| !body.is_empty())
    {
        let compact = compact(body);
        let content_type = if compact.is_some() { JSON } else { "text/plain; charset=utf-8" };
        request.body = compact.unwrap_or_else(|| body.to_owned()).into_bytes();
        request = request.with_header("Content-Type", content_type);
    }
    request = request.with_header("Idempotency-Key", delivery.idempotency_key());
    for header in webhook.headers.iter().filter(|header| !header.key.trim().is_empty()) {
        let name = header.key.trim();
        let value = header.value.trim();
        if OF_THE_CONNECTION.iter().any(|own| name.eq_ignore_ascii_case(own)) {
            continue;
        }
        ::http::HeaderName::try_from(name).map_err(|error| BuildError::invalid("headers", error))?;
        ::http::HeaderValue::try_from(value).map_err(|error| BuildError::invalid("headers", error))?;
        request = request.with_header(name, value);
    }
    if let Some(key) = &webhook.signing_key {
        let signature = signature_header(key, delivery.now, &request.body);
        request = request.with_header("x-webhook-signature", signature);
    }
    Ok(request)
}

fn url(webhook: &WebhookRequest, delivery: &Delivery<'_>) -> Result<String, BuildError> {
    let mut url = Url::parse(webhook.url.trim()).map_err(|error| BuildError::invalid("url", error))?;
    if let Some(base) = delivery.setting("base_url") {
        let path = &url[url::Position::BeforePath..];
        url = Url::parse(&format!("{}{path}", base.trim_end_matches('/')))
            .map_err(|error| BuildError::invalid("base_url", error))?;
    }
    match url.scheme() {
        "https" => {}
        "http" if delivery.allow_private_addresses => {}
        _ => return Err(BuildError::invalid("url", "its scheme is not https")),
    }
    let params: Vec<_> = webhook.query_params.iter().filter(|param| !param.key.is_empty()).collect();
    if !params.is_empty() {
        url.query_pairs_mut().extend_pairs(params.into_iter().map(|param| (&param.key, &param.value)));
    }
    Ok(url.into())
}

/// A JSON text without the white space between its tokens, or none when it is no JSON. Order and digits stay as
/// written, which a detour over a parsed value would not promise.
fn compact(text: &str) -> Option<String> {
    serde_json::from_str::<IgnoredAny>(text).ok()?;
    let mut out = String::with_capacity(text.len());
    let (mut quoted, mut escaped) = (false, false);
    for c in text.chars() {
        if quoted || !c.is_ascii_whitespace() {
            out.push(c);
        }
        quoted ^= c == '"' && !escaped;
        escaped = quoted && c == '\\' && !escaped;
    }
    Some(out)
}

fn classify(_: &WebhookRequest, reply: Reply<'_>) -> Outcome {
    match reply.result {
        Err(error @ TransportError::Dns(_)) => Outcome::fatal(error.to_string()),
        Err(error) => outcome::without_answer(error),
        Ok(answer) => match answer.status {
            200..=299 => Outcome::Delivered { external_id: None },
            401 | 403 | 404 | 405 => Outcome::fatal(outcome::status_reason(answer)),
            _ => Outcome::Retry {
                reason: outcome::status_reason(answer),
                retry_after: outcome::retry_after(answer, reply.now),
            },
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::KeyValue;
    use crate::outcome::tests::{answer, transport_errors, word};
    use crate::setting::Settings;
    use campanile_core::time::Timestamp;
    use serde_json::json;

    const AT: Timestamp = Timestamp(1_700_000_000_000_000);

    fn webhook(method: &str, url: &str, body: Option<&str>) -> WebhookRequest {
        WebhookRequest {
            method: method.into(),
            url: url.into(),
            body: body.map(Into::into),
            ..Default::default()
        }
    }

    fn request(webhook: &WebhookRequest) -> Result<HttpRequest, BuildError> {
        let settings = Settings::new();
        build(webhook, &Delivery::new("m1", &settings, AT))
    }

    #[test]
    fn builds_and_signs() {
        let mut hook = webhook("post", "https://h.test/a?x=1", Some("{ \"a\" :\n1 }"));
        hook.query_params = vec![KeyValue::new("q", "a b&c"), KeyValue::new("", "dropped")];
        hook.headers = vec![
            KeyValue::new("X-Team", " red "),
            KeyValue::new(" ", "dropped"),
            KeyValue::new("Content-Length", "0"),
        ];
        hook.signing_key = Some("k".into());
        let request = request(&hook).unwrap();
        assert_eq!(request.url, "https://h.test/a?x=1&q=a+b%26c");
        assert_eq!(request.body, br#"{"a":1}"#);
        for (name, want) in [
            ("content-type", "application/json; charset=utf-8"),
            ("idempotency-key", "m1"),
            ("x-team", "red"),
            ("x-webhook-signature", "t=1700000000000,s=QoTifLE8glVNCPyS50G4rhwSaqQck6MGBIFmbDaQm1E="),
        ] {
            assert_eq!(request.header(name), Some(want), "{name}");
        }
        assert!(request.guarded && request.header("content-length").is_none());
    }

    #[test]
    fn only_some_verbs_carry_a_body() {
        for (method, body, want) in [
            ("get", Some("{}"), ""),
            ("DELETE", Some("{}"), ""),
            ("post", None, ""),
            ("put", Some("a b"), "a b"),
            ("patch", Some("[1, 2]"), "[1,2]"),
        ] {
            let mut hook = webhook(method, "https://h.test", body);
            hook.signing_key = Some("k".into());
            let request = request(&hook).unwrap();
            assert_eq!(request.body, want.as_bytes(), "{method}");
            let unsigned = "t=1700000000000,s=VNgfgUDgL9n6QvQ/6fA7nlcujSVcEdKxDW1ndnm4gL4=";
            assert_eq!(request.header("x-webhook-signature") == Some(unsigned), want.is_empty());
        }
    }

    #[test]
    fn the_template_may_set_the_headers_we_add() {
        let mut hook = webhook("post", "https://h.test", Some("{}"));
        hook.headers = vec![KeyValue::new("idempotency-key", "own"), KeyValue::new("content-type", "text/x")];
        let request = request(&hook).unwrap();
        assert_eq!(request.header("Idempotency-Key"), Some("own"));
        assert_eq!(request.header("Content-Type"), Some("text/x"));
        let settings = Settings::new();
        let again = Delivery { manual_retries: 2, ..Delivery::new("m1", &settings, AT) };
        let request = build(&webhook("get", "https://h.test", None), &again).unwrap();
        assert_eq!(request.header("Idempotency-Key"), Some("m1-r2"));
    }

    #[test]
    fn refuses_what_cannot_be_sent() {
        for (hook, what) in [
            (webhook("post", "http://h.test", None), "url"),
            (webhook("post", "ftp://h.test", None), "url"),
            (webhook("post", "/relative", None), "url"),
            (webhook("post", "https://", None), "url"),
            (webhook("trace", "https://h.test", None), "method"),
            (
                WebhookRequest {
                    headers: vec![KeyValue::new("a b", "c")],
                    ..webhook("get", "https://h.test", None)
                },
                "headers",
            ),
            (
                WebhookRequest {
                    headers: vec![KeyValue::new("a", "b\r\nc: d")],
                    ..webhook("get", "https://h.test", None)
                },
                "headers",
            ),
        ] {
            let error = request(&hook).unwrap_err();
            assert!(matches!(&error, BuildError::Invalid { what: w, .. } if *w == what), "{error:?}");
        }
        let settings: Settings = json!({"base_url":"http://127.0.0.1:9/x"}).as_object().cloned().unwrap();
        let open = Delivery { allow_private_addresses: true, ..Delivery::new("m1", &settings, AT) };
        let request = build(&webhook("get", "https://h.test/p?q=1", None), &open).unwrap();
        assert_eq!(request.url, "http://127.0.0.1:9/x/p?q=1");
    }

    #[test]
    fn compacts_without_touching_values() {
        for (text, want) in [
            (r#"{ "b" : "a \" b  c\\" , "a": 1.0 }"#, Some(r#"{"b":"a \" b  c\\","a":1.0}"#)),
            ("12345678901234567890.10", Some("12345678901234567890.10")),
            (" [ ] ", Some("[]")),
            ("{", None),
            ("hello there", None),
        ] {
            assert_eq!(compact(text).as_deref(), want, "{text}");
        }
    }

    #[test]
    fn classifies() {
        for (status, want) in [
            (200, "delivered"),
            (204, "delivered"),
            (301, "retry"),
            (304, "retry"),
            (400, "retry"),
            (401, "fatal"),
            (403, "fatal"),
            (404, "fatal"),
            (405, "fatal"),
            (409, "retry"),
            (422, "retry"),
            (429, "retry"),
            (500, "retry"),
        ] {
            let answer = answer(status, "");
            let reply = Reply { result: Ok(&answer), now: AT };
            assert_eq!(word(&classify(&WebhookRequest::default(), reply)), want, "{status}");
        }
        for error in transport_errors() {
            let retried = matches!(
                error,
                TransportError::Timeout { .. }
                    | TransportError::Connect(_)
                    | TransportError::Tls(_)
                    | TransportError::Broken { .. }
            );
            let reply = Reply { result: Err(&error), now: AT };
            let want = if retried { "retry" } else { "fatal" };
            assert_eq!(word(&classify(&WebhookRequest::default(), reply)), want, "{error}");
        }
    }
}
