//! What an e-mail sees besides the run scope.

use campanile_core::scope::Scope;
use serde_json::Value as Json;

/// The run scope with what only layouts see laid over it.
pub(super) struct DocumentScope<'s> {
    pub(super) scope: &'s dyn Scope,
    pub(super) preview: Json,
    pub(super) footer_links: Json,
    pub(super) content: Json,
}

impl Scope for DocumentScope<'_> {
    fn root(&self, name: &str) -> Option<&Json> {
        match name {
            "preview_text" => Some(&self.preview),
            "footer_links" => Some(&self.footer_links),
            // Replaced wherever it is printed; `{% if content %}` holds (T7.7).
            "content" => Some(&self.content),
            _ => self.scope.root(name),
        }
    }
}
