//! Cancelling runs by their key (workflows.md section 21), those that are not expanded yet included.

use std::collections::HashSet;

use campanile_core::ids::EnvId;
use campanile_core::recipient::RecipientRef;
use campanile_core::time::Timestamp;
use uuid::Uuid;

use crate::db::{Cost, Param, Store, Tx, texts_in};
use crate::error::{StoreError, WRITES_MAX};
use crate::runs::{
    RUN_COLUMNS, RunStatus, STORED_COLUMNS, STORED_FROM, StoredRun, stored_run, update_recipient_runs,
};
use crate::unit::RunUpdate;

/// Which runs are cancelled.
struct Wanted {
    env: EnvId,
    workflow: String,
    key: String,
    /// Keys; absent is everybody.
    recipients: Option<HashSet<String>>,
}

impl Wanted {
    fn params(&self) -> [Param<'_>; 3] {
        [self.env.into(), self.workflow.as_str().into(), self.key.as_str().into()]
    }
}

impl Store {
    /// Cancels the runs that share a key, all of them or those of some recipients, and takes back their timers in
    /// the same transaction: a step that had already been claimed finds its job gone and writes nothing (P6).
    /// `cancelled` turns a stored run into its last state and log; answers how many there were.
    pub async fn cancel_runs(
        &self,
        env: EnvId,
        workflow: &str,
        key: &str,
        recipients: Option<Vec<RecipientRef>>,
        now: Timestamp,
        cancelled: fn(&StoredRun, Timestamp) -> (String, String),
    ) -> Result<u64, StoreError> {
        let recipients: Option<HashSet<String>> =
            recipients.map(|list| list.iter().map(RecipientRef::key).collect());
        let once = || {
            let (workflow, key) = (workflow.to_owned(), key.to_owned());
            let wanted = Wanted { env, workflow, key, recipients: recipients.clone() };
            self.transact(move |tx| {
                Box::pin(async move {
                    cancel_waiting(tx, &wanted).await?;
                    cancel_started(tx, &wanted, now, cancelled).await
                })
            })
        };
        let mut result = once().await;
        for _ in 1..WRITES_MAX {
            let Err(StoreError::Contended(cause)) = &result else { break };
            tracing::warn!(%cause, "a cancellation is written again");
            result = once().await;
        }
        result
    }

    /// Whether recipients of a run were cancelled before it came to them. While its job is held the answer stays: a
    /// cancellation takes the job away from its holder.
    pub async fn has_cancelled_recipients(&self, run: Uuid) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM cancelled_recipients WHERE run = $1 LIMIT 1";
        Ok(self.query_one(sql, &[run.into()]).await?.is_some())
    }

    /// Those of some recipients, by key, that were cancelled before the run came to them.
    pub async fn cancelled_recipients(
        &self,
        run: Uuid,
        keys: Vec<String>,
    ) -> Result<HashSet<String>, StoreError> {
        let keys_in = self.texts_in("$2");
        let sql =
            format!("SELECT recipient FROM cancelled_recipients WHERE run = $1 AND recipient IN {keys_in}");
        let rows = self.query(Cost::Point, &sql, &[run.into(), Param::Texts(keys)]).await?;
        rows.into_iter().map(|mut row| row.text(0)).collect()
    }
}

/// Recipients that still wait for expansion. A piece in the making finds its job gone, or claimed anew, and writes nothing.
async fn cancel_waiting(tx: &mut Tx<'_>, wanted: &Wanted) -> Result<(), StoreError> {
    let waiting = "SELECT id FROM workflow_runs WHERE env = $1 AND workflow = $2 AND cancellation_key = $3 \
                   AND pending IS NOT NULL ORDER BY id";
    for row in tx.query(waiting, &wanted.params()).await? {
        let run = row.uuid(0)?;
        let Some(keys) = &wanted.recipients else {
            tx.execute("DELETE FROM jobs WHERE target = $1 AND kind = 1", &[run.into()]).await?;
            tx.execute("UPDATE workflow_runs SET pending = NULL WHERE id = $1", &[run.into()]).await?;
            tx.execute("DELETE FROM cancelled_recipients WHERE run = $1", &[run.into()]).await?;
            continue;
        };
        let lock = if tx.is_postgres() { " FOR UPDATE" } else { "" };
        let job = format!("SELECT 1 FROM jobs WHERE target = $1 AND kind = 1{lock}");
        if tx.query_one(&job, &[run.into()]).await?.is_none() {
            // Expanded meanwhile: everybody has a run.
            continue;
        }
        let (blob, rows) = match tx.is_postgres() {
            true => ("BYTEA", "unnest($2::text[]) AS r (value)"),
            false => ("BLOB", "json_each($2) r"),
        };
        let sql = format!(
            "INSERT INTO cancelled_recipients (run, recipient) SELECT CAST($1 AS {blob}), r.value FROM {rows} \
             WHERE 1 = 1 ON CONFLICT DO NOTHING"
        );
        let mut keys: Vec<String> = keys.iter().cloned().collect();
        keys.sort_unstable();
        let noted = tx.execute(&sql, &[run.into(), Param::Texts(keys)]).await?;
        // Who holds the job has read the notes; told twice, it may go on.
        if noted > 0 {
            let back = "UPDATE jobs SET run_at = due_at, claim = 0 WHERE target = $1 AND kind = 1";
            tx.execute(back, &[run.into()]).await?;
        }
    }
    Ok(())
}

/// Recipients that have a run which is not over.
async fn cancel_started(
    tx: &mut Tx<'_>,
    wanted: &Wanted,
    now: Timestamp,
    cancelled: fn(&StoredRun, Timestamp) -> (String, String),
) -> Result<u64, StoreError> {
    let mut runs = format!(
        "{STORED_FROM} WHERE w.env = $1 AND w.workflow = $2 AND w.cancellation_key = $3 \
         AND r.env = $1 AND r.status < 3"
    );
    let mut params = wanted.params().to_vec();
    if let Some(keys) = &wanted.recipients {
        runs.push_str(&format!(" AND r.recipient IN {}", texts_in(tx.is_postgres(), "$4")));
        params.push(Param::Texts(keys.iter().cloned().collect()));
    }
    if tx.is_postgres() {
        // Whoever finishes a job takes the job first and the run after it; so do we, or both wait.
        let sql = format!("SELECT r.id {runs} ORDER BY r.id");
        for row in tx.query(&sql, &params).await? {
            tx.execute("DELETE FROM jobs WHERE target = $1 AND kind = 2", &[row.uuid(0)?.into()]).await?;
        }
    }
    let lock = if tx.is_postgres() { "FOR UPDATE OF r" } else { "" };
    let sql = format!("SELECT {RUN_COLUMNS}, {STORED_COLUMNS} {runs} {lock}");
    let mut count = 0;
    for row in tx.query(&sql, &params).await? {
        let stored = stored_run(row)?;
        let id = stored.recipient_run.id;
        tx.execute("DELETE FROM jobs WHERE target = $1 AND kind = 2", &[id.into()]).await?;
        let (state, log) = cancelled(&stored, now);
        let update = RunUpdate {
            env: wanted.env,
            run: stored.run.id,
            recipient: stored.recipient_run.recipient,
            status: RunStatus::Cancelled,
            error_count: stored.recipient_run.error_count,
            state,
            log,
            updated_at: now,
        };
        update_recipient_runs(tx, std::iter::once(&update)).await?;
        count += 1;
    }
    Ok(count)
}
