//! One source made of several fields, whose errors still point into the field they come from.

use std::ops::Range;

use campanile_core::scope::Scope;

use crate::liquid::{RenderOptions, Template, TemplateError};

/// Pieces of fields put together.
#[derive(Debug, Default)]
pub(crate) struct Composition {
    source: String,
    origins: Origins,
}

/// What each part of a composition was taken from.
#[derive(Debug, Default)]
struct Origins {
    fields: Vec<(&'static str, Box<str>)>,
    pieces: Vec<Piece>,
}

/// A piece: where it starts in the composition, and where in its field.
#[derive(Debug)]
struct Piece {
    start: usize,
    field: usize,
    offset: usize,
}

impl Composition {
    /// Adds `range` of a field's source.
    pub(crate) fn push(&mut self, field: &'static str, source: &str, range: Range<usize>) {
        let offset = range.start;
        let text = source.get(range).unwrap_or_default();
        self.push_as(field, source, offset, text);
    }

    /// Adds `text` in place of what stands at `offset` of a field's source.
    pub(crate) fn push_as(&mut self, field: &'static str, source: &str, offset: usize, text: &str) {
        let fields = &mut self.origins.fields;
        let index = fields.iter().position(|(name, _)| *name == field).unwrap_or_else(|| {
            fields.push((field, source.into()));
            fields.len() - 1
        });
        self.origins.pieces.push(Piece { start: self.source.len(), field: index, offset });
        self.source.push_str(text);
    }

    #[cfg(test)]
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Parses the whole.
    pub(crate) fn parse(self) -> Result<Composed, TemplateError> {
        match Template::parse(&self.source) {
            Ok(template) => Ok(Composed { template, origins: self.origins }),
            Err(error) => Err(self.origins.relocate(error)),
        }
    }
}

/// A parsed composition.
#[derive(Debug)]
pub(crate) struct Composed {
    template: Template,
    origins: Origins,
}

impl Composed {
    pub(crate) fn render(
        &self,
        scope: &dyn Scope,
        options: &RenderOptions<'_>,
    ) -> Result<String, TemplateError> {
        self.template.render(scope, options).map_err(|error| self.origins.relocate(error))
    }

    /// The document, and the styles that partials want in its head.
    pub(crate) fn render_document(
        &self,
        scope: &dyn Scope,
        options: &RenderOptions<'_>,
    ) -> Result<(String, Vec<String>), TemplateError> {
        self.template.render_document(scope, options).map_err(|error| self.origins.relocate(error))
    }

    pub(crate) fn mentions(&self, root: &str) -> bool {
        self.template.mentions(root)
    }

    pub(crate) fn partial_keys(&self) -> impl Iterator<Item = &str> {
        self.template.partial_keys()
    }
}

impl Origins {
    /// The same error, in the field that its piece was taken from.
    fn relocate(&self, error: TemplateError) -> TemplateError {
        let piece = self.pieces.iter().rev().find(|piece| piece.start <= error.at);
        let Some((piece, (name, source))) = piece.and_then(|p| Some((p, self.fields.get(p.field)?))) else {
            return error;
        };
        let at = piece.offset + (error.at - piece.start);
        TemplateError::locate(source, at, error.message).within(name)
    }
}
