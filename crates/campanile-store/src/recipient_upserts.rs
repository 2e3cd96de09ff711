//! Many recipients written at once: one read, one merge in memory per entry, one or two writes.

use std::collections::HashMap;
use std::sync::LazyLock;

use campanile_core::ids::EnvId;
use campanile_core::recipient::RecipientRef;
use campanile_core::time::Timestamp;
use serde_json::{Map, Value};

use crate::db::{Bulk, Column, Param, Tx};
use crate::error::StoreError;
use crate::preferences::RunSets;
use crate::recipients::{COLUMNS, RecipientRow, merge_properties, recipient};

/// What one entry says about a recipient.
#[derive(Debug, Clone)]
pub struct RecipientChange {
    /// Who.
    pub reference: RecipientRef,
    /// Merged into the stored properties.
    pub properties: Map<String, Value>,
    /// `None` leaves it, `Some(None)` clears it.
    pub created_at: Option<Option<Timestamp>>,
}

const TABLE: &[(&str, Column)] = &[
    ("env", Column::Int),
    ("key", Column::Text),
    ("collection", Column::Text),
    ("id", Column::Text),
    ("properties", Column::Text),
    ("created_at", Column::Int),
    ("inserted_at", Column::Int),
    ("updated_at", Column::Int),
];

static NEW: LazyLock<Bulk> = LazyLock::new(|| Bulk::new("recipients", TABLE, "ON CONFLICT DO NOTHING"));
static CHANGED: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "recipients",
        TABLE,
        "ON CONFLICT (env, key) DO UPDATE SET properties = excluded.properties, \
         created_at = excluded.created_at, updated_at = excluded.updated_at",
    )
});

/// A recipient while entries are merged into it.
struct Merging {
    row: RecipientRow,
    properties: Map<String, Value>,
    is_new: bool,
    changed: bool,
}

impl Tx<'_> {
    /// Merges each entry in its order, as [`Tx::upsert_recipient`] does with one: recipients are made when missing, a
    /// write that changes nothing leaves `updated_at` alone (RC6.4), and `Err(bytes)` stands for an entry that would
    /// exceed `bytes_max` and of which nothing was written. The rows are as they stand after their entry.
    ///
    /// [`StoreError::Contended`] when one of the new recipients was made by somebody else meanwhile.
    pub async fn upsert_recipients(
        &mut self,
        env: EnvId,
        changes: Vec<RecipientChange>,
        now: Timestamp,
        bytes_max: usize,
    ) -> Result<Vec<Result<RecipientRow, usize>>, StoreError> {
        let mut keys: Vec<String> = changes.iter().map(|change| change.reference.key()).collect();
        // Locked and written in one order everywhere, so that two of us do not wait for each other.
        keys.sort_unstable();
        keys.dedup();
        let mut known = self.merging(env, keys.clone()).await?;
        let mut rows = Vec::with_capacity(changes.len());
        for change in changes {
            rows.push(merge(&mut known, change, now, bytes_max)?);
        }
        let written = |is_new: bool| {
            let known = &known;
            keys.iter()
                .filter_map(move |key| known.get(key).filter(|one| one.changed && one.is_new == is_new))
                .flat_map(move |one| columns(env, &one.row))
                .collect::<Vec<_>>()
        };
        let new = written(true);
        if self.insert(&NEW, &new).await? as usize != new.len() / NEW.width() {
            return Err(StoreError::Contended("a recipient was made meanwhile".into()));
        }
        self.insert(&CHANGED, &written(false)).await?;
        Ok(rows)
    }

    /// Makes empty recipients of those that are missing (tenant stubs, RC5.5).
    pub async fn touch_recipients(
        &mut self,
        env: EnvId,
        references: Vec<RecipientRef>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let empty = |reference| RecipientRow {
            reference,
            properties: "{}".into(),
            created_at: None,
            inserted_at: now,
            updated_at: now,
            sets: RunSets::default(),
        };
        let rows: Vec<RecipientRow> = references.into_iter().map(empty).collect();
        let values: Vec<Param<'_>> = rows.iter().flat_map(|row| columns(env, row)).collect();
        self.insert(&NEW, &values).await.map(drop)
    }

    /// Makes the recipients that are missing, empty, and locks all of them until the transaction ends.
    pub async fn lock_recipients(
        &mut self,
        env: EnvId,
        references: &[RecipientRef],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let mut references = references.to_vec();
        // In one order everywhere, as above.
        references.sort_by_cached_key(RecipientRef::key);
        references.dedup();
        let rows: Vec<RecipientRow> = references
            .into_iter()
            .map(|reference| RecipientRow {
                reference,
                properties: "{}".into(),
                created_at: None,
                inserted_at: now,
                updated_at: now,
                sets: RunSets::default(),
            })
            .collect();
        let values: Vec<Param<'_>> = rows.iter().flat_map(|row| columns(env, row)).collect();
        self.insert(&NEW, &values).await?;
        if self.is_postgres() {
            let keys = rows.iter().map(|row| row.reference.key()).collect();
            let sql = "SELECT key FROM recipients WHERE env = $1 AND key IN (SELECT unnest($2::text[])) \
                       ORDER BY key FOR UPDATE";
            self.query(sql, &[env.into(), Param::Texts(keys)]).await?;
        }
        Ok(())
    }

    /// The stored ones among the keys, locked until the transaction ends, by key.
    pub async fn locked_recipients(
        &mut self,
        env: EnvId,
        keys: Vec<String>,
    ) -> Result<Vec<RecipientRow>, StoreError> {
        let lock = if self.is_postgres() { "FOR UPDATE" } else { "" };
        let sql = format!(
            "SELECT {COLUMNS} FROM recipients WHERE env = $1 AND key IN {} ORDER BY key {lock}",
            self.texts_in("$2")
        );
        let rows = self.query(&sql, &[env.into(), Param::Texts(keys)]).await?;
        rows.into_iter().map(recipient).collect()
    }

    /// The stored ones among the keys, locked until the transaction ends.
    async fn merging(
        &mut self,
        env: EnvId,
        keys: Vec<String>,
    ) -> Result<HashMap<String, Merging>, StoreError> {
        let rows = self.locked_recipients(env, keys).await?;
        rows.into_iter()
            .map(|row| {
                let properties = serde_json::from_str(&row.properties).map_err(StoreError::corrupt)?;
                Ok((row.reference.key(), Merging { row, properties, is_new: false, changed: false }))
            })
            .collect()
    }
}

fn merge(
    known: &mut HashMap<String, Merging>,
    change: RecipientChange,
    now: Timestamp,
    bytes_max: usize,
) -> Result<Result<RecipientRow, usize>, StoreError> {
    let key = change.reference.key();
    let stored = known.get(&key);
    let mut properties = stored.map(|one| one.properties.clone()).unwrap_or_default();
    merge_properties(&change.reference, &mut properties, change.properties);
    let text = serde_json::to_string(&properties).map_err(StoreError::corrupt)?;
    if text.len() > bytes_max {
        return Ok(Err(text.len()));
    }
    let created_at = change.created_at.unwrap_or_else(|| stored.and_then(|one| one.row.created_at));
    if let Some(one) = known.get_mut(&key) {
        if one.row.properties != text || one.row.created_at != created_at {
            one.properties = properties;
            one.row = RecipientRow { properties: text, created_at, updated_at: now, ..one.row.clone() };
            one.changed = true;
        }
        return Ok(Ok(one.row.clone()));
    }
    let row = RecipientRow {
        reference: change.reference,
        properties: text,
        created_at,
        inserted_at: now,
        updated_at: now,
        sets: RunSets::default(),
    };
    known.insert(key, Merging { row: row.clone(), properties, is_new: true, changed: true });
    Ok(Ok(row))
}

fn columns(env: EnvId, row: &RecipientRow) -> [Param<'_>; 8] {
    [
        env.into(),
        row.reference.key().into(),
        row.reference.collection.as_str().into(),
        row.reference.id.as_str().into(),
        row.properties.as_str().into(),
        Param::opt_int(row.created_at.map(|at| at.0)),
        row.inserted_at.into(),
        row.updated_at.into(),
    ]
}
