//! The values that name somebody inside a request: texts and maps (RC2.4, RC2.5).

use campanile_core::ids::EnvId;
use campanile_core::problem::Problems;
use campanile_core::recipient::{RecipientRef, TENANTS, collection_problem, id_problem};
use serde_json::{Map, Value};

use super::body::{parse_object, parse_tenant_body, parse_user};
use super::{Identify, join};
use crate::catalog::Catalog;

/// A recipient or an actor. A text is a user, a map with `collection` an object, a map with only `id` a user; a user's
/// map always identifies, an object's only when it says more than who it is (S4).
pub fn parse_recipient(
    value: &Value,
    field: &str,
    catalog: &Catalog,
    env: EnvId,
    problems: &mut Problems,
) -> Option<Identify> {
    let map = match value {
        Value::String(id) => {
            return checked(id_problem(id), field, problems)
                .then(|| Identify::Reference(RecipientRef::user(id)));
        }
        Value::Object(map) => map,
        _ => {
            problems.add(field, "must be a user id or an object");
            return None;
        }
    };
    if !map.contains_key("collection") {
        let id = text(map, "id", field, problems)?;
        let upsert = parse_user(id, map.clone(), field, catalog, env, problems)?;
        return Some(Identify::Upsert(Box::new(upsert)));
    }
    let collection = text(map, "collection", field, problems);
    let id = text(map, "id", field, problems);
    let (collection, id) = (collection?, id?);
    if map.len() > 2 {
        let upsert = parse_object(collection, id, map.clone(), field, catalog, env, problems)?;
        return Some(Identify::Upsert(Box::new(upsert)));
    }
    let named = checked(collection_problem(collection), &join(field, "collection"), problems);
    let id_named = checked(id_problem(id), &join(field, "id"), problems);
    (named && id_named).then(|| Identify::Reference(RecipientRef::object(collection, id)))
}

/// The tenant of a request: its id or a map.
pub fn parse_tenant(
    value: &Value,
    field: &str,
    catalog: &Catalog,
    env: EnvId,
    problems: &mut Problems,
) -> Option<Identify> {
    match value {
        Value::String(id) => checked(tenant_id_problem(id), field, problems)
            .then(|| Identify::Reference(RecipientRef::object(TENANTS, id))),
        Value::Object(map) => {
            let id = text(map, "id", field, problems)?;
            let upsert = parse_tenant_body(id, map.clone(), field, catalog, env, problems)?;
            Some(Identify::Upsert(Box::new(upsert)))
        }
        _ => {
            problems.add(field, "must be a tenant id or an object");
            None
        }
    }
}

/// Why a text cannot be a tenant's id, or `None` when it can.
pub(super) fn tenant_id_problem(id: &str) -> Option<&'static str> {
    id_problem(id).or(id.contains(char::is_whitespace).then_some("must not contain whitespace"))
}

/// Notes the problem; true when there is none.
pub(super) fn checked(problem: Option<&'static str>, field: &str, problems: &mut Problems) -> bool {
    if let Some(problem) = problem {
        problems.add(field, problem);
    }
    problem.is_none()
}

/// A required text; numbers are never coerced (RC2.2).
fn text<'m>(
    map: &'m Map<String, Value>,
    member: &str,
    field: &str,
    problems: &mut Problems,
) -> Option<&'m str> {
    match map.get(member) {
        Some(Value::String(text)) => return Some(text),
        None | Some(Value::Null) => problems.add(join(field, member), "can't be blank"),
        Some(_) => problems.add(join(field, member), "must be a string"),
    }
    None
}
