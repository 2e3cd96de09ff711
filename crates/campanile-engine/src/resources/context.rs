//! What exists in an environment, for the checks of a document that refers to it.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use campanile_core::guide;
use campanile_core::ids::EnvId;
use campanile_core::message_type::MessageType;
use campanile_core::workflow::{self, ChannelType};
use campanile_store::{ResourceKind, StoreError};
use campanile_template::is_mjml_document;
use serde_json::Value;

use crate::engine::Engine;

/// Channels and saved resources by key, as they were at one moment. Resources never vanish, so a check against an
/// older moment can only refuse too much.
#[derive(Debug, Clone, Default)]
pub struct Context {
    /// Types of the channels, by key.
    pub channels: HashMap<String, ChannelType>,
    /// Keys of the layouts saved in the environment.
    pub layouts: HashSet<String>,
    /// Those of them that are MJML; only where workflows are checked.
    pub mjml_layouts: HashSet<String>,
    /// Keys of the audiences saved in the environment.
    pub audiences: HashSet<String>,
    /// Keys of the partials saved in the environment.
    pub partials: HashSet<String>,
    /// Message types by key and number; only where guides are checked.
    pub message_types: HashMap<(String, String), Arc<MessageType>>,
}

impl Context {
    /// What exists in `env` now, for checks of every kind.
    pub async fn load(engine: &Engine, env: EnvId) -> Result<Self, StoreError> {
        let mut context = Self::load_for(engine, env, ResourceKind::Workflow).await?;
        context.message_types = message_types(engine, env).await?;
        Ok(context)
    }

    /// The same for checks of one kind: leaves out what only others refer to.
    pub async fn load_for(engine: &Engine, env: EnvId, kind: ResourceKind) -> Result<Self, StoreError> {
        let catalog = engine.catalog();
        let channels = catalog.channels();
        let channels = channels.into_iter().map(|entry| (entry.channel.key.clone(), entry.kind)).collect();
        let layouts = engine.store().saved_contents(env, ResourceKind::EmailLayout).await?;
        let is_mjml = |content: &str| {
            let document: Value = serde_json::from_str(content).unwrap_or_default();
            document["is_mjml"] == true
                || is_mjml_document(document["html_layout"].as_str().unwrap_or_default())
        };
        let mjml_layouts = layouts.iter().filter(|(_, content)| is_mjml(content)).map(|(key, _)| key.clone());
        let mjml_layouts = mjml_layouts.collect();
        let audiences = engine.store().resource_keys(env, ResourceKind::Audience).await?;
        let message_types = match kind {
            ResourceKind::Guide => message_types(engine, env).await?,
            _ => HashMap::new(),
        };
        let partials = engine.store().resource_keys(env, ResourceKind::Partial).await?;
        Ok(Self {
            channels,
            layouts: layouts.into_iter().map(|(key, _)| key).collect(),
            mjml_layouts,
            audiences: audiences.into_iter().collect(),
            partials: partials.into_iter().collect(),
            message_types,
        })
    }
}

/// Every version that a guide may name. One that cannot be read any more does not exist.
async fn message_types(
    engine: &Engine,
    env: EnvId,
) -> Result<HashMap<(String, String), Arc<MessageType>>, StoreError> {
    let rows = engine.store().numbered_versions(env, ResourceKind::MessageType).await?;
    let read = rows.into_iter().filter_map(|row| {
        let read = MessageType::read(&serde_json::from_str(&row.content).ok()?)?;
        Some(((row.key, row.semver), Arc::new(read)))
    });
    Ok(read.collect())
}

impl guide::Catalog for Context {
    fn channel_type(&self, key: &str) -> Option<ChannelType> {
        self.channels.get(key).copied()
    }

    fn has_message_type(&self, key: &str) -> bool {
        self.message_types.keys().any(|(known, _)| known == key)
    }

    fn message_type(&self, key: &str, semver: &str) -> Option<Arc<MessageType>> {
        self.message_types.get(&(key.to_owned(), semver.to_owned())).cloned()
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
