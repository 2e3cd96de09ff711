//! Saving content, validating it without saving, and switching a resource on and off.

use campanile_core::ids::EnvId;
use campanile_core::problem::FieldProblem;
use campanile_store::{CommitRow, NewVersion, ResourceKind, ResourceRow, Schedule, StoreError, Tx};
use serde_json::Value;

use super::message_type::builtin_problem;
use super::write_rules::{self, Target};
use super::{Author, Context, Kind, Refusal, Resource, canonical_json, sha, starts_active};
use super::{audience, partial, system_texts};
use crate::engine::Engine;

/// The account's "production write access"; off when absent.
const WRITE_ACCESS: &str = "production_write_access";

/// A document to save.
#[derive(Debug, Clone)]
pub struct Upsert {
    /// Where.
    pub env: EnvId,
    /// What.
    pub kind: ResourceKind,
    /// Its key.
    pub key: String,
    /// The inside of the wrapper; absent optional fields are cleared (M4.4).
    pub document: Value,
    /// Writes where only promotion would (M4.6).
    pub force: bool,
    /// Commits what was saved.
    pub publish: Option<Publish>,
    /// Who.
    pub author: Author,
}

/// How a saved resource is committed along.
#[derive(Debug, Clone, Default)]
pub struct Publish {
    /// Why.
    pub message: Option<String>,
    /// Makes a commit of equal content too.
    pub allow_empty: bool,
}

/// What an upsert did.
#[derive(Debug, Clone)]
pub struct Saved {
    /// As it is now.
    pub resource: Resource,
    /// A new version was written.
    pub changed: bool,
    /// What was published.
    pub commit: Option<CommitRow>,
}

/// Every check of an upsert; answers the normalized content (M4.10).
pub async fn validate(
    engine: &Engine,
    env: EnvId,
    kind: ResourceKind,
    key: &str,
    document: &Value,
) -> Result<Value, Refusal> {
    let context = Context::load_for(engine, env, kind).await?;
    let content = checked(kind, key, document, &context, false)?;
    let stored = engine.store().resource(env, kind, key, false).await?;
    match stored.and_then(|row| change_problem(&row, &content)) {
        Some(problem) => Err(Refusal::Invalid(vec![problem])),
        None => Ok(content),
    }
}

/// Why stored content cannot become `new`, beside what the kind says of every document.
fn change_problem(stored: &ResourceRow, new: &Value) -> Option<FieldProblem> {
    match stored.kind {
        ResourceKind::Audience => audience::change_problem(&stored.version.content, new),
        ResourceKind::Partial => partial::change_problem(&stored.version.content, new),
        _ => None,
    }
}

/// Checks a document and its key; with catalogs of names too when it is to be saved (M4.10).
fn checked(
    kind: ResourceKind,
    key: &str,
    document: &Value,
    context: &Context,
    with_catalogs: bool,
) -> Result<Value, Refusal> {
    let kind = Kind::of(kind).ok_or(Refusal::Missing)?;
    let result = (kind.check)(document, context);
    let of_key = match (&result, (kind.key_problem)(key)) {
        (_, Some(why)) => Some(FieldProblem::new("key", why)),
        (Ok(content), None) => builtin_problem(kind.kind, key, content),
        (Err(_), None) => None,
    };
    let of_catalogs = match kind.kind {
        ResourceKind::Partial if with_catalogs => partial::icon_problem(document),
        _ => None,
    };
    if of_key.is_none() && of_catalogs.is_none() {
        return result.map_err(Refusal::Invalid);
    }
    let mut problems = result.err().unwrap_or_default();
    problems.extend(of_key.into_iter().chain(of_catalogs));
    problems.sort();
    Err(Refusal::Invalid(problems))
}

/// Saves a document as the current version, and commits it when asked (section 4.3).
pub async fn upsert(engine: &Engine, upsert: Upsert) -> Result<Saved, Refusal> {
    let context = Context::load_for(engine, upsert.env, upsert.kind).await?;
    let content = checked(upsert.kind, &upsert.key, &upsert.document, &context, true)?;
    let active = starts_active(upsert.kind);
    let text = canonical_json(&content);
    let new = NewVersion {
        env: upsert.env,
        kind: upsert.kind,
        key: upsert.key.clone(),
        sha: sha(&text),
        content: text,
    };
    let below = lower_environments(engine, upsert.env);
    let now = engine.clock().now();
    let Upsert { env, kind, force, publish, author, .. } = upsert;
    let document = content.clone();
    let texts = match &publish {
        Some(_) => system_texts::of(kind, &content, &context),
        None => Vec::new(),
    };
    let written = engine
        .store()
        .transact(move |tx| {
            Box::pin(async move {
                let target = target(tx, &below, Some((kind, &new.key))).await?;
                if let Some(why) = write_rules::refuses_save(target, force) {
                    return Ok(Err(FieldProblem::new("environment", why)));
                }
                if !texts.is_empty() || system_texts::is(kind, &new.key) {
                    system_texts::lock(tx).await?;
                }
                let before = tx.resource(env, kind, &new.key).await?;
                if let Some(problem) = before.as_ref().and_then(|row| change_problem(row, &document)) {
                    return Ok(Err(problem));
                }
                let before = before.map(|row| row.current);
                let mut row = tx.save_version(&new, active, false, now).await?;
                let mut commits = Vec::new();
                if let Some(publish) = publish {
                    let empty = row.published == Some(row.current);
                    if empty && publish.allow_empty {
                        row = tx.save_version(&new, active, true, now).await?;
                    }
                    if !empty || publish.allow_empty {
                        commits.extend(system_texts::add(tx, env, &new.key, &texts, now).await?);
                        let author = (author.name.as_str(), author.email.as_str());
                        let message = publish.message.as_deref();
                        commits.push(tx.publish(&mut row, message, author, None, now).await?);
                    }
                }
                Ok(Ok((before != Some(row.current), row, commits)))
            })
        })
        .await?;
    let (changed, row, mut commits) = written.map_err(|problem| Refusal::Invalid(vec![problem]))?;
    for commit in &commits {
        engine.invalidate(commit.env, commit.kind, &commit.key).await;
    }
    let commit = commits.pop();
    Ok(Saved { resource: Resource { row, content, valid: true }, changed, commit })
}

/// Switches a resource on or off, at once and without a commit (M7.1). A schedule that was set is over.
pub async fn activate(
    engine: &Engine,
    env: EnvId,
    kind: ResourceKind,
    key: &str,
    active: bool,
) -> Result<Resource, Refusal> {
    set_activation(engine, env, kind, key, Some(active), Schedule::default()).await
}

/// Switches a resource on for a time (M10.5). Without a beginning it stays as it is until the end.
pub async fn schedule(
    engine: &Engine,
    env: EnvId,
    kind: ResourceKind,
    key: &str,
    schedule: Schedule,
) -> Result<Resource, Refusal> {
    let active = schedule.from.map(|_| true);
    set_activation(engine, env, kind, key, active, schedule).await
}

async fn set_activation(
    engine: &Engine,
    env: EnvId,
    kind: ResourceKind,
    key: &str,
    active: Option<bool>,
    schedule: Schedule,
) -> Result<Resource, Refusal> {
    let now = engine.clock().now();
    let name = key.to_owned();
    let row: Option<ResourceRow> = engine
        .store()
        .transact(move |tx| {
            Box::pin(async move {
                let Some(row) = tx.resource(env, kind, &name).await? else { return Ok(None) };
                // An earlier schedule ends here, so what it made of the switch is what stays.
                let active = active.unwrap_or_else(|| row.is_active_at(now));
                // Asking for what is so already changes nothing, the time of the last change included.
                if row.active == active && row.schedule == schedule {
                    return Ok(Some(row));
                }
                tx.set_active(env, kind, &name, active, schedule, now).await?;
                tx.resource(env, kind, &name).await
            })
        })
        .await?;
    let row = row.ok_or(Refusal::Missing)?;
    engine.invalidate(env, kind, key).await;
    let context = Context::load_for(engine, env, kind).await?;
    Ok(Resource::read(row, &context)?)
}

/// The environments below `env`, lowest first.
pub(super) fn lower_environments(engine: &Engine, env: EnvId) -> Vec<EnvId> {
    let catalog = engine.catalog();
    catalog.environments.iter().map(|known| known.id).take_while(|id| *id != env).collect()
}

/// What is known about the place of a write.
pub(super) async fn target(
    tx: &mut Tx<'_>,
    below: &[EnvId],
    resource: Option<(ResourceKind, &str)>,
) -> Result<Target, StoreError> {
    if below.is_empty() {
        return Ok(Target { is_lowest: true, ..Target::default() });
    }
    let open_for_writes = tx.setting(WRITE_ACCESS).await?.as_deref() == Some("true");
    let mut exists_below = false;
    if let Some((kind, key)) = resource {
        for env in below {
            exists_below = exists_below || tx.resource(*env, kind, key).await?.is_some();
        }
    }
    Ok(Target { is_lowest: false, open_for_writes, exists_below })
}
