//! Saving, publishing and archiving inside a transaction, which locks what it reads.

use std::collections::HashSet;

use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;
use uuid::Uuid;

use super::{
    CommitRow, FIRST_SEMVER, NewVersion, Promoted, RESOURCE, ResourceKind, ResourceRow, Schedule, VersionRow,
    resource,
};
use crate::db::{Param, Tx};
use crate::error::StoreError;

/// The number after `semver`: the patch part counts (templates.md S39).
fn next_semver(semver: &str) -> String {
    let mut parts: Vec<&str> = semver.split('.').collect();
    let patch = parts.pop().and_then(|patch| patch.parse::<u64>().ok()).unwrap_or(0) + 1;
    let patch = patch.to_string();
    parts.push(&patch);
    parts.join(".")
}

impl Tx<'_> {
    /// A resource with its current version, locked until the transaction ends.
    pub async fn resource(
        &mut self,
        env: EnvId,
        kind: ResourceKind,
        key: &str,
    ) -> Result<Option<ResourceRow>, StoreError> {
        let params = [env.into(), Param::Int(kind as i64), key.into()];
        if self.is_postgres() {
            // On its own: a row that changed while it was waited for no longer joins its version in that statement.
            let sql = "SELECT 1::bigint FROM resources WHERE env = $1 AND kind = $2 AND key = $3 FOR UPDATE";
            self.query(sql, &params).await?;
        }
        let sql = format!(
            "SELECT {RESOURCE} FROM resources r JOIN versions v ON v.id = r.current \
             WHERE r.env = $1 AND r.kind = $2 AND r.key = $3 AND r.archived_at IS NULL"
        );
        self.query_one(&sql, &params).await?.map(resource).transpose()
    }

    /// Saves content as the current version; equal content saves nothing unless `force_new` (M4.7, M4.8).
    pub async fn save_version(
        &mut self,
        new: &NewVersion,
        active: bool,
        force_new: bool,
        now: Timestamp,
    ) -> Result<ResourceRow, StoreError> {
        let stored = self.resource(new.env, new.kind, &new.key).await?;
        if let Some(stored) = &stored
            && stored.version.sha == new.sha
            && !force_new
        {
            return Ok(stored.clone());
        }
        let id = Uuid::new_v4();
        let kind = Param::Int(new.kind as i64);
        self.execute(
            "INSERT INTO versions (id, env, kind, key, sha, content, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &[
                id.into(),
                new.env.into(),
                kind.clone(),
                new.key.as_str().into(),
                new.sha.as_str().into(),
                new.content.as_str().into(),
                now.into(),
            ],
        )
        .await?;
        self.execute(
            "INSERT INTO resources (env, kind, key, current, active, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $6) ON CONFLICT (env, kind, key) DO UPDATE SET \
             current = excluded.current, updated_at = excluded.updated_at, archived_at = NULL, \
             active_from = CASE WHEN resources.archived_at IS NULL THEN resources.active_from END, \
             active_until = CASE WHEN resources.archived_at IS NULL THEN resources.active_until END, \
             active = CASE WHEN resources.archived_at IS NULL THEN resources.active ELSE excluded.active END",
            &[new.env.into(), kind, new.key.as_str().into(), id.into(), active.into(), now.into()],
        )
        .await?;
        self.resource(new.env, new.kind, &new.key)
            .await?
            .ok_or_else(|| StoreError::corrupt("a saved resource is missing"))
    }

    /// Publishes the current version of a resource and records the commit. Commits of one resource never share an
    /// instant, since their order decides what is published, also while a virtual clock stands still. Changed content
    /// gets the next number, promoted content keeps its own.
    pub async fn publish(
        &mut self,
        saved: &mut ResourceRow,
        message: Option<&str>,
        author: (&str, &str),
        source: Option<Promoted>,
        now: Timestamp,
    ) -> Result<CommitRow, StoreError> {
        let noted_at = now;
        let before = self.latest_commit(saved.env, saved.kind, &saved.key).await?;
        let now = before.as_ref().map_or(now, |before| now.max(Timestamp(before.created_at.0 + 1)));
        let semver = match (source.as_ref().and_then(|source| source.semver.clone()), before) {
            (Some(semver), _) => semver,
            (None, None) => FIRST_SEMVER.to_owned(),
            (None, Some(before)) => {
                let number = self.version(before.version).await?.and_then(|version| version.semver);
                let number = number.unwrap_or_else(|| FIRST_SEMVER.to_owned());
                if before.sha == saved.version.sha { number } else { next_semver(&number) }
            }
        };
        let row = CommitRow {
            id: Uuid::new_v4(),
            env: saved.env,
            kind: saved.kind,
            key: saved.key.clone(),
            version: saved.current,
            sha: saved.version.sha.clone(),
            message: message.map(str::to_owned),
            author_name: author.0.to_owned(),
            author_email: author.1.to_owned(),
            source: source.map(|source| source.commit),
            created_at: now,
        };
        self.set_published(saved, Some(semver)).await?;
        self.execute(
            "INSERT INTO commits \
             (id, env, kind, key, version, sha, message, author_name, author_email, source, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
            &[
                row.id.into(),
                row.env.into(),
                Param::Int(row.kind as i64),
                row.key.as_str().into(),
                row.version.into(),
                row.sha.as_str().into(),
                Param::opt(row.message.as_deref()),
                row.author_name.as_str().into(),
                row.author_email.as_str().into(),
                row.source.map_or(Param::Null, Param::from),
                row.created_at.into(),
            ],
        )
        .await?;
        let content = &saved.version.content;
        self.note_published(row.env, row.kind, &row.key, row.version, content, noted_at).await?;
        Ok(row)
    }

    /// Publishes the current version without a commit, under a number where its kind has them: what comes with the
    /// installation was nobody's change, so there is nothing to promote.
    pub async fn set_published(
        &mut self,
        saved: &mut ResourceRow,
        semver: Option<String>,
    ) -> Result<(), StoreError> {
        self.execute(
            "UPDATE resources SET published = $4 WHERE env = $1 AND kind = $2 AND key = $3",
            &[
                saved.env.into(),
                Param::Int(saved.kind as i64),
                saved.key.as_str().into(),
                saved.current.into(),
            ],
        )
        .await?;
        saved.published = Some(saved.current);
        if let Some(semver) = semver {
            let sql = "UPDATE versions SET semver = $2 WHERE id = $1";
            self.execute(sql, &[saved.current.into(), semver.as_str().into()]).await?;
            saved.version.semver = Some(semver.clone());
            saved.semver = Some(semver);
        }
        Ok(())
    }

    /// Every resource of an environment that can take part in a commit or a promotion.
    pub async fn resources_of(&mut self, env: EnvId) -> Result<Vec<ResourceRow>, StoreError> {
        let sql = format!(
            "SELECT {RESOURCE} FROM resources r JOIN versions v ON v.id = r.current \
             WHERE r.env = $1 AND r.archived_at IS NULL ORDER BY r.kind, r.key"
        );
        self.query(&sql, &[env.into()]).await?.into_iter().map(resource).collect()
    }

    /// One version's content.
    pub async fn version(&mut self, id: Uuid) -> Result<Option<VersionRow>, StoreError> {
        let sql = "SELECT id, sha, content, created_at, semver FROM versions WHERE id = $1";
        let row = self.query_one(sql, &[id.into()]).await?;
        row.map(|mut row| {
            Ok(VersionRow {
                id: row.uuid(0)?,
                sha: row.text(1)?,
                content: row.text(2)?,
                created_at: row.at(3)?,
                semver: row.opt_text(4)?,
            })
        })
        .transpose()
    }

    /// Archives a resource in every environment that has it, and answers which these were. Nothing of it stays
    /// published, so that saving its key again later publishes nothing by itself.
    pub async fn archive_resource(
        &mut self,
        kind: ResourceKind,
        key: &str,
        now: Timestamp,
    ) -> Result<Vec<EnvId>, StoreError> {
        let sql = "UPDATE resources SET archived_at = $3, published = NULL, updated_at = $3 \
                   WHERE kind = $1 AND key = $2 AND archived_at IS NULL RETURNING env";
        let rows = self.query(sql, &[Param::Int(kind as i64), key.into(), now.into()]).await?;
        let mut environments = Vec::with_capacity(rows.len());
        for row in rows {
            let env = EnvId(row.int(0)?);
            self.note_archived(env, kind, key, now).await?;
            environments.push(env);
        }
        Ok(environments)
    }

    /// Switches a resource on or off in one environment, within a schedule; false when it does not exist.
    pub async fn set_active(
        &mut self,
        env: EnvId,
        kind: ResourceKind,
        key: &str,
        active: bool,
        schedule: Schedule,
        now: Timestamp,
    ) -> Result<bool, StoreError> {
        let sql = "UPDATE resources SET active = $4, active_from = $5, active_until = $6, updated_at = $7 \
                   WHERE env = $1 AND kind = $2 AND key = $3 AND archived_at IS NULL";
        let at = |at: Option<Timestamp>| Param::opt_int(at.map(|at| at.0));
        let params = [
            env.into(),
            Param::Int(kind as i64),
            key.into(),
            active.into(),
            at(schedule.from),
            at(schedule.until),
            now.into(),
        ];
        Ok(self.execute(sql, &params).await? == 1)
    }

    /// Those of the keys that name a committed workflow.
    pub async fn published_workflows(
        &mut self,
        env: EnvId,
        keys: Vec<String>,
    ) -> Result<HashSet<String>, StoreError> {
        let sql = format!(
            "SELECT key FROM resources WHERE env = $1 AND kind = $2 AND published IS NOT NULL \
             AND archived_at IS NULL AND key IN {}",
            self.texts_in("$3")
        );
        let kind = Param::Int(ResourceKind::Workflow as i64);
        let rows = self.query(&sql, &[env.into(), kind, Param::Texts(keys)]).await?;
        rows.into_iter().map(|mut row| row.text(0)).collect()
    }
}
