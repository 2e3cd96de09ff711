//! Merging one user into another (recipients.md section 11): the primary keeps what it has, and the secondary is
//! deleted with what it could not leave.

use campanile_core::ids::{EnvId, Ksuid, recipient_run_id};
use campanile_core::recipient::RecipientRef;
use campanile_core::time::{Micros, Timestamp};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::db::{Cost, Param, Store, Tx};
use crate::error::StoreError;
use crate::hanging::WHAT_A_MERGE_MOVES;
use crate::recipients::{RecipientRow, merge_json};

/// Attributes whose null counts as missing (S21).
const ATTRIBUTES: [&str; 6] = ["name", "email", "avatar", "phone_number", "timezone", "locale"];
/// How far back messages and activities are moved.
const HISTORY: Micros = Micros(30 * 86_400 * 1_000_000);

/// What became of a merge.
#[derive(Debug, Clone)]
pub enum UsersMerged {
    /// The primary as it is now.
    Done(RecipientRow),
    /// One of the two does not exist; nothing was changed.
    Missing,
    /// The properties would not fit; nothing was changed.
    TooLarge,
}

/// The primary's properties over the secondary's, at every level.
fn united(primary: Map<String, Value>, secondary: Map<String, Value>) -> Map<String, Value> {
    let mut kept = primary;
    kept.retain(|name, value| !(value.is_null() && ATTRIBUTES.contains(&name.as_str())));
    let mut properties = secondary;
    merge_json(&mut properties, kept);
    properties
}

impl Store {
    /// Merges `secondary` into `primary`, two different users. Messages of the last 30 days and what they were made by
    /// now belong to the primary; runs that wait end without sending.
    pub async fn merge_users(
        &self,
        env: EnvId,
        primary: &RecipientRef,
        secondary: &RecipientRef,
        now: Timestamp,
        bytes_max: usize,
    ) -> Result<UsersMerged, StoreError> {
        let since = now + Micros(-HISTORY.0);
        let acted = self.runs_of_actor(env, secondary, since).await?;
        let (primary, secondary) = (primary.clone(), secondary.clone());
        self.transact(move |tx| {
            Box::pin(async move {
                let Some((own, other)) = tx.lock_two(env, &primary, &secondary).await? else {
                    return Ok(UsersMerged::Missing);
                };
                let parsed = |text: &str| serde_json::from_str(text).map_err(StoreError::corrupt);
                let properties = united(parsed(&own.properties)?, parsed(&other.properties)?);
                let text = serde_json::to_string(&properties).map_err(StoreError::corrupt)?;
                if text.len() > bytes_max {
                    return Ok(UsersMerged::TooLarge);
                }
                tx.move_runs(env, &primary, &secondary, since).await?;
                let bound = Ksuid::floor(since);
                for sql in WHAT_A_MERGE_MOVES {
                    let mut params: Vec<Param<'_>> =
                        vec![env.into(), secondary.key().into(), primary.key().into()];
                    if sql.contains("$4") {
                        params.push(bound.into());
                    }
                    tx.execute(sql, &params).await?;
                }
                let sql = format!("UPDATE workflow_runs SET actor = $1 WHERE id IN {}", tx.blobs_in("$2"));
                tx.execute(&sql, &[primary.key().into(), Param::Blobs(acted)]).await?;
                tx.delete_recipients(env, &[secondary]).await?;
                let created_at = own.created_at.or(other.created_at);
                let changed = text != own.properties || created_at != own.created_at;
                let updated_at = if changed { now } else { own.updated_at };
                let row = RecipientRow { properties: text, created_at, updated_at, ..own };
                let sql = "UPDATE recipients SET properties = $3, created_at = $4, updated_at = $5 \
                           WHERE env = $1 AND key = $2";
                tx.execute(
                    sql,
                    &[
                        env.into(),
                        primary.key().into(),
                        row.properties.as_str().into(),
                        Param::opt_int(row.created_at.map(|at| at.0)),
                        row.updated_at.into(),
                    ],
                )
                .await?;
                Ok(UsersMerged::Done(row))
            })
        })
        .await
    }

    /// Ids of the runs that somebody acted in. Looked up before the transaction, for no index leads here.
    async fn runs_of_actor(
        &self,
        env: EnvId,
        actor: &RecipientRef,
        since: Timestamp,
    ) -> Result<Vec<Vec<u8>>, StoreError> {
        let sql = "SELECT id FROM workflow_runs WHERE env = $1 AND actor = $2 AND inserted_at >= $3";
        let rows = self.query(Cost::Scan, sql, &[env.into(), actor.key().into(), since.into()]).await?;
        rows.iter().map(|row| Ok(row.blob(0)?.to_vec())).collect()
    }
}

impl Tx<'_> {
    /// Both, locked in the order that everybody locks them in.
    async fn lock_two(
        &mut self,
        env: EnvId,
        one: &RecipientRef,
        other: &RecipientRef,
    ) -> Result<Option<(RecipientRow, RecipientRow)>, StoreError> {
        let (first, second) = if one.key() < other.key() { (one, other) } else { (other, one) };
        let first = self.recipient(env, first).await?;
        let second = self.recipient(env, second).await?;
        let (Some(first), Some(second)) = (first, second) else { return Ok(None) };
        Ok(Some(if first.reference == *one { (first, second) } else { (second, first) }))
    }

    /// Gives the primary the ended runs that made the messages which move, unless it was in the same run itself. Their
    /// ids follow from their recipient, and messages find their run by that.
    async fn move_runs(
        &mut self,
        env: EnvId,
        primary: &RecipientRef,
        secondary: &RecipientRef,
        since: Timestamp,
    ) -> Result<(), StoreError> {
        let rows = self
            .query(
                "SELECT r.run FROM recipient_runs r WHERE r.env = $1 AND r.recipient = $2 AND r.status >= 3 \
                 AND r.run IN (SELECT m.run FROM messages m \
                 WHERE m.env = $1 AND m.recipient = $2 AND m.id >= $4) \
                 AND NOT EXISTS (SELECT 1 FROM recipient_runs o \
                 WHERE o.env = $1 AND o.run = r.run AND o.recipient = $3)",
                &[env.into(), secondary.key().into(), primary.key().into(), Ksuid::floor(since).into()],
            )
            .await?;
        let runs: Vec<Uuid> = rows.iter().map(|row| row.uuid(0)).collect::<Result<_, _>>()?;
        let ids: Vec<Uuid> = runs.iter().map(|run| recipient_run_id(*run, &primary.gid())).collect();
        if self.is_postgres() {
            let list = |ids: &[Uuid]| Param::Blobs(ids.iter().map(|id| id.as_bytes().to_vec()).collect());
            self.execute(
                "UPDATE recipient_runs r SET recipient = $3, id = moved.id \
                 FROM unnest($4::bytea[], $5::bytea[]) AS moved(run, id) \
                 WHERE r.env = $1 AND r.recipient = $2 AND r.run = moved.run",
                &[env.into(), secondary.key().into(), primary.key().into(), list(&runs), list(&ids)],
            )
            .await?;
            return Ok(());
        }
        for (run, id) in runs.into_iter().zip(ids) {
            self.execute(
                "UPDATE recipient_runs SET recipient = $3, id = $5 WHERE env = $1 AND recipient = $2 AND run = $4",
                &[env.into(), secondary.key().into(), primary.key().into(), run.into(), id.into()],
            )
            .await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_primary_wins_every_conflict() {
        for (primary, secondary, want) in [
            (
                json!({"name": "Ada", "email": null, "plan": "pro", "meta": {"a": 1, "b": null}}),
                json!({"name": "G", "email": "a@x.io", "plan": "free", "meta": {"b": 2, "c": 3}, "ref": "mail"}),
                json!({"name": "Ada", "email": "a@x.io", "plan": "pro", "meta": {"a": 1, "b": null, "c": 3},
                    "ref": "mail"}),
            ),
            (json!({"custom": null}), json!({"custom": 1}), json!({"custom": null})),
            (json!({"tags": ["a"]}), json!({"tags": ["b", "c"]}), json!({"tags": ["a"]})),
            (json!({"meta": 1}), json!({"meta": {"a": 1}}), json!({"meta": 1})),
            (json!({"timezone": null}), json!({}), json!({})),
        ] {
            let [Value::Object(own), Value::Object(other)] = [primary, secondary] else { unreachable!() };
            assert_eq!(Value::Object(united(own, other)), want);
        }
    }
}
