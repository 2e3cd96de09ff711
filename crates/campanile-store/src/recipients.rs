//! Users, objects and tenants: one table, merged by one algorithm (recipients.md section 6).

use campanile_core::ids::EnvId;
use campanile_core::recipient::RecipientRef;
use campanile_core::time::Timestamp;
use serde_json::{Map, Value};

use crate::db::{Cost, Param, Row, Store, Tx};
use crate::error::StoreError;
use crate::page::{Page, PageRequest};

/// A stored recipient.
#[derive(Debug, Clone)]
pub struct RecipientRow {
    /// Who.
    pub reference: RecipientRef,
    /// Everything but identity, timestamps, preferences and channel data, as JSON text.
    pub properties: String,
    /// What the caller gave; never filled by the server.
    pub created_at: Option<Timestamp>,
    /// When we first saw it.
    pub inserted_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

/// Which recipients of a collection to list; all given ones must hold.
#[derive(Debug, Clone, Default)]
pub struct RecipientFilter {
    /// Exactly this id.
    pub id: Option<String>,
    /// Part of the name, in any case.
    pub name: Option<String>,
}

/// RC6.1: objects unite and recurse, everything else is replaced. Arrays are never merged.
pub fn merge_json(old: &mut Map<String, Value>, new: Map<String, Value>) {
    for (key, value) in new {
        match (old.get_mut(&key), value) {
            (Some(Value::Object(inner)), Value::Object(more)) => merge_json(inner, more),
            (_, value) => {
                old.insert(key, value);
            }
        }
    }
}

/// PostgreSQL only: many look-ups, each answered by its position.
pub(crate) const LOOK_UP: &str = "SELECT w.n, r.key, r.properties, r.created_at, r.inserted_at, r.updated_at \
     FROM unnest($1::bigint[], $2::text[]) WITH ORDINALITY AS w(env, key, n) \
     JOIN recipients r ON r.env = w.env AND r.key = w.key";
/// More keys than this are a query of their own.
const LOOK_UP_KEYS_MAX: usize = 8;

pub(crate) const COLUMNS: &str = "key, properties, created_at, inserted_at, updated_at";

pub(crate) fn recipient(mut row: Row) -> Result<RecipientRow, StoreError> {
    Ok(RecipientRow {
        reference: RecipientRef::from_key(&row.text(0)?),
        properties: row.text(1)?,
        created_at: row.opt_at(2)?,
        inserted_at: row.at(3)?,
        updated_at: row.at(4)?,
    })
}

impl Tx<'_> {
    /// One recipient, locked until the transaction ends.
    pub async fn recipient(
        &mut self,
        env: EnvId,
        reference: &RecipientRef,
    ) -> Result<Option<RecipientRow>, StoreError> {
        let lock = if self.is_postgres() { "FOR UPDATE" } else { "" };
        let sql = format!("SELECT {COLUMNS} FROM recipients WHERE env = $1 AND key = $2 {lock}");
        self.query_one(&sql, &[env.into(), reference.key().into()]).await?.map(recipient).transpose()
    }

    /// Merges properties into a recipient, which is made when missing. A write that changes nothing leaves
    /// `updated_at` alone (RC6.4). `Err(bytes)` when the result would exceed `bytes_max`; nothing is written then.
    pub async fn upsert_recipient(
        &mut self,
        env: EnvId,
        reference: &RecipientRef,
        properties: Map<String, Value>,
        created_at: Option<Option<Timestamp>>,
        now: Timestamp,
        bytes_max: usize,
    ) -> Result<Result<RecipientRow, usize>, StoreError> {
        let mut is_new = false;
        if self.is_postgres() {
            // Two first writes of one recipient must merge, not race: make the row, then lock it.
            let made = self.execute(
                "INSERT INTO recipients (env, key, collection, id, properties, created_at, inserted_at, updated_at) \
                 VALUES ($1, $2, $3, $4, '{}', NULL, $5, $5) ON CONFLICT DO NOTHING",
                &[
                    env.into(),
                    reference.key().into(),
                    reference.collection.as_str().into(),
                    reference.id.as_str().into(),
                    now.into(),
                ],
            )
            .await?;
            is_new = made == 1;
        }
        let stored = self.recipient(env, reference).await?;
        let mut merged: Map<String, Value> = match &stored {
            Some(row) => serde_json::from_str(&row.properties).map_err(StoreError::corrupt)?,
            None => Map::new(),
        };
        merge_json(&mut merged, properties);
        let text = serde_json::to_string(&merged).map_err(StoreError::corrupt)?;
        if text.len() > bytes_max {
            if is_new {
                let sql = "DELETE FROM recipients WHERE env = $1 AND key = $2";
                self.execute(sql, &[env.into(), reference.key().into()]).await?;
            }
            return Ok(Err(text.len()));
        }
        let row = match stored {
            Some(mut row) => {
                let created = created_at.unwrap_or(row.created_at);
                if row.properties == text && row.created_at == created {
                    return Ok(Ok(row));
                }
                row.properties = text;
                row.created_at = created;
                row.updated_at = now;
                self.execute(
                    "UPDATE recipients SET properties = $3, created_at = $4, updated_at = $5 WHERE env = $1 AND key = $2",
                    &[
                        env.into(),
                        reference.key().into(),
                        row.properties.as_str().into(),
                        Param::opt_int(row.created_at.map(|at| at.0)),
                        now.into(),
                    ],
                )
                .await?;
                row
            }
            None => {
                let created_at = created_at.flatten();
                self.execute(
                    "INSERT INTO recipients \
                     (env, key, collection, id, properties, created_at, inserted_at, updated_at) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7, $7)",
                    &[
                        env.into(),
                        reference.key().into(),
                        reference.collection.as_str().into(),
                        reference.id.as_str().into(),
                        text.as_str().into(),
                        Param::opt_int(created_at.map(|at| at.0)),
                        now.into(),
                    ],
                )
                .await?;
                RecipientRow {
                    reference: reference.clone(),
                    properties: text,
                    created_at,
                    inserted_at: now,
                    updated_at: now,
                }
            }
        };
        Ok(Ok(row))
    }

    /// Makes an empty recipient when missing (a tenant stub, RC5.5).
    pub async fn touch_recipient(
        &mut self,
        env: EnvId,
        reference: &RecipientRef,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO recipients (env, key, collection, id, properties, created_at, inserted_at, updated_at) \
             VALUES ($1, $2, $3, $4, '{}', NULL, $5, $5) ON CONFLICT DO NOTHING",
            &[
                env.into(),
                reference.key().into(),
                reference.collection.as_str().into(),
                reference.id.as_str().into(),
                now.into(),
            ],
        )
        .await
        .map(drop)
    }
}

impl Store {
    /// One recipient.
    pub async fn recipient(
        &self,
        env: EnvId,
        reference: &RecipientRef,
    ) -> Result<Option<RecipientRow>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM recipients WHERE env = $1 AND key = $2");
        self.query_one(&sql, &[env.into(), reference.key().into()]).await?.map(recipient).transpose()
    }

    /// Many recipients by key, in no order; unknown keys are absent.
    pub async fn recipients(&self, env: EnvId, keys: Vec<String>) -> Result<Vec<RecipientRow>, StoreError> {
        if keys.len() <= LOOK_UP_KEYS_MAX
            && let Some(found) = self.look_up(env.0, &keys).await
        {
            return found?.into_iter().map(recipient).collect();
        }
        if let [key] = keys.as_slice() {
            return Ok(self.recipient(env, &RecipientRef::from_key(key)).await?.into_iter().collect());
        }
        let sql =
            format!("SELECT {COLUMNS} FROM recipients WHERE env = $1 AND key IN {}", self.texts_in("$2"));
        let rows = self.query(Cost::Point, &sql, &[env.into(), Param::Texts(keys)]).await?;
        rows.into_iter().map(recipient).collect()
    }

    /// A collection, newest first.
    pub async fn list_recipients(
        &self,
        env: EnvId,
        collection: &str,
        filter: &RecipientFilter,
        page: &PageRequest,
    ) -> Result<Page<RecipientRow>, StoreError> {
        let (compare, order) = if page.is_backward() { (">", "ASC") } else { ("<", "DESC") };
        let mut params: Vec<Param<'_>> =
            vec![env.into(), collection.into(), Param::Int(page.size as i64 + 1)];
        let mut bound = String::new();
        if let Some(id) = &filter.id {
            params.push(id.as_str().into());
            bound.push_str(&format!(" AND id = ${}", params.len()));
        }
        if let Some(name) = &filter.name {
            params.push(name.to_lowercase().into());
            let place = params.len();
            bound.push_str(&if self.is_shared() {
                // jsonb knows no NUL; who has one is not found by name rather than failing everybody's list.
                format!(
                    " AND STRPOS(CASE WHEN STRPOS(properties, '\\u0000') > 0 THEN '' \
                     ELSE LOWER(properties::jsonb ->> 'name') END, ${place}) > 0"
                )
            } else {
                format!(" AND INSTR(LOWER(properties ->> 'name'), ${place}) > 0")
            });
        }
        if let Some(key) = page.key() {
            let (at, id) = key.split_at_checked(8).ok_or_else(|| StoreError::corrupt("a short cursor"))?;
            let at = i64::from_be_bytes(at.try_into().map_err(StoreError::corrupt)?);
            params.push(Param::Int(at));
            params.push(String::from_utf8_lossy(id).into_owned().into());
            let place = params.len();
            bound.push_str(&format!(" AND (inserted_at, id) {compare} (${}, ${place})", place - 1));
        }
        let sql = format!(
            "SELECT {COLUMNS} FROM recipients WHERE env = $1 AND collection = $2{bound} \
             ORDER BY inserted_at {order}, id {order} LIMIT $3"
        );
        let rows = self.query(Cost::Scan, &sql, &params).await?;
        let rows = rows.into_iter().map(recipient).collect::<Result<Vec<_>, _>>()?;
        Ok(page.page(rows, |row| {
            let mut key = row.inserted_at.0.to_be_bytes().to_vec();
            key.extend_from_slice(row.reference.id.as_bytes());
            key
        }))
    }
}
