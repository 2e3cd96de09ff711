//! Where tracked links and open images lead (delivery.md sections 10.3 and 10.4). Everybody may ask; what is answered
//! says nothing of whether a message exists, and nothing but a link of ours redirects.

use axum::Router;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use campanile_engine::{Happened, LINK_PATH, LinkToken, OPEN_PATH, SHORT_LINK_PATH, What};
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::app::App;
use crate::error::ApiResult;

/// What an address in a header cannot hold; everything beyond ASCII is encoded too.
const UNSAFE: &AsciiSet = &CONTROLS.add(b' ').add(b'"').add(b'<').add(b'>').add(b'\\').add(b'^').add(b'`');

/// A maker of phones that is called like a program.
const NO_SCANNER: &str = "cubot";

/// Parts of the names of programs that open links for people, lower case (S15). Proxies that fetch an image because a
/// person opened the mail are none of them.
const SCANNERS: &[&str] = &[
    "bot",
    "crawler",
    "spider",
    "slurp",
    "preview",
    "facebookexternalhit",
    "whatsapp/",
    "slack-imgproxy",
    "iframely",
    "embedly",
    "barracuda",
    "mimecast",
    "proofpoint",
    "symantec",
    "safelinks",
    "urldefense",
    "headlesschrome",
];

/// One transparent pixel.
const PIXEL: &[u8] = &[
    0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 0x0d, b'I', b'H', b'D', b'R', 0, 0, 0, 1, 0, 0,
    0, 1, 8, 6, 0, 0, 0, 0x1f, 0x15, 0xc4, 0x89, 0, 0, 0, 0x0b, b'I', b'D', b'A', b'T', 0x78, 0xda, 0x63,
    0x60, 0, 2, 0, 0, 5, 0, 1, 0xe9, 0xfa, 0xdc, 0xd8, 0, 0, 0, 0, b'I', b'E', b'N', b'D', 0xae, 0x42, 0x60,
    0x82,
];

const NOT_FOUND: &str = "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>Not found</title><p>This link leads nowhere.</html>";

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route(&format!("{LINK_PATH}{{token}}"), get(link))
        .route(&format!("{SHORT_LINK_PATH}{{key}}"), get(short_link))
        .route(&format!("{OPEN_PATH}{{token}}"), get(open_image))
}

async fn link(State(app): State<App>, method: Method, headers: HeaderMap, token: Token) -> Response {
    let link = app.engine().tracked_link(text(&token));
    follow(&app, link, &method, &headers)
}

async fn short_link(
    State(app): State<App>,
    method: Method,
    headers: HeaderMap,
    key: Token,
) -> ApiResult<Response> {
    let link = app.engine().short_link(text(&key)).await?;
    Ok(follow(&app, link, &method, &headers))
}

/// What stands in the path; bytes that are no text are no token either.
type Token = Result<Path<String>, PathRejection>;

fn text(token: &Token) -> &str {
    token.as_ref().map_or("", |Path(text)| text)
}

/// Redirects, and notes the click for later.
fn follow(app: &App, link: Option<LinkToken>, method: &Method, headers: &HeaderMap) -> Response {
    let Some(link) = link else { return not_found() };
    let encoded = utf8_percent_encode(&link.target, UNSAFE).to_string();
    let Ok(location) = HeaderValue::try_from(encoded) else { return not_found() };
    if is_person(method, headers) {
        let what = What::Clicked(link.target);
        app.engine().note_tracked(Happened { env: link.env, message: link.message, what, at: app.now() });
    }
    let headers = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer-when-downgrade")),
    ];
    (StatusCode::FOUND, headers).into_response()
}

fn not_found() -> Response {
    let headers = [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CACHE_CONTROL, "no-store")];
    (StatusCode::NOT_FOUND, headers, NOT_FOUND).into_response()
}

/// The image, whatever the token is.
async fn open_image(State(app): State<App>, method: Method, headers: HeaderMap, token: Token) -> Response {
    if let Some((env, message)) = app.engine().open_image(text(&token))
        && is_person(&method, &headers)
    {
        app.engine().note_tracked(Happened { env, message, what: What::Opened, at: app.now() });
    }
    let headers = [(header::CONTENT_TYPE, "image/png"), (header::CACHE_CONTROL, "no-store, private")];
    (headers, PIXEL).into_response()
}

/// Whether a person asks, as far as can be told: nobody looks at a HEAD, at what is fetched in advance, or at what a
/// known program opens.
fn is_person(method: &Method, headers: &HeaderMap) -> bool {
    let says = |name: &str, words: &[&str]| {
        let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values
            .map(|value| value.to_ascii_lowercase().replace(NO_SCANNER, ""))
            .any(|value| words.iter().any(|word| value.contains(word)))
    };
    let in_advance = ["purpose", "sec-purpose", "x-purpose", "x-moz"];
    method != Method::HEAD
        && !in_advance.iter().any(|name| says(name, &["prefetch", "prerender", "preview"]))
        && !says("user-agent", SCANNERS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_people_from_programs() {
        let phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148";
        for (method, name, value, want) in [
            (Method::GET, "user-agent", phone, true),
            (
                Method::GET,
                "user-agent",
                "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)",
                true,
            ),
            (Method::GET, "user-agent", "", true),
            (Method::GET, "user-agent", "Mozilla/5.0 (Linux; Android 13; CUBOT P80) Chrome/120", true),
            (Method::HEAD, "user-agent", phone, false),
            (Method::GET, "user-agent", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)", false),
            (Method::GET, "user-agent", "Mozilla/5.0 (compatible; Googlebot/2.1)", false),
            (Method::GET, "user-agent", "WhatsApp/2.23.20 A", false),
            (Method::GET, "user-agent", "BarracudaCentral", false),
            (Method::GET, "purpose", "prefetch", false),
            (Method::GET, "sec-purpose", "prefetch;prerender", false),
            (Method::GET, "purpose", "else", true),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, value.parse().unwrap());
            assert_eq!(is_person(&method, &headers), want, "{method} {name}: {value}");
        }
    }
}
