//! Public halves of the keys that sign user tokens. Private halves are never stored (in-app.md IA2.3).

use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;
use uuid::Uuid;

use crate::db::{Cost, Param, Row, Store, Tx};
use crate::error::StoreError;

/// A key that signs user tokens of one environment.
#[derive(Debug, Clone)]
pub struct SigningKey {
    /// For the wire.
    pub id: Uuid,
    /// Whose user tokens it signs.
    pub env: EnvId,
    /// SubjectPublicKeyInfo, DER.
    pub public_key: Vec<u8>,
    /// For people.
    pub description: Option<String>,
    /// When it was made or uploaded.
    pub created_at: Timestamp,
    /// Its tokens are refused from then on.
    pub revoked_at: Option<Timestamp>,
}

fn signing_key(mut row: Row) -> Result<SigningKey, StoreError> {
    Ok(SigningKey {
        id: row.uuid(0)?,
        env: EnvId(row.int(1)?),
        public_key: row.blob(2)?.to_vec(),
        description: row.opt_text(3)?,
        created_at: row.at(4)?,
        revoked_at: row.opt_at(5)?,
    })
}

impl Tx<'_> {
    /// Adds a key unless its environment has `active_max` that are not revoked; answers whether it was added.
    pub async fn insert_signing_key(
        &mut self,
        key: &SigningKey,
        active_max: i64,
    ) -> Result<bool, StoreError> {
        let sql = "INSERT INTO signing_keys (id, env, public_key, description, created_at) \
                   SELECT $1, $2, $3, $4, $5 WHERE \
                   (SELECT COUNT(*) FROM signing_keys WHERE env = $2 AND revoked_at IS NULL) < $6";
        let added = self
            .execute(
                sql,
                &[
                    key.id.into(),
                    key.env.into(),
                    Param::Blob((&key.public_key).into()),
                    Param::opt(key.description.as_deref()),
                    key.created_at.into(),
                    active_max.into(),
                ],
            )
            .await?;
        Ok(added == 1)
    }
}

impl Store {
    /// Every signing key of every environment, oldest first, revoked ones too: for the catalog.
    pub async fn signing_keys(&self) -> Result<Vec<SigningKey>, StoreError> {
        let sql = "SELECT id, env, public_key, description, created_at, revoked_at FROM signing_keys \
                   ORDER BY created_at, id";
        self.query(Cost::Point, sql, &[]).await?.into_iter().map(signing_key).collect()
    }

    /// Refuses the tokens of a key from now on; answers whether there was such a key that was not revoked.
    pub async fn revoke_signing_key(&self, id: Uuid, now: Timestamp) -> Result<bool, StoreError> {
        self.transact(move |tx| {
            Box::pin(async move {
                let sql = "UPDATE signing_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";
                Ok(tx.execute(sql, &[id.into(), now.into()]).await? > 0)
            })
        })
        .await
    }
}
