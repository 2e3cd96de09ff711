//! Jobs on audiences: applying a new definition to everybody, looking what time has changed, deleting members.
//!
//! A job goes through the users in the order in which they were first seen, a slice in each transaction, and keeps its
//! position there. Publishing another definition replaces the job, so that a slice in the making finds it gone.

use std::collections::HashMap;

use campanile_core::time::Micros;
use campanile_store::{AudienceTask, AudienceWork, Claim, Guard, GuardAction, RecipientRow, StoreError, Tx};
use uuid::Uuid;

use super::definition;
use super::follow::{Entering, Following};
use crate::engine::Engine;

/// Users in one transaction.
const USERS_AT_ONCE: i64 = 200;
/// Members deleted in one transaction.
const PURGED_AT_ONCE: i64 = 500;
/// How often conditions on time are looked at (S49).
const SWEEP_EVERY: Micros = Micros::seconds(15 * 60);
/// A slice is tried this often in a row when other transactions are in the way.
const TRIES_MAX: usize = 8;

/// What comes after a slice.
enum Then {
    /// The next one.
    Slice(AudienceWork),
    /// Another look later.
    Later(AudienceWork),
    /// Nothing.
    Finish,
}

impl Engine {
    /// Works on an audience from where its job stands to the end, or until this node stops.
    pub(crate) async fn run_audience(&self, mut claim: Claim) -> Result<(), StoreError> {
        let mut tries = 0;
        while !self.stopping().is_cancelled() {
            match self.audience_slice(claim.clone()).await {
                Ok(Some(payload)) => {
                    claim.payload = Some(payload);
                    tries = 0;
                }
                Ok(None) => break,
                Err(StoreError::Contended(_)) if tries < TRIES_MAX => tries += 1,
                Err(error) => return Err(error),
            }
            self.wake();
        }
        self.wake();
        Ok(())
    }

    /// One transaction: the claim, a slice of the work, the position. The payload of the next slice, or `None` when this
    /// job has ended or is no longer ours.
    async fn audience_slice(&self, claim: Claim) -> Result<Option<String>, StoreError> {
        let id =
            Uuid::from_slice(&claim.target).map_err(|error| StoreError::Corrupt(error.to_string().into()))?;
        let work = AudienceWork::from_payload(claim.payload.as_deref())?;
        let now = self.clock().now();
        let lease_end = now + self.options().lease;
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    let hold = GuardAction::Continue { run_at: lease_end, payload: claim.payload.clone() };
                    if !tx.settle(&Guard { claim: claim.clone(), action: hold }).await? {
                        return Ok(None);
                    }
                    let then = match work.task {
                        AudienceTask::Purge => {
                            let gone = tx.purge_audience(claim.env, id, PURGED_AT_ONCE).await?;
                            if gone < PURGED_AT_ONCE as u64 { Then::Finish } else { Then::Slice(work) }
                        }
                        AudienceTask::Build | AudienceTask::Sweep => {
                            judge(tx, claim.env, id, work, now).await?
                        }
                    };
                    let (action, next) = match then {
                        Then::Finish => (GuardAction::Finish, None),
                        Then::Later(work) => {
                            let payload = Some(work.to_payload());
                            (GuardAction::PutOff { due_at: now + SWEEP_EVERY, payload }, None)
                        }
                        Then::Slice(work) => {
                            let payload = work.to_payload();
                            let kept = Some(payload.clone());
                            (GuardAction::Continue { run_at: lease_end, payload: kept }, Some(payload))
                        }
                    };
                    tx.settle(&Guard { claim, action }).await?;
                    Ok(next)
                })
            })
            .await
    }
}

/// Decides about the next slice of users.
async fn judge(
    tx: &mut Tx<'_>,
    env: campanile_core::ids::EnvId,
    id: Uuid,
    work: AudienceWork,
    now: campanile_core::time::Timestamp,
) -> Result<Then, StoreError> {
    let Some(audience) = tx.audience_by_id(env, id).await? else { return Ok(Then::Finish) };
    let membership = definition(tx, audience.version).await?;
    let users = tx.next_users(env, work.after.as_ref(), USERS_AT_ONCE).await?;
    let rows: Vec<&RecipientRow> = users.iter().collect();
    let (is_build, depends_on_time) = (work.task == AudienceTask::Build, membership.depends_on_time());
    let entering = if is_build { Entering::Nobody } else { Entering::Everybody };
    let following = Following::only(audience, membership);
    following.bring_up_to_date(tx, env, &rows, &HashMap::new(), entering, now).await?;
    match users.last() {
        Some(last) if users.len() == USERS_AT_ONCE as usize => {
            let after = Some((last.inserted_at.0, last.reference.id.clone()));
            Ok(Then::Slice(AudienceWork { after, ..work }))
        }
        _ => {
            if is_build {
                tx.audience_built(env, id).await?;
            }
            let sweep = AudienceWork { task: AudienceTask::Sweep, after: None };
            Ok(if depends_on_time { Then::Later(sweep) } else { Then::Finish })
        }
    }
}
