//! Publishing what is saved (section 4.4).

use campanile_core::ids::EnvId;
use campanile_core::problem::{FieldProblem, Problems};
use campanile_store::{CommitRow, NewVersion, ResourceKind, ResourceRow, StoreError, Tx};

use super::read::content;
use super::save::{lower_environments, target};
use super::{Author, Context, Kind, Refusal, system_texts, write_rules};
use crate::engine::Engine;

/// Which resources take part; empty means all.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Kinds, or all of them.
    pub kinds: Vec<ResourceKind>,
    /// A key; needs exactly one kind (M4.12).
    pub key: Option<String>,
}

impl Scope {
    /// Why the scope cannot be used.
    pub fn problems(&self, allow_empty: bool) -> Vec<FieldProblem> {
        let mut problems = Problems::default();
        if self.key.is_some() && self.kinds.len() != 1 {
            problems.add("resource_id", "requires exactly one resource_type");
        }
        if allow_empty && self.key.is_none() {
            problems.add("resource_id", "can't be blank");
        }
        if allow_empty && self.kinds.is_empty() {
            problems.add("resource_type", "can't be blank");
        }
        problems.into_result(()).err().unwrap_or_default()
    }

    pub(super) fn has(&self, row: &ResourceRow) -> bool {
        (self.kinds.is_empty() || self.kinds.contains(&row.kind))
            && self.key.as_ref().is_none_or(|key| *key == row.key)
    }
}

/// A commit of everything in scope.
#[derive(Debug, Clone)]
pub struct Commit {
    /// Where.
    pub env: EnvId,
    /// What.
    pub scope: Scope,
    /// Why; the same for every resource.
    pub message: Option<String>,
    /// Makes a commit of equal content too.
    pub allow_empty: bool,
    /// Who.
    pub author: Author,
}

/// Publishes every uncommitted resource in scope, in dependency order (M4.13): all of them or, when one is refused,
/// none.
pub async fn commit(engine: &Engine, commit: Commit) -> Result<Vec<CommitRow>, Refusal> {
    let problems = commit.scope.problems(commit.allow_empty);
    if !problems.is_empty() {
        return Err(Refusal::Invalid(problems));
    }
    let context = Context::load(engine, commit.env).await?;
    let below = lower_environments(engine, commit.env);
    let now = engine.clock().now();
    let written: Result<Vec<CommitRow>, Refusal> = engine
        .store()
        .transact(move |tx| {
            Box::pin(async move {
                let target = target(tx, &below, None).await?;
                if let Some(why) = write_rules::refuses_commit(target) {
                    return Ok(Err(Refusal::field("environment", why)));
                }
                let mut pending = pending(tx, &commit).await?;
                if commit.allow_empty && pending.is_empty() {
                    return Ok(Err(Refusal::Missing));
                }
                let problems = content_problems(&pending, &context)?;
                if !problems.is_empty() {
                    return Ok(Err(Refusal::Invalid(problems)));
                }
                let author = (commit.author.name.as_str(), commit.author.email.as_str());
                let texts = texts(&pending, &context)?;
                if pending
                    .iter()
                    .zip(&texts)
                    .any(|(row, texts)| system_texts::is(row.kind, &row.key) || !texts.is_empty())
                {
                    system_texts::lock(tx).await?;
                }
                let mut commits = Vec::with_capacity(pending.len());
                for (row, texts) in pending.iter_mut().zip(texts) {
                    commits.extend(system_texts::add(tx, commit.env, &row.key, &texts, now).await?);
                    if row.published == Some(row.current) {
                        *row = tx.save_version(&same_content(row), row.active, true, now).await?;
                    }
                    commits.push(tx.publish(row, commit.message.as_deref(), author, None, now).await?);
                }
                Ok(Ok(commits))
            })
        })
        .await?;
    let commits = written?;
    for commit in &commits {
        engine.invalidate(commit.env, commit.kind, &commit.key).await;
    }
    Ok(commits)
}

async fn pending(tx: &mut Tx<'_>, commit: &Commit) -> Result<Vec<ResourceRow>, StoreError> {
    let mut rows = tx.resources_of(commit.env).await?;
    rows.retain(|row| commit.scope.has(row) && (commit.allow_empty || row.published != Some(row.current)));
    Ok(rows)
}

/// Content that is not valid is not published (S9). Fields start with the resource: `workflow.new-comment.steps[0]…`.
fn content_problems(pending: &[ResourceRow], context: &Context) -> Result<Vec<FieldProblem>, StoreError> {
    let mut found = Problems::default();
    for row in pending {
        let Some(kind) = Kind::of(row.kind) else { continue };
        for problem in (kind.check)(&content(&row.version.content)?, context).err().unwrap_or_default() {
            let place = format!("{}.{}", row.kind.as_str(), row.key);
            let place = if problem.field.is_empty() { place } else { format!("{place}.{}", problem.field) };
            found.add(place, problem.message);
        }
    }
    Ok(found.into_result(()).err().unwrap_or_default())
}

/// What each of them wants translated.
fn texts(pending: &[ResourceRow], context: &Context) -> Result<Vec<Vec<String>>, StoreError> {
    let texts = |row: &ResourceRow| Ok(system_texts::of(row.kind, &content(&row.version.content)?, context));
    pending.iter().map(texts).collect()
}

fn same_content(row: &ResourceRow) -> NewVersion {
    NewVersion {
        env: row.env,
        kind: row.kind,
        key: row.key.clone(),
        content: row.version.content.clone(),
        sha: row.version.sha.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_needs_one_kind() {
        let (workflow, layout) = (ResourceKind::Workflow, ResourceKind::EmailLayout);
        for (kinds, key, allow_empty, want) in [
            (vec![], None, false, vec![]),
            (vec![workflow, layout], None, false, vec![]),
            (vec![workflow], Some("w"), false, vec![]),
            (vec![workflow], Some("w"), true, vec![]),
            (vec![], Some("w"), false, vec!["resource_id"]),
            (vec![workflow, layout], Some("w"), false, vec!["resource_id"]),
            (vec![workflow], None, true, vec!["resource_id"]),
            (vec![], None, true, vec!["resource_id", "resource_type"]),
        ] {
            let scope = Scope { kinds, key: key.map(str::to_owned) };
            let fields: Vec<_> = scope.problems(allow_empty).into_iter().map(|p| p.field).collect();
            assert_eq!(fields, want, "{scope:?} {allow_empty}");
        }
    }
}
