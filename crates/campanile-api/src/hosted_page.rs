//! Pages for people who follow links of ours: one small document each, that loads nothing and tells nobody where it is.
//! The token in the path is the only credential, so there is nothing that another site could abuse.

use aws_lc_rs::digest;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Nothing but our own styles, nothing framed, nothing sent elsewhere.
const POLICY: &str =
    "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'";
/// The address is a secret.
const HEADERS: [(&str, &str); 3] =
    [("referrer-policy", "no-referrer"), ("x-content-type-options", "nosniff"), ("x-robots-tag", "noindex")];

/// A page around `content`, which is HTML.
pub(crate) fn page(status: StatusCode, content: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width\"><title>Notifications</title>\
         <style>body{{font:1rem/1.5 system-ui,sans-serif;max-width:34rem;margin:2rem auto;padding:0 1rem}}\
         fieldset{{border:1px solid #ccc;border-radius:.5rem;margin:0 0 1rem}}label{{display:block}}\
         button{{font:inherit;padding:.4rem 1.2rem}}</style><main>{content}</main></html>"
    );
    let mut response = (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], html).into_response();
    let policy = [("content-security-policy", POLICY)];
    for (name, value) in HEADERS.into_iter().chain(policy) {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    response
}

/// A page that runs one script of ours, and no other.
pub(crate) fn page_with_script(status: StatusCode, content: &str, script: &str) -> Response {
    let mut response = page(status, &format!("{content}<script>{script}</script>"));
    let hash = STANDARD.encode(digest::digest(&digest::SHA256, script.as_bytes()));
    if let Ok(policy) = HeaderValue::try_from(format!("{POLICY}; script-src 'sha256-{hash}'")) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// What unknown tokens get.
pub(crate) fn missing() -> Response {
    page(StatusCode::NOT_FOUND, "<h1>This link leads nowhere</h1><p>It may be incomplete or out of date.</p>")
}

/// The path as logs may show it. What begins with one letter is a link of ours, and the rest of it a token.
pub(crate) fn loggable(path: &str) -> &str {
    match path.as_bytes() {
        [b'/', _, b'/', ..] => path.get(..3).unwrap_or_default(),
        _ => path,
    }
}

/// A text for the inside of elements and attributes.
pub(crate) fn escaped(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            c => html.push(c),
        }
    }
    html
}
