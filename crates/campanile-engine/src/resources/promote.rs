//! Copying published content one environment up (section 4.5).

use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;
use campanile_store::{CommitRow, NewVersion, Promoted, StoreError, Tx};
use uuid::Uuid;

use super::{Author, Refusal, Scope, starts_active, system_texts};
use crate::engine::Engine;

/// Promotes what the environment below `to` has published since the last promotion, in dependency order; nothing to
/// do is no error (M4.17, M4.18).
pub async fn promote_all(
    engine: &Engine,
    to: EnvId,
    scope: Scope,
    author: Author,
) -> Result<Vec<CommitRow>, Refusal> {
    let problems = scope.problems(false);
    if !problems.is_empty() {
        return Err(Refusal::Invalid(problems));
    }
    let from = neighbours(engine, to).0;
    let from =
        from.ok_or_else(|| Refusal::field("branch", "can't be blank when the target is development"))?;
    let now = engine.clock().now();
    let commits = engine
        .store()
        .transact(move |tx| {
            Box::pin(async move {
                system_texts::lock(tx).await?;
                let mut commits = Vec::new();
                for row in tx.resources_of(from).await? {
                    if row.published.is_none() || !scope.has(&row) {
                        continue;
                    }
                    let Some(latest) = tx.latest_commit(from, row.kind, &row.key).await? else { continue };
                    let promoted = tx.latest_promoted(from, to, row.kind, &row.key).await?;
                    if promoted.is_none_or(|promoted| promoted.id != latest.id) {
                        commits.push(copy(tx, &latest, to, &author, now).await?);
                    }
                }
                Ok(commits)
            })
        })
        .await?;
    for commit in &commits {
        engine.invalidate(commit.env, commit.kind, &commit.key).await;
    }
    Ok(commits)
}

/// Promotes one commit to the next environment and answers the new commit there (M4.20).
pub async fn promote_one(engine: &Engine, id: Uuid, author: Author) -> Result<CommitRow, Refusal> {
    let commit = engine.store().commit_row(id).await?.ok_or(Refusal::Missing)?;
    let to = neighbours(engine, commit.env).1;
    let to = to.ok_or_else(|| Refusal::field("id", "is a commit of the last environment"))?;
    let now = engine.clock().now();
    let copied = engine
        .store()
        .transact(move |tx| {
            Box::pin(async move {
                let promoted = tx.latest_promoted(commit.env, to, commit.kind, &commit.key).await?;
                if promoted.is_some_and(|promoted| is_older(&commit, &promoted)) {
                    return Ok(None);
                }
                copy(tx, &commit, to, &author, now).await.map(Some)
            })
        })
        .await?;
    let copied =
        copied.ok_or_else(|| Refusal::field("id", "is older than a commit that was promoted already"))?;
    engine.invalidate(copied.env, copied.kind, &copied.key).await;
    Ok(copied)
}

fn is_older(commit: &CommitRow, promoted: &CommitRow) -> bool {
    (commit.created_at, commit.id) < (promoted.created_at, promoted.id)
}

/// The environments directly below and above one.
fn neighbours(engine: &Engine, env: EnvId) -> (Option<EnvId>, Option<EnvId>) {
    let catalog = engine.catalog();
    let at = |at: Option<usize>| at.and_then(|at| catalog.environments.get(at)).map(|known| known.id);
    let place = catalog.environments.iter().position(|known| known.id == env);
    (at(place.and_then(|place| place.checked_sub(1))), at(place.map(|place| place + 1)))
}

/// The content of `commit` as a new version of `to`, published there.
async fn copy(
    tx: &mut Tx<'_>,
    commit: &CommitRow,
    to: EnvId,
    author: &Author,
    now: Timestamp,
) -> Result<CommitRow, StoreError> {
    let version = tx.version(commit.version).await?;
    let version = version.ok_or_else(|| StoreError::Corrupt("the version of a commit is missing".into()))?;
    let new = NewVersion {
        env: to,
        kind: commit.kind,
        key: commit.key.clone(),
        content: version.content,
        sha: version.sha,
    };
    let active = starts_active(commit.kind);
    let mut saved = tx.save_version(&new, active, true, now).await?;
    let author = (author.name.as_str(), author.email.as_str());
    let source = Promoted { commit: commit.id, semver: version.semver };
    tx.publish(&mut saved, commit.message.as_deref(), author, Some(source), now).await
}
