//! Reading request bodies: limits while reading, JSON errors as the envelope (api-conventions.md section 3).

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use http_body_util::{BodyExt, Limited};
use serde_json::{Map, Value};

use crate::api_logs::SeenBody;
use crate::error::{ApiError, ApiResult};

/// Largest body, decompressed (section 11).
pub const BODY_BYTES_MAX: usize = 10 * 1024 * 1024;

/// A whole body that claims to be JSON or nothing.
pub struct RawBody(pub Bytes);

/// A JSON object; an empty body is an empty object.
pub struct JsonObject(pub Map<String, Value>);

fn check_content_type(headers: &HeaderMap) -> ApiResult<()> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let text = value.to_str().unwrap_or_default();
    let essence = text.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/json") || essence.is_empty() {
        return Ok(());
    }
    Err(ApiError::unsupported_media_type())
}

impl<S: Send + Sync> FromRequest<S> for RawBody {
    type Rejection = ApiError;
    async fn from_request(request: Request, _: &S) -> ApiResult<Self> {
        let (parts, body) = request.into_parts();
        let declared =
            parts.headers.get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<usize>().ok());
        if declared.is_some_and(|bytes| bytes > BODY_BYTES_MAX) {
            return Err(ApiError::too_large(BODY_BYTES_MAX));
        }
        let bytes = match Limited::new(body, BODY_BYTES_MAX).collect().await {
            Ok(collected) => collected.to_bytes(),
            Err(error) if error.is::<http_body_util::LengthLimitError>() => {
                return Err(ApiError::too_large(BODY_BYTES_MAX));
            }
            Err(error) => return Err(ApiError::malformed(error)),
        };
        if !bytes.is_empty() {
            check_content_type(&parts.headers)?;
        }
        if let Some(seen) = parts.extensions.get::<SeenBody>() {
            seen.keep(&bytes);
        }
        Ok(Self(bytes))
    }
}

impl<S: Send + Sync> FromRequest<S> for JsonObject {
    type Rejection = ApiError;
    async fn from_request(request: Request, state: &S) -> ApiResult<Self> {
        let RawBody(bytes) = RawBody::from_request(request, state).await?;
        parse_object(&bytes).map(Self)
    }
}

/// Reads an object. Not JSON (or not UTF-8, or nested too deeply) is 400, JSON of another type 422 (A3.1).
pub fn parse_object(bytes: &[u8]) -> ApiResult<Map<String, Value>> {
    if bytes.iter().all(u8::is_ascii_whitespace) {
        return Ok(Map::new());
    }
    match serde_json::from_slice(bytes).map_err(ApiError::malformed)? {
        Value::Object(map) => Ok(map),
        _ => Err(ApiError::field("", "must be an object")),
    }
}
