//! One source made of several fields, whose errors still point into the field they come from.

use std::ops::Range;

use campanile_core::scope::Scope;

use crate::liquid::{RenderOptions, Template, TemplateError};

/// Pieces of fields put together.
#[derive(Debug, Default)]
pub(crate) struct Composition {
    source: String,
    pieces: Vec<Piece>,
}

/// A piece: where it starts in the composition, and where in its field.
#[derive(Debug)]
struct Piece {
    start: usize,
    field: &'static str,
    offset: usize,
}

impl Composition {
    /// Adds `range` of a field's source.
    pub(crate) fn push(&mut self, field: &'static str, source: &str, range: Range<usize>) {
        let text = source.get(range.clone()).unwrap_or_default();
        if !text.is_empty() {
            self.pieces.push(Piece { start: self.source.len(), field, offset: range.start });
            self.source.push_str(text);
        }
    }

    #[cfg(test)]
    pub(crate) fn source(&self) -> &str {
        &self.source
    }

    /// Parses the whole.
    pub(crate) fn parse(self) -> Result<Composed, TemplateError> {
        match Template::parse(&self.source) {
            Ok(template) => Ok(Composed { template, pieces: self.pieces }),
            Err(error) => Err(relocate(error, &self.source, &self.pieces)),
        }
    }
}

/// A parsed composition.
#[derive(Debug)]
pub(crate) struct Composed {
    template: Template,
    pieces: Vec<Piece>,
}

impl Composed {
    pub(crate) fn render(
        &self,
        scope: &dyn Scope,
        options: &RenderOptions<'_>,
    ) -> Result<String, TemplateError> {
        let rendered = self.template.render(scope, options);
        rendered.map_err(|error| relocate(error, self.template.source(), &self.pieces))
    }

    pub(crate) fn mentions(&self, root: &str) -> bool {
        self.template.mentions(root)
    }
}

/// The same error, in the field that its piece was taken from. Lines count from the start of the field as far as
/// the composition holds it.
fn relocate(error: TemplateError, source: &str, pieces: &[Piece]) -> TemplateError {
    let Some(piece) = pieces.iter().rev().find(|piece| piece.start <= error.at) else { return error };
    // What precedes the piece in its own field may be split by others: put the field together again.
    let mut own = String::new();
    let mut at = error.at;
    for (i, known) in pieces.iter().enumerate().filter(|(_, known)| known.field == piece.field) {
        let end = pieces.get(i + 1).map_or(source.len(), |next| next.start);
        if known.start == piece.start {
            at = own.len().max(known.offset) + (error.at - known.start);
        }
        // A body printed twice is the same field twice; `{{ content }}` itself is missing from the layout.
        if known.offset >= own.len() {
            own.extend(std::iter::repeat_n(' ', known.offset - own.len()));
            own.push_str(source.get(known.start..end).unwrap_or_default());
        } else if known.start == piece.start {
            at = known.offset + (error.at - known.start);
        }
    }
    TemplateError::locate(&own, at, error.message).within(piece.field)
}
