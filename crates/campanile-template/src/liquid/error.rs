//! What went wrong in a template, and where.

use std::fmt;

/// Longest piece of a line that an error quotes, in characters.
const EXCERPT_CHARS_MAX: usize = 120;

/// A template that cannot be parsed or rendered. Lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct TemplateError {
    /// The reason, naming the tag, filter or variable at fault.
    pub message: String,
    /// Line of the markup at fault.
    pub line: usize,
    /// Column of the markup at fault.
    pub column: usize,
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
            message: message.into(),
            line: before.matches('\n').count() + 1,
            column,
            excerpt: excerpt.map(|c| if c.is_control() { ' ' } else { c }).collect(),
            caret: column - 1 - skipped,
        }
    }

    /// The same error with the place of the template in a larger document in front (`footer[1].url`).
    pub fn within(mut self, place: &str) -> Self {
        if !place.is_empty() {
            self.message = format!("{place}: {}", self.message);
        }
        self
    }
}

impl fmt::Display for TemplateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
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
        TemplateError::locate(source, self.at, self.message)
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
