//! Finds the tags of an HTML or MJML source without building a tree: one pass, linear, never fails.

use std::ops::Range;

/// A piece of markup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `<name …>`.
    Open,
    /// `<name … />`.
    SelfClosing,
    /// `</name>`.
    Close,
    /// `<!-- … -->`, `<!doctype …>`, `<? … ?>`, `<![ … ]>`.
    Other,
}

/// A tag and where it stands, `<` and `>` included.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tag<'s> {
    pub(crate) kind: Kind,
    /// As written; empty for [`Kind::Other`].
    pub(crate) name: &'s str,
    pub(crate) start: usize,
    pub(crate) end: usize,
}

impl Tag<'_> {
    pub(crate) fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    pub(crate) fn range(&self) -> Range<usize> {
        self.start..self.end
    }
}

/// Tags of a source, front to back. What stands in `style`, `script`, `title` and `textarea` is text.
pub(crate) struct Tags<'s> {
    source: &'s str,
    at: usize,
    /// The element whose content is text.
    raw: Option<&'s str>,
}

impl<'s> Tags<'s> {
    pub(crate) fn of(source: &'s str) -> Self {
        Self { source, at: 0, raw: None }
    }

    /// Goes on at a byte, as if what is before had not been there.
    pub(crate) fn skip_to(&mut self, at: usize) {
        self.at = at.max(self.at);
        self.raw = None;
    }

    fn close_of(&self, name: &str) -> Option<usize> {
        let mut at = self.at;
        loop {
            at += self.source[at..].find("</")?;
            let rest = self.source.as_bytes().get(at + 2..at + 2 + name.len())?;
            if rest.eq_ignore_ascii_case(name.as_bytes()) {
                return Some(at);
            }
            at += 2;
        }
    }

    fn tag_at(&self, start: usize) -> Option<Tag<'s>> {
        let rest = &self.source[start..];
        let bytes = rest.as_bytes();
        let other = |length: usize| Some(Tag { kind: Kind::Other, name: "", start, end: start + length });
        match bytes.get(1)? {
            b'!' if rest.starts_with("<!--") => {
                // `<!-->` is a comment too.
                let end = rest[2..].find("-->").map_or(rest.len(), |at| at + 5);
                other(end)
            }
            b'!' | b'?' => other(rest.find('>').map_or(rest.len(), |at| at + 1)),
            b'/' if bytes.get(2).is_some_and(u8::is_ascii_alphabetic) => {
                let length = rest.find('>').map_or(rest.len(), |at| at + 1);
                Some(Tag { kind: Kind::Close, name: name_at(&rest[2..]), start, end: start + length })
            }
            byte if byte.is_ascii_alphabetic() => {
                let length = tag_length(bytes)?;
                let kind = if rest[..length].ends_with("/>") { Kind::SelfClosing } else { Kind::Open };
                Some(Tag { kind, name: name_at(&rest[1..]), start, end: start + length })
            }
            _ => None,
        }
    }
}

impl<'s> Iterator for Tags<'s> {
    type Item = Tag<'s>;

    fn next(&mut self) -> Option<Tag<'s>> {
        if let Some(name) = self.raw.take() {
            self.at = self.close_of(name)?;
        }
        loop {
            let start = self.at + self.source[self.at..].find('<')?;
            let bytes = self.source.as_bytes();
            let Some(tag) = self.tag_at(start) else {
                // A tag that never ends swallows the rest, here as in a browser; any other `<` is text.
                let never_ends = bytes.get(start + 1).is_some_and(u8::is_ascii_alphabetic);
                self.at = if never_ends { self.source.len() } else { start + 1 };
                continue;
            };
            self.at = tag.end;
            let may_be_raw = matches!(tag.name.as_bytes().first(), Some(b's' | b'S' | b't' | b'T'));
            let is_raw = || ["style", "script", "title", "textarea"].iter().any(|name| tag.is(name));
            if tag.kind == Kind::Open && may_be_raw && is_raw() {
                self.raw = Some(tag.name);
            }
            return Some(tag);
        }
    }
}

fn name_at(text: &str) -> &str {
    &text[..text.find(|c: char| c.is_ascii_whitespace() || matches!(c, '>' | '/')).unwrap_or(text.len())]
}

/// Bytes up to the `>` outside of quotes; `None` for a tag that never ends.
fn tag_length(bytes: &[u8]) -> Option<usize> {
    let mut quote = None;
    let mut before = 0;
    for (at, byte) in bytes.iter().enumerate() {
        match (quote, byte) {
            (None, b'>') => return Some(at + 1),
            // Only behind `=` does a quote begin a value.
            (None, b'"' | b'\'') if before == b'=' => quote = Some(byte),
            (Some(open), byte) if open == byte => quote = None,
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            before = *byte;
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_tags() {
        for (source, want) in [
            ("a<b>c</b >d", "<b> </b >"),
            ("<img src=\"a>b\" /><p\nclass='x'>", "<img src=\"a>b\" /> <p\nclass='x'>"),
            ("<style>p > a{} </stile> b</STYLE><i>", "<style> </STYLE> <i>"),
            ("<!-- <b> --><!doctype html><![if !mso]><u>", "<!-- <b> --> <!doctype html> <![if !mso]> <u>"),
            ("1 < 2 <3 <b", ""),
            ("<p a=it's><q>", "<p a=it's> <q>"),
            ("<!-- open <b>", "<!-- open <b>"),
            ("<a title=\"never closed><b>", ""),
            ("<!--><b>", "<!--> <b>"),
            ("<é><b>ü", "<b>"),
        ] {
            let found: Vec<_> = Tags::of(source).map(|tag| &source[tag.range()]).collect();
            assert_eq!(found.join(" "), want, "{source}");
        }
    }
}
