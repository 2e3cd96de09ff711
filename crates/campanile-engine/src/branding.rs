//! The account's branding: what is set for all environments, and what some have in its place (templates.md T4.3).

use std::collections::BTreeMap;

use campanile_core::ids::EnvId;
use campanile_store::{StoreError, Tx};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// Setting of the installation that holds it.
pub(crate) const SETTING: &str = "branding";

/// As it was set: without defaults, and without nulls.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountBranding {
    /// Of the account.
    pub all: Map<String, Value>,
    /// Of environments that differ, key by key.
    pub overrides: BTreeMap<i64, Map<String, Value>>,
}

impl AccountBranding {
    /// Reads what is stored; nothing stored is no branding.
    pub fn from_text(text: Option<&str>) -> Result<Self, StoreError> {
        text.map_or(Ok(Self::default()), serde_json::from_str)
            .map_err(|error| StoreError::Corrupt(format!("branding: {error}").into()))
    }

    /// Reads it inside a transaction that will write it again.
    pub async fn read(tx: &mut Tx<'_>) -> Result<Self, StoreError> {
        Self::from_text(tx.setting(SETTING).await?.as_deref())
    }

    /// Writes it.
    pub async fn write(&self, tx: &mut Tx<'_>) -> Result<(), StoreError> {
        let text =
            serde_json::to_string(self).map_err(|error| StoreError::Corrupt(error.to_string().into()))?;
        tx.set_setting(SETTING, &text).await
    }

    /// What an environment has, key by key its own or the account's.
    pub fn in_env(&self, env: EnvId) -> Map<String, Value> {
        let mut branding = self.all.clone();
        branding.extend(self.overrides.get(&env.0).cloned().unwrap_or_default());
        branding
    }

    /// The overrides of an environment.
    pub fn of_env(&self, env: EnvId) -> Option<&Map<String, Value>> {
        self.overrides.get(&env.0)
    }

    /// Lays a change over the account's, or over those of one environment; null takes a key away.
    pub fn change(&mut self, env: Option<EnvId>, change: Map<String, Value>) {
        let target = match env {
            Some(env) => self.overrides.entry(env.0).or_default(),
            None => &mut self.all,
        };
        for (key, value) in change {
            match value {
                Value::Null => drop(target.remove(&key)),
                value => drop(target.insert(key, value)),
            }
        }
        self.overrides.retain(|_, keys| !keys.is_empty());
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn map(value: Value) -> Map<String, Value> {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn changes_are_merged_and_null_takes_away() {
        let (one, two) = (EnvId(1), EnvId(2));
        let mut branding = AccountBranding::default();
        branding.change(None, map(json!({"logo_url": "l", "motto": "go"})));
        branding.change(Some(two), map(json!({"logo_url": "two"})));
        assert_eq!(branding.in_env(one), map(json!({"logo_url": "l", "motto": "go"})));
        assert_eq!(branding.in_env(two), map(json!({"logo_url": "two", "motto": "go"})));
        let text = serde_json::to_string(&branding).unwrap();
        assert_eq!(AccountBranding::from_text(Some(&text)).unwrap(), branding);
        branding.change(Some(two), map(json!({"logo_url": null})));
        branding.change(None, map(json!({"motto": null})));
        assert_eq!(branding.in_env(two), map(json!({"logo_url": "l"})));
        assert!(branding.overrides.is_empty());
    }
}
