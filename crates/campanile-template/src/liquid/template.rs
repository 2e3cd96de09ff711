//! A parsed template and the ways to render it.

use std::collections::BTreeSet;

use campanile_core::scope::Scope;
use serde_json::Value as Json;

use super::ast::Node;
use super::error::TemplateError;
use super::options::RenderOptions;
use super::parser;
use super::render::{Budget, RESERVED, Renderer};

/// A parsed template. Immutable and free of references: share it in an `Arc`.
#[derive(Debug)]
pub struct Template {
    source: Box<str>,
    nodes: Box<[Node]>,
    roots: BTreeSet<Box<str>>,
    vars: BTreeSet<Box<str>>,
    any_var: bool,
    any_root: bool,
    partials: BTreeSet<Box<str>>,
    translation_keys: BTreeSet<Box<str>>,
    translates: bool,
}

impl Template {
    /// Parses a source. The error says where and names what is unknown.
    pub fn parse(source: &str) -> Result<Self, TemplateError> {
        Self::parse_as(source, false)
    }

    /// Parses the text of a translation, which is a template without `t` tags (templates.md T5.11).
    pub fn parse_translation(source: &str) -> Result<Self, TemplateError> {
        Self::parse_as(source, true)
    }

    fn parse_as(source: &str, is_translation: bool) -> Result<Self, TemplateError> {
        let parsed = parser::parse(source, is_translation).map_err(|fail| fail.locate(source))?;
        Ok(Self {
            source: source.into(),
            nodes: parsed.nodes,
            roots: parsed.roots,
            vars: parsed.vars,
            any_var: parsed.any_var,
            any_root: parsed.any_root,
            partials: parsed.partials,
            translation_keys: parsed.translation_keys,
            translates: parsed.translates,
        })
    }

    /// Keys of the partials that it renders.
    pub fn partial_keys(&self) -> impl Iterator<Item = &str> {
        self.partials.iter().map(AsRef::as_ref)
    }

    /// Sources of its `t` tags, which are their keys in the namespace `system` (templates.md T5.9, T5.10).
    pub fn translation_keys(&self) -> impl Iterator<Item = &str> {
        self.translation_keys.iter().map(AsRef::as_ref)
    }

    /// True when anything in it is translated, by tag or by filter.
    pub fn translates(&self) -> bool {
        self.translates
    }

    pub(crate) fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Renders a document; also the styles that partials want in its head, each once, in order of first use (T6.10).
    pub(crate) fn render_document(
        &self,
        scope: &dyn Scope,
        options: &RenderOptions<'_>,
    ) -> Result<(String, Vec<String>), TemplateError> {
        let mut out = String::with_capacity(self.source.len());
        let mut renderer = Renderer::new(&self.source, scope, options, Budget::new(&options.limits));
        renderer.document(&self.nodes, &mut out).map_err(|fail| fail.locate(&self.source))?;
        Ok((out, renderer.into_styles()))
    }

    /// What the author wrote.
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Renders to a new text.
    pub fn render(&self, scope: &dyn Scope, options: &RenderOptions<'_>) -> Result<String, TemplateError> {
        let mut out = String::new();
        self.render_into(scope, options, &mut out)?;
        Ok(out)
    }

    /// Appends the rendered text to `out`. After an error `out` holds what was written before it.
    pub fn render_into(
        &self,
        scope: &dyn Scope,
        options: &RenderOptions<'_>,
        out: &mut String,
    ) -> Result<(), TemplateError> {
        out.reserve(self.source.len());
        let mut renderer = Renderer::new(&self.source, scope, options, Budget::new(&options.limits));
        renderer.document(&self.nodes, out).map_err(|fail| fail.locate(&self.source))
    }

    /// One leaf of a JSON document: the native value of a single output, else text. All leaves share `budget`.
    pub(crate) fn render_leaf(
        &self,
        scope: &dyn Scope,
        options: &RenderOptions<'_>,
        budget: &mut Budget,
    ) -> Result<Json, TemplateError> {
        let mut renderer = Renderer::new(&self.source, scope, options, *budget);
        let rendered = match self.single() {
            Some(expression) => renderer.value(expression),
            None => {
                let mut out = String::new();
                renderer.document(&self.nodes, &mut out).map(|()| Json::String(out))
            }
        };
        *budget = renderer.budget();
        rendered.map_err(|fail| fail.locate(&self.source))
    }

    /// The text of a template without any markup: the same for every scope.
    pub fn is_static(&self) -> Option<&str> {
        match &*self.nodes {
            [] => Some(""),
            [Node::Text(span)] => Some(span.of(&self.source)),
            _ => None,
        }
    }

    /// The native value when the template is exactly one `{{ … }}`, else `None` (workflows.md S14).
    pub fn evaluate_single(
        &self,
        scope: &dyn Scope,
        options: &RenderOptions<'_>,
    ) -> Result<Option<Json>, TemplateError> {
        if self.single().is_none() {
            return Ok(None);
        }
        self.render_leaf(scope, options, &mut Budget::new(&options.limits)).map(Some)
    }

    /// True when it is exactly one `{{ … }}`.
    pub(crate) fn is_single_output(&self) -> bool {
        self.single().is_some()
    }

    fn single(&self) -> Option<&super::ast::Expression> {
        let whole = self.source.starts_with("{{") && self.source.ends_with("}}");
        match &*self.nodes {
            [Node::Output(expression)] if whole => Some(expression),
            _ => None,
        }
    }

    /// Whether the template may read that root, or that member of `vars`, written as `vars.name`. True when in doubt, never
    /// false when it does; partials that it renders are asked for themselves.
    pub fn mentions(&self, root: &str) -> bool {
        if let Some(member) = root.strip_prefix("vars.") {
            return self.any_root || self.any_var || self.vars.contains(member);
        }
        // Keys of data are also readable at top level (templates.md T3.1).
        let engine = ["forloop", "tablerowloop"];
        let top_level = |name: &str| !RESERVED.contains(&name) && !engine.contains(&name);
        let through_data = || self.roots.iter().any(|name| top_level(name));
        self.any_root || self.roots.contains(root) || (root == "data" && through_data())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_shared_between_threads() {
        fn shared<T: Send + Sync + 'static>() {}
        shared::<Template>();
        shared::<crate::JsonTemplate>();
        shared::<crate::EmailTemplate>();
    }
}
