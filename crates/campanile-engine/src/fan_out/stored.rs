//! Expanding a stored run piece by piece.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use campanile_store::{Claim, Outcome, StoreError, Unit};
use serde_json::{Value, json};

use super::walk::Walk;
use crate::engine::Engine;
use crate::expand::{Pending, RunContext, own_have_conditions};

/// Wait before a job is given back whose database did not answer.
const AWAY: Duration = Duration::from_millis(500);
/// So often this is tried; then the lease has to end.
const GIVE_BACK_TRIES: u32 = 20;

impl Engine {
    /// Expands a stored run. When the database was in the way, the job is given back, for half of a crowd that waits
    /// for the lease to end hears much later than the other half; what was committed is not done again.
    pub(crate) async fn expand_stored(&self, claim: Claim) -> Result<(), StoreError> {
        let result = self.expand_pieces(claim.clone()).await;
        if matches!(result, Err(StoreError::Unavailable(_) | StoreError::Contended(_))) {
            for _ in 0..GIVE_BACK_TRIES {
                tokio::time::sleep(AWAY).await;
                if self.stopping().is_cancelled() || self.store().release_claim(&claim).await.is_ok() {
                    break;
                }
            }
        }
        result
    }

    /// Expands a stored run until everybody has a recipient run, or until this node stops. The position is kept in the
    /// job, written together with each piece, so that a crash in the middle neither skips nor repeats.
    async fn expand_pieces(&self, mut claim: Claim) -> Result<(), StoreError> {
        let id = uuid::Uuid::from_slice(&claim.target)
            .map_err(|error| StoreError::Corrupt(error.to_string().into()))?;
        let run = self.store().workflow_run(id).await?;
        let entries: Vec<Pending> = run
            .as_ref()
            .and_then(|run| serde_json::from_str(run.pending.as_deref()?).ok())
            .unwrap_or_default();
        let program = match &run {
            Some(run) => self.program(run.env, run.version).await?,
            None => None,
        };
        let (Some(run), Some(program), false) = (run, program, entries.is_empty()) else {
            return self.store().commit(Unit::finishing(claim)).await.map(drop);
        };
        let data: Value = match &run.data {
            Some(text) => serde_json::from_str(text).unwrap_or_default(),
            None => json!({}),
        };
        let run = Arc::new(run);
        let data = Arc::new(data);
        let mut context: Option<RunContext> = None;
        let has_cancelled = self.store().has_cancelled_recipients(run.id).await?;
        let mut walk = Walk::resume(&run, &entries, claim.payload.as_deref());
        // A node that stops gives the job back with its other claims, and the next one goes on from the position.
        while !self.stopping().is_cancelled() {
            let mut piece = walk.piece(self.store()).await?;
            if has_cancelled {
                let keys = piece.iter().map(|p| p.recipient.clone()).collect();
                let cancelled = self.store().cancelled_recipients(run.id, keys).await?;
                piece.iter_mut().for_each(|p| p.is_cancelled = cancelled.contains(&p.recipient));
            }
            let mut keys: Vec<String> = piece.iter().map(|p| p.recipient.clone()).collect();
            keys.extend(piece.iter().filter_map(|p| Some(p.via.as_ref()?.object.clone())));
            keys.sort_unstable();
            keys.dedup();
            let rows: HashMap<_, _> = match keys.is_empty() {
                true => HashMap::new(),
                false => self.recipients_by_key(&run, keys).await?,
            };
            // Made once, unless it turns out that somebody's preferences read more than the workflow does.
            let fitting = context.take().filter(|made| made.has_all_roots || !own_have_conditions(&rows));
            let context = match fitting {
                Some(made) => context.insert(made),
                None => {
                    let (program, data) = (Arc::clone(&program), Arc::clone(&data));
                    context.insert(self.run_context(Arc::clone(&run), program, data, &rows).await?)
                }
            };
            // Messages carry the instant of their piece: a feed that was read meanwhile must not have passed them by.
            let now = self.clock().now();
            let mut unit = if walk.is_done() {
                let mut last = Unit::finishing(claim.clone());
                last.expanded.push(run.id);
                last
            } else {
                claim.payload = Some(walk.payload());
                Unit::continuing(claim.clone(), now + self.options().lease, claim.payload.clone())
            };
            self.expand(context, piece, &rows, now, &mut unit).await?;
            if !matches!(self.commit_and_perform(unit).await?, Outcome::Committed) || walk.is_done() {
                return Ok(());
            }
        }
        Ok(())
    }
}
