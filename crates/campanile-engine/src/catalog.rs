//! Environments and channels as the hot path wants them: one immutable snapshot, replaced when something changes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use campanile_core::ids::{ChannelId, EnvId};
use campanile_core::preference::PreferenceSet;
use campanile_core::workflow::ChannelType;
use campanile_store::{Channel, Environment, Store, StoreError};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::program::LinkVars;
use crate::signing_keys::{self, TokenPolicy};
use crate::variables::Variables;
use crate::vault::Vault;

/// A channel in one environment.
#[derive(Debug, Clone)]
pub struct ChannelInEnv {
    /// Id of the settings, for the wire.
    pub uuid: Uuid,
    /// Sandbox mode as set by the operator.
    pub is_sandbox: bool,
    /// Settings of the type (channels.md section 2).
    pub channel_settings: Map<String, Value>,
    /// Settings of the provider, decrypted. Never logged, never answered unobfuscated.
    pub provider_settings: Map<String, Value>,
}

/// A channel with its settings everywhere.
#[derive(Debug, Clone)]
pub struct ChannelEntry {
    /// The stored channel.
    pub channel: Channel,
    /// Its type.
    pub kind: ChannelType,
    /// By environment; absent where nothing was set.
    pub settings: HashMap<EnvId, ChannelInEnv>,
    link_vars: HashMap<EnvId, LinkVars>,
}

impl ChannelEntry {
    /// Links of the recipient that the settings of an environment read.
    pub(crate) fn link_vars(&self, env: EnvId) -> LinkVars {
        self.link_vars.get(&env).copied().unwrap_or_default()
    }
}

/// Everything that is small and read often.
#[derive(Debug, Default)]
pub struct Catalog {
    /// In promotion order.
    pub environments: Vec<Environment>,
    channels: HashMap<ChannelId, Arc<ChannelEntry>>,
    by_key: HashMap<String, ChannelId>,
    by_uuid: HashMap<Uuid, ChannelId>,
    preference_defaults: HashMap<EnvId, Arc<PreferenceSet>>,
    preference_centers: HashSet<EnvId>,
    token_policies: HashMap<EnvId, TokenPolicy>,
    variables: Variables,
}

impl Catalog {
    /// Reads the snapshot.
    pub async fn load(store: &Store, vault: &Vault) -> Result<Self, StoreError> {
        let environments = store.environments().await?;
        let mut channels: HashMap<ChannelId, ChannelEntry> = HashMap::new();
        for channel in store.channels().await? {
            let Some(kind) = ChannelType::from_wire(&channel.kind) else { continue };
            channels.insert(
                channel.id,
                ChannelEntry { channel, kind, settings: HashMap::new(), link_vars: HashMap::new() },
            );
        }
        for row in store.channel_settings().await? {
            let Some(entry) = channels.get_mut(&row.channel) else { continue };
            let provider = vault.open(&row.provider_settings).map_err(|error| {
                StoreError::Corrupt(format!("channel {}: {error}", entry.channel.key).into())
            })?;
            let object = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap_or_default();
            let channel_settings = object(&row.channel_settings);
            entry.link_vars.insert(row.env, LinkVars::in_settings(&channel_settings));
            entry.settings.insert(
                row.env,
                ChannelInEnv {
                    uuid: row.uuid,
                    is_sandbox: row.is_sandbox,
                    channel_settings,
                    provider_settings: object(&provider),
                },
            );
        }
        let by_key = channels.values().map(|c| (c.channel.key.clone(), c.channel.id)).collect();
        let by_uuid = channels.values().map(|c| (c.channel.uuid, c.channel.id)).collect();
        let channels = channels.into_iter().map(|(id, entry)| (id, Arc::new(entry))).collect();
        let preference_defaults = store
            .preference_defaults()
            .await?
            .into_iter()
            .filter_map(|(env, text)| Some((env, serde_json::from_str::<Map<_, _>>(&text).ok()?)))
            .filter(|(_, set)| !set.is_empty())
            .map(|(env, set)| (env, Arc::new(PreferenceSet::shared(set))))
            .collect();
        let preference_centers = store.enabled_preference_centers().await?.into_iter().collect();
        let token_policies = signing_keys::policies(&environments, store.signing_keys().await?);
        let variables = Variables::load(store, vault, &environments).await?;
        Ok(Self {
            environments,
            channels,
            by_key,
            by_uuid,
            preference_defaults,
            preference_centers,
            token_policies,
            variables,
        })
    }

    /// The default preferences of an environment, unless nothing is set (preferences.md section 2).
    pub fn preference_default(&self, env: EnvId) -> Option<&Arc<PreferenceSet>> {
        self.preference_defaults.get(&env)
    }

    /// Whether users of an environment may edit their preferences on the hosted page.
    pub fn has_preference_center(&self, env: EnvId) -> bool {
        self.preference_centers.contains(&env)
    }

    /// An environment by slug.
    pub fn environment(&self, slug: &str) -> Option<&Environment> {
        self.environments.iter().find(|env| env.slug == slug)
    }

    /// An environment by id.
    pub fn environment_by_id(&self, id: EnvId) -> Option<&Environment> {
        self.environments.iter().find(|env| env.id == id)
    }

    /// What user tokens of an environment are checked against.
    pub fn token_policy(&self, env: EnvId) -> Option<&TokenPolicy> {
        self.token_policies.get(&env)
    }

    /// The account's variables.
    pub fn variables(&self) -> &Variables {
        &self.variables
    }

    /// A channel by key; archived ones are not found.
    pub fn channel_by_key(&self, key: &str) -> Option<&Arc<ChannelEntry>> {
        self.by_key.get(key).and_then(|id| self.channels.get(id)).filter(|c| c.channel.archived_at.is_none())
    }

    /// A channel by its UUID; archived ones are not found.
    pub fn channel_by_uuid(&self, uuid: Uuid) -> Option<&Arc<ChannelEntry>> {
        self.by_uuid
            .get(&uuid)
            .and_then(|id| self.channels.get(id))
            .filter(|c| c.channel.archived_at.is_none())
    }

    /// A channel by id, archived ones too: old messages name them.
    pub fn channel(&self, id: ChannelId) -> Option<&Arc<ChannelEntry>> {
        self.channels.get(&id)
    }

    /// Every channel that is not archived, oldest first.
    pub fn channels(&self) -> Vec<&Arc<ChannelEntry>> {
        let mut all: Vec<_> = self.channels.values().filter(|c| c.channel.archived_at.is_none()).collect();
        all.sort_by_key(|c| c.channel.id);
        all
    }
}
