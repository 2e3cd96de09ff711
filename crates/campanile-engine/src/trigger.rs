//! Accepting a trigger: everything that can be refused is refused here; what is answered is on disk.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use campanile_core::ids::{EnvId, new_run_id};
use campanile_core::problem::FieldProblem;
use campanile_core::recipient::{RecipientRef, TENANTS};
use campanile_core::time::Timestamp;
use campanile_store::{
    IdempotencyRow, JobKind, JobRow, Outcome, RecipientRow, RunRow, StoreError, StoredReply, Unit,
};
use parking_lot::Mutex;
use serde_json::Value;
use uuid::Uuid;

use crate::engine::Engine;
use crate::expand::Pending;
use crate::identify::{Identify, apply};

/// Up to this many recipients, subscribers included, are expanded before the answer, in the transaction that accepts the trigger: one
/// write instead of two. More are expanded right after it.
const INLINE_MAX: usize = 100;

/// A trigger whose shape was checked.
#[derive(Debug)]
pub struct Trigger {
    /// Where.
    pub env: EnvId,
    /// Key of the workflow.
    pub workflow: String,
    /// In order; duplicates are dropped here.
    pub recipients: Vec<Identify>,
    /// Who did it.
    pub actor: Option<Identify>,
    /// Under which tenant.
    pub tenant: Option<Identify>,
    /// Trigger data: the text is stored as it came.
    pub data: Option<(Arc<str>, Arc<Value>)>,
    /// Cancels this run later.
    pub cancellation_key: Option<String>,
    /// Bits of [`RunRow`].
    pub flags: i64,
    /// Key, request hash and request id.
    pub idempotency: Option<(String, [u8; 32], String)>,
}

/// What became of a trigger.
#[derive(Debug, Clone)]
pub enum Accepted {
    /// Durable.
    Run(Uuid),
    /// The key was used before; the caller compares the hashes.
    Repeated(StoredReply),
}

/// Why a trigger was refused. Nothing ran.
#[derive(Debug, Clone)]
pub enum TriggerError {
    /// Never committed, archived or unknown.
    WorkflowMissing,
    /// Switched off in this environment.
    WorkflowInactive,
    /// The actor was never identified.
    ActorMissing,
    /// Fields that could only be checked against what is stored.
    Invalid(Vec<FieldProblem>),
    /// The database could not.
    Store(StoreError),
}

impl From<StoreError> for TriggerError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Engine {
    /// Accepts a trigger. The answer is given when the run is durable, never before (promise P1).
    pub async fn trigger(&self, trigger: Trigger) -> Result<Accepted, TriggerError> {
        let env = trigger.env;
        let published = self.published(env, &trigger.workflow).await?.ok_or(TriggerError::WorkflowMissing)?;
        // A test run may try out a workflow that is switched off.
        if !published.active {
            return Err(TriggerError::WorkflowInactive);
        }
        if let Some(schema) = &published.program.data_schema {
            let empty = self.empty_data();
            let problems = schema.problems(trigger.data.as_ref().map_or(&*empty, |(_, data)| data));
            if !problems.is_empty() {
                let named = |(place, why): (String, String)| FieldProblem::new(format!("data{place}"), why);
                return Err(TriggerError::Invalid(problems.into_iter().map(named).collect()));
            }
        }
        let now = self.clock().now();
        let (mut pending, upserts, mut keys) = sort_out(trigger.recipients);
        let actor = trigger.actor.as_ref().map(|a| a.reference().key());
        let subscribers = match INLINE_MAX.checked_sub(pending.len()) {
            Some(_) if trigger.flags & RunRow::NO_FAN_OUT != 0 => Some(Vec::new()),
            Some(room) => self.few_subscribers(env, &pending, actor.as_deref(), room).await?,
            None => None,
        };
        let inline = subscribers.is_some();
        match subscribers {
            Some(found) => {
                keys.extend(found.iter().map(|one| one.recipient.clone()));
                pending.extend(found);
            }
            // Runs that are expanded later read their recipients then.
            None => keys.clear(),
        }
        let known = self.known(env, &trigger.actor, &trigger.tenant, upserts, keys, now).await?;
        if actor.as_ref().is_some_and(|key| !known.contains_key(key)) {
            return Err(TriggerError::ActorMissing);
        }
        let id = new_run_id(now);
        let (text, data) =
            trigger.data.map_or_else(|| (None, self.empty_data()), |(text, data)| (Some(text), data));
        let run = Arc::new(RunRow {
            id,
            env,
            workflow: trigger.workflow,
            version: published.program.version,
            tenant: trigger.tenant.map(|tenant| tenant.reference().id.clone()),
            actor,
            data: text,
            cancellation_key: trigger.cancellation_key,
            flags: trigger.flags,
            pending: (!inline).then(|| serde_json::to_string(&pending).unwrap_or_default()),
            origin: None,
            inserted_at: now,
        });
        let mut unit = Unit { idempotency: reply_row(env, trigger.idempotency, id, now), ..Unit::default() };
        if inline {
            let context = self.run_context(Arc::clone(&run), published.program, data, &known).await?;
            self.expand(&context, pending, &known, now, &mut unit).await?;
        } else {
            unit.jobs.push(JobRow {
                target: id.as_bytes().to_vec(),
                kind: JobKind::Expand,
                env,
                due_at: now,
                run_at: now,
                claim: 0,
                attempt: 0,
                first_at: None,
                payload: None,
            });
        }
        unit.runs.push(Arc::unwrap_or_clone(run));
        match self.commit_and_perform(unit).await? {
            Outcome::Repeated(reply) => Ok(Accepted::Repeated(reply)),
            Outcome::Committed | Outcome::Superseded => {
                self.metrics().triggers_accepted.inc();
                Ok(Accepted::Run(id))
            }
        }
    }

    /// Writes what is identified inline, then reads everybody in one query. Inline upserts are complete before the
    /// run begins (recipients.md RC6.5).
    pub(crate) async fn known(
        &self,
        env: EnvId,
        actor: &Option<Identify>,
        tenant: &Option<Identify>,
        mut upserts: Vec<Identify>,
        mut keys: Vec<String>,
        now: Timestamp,
    ) -> Result<HashMap<String, RecipientRow>, TriggerError> {
        let mut known = HashMap::new();
        for named in [actor, tenant].into_iter().flatten() {
            match named {
                Identify::Upsert(_) => upserts.push(named.clone()),
                Identify::Reference(reference) => keys.push(reference.key()),
            }
        }
        if !upserts.is_empty() {
            // Each locks its row: in one order everywhere, or two triggers that name the same people wait for each
            // other. The order of entries with one key stays.
            upserts.sort_by_cached_key(|one| one.reference().key());
            let tenant = tenant.as_ref().map(|tenant| tenant.reference().id.clone());
            let problem = Arc::new(Mutex::new(None));
            let refused = Arc::clone(&problem);
            let written = self
                .store()
                .transact(move |tx| {
                    Box::pin(async move {
                        let mut rows = Vec::with_capacity(upserts.len());
                        for one in upserts {
                            let Identify::Upsert(upsert) = one else { continue };
                            match apply(tx, env, *upsert, now).await? {
                                Ok(row) => rows.push(row),
                                Err(found) => {
                                    *refused.lock() = Some(found);
                                    // An error undoes the upserts before it: one refusal refuses the trigger.
                                    return Err(StoreError::Conflict(
                                        "an inline recipient is too large".into(),
                                    ));
                                }
                            }
                        }
                        tx.add_run_sets(env, tenant.as_deref(), &mut rows).await?;
                        Ok(rows)
                    })
                })
                .await;
            if let Some(found) = problem.lock().take() {
                return Err(TriggerError::Invalid(vec![found]));
            }
            known.extend(written?.into_iter().map(|row| (row.reference.key(), row)));
        }
        if !keys.is_empty() {
            let tenant = tenant.as_ref().map(|tenant| tenant.reference().id.as_str());
            for row in self.store().recipients_of_run(env, keys, tenant).await? {
                known.insert(row.reference.key(), row);
            }
        }
        // An unknown tenant becomes an empty one (workflows.md R5.8).
        if let Some(Identify::Reference(reference)) = tenant
            && !known.contains_key(&reference.key())
        {
            let stub = RecipientRef::object(TENANTS, reference.id.clone());
            let written = stub.clone();
            self.store()
                .transact(move |tx| Box::pin(async move { tx.touch_recipient(env, &written, now).await }))
                .await?;
            if let Some(row) = self.store().recipient(env, &stub).await? {
                known.insert(stub.key(), row);
            }
        }
        Ok(known)
    }
}

/// Drops duplicates (the first entry's trigger data counts, S5), and tells references from upserts.
fn sort_out(recipients: Vec<Identify>) -> (Vec<Pending>, Vec<Identify>, Vec<String>) {
    let mut seen = HashSet::with_capacity(recipients.len());
    let mut pending = Vec::with_capacity(recipients.len());
    let (mut upserts, mut keys) = (Vec::new(), Vec::new());
    for one in recipients {
        let recipient = one.reference().key();
        if seen.insert(recipient.clone()) {
            let trigger_data = match &one {
                Identify::Upsert(upsert) => upsert.trigger_data.clone(),
                Identify::Reference(_) => None,
            };
            if matches!(one, Identify::Reference(_)) {
                keys.push(recipient.clone());
            }
            pending.push(Pending { recipient, trigger_data, ..Pending::default() });
        }
        if matches!(one, Identify::Upsert(_)) {
            upserts.push(one);
        }
    }
    (pending, upserts, keys)
}

fn reply_row(
    env: EnvId,
    idempotency: Option<(String, [u8; 32], String)>,
    id: Uuid,
    now: Timestamp,
) -> Option<IdempotencyRow> {
    idempotency.map(|(key, request_hash, request_id)| IdempotencyRow {
        env,
        key,
        request_hash,
        request_id,
        body: format!(r#"{{"workflow_run_id":"{id}"}}"#),
        created_at: now,
    })
}
