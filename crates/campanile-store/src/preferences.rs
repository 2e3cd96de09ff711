//! Preference sets of recipients: read for many at once, changed under the lock of their recipient.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use campanile_core::ids::EnvId;
use campanile_core::preference::{Change, DEFAULT, SET_BYTES_MAX, SETS_MAX};
use campanile_core::recipient::RecipientRef;
use campanile_core::time::Timestamp;
use serde_json::{Map, Value};

use crate::db::{Bulk, Column, Cost, Param, Row, Store, Tx};
use crate::error::StoreError;
use crate::recipients::RecipientRow;

/// A stored set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreferenceSetRow {
    /// Key of the recipient.
    pub recipient: String,
    /// `default`, a tenant's id or any other text.
    pub id: String,
    /// The set as JSON, without its id.
    pub content: String,
}

/// The sets that a run asks; read together with their recipient.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunSets {
    /// The set `default`, JSON.
    pub default: Option<String>,
    /// The set of the run's tenant, JSON.
    pub tenant: Option<String>,
}

impl RunSets {
    /// False when certainly none of the sets holds a condition.
    pub fn may_have_conditions(&self) -> bool {
        [&self.default, &self.tenant].into_iter().flatten().any(|text| text.contains("\"conditions\""))
    }
}

/// What is to become of one set.
#[derive(Debug, Clone)]
pub struct PreferenceEdit {
    /// Whose.
    pub reference: RecipientRef,
    /// Which set.
    pub id: String,
    /// What is written.
    pub change: Change,
}

/// Why a set was not written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreferenceLimit {
    /// It would be larger than [`SET_BYTES_MAX`].
    TooLarge,
    /// The recipient has [`SETS_MAX`] others.
    TooMany,
}

static SETS: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "preference_sets",
        &[
            ("env", Column::Int),
            ("key", Column::Text),
            ("id", Column::Text),
            ("content", Column::Text),
            ("updated_at", Column::Int),
        ],
        "ON CONFLICT (env, key, id) DO UPDATE SET content = excluded.content, updated_at = excluded.updated_at",
    )
});

fn set(mut row: Row) -> Result<PreferenceSetRow, StoreError> {
    Ok(PreferenceSetRow { recipient: row.text(0)?, id: row.text(1)?, content: row.text(2)? })
}

impl Tx<'_> {
    /// Makes and changes sets, in the order of the edits, with one read and one write for all of them; answers each set
    /// as it stands after its edit. A set that cannot be written is left as it was, and the others stand.
    ///
    /// The recipients must exist and be locked: by their own upsert, or by [`Tx::lock_recipients`].
    pub async fn edit_preferences(
        &mut self,
        env: EnvId,
        edits: Vec<PreferenceEdit>,
        now: Timestamp,
    ) -> Result<Vec<Result<Map<String, Value>, PreferenceLimit>>, StoreError> {
        if edits.is_empty() {
            return Ok(Vec::new());
        }
        let keys: Vec<String> = edits.iter().map(|edit| edit.reference.key()).collect();
        let mut known = self.stored_sets(env, &keys, &edits).await?;
        let mut counts = None;
        let mut written = BTreeMap::new();
        let mut results = Vec::with_capacity(edits.len());
        for (edit, key) in edits.iter().zip(&keys) {
            let place = (key.clone(), edit.id.clone());
            let stored = known.get(&place);
            if stored.is_none() {
                if counts.is_none() {
                    counts = Some(self.count_sets(env, &keys).await?);
                }
                let count = counts.get_or_insert_default().entry(key.clone()).or_insert(0);
                // Everybody may have a default set: it is what opts out.
                if *count >= SETS_MAX as i64 && edit.id != DEFAULT {
                    results.push(Err(PreferenceLimit::TooMany));
                    continue;
                }
                *count += 1;
            }
            let set = edit.change.apply(stored);
            let text = serde_json::to_string(&set).map_err(StoreError::corrupt)?;
            if text.len() > SET_BYTES_MAX {
                results.push(Err(PreferenceLimit::TooLarge));
                continue;
            }
            if stored != Some(&set) {
                written.insert(place.clone(), text);
                known.insert(place, set.clone());
            }
            results.push(Ok(set));
        }
        let values: Vec<Param<'_>> = written
            .iter()
            .flat_map(|((key, id), text)| {
                [env.into(), key.as_str().into(), id.as_str().into(), text.as_str().into(), now.into()]
            })
            .collect();
        self.insert(&SETS, &values).await?;
        Ok(results)
    }

    async fn stored_sets(
        &mut self,
        env: EnvId,
        keys: &[String],
        edits: &[PreferenceEdit],
    ) -> Result<HashMap<(String, String), Map<String, Value>>, StoreError> {
        let mut ids: Vec<String> = edits.iter().map(|edit| edit.id.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        let sql = format!(
            "SELECT key, id, content FROM preference_sets WHERE env = $1 AND key IN {} AND id IN {}",
            self.texts_in("$2"),
            self.texts_in("$3")
        );
        let rows = self.query(&sql, &[env.into(), Param::Texts(keys.to_vec()), Param::Texts(ids)]).await?;
        rows.into_iter()
            .map(|row| {
                let row = set(row)?;
                let stored = serde_json::from_str(&row.content).map_err(StoreError::corrupt)?;
                Ok(((row.recipient, row.id), stored))
            })
            .collect()
    }

    async fn count_sets(&mut self, env: EnvId, keys: &[String]) -> Result<HashMap<String, i64>, StoreError> {
        let sql = format!(
            "SELECT key, COUNT(*) FROM preference_sets WHERE env = $1 AND key IN {} GROUP BY key",
            self.texts_in("$2")
        );
        let rows = self.query(&sql, &[env.into(), Param::Texts(keys.to_vec())]).await?;
        rows.into_iter().map(|mut row| Ok((row.text(0)?, row.int(1)?))).collect()
    }

    /// Adds to recipients what a run under this tenant asks, in one read.
    pub async fn add_run_sets(
        &mut self,
        env: EnvId,
        tenant: Option<&str>,
        rows: &mut [RecipientRow],
    ) -> Result<(), StoreError> {
        let keys = rows.iter().map(|row| row.reference.key()).collect();
        let ids = [Some(DEFAULT), tenant].into_iter().flatten().map(str::to_owned).collect();
        let sql = format!(
            "SELECT key, id, content FROM preference_sets WHERE env = $1 AND key IN {} AND id IN {}",
            self.texts_in("$2"),
            self.texts_in("$3")
        );
        let found = self.query(&sql, &[env.into(), Param::Texts(keys), Param::Texts(ids)]).await?;
        let mut found = found
            .into_iter()
            .map(|row| set(row).map(|row| ((row.recipient, row.id), row.content)))
            .collect::<Result<HashMap<_, _>, _>>()?;
        if found.is_empty() {
            return Ok(());
        }
        for row in rows {
            let key = row.reference.key();
            row.sets.tenant = tenant.and_then(|id| found.get(&(key.clone(), id.to_owned())).cloned());
            row.sets.default = found.remove(&(key, DEFAULT.to_owned()));
        }
        Ok(())
    }
}

impl Store {
    /// One set.
    pub async fn preference_set(
        &self,
        env: EnvId,
        reference: &RecipientRef,
        id: &str,
    ) -> Result<Option<String>, StoreError> {
        let sql = "SELECT content FROM preference_sets WHERE env = $1 AND key = $2 AND id = $3";
        let row = self.query_one(sql, &[env.into(), reference.key().into(), id.into()]).await?;
        row.map(|mut row| row.text(0)).transpose()
    }

    /// Every set of many recipients, by recipient and id.
    pub async fn preference_sets(
        &self,
        env: EnvId,
        keys: Vec<String>,
    ) -> Result<Vec<PreferenceSetRow>, StoreError> {
        if keys.is_empty() {
            return Ok(Vec::new());
        }
        let sql = format!(
            "SELECT key, id, content FROM preference_sets WHERE env = $1 AND key IN {} ORDER BY key, id",
            self.texts_in("$2")
        );
        let rows = self.query(Cost::Scan, &sql, &[env.into(), Param::Texts(keys)]).await?;
        rows.into_iter().map(set).collect()
    }

    /// Removes a set, if there is one.
    pub async fn delete_preference_set(
        &self,
        env: EnvId,
        reference: &RecipientRef,
        id: &str,
    ) -> Result<(), StoreError> {
        let (key, id) = (reference.key(), id.to_owned());
        self.transact(move |tx| {
            Box::pin(async move {
                let sql = "DELETE FROM preference_sets WHERE env = $1 AND key = $2 AND id = $3";
                tx.execute(sql, &[env.into(), key.into(), id.into()]).await.map(drop)
            })
        })
        .await
    }
}
