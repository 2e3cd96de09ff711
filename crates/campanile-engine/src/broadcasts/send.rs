//! Sending: the broadcast becomes sent, then its target is read and expanded chunk by chunk.
//!
//! Each pair of a user and a tenant is a recipient of its own (R26.4), and a run has one tenant: there is a workflow run
//! for each tenant, whose id is derived from what is sent. Chunks go by tenant and user, and their position is written
//! together with each, so that a crash in the middle neither skips nor repeats.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use campanile_core::broadcast::{self, Target};
use campanile_core::ids::{EnvId, derived_run_id};
use campanile_core::recipient::{RecipientRef, TENANTS, USERS};
use campanile_core::time::Timestamp;
use campanile_store::{
    BroadcastStatus, Claim, Guard, GuardAction, Member, Outcome, RunRow, StoreError, Unit,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use crate::engine::Engine;
use crate::expand::{CHUNK, Pending};
use crate::program::Program;

/// The payload of the job.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Progress {
    /// Key of the broadcast.
    key: String,
    /// When the target was read for the first time: who is added later is not concerned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sent_at: Option<i64>,
    /// The last recipient that was expanded: tenant, or the empty text, and user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    after: Option<(String, String)>,
}

impl Progress {
    fn to_payload(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }
}

/// The payload with which the job of a broadcast begins.
pub(super) fn begin(key: &str) -> String {
    Progress { key: key.to_owned(), sent_at: None, after: None }.to_payload()
}

/// What is being sent.
struct Sending {
    env: EnvId,
    version: Uuid,
    program: Arc<Program>,
    sent_at: Timestamp,
    /// The audience, or every user.
    audience: Option<Uuid>,
}

impl Engine {
    /// Sends a broadcast from where its job stands to the end, or until this node stops.
    pub(crate) async fn run_broadcast(&self, mut claim: Claim) -> Result<(), StoreError> {
        let version =
            Uuid::from_slice(&claim.target).map_err(|error| StoreError::Corrupt(error.to_string().into()))?;
        let mut progress: Progress = serde_json::from_str(claim.payload.as_deref().unwrap_or_default())
            .map_err(|error| StoreError::Corrupt(error.to_string().into()))?;
        let sent_at = match progress.sent_at {
            Some(at) => Timestamp(at),
            None => match self.begin_sending(&claim, &progress.key, version).await? {
                Some(at) => at,
                None => return Ok(()),
            },
        };
        progress.sent_at = Some(sent_at.0);
        claim.payload = Some(progress.to_payload());
        let Some(sending) = self.sending(claim.env, version, sent_at).await? else {
            return self.store().commit(Unit::finishing(claim)).await.map(drop);
        };
        while !self.stopping().is_cancelled() {
            let chunk = self.next_recipients(&sending, progress.after.as_ref()).await?;
            let is_last = chunk.len() < CHUNK;
            let before = progress.after.clone();
            if let Some(last) = chunk.last() {
                progress.after = Some((last.tenant.clone().unwrap_or_default(), last.user.clone()));
            }
            let mut unit = if is_last {
                Unit::finishing(claim.clone())
            } else {
                claim.payload = Some(progress.to_payload());
                let lease_end = self.clock().now() + self.options().lease;
                Unit::continuing(claim.clone(), lease_end, claim.payload.clone())
            };
            self.expand_members(&sending, chunk, before, &mut unit).await?;
            if !matches!(self.commit_and_perform(unit).await?, Outcome::Committed) || is_last {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Marks the broadcast as sent, under the claim of its job: from here on it cannot be taken back. `None` when the
    /// job is no longer ours.
    async fn begin_sending(
        &self,
        claim: &Claim,
        key: &str,
        version: Uuid,
    ) -> Result<Option<Timestamp>, StoreError> {
        let now = self.clock().now();
        let run_at = now + self.options().lease;
        let (claim, key) = (claim.clone(), key.to_owned());
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    let payload =
                        Progress { key: key.clone(), sent_at: Some(now.0), after: None }.to_payload();
                    let (env, action) = (claim.env, GuardAction::Continue { run_at, payload: Some(payload) });
                    if !tx.settle(&Guard { claim, action }).await? {
                        return Ok(None);
                    }
                    let row = tx.broadcast(env, &key).await?.filter(|row| row.version == Some(version));
                    if let Some(mut row) = row.filter(|row| row.status == BroadcastStatus::Scheduled) {
                        row.status = BroadcastStatus::Sent;
                        row.sent_at = Some(now);
                        row.updated_at = now;
                        tx.put_broadcast(&row).await?;
                    }
                    Ok(Some(now))
                })
            })
            .await
    }

    /// What the frozen content says; `None` when there is nobody to send it to, as when the audience was archived.
    async fn sending(
        &self,
        env: EnvId,
        version: Uuid,
        sent_at: Timestamp,
    ) -> Result<Option<Sending>, StoreError> {
        let Some((_, _, row)) = self.store().version(version).await? else { return Ok(None) };
        let Some(program) = self.program(env, version).await? else { return Ok(None) };
        let content: Value = serde_json::from_str(&row.content).unwrap_or_default();
        let audience = match broadcast::target(&content) {
            None => return Ok(None),
            Some(Target::AllUsers) => None,
            Some(Target::Audience(key)) => match self.store().audience(env, &key).await? {
                Some(audience) => Some(audience.id),
                None => return Ok(None),
            },
        };
        Ok(Some(Sending { env, version, program, sent_at, audience }))
    }

    async fn next_recipients(
        &self,
        sending: &Sending,
        after: Option<&(String, String)>,
    ) -> Result<Vec<Member>, StoreError> {
        let limit = CHUNK as i64;
        match sending.audience {
            Some(audience) => {
                let after = after.map(|(tenant, user)| Member {
                    tenant: (!tenant.is_empty()).then(|| tenant.clone()),
                    user: user.clone(),
                });
                let store = self.store();
                store
                    .next_audience_members(sending.env, audience, sending.sent_at, after.as_ref(), limit)
                    .await
            }
            None => {
                let after = after.map(|(_, user)| user.as_str());
                let users =
                    self.store().users_after(sending.env, USERS, after, sending.sent_at, limit).await?;
                Ok(users.into_iter().map(|user| Member { tenant: None, user }).collect())
            }
        }
    }

    /// Makes the recipient runs of a chunk, and the workflow runs of the tenants that begin in it.
    async fn expand_members(
        &self,
        sending: &Sending,
        chunk: Vec<Member>,
        before: Option<(String, String)>,
        unit: &mut Unit,
    ) -> Result<(), StoreError> {
        let mut by_tenant: BTreeMap<Option<String>, Vec<String>> = BTreeMap::new();
        for member in chunk {
            by_tenant.entry(member.tenant).or_default().push(member.user);
        }
        let now = self.clock().now();
        for (tenant, users) in by_tenant {
            // Preferences are those under the run's tenant, so each tenant's people are read together.
            let mut keys = users.clone();
            keys.extend(tenant.as_ref().map(|id| RecipientRef::object(TENANTS, id).key()));
            let rows = self.store().recipients_of_run(sending.env, keys, tenant.as_deref()).await?;
            let rows: HashMap<_, _> = rows.into_iter().map(|row| (row.reference.key(), row)).collect();
            let id = derived_run_id(
                sending.sent_at,
                &[sending.version.as_bytes(), tenant.as_deref().unwrap_or_default().as_bytes()],
            );
            let run = Arc::new(RunRow {
                id,
                env: sending.env,
                workflow: sending.program.key.clone(),
                version: sending.version,
                tenant: tenant.clone(),
                actor: None,
                data: None,
                cancellation_key: None,
                flags: RunRow::BROADCAST,
                pending: None,
                origin: None,
                inserted_at: sending.sent_at,
            });
            let program = Arc::clone(&sending.program);
            let context = self.run_context(Arc::clone(&run), program, self.empty_data(), &rows).await?;
            // Only users that exist are written to (R26.4).
            let pending = users
                .into_iter()
                .filter(|user| rows.contains_key(user))
                .map(|recipient| Pending { recipient, ..Pending::default() })
                .collect();
            self.expand(&context, pending, &rows, now, unit).await?;
            let began_earlier = before.as_ref().is_some_and(|(t, _)| *t == tenant.unwrap_or_default());
            if !began_earlier {
                unit.runs.push(RunRow::clone(&run));
            }
        }
        Ok(())
    }
}
