//! The installation itself: environments, keys, channels and settings.

use std::sync::Arc;

use aws_lc_rs::digest;
use campanile_core::ids::{ChannelId, EnvId};
use campanile_core::time::Timestamp;
use uuid::Uuid;

use crate::db::{Cost, Param, Row, Store, Tx};
use crate::error::StoreError;

/// An environment.
#[derive(Debug, Clone)]
pub struct Environment {
    /// Leads every index.
    pub id: EnvId,
    /// For the wire.
    pub uuid: Uuid,
    /// `development`, `production`, …
    pub slug: String,
    /// For people.
    pub name: String,
    /// Promotion goes from lower to higher.
    pub position: i64,
    /// `system` or `user`.
    pub owner: String,
    /// Switches, JSON.
    pub settings: String,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a credential may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// `sk_…`: everything of the public API.
    Secret = 1,
    /// `pk_…`: the client-safe operations.
    Public = 2,
}

/// A key to be written: only its hash is kept.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// Of which environment.
    pub env: EnvId,
    /// Secret or public.
    pub kind: KeyKind,
    /// The key itself; dropped after hashing.
    pub secret: String,
    /// For people.
    pub description: Option<String>,
}

/// A key as it is listed.
#[derive(Debug, Clone)]
pub struct ApiKey {
    /// Of which environment.
    pub env: EnvId,
    /// Secret or public.
    pub kind: KeyKind,
    /// First and last characters.
    pub hint: String,
    /// For people.
    pub description: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Refused from then on.
    pub revoked_at: Option<Timestamp>,
}

/// What a presented secret turned out to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// An environment key.
    Key {
        /// Of which environment.
        env: EnvId,
        /// Secret or public.
        kind: KeyKind,
        /// First and last characters: how logs name it.
        hint: Arc<str>,
        /// True when it is refused.
        revoked: bool,
    },
    /// A service token.
    ServiceToken {
        /// Its name.
        name: Arc<str>,
        /// True when it is refused.
        revoked: bool,
    },
}

/// A configured provider; the same in every environment.
#[derive(Debug, Clone)]
pub struct Channel {
    /// Inside this installation.
    pub id: ChannelId,
    /// For the wire.
    pub uuid: Uuid,
    /// Unique, immutable.
    pub key: String,
    /// For people.
    pub name: String,
    /// Wire name of the channel type.
    pub kind: String,
    /// Provider id, `<type>_<vendor>`.
    pub provider: String,
    /// For people.
    pub description: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
    /// Out of use.
    pub archived_at: Option<Timestamp>,
}

/// Settings of a channel in one environment.
#[derive(Debug, Clone)]
pub struct ChannelSettings {
    /// Which channel.
    pub channel: ChannelId,
    /// Which environment.
    pub env: EnvId,
    /// For the wire.
    pub uuid: Uuid,
    /// Sandbox mode.
    pub is_sandbox: bool,
    /// Settings of the type, JSON.
    pub channel_settings: String,
    /// Settings of the provider, encrypted.
    pub provider_settings: String,
    /// Last change.
    pub updated_at: Timestamp,
}

/// What is kept of a key or token. Keys hold 256 random bits, so a plain hash cannot be searched.
pub fn hash_secret(secret: &str) -> Vec<u8> {
    digest::digest(&digest::SHA256, secret.as_bytes()).as_ref().to_vec()
}

/// `sk_test_ab…wxyz`: enough to recognise, too little to use.
fn hint(secret: &str) -> String {
    let chars: Vec<char> = secret.chars().collect();
    let head: String = chars.iter().take(10.min(chars.len() / 2)).collect();
    let tail: String = chars.iter().skip(chars.len().saturating_sub(4).max(chars.len() / 2)).collect();
    format!("{head}…{tail}")
}

fn environment(mut row: Row) -> Result<Environment, StoreError> {
    Ok(Environment {
        id: EnvId(row.int(0)?),
        uuid: row.uuid(1)?,
        slug: row.text(2)?,
        name: row.text(3)?,
        position: row.int(4)?,
        owner: row.text(5)?,
        settings: row.text(6)?,
        created_at: row.at(7)?,
    })
}

fn channel(mut row: Row) -> Result<Channel, StoreError> {
    Ok(Channel {
        id: ChannelId(row.int(0)?),
        uuid: row.uuid(1)?,
        key: row.text(2)?,
        name: row.text(3)?,
        kind: row.text(4)?,
        provider: row.text(5)?,
        description: row.opt_text(6)?,
        created_at: row.at(7)?,
        updated_at: row.at(8)?,
        archived_at: row.opt_at(9)?,
    })
}

fn settings_in_env(mut row: Row) -> Result<ChannelSettings, StoreError> {
    Ok(ChannelSettings {
        channel: ChannelId(row.int(0)?),
        env: EnvId(row.int(1)?),
        uuid: row.uuid(2)?,
        is_sandbox: row.int(3)? != 0,
        channel_settings: row.text(4)?,
        provider_settings: row.text(5)?,
        updated_at: row.at(6)?,
    })
}

impl Tx<'_> {
    /// Reads a setting of the installation.
    pub async fn setting(&mut self, key: &str) -> Result<Option<String>, StoreError> {
        let row = self.query_one("SELECT value FROM settings WHERE key = $1", &[key.into()]).await?;
        row.map(|mut row| row.text(0)).transpose()
    }

    /// Writes a setting of the installation.
    pub async fn set_setting(&mut self, key: &str, value: &str) -> Result<(), StoreError> {
        let sql = "INSERT INTO settings (key, value) VALUES ($1, $2) \
                   ON CONFLICT (key) DO UPDATE SET value = excluded.value";
        self.execute(sql, &[key.into(), value.into()]).await.map(drop)
    }

    /// Holds back every other transaction that asks for this lock: for the first start of several nodes,
    /// and for rows that several may be about to make.
    pub async fn lock_installation(&mut self) -> Result<(), StoreError> {
        if self.is_postgres() {
            self.query("SELECT 1::bigint FROM pg_advisory_xact_lock(7164771)", &[]).await?;
        }
        Ok(())
    }

    /// Adds an environment.
    pub async fn insert_environment(&mut self, env: &Environment) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO environments (id, uuid, slug, name, position, owner, settings, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
            &[
                env.id.into(),
                env.uuid.into(),
                env.slug.as_str().into(),
                env.name.as_str().into(),
                Param::Int(env.position),
                env.owner.as_str().into(),
                env.settings.as_str().into(),
                env.created_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Changes the switches of an environment, under a lock: `change` gets them and answers them changed. `None` when
    /// there is no such environment.
    pub async fn change_environment_settings(
        &mut self,
        env: EnvId,
        change: impl FnOnce(&mut serde_json::Map<String, serde_json::Value>) + Send,
    ) -> Result<Option<()>, StoreError> {
        let lock = if self.is_postgres() { "FOR UPDATE" } else { "" };
        let sql = format!("SELECT settings FROM environments WHERE id = $1 {lock}");
        let Some(mut row) = self.query_one(&sql, &[env.into()]).await? else { return Ok(None) };
        let mut settings = serde_json::from_str(&row.text(0)?).unwrap_or_default();
        change(&mut settings);
        let text = serde_json::Value::Object(settings).to_string();
        let sql = "UPDATE environments SET settings = $2 WHERE id = $1";
        self.execute(sql, &[env.into(), text.into()]).await.map(|_| Some(()))
    }

    /// Adds a key; one that exists stays as it is.
    pub async fn insert_key(&mut self, key: &NewKey, now: Timestamp) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO api_keys (hash, env, kind, hint, description, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            &[
                Param::Blob(hash_secret(&key.secret).into()),
                key.env.into(),
                Param::Int(key.kind as i64),
                hint(&key.secret).into(),
                Param::opt(key.description.as_deref()),
                now.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Adds a service token; one that exists stays as it is.
    pub async fn insert_service_token(
        &mut self,
        secret: &str,
        name: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO service_tokens (hash, name, hint, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            &[Param::Blob(hash_secret(secret).into()), name.into(), hint(secret).into(), now.into()],
        )
        .await
        .map(drop)
    }

    /// Adds a channel and answers its id.
    pub async fn insert_channel(&mut self, new: &Channel) -> Result<ChannelId, StoreError> {
        let row = self
            .query_one(
                "INSERT INTO channels (id, uuid, key, name, type, provider, description, created_at, updated_at) \
                 VALUES ((SELECT COALESCE(MAX(id), 0) + 1 FROM channels), $1, $2, $3, $4, $5, $6, $7, $7) RETURNING id",
                &[
                    new.uuid.into(),
                    new.key.as_str().into(),
                    new.name.as_str().into(),
                    new.kind.as_str().into(),
                    new.provider.as_str().into(),
                    Param::opt(new.description.as_deref()),
                    new.created_at.into(),
                ],
            )
            .await?
            .ok_or_else(|| StoreError::corrupt("an insert answered no row"))?;
        Ok(ChannelId(row.int(0)?))
    }

    /// A channel by key, an archived one too, locked until the transaction ends.
    pub async fn channel_by_key(&mut self, key: &str) -> Result<Option<Channel>, StoreError> {
        let lock = if self.is_postgres() { "FOR UPDATE" } else { "" };
        let sql = format!(
            "SELECT id, uuid, key, name, type, provider, description, created_at, updated_at, archived_at \
             FROM channels WHERE key = $1 {lock}"
        );
        self.query_one(&sql, &[key.into()]).await?.map(channel).transpose()
    }

    /// The settings of a channel in one environment.
    pub async fn channel_settings_in(
        &mut self,
        channel: ChannelId,
        env: EnvId,
    ) -> Result<Option<ChannelSettings>, StoreError> {
        let sql = "SELECT channel, env, uuid, is_sandbox, channel_settings, provider_settings, updated_at \
                   FROM channel_settings WHERE channel = $1 AND env = $2";
        self.query_one(sql, &[channel.into(), env.into()]).await?.map(settings_in_env).transpose()
    }

    /// Changes what may change of a channel.
    pub async fn update_channel(&mut self, changed: &Channel) -> Result<(), StoreError> {
        self.execute(
            "UPDATE channels SET name = $2, provider = $3, description = $4, updated_at = $5, archived_at = $6 \
             WHERE id = $1",
            &[
                changed.id.into(),
                changed.name.as_str().into(),
                changed.provider.as_str().into(),
                Param::opt(changed.description.as_deref()),
                changed.updated_at.into(),
                Param::opt_int(changed.archived_at.map(|at| at.0)),
            ],
        )
        .await
        .map(drop)
    }

    /// Writes the settings of a channel in one environment.
    pub async fn set_channel_settings(&mut self, settings: &ChannelSettings) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO channel_settings \
             (channel, env, uuid, is_sandbox, channel_settings, provider_settings, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (channel, env) DO UPDATE SET \
             is_sandbox = excluded.is_sandbox, channel_settings = excluded.channel_settings, \
             provider_settings = excluded.provider_settings, updated_at = excluded.updated_at",
            &[
                settings.channel.into(),
                settings.env.into(),
                settings.uuid.into(),
                settings.is_sandbox.into(),
                settings.channel_settings.as_str().into(),
                settings.provider_settings.as_str().into(),
                settings.updated_at.into(),
            ],
        )
        .await
        .map(drop)
    }
}

impl Store {
    /// Reads a setting of the installation.
    pub async fn setting(&self, key: &str) -> Result<Option<String>, StoreError> {
        let row = self.query_one("SELECT value FROM settings WHERE key = $1", &[key.into()]).await?;
        row.map(|mut row| row.text(0)).transpose()
    }

    /// Every environment, in promotion order.
    pub async fn environments(&self) -> Result<Vec<Environment>, StoreError> {
        let sql = "SELECT id, uuid, slug, name, position, owner, settings, created_at FROM environments \
                   ORDER BY position";
        self.query(Cost::Point, sql, &[]).await?.into_iter().map(environment).collect()
    }

    /// Every channel, archived ones included, oldest first.
    pub async fn channels(&self) -> Result<Vec<Channel>, StoreError> {
        let sql = "SELECT id, uuid, key, name, type, provider, description, created_at, updated_at, archived_at \
                   FROM channels ORDER BY id";
        self.query(Cost::Point, sql, &[]).await?.into_iter().map(channel).collect()
    }

    /// Every channel's settings in every environment.
    pub async fn channel_settings(&self) -> Result<Vec<ChannelSettings>, StoreError> {
        let sql = "SELECT channel, env, uuid, is_sandbox, channel_settings, provider_settings, updated_at \
                   FROM channel_settings ORDER BY channel, env";
        let rows = self.query(Cost::Point, sql, &[]).await?;
        rows.into_iter().map(settings_in_env).collect()
    }

    /// What the secret behind a hash is, or `None` when it is unknown.
    pub async fn credential(&self, hash: &[u8]) -> Result<Option<Credential>, StoreError> {
        let sql = "SELECT env, kind, revoked_at, hint FROM api_keys WHERE hash = $1";
        if let Some(mut row) = self.query_one(sql, &[hash.into()]).await? {
            let kind = if row.int(1)? == 1 { KeyKind::Secret } else { KeyKind::Public };
            return Ok(Some(Credential::Key {
                env: EnvId(row.int(0)?),
                kind,
                revoked: !row.is_null(2),
                hint: row.text(3)?.into(),
            }));
        }
        let sql = "SELECT name, revoked_at FROM service_tokens WHERE hash = $1";
        let row = self.query_one(sql, &[hash.into()]).await?;
        row.map(|mut row| {
            Ok(Credential::ServiceToken { revoked: !row.is_null(1), name: row.text(0)?.into() })
        })
        .transpose()
    }

    /// Every key, oldest first.
    pub async fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        let sql = "SELECT env, kind, hint, description, created_at, revoked_at FROM api_keys ORDER BY created_at, hash";
        let rows = self.query(Cost::Scan, sql, &[]).await?;
        rows.into_iter()
            .map(|mut row| {
                Ok(ApiKey {
                    env: EnvId(row.int(0)?),
                    kind: if row.int(1)? == 1 { KeyKind::Secret } else { KeyKind::Public },
                    hint: row.text(2)?,
                    description: row.opt_text(3)?,
                    created_at: row.at(4)?,
                    revoked_at: row.opt_at(5)?,
                })
            })
            .collect()
    }

    /// Refuses every key that shows this hint from now on; answers how many there were.
    pub async fn revoke_key(&self, hint: &str, now: Timestamp) -> Result<u64, StoreError> {
        let hint = hint.to_owned();
        self.transact(move |tx| {
            Box::pin(async move {
                let sql = "UPDATE api_keys SET revoked_at = $2 WHERE hint = $1 AND revoked_at IS NULL";
                tx.execute(sql, &[hint.into(), now.into()]).await
            })
        })
        .await
    }
}
