//! What requests say about a schedule, everything that is wrong at once.

use std::sync::Arc;

use campanile_core::ids::EnvId;
use campanile_core::problem::Problems;
use campanile_core::recurrence::{RepeatRule, parse_repeats};
use campanile_core::time::Timestamp;
use serde_json::{Map, Value};

use super::NewSchedule;
use crate::catalog::Catalog;
use crate::identify::{parse_recipient, parse_tenant};

/// When a schedule fires and with what.
#[derive(Debug, Clone, Default)]
pub struct Timing {
    /// The rules; none for a one-off.
    pub repeats: Vec<RepeatRule>,
    /// Start, or the instant of a one-off.
    pub scheduled_at: Option<Timestamp>,
    /// The end.
    pub ending_at: Option<Timestamp>,
    /// For each run, JSON.
    pub data: Option<Arc<str>>,
}

/// Reads `repeats`, `scheduled_at`, `ending_at` and `data`; null and absent are the same.
pub fn parse_timing(body: &Map<String, Value>, problems: &mut Problems) -> Timing {
    Timing {
        repeats: parse_repeats(body.get("repeats"), "repeats", problems),
        scheduled_at: instant(body, "scheduled_at", problems),
        ending_at: instant(body, "ending_at", problems),
        data: data(body, problems),
    }
}

/// [`parse_timing`] of a schedule to make: without rules it needs its instant (R22.1).
pub fn parse_new_timing(body: &Map<String, Value>, problems: &mut Problems) -> Timing {
    let says =
        |name: &str| body.get(name).is_some_and(|value| !value.is_null() && *value != Value::Array(vec![]));
    if !says("repeats") && !says("scheduled_at") {
        problems.add("scheduled_at", "can't be blank without repeats");
    }
    parse_timing(body, problems)
}

/// A row of `POST /v1/schedules/bulk/create`.
pub(crate) fn parse_new(
    body: &Map<String, Value>,
    catalog: &Catalog,
    env: EnvId,
    problems: &mut Problems,
) -> Option<NewSchedule> {
    let given = |name: &str| body.get(name).filter(|value| !value.is_null());
    let workflow = parse_workflow(body, problems);
    let recipient =
        parse_recipient(given("recipient").unwrap_or(&Value::Null), "recipient", catalog, env, problems);
    let actor = given("actor").map(|value| parse_recipient(value, "actor", catalog, env, problems));
    let tenant = given("tenant").map(|value| parse_tenant(value, "tenant", catalog, env, problems));
    let timing = parse_new_timing(body, problems);
    Some(NewSchedule {
        workflow: workflow?,
        recipient: recipient?,
        actor: actor.flatten(),
        tenant: tenant.flatten(),
        data: timing.data,
        repeats: timing.repeats,
        scheduled_at: timing.scheduled_at,
        ending_at: timing.ending_at,
    })
}

/// `workflow`: a key.
pub fn parse_workflow(body: &Map<String, Value>, problems: &mut Problems) -> Option<String> {
    let problem = match body.get("workflow") {
        Some(Value::String(key)) if key.contains('\0') => "must not contain a NUL character",
        Some(Value::String(key)) if !key.is_empty() => return Some(key.clone()),
        None | Some(Value::Null | Value::String(_)) => "can't be blank",
        Some(_) => "must be a string",
    };
    problems.add("workflow", problem);
    None
}

fn instant(body: &Map<String, Value>, name: &str, problems: &mut Problems) -> Option<Timestamp> {
    match body.get(name) {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => {
            let at = Timestamp::parse(text);
            if at.is_none() {
                problems.add(name, "is not an ISO 8601 datetime");
            }
            at
        }
        Some(_) => {
            problems.add(name, "must be a string");
            None
        }
    }
}

fn data(body: &Map<String, Value>, problems: &mut Problems) -> Option<Arc<str>> {
    match body.get("data") {
        None | Some(Value::Null) => None,
        Some(data @ Value::Object(_)) => Some(Arc::from(data.to_string())),
        Some(_) => {
            problems.add("data", "must be an object");
            None
        }
    }
}
