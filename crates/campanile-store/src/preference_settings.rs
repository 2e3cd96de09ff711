//! What an environment and the project decide about preferences: default sets, preference centers, the catalog of
//! categories.

use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;

use crate::db::{Cost, Param, Row, Store, Tx};
use crate::error::StoreError;

/// An environment's preference center.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreferenceCenterRow {
    /// Whether recipients may edit more than the commercial row.
    pub is_enabled: bool,
    /// Title, body and rows, JSON.
    pub config: String,
}

/// A category of the catalog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreferenceCategoryRow {
    /// Its name.
    pub name: String,
    /// When it was made, or revived.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

fn category(mut row: Row) -> Result<PreferenceCategoryRow, StoreError> {
    Ok(PreferenceCategoryRow { name: row.text(0)?, created_at: row.at(1)?, updated_at: row.at(2)? })
}

const CATEGORIES: &str =
    "SELECT name, created_at, updated_at FROM preference_categories WHERE archived_at IS NULL";

impl Tx<'_> {
    /// The default set of an environment, JSON; locked until the transaction ends.
    pub async fn preference_default(&mut self, env: EnvId) -> Result<Option<String>, StoreError> {
        let lock = if self.is_postgres() { " FOR UPDATE" } else { "" };
        let sql = format!("SELECT content FROM preference_defaults WHERE env = $1{lock}");
        self.query_one(&sql, &[env.into()]).await?.map(|mut row| row.text(0)).transpose()
    }

    /// Replaces the default set of an environment.
    pub async fn set_preference_default(
        &mut self,
        env: EnvId,
        content: &str,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.execute(
            "INSERT INTO preference_defaults (env, content, updated_at) VALUES ($1, $2, $3) \
             ON CONFLICT (env) DO UPDATE SET content = excluded.content, updated_at = excluded.updated_at",
            &[env.into(), content.into(), now.into()],
        )
        .await
        .map(drop)
    }
}

impl Store {
    /// The default sets of all environments, JSON.
    pub async fn preference_defaults(&self) -> Result<Vec<(EnvId, String)>, StoreError> {
        let rows = self.query(Cost::Scan, "SELECT env, content FROM preference_defaults", &[]).await?;
        rows.into_iter().map(|mut row| Ok((EnvId(row.int(0)?), row.text(1)?))).collect()
    }

    /// The preference center of an environment, when it was ever saved.
    pub async fn preference_center(&self, env: EnvId) -> Result<Option<PreferenceCenterRow>, StoreError> {
        let sql = "SELECT is_enabled, config FROM preference_centers WHERE env = $1";
        let row = self.query_one(sql, &[env.into()]).await?;
        row.map(|mut row| Ok(PreferenceCenterRow { is_enabled: row.int(0)? != 0, config: row.text(1)? }))
            .transpose()
    }

    /// Environments whose preference center is switched on.
    pub async fn enabled_preference_centers(&self) -> Result<Vec<EnvId>, StoreError> {
        let sql = "SELECT env FROM preference_centers WHERE is_enabled <> 0";
        let rows = self.query(Cost::Scan, sql, &[]).await?;
        rows.into_iter().map(|row| Ok(EnvId(row.int(0)?))).collect()
    }

    /// Saves the preference center of an environment.
    pub async fn set_preference_center(
        &self,
        env: EnvId,
        center: PreferenceCenterRow,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.transact(move |tx| {
            Box::pin(async move {
                tx.execute(
                    "INSERT INTO preference_centers (env, is_enabled, config, updated_at) VALUES ($1, $2, $3, $4) \
                     ON CONFLICT (env) DO UPDATE SET is_enabled = excluded.is_enabled, config = excluded.config, \
                     updated_at = excluded.updated_at",
                    &[env.into(), center.is_enabled.into(), center.config.into(), now.into()],
                )
                .await
                .map(drop)
            })
        })
        .await
    }

    /// The catalog by name, without archived ones; `limit` bounds it.
    pub async fn preference_categories(&self, limit: i64) -> Result<Vec<PreferenceCategoryRow>, StoreError> {
        let sql = format!("{CATEGORIES} ORDER BY name LIMIT $1");
        let rows = self.query(Cost::Scan, &sql, &[Param::Int(limit)]).await?;
        rows.into_iter().map(category).collect()
    }

    /// The category of that name: as it is, or made; an archived one begins anew (management.md S28). `None` when there
    /// are `limit` others already.
    pub async fn make_preference_category(
        &self,
        name: &str,
        now: Timestamp,
        limit: i64,
    ) -> Result<Option<PreferenceCategoryRow>, StoreError> {
        let name = name.to_owned();
        self.transact(move |tx| {
            Box::pin(async move {
                let found = format!("{CATEGORIES} AND name = $1");
                if let Some(row) = tx.query_one(&found, &[name.as_str().into()]).await? {
                    return category(row).map(Some);
                }
                let sql = "SELECT COUNT(*) FROM preference_categories WHERE archived_at IS NULL";
                let count = tx.query_one(sql, &[]).await?.map_or(Ok(0), |row| row.int(0))?;
                if count >= limit {
                    return Ok(None);
                }
                tx.execute(
                    "INSERT INTO preference_categories (name, created_at, updated_at) VALUES ($1, $2, $2) \
                     ON CONFLICT (name) DO UPDATE SET created_at = excluded.created_at, \
                     updated_at = excluded.updated_at, archived_at = NULL",
                    &[name.as_str().into(), now.into()],
                )
                .await?;
                tx.query_one(&found, &[name.as_str().into()]).await?.map(category).transpose()
            })
        })
        .await
    }

    /// Archives a category; false when there is none of that name.
    pub async fn archive_preference_category(&self, name: &str, now: Timestamp) -> Result<bool, StoreError> {
        let name = name.to_owned();
        self.transact(move |tx| {
            Box::pin(async move {
                let sql = "UPDATE preference_categories SET archived_at = $2, updated_at = $2 \
                           WHERE name = $1 AND archived_at IS NULL";
                Ok(tx.execute(sql, &[name.into(), now.into()]).await? > 0)
            })
        })
        .await
    }
}
