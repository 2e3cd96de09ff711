//! What an [`UnsubscribeLink`] opens (delivery.md section 14). Mail scanners follow links, so opening one changes nothing:
//! the page posts, by its script or by its button, what a mail client posts itself (RFC 8058).

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use campanile_core::preference::{Change, DEFAULT, Strategy};
use campanile_engine::links::UnsubscribeLink;
use campanile_store::PreferenceEdit;
use futures_util::stream;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde_json::{Map, Value};

use crate::app::App;
use crate::error::{ApiError, ApiResult};
use crate::hosted_page::{missing, page, page_with_script};
use crate::query::Query;

/// Two short fields, however they are wrapped.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// What a mail client posts, name and value.
const ONE_CLICK: (&str, &str) = ("List-Unsubscribe", "One-Click");
/// Added by our page, which wants a page back.
const FROM_PAGE: &str = "from_page";

const FORM: &str = "<h1>Unsubscribe</h1>\
    <p>You will get no more news and offers from us. Messages about your own account are not affected.</p>\
    <form method=\"post\"><input type=\"hidden\" name=\"List-Unsubscribe\" value=\"One-Click\">\
    <input type=\"hidden\" name=\"from_page\" value=\"1\"><button>Unsubscribe</button></form>";
const SCRIPT: &str = "document.forms[0].submit()";
const DONE: &str = "<h1>You are unsubscribed</h1><p>You will get no more news and offers from us.</p>";

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/u/{token}", get(ask).post(unsubscribe))
}

/// The same page for whoever is gone by now: nobody learns from it who exists.
async fn ask(State(app): State<App>, Path(token): Path<String>) -> Response {
    match UnsubscribeLink::verify(app.engine().links(), &token) {
        Some(_) => page_with_script(StatusCode::OK, FORM, SCRIPT),
        None => missing(),
    }
}

async fn unsubscribe(
    State(app): State<App>,
    Path(token): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Response {
    let Some(link) = UnsubscribeLink::verify(app.engine().links(), &token) else { return missing() };
    let form = match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => form(&headers, body.to_bytes()).await,
        Err(error) if error.is::<LengthLimitError>() => {
            return page(StatusCode::PAYLOAD_TOO_LARGE, "<h1>That was too long</h1>");
        }
        Err(_) => Form::default(),
    };
    if !form.asks {
        let why = "<h1>Nothing was changed</h1><p>The request does not say List-Unsubscribe=One-Click.</p>";
        return page(StatusCode::BAD_REQUEST, why);
    }
    match opt_out(&app, link).await {
        Ok(()) if form.is_from_page => page(StatusCode::OK, DONE),
        Ok(()) => "unsubscribed".into_response(),
        Err(error) => error.into_response(),
    }
}

/// The commercial flag of the recipient's default set, and nothing else (R14.6). Nobody is made anew by an old link (S7).
async fn opt_out(app: &App, link: UnsubscribeLink) -> ApiResult<()> {
    let (env, now) = (link.env, app.now());
    let body = Map::from_iter([("commercial_subscribed".to_owned(), Value::Bool(false))]);
    let change = Change::Set { body, strategy: Strategy::Merge };
    let written = app.store().transact(move |tx| {
        Box::pin(async move {
            if tx.locked_recipients(env, vec![link.recipient.key()]).await?.is_empty() {
                return Ok(Vec::new());
            }
            let edit = PreferenceEdit { reference: link.recipient, id: DEFAULT.to_owned(), change };
            tx.edit_preferences(env, vec![edit], now).await
        })
    });
    match written.await?.into_iter().next() {
        None | Some(Ok(_)) => Ok(()),
        Some(Err(_)) => Err(ApiError::field("", "the preferences are too large")),
    }
}

/// What a posted form says.
#[derive(Debug, Default, PartialEq)]
struct Form {
    asks: bool,
    is_from_page: bool,
}

/// Both kinds of forms that RFC 8058 allows; whatever is neither says nothing.
async fn form(headers: &HeaderMap, body: Bytes) -> Form {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.as_str() {
        "" | "application/x-www-form-urlencoded" => {
            let form = Query::parse(&String::from_utf8_lossy(&body));
            let asks = form.text(ONE_CLICK.0) == Some(ONE_CLICK.1);
            Form { asks, is_from_page: form.text(FROM_PAGE).is_some() }
        }
        "multipart/form-data" => multipart(kind, body).await.unwrap_or_default(),
        _ => Form::default(),
    }
}

async fn multipart(kind: &str, body: Bytes) -> Result<Form, multer::Error> {
    let whole = stream::iter([Ok::<_, std::convert::Infallible>(body)]);
    let mut parts = multer::Multipart::new(whole, multer::parse_boundary(kind)?);
    let mut form = Form::default();
    while let Some(part) = parts.next_field().await? {
        let name = part.name().unwrap_or_default().to_owned();
        let value = part.text().await?;
        form.asks |= (name.as_str(), value.trim()) == ONE_CLICK;
        form.is_from_page |= name == FROM_PAGE;
    }
    Ok(form)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const NOTHING: Form = Form { asks: false, is_from_page: false };
    const CLICK: Form = Form { asks: true, is_from_page: false };

    #[tokio::test]
    async fn reads_both_kinds_of_forms() {
        let urlencoded = "application/x-www-form-urlencoded; charset=utf-8";
        let parts = "multipart/form-data; boundary=\"b 1\"";
        let part = |name: &str, value: &str| {
            format!("--b 1\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n--b 1--\r\n")
        };
        for (kind, body, want) in [
            (urlencoded, "List-Unsubscribe=One-Click".to_owned(), CLICK),
            ("", "List-Unsubscribe=One-Click".to_owned(), CLICK),
            (
                urlencoded,
                "List%2DUnsubscribe=One-Click&from_page=1".to_owned(),
                Form { is_from_page: true, ..CLICK },
            ),
            (urlencoded, "List-Unsubscribe=one-click".to_owned(), NOTHING),
            (urlencoded, String::new(), NOTHING),
            ("application/json", r#"{"List-Unsubscribe":"One-Click"}"#.to_owned(), NOTHING),
            (parts, part("List-Unsubscribe", "One-Click"), CLICK),
            ("Multipart/Form-Data; boundary=\"b 1\"", part("List-Unsubscribe", "One-Click"), CLICK),
            (parts, part("List-Unsubscribe", "No"), NOTHING),
            (parts, part("other", "One-Click"), NOTHING),
            (parts, "--b 1\r\nbroken".to_owned(), NOTHING),
            ("multipart/form-data", part("List-Unsubscribe", "One-Click"), NOTHING),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            assert_eq!(form(&headers, body.clone().into()).await, want, "{kind} {body}");
        }
    }
}
