//! The published translations of each environment, read once and kept until one of them changes.

use std::collections::HashMap;
use std::sync::Arc;

use campanile_core::ids::EnvId;
use campanile_store::{ResourceKind, StoreError};
use campanile_template::{TranslationCatalog, TranslationFile};
use parking_lot::RwLock;
use serde_json::Value;

use crate::engine::Engine;

/// Locale of recipients that name none (templates.md T5.2).
pub(crate) const DEFAULT_LOCALE: &str = "en";

/// By environment, with the number of changes so far: what was read before a change is not kept after it.
#[derive(Debug, Default)]
pub(crate) struct Translations {
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    changes: u64,
    catalogs: HashMap<EnvId, Arc<TranslationCatalog>>,
}

impl Translations {
    pub(crate) fn forget(&self, env: EnvId) {
        let mut known = self.known.write();
        known.changes += 1;
        known.catalogs.remove(&env);
    }

    pub(crate) fn forget_all(&self) {
        let mut known = self.known.write();
        known.changes += 1;
        known.catalogs.clear();
    }
}

impl Engine {
    /// What is published in an environment now.
    pub async fn translations(&self, env: EnvId) -> Result<Arc<TranslationCatalog>, StoreError> {
        let before = {
            let known = self.translation_cache().known.read();
            if let Some(found) = known.catalogs.get(&env) {
                return Ok(Arc::clone(found));
            }
            known.changes
        };
        let rows = self.store().published_resources(env, ResourceKind::Translation).await?;
        let contents: Vec<(String, Value)> =
            rows.into_iter().map(|row| (row.key, texts(&row.version.content))).collect();
        let files = contents.iter().map(|(key, content)| file(key, content));
        let catalog = Arc::new(TranslationCatalog::new(DEFAULT_LOCALE, files));
        let mut known = self.translation_cache().known.write();
        if known.changes == before {
            known.catalogs.insert(env, Arc::clone(&catalog));
        }
        Ok(catalog)
    }
}

/// The texts of a stored translation: JSON, as a text in its member `content`.
fn texts(content: &str) -> Value {
    let document: Value = serde_json::from_str(content).unwrap_or_default();
    document["content"].as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The key of the resource says which file it is: `locale/namespace~tenant` (management.md M4.11).
fn file<'f>(key: &'f str, content: &'f Value) -> TranslationFile<'f> {
    let (rest, tenant) = key.split_once('~').map_or((key, None), |(rest, tenant)| (rest, Some(tenant)));
    let (locale, namespace) =
        rest.split_once('/').map_or((rest, None), |(locale, namespace)| (locale, Some(namespace)));
    TranslationFile { locale, namespace, tenant, content }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_name_files() {
        let content = texts(r#"{"content":"{\"a\":\"b\"}"}"#);
        assert_eq!(content, serde_json::json!({"a": "b"}));
        for (key, want) in [
            ("en", ("en", None, None)),
            ("fr-BE/admin", ("fr-BE", Some("admin"), None)),
            ("en~acme", ("en", None, Some("acme"))),
            ("en/admin~a/b", ("en", Some("admin"), Some("a/b"))),
        ] {
            let file = file(key, &content);
            assert_eq!((file.locale, file.namespace, file.tenant), want, "{key}");
        }
    }
}
