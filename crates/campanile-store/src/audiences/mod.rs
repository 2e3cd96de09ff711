//! Audiences and their members (recipients.md section 14, workflows.md section 23).
//!
//! The definition of an audience is a versioned resource; what is published of it has a row here, written in the
//! transaction that publishes. Whoever changes memberships shares a lock with all others who do and publishing takes it
//! alone (PostgreSQL; SQLite has one writer): nobody judges a user by a definition that was replaced meanwhile.

mod members;
mod publish;

use campanile_core::ids::EnvId;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

pub use members::{Member, MemberCursor};

use crate::db::{Param, Row, Store, Tx};
use crate::error::StoreError;

/// A published audience.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AudienceRow {
    /// Ends with the audience: a key that is used again gets another.
    pub id: Uuid,
    /// Its key.
    pub key: String,
    /// The published version of its definition.
    pub version: Uuid,
    /// Members follow conditions instead of requests.
    pub is_dynamic: bool,
    /// A new definition has not been applied to everybody yet.
    pub is_building: bool,
}

/// What a job does with the members of an audience.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AudienceTask {
    /// Applies a new definition to every user; nobody counts as entering (workflows.md S49).
    Build,
    /// Looks whether time has changed who is a member; whoever enters counts.
    Sweep,
    /// Deletes the members of an audience that is gone.
    Purge,
}

/// The payload of such a job: what to do, and how far it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AudienceWork {
    /// What to do.
    pub task: AudienceTask,
    /// The last user that was looked at: first seen when, and the id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<(i64, String)>,
}

impl AudienceWork {
    /// The text of the payload.
    pub fn to_payload(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Reads a payload.
    pub fn from_payload(text: Option<&str>) -> Result<Self, StoreError> {
        serde_json::from_str(text.unwrap_or_default()).map_err(StoreError::corrupt)
    }
}

const COLUMNS: &str = "id, key, version, is_dynamic, is_building";

fn audience(mut row: Row) -> Result<AudienceRow, StoreError> {
    Ok(AudienceRow {
        id: row.uuid(0)?,
        key: row.text(1)?,
        version: row.uuid(2)?,
        is_dynamic: row.int(3)? == 1,
        is_building: row.int(4)? == 1,
    })
}

/// Key of the advisory lock of an environment's audiences ("audience" in ASCII, by environment).
fn lock_key(env: EnvId) -> Param<'static> {
    Param::Int(0x6175_6469_656e_6365 ^ env.0)
}

impl Tx<'_> {
    /// Keeps every definition of the environment as it is until this transaction ends.
    async fn hold_definitions(&mut self, env: EnvId) -> Result<(), StoreError> {
        if self.is_postgres() {
            self.query("SELECT 1 FROM pg_advisory_xact_lock_shared($1)", &[lock_key(env)]).await?;
        }
        Ok(())
    }

    /// Waits for everybody who changes memberships, and lets nobody begin until this transaction ends.
    async fn replace_definitions(&mut self, env: EnvId) -> Result<(), StoreError> {
        if self.is_postgres() {
            self.query("SELECT 1 FROM pg_advisory_xact_lock($1)", &[lock_key(env)]).await?;
        }
        Ok(())
    }

    /// A published audience, which stays as it is until the transaction ends.
    pub async fn audience(&mut self, env: EnvId, key: &str) -> Result<Option<AudienceRow>, StoreError> {
        self.hold_definitions(env).await?;
        let sql = format!("SELECT {COLUMNS} FROM audiences WHERE env = $1 AND key = $2");
        self.query_one(&sql, &[env.into(), key.into()]).await?.map(audience).transpose()
    }

    /// The dynamic audiences of an environment, which stay as they are until the transaction ends.
    pub async fn dynamic_audiences(&mut self, env: EnvId) -> Result<Vec<AudienceRow>, StoreError> {
        self.hold_definitions(env).await?;
        let sql = format!("SELECT {COLUMNS} FROM audiences WHERE env = $1 AND is_dynamic = 1 ORDER BY key");
        self.query(&sql, &[env.into()]).await?.into_iter().map(audience).collect()
    }

    /// An audience by its id, for the job that works on it.
    pub async fn audience_by_id(&mut self, env: EnvId, id: Uuid) -> Result<Option<AudienceRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM audiences WHERE env = $1 AND id = $2");
        self.query_one(&sql, &[env.into(), id.into()]).await?.map(audience).transpose()
    }

    /// Notes that a definition has been applied to everybody.
    pub async fn audience_built(&mut self, env: EnvId, id: Uuid) -> Result<(), StoreError> {
        let sql = "UPDATE audiences SET is_building = 0 WHERE env = $1 AND id = $2";
        self.execute(sql, &[env.into(), id.into()]).await.map(drop)
    }

    /// The active workflows that run for whoever enters an audience, with their published versions (R23.6).
    pub async fn audience_workflows(
        &mut self,
        env: EnvId,
        audience: &str,
    ) -> Result<Vec<(String, Uuid)>, StoreError> {
        let sql = "SELECT r.key, r.published FROM audience_triggers t \
                   JOIN resources r ON r.env = t.env AND r.kind = 7 AND r.key = t.workflow \
                   WHERE t.env = $1 AND t.audience = $2 AND r.active = 1 AND r.archived_at IS NULL \
                   AND r.published IS NOT NULL ORDER BY r.key";
        let rows = self.query(sql, &[env.into(), audience.into()]).await?;
        rows.into_iter().map(|mut row| Ok((row.text(0)?, row.uuid(1)?))).collect()
    }
}

impl Store {
    /// A published audience.
    pub async fn audience(&self, env: EnvId, key: &str) -> Result<Option<AudienceRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM audiences WHERE env = $1 AND key = $2");
        self.query_one(&sql, &[env.into(), key.into()]).await?.map(audience).transpose()
    }
}
