//! Published workflows, compiled once per version and kept until something they depend on changes.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use campanile_core::ids::EnvId;
use campanile_core::workflow::{self, ChannelType};
use campanile_store::{ResourceKind, StoreError};
use campanile_template::{Layout, LayoutSource, Partial, PartialKind, Partials, TemplateError};
use parking_lot::RwLock;
use serde_json::Value;
use uuid::Uuid;

use crate::catalog::Catalog;
use crate::engine::Engine;
use crate::program::{Layouts, Program, each_partial, layout_keys, partial_keys};

/// Old versions kept for runs that wait, at the most.
const VERSIONS_MAX: usize = 1_000;

/// A workflow as triggers meet it.
#[derive(Debug, Clone)]
pub struct Published {
    /// The published version.
    pub program: Arc<Program>,
    /// Switched on in this environment.
    pub active: bool,
}

/// What is compiled.
#[derive(Debug, Default)]
pub(crate) struct Programs {
    published: RwLock<HashMap<(EnvId, String), Published>>,
    versions: RwLock<HashMap<Uuid, Arc<Program>>>,
}

impl Programs {
    pub(crate) fn forget(&self, env: EnvId, kind: ResourceKind, key: &str) {
        match kind {
            ResourceKind::Workflow => drop(self.published.write().remove(&(env, key.to_owned()))),
            // No workflow has anything of these in it.
            ResourceKind::Guide | ResourceKind::MessageType | ResourceKind::Translation => {}
            // Layouts and partials are compiled into everything that names them, running workflows included (T1.2).
            _ => self.forget_all(),
        }
    }

    pub(crate) fn forget_all(&self) {
        self.published.write().clear();
        self.versions.write().clear();
    }
}

struct CompileCatalog<'c>(&'c Catalog);

impl workflow::Catalog for CompileCatalog<'_> {
    fn channel_type(&self, key: &str) -> Option<ChannelType> {
        self.0.channel_by_key(key).map(|entry| entry.kind)
    }
    /// A layout that went away fails its step, not the workflow (management.md M4.23).
    fn has_layout(&self, _key: &str) -> bool {
        true
    }
}

/// Compiles the document of a partial.
pub(crate) fn compile_partial(document: &Value) -> Result<Partial, TemplateError> {
    let kind = document["type"].as_str().and_then(PartialKind::of).unwrap_or(PartialKind::Text);
    Partial::compile(kind, document["content"].as_str().unwrap_or_default(), &document["input_schema"])
}

impl Engine {
    /// The published version of a workflow, or `None` when it was never committed or is archived.
    pub async fn published(&self, env: EnvId, key: &str) -> Result<Option<Published>, StoreError> {
        let id = (env, key.to_owned());
        if let Some(found) = self.programs().published.read().get(&id) {
            return Ok(Some(found.clone()));
        }
        let Some(row) = self.store().resource(env, ResourceKind::Workflow, key, true).await? else {
            return Ok(None);
        };
        let program = self.compile(env, key, row.version.id, &row.version.content).await?;
        let found = Published { program, active: row.active };
        self.programs().published.write().insert(id, found.clone());
        Ok(Some(found))
    }

    /// A version by id: what a waiting run goes on with.
    pub(crate) async fn program(
        &self,
        env: EnvId,
        version: Uuid,
    ) -> Result<Option<Arc<Program>>, StoreError> {
        if let Some(found) = self.programs().versions.read().get(&version) {
            return Ok(Some(Arc::clone(found)));
        }
        let Some((_, key, row)) = self.store().version(version).await? else { return Ok(None) };
        self.compile(env, &key, version, &row.content).await.map(Some)
    }

    async fn compile(
        &self,
        env: EnvId,
        key: &str,
        version: Uuid,
        content: &str,
    ) -> Result<Arc<Program>, StoreError> {
        let broken = |what: String| StoreError::Corrupt(format!("workflow {key}: {what}").into());
        let document: Value = serde_json::from_str(content).map_err(|error| broken(error.to_string()))?;
        let catalog = self.catalog();
        let refused = |problems: Vec<campanile_core::problem::FieldProblem>| {
            let list: Vec<_> = problems.iter().map(|p| format!("{} {}", p.field, p.message)).collect();
            broken(list.join("; "))
        };
        let parsed = workflow::parse(&document, &CompileCatalog(&catalog)).map_err(refused)?;
        let mut layouts = Layouts::new();
        let mut wanted = partial_keys(&parsed);
        for name in layout_keys(&parsed) {
            if let Some((layout, document)) = self.layout(env, &name).await? {
                layouts.insert(name, layout);
                each_partial(&document, "", &mut |_, key| wanted.push(key.to_owned()));
            }
        }
        let partials = self.partials(env, wanted, Some((key, version))).await?;
        let program = Program::compile(key, version, &parsed, &layouts, partials).map_err(refused)?;
        let program = Arc::new(program);
        let mut versions = self.programs().versions.write();
        if versions.len() >= VERSIONS_MAX {
            versions.clear();
        }
        versions.insert(version, Arc::clone(&program));
        Ok(program)
    }

    /// The published ones of `wanted`, and of those that they render. One that is missing prints nothing (T6.9), but
    /// for a workflow that was published before it was archived (T1.3).
    pub(crate) async fn partials(
        &self,
        env: EnvId,
        mut wanted: Vec<String>,
        workflow: Option<(&str, Uuid)>,
    ) -> Result<Partials, StoreError> {
        let mut partials = Partials::default();
        let mut seen: HashSet<String> = HashSet::new();
        while let Some(key) = wanted.pop() {
            if !seen.insert(key.clone()) {
                continue;
            }
            let content = match self.store().resource(env, ResourceKind::Partial, &key, true).await? {
                Some(row) => row.version.content,
                None => match self.archived_partial(env, &key, workflow).await? {
                    Some(content) => content,
                    None => continue,
                },
            };
            let document: Value = serde_json::from_str(&content).unwrap_or_default();
            match compile_partial(&document) {
                Ok(partial) => {
                    wanted.extend(partial.partial_keys().map(str::to_owned));
                    partials.insert(key, partial);
                }
                Err(error) => tracing::error!(partial = key, %error, "a published partial does not compile"),
            }
        }
        Ok(partials)
    }

    /// What an archived partial still says to a workflow version that was published while it was there.
    async fn archived_partial(
        &self,
        env: EnvId,
        key: &str,
        workflow: Option<(&str, Uuid)>,
    ) -> Result<Option<String>, StoreError> {
        let Some((workflow, version)) = workflow else { return Ok(None) };
        let Some(archived) = self.store().archived_content(env, ResourceKind::Partial, key).await? else {
            return Ok(None);
        };
        let published = self.store().published_at(env, ResourceKind::Workflow, workflow, version).await?;
        let is_older = published.is_some_and(|published| published <= archived.archived_at);
        Ok(is_older.then_some(archived.content))
    }

    /// A published layout and its document.
    pub(crate) async fn layout(
        &self,
        env: EnvId,
        key: &str,
    ) -> Result<Option<(Arc<Layout>, Value)>, StoreError> {
        let Some(row) = self.store().resource(env, ResourceKind::EmailLayout, key, true).await? else {
            return Ok(None);
        };
        let document: Value = serde_json::from_str(&row.version.content).unwrap_or_default();
        match Layout::compile(&LayoutSource::from_json(&document)) {
            Ok(layout) => Ok(Some((Arc::new(layout), document))),
            Err(error) => {
                tracing::error!(layout = key, %error, "a published layout does not compile");
                Ok(None)
            }
        }
    }
}
