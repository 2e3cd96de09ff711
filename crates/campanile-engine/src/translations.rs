//! The published translations of each environment, read once and kept until one of them changes.

use std::collections::HashMap;
use std::sync::Arc;

use campanile_core::ids::EnvId;
use campanile_core::translation::Identity;
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
        let read = rows.iter().map(|row| (Identity::of_key(&row.key), texts(&row.version.content)));
        let read: Vec<(Identity, Value)> = read.collect();
        let files = read.iter().map(|(identity, content)| TranslationFile {
            locale: &identity.locale,
            namespace: identity.namespace.as_deref(),
            tenant: identity.tenant.as_deref(),
            content,
        });
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_a_text_of_the_content() {
        for (content, want) in [
            (r#"{"content":"{\"a\":\"b\"}"}"#, serde_json::json!({"a": "b"})),
            (r#"{"content":"{"}"#, Value::Null),
            ("{}", Value::Null),
        ] {
            assert_eq!(texts(content), want, "{content}");
        }
    }
}
