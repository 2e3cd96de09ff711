//! Broadcasts: drafts, what is scheduled and what was sent (management.md section 16).

use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;
use uuid::Uuid;

use crate::db::{Cost, Param, Row, Store, Tx};
use crate::error::StoreError;
use crate::jobs::JobKind;
use crate::page::{Page, PageRequest};

/// Where a broadcast stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BroadcastStatus {
    /// Can be changed.
    Draft = 0,
    /// Will be sent.
    Scheduled = 1,
    /// Was sent; final.
    Sent = 2,
}

impl BroadcastStatus {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Sent => "sent",
        }
    }

    fn from_code(code: i64) -> Result<Self, StoreError> {
        [Self::Draft, Self::Scheduled, Self::Sent]
            .into_iter()
            .find(|status| *status as i64 == code)
            .ok_or_else(|| StoreError::corrupt(format_args!("unknown broadcast status {code}")))
    }
}

/// A broadcast in its environment.
#[derive(Debug, Clone)]
pub struct BroadcastRow {
    /// Where.
    pub env: EnvId,
    /// Its key.
    pub key: String,
    /// Where it stands.
    pub status: BroadcastStatus,
    /// Changes iff the content does.
    pub sha: String,
    /// Canonical JSON.
    pub content: String,
    /// The content as it is sent, as a version; also the target of the job that sends it.
    pub version: Option<Uuid>,
    /// When it will be sent, or was to be.
    pub scheduled_at: Option<Timestamp>,
    /// When it was sent.
    pub sent_at: Option<Timestamp>,
    /// When it was first saved.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

const COLUMNS: &str =
    "env, key, status, sha, content, version, scheduled_at, sent_at, created_at, updated_at";

fn broadcast(mut row: Row) -> Result<BroadcastRow, StoreError> {
    Ok(BroadcastRow {
        env: EnvId(row.int(0)?),
        key: row.text(1)?,
        status: BroadcastStatus::from_code(row.int(2)?)?,
        sha: row.text(3)?,
        content: row.text(4)?,
        version: if row.is_null(5) { None } else { Some(row.uuid(5)?) },
        scheduled_at: row.opt_at(6)?,
        sent_at: row.opt_at(7)?,
        created_at: row.at(8)?,
        updated_at: row.at(9)?,
    })
}

impl Tx<'_> {
    /// A broadcast, locked until the transaction ends.
    pub async fn broadcast(&mut self, env: EnvId, key: &str) -> Result<Option<BroadcastRow>, StoreError> {
        let lock = if self.is_postgres() { "FOR UPDATE" } else { "" };
        let sql = format!("SELECT {COLUMNS} FROM broadcasts WHERE env = $1 AND key = $2 {lock}");
        self.query_one(&sql, &[env.into(), key.into()]).await?.map(broadcast).transpose()
    }

    /// Writes a broadcast over what was there.
    pub async fn put_broadcast(&mut self, row: &BroadcastRow) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO broadcasts \
             (env, key, status, sha, content, version, scheduled_at, sent_at, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (env, key) DO UPDATE SET \
             status = excluded.status, sha = excluded.sha, content = excluded.content, version = excluded.version, \
             scheduled_at = excluded.scheduled_at, sent_at = excluded.sent_at, updated_at = excluded.updated_at",
            &[
                row.env.into(),
                row.key.as_str().into(),
                Param::Int(row.status as i64),
                row.sha.as_str().into(),
                row.content.as_str().into(),
                row.version.map_or(Param::Null, Param::from),
                Param::opt_int(row.scheduled_at.map(|at| at.0)),
                Param::opt_int(row.sent_at.map(|at| at.0)),
                row.created_at.into(),
                row.updated_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Keeps the content with which a broadcast is sent, for its runs to refer to. It is no version of a resource.
    pub async fn freeze_broadcast(
        &mut self,
        row: &BroadcastRow,
        id: Uuid,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO versions (id, env, kind, key, sha, content, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7)",
            &[
                id.into(),
                row.env.into(),
                // Runs find their program by the version's id alone; a workflow of the same key is not concerned.
                Param::Int(crate::versions::ResourceKind::Workflow as i64),
                row.key.as_str().into(),
                row.sha.as_str().into(),
                row.content.as_str().into(),
                now.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Takes back the job that would send a broadcast. It goes before the row, as whoever sends takes them.
    pub async fn unschedule_broadcast(&mut self, version: Uuid) -> Result<bool, StoreError> {
        let sql = "DELETE FROM jobs WHERE target = $1 AND kind = $2";
        Ok(self.execute(sql, &[version.into(), Param::Int(JobKind::Broadcast as i64)]).await? == 1)
    }
}

impl Store {
    /// A broadcast.
    pub async fn broadcast(&self, env: EnvId, key: &str) -> Result<Option<BroadcastRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM broadcasts WHERE env = $1 AND key = $2");
        self.query_one(&sql, &[env.into(), key.into()]).await?.map(broadcast).transpose()
    }

    /// Broadcasts, newest first (M2.9).
    pub async fn list_broadcasts(
        &self,
        env: EnvId,
        page: &PageRequest,
    ) -> Result<Page<BroadcastRow>, StoreError> {
        let (compare, order) = if page.is_backward() { (">", "ASC") } else { ("<", "DESC") };
        let mut params = vec![env.into(), Param::Int(page.size as i64 + 1)];
        let mut bound = String::new();
        if let Some(cursor) = page.key() {
            let (at, key) =
                cursor.split_at_checked(8).ok_or_else(|| StoreError::corrupt("a short cursor"))?;
            params.push(Param::Int(i64::from_be_bytes(at.try_into().map_err(StoreError::corrupt)?)));
            params.push(String::from_utf8_lossy(key).into_owned().into());
            bound = format!("AND (created_at, key) {compare} ($3, $4)");
        }
        let sql = format!(
            "SELECT {COLUMNS} FROM broadcasts WHERE env = $1 {bound} \
             ORDER BY created_at {order}, key {order} LIMIT $2"
        );
        let rows = self.query(Cost::Scan, &sql, &params).await?;
        let rows = rows.into_iter().map(broadcast).collect::<Result<Vec<_>, _>>()?;
        Ok(page.page(rows, |row| {
            let mut key = row.created_at.0.to_be_bytes().to_vec();
            key.extend_from_slice(row.key.as_bytes());
            key
        }))
    }
}
