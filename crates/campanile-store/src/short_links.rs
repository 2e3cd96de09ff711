//! Tracked links that are looked up by a short key (delivery.md R10.11). They stay for ever: a text message is not
//! deleted with what we know of it.

use std::sync::LazyLock;

use campanile_core::ids::{EnvId, Ksuid};

use crate::db::{Bulk, Column, Param, Store, Tx};
use crate::error::StoreError;

/// A short link of one message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShortLinkRow {
    /// What stands in the address.
    pub key: String,
    /// Of which message.
    pub message: Ksuid,
    /// Position among the links of the message.
    pub link: i64,
    /// Where.
    pub env: EnvId,
    /// Where it leads.
    pub target: String,
}

static SHORT_LINKS: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "short_links",
        &[
            ("key", Column::Text),
            ("message", Column::Blob),
            ("link", Column::Int),
            ("env", Column::Int),
            ("target", Column::Text),
        ],
        "ON CONFLICT DO NOTHING",
    )
});

/// Inserts what is new; a step that is executed again makes the same rows.
pub(crate) async fn insert_short_links(
    tx: &Tx<'_>,
    rows: impl Iterator<Item = &ShortLinkRow>,
) -> Result<(), StoreError> {
    let mut values = Vec::new();
    for row in rows {
        values.extend([
            Param::from(row.key.as_str()),
            Param::Blob(row.message.0.as_slice().into()),
            Param::Int(row.link),
            row.env.into(),
            Param::from(row.target.as_str()),
        ]);
    }
    tx.insert(&SHORT_LINKS, &values).await.map(drop)
}

impl Store {
    /// The link under a key. The key is all that a click brings, so no environment is asked. Where two links of
    /// different messages ever got the same key, neither is answered: nobody may be led to what was sent to another.
    pub async fn short_link(&self, key: &str) -> Result<Option<ShortLinkRow>, StoreError> {
        let sql = "SELECT key, message, link, env, target FROM short_links WHERE key = $1 LIMIT 2";
        let mut rows = self.query(crate::db::Cost::Point, sql, &[key.into()]).await?;
        match (rows.pop(), rows.pop()) {
            (Some(mut row), None) => Ok(Some(ShortLinkRow {
                key: row.text(0)?,
                message: row.ksuid(1)?,
                link: row.int(2)?,
                env: EnvId(row.int(3)?),
                target: row.text(4)?,
            })),
            (None, _) => Ok(None),
            (Some(_), Some(_)) => {
                tracing::error!(key, "two messages have the same short link");
                Ok(None)
            }
        }
    }
}
