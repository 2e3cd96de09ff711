//! Who had a once-only workflow already (workflows.md section 3.6).

use std::collections::HashSet;

use campanile_core::ids::EnvId;
use uuid::Uuid;

use crate::db::{Param, Store};
use crate::error::StoreError;

impl Store {
    /// Marks recipients as having run a once-only workflow; answers those that had not, or had in this very run.
    pub async fn mark_frequency(
        &self,
        env: EnvId,
        workflow: &str,
        tenant: &str,
        run: Uuid,
        recipients: Vec<String>,
    ) -> Result<Vec<String>, StoreError> {
        let (workflow, tenant) = (workflow.to_owned(), tenant.to_owned());
        self.transact(move |tx| {
            Box::pin(async move {
                // In one order everywhere, or two runs that name the same people wait for each other.
                let mut named = recipients.clone();
                named.sort_unstable();
                named.dedup();
                let (blob, rows) = match tx.is_postgres() {
                    true => ("BYTEA", "unnest($3::text[]) AS r (value)"),
                    false => ("BLOB", "json_each($3) r"),
                };
                let sql = format!(
                    "INSERT INTO frequency_marks (env, workflow, recipient, tenant, run) \
                     SELECT CAST($1 AS BIGINT), CAST($2 AS TEXT), r.value, CAST($4 AS TEXT), CAST($5 AS {blob}) \
                     FROM {rows} WHERE 1 = 1 ON CONFLICT (env, workflow, recipient, tenant) \
                     DO UPDATE SET run = frequency_marks.run RETURNING recipient, run"
                );
                let params = [
                    env.into(),
                    workflow.as_str().into(),
                    Param::Texts(named),
                    tenant.as_str().into(),
                    run.into(),
                ];
                let mut marked = HashSet::new();
                for mut row in tx.query(&sql, &params).await? {
                    if row.uuid(1)? == run {
                        marked.insert(row.text(0)?);
                    }
                }
                let fresh: Vec<String> =
                    recipients.into_iter().filter(|recipient| marked.contains(recipient)).collect();
                Ok(fresh)
            })
        })
        .await
    }
}
