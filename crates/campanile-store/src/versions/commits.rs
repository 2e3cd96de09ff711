//! Commits: what was published where, by whom, and which of it was promoted.

use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;
use uuid::Uuid;

use super::ResourceKind;
use crate::db::{Cost, Param, Row, Store, Tx};
use crate::error::StoreError;
use crate::page::{Page, PageRequest};

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
}

impl Store {
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
