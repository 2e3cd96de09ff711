//! One error for every handler, turned into the documented envelope in one place (api-conventions.md section 5).

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use campanile_core::problem::FieldProblem;
use campanile_store::StoreError;
use serde_json::json;

/// A request that is not answered as it was asked.
#[derive(Debug, Clone)]
pub struct ApiError {
    /// HTTP status, repeated in the body.
    pub status: StatusCode,
    /// Stable, snake_case.
    pub code: &'static str,
    /// `api_error`, `invalid_request_error` or `authentication_error`.
    pub kind: &'static str,
    /// For people.
    pub message: String,
    /// Which fields, when the fault is in the input.
    pub errors: Vec<FieldProblem>,
}

/// What handlers answer.
pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    fn new(status: StatusCode, code: &'static str, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, kind, message: message.into(), errors: Vec::new() }
    }

    /// 404: the thing named by the path does not exist.
    pub fn missing() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "resource_missing",
            "api_error",
            "The resource you requested does not exist",
        )
    }

    /// 404: the workflow was never committed, is archived or unknown.
    pub fn workflow_missing() -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "workflow_missing",
            "api_error",
            "The workflow does not exist or is not committed",
        )
    }

    /// 404: no route.
    pub fn no_route(path: &str) -> Self {
        Self::new(
            StatusCode::NOT_FOUND,
            "route_not_found",
            "api_error",
            format!("There is nothing at {path}"),
        )
    }

    /// 405.
    pub fn method_not_allowed() -> Self {
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            "invalid_request_error",
            "This path does not answer this method",
        )
    }

    /// 501: documented, not built yet.
    pub fn not_implemented(operation: &str) -> Self {
        Self::new(
            StatusCode::NOT_IMPLEMENTED,
            "not_implemented",
            "api_error",
            format!(
                "{operation} is not available in this version of Campanile; docs/status.md lists what is"
            ),
        )
    }

    /// 400: the body is not JSON.
    pub fn malformed(detail: impl std::fmt::Display) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "invalid_params",
            "invalid_request_error",
            format!("The request body could not be parsed as JSON: {detail}"),
        )
    }

    /// 422: fields were refused.
    pub fn invalid(errors: Vec<FieldProblem>) -> Self {
        let mut error = Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "invalid_params",
            "invalid_request_error",
            "One or more parameters supplied were invalid",
        );
        error.errors = errors;
        error
    }

    /// 422: one field was refused.
    pub fn field(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::invalid(vec![FieldProblem::new(field, message)])
    }

    /// 422 with a code of its own (`actor_missing`, `channel_invalid`, `workflow_inactive`).
    pub fn refused(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, "invalid_request_error", message)
    }

    /// 400 with a code of its own.
    pub fn bad_request(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, "invalid_request_error", message)
    }

    /// 401.
    pub fn unauthenticated(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, "authentication_error", message)
    }

    /// 403.
    pub fn forbidden(code: &'static str, message: &'static str) -> Self {
        Self::new(StatusCode::FORBIDDEN, code, "authentication_error", message)
    }

    /// 403: the user token does not cover the call.
    pub fn access_denied() -> Self {
        Self::forbidden("access_denied", "The user token does not allow this")
    }

    /// 403 of the provider operations: no credential is stored, or the provider does not take it (section 5).
    pub fn authorization(message: String) -> Self {
        Self::new(StatusCode::FORBIDDEN, "authorization", "authentication_error", message)
    }

    /// 503: a provider that was asked did not answer in its own words.
    pub fn provider_unavailable(provider: &str, reason: &str) -> Self {
        let message = format!("{provider} cannot be asked at the moment: {reason}");
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "service_unavailable", "api_error", message)
    }

    /// 403: the operation is not for public keys.
    pub fn public_key() -> Self {
        Self::forbidden("incorrect_token_type", "A public key cannot be used here; send a secret key")
    }

    /// 429: more requests than the operation's tier allows (A8.4).
    pub fn too_many_requests() -> Self {
        Self::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too_many_requests",
            "api_error",
            "Too many requests; try again in a second",
        )
    }

    /// 409: the same request is still being worked on.
    pub fn in_progress() -> Self {
        Self::new(
            StatusCode::CONFLICT,
            "idempotency_in_progress",
            "invalid_request_error",
            "A request with this idempotency key is still in progress",
        )
    }

    /// 413.
    pub fn too_large(bytes_max: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "payload_too_large",
            "invalid_request_error",
            format!("The request body is larger than {bytes_max} bytes"),
        )
    }

    /// 414.
    pub fn uri_too_long(bytes_max: usize) -> Self {
        Self::new(
            StatusCode::URI_TOO_LONG,
            "uri_too_long",
            "invalid_request_error",
            format!("The path and query are longer than {bytes_max} bytes"),
        )
    }

    /// 415.
    pub fn unsupported_media_type() -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "invalid_request_error",
            "Send the body as application/json",
        )
    }

    /// 503: try again.
    pub fn unavailable() -> Self {
        Self::new(
            StatusCode::SERVICE_UNAVAILABLE,
            "service_unavailable",
            "api_error",
            "The service cannot store anything at the moment; nothing was changed",
        )
    }

    /// 500: our fault; details go to the log, never to the caller.
    pub fn internal(cause: impl std::fmt::Display) -> Self {
        tracing::error!(%cause, "internal error");
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "api_error",
            "Something went wrong on our side",
        )
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(cause) | StoreError::Contended(cause) => {
                tracing::warn!(%cause, "the database is unavailable");
                Self::unavailable()
            }
            StoreError::Refused { field, message } => Self::field(&*field, &*message),
            other => Self::internal(other),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let mut body = json!({
            "code": self.code,
            "message": self.message,
            "status": self.status.as_u16(),
            "type": self.kind,
        });
        if !self.errors.is_empty() {
            body["errors"] = json!(self.errors);
        }
        // The text that users of the peer's SDKs look for (A7.7).
        if self.code == "idempotency_mismatch" {
            body["error"] = json!(self.message);
        }
        let mut response = (self.status, Json(body)).into_response();
        let again = [StatusCode::CONFLICT, StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
        if again.contains(&self.status) {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.status == StatusCode::NOT_IMPLEMENTED {
            response.headers_mut().insert("x-should-retry", HeaderValue::from_static("false"));
        }
        response
    }
}
