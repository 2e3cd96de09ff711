//! Cancelling runs by their key (workflows.md section 21).

use campanile_core::ids::EnvId;
use campanile_core::recipient::RecipientRef;
use campanile_core::time::Timestamp;
use campanile_store::{StoreError, StoredRun};
use serde_json::json;

use crate::engine::Engine;
use crate::state::RunLog;

fn cancelled(stored: &StoredRun, now: Timestamp) -> (String, String) {
    let row = &stored.recipient_run;
    let mut log = RunLog::resume(row.log.clone(), row.error_count);
    log.add(now, "run_cancelled", None, &json!({"reason": "cancelled"}));
    (row.state.clone(), log.into_text())
}

impl Engine {
    /// Stops every run that shares the key, or those of the named recipients. A step that ends after this answered
    /// finds its timer gone (promise P6). Messages already made are not recalled.
    pub async fn cancel(
        &self,
        env: EnvId,
        workflow: &str,
        key: &str,
        recipients: Option<Vec<RecipientRef>>,
    ) -> Result<u64, StoreError> {
        self.store().cancel_runs(env, workflow, key, recipients, self.clock().now(), cancelled).await
    }
}
