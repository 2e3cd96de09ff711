//! What requests of this API share: the environment, the branch, the wrapper of a body, refusals as errors.

use axum::http::StatusCode;
use campanile_engine::Catalog;
use campanile_engine::resources::{Author, Refusal};
use campanile_store::{Environment, ResourceKind};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::auth::ServiceToken;
use crate::error::{ApiError, ApiResult};
use crate::query::Query;

/// Largest `limit` (S3).
pub(super) const LIMIT_MAX: usize = 100;

/// The environment that a request is about (M2.7).
pub(super) fn environment(catalog: &Catalog, query: &Query) -> ApiResult<Environment> {
    let environment = named(catalog, "environment", query)?;
    if query.text("branch").is_some() {
        let lowest = catalog.environments.first().map(|first| first.id);
        if lowest != Some(environment.id) {
            return Err(ApiError::field("branch", "can only be used with the development environment"));
        }
        return Err(branch_not_found());
    }
    Ok(environment)
}

/// The environment whose slug a parameter holds.
pub(super) fn named(catalog: &Catalog, parameter: &str, query: &Query) -> ApiResult<Environment> {
    let slug = query.text(parameter).ok_or_else(|| ApiError::field(parameter, "can't be blank"))?;
    catalog.environment(slug).cloned().ok_or_else(ApiError::missing)
}

/// 404: branches are not kept by this version, so none exists.
pub(super) fn branch_not_found() -> ApiError {
    ApiError {
        status: StatusCode::NOT_FOUND,
        code: "branch_not_found",
        kind: "invalid_request_error",
        message: "The branch you specified was not found in this project".into(),
        errors: Vec::new(),
    }
}

/// The inside of a body's wrapper (M2.4).
pub(super) fn unwrapped(mut body: Map<String, Value>, wrapper: &str) -> ApiResult<Value> {
    match body.remove(wrapper) {
        None | Some(Value::Null) => Err(ApiError::field(wrapper, "can't be blank")),
        Some(document @ Value::Object(_)) => Ok(document),
        Some(_) => Err(ApiError::field(wrapper, "is invalid")),
    }
}

/// The kinds named by `resource_type`, once or as a list.
pub(super) fn kinds(query: &mut Query) -> Vec<ResourceKind> {
    let names: Vec<String> = query.list("resource_type").into_iter().map(str::to_owned).collect();
    let mut kinds = Vec::new();
    for name in names {
        match ResourceKind::from_wire(&name) {
            Some(kind) if kinds.contains(&kind) => {}
            Some(kind) => kinds.push(kind),
            None => query.problems.add("resource_type", "is invalid"),
        }
    }
    kinds
}

/// Reads an id of a path; a text that is none names nothing (A4.13).
pub(super) fn uuid(text: &str) -> ApiResult<Uuid> {
    Uuid::try_parse(text).map_err(|_| ApiError::missing())
}

/// Who commits: the token's name (M4.15).
pub(super) fn author(token: ServiceToken) -> Author {
    Author::without_email(token.name)
}

impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Missing => Self::missing(),
            Refusal::Invalid(problems) => Self::invalid(problems),
            Refusal::Store(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn wants_one_wrapper() {
        for (body, want) in [
            (json!({"workflow": {"name": "W"}}), Ok(json!({"name": "W"}))),
            (json!({"workflow": {}, "more": 1}), Ok(json!({}))),
            (json!({"name": "W"}), Err("can't be blank")),
            (json!({"workflow": null}), Err("can't be blank")),
            (json!({"workflow": []}), Err("is invalid")),
        ] {
            let found = unwrapped(body.as_object().cloned().unwrap_or_default(), "workflow");
            let found = found.map_err(|error| error.errors[0].message.clone());
            assert_eq!(found, want.map_err(str::to_owned), "{body}");
        }
    }

    #[test]
    fn reads_kinds_once() {
        let mut query =
            Query::parse("resource_type[]=workflow&resource_type[]=workflow&resource_type[]=partial");
        assert_eq!(kinds(&mut query), [ResourceKind::Workflow, ResourceKind::Partial]);
        let mut query = Query::parse("resource_type=flow");
        assert!(kinds(&mut query).is_empty());
        assert!(query.finish().is_err());
    }
}
