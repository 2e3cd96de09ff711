//! One versioning mechanism for everything that is committed and promoted (management.md section 4). A resource has,
//! in each environment, a current version (saved) and a published one (committed); content is never changed in place.

use std::collections::HashSet;

use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;
use uuid::Uuid;

use crate::db::{Cost, Param, Row, Store, Tx};
use crate::error::StoreError;
use crate::page::{Page, PageRequest};

/// What is versioned. The order of `ALL` is the order in which commits depend on each other (M4.13).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ResourceKind {
    /// Template parts.
    Partial = 1,
    /// E-mail layouts.
    EmailLayout = 2,
    /// Message types.
    MessageType = 3,
    /// Guides.
    Guide = 4,
    /// Audiences.
    Audience = 5,
    /// Translations.
    Translation = 6,
    /// Workflows.
    Workflow = 7,
}

impl ResourceKind {
    /// In dependency order.
    pub const ALL: [Self; 7] = [
        Self::Partial,
        Self::EmailLayout,
        Self::MessageType,
        Self::Guide,
        Self::Audience,
        Self::Translation,
        Self::Workflow,
    ];

    /// The wire name, as in a commit's `resource.type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Partial => "partial",
            Self::EmailLayout => "email_layout",
            Self::MessageType => "message_type",
            Self::Guide => "guide",
            Self::Audience => "audience",
            Self::Translation => "translation",
            Self::Workflow => "workflow",
        }
    }

    /// Reads a wire name.
    pub fn from_wire(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    fn from_code(code: i64) -> Result<Self, StoreError> {
        Self::ALL
            .into_iter()
            .find(|kind| *kind as i64 == code)
            .ok_or_else(|| StoreError::corrupt(format_args!("unknown resource kind {code}")))
    }
}

/// Content to save.
#[derive(Debug, Clone)]
pub struct NewVersion {
    /// Where.
    pub env: EnvId,
    /// What.
    pub kind: ResourceKind,
    /// Its key.
    pub key: String,
    /// Writable content as canonical JSON.
    pub content: String,
    /// Changes iff the content does.
    pub sha: String,
}

/// A version: immutable content.
#[derive(Debug, Clone)]
pub struct VersionRow {
    /// `version_id` on the wire.
    pub id: Uuid,
    /// Changes iff the content does.
    pub sha: String,
    /// Canonical JSON.
    pub content: String,
    /// When it was saved.
    pub created_at: Timestamp,
    /// Its number, once it was published.
    pub semver: Option<String>,
}

/// The number of a first publish (management.md M10.1).
pub const FIRST_SEMVER: &str = "0.0.1";

/// When an active resource is really in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Schedule {
    /// Not before.
    pub from: Option<Timestamp>,
    /// Not from then on.
    pub until: Option<Timestamp>,
}

/// Where a promoted version comes from.
#[derive(Debug, Clone)]
pub struct Promoted {
    /// The commit below.
    pub commit: Uuid,
    /// The number that its version has there, which it keeps.
    pub semver: Option<String>,
}

/// A version by the number under which others refer to it.
#[derive(Debug, Clone)]
pub struct NumberedVersion {
    /// Key of the resource.
    pub key: String,
    /// Its number.
    pub semver: String,
    /// Canonical JSON.
    pub content: String,
}

/// The number after `semver`: the patch part counts (templates.md S39).
fn next_semver(semver: &str) -> String {
    let mut parts: Vec<&str> = semver.split('.').collect();
    let patch = parts.pop().and_then(|patch| patch.parse::<u64>().ok()).unwrap_or(0) + 1;
    let patch = patch.to_string();
    parts.push(&patch);
    parts.join(".")
}

impl ResourceRow {
    /// Switched on and inside its schedule.
    pub fn is_active_at(&self, now: Timestamp) -> bool {
        self.active && self.schedule.has(now)
    }
}

impl Schedule {
    /// True between its bounds.
    pub fn has(&self, now: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= now) && self.until.is_none_or(|until| now < until)
    }
}

/// A resource in one environment.
#[derive(Debug, Clone)]
pub struct ResourceRow {
    /// Where.
    pub env: EnvId,
    /// What.
    pub kind: ResourceKind,
    /// Its key.
    pub key: String,
    /// The version that was asked for: current, or published.
    pub version: VersionRow,
    /// Id of the current version.
    pub current: Uuid,
    /// Id of the published version, if it was ever committed.
    pub published: Option<Uuid>,
    /// Per environment, not versioned.
    pub active: bool,
    /// Bounds of `active` in time; only guides have them.
    pub schedule: Schedule,
    /// Number of the published version, if it was ever committed.
    pub semver: Option<String>,
    /// When it was made here.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
    /// Gone from lists.
    pub archived_at: Option<Timestamp>,
}

/// One publish of one resource.
#[derive(Debug, Clone)]
pub struct CommitRow {
    /// For the wire.
    pub id: Uuid,
    /// Where.
    pub env: EnvId,
    /// What.
    pub kind: ResourceKind,
    /// Its key.
    pub key: String,
    /// What was published.
    pub version: Uuid,
    /// Its sha.
    pub sha: String,
    /// Why.
    pub message: Option<String>,
    /// Who.
    pub author_name: String,
    /// Who.
    pub author_email: String,
    /// The commit below that was promoted.
    pub source: Option<Uuid>,
    /// When.
    pub created_at: Timestamp,
}

pub(crate) const RESOURCE: &str = "r.env, r.kind, r.key, v.id, v.sha, v.content, v.created_at, v.semver, r.current, r.published, \
                        r.active, r.created_at, r.updated_at, r.archived_at, r.active_from, r.active_until, \
                        (SELECT p.semver FROM versions p WHERE p.id = r.published)";

pub(crate) fn resource(mut row: Row) -> Result<ResourceRow, StoreError> {
    Ok(ResourceRow {
        env: EnvId(row.int(0)?),
        kind: ResourceKind::from_code(row.int(1)?)?,
        key: row.text(2)?,
        version: VersionRow {
            id: row.uuid(3)?,
            sha: row.text(4)?,
            content: row.text(5)?,
            created_at: row.at(6)?,
            semver: row.opt_text(7)?,
        },
        current: row.uuid(8)?,
        published: if row.is_null(9) { None } else { Some(row.uuid(9)?) },
        active: row.int(10)? != 0,
        created_at: row.at(11)?,
        updated_at: row.at(12)?,
        archived_at: row.opt_at(13)?,
        schedule: Schedule { from: row.opt_at(14)?, until: row.opt_at(15)? },
        semver: row.opt_text(16)?,
    })
}

const COMMIT: &str = "c.id, c.env, c.kind, c.key, c.version, c.sha, c.message, c.author_name, c.author_email, c.source, c.created_at";

fn commit(mut row: Row) -> Result<CommitRow, StoreError> {
    Ok(CommitRow {
        id: row.uuid(0)?,
        env: EnvId(row.int(1)?),
        kind: ResourceKind::from_code(row.int(2)?)?,
        key: row.text(3)?,
        version: row.uuid(4)?,
        sha: row.text(5)?,
        message: row.opt_text(6)?,
        author_name: row.text(7)?,
        author_email: row.text(8)?,
        source: if row.is_null(9) { None } else { Some(row.uuid(9)?) },
        created_at: row.at(10)?,
    })
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

    /// One commit.
    pub async fn commit(&mut self, id: Uuid) -> Result<Option<CommitRow>, StoreError> {
        let sql = format!("SELECT {COMMIT} FROM commits c WHERE c.id = $1");
        self.query_one(&sql, &[id.into()]).await?.map(commit).transpose()
    }

    /// The newest commit of a resource, which is what is published.
    pub async fn latest_commit(
        &mut self,
        env: EnvId,
        kind: ResourceKind,
        key: &str,
    ) -> Result<Option<CommitRow>, StoreError> {
        let sql = format!(
            "SELECT {COMMIT} FROM commits c WHERE c.env = $1 AND c.kind = $2 AND c.key = $3 \
             ORDER BY c.created_at DESC, c.id DESC LIMIT 1"
        );
        self.query_one(&sql, &[env.into(), Param::Int(kind as i64), key.into()])
            .await?
            .map(commit)
            .transpose()
    }

    /// The newest commit of a resource of `env` that was promoted to `target`.
    pub async fn latest_promoted(
        &mut self,
        env: EnvId,
        target: EnvId,
        kind: ResourceKind,
        key: &str,
    ) -> Result<Option<CommitRow>, StoreError> {
        let sql = format!(
            "SELECT {COMMIT} FROM commits c JOIN commits p ON p.source = c.id AND p.env = $2 \
             WHERE c.env = $1 AND c.kind = $3 AND c.key = $4 ORDER BY c.created_at DESC, c.id DESC LIMIT 1"
        );
        self.query_one(&sql, &[env.into(), target.into(), Param::Int(kind as i64), key.into()])
            .await?
            .map(commit)
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
}

impl Tx<'_> {
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

impl Store {
    /// A resource with its current version, or its published one.
    pub async fn resource(
        &self,
        env: EnvId,
        kind: ResourceKind,
        key: &str,
        published: bool,
    ) -> Result<Option<ResourceRow>, StoreError> {
        let pointer = if published { "r.published" } else { "r.current" };
        let sql = format!(
            "SELECT {RESOURCE} FROM resources r JOIN versions v ON v.id = {pointer} \
             WHERE r.env = $1 AND r.kind = $2 AND r.key = $3 AND r.archived_at IS NULL"
        );
        self.query_one(&sql, &[env.into(), Param::Int(kind as i64), key.into()])
            .await?
            .map(resource)
            .transpose()
    }

    /// Resources by key, with their current or published versions.
    pub async fn list_resources(
        &self,
        env: EnvId,
        kind: ResourceKind,
        published: bool,
        page: &PageRequest,
    ) -> Result<Page<ResourceRow>, StoreError> {
        let pointer = if published { "r.published" } else { "r.current" };
        let (compare, order) = if page.is_backward() { ("<", "DESC") } else { (">", "ASC") };
        let mut params = vec![env.into(), Param::Int(kind as i64), Param::Int(page.size as i64 + 1)];
        let mut bound = String::new();
        if let Some(key) = page.key() {
            params.push(String::from_utf8_lossy(key).into_owned().into());
            bound = format!("AND r.key {compare} $4");
        }
        let sql = format!(
            "SELECT {RESOURCE} FROM resources r JOIN versions v ON v.id = {pointer} WHERE r.env = $1 AND r.kind = $2 \
             AND r.archived_at IS NULL {bound} ORDER BY r.key {order} LIMIT $3"
        );
        let rows = self.query(Cost::Scan, &sql, &params).await?;
        let rows = rows.into_iter().map(resource).collect::<Result<Vec<_>, _>>()?;
        Ok(page.page(rows, |row| row.key.clone().into_bytes()))
    }

    /// Every published resource of a kind, oldest first.
    pub async fn published_resources(
        &self,
        env: EnvId,
        kind: ResourceKind,
    ) -> Result<Vec<ResourceRow>, StoreError> {
        let sql = format!(
            "SELECT {RESOURCE} FROM resources r JOIN versions v ON v.id = r.published WHERE r.env = $1 \
             AND r.kind = $2 AND r.archived_at IS NULL ORDER BY r.created_at, r.key"
        );
        let rows = self.query(Cost::Scan, &sql, &[env.into(), Param::Int(kind as i64)]).await?;
        rows.into_iter().map(resource).collect()
    }

    /// Every version of a kind that has a number, oldest first, so that the newest of a number comes last; and, under
    /// the number that it would get, what was never published.
    pub async fn numbered_versions(
        &self,
        env: EnvId,
        kind: ResourceKind,
    ) -> Result<Vec<NumberedVersion>, StoreError> {
        let sql = "SELECT v.key, v.semver, v.content FROM versions v WHERE v.env = $1 AND v.kind = $2 \
                   AND (v.semver IS NOT NULL OR EXISTS (SELECT 1 FROM resources r WHERE r.env = v.env \
                   AND r.kind = v.kind AND r.key = v.key AND r.current = v.id AND r.published IS NULL \
                   AND r.archived_at IS NULL)) ORDER BY v.created_at";
        let rows = self.query(Cost::Scan, sql, &[env.into(), Param::Int(kind as i64)]).await?;
        rows.into_iter()
            .map(|mut row| {
                let semver = row.opt_text(1)?.unwrap_or_else(|| FIRST_SEMVER.to_owned());
                Ok(NumberedVersion { key: row.text(0)?, semver, content: row.text(2)? })
            })
            .collect()
    }

    /// The keys of all saved resources of a kind.
    pub async fn resource_keys(&self, env: EnvId, kind: ResourceKind) -> Result<Vec<String>, StoreError> {
        let sql =
            "SELECT key FROM resources WHERE env = $1 AND kind = $2 AND archived_at IS NULL ORDER BY key";
        let rows = self.query(Cost::Scan, sql, &[env.into(), Param::Int(kind as i64)]).await?;
        rows.into_iter().map(|mut row| row.text(0)).collect()
    }

    /// Keys and saved contents of a kind, in key order.
    pub async fn saved_contents(
        &self,
        env: EnvId,
        kind: ResourceKind,
    ) -> Result<Vec<(String, String)>, StoreError> {
        let sql = "SELECT r.key, v.content FROM resources r JOIN versions v ON v.id = r.current \
                   WHERE r.env = $1 AND r.kind = $2 AND r.archived_at IS NULL ORDER BY r.key";
        let rows = self.query(Cost::Scan, sql, &[env.into(), Param::Int(kind as i64)]).await?;
        rows.into_iter().map(|mut row| Ok((row.text(0)?, row.text(1)?))).collect()
    }

    /// One version by id, with the key of its resource.
    pub async fn version(&self, id: Uuid) -> Result<Option<(ResourceKind, String, VersionRow)>, StoreError> {
        let sql = "SELECT kind, key, id, sha, content, created_at, semver FROM versions WHERE id = $1";
        let row = self.query_one(sql, &[id.into()]).await?;
        row.map(|mut row| {
            let version = VersionRow {
                id: row.uuid(2)?,
                sha: row.text(3)?,
                content: row.text(4)?,
                created_at: row.at(5)?,
                semver: row.opt_text(6)?,
            };
            Ok((ResourceKind::from_code(row.int(0)?)?, row.text(1)?, version))
        })
        .transpose()
    }

    /// One commit.
    pub async fn commit_row(&self, id: Uuid) -> Result<Option<CommitRow>, StoreError> {
        let sql = format!("SELECT {COMMIT} FROM commits c WHERE c.id = $1");
        self.query_one(&sql, &[id.into()]).await?.map(commit).transpose()
    }

    /// Commits of an environment, newest first. `promoted` compares with what the next environment has published:
    /// `Some(false)` lists those that are not there (M4.14).
    pub async fn list_commits(
        &self,
        env: EnvId,
        kinds: &[ResourceKind],
        key: Option<&str>,
        promoted: Option<bool>,
        page: &PageRequest,
    ) -> Result<Page<CommitRow>, StoreError> {
        let (compare, order) = if page.is_backward() { (">", "ASC") } else { ("<", "DESC") };
        let mut params: Vec<Param<'_>> = vec![env.into(), Param::Int(page.size as i64 + 1)];
        let mut text = String::new();
        if !kinds.is_empty() {
            let list = kinds.iter().map(|kind| (*kind as i64).to_string()).collect::<Vec<_>>().join(", ");
            text.push_str(&format!(" AND c.kind IN ({list})"));
        }
        if let Some(key) = key {
            params.push(key.into());
            text.push_str(&format!(" AND c.key = ${}", params.len()));
        }
        if let Some(promoted) = promoted {
            let not = if promoted { "" } else { "NOT" };
            text.push_str(&format!(" AND {not} EXISTS (SELECT 1 FROM commits p WHERE p.source = c.id)"));
            if !promoted {
                // The last environment has nowhere to promote to.
                text.push_str(
                    " AND EXISTS (SELECT 1 FROM environments e, environments up \
                     WHERE e.id = c.env AND up.position > e.position)",
                );
            }
        }
        if let Some(cursor) = page.key() {
            let (at, id) = cursor.split_at_checked(8).ok_or_else(|| StoreError::corrupt("a short cursor"))?;
            params.push(Param::Int(i64::from_be_bytes(at.try_into().map_err(StoreError::corrupt)?)));
            params.push(Param::Blob(id.to_vec().into()));
            text.push_str(&format!(
                " AND (c.created_at, c.id) {compare} (${}, ${})",
                params.len() - 1,
                params.len()
            ));
        }
        let sql = format!(
            "SELECT {COMMIT} FROM commits c WHERE c.env = $1{text} \
             ORDER BY c.created_at {order}, c.id {order} LIMIT $2"
        );
        let rows = self.query(Cost::Scan, &sql, &params).await?;
        let rows = rows.into_iter().map(commit).collect::<Result<Vec<_>, _>>()?;
        Ok(page.page(rows, |row| {
            let mut key = row.created_at.0.to_be_bytes().to_vec();
            key.extend_from_slice(row.id.as_bytes());
            key
        }))
    }
}
