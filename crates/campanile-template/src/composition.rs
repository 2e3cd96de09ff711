//! One source made of several fields, whose errors still point into the field they come from.

use std::ops::Range;
use std::sync::Arc;

use campanile_core::scope::Scope;

use crate::liquid::{RenderOptions, Template, TemplateError};

/// Pieces of fields put together.
#[derive(Debug, Default, Clone)]
pub(crate) struct Composition {
    source: String,
    origins: Origins,
}

/// What each part of a composition was taken from.
#[derive(Debug, Default, Clone)]
struct Origins {
    fields: Vec<Field>,
    pieces: Vec<Piece>,
}

/// A field by its path, and its whole source.
#[derive(Debug, Clone)]
struct Field {
    path: Arc<str>,
    source: Arc<str>,
}

/// A piece: where it starts in the composition, and where in its field.
#[derive(Debug, Clone)]
struct Piece {
    start: usize,
    field: usize,
    offset: usize,
}

/// Names a field to the composition that it was opened in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct FieldId(usize);

impl Composition {
    /// Makes a field known, whose pieces follow.
    pub(crate) fn field(&mut self, path: &str, source: &str) -> FieldId {
        self.origins.fields.push(Field { path: path.into(), source: source.into() });
        FieldId(self.origins.fields.len() - 1)
    }

    /// Adds `text` in place of what stands at `offset` of a field's source.
    pub(crate) fn put(&mut self, field: FieldId, offset: usize, text: &str) {
        self.origins.pieces.push(Piece { start: self.source.len(), field: field.0, offset });
        self.source.push_str(text);
    }

    /// Adds `range` of a field's source.
    pub(crate) fn put_range(&mut self, field: FieldId, range: Range<usize>) {
        let source = Arc::clone(&self.origins.fields[field.0].source);
        self.put(field, range.start, source.get(range).unwrap_or_default());
    }

    /// Adds the whole of a field.
    pub(crate) fn push(&mut self, path: &str, source: &str) {
        let field = self.field(path, source);
        self.put(field, 0, source);
    }

    /// Adds everything of another composition.
    pub(crate) fn append(&mut self, other: &Self) {
        let (fields, start) = (self.origins.fields.len(), self.source.len());
        self.origins.fields.extend_from_slice(&other.origins.fields);
        self.origins.pieces.extend(other.origins.pieces.iter().map(|piece| Piece {
            start: piece.start + start,
            field: piece.field + fields,
            offset: piece.offset,
        }));
        self.source.push_str(&other.source);
    }

    /// What is composed so far, still Liquid.
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

    /// What was parsed.
    pub(crate) fn template(&self) -> &Template {
        &self.template
    }
}

impl Origins {
    /// The same error, in the field that its piece was taken from.
    fn relocate(&self, error: TemplateError) -> TemplateError {
        let piece = self.pieces.iter().rev().find(|piece| piece.start <= error.at);
        let Some((piece, field)) = piece.and_then(|p| Some((p, self.fields.get(p.field)?))) else {
            return error;
        };
        let at = piece.offset + (error.at - piece.start);
        TemplateError::locate(&field.source, at, error.message).within(&field.path)
    }
}
