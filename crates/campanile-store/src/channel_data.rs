//! What a recipient stores for one channel: tokens, connections, ids.

use campanile_core::ids::{ChannelId, EnvId};
use campanile_core::recipient::RecipientRef;
use campanile_core::time::Timestamp;

use crate::db::{Cost, Param, Store, Tx};
use crate::error::StoreError;

/// The value of one recipient and channel.
#[derive(Debug, Clone)]
pub struct ChannelDataRow {
    /// Key of the recipient.
    pub recipient: String,
    /// Which channel.
    pub channel: ChannelId,
    /// JSON, as returned.
    pub data: String,
}

impl Tx<'_> {
    /// Replaces the whole value (RC9.3).
    pub async fn set_channel_data(
        &mut self,
        env: EnvId,
        reference: &RecipientRef,
        channel: ChannelId,
        data: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO channel_data (env, key, channel, data, updated_at) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (env, key, channel) DO UPDATE SET data = excluded.data, updated_at = excluded.updated_at",
            &[env.into(), reference.key().into(), channel.into(), data.into(), now.into()],
        )
        .await
        .map(drop)
    }

    /// Sets one member of a value to null if it still is what the caller saw; the rest stays.
    pub async fn clear_channel_data_member(
        &mut self,
        env: EnvId,
        reference: &RecipientRef,
        channel: ChannelId,
        member: &str,
        expected: &serde_json::Value,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let lock = if self.is_postgres() { "FOR UPDATE" } else { "" };
        let sql =
            format!("SELECT data FROM channel_data WHERE env = $1 AND key = $2 AND channel = $3 {lock}");
        let key = reference.key();
        let row = self.query_one(&sql, &[env.into(), key.as_str().into(), channel.into()]).await?;
        let Some(mut row) = row else { return Ok(()) };
        let mut data: serde_json::Map<String, serde_json::Value> =
            serde_json::from_str(&row.text(0)?).map_err(StoreError::corrupt)?;
        if data.get(member) != Some(expected) {
            return Ok(());
        }
        data.insert(member.to_owned(), serde_json::Value::Null);
        let text = serde_json::Value::Object(data).to_string();
        self.set_channel_data(env, reference, channel, &text, now).await
    }
}

impl Store {
    /// One value.
    pub async fn channel_data(
        &self,
        env: EnvId,
        reference: &RecipientRef,
        channel: ChannelId,
    ) -> Result<Option<String>, StoreError> {
        let row = self
            .query_one(
                "SELECT data FROM channel_data WHERE env = $1 AND key = $2 AND channel = $3",
                &[env.into(), reference.key().into(), channel.into()],
            )
            .await?;
        row.map(|mut row| row.text(0)).transpose()
    }

    /// Every value of many recipients.
    pub async fn channel_data_of(
        &self,
        env: EnvId,
        keys: Vec<String>,
    ) -> Result<Vec<ChannelDataRow>, StoreError> {
        let sql = format!(
            "SELECT key, channel, data FROM channel_data WHERE env = $1 AND key IN {}",
            self.texts_in("$2")
        );
        let rows = self.query(Cost::Point, &sql, &[env.into(), Param::Texts(keys)]).await?;
        rows.into_iter()
            .map(|mut row| {
                Ok(ChannelDataRow {
                    recipient: row.text(0)?,
                    channel: ChannelId(row.int(1)?),
                    data: row.text(2)?,
                })
            })
            .collect()
    }

    /// Removes a value, if there is one.
    pub async fn delete_channel_data(
        &self,
        env: EnvId,
        reference: &RecipientRef,
        channel: ChannelId,
    ) -> Result<(), StoreError> {
        let key = reference.key();
        self.transact(move |tx| {
            Box::pin(async move {
                let sql = "DELETE FROM channel_data WHERE env = $1 AND key = $2 AND channel = $3";
                tx.execute(sql, &[env.into(), key.into(), channel.into()]).await.map(drop)
            })
        })
        .await
    }
}
