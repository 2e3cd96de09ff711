//! Users, objects and tenants: one table, merged by one algorithm (recipients.md section 6).

use campanile_core::ids::EnvId;
use campanile_core::preference::Change;
use campanile_core::recipient::{RecipientRef, TENANTS};
use campanile_core::time::Timestamp;
use serde_json::{Map, Value};

use crate::db::{Cost, Param, Row, Store, Tx};
use crate::error::StoreError;
use crate::page::{Page, PageRequest};
use crate::preferences::RunSets;

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
    /// Preferences, where the recipient was read for a run; empty everywhere else.
    pub sets: RunSets,
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

/// [`merge_json`] for a whole recipient: the default set of a tenant follows the rules of preference sets (RC5.3).
pub fn merge_properties(reference: &RecipientRef, old: &mut Map<String, Value>, mut new: Map<String, Value>) {
    let mut written = None;
    if reference.collection == TENANTS
        && let Some(Value::Object(settings)) = new.get_mut("settings")
    {
        written = settings.remove(PREFERENCE_SET);
    }
    let Some(written) = written else { return merge_json(old, new) };
    let stored = old.get("settings").and_then(|settings| settings.get(PREFERENCE_SET)?.as_object()).cloned();
    merge_json(old, new);
    if let Some(Value::Object(settings)) = old.get_mut("settings") {
        let set = match written {
            Value::Object(body) => Change::from_request(body).apply_to_default(stored.as_ref()).into(),
            _ => Value::Null,
        };
        settings.insert(PREFERENCE_SET.into(), set);
    }
}

/// Member of a tenant's settings.
const PREFERENCE_SET: &str = "preference_set";

/// PostgreSQL only: many look-ups, each answered by its position.
pub(crate) const LOOK_UP: &str = "SELECT w.n, r.key, r.properties, r.created_at, r.inserted_at, r.updated_at, \
     d.content, t.content \
     FROM unnest($1::bigint[], $2::text[], $3::text[]) WITH ORDINALITY AS w(env, key, tenant, n) \
     JOIN recipients r ON r.env = w.env AND r.key = w.key \
     LEFT JOIN preference_sets d ON d.env = w.env AND d.key = w.key AND d.id = 'default' \
     LEFT JOIN preference_sets t ON t.env = w.env AND t.key = w.key AND t.id = w.tenant";
/// The same for the other queries of runs; `$3` is the tenant.
const RUN_COLUMNS: &str =
    "r.key, r.properties, r.created_at, r.inserted_at, r.updated_at, d.content, t.content";
const RUN_FROM: &str = "recipients r \
     LEFT JOIN preference_sets d ON d.env = r.env AND d.key = r.key AND d.id = 'default' \
     LEFT JOIN preference_sets t ON t.env = r.env AND t.key = r.key AND t.id = $3";
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
        sets: RunSets::default(),
    })
}

fn of_run(mut row: Row) -> Result<RecipientRow, StoreError> {
    let sets = RunSets { default: row.opt_text(5)?, tenant: row.opt_text(6)? };
    Ok(RecipientRow { sets, ..recipient(row)? })
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
        merge_properties(reference, &mut merged, properties);
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
                    sets: RunSets::default(),
                }
            }
        };
        Ok(Ok(row))
    }

    /// Many recipients by key, in no order and not locked; unknown keys are absent.
    pub async fn recipients(
        &mut self,
        env: EnvId,
        keys: Vec<String>,
    ) -> Result<Vec<RecipientRow>, StoreError> {
        let sql =
            format!("SELECT {COLUMNS} FROM recipients WHERE env = $1 AND key IN {}", self.texts_in("$2"));
        self.query(&sql, &[env.into(), Param::Texts(keys)]).await?.into_iter().map(recipient).collect()
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
        if let [key] = keys.as_slice() {
            return Ok(self.recipient(env, &RecipientRef::from_key(key)).await?.into_iter().collect());
        }
        let sql =
            format!("SELECT {COLUMNS} FROM recipients WHERE env = $1 AND key IN {}", self.texts_in("$2"));
        let rows = self.query(Cost::Point, &sql, &[env.into(), Param::Texts(keys)]).await?;
        rows.into_iter().map(recipient).collect()
    }

    /// The next ids of a collection after one, of those that were first seen until an instant.
    pub async fn users_after(
        &self,
        env: EnvId,
        collection: &str,
        after: Option<&str>,
        until: Timestamp,
        limit: i64,
    ) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT id FROM recipients WHERE env = $1 AND key > $2 AND collection = $3 AND inserted_at <= $4 \
                   ORDER BY key LIMIT $5";
        let params = [
            env.into(),
            after.unwrap_or_default().into(),
            collection.into(),
            until.into(),
            Param::Int(limit),
        ];
        let rows = self.query(Cost::Scan, sql, &params).await?;
        rows.into_iter().map(|mut row| row.text(0)).collect()
    }

    /// Many recipients by key with the preferences that a run under this tenant asks, in no order; unknown keys are
    /// absent.
    pub async fn recipients_of_run(
        &self,
        env: EnvId,
        keys: Vec<String>,
        tenant: Option<&str>,
    ) -> Result<Vec<RecipientRow>, StoreError> {
        // No set has an empty id.
        let tenant = tenant.unwrap_or_default();
        if keys.len() <= LOOK_UP_KEYS_MAX
            && let Some(found) = self.look_up(env.0, &keys, tenant).await
        {
            return found?.into_iter().map(of_run).collect();
        }
        let rows = if let [key] = keys.as_slice() {
            let sql = format!("SELECT {RUN_COLUMNS} FROM {RUN_FROM} WHERE r.env = $1 AND r.key = $2");
            self.query(Cost::Point, &sql, &[env.into(), key.as_str().into(), tenant.into()]).await?
        } else {
            let set = self.texts_in("$2");
            let sql = format!("SELECT {RUN_COLUMNS} FROM {RUN_FROM} WHERE r.env = $1 AND r.key IN {set}");
            self.query(Cost::Point, &sql, &[env.into(), Param::Texts(keys), tenant.into()]).await?
        };
        rows.into_iter().map(of_run).collect()
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
