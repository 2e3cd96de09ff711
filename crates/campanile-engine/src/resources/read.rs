//! Reading resources, saved or published.

use campanile_core::ids::EnvId;
use campanile_store::{Page, PageRequest, ResourceKind, ResourceRow, StoreError};
use serde_json::Value;

use super::{Context, Kind};
use crate::engine::Engine;

/// A resource with the version that was asked for.
#[derive(Debug, Clone)]
pub struct Resource {
    /// As stored.
    pub row: ResourceRow,
    /// The version's content.
    pub content: Value,
    /// It passes every check of an upsert at present (M4.9).
    pub valid: bool,
}

impl Resource {
    /// Reads the content of a row and judges it.
    pub(super) fn read(row: ResourceRow, context: &Context) -> Result<Self, StoreError> {
        let content = content(&row.version.content)?;
        let valid = Kind::of(row.kind).is_some_and(|kind| kind.is_valid(&content, context));
        Ok(Self { row, content, valid })
    }
}

/// The JSON of stored content.
pub(super) fn content(text: &str) -> Result<Value, StoreError> {
    serde_json::from_str(text).map_err(|error| StoreError::Corrupt(format!("content: {error}").into()))
}

/// One resource with its current version, or its published one (M4.3).
pub async fn get(
    engine: &Engine,
    env: EnvId,
    kind: ResourceKind,
    key: &str,
    published: bool,
) -> Result<Option<Resource>, StoreError> {
    let Some(row) = engine.store().resource(env, kind, key, published).await? else { return Ok(None) };
    let context = Context::load_for(engine, env, kind).await?;
    Resource::read(row, &context).map(Some)
}

/// Resources by key.
pub async fn list(
    engine: &Engine,
    env: EnvId,
    kind: ResourceKind,
    published: bool,
    page: &PageRequest,
) -> Result<Page<Resource>, StoreError> {
    let rows = engine.store().list_resources(env, kind, published, page).await?;
    let context = Context::load_for(engine, env, kind).await?;
    let items = rows.items.into_iter().map(|row| Resource::read(row, &context));
    Ok(Page { items: items.collect::<Result<_, _>>()?, after: rows.after, before: rows.before })
}

/// The named ones of a kind, in the order of their names; who is not there is left out.
pub async fn by_key(
    engine: &Engine,
    env: EnvId,
    kind: ResourceKind,
    keys: Vec<String>,
    published: bool,
) -> Result<Vec<Resource>, StoreError> {
    let mut rows = engine.store().resources_by_key(env, kind, keys.clone(), published).await?;
    rows.sort_by_key(|row| keys.iter().position(|key| *key == row.key));
    let context = Context::load_for(engine, env, kind).await?;
    rows.into_iter().map(|row| Resource::read(row, &context)).collect()
}
