//! Splits a source into text, outputs and tags, and strips whitespace where the markup asks for it.

use super::ast::Span;
use super::error::Fail;

/// One piece of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Markup {
    Text(Span),
    /// What stands between `{{` and `}}`.
    Output(Span),
    /// A tag's name and what follows it.
    Tag(Span, Span),
}

/// Reads a source front to back; every byte is looked at a bounded number of times.
pub(crate) struct Lexer<'s> {
    source: &'s str,
    at: usize,
    trim: bool,
    /// Where the last markup begins.
    opened: usize,
}

impl<'s> Lexer<'s> {
    pub(crate) fn new(source: &'s str) -> Self {
        Self { source, at: 0, trim: false, opened: 0 }
    }

    /// The byte after the last piece.
    pub(crate) fn position(&self) -> usize {
        self.at
    }

    /// The first byte of the last markup.
    pub(crate) fn opened(&self) -> usize {
        self.opened
    }

    /// The next piece, `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Markup>, Fail> {
        if self.trim {
            self.skip_space();
        }
        if self.at >= self.source.len() {
            return Ok(None);
        }
        let open = self.find_open(self.at);
        if open > self.at {
            let mut end = open;
            if self.source.as_bytes().get(open + 2) == Some(&b'-') {
                end = self.at + self.source[self.at..open].trim_end().len();
            }
            let text = Span::new(self.at, end);
            self.at = open;
            self.trim = false;
            if !text.is_empty() {
                return Ok(Some(Markup::Text(text)));
            }
            return self.next_markup();
        }
        self.next_markup()
    }

    fn next_markup(&mut self) -> Result<Option<Markup>, Fail> {
        let open = self.at;
        if open >= self.source.len() {
            return Ok(None);
        }
        self.opened = open;
        let output = self.source.as_bytes()[open + 1] == b'{';
        let start = open + 2 + usize::from(self.source.as_bytes().get(open + 2) == Some(&b'-'));
        let close = if output { "}}" } else { "%}" };
        let respect_quotes = !self.source[start..].trim_start().starts_with('#');
        let Some(end) = find_close(&self.source[start..], close, respect_quotes).map(|i| start + i) else {
            let what = if output { "output is not closed with }}" } else { "tag is not closed with %}" };
            return Err(Fail::new(open, what));
        };
        self.at = end + 2;
        let dashed = self.source[start..end].ends_with('-');
        self.trim = dashed;
        let inner = Span::new(start, if dashed { end - 1 } else { end });
        if output {
            return Ok(Some(Markup::Output(inner)));
        }
        let (name, body) = split_name(self.source, inner);
        Ok(Some(Markup::Tag(name, body)))
    }

    /// Takes everything up to `{% endraw %}` as text.
    pub(crate) fn raw(&mut self, opened_at: usize) -> Result<Span, Fail> {
        if self.trim {
            self.skip_space();
        }
        let start = self.at;
        let mut from = start;
        while let Some(open) = self.source[from..].find("{%").map(|i| from + i) {
            let (left, name, _, right, end) = self.tag_at(open);
            if let Some(end) = end
                && name == "endraw"
            {
                let text = &self.source[start..open];
                let text = if left { text.trim_end() } else { text };
                self.at = end;
                self.trim = right;
                return Ok(Span::new(start, start + text.len()));
            }
            from = open + 2;
        }
        Err(Fail::new(opened_at, "raw is not closed with endraw"))
    }

    /// Skips to the `{% endcomment %}` that balances; a `raw` inside hides what looks like tags.
    pub(crate) fn skip_comment(&mut self, opened_at: usize) -> Result<(), Fail> {
        let mut depth = 1;
        let mut in_raw = false;
        let mut from = self.at;
        while let Some(open) = self.source[from..].find("{%").map(|i| from + i) {
            let (_, name, _, right, end) = self.tag_at(open);
            from = end.unwrap_or(open + 2);
            match name {
                "raw" if end.is_some() => in_raw = true,
                "endraw" if end.is_some() => in_raw = false,
                "comment" if !in_raw && end.is_some() => depth += 1,
                "endcomment" if !in_raw && end.is_some() => depth -= 1,
                _ => from = open + 2,
            }
            if depth == 0 {
                self.at = from;
                self.trim = right;
                return Ok(());
            }
        }
        Err(Fail::new(opened_at, "comment is not closed with endcomment"))
    }

    /// The tag that opens at `open`, without understanding it: left dash, name, body, right dash, byte after.
    fn tag_at(&self, open: usize) -> (bool, &'s str, &'s str, bool, Option<usize>) {
        let rest = &self.source[open + 2..];
        let left = rest.starts_with('-');
        let rest = rest.strip_prefix('-').unwrap_or(rest);
        let body = rest.trim_start();
        let name = &body[..body.find(|c: char| !is_word(c)).unwrap_or(body.len())];
        // What follows the name is ignored, as by every other engine; a tag does not begin inside another.
        let after = &body[name.len()..];
        let mut pairs = after.as_bytes().windows(2);
        let close =
            pairs.position(|pair| pair == b"%}" || pair == b"{%").filter(|at| after[*at..].starts_with("%}"));
        let right = close.is_some_and(|close| after[..close].ends_with('-'));
        let end = close.map(|close| self.source.len() - after.len() + close + 2);
        (left, name, after, right, end)
    }

    fn find_open(&self, from: usize) -> usize {
        let bytes = self.source.as_bytes();
        let mut at = from;
        while let Some(i) = self.source[at..].find('{') {
            at += i;
            if matches!(bytes.get(at + 1), Some(b'{' | b'%')) {
                return at;
            }
            at += 1;
        }
        self.source.len()
    }

    fn skip_space(&mut self) {
        let rest = &self.source[self.at..];
        self.at += rest.len() - rest.trim_start().len();
        self.trim = false;
    }
}

/// Where `close` stands outside quotes; inside them only when a quote is never closed.
fn find_close(text: &str, close: &str, respect_quotes: bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut quote = None;
    let mut first = None;
    for (at, byte) in bytes.iter().enumerate() {
        match quote {
            Some(open) if *byte == open => quote = None,
            None if respect_quotes && matches!(byte, b'"' | b'\'') => quote = Some(*byte),
            _ => {}
        }
        if bytes[at..].starts_with(close.as_bytes()) {
            if quote.is_none() {
                return Some(at);
            }
            first = first.or(Some(at));
        }
    }
    first
}

fn split_name(source: &str, inner: Span) -> (Span, Span) {
    let text = inner.of(source);
    let start = inner.start as usize + (text.len() - text.trim_start().len());
    let text = text.trim_start();
    let length = match text.chars().next() {
        Some('#') => 1,
        _ => text.find(|c: char| !is_word(c)).unwrap_or(text.len()),
    };
    (Span::new(start, start + length), Span::new(start + length, inner.end as usize))
}

pub(crate) fn is_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(source: &str) -> String {
        let mut lexer = Lexer::new(source);
        let mut out = String::new();
        loop {
            match lexer.next() {
                Ok(Some(Markup::Text(span))) => out += &format!("t[{}]", span.of(source)),
                Ok(Some(Markup::Output(span))) => out += &format!("o[{}]", span.of(source).trim()),
                Ok(Some(Markup::Tag(name, body))) => {
                    out += &format!("{}[{}]", name.of(source), body.of(source).trim());
                }
                Ok(None) => return out,
                Err(fail) => return format!("{out}!{}", fail.at),
            }
        }
    }

    #[test]
    fn splits_and_strips() {
        for (source, want) in [
            ("a{{ b }}c", "t[a]o[b]t[c]"),
            ("a {{- b -}} c", "t[a]o[b]t[c]"),
            ("{ {a} {% if x -%}  y", "t[{ {a} ]if[x]t[y]"),
            ("{{ '}}' }}", "o['}}']"),
            ("{% # it's fine %}x", "#[it's fine]t[x]"),
            ("a {{ b", "t[a ]!2"),
            ("{{", "!0"),
            ("{%-%}", "[]"),
        ] {
            assert_eq!(pieces(source), want, "{source}");
        }
    }
}
