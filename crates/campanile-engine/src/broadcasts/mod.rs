//! Broadcasts: drafts, sending now or later, taking back what is scheduled (management.md section 16).
//!
//! Sending freezes the content as a version and makes one job. When that is due, the broadcast becomes sent, and its
//! target is read and expanded in chunks ([`send`]).

mod send;

use campanile_core::broadcast::{self, Target};
use campanile_core::ids::EnvId;
use campanile_core::problem::FieldProblem;
use campanile_core::time::Timestamp;
use campanile_core::workflow;
use campanile_store::{BroadcastRow, BroadcastStatus, JobKind, JobRow, StoreError, Unit};
use serde_json::Value;
use uuid::Uuid;

use crate::engine::Engine;
use crate::program::check_templates;
use crate::resources::{Context, Refusal, canonical_json, sha};

/// A broadcast with its content and whether that passes every check at present.
#[derive(Debug, Clone)]
pub struct Broadcast {
    /// As stored.
    pub row: BroadcastRow,
    /// Its content.
    pub content: Value,
    /// It could be sent as far as the content goes.
    pub valid: bool,
}

const NOT_DRAFT: &str = "must be draft";

impl Broadcast {
    /// Reads the content of a row and judges it.
    pub fn read(row: BroadcastRow, context: &Context) -> Result<Self, StoreError> {
        let content: Value = serde_json::from_str(&row.content)
            .map_err(|error| StoreError::Corrupt(format!("content: {error}").into()))?;
        let valid = checked(&content, context).is_ok();
        Ok(Self { row, content, valid })
    }
}

/// Every check of the content.
fn checked(document: &Value, context: &Context) -> Result<broadcast::Broadcast, Vec<FieldProblem>> {
    let read = broadcast::parse(document, context)?;
    let mut problems = workflow::parse(&read.content, context).err().unwrap_or_default();
    problems.extend(check_templates(&read.content, context));
    if problems.is_empty() {
        return Ok(read);
    }
    problems.sort();
    problems.dedup();
    Err(problems)
}

async fn checked_with_key(
    engine: &Engine,
    env: EnvId,
    key: &str,
    document: &Value,
) -> Result<broadcast::Broadcast, Refusal> {
    let context = Context::load(engine, env).await?;
    let result = checked(document, &context);
    let Some(why) = workflow::key_problem(key) else { return result.map_err(Refusal::Invalid) };
    let mut problems = result.err().unwrap_or_default();
    problems.push(FieldProblem::new("key", why));
    problems.sort();
    Err(Refusal::Invalid(problems))
}

/// What saving a document would make; nothing is written (M4.10).
pub async fn validate(
    engine: &Engine,
    env: EnvId,
    key: &str,
    document: &Value,
) -> Result<Broadcast, Refusal> {
    let read = checked_with_key(engine, env, key, document).await?;
    let stored = engine.store().broadcast(env, key).await?;
    let row = drafted(stored, env, key, &read, engine.clock().now())?;
    Ok(Broadcast { row, content: read.content, valid: true })
}

/// Saves a draft; one that is scheduled or sent stays as it is (M16.2).
pub async fn upsert(engine: &Engine, env: EnvId, key: &str, document: &Value) -> Result<Broadcast, Refusal> {
    let read = checked_with_key(engine, env, key, document).await?;
    let now = engine.clock().now();
    let (name, draft) = (key.to_owned(), read.clone());
    let written = engine
        .store()
        .transact(move |tx| {
            Box::pin(async move {
                let stored = tx.broadcast(env, &name).await?;
                Ok(match drafted(stored, env, &name, &draft, now) {
                    Ok(row) => {
                        tx.put_broadcast(&row).await?;
                        Ok(row)
                    }
                    Err(refusal) => Err(refusal),
                })
            })
        })
        .await?;
    Ok(Broadcast { row: written?, content: read.content, valid: true })
}

/// The draft after saving; equal content leaves the time of the last change.
fn drafted(
    stored: Option<BroadcastRow>,
    env: EnvId,
    key: &str,
    read: &broadcast::Broadcast,
    now: Timestamp,
) -> Result<BroadcastRow, Refusal> {
    if stored.as_ref().is_some_and(|row| row.status != BroadcastStatus::Draft) {
        return Err(Refusal::field("status", NOT_DRAFT));
    }
    let content = canonical_json(&read.content);
    let sha = sha(&content);
    let same = stored.as_ref().filter(|row| row.sha == sha && row.scheduled_at == read.scheduled_at);
    let updated_at = same.map_or(now, |row| row.updated_at);
    Ok(BroadcastRow {
        env,
        key: key.to_owned(),
        status: BroadcastStatus::Draft,
        sha,
        content,
        version: None,
        scheduled_at: read.scheduled_at,
        sent_at: None,
        created_at: stored.map_or(now, |row| row.created_at),
        updated_at,
    })
}

/// Sends a draft now, or at an instant in the future (R26.3).
pub async fn send(
    engine: &Engine,
    env: EnvId,
    key: &str,
    send_at: Option<Timestamp>,
) -> Result<Broadcast, Refusal> {
    let now = engine.clock().now();
    if send_at.is_some_and(|at| at <= now) {
        return Err(Refusal::field("send_at", "must be in the future"));
    }
    let stored = engine.store().broadcast(env, key).await?.ok_or(Refusal::Missing)?;
    let context = Context::load(engine, env).await?;
    let content = Broadcast::read(stored.clone(), &context)?.content;
    let mut problems = checked(&content, &context).err().unwrap_or_default();
    if content["steps"].as_array().is_none_or(Vec::is_empty) {
        problems.push(FieldProblem::new("steps", "can't be blank"));
    }
    match broadcast::target(&content) {
        None => problems.push(FieldProblem::new("target_audience_key", "can't be blank")),
        Some(Target::AllUsers) => {}
        Some(Target::Audience(audience)) => {
            if engine.store().audience(env, &audience).await?.is_none() {
                problems.push(FieldProblem::new("target_audience_key", "has not been committed"));
            }
        }
    }
    if !problems.is_empty() {
        problems.sort();
        problems.dedup();
        return Err(Refusal::Invalid(problems));
    }
    let version = Uuid::new_v4();
    let name = key.to_owned();
    let written = engine
        .store()
        .transact(move |tx| {
            Box::pin(async move {
                let Some(mut row) = tx.broadcast(env, &name).await? else { return Ok(Err(Refusal::Missing)) };
                // What was checked is what is sent.
                if row.status != BroadcastStatus::Draft || row.sha != stored.sha {
                    return Ok(Err(Refusal::field("status", NOT_DRAFT)));
                }
                row.status =
                    if send_at.is_some() { BroadcastStatus::Scheduled } else { BroadcastStatus::Sent };
                row.scheduled_at = send_at;
                row.sent_at = send_at.is_none().then_some(now);
                row.version = Some(version);
                row.updated_at = now;
                tx.freeze_broadcast(&row, version, now).await?;
                tx.put_broadcast(&row).await?;
                let due_at = send_at.unwrap_or(now);
                let job = JobRow {
                    target: version.as_bytes().to_vec(),
                    kind: JobKind::Broadcast,
                    env,
                    due_at,
                    run_at: due_at,
                    claim: 0,
                    attempt: 0,
                    first_at: None,
                    payload: Some(send::begin(&row.key)),
                };
                tx.write(&Unit { jobs: vec![job], ..Unit::default() }).await?;
                Ok(Ok(row))
            })
        })
        .await?;
    engine.wake();
    Ok(Broadcast { row: written?, content, valid: true })
}

/// Takes back what is scheduled: it is a draft again.
pub async fn cancel(engine: &Engine, env: EnvId, key: &str) -> Result<Broadcast, Refusal> {
    let refused = || Refusal::field("status", "must be scheduled");
    let stored = engine.store().broadcast(env, key).await?.ok_or(Refusal::Missing)?;
    let version = match (stored.status, stored.version) {
        (BroadcastStatus::Scheduled, Some(version)) => version,
        _ => return Err(refused()),
    };
    let now = engine.clock().now();
    let name = key.to_owned();
    let written = engine
        .store()
        .transact(move |tx| {
            Box::pin(async move {
                let gone = tx.unschedule_broadcast(version).await?;
                let row = tx.broadcast(env, &name).await?;
                let scheduled = row
                    .filter(|row| row.status == BroadcastStatus::Scheduled && row.version == Some(version));
                let (true, Some(mut row)) = (gone, scheduled) else {
                    // It was sent meanwhile: its job, if that is what was taken, must go on.
                    return Err(StoreError::Conflict("the broadcast is no longer scheduled".into()));
                };
                row.status = BroadcastStatus::Draft;
                row.scheduled_at = None;
                row.version = None;
                row.updated_at = now;
                tx.put_broadcast(&row).await?;
                Ok(row)
            })
        })
        .await;
    let row = match written {
        Err(StoreError::Conflict(_)) => return Err(refused()),
        other => other?,
    };
    let context = Context::load(engine, env).await?;
    Ok(Broadcast::read(row, &context)?)
}
