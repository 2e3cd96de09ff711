//! `users.set_preferences`: one set written for many users, always replacing (preferences.md PF5.3).

use campanile_core::preference::{Change, Strategy};
use campanile_core::recipient::{RecipientRef, id_problem};
use campanile_store::{PreferenceEdit, StoreError, Tx};
use futures_util::future::BoxFuture;
use serde_json::{Map, Value};

use super::{Applied, Chunk, Kind, error_item};

/// One read and two writes for all of them.
const ROWS_AT_ONCE: usize = 250;
/// Member of the scope beside those of the set.
const SET_ID: &str = "id";

pub(super) static SET_PREFERENCES: Kind =
    Kind { name: "users.set_preferences", rows_at_once: ROWS_AT_ONCE, apply: |chunk, tx| set(chunk, tx) };

/// What the users share, as an operation carries it.
pub fn preferences_scope(id: &str, change: Change) -> String {
    let mut scope = change.with_strategy(Strategy::Replace).into_request();
    scope[SET_ID] = id.into();
    scope.to_string()
}

/// Unknown users are made (PF5.12); a row that cannot be a user's id becomes an error item.
fn set<'t>(chunk: Chunk, tx: &'t mut Tx<'_>) -> BoxFuture<'t, Result<Applied, StoreError>> {
    Box::pin(async move {
        let corrupt = |error: serde_json::Error| StoreError::Corrupt(error.to_string().into());
        let scope = chunk.scope.as_deref().unwrap_or_default();
        let mut scope: Map<String, Value> = serde_json::from_str(scope).map_err(corrupt)?;
        let id = scope.remove(SET_ID).and_then(|id| id.as_str().map(str::to_owned)).unwrap_or_default();
        let change = Change::from_request(scope);
        let mut applied = Applied::default();
        let mut edits = Vec::with_capacity(chunk.rows().len());
        for row in chunk.rows() {
            match row.as_str().filter(|user| id_problem(user).is_none()) {
                Some(user) => edits.push(PreferenceEdit {
                    reference: RecipientRef::user(user),
                    id: id.clone(),
                    change: change.clone(),
                }),
                None => applied.failed.push(error_item(row, None)),
            }
        }
        let users: Vec<RecipientRef> = edits.iter().map(|edit| edit.reference.clone()).collect();
        tx.lock_recipients(chunk.env, &users, chunk.now).await?;
        let written = tx.edit_preferences(chunk.env, edits, chunk.now).await?;
        for (user, written) in users.into_iter().zip(written) {
            match written {
                Ok(_) => applied.succeeded += 1,
                Err(_) => applied.failed.push(error_item(&Value::String(user.id), None)),
            }
        }
        Ok(applied)
    })
}
