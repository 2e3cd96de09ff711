//! Versioned resources read many at once, by key; and what is left of those that were archived.

use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;
use uuid::Uuid;

use crate::db::{Cost, Param, Store};
use crate::error::StoreError;
use crate::versions::{RESOURCE, ResourceKind, ResourceRow, resource};

/// What an archived resource said last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchivedContent {
    /// The content of its last commit.
    pub content: String,
    /// Since when it is gone.
    pub archived_at: Timestamp,
}

fn pointer(published: bool) -> &'static str {
    if published { "r.published" } else { "r.current" }
}

impl Store {
    /// The keys of all resources of a kind, saved or published, ascending.
    pub async fn keys_of_kind(
        &self,
        env: EnvId,
        kind: ResourceKind,
        published: bool,
    ) -> Result<Vec<String>, StoreError> {
        let sql = format!(
            "SELECT r.key FROM resources r WHERE r.env = $1 AND r.kind = $2 AND r.archived_at IS NULL \
             AND {} IS NOT NULL ORDER BY r.key",
            pointer(published)
        );
        let rows = self.query(Cost::Scan, &sql, &[env.into(), Param::Int(kind as i64)]).await?;
        rows.into_iter().map(|mut row| row.text(0)).collect()
    }

    /// Resources by key, with their current or published versions; in no order.
    pub async fn resources_by_key(
        &self,
        env: EnvId,
        kind: ResourceKind,
        keys: Vec<String>,
        published: bool,
    ) -> Result<Vec<ResourceRow>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT {RESOURCE} FROM resources r JOIN versions v ON v.id = {} WHERE r.env = $1 AND r.kind = $2 \
             AND r.archived_at IS NULL AND r.key IN {}",
            pointer(published),
            self.texts_in("$3")
        );
        let params = [env.into(), Param::Int(kind as i64), Param::Texts(keys)];
        let rows = self.query(Cost::Scan, &sql, &params).await?;
        rows.into_iter().map(resource).collect()
    }

    /// What a resource that is archived now had published; `None` when it is not archived, or was never committed.
    pub async fn archived_content(
        &self,
        env: EnvId,
        kind: ResourceKind,
        key: &str,
    ) -> Result<Option<ArchivedContent>, StoreError> {
        let sql = "SELECT v.content, r.archived_at FROM resources r \
                   JOIN commits c ON c.env = r.env AND c.kind = r.kind AND c.key = r.key \
                   JOIN versions v ON v.id = c.version \
                   WHERE r.env = $1 AND r.kind = $2 AND r.key = $3 AND r.archived_at IS NOT NULL \
                   ORDER BY c.created_at DESC, c.id DESC LIMIT 1";
        let row = self.query_one(sql, &[env.into(), Param::Int(kind as i64), key.into()]).await?;
        row.map(|mut row| Ok(ArchivedContent { content: row.text(0)?, archived_at: row.at(1)? })).transpose()
    }

    /// When a version was published last.
    pub async fn published_at(
        &self,
        env: EnvId,
        kind: ResourceKind,
        key: &str,
        version: Uuid,
    ) -> Result<Option<Timestamp>, StoreError> {
        let sql =
            "SELECT MAX(created_at) FROM commits WHERE env = $1 AND kind = $2 AND key = $3 AND version = $4";
        let params = [env.into(), Param::Int(kind as i64), key.into(), version.into()];
        match self.query_one(sql, &params).await? {
            Some(row) => row.opt_at(0),
            None => Ok(None),
        }
    }
}
