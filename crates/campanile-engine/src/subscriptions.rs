//! Subscribing recipients to objects (recipients.md section 10): parsing is pure, writing happens inside the caller's
//! transaction.

use std::collections::{HashMap, HashSet};

use campanile_core::ids::EnvId;
use campanile_core::problem::{FieldProblem, Problems};
use campanile_core::recipient::RecipientRef;
use campanile_core::time::Timestamp;
use campanile_store::{StoreError, SubscriptionRow, Tx};
use serde_json::{Map, Value};

use crate::catalog::Catalog;
use crate::identify::{Identify, PROPERTIES_BYTES_MAX, Upsert, apply_all, join, parse_recipient};

/// Recipients that one entry may add to or remove from an object (RC10.1).
pub const SUBSCRIBERS_MAX: usize = 100;

/// The recipients that one object gets, with what their subscriptions say.
#[derive(Debug, Clone)]
pub struct Subscribe {
    /// In order; duplicates are dropped when writing.
    pub recipients: Vec<Identify>,
    /// JSON object; `None` leaves what is stored (S11).
    pub properties: Option<String>,
}

/// Reads `recipients` and `properties` of a body.
pub fn parse_subscribe(
    body: &Map<String, Value>,
    field: &str,
    catalog: &Catalog,
    env: EnvId,
    problems: &mut Problems,
) -> Subscribe {
    let recipients = parse_list(body, field, catalog, env, problems);
    let member = join(field, "properties");
    let properties = match body.get("properties") {
        None | Some(Value::Null) => None,
        Some(given @ Value::Object(_)) => {
            let text = given.to_string();
            if text.len() > PROPERTIES_BYTES_MAX {
                problems.add(member, format!("must not exceed {PROPERTIES_BYTES_MAX} bytes"));
            }
            Some(text)
        }
        Some(_) => {
            problems.add(member, "must be an object");
            None
        }
    };
    Subscribe { recipients, properties }
}

/// Reads `recipients` of a body that only names them (recipients.md section 7).
pub fn parse_unsubscribe(
    body: &Map<String, Value>,
    field: &str,
    catalog: &Catalog,
    env: EnvId,
    problems: &mut Problems,
) -> Vec<RecipientRef> {
    let list = parse_list(body, field, catalog, env, problems);
    list.into_iter().map(|one| one.reference().clone()).collect()
}

fn parse_list(
    body: &Map<String, Value>,
    field: &str,
    catalog: &Catalog,
    env: EnvId,
    problems: &mut Problems,
) -> Vec<Identify> {
    let member = join(field, "recipients");
    let given = body.get("recipients").unwrap_or(&Value::Null);
    if let Some(problem) = subscribers_problem(given) {
        problems.add(member, problem);
        return Vec::new();
    }
    let list = given.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter()
        .enumerate()
        .filter_map(|(n, value)| parse_recipient(value, &format!("{member}[{n}]"), catalog, env, problems))
        .collect()
}

/// Why a value is no list of recipients to subscribe or unsubscribe, or `None` when it is (RC10.1).
pub fn subscribers_problem(given: &Value) -> Option<String> {
    match given {
        Value::Null => Some("can't be blank".into()),
        Value::Array(list) if list.is_empty() => Some("should have at least 1 item(s)".into()),
        Value::Array(list) if list.len() > SUBSCRIBERS_MAX => {
            Some(format!("should have at most {SUBSCRIBERS_MAX} item(s)"))
        }
        Value::Array(_) => None,
        _ => Some("must be a list".into()),
    }
}

/// Identifies and subscribes recipients; the object is made when missing (S17). `Ok(Err(_))` when one of them is
/// refused, with paths from `recipients`: then the caller undoes the transaction, or lets stand who was identified.
pub async fn subscribe(
    tx: &mut Tx<'_>,
    env: EnvId,
    object: &RecipientRef,
    given: Subscribe,
    now: Timestamp,
) -> Result<Result<Vec<SubscriptionRow>, Vec<FieldProblem>>, StoreError> {
    let Subscribe { recipients, properties } = given;
    let refused = refusals(tx, env, object, &recipients).await?;
    if !refused.is_empty() {
        return Ok(Err(refused));
    }
    let mut problems = Problems::default();
    tx.touch_recipient(env, object, now).await?;
    let order: Vec<String> = recipients.iter().map(|one| one.reference().key()).collect();
    let (places, upserts): (Vec<usize>, Vec<Upsert>) = recipients
        .into_iter()
        .enumerate()
        .filter_map(|(n, one)| match one {
            Identify::Upsert(upsert) => Some((n, *upsert)),
            Identify::Reference(_) => None,
        })
        .unzip();
    for (n, written) in places.into_iter().zip(apply_all(tx, env, upserts, now).await?) {
        if let Err(problem) = written {
            // It does not know where in the request the recipient stood.
            problems.add(format!("recipients[{n}]"), problem.message);
        }
    }
    if let Err(refused) = problems.into_result(()) {
        return Ok(Err(refused));
    }
    let written =
        tx.upsert_subscriptions(env, &object.key(), order.clone(), properties.as_deref(), now).await?;
    Ok(Ok(in_order(written, &order)))
}

/// References to nobody (S18), and the object itself (S19).
async fn refusals(
    tx: &mut Tx<'_>,
    env: EnvId,
    object: &RecipientRef,
    recipients: &[Identify],
) -> Result<Vec<FieldProblem>, StoreError> {
    let mut named = HashSet::from([object.key()]);
    let mut made = HashSet::new();
    for one in recipients {
        let key = one.reference().key();
        match one {
            Identify::Reference(_) => drop(named.insert(key)),
            Identify::Upsert(_) => drop(made.insert(key)),
        }
    }
    let existing: HashSet<String> =
        tx.existing_recipients(env, named.into_iter().collect()).await?.into_iter().collect();
    let mut refused = Vec::new();
    for (n, one) in recipients.iter().enumerate() {
        let (reference, key) = (one.reference(), one.reference().key());
        if reference == object {
            refused.push(FieldProblem::new(format!("recipients[{n}]"), "can't subscribe to itself"));
        } else if !made.contains(&key) && !existing.contains(&key) {
            refused.push(FieldProblem::new(format!("recipients[{n}]"), "has not been identified"));
        }
    }
    Ok(refused)
}

/// Ends subscriptions; answers those that were there, in the order given.
pub async fn unsubscribe(
    tx: &mut Tx<'_>,
    env: EnvId,
    object: &RecipientRef,
    recipients: &[RecipientRef],
) -> Result<Vec<SubscriptionRow>, StoreError> {
    let order: Vec<String> = recipients.iter().map(RecipientRef::key).collect();
    let deleted = tx.delete_subscriptions(env, &object.key(), order.clone()).await?;
    Ok(in_order(deleted, &order))
}

/// Sorts rows as a request named their recipients; one named twice comes once.
fn in_order(rows: Vec<SubscriptionRow>, order: &[String]) -> Vec<SubscriptionRow> {
    let mut by_key: HashMap<String, SubscriptionRow> =
        rows.into_iter().map(|row| (row.recipient.clone(), row)).collect();
    order.iter().filter_map(|key| by_key.remove(key)).collect()
}
