//! Virtual time: `POST /v1/admin/clock {"advance":"PT24H"}` or `{"to":"2026-01-05T09:00:00Z"}`.

use axum::Json;
use axum::extract::State;
use campanile_core::time::{Micros, Timestamp};
use serde_json::{Value, json};

use crate::app::App;
use crate::auth::ServiceToken;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};

/// Where the clock stands.
pub(super) async fn get(_: ServiceToken, State(app): State<App>) -> Json<Value> {
    Json(json!({"now": app.now(), "virtual": app.engine().clock().is_virtual()}))
}

/// Moves the clock forward, running everything that falls due on the way; answers what ran.
pub(super) async fn advance(
    _: ServiceToken,
    State(app): State<App>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    if !app.engine().clock().is_virtual() {
        return Err(ApiError::refused(
            "virtual_time_off",
            "Time can only be moved when the server was started with --virtual-time",
        ));
    }
    let now = app.now();
    let to = match (body.get("advance"), body.get("to")) {
        (Some(Value::String(text)), None) => {
            now + duration(text)
                .ok_or_else(|| ApiError::field("advance", "is not an ISO 8601 duration like PT24H"))?
        }
        (None, Some(Value::String(text))) => {
            Timestamp::parse(text).ok_or_else(|| ApiError::field("to", "is not an ISO 8601 datetime"))?
        }
        _ => return Err(ApiError::field("advance", "give either advance or to, as a string")),
    };
    if to < now {
        return Err(ApiError::field("to", format!("is before the present virtual time {now}")));
    }
    let ran = app.engine().advance_clock(to).await?;
    Ok(Json(json!({"now": app.now(), "ran": ran})))
}

/// A length of weeks, days, hours, minutes and seconds; months and years have none.
fn duration(text: &str) -> Option<Micros> {
    let span: jiff::Span = text.parse().ok()?;
    let length = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok()?;
    let micros = i64::try_from(length.as_micros()).ok()?;
    (micros >= 0).then_some(Micros(micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_durations() {
        for (text, seconds) in [
            ("PT24H", Some(86_400)),
            ("P7D", Some(604_800)),
            ("PT0S", Some(0)),
            ("-PT1H", None),
            ("P1M", None),
            ("x", None),
        ] {
            assert_eq!(duration(text), seconds.map(Micros::seconds), "{text}");
        }
    }
}
