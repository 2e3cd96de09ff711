//! What exists in an environment, for the checks of a document that refers to it.

use std::collections::{HashMap, HashSet};

use campanile_core::ids::EnvId;
use campanile_core::workflow::{self, ChannelType};
use campanile_store::{ResourceKind, StoreError};

use crate::engine::Engine;

/// Channels and saved resources by key, as they were at one moment. Resources never vanish, so a check against an
/// older moment can only refuse too much.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Types of the channels, by key.
    pub channels: HashMap<String, ChannelType>,
    /// Keys of the layouts saved in the environment.
    pub layouts: HashSet<String>,
    /// Keys of the audiences saved in the environment.
    pub audiences: HashSet<String>,
    /// Keys of the partials saved in the environment.
    pub partials: HashSet<String>,
}

impl Context {
    /// What exists in `env` now.
    pub async fn load(engine: &Engine, env: EnvId) -> Result<Self, StoreError> {
        let catalog = engine.catalog();
        let channels = catalog.channels();
        let channels = channels.into_iter().map(|entry| (entry.channel.key.clone(), entry.kind)).collect();
        let layouts = engine.store().resource_keys(env, ResourceKind::EmailLayout).await?;
        let audiences = engine.store().resource_keys(env, ResourceKind::Audience).await?;
        let partials = engine.store().resource_keys(env, ResourceKind::Partial).await?;
        Ok(Self {
            channels,
            layouts: layouts.into_iter().collect(),
            audiences: audiences.into_iter().collect(),
            partials: partials.into_iter().collect(),
        })
    }
}

impl workflow::Catalog for Context {
    fn channel_type(&self, key: &str) -> Option<ChannelType> {
        self.channels.get(key).copied()
    }

    fn has_layout(&self, key: &str) -> bool {
        self.layouts.contains(key)
    }

    fn has_audience(&self, key: &str) -> bool {
        self.audiences.contains(key)
    }
}
