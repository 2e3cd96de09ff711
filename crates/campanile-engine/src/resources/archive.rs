//! Taking a resource out of use, in every environment at once (M4.21).

use campanile_store::ResourceKind;

use super::Refusal;
use crate::engine::Engine;

/// Archives a resource everywhere. One that is saved again later under its key starts unpublished.
pub async fn archive(engine: &Engine, kind: ResourceKind, key: &str) -> Result<(), Refusal> {
    let now = engine.clock().now();
    let name = key.to_owned();
    let environments = engine
        .store()
        .transact(move |tx| Box::pin(async move { tx.archive_resource(kind, &name, now).await }))
        .await?;
    if environments.is_empty() {
        return Err(Refusal::Missing);
    }
    for env in environments {
        engine.invalidate(env, kind, key).await;
    }
    Ok(())
}
