//! Message types (templates.md section 17).

use campanile_core::message_type::{self, BUILTIN, builtin};
use campanile_core::problem::FieldProblem;
use campanile_core::workflow;
use campanile_store::{FIRST_SEMVER, NewVersion, ResourceKind, StoreError};
use serde_json::Value;

use super::{Context, Kind, canonical_json, liquid_problem, sha};
use crate::engine::Engine;

pub(super) const MESSAGE_TYPE: Kind =
    Kind { kind: ResourceKind::MessageType, starts_active: true, check, key_problem: workflow::key_problem };

fn check(document: &Value, _: &Context) -> Result<Value, Vec<FieldProblem>> {
    message_type::check(document, &liquid_problem)
}

/// True when a key belongs to a type that comes with the installation, which nobody changes (management.md M10.1).
pub fn is_builtin(kind: ResourceKind, key: &str) -> bool {
    kind == ResourceKind::MessageType && BUILTIN.contains(&key)
}

/// Why a document cannot be saved under a key: it would change a built-in type. One that says the same as the type
/// does changes nothing, so the CLI can push what it pulled.
pub(super) fn builtin_problem(kind: ResourceKind, key: &str, content: &Value) -> Option<FieldProblem> {
    if !is_builtin(kind, key) {
        return None;
    }
    let same = builtin(key).and_then(|document| check(&document, &Context::default()).ok());
    (same.as_ref() != Some(content)).then(|| FieldProblem::new("key", "is a built-in message type"))
}

/// Makes the built-in types in every environment that lacks one; done at every start, since environments are added.
pub async fn ensure_builtin(engine: &Engine) -> Result<(), StoreError> {
    let now = engine.clock().now();
    for environment in engine.catalog().environments.iter() {
        let env = environment.id;
        let known = engine.store().resource_keys(env, ResourceKind::MessageType).await?;
        let missing: Vec<NewVersion> = BUILTIN
            .iter()
            .filter(|key| !known.iter().any(|known| known == *key))
            .filter_map(|key| {
                let content = check(&builtin(key)?, &Context::default()).ok()?;
                let content = canonical_json(&content);
                let (kind, key) = (ResourceKind::MessageType, (*key).to_owned());
                Some(NewVersion { env, kind, key, sha: sha(&content), content })
            })
            .collect();
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
                        tx.set_published(&mut row, FIRST_SEMVER.to_owned()).await?;
                    }
                    Ok(())
                })
            })
            .await?;
    }
    Ok(())
}
