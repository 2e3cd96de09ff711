//! What went wrong in a template, and where.

use std::fmt;

/// Longest piece of a line that an error quotes, in characters.
const EXCERPT_CHARS_MAX: usize = 120;

/// A template that cannot be parsed or rendered. Lines and columns count from 1, columns in characters;
/// a problem without a place has 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct TemplateError {
    /// Where the template stands in what it is part of (`html_body`, `headers[1].value`); empty for itself.
    pub field: String,
    /// The reason, naming the tag, filter or variable at fault.
    pub message: String,
    /// Line of the markup at fault.
    pub line: usize,
    /// Column of the markup at fault.
    pub column: usize,
    /// The Liquid is at fault, rather than the markup, the blocks or the JSON around it.
    pub is_liquid: bool,
    /// The same place as a byte of the template.
    pub(crate) at: usize,
    excerpt: String,
    caret: usize,
}

impl TemplateError {
    /// An error about byte `at` of `source`. A position outside the source points at its end.
    pub fn locate(source: &str, at: usize, message: impl Into<String>) -> Self {
        let mut at = at.min(source.len());
        while !source.is_char_boundary(at) {
            at -= 1;
        }
        let before = &source[..at];
        let start = before.rfind('\n').map_or(0, |i| i + 1);
        let end = source[at..].find('\n').map_or(source.len(), |i| at + i);
        let column = source[start..at].chars().count() + 1;
        // Minified documents have lines of a megabyte: quote the neighbourhood only.
        let skipped = column.saturating_sub(EXCERPT_CHARS_MAX / 2);
        let excerpt = source[start..end].chars().skip(skipped).take(EXCERPT_CHARS_MAX);
        Self {
            field: String::new(),
            message: message.into(),
            is_liquid: false,
            at,
            line: before.matches('\n').count() + 1,
            column,
            excerpt: excerpt.map(|c| if c.is_control() { ' ' } else { c }).collect(),
            caret: column - 1 - skipped,
        }
    }

    /// The same problem at byte `at` of another source; of no field.
    pub(crate) fn moved(self, source: &str, at: usize) -> Self {
        Self { is_liquid: self.is_liquid, ..Self::locate(source, at, self.message) }
    }

    /// A problem of a whole field rather than of a place in its text.
    pub fn of_field(field: &str, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            message: message.into(),
            line: 0,
            column: 0,
            is_liquid: false,
            at: 0,
            excerpt: String::new(),
            caret: 0,
        }
    }

    /// The same error of a template that stands at `place` in a larger document.
    pub fn within(mut self, place: &str) -> Self {
        let dot =
            if place.is_empty() || self.field.is_empty() || self.field.starts_with('[') { "" } else { "." };
        self.field = format!("{place}{dot}{}", self.field);
        self
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        if self.line == 0 {
            return f.write_str(&self.message);
        }
        write!(f, "{} (line {}, column {})", self.message, self.line, self.column)?;
        write!(f, "\n  {}\n  {:caret$}^", self.excerpt, "", caret = self.caret)
    }
}

/// An error inside the engine, located by byte until it leaves.
#[derive(Debug)]
pub(crate) struct Fail {
    pub(crate) message: String,
    pub(crate) at: usize,
}

impl Fail {
    pub(crate) fn new(at: usize, message: impl Into<String>) -> Self {
        Self { message: message.into(), at }
    }

    pub(crate) fn locate(self, source: &str) -> TemplateError {
        TemplateError { is_liquid: true, ..TemplateError::locate(source, self.at, self.message) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotes_the_line_with_a_caret() {
        let error = TemplateError::locate("a\nbé {{ x | nope }}\n", 12, "unknown filter \"nope\"");
        assert_eq!((error.line, error.column), (2, 10));
        assert_eq!(
            error.to_string(),
            "unknown filter \"nope\" (line 2, column 10)\n  bé {{ x | nope }}\n           ^"
        );
    }

    #[test]
    fn never_leaves_the_source() {
        for (source, at) in [("", 9), ("é", 1), ("a\n", 2)] {
            assert!(TemplateError::locate(source, at, "x").line >= 1);
        }
    }
}
