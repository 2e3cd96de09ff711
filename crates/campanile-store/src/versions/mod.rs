//! One versioning mechanism for everything that is committed and promoted (management.md section 4). A resource has,
//! in each environment, a current version (saved) and a published one (committed); content is never changed in place.

mod commits;
mod writing;

use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;
use uuid::Uuid;

pub use self::commits::CommitRow;
use crate::db::{Cost, Param, Row, Store};
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
}
