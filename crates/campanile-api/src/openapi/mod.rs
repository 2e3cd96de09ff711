//! The server's own OpenAPI documents, made from the list of operations and the shapes beside this file.

mod types;

use axum::Json;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::operations::{self, Access, Api, Operation};
use types::{Shape, Shapes};

/// One document.
pub fn document(api: Api) -> Response {
    Json(build(api)).into_response()
}

fn shapes(api: Api) -> Shapes {
    let text = match api {
        Api::Public => include_str!("public.types"),
        Api::Management => include_str!("management.types"),
        Api::Admin => "",
    };
    // A test reads both texts; should one ever be wrong, the document only lacks the shapes.
    types::read(text).unwrap_or_default()
}

/// The document as a value: paths, ids, parameters, security, shapes; operations that are not built say so.
pub fn build(api: Api) -> Value {
    let built = crate::router::built();
    let Shapes { mut schemas, operations: shapes } = shapes(api);
    let unknown = Shape::default();
    let mut paths = Map::new();
    for operation in operations::all().filter(|op| op.api == api) {
        let shape = shapes.iter().find(|(id, _)| id == operation.id).map_or(&unknown, |(_, shape)| shape);
        let is_answered = built.binary_search(&operation.id).is_ok();
        let security = match operation.access {
            Access::Service => "serviceToken",
            Access::Secret => "secretKey",
            Access::Client => "anyKey",
        };
        let mut entry = json!({
            "operationId": operation.id,
            "parameters": parameters(operation, shape),
            "security": [{security: []}],
            "x-built": is_answered,
            "x-ratelimit-tier": operation.tier,
            "responses": responses(is_answered, shape),
        });
        if let Some(body) = &shape.body {
            entry["requestBody"] =
                json!({"required": true, "content": {"application/json": {"schema": body}}});
        }
        paths.entry(operation.path).or_insert_with(|| json!({}))[operation.method.to_lowercase()] = entry;
    }
    schemas.insert("Error".into(), error_schema());
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
            "schemas": schemas,
        },
    })
}

fn parameters(operation: &Operation, shape: &Shape) -> Vec<Value> {
    let names = operation.path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
    let path = names.map(|name| {
        let schema = json!({"type": "string", "minLength": 1});
        json!({"name": name, "in": "path", "required": true, "schema": schema})
    });
    let query = shape.query.iter().map(|(name, is_required, schema)| {
        json!({"name": name, "in": "query", "required": is_required, "schema": schema})
    });
    path.chain(query).collect()
}

fn responses(is_answered: bool, shape: &Shape) -> Value {
    let error = json!({"description": "The error envelope", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}});
    if !is_answered {
        return json!({"501": error, "4XX": error});
    }
    let mut answers = Map::new();
    for (status, body) in &shape.answers {
        let mut answer = json!({"description": "Done"});
        if let Some(schema) = body {
            answer["content"] = json!({"application/json": {"schema": schema}});
        }
        answers.insert(status.to_string(), answer);
    }
    for range in ["4XX", "5XX"] {
        answers.insert(range.into(), error.clone());
    }
    answers.into()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_of_both_documents_has_a_shape_and_every_name_a_type() {
        for (api, text) in
            [(Api::Public, include_str!("public.types")), (Api::Management, include_str!("management.types"))]
        {
            let shapes = types::read(text).unwrap_or_else(|problem| panic!("{api:?}: {problem}"));
            let operations = operations::all().filter(|op| op.api == api);
            for operation in operations {
                let shape = shapes.operations.iter().find(|(id, _)| id == operation.id);
                let (_, shape) = shape.unwrap_or_else(|| panic!("{} has no shape", operation.id));
                assert!(!shape.answers.is_empty(), "{}", operation.id);
            }
            let document = build(api).to_string();
            for reference in document.split("#/components/schemas/").skip(1) {
                let name = reference.split('"').next().unwrap_or_default();
                assert!(name == "Error" || shapes.schemas.contains_key(name), "{name} is not a type");
            }
        }
    }
}
