//! The server's own OpenAPI documents, made from the list of operations.

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use crate::operations::{self, Access, Api};

/// One document.
pub fn document(api: Api) -> Response {
    Json(build(api)).into_response()
}

/// The document as a value: paths, ids, parameters, security; operations that are not built say so.
pub fn build(api: Api) -> Value {
    let built = crate::router::built();
    let mut paths = serde_json::Map::new();
    for operation in operations::all().filter(|op| op.api == api) {
        let parameters: Vec<Value> = operation
            .path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}}))
            .collect();
        let security = match operation.access {
            Access::Service => "serviceToken",
            Access::Secret => "secretKey",
            Access::Client => "anyKey",
        };
        let answered = built.binary_search(&operation.id).is_ok();
        let entry = paths.entry(operation.path).or_insert_with(|| json!({}));
        entry[operation.method.to_lowercase()] = json!({
            "operationId": operation.id,
            "parameters": parameters,
            "security": [{security: []}],
            "x-built": answered,
            "x-ratelimit-tier": operation.tier,
            "responses": responses(answered),
        });
    }
    json!({
        "openapi": "3.1.0",
        "info": {"title": format!("Campanile {} API", if api == Api::Public { "public" } else { "management" }),
                 "version": env!("CARGO_PKG_VERSION")},
        "paths": paths,
        "components": {
            "securitySchemes": {
                "secretKey": {"type": "http", "scheme": "bearer"},
                "anyKey": {"type": "http", "scheme": "bearer"},
                "serviceToken": {"type": "http", "scheme": "bearer"},
            },
            "schemas": {"Error": error_schema()},
        },
    })
}

fn responses(answered: bool) -> Value {
    let error = json!({"description": "The error envelope", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}});
    if answered {
        json!({"2XX": {"description": "Done"}, "4XX": error, "5XX": error})
    } else {
        json!({"501": error, "4XX": error})
    }
}

fn error_schema() -> Value {
    json!({
        "type": "object",
        "required": ["code", "message", "status", "type"],
        "properties": {
            "code": {"type": "string"},
            "message": {"type": "string", "minLength": 1},
            "status": {"type": "integer"},
            "type": {"enum": ["api_error", "invalid_request_error", "authentication_error"]},
            "errors": {"type": "array", "items": {
                "type": "object", "required": ["field", "message", "type"],
                "properties": {"field": {"type": "string"}, "message": {"type": "string"}, "type": {"type": ["string", "null"]}},
            }},
        },
    })
}
