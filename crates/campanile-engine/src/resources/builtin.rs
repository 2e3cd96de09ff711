//! What every installation comes with: message types and the default layout.

use campanile_core::message_type;
use campanile_store::{FIRST_SEMVER, NewVersion, ResourceKind, StoreError};
use serde_json::Value;

use super::{Context, Kind, canonical_json, default_layout, sha};
use crate::engine::Engine;

/// Kind, key and document of each.
fn all() -> Vec<(ResourceKind, &'static str, Value)> {
    let types = message_type::BUILTIN
        .iter()
        .filter_map(|key| Some((ResourceKind::MessageType, *key, message_type::builtin(key)?)));
    types.chain([(default_layout::KIND, default_layout::KEY, default_layout::document())]).collect()
}

/// Makes them in every environment that lacks one; done at every start, since environments are added.
pub async fn ensure_builtin(engine: &Engine) -> Result<(), StoreError> {
    let now = engine.clock().now();
    for environment in engine.catalog().environments.iter() {
        let env = environment.id;
        let mut missing: Vec<NewVersion> = Vec::new();
        for (kind, key, document) in all() {
            let known = engine.store().resource_keys(env, kind).await?;
            let checked = Kind::of(kind).and_then(|kind| (kind.check)(&document, &Context::default()).ok());
            let Some(content) = checked.filter(|_| !known.iter().any(|known| known == key)) else { continue };
            let content = canonical_json(&content);
            missing.push(NewVersion { env, kind, key: key.to_owned(), sha: sha(&content), content });
        }
        if missing.is_empty() {
            continue;
        }
        engine
            .store()
            .transact(move |tx| {
                Box::pin(async move {
                    // Another node may be starting at the same time.
                    tx.lock_installation().await?;
                    for new in &missing {
                        if tx.resource(new.env, new.kind, &new.key).await?.is_some() {
                            continue;
                        }
                        let mut row = tx.save_version(new, true, false, now).await?;
                        let is_numbered = new.kind == ResourceKind::MessageType;
                        tx.set_published(&mut row, is_numbered.then(|| FIRST_SEMVER.to_owned())).await?;
                    }
                    Ok(())
                })
            })
            .await?;
    }
    Ok(())
}
