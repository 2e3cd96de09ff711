//! `objects.add_subscriptions` and `objects.delete_subscriptions`: a row is an object with up to a hundred recipients.
//! A row of which one recipient is refused subscribes none of them.

use campanile_core::problem::Problems;
use campanile_core::recipient::{RecipientRef, TENANTS, collection_problem, id_problem};
use campanile_store::{StoreError, Tx};
use futures_util::future::BoxFuture;
use serde_json::Value;

use super::{Applied, Chunk, Kind, error_item};
use crate::subscriptions::{parse_subscribe, parse_unsubscribe, subscribe, unsubscribe};

/// At most a thousand subscriptions in one transaction.
const ROWS_AT_ONCE: usize = 10;

pub(super) static ADD: Kind =
    Kind { name: "objects.add_subscriptions", rows_at_once: ROWS_AT_ONCE, apply: add };

/// Subscriptions that do not exist are skipped.
pub(super) static DELETE: Kind =
    Kind { name: "objects.delete_subscriptions", rows_at_once: ROWS_AT_ONCE, apply: delete };

fn add<'t>(chunk: Chunk, tx: &'t mut Tx<'_>) -> BoxFuture<'t, Result<Applied, StoreError>> {
    Box::pin(async move {
        let mut applied = Applied::default();
        for row in chunk.rows() {
            let mut problems = Problems::default();
            let Some(body) = row.as_object() else {
                applied.count(&chunk, row, false);
                continue;
            };
            let object = object(&chunk, row, &mut problems);
            let given = parse_subscribe(body, "", &chunk.catalog, chunk.env, &mut problems);
            let done =
                problems.is_empty() && subscribe(tx, chunk.env, &object, given, chunk.now).await?.is_ok();
            applied.count(&chunk, row, done);
        }
        Ok(applied)
    })
}

fn delete<'t>(chunk: Chunk, tx: &'t mut Tx<'_>) -> BoxFuture<'t, Result<Applied, StoreError>> {
    Box::pin(async move {
        let mut applied = Applied::default();
        for row in chunk.rows() {
            let mut problems = Problems::default();
            let Some(body) = row.as_object() else {
                applied.count(&chunk, row, false);
                continue;
            };
            let object = object(&chunk, row, &mut problems);
            let recipients = parse_unsubscribe(body, "", &chunk.catalog, chunk.env, &mut problems);
            let done = problems.is_empty();
            if done {
                unsubscribe(tx, chunk.env, &object, &recipients).await?;
            }
            applied.count(&chunk, row, done);
        }
        Ok(applied)
    })
}

fn object(chunk: &Chunk, row: &Value, problems: &mut Problems) -> RecipientRef {
    let collection = chunk.scope.as_deref().unwrap_or_default();
    let id = row["id"].as_str().unwrap_or_default();
    let blank = collection == TENANTS && id.contains(char::is_whitespace);
    let problem = collection_problem(collection).or_else(|| id_problem(id));
    if let Some(problem) = problem.or(blank.then_some("must not contain whitespace")) {
        problems.add("id", problem);
    }
    RecipientRef::object(collection, id)
}

impl Applied {
    fn count(&mut self, chunk: &Chunk, row: &Value, done: bool) {
        if done {
            self.succeeded += 1;
        } else {
            self.failed.push(error_item(row, chunk.scope.as_deref()));
        }
    }
}
