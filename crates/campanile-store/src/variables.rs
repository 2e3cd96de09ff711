//! Variables of the account and their values by environment (templates.md section 4).

use std::collections::BTreeMap;

use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;

use crate::db::{Cost, Param, Row, Store, Tx};
use crate::error::StoreError;

/// A variable as it is stored: the texts of a secret one are sealed by the caller.
#[derive(Clone, PartialEq, Eq)]
pub struct VariableRow {
    /// Its name in templates.
    pub key: String,
    /// Whether reads of the API hide its texts.
    pub is_secret: bool,
    /// For people.
    pub description: Option<String>,
    /// What environments have that say nothing themselves.
    pub value: Option<String>,
    /// What environments have in its place.
    pub overrides: BTreeMap<EnvId, String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

const SELECT: &str =
    "SELECT key, is_secret, description, value, overrides, created_at, updated_at FROM variables";

fn variable(mut row: Row) -> Result<VariableRow, StoreError> {
    let overrides: BTreeMap<i64, String> = serde_json::from_str(&row.text(4)?)
        .map_err(|_| StoreError::Corrupt("values of a variable are not JSON".into()))?;
    Ok(VariableRow {
        key: row.text(0)?,
        is_secret: row.int(1)? != 0,
        description: row.opt_text(2)?,
        value: row.opt_text(3)?,
        overrides: overrides.into_iter().map(|(env, text)| (EnvId(env), text)).collect(),
        created_at: row.at(5)?,
        updated_at: row.at(6)?,
    })
}

impl Tx<'_> {
    /// A variable by key; locked until the transaction ends.
    pub async fn variable(&mut self, key: &str) -> Result<Option<VariableRow>, StoreError> {
        let lock = if self.is_postgres() { " FOR UPDATE" } else { "" };
        self.query_one(&format!("{SELECT} WHERE key = $1{lock}"), &[key.into()])
            .await?
            .map(variable)
            .transpose()
    }

    /// How many variables are stored.
    pub async fn count_variables(&mut self) -> Result<i64, StoreError> {
        self.query_one("SELECT COUNT(*) FROM variables", &[]).await?.map_or(Ok(0), |row| row.int(0))
    }

    /// Makes or replaces a variable; when it was made stays.
    pub async fn set_variable(&mut self, row: &VariableRow) -> Result<(), StoreError> {
        let overrides: BTreeMap<i64, &str> =
            row.overrides.iter().map(|(env, text)| (env.0, text.as_str())).collect();
        let overrides = serde_json::to_string(&overrides)
            .map_err(|error| StoreError::Corrupt(error.to_string().into()))?;
        self.execute(
            "INSERT INTO variables (key, is_secret, description, value, overrides, created_at, updated_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) \
             ON CONFLICT (key) DO UPDATE SET is_secret = excluded.is_secret, description = excluded.description, \
             value = excluded.value, overrides = excluded.overrides, updated_at = excluded.updated_at",
            &[
                row.key.as_str().into(),
                row.is_secret.into(),
                Param::opt(row.description.as_deref()),
                Param::opt(row.value.as_deref()),
                overrides.into(),
                row.created_at.into(),
                row.updated_at.into(),
            ],
        )
        .await
        .map(drop)
    }

    /// Deletes a variable; false when there is none of that key.
    pub async fn delete_variable(&mut self, key: &str) -> Result<bool, StoreError> {
        Ok(self.execute("DELETE FROM variables WHERE key = $1", &[key.into()]).await? > 0)
    }
}

impl Store {
    /// Every variable, oldest first: for the catalog.
    pub async fn variables(&self) -> Result<Vec<VariableRow>, StoreError> {
        let rows = self.query(Cost::Scan, &format!("{SELECT} ORDER BY created_at, key"), &[]).await?;
        rows.into_iter().map(variable).collect()
    }
}
