//! What authors write to what the MJML compiler reads: loose HTML is wrapped, and the HTML inside of text elements is
//! swapped for placeholders, for there it may be as broken as HTML can be (templates.md T10.3, T10.4).

use std::ops::Range;

use super::refusal;
use crate::liquid::TemplateError;
use crate::markup::{Kind, Tag, Tags};

/// Elements whose content is HTML or text, never MJML.
const ENDING: [&str; 12] = [
    "mj-accordion-text",
    "mj-accordion-title",
    "mj-button",
    "mj-navbar-link",
    "mj-preview",
    "mj-raw",
    "mj-social-element",
    "mj-style",
    "mj-table",
    "mj-text",
    "mj-title",
    "mjml-raw",
];

/// Elements of MJML inside one another.
const DEPTH_MAX: usize = 32;

/// Keeps the search for hidden end tags linear.
const REREAD_MAX: usize = 64 << 20;

/// A document for the compiler, and what was taken out of it.
pub(super) struct Prepared<'s> {
    pub(super) mjml: String,
    /// Copied pieces: where they start in `mjml`, and where in the source.
    pub(super) copies: Vec<(usize, usize)>,
    swapped: Vec<&'s str>,
    mark: String,
}

impl Prepared<'_> {
    /// Puts back what was taken out.
    pub(super) fn restore(&self, html: &str) -> String {
        let mut out =
            String::with_capacity(html.len() + self.swapped.iter().map(|text| text.len()).sum::<usize>());
        let mut rest = html;
        while let Some(found) = rest.find(&self.mark) {
            let number = &rest[found + self.mark.len()..];
            let digits = number.bytes().take_while(u8::is_ascii_digit).count();
            let swapped = number[..digits].parse().ok().and_then(|at: usize| self.swapped.get(at));
            match (swapped, number[digits..].strip_prefix('z')) {
                (Some(text), Some(tail)) => {
                    out.push_str(&rest[..found]);
                    out.push_str(text);
                    rest = tail;
                }
                _ => {
                    out.push_str(&rest[..found + self.mark.len()]);
                    rest = number;
                }
            }
        }
        out.push_str(rest);
        out
    }
}

struct Preparer<'s> {
    source: &'s str,
    out: Prepared<'s>,
    /// Open elements of MJML.
    open: Vec<Tag<'s>>,
    /// Bytes read again in search of end tags that broken HTML hides.
    reread: usize,
}

/// Rewrites a document. The error is that of an element which is not closed or closes nothing.
pub(super) fn prepare(source: &str) -> Result<Prepared<'_>, TemplateError> {
    let mut mark = "lqm".to_owned();
    while source.contains(&mark) {
        mark.push('m');
    }
    let out =
        Prepared { mjml: String::with_capacity(source.len()), copies: Vec::new(), swapped: Vec::new(), mark };
    let mut preparer = Preparer { source, out, open: Vec::new(), reread: 0 };
    let mut tags = Tags::of(source);
    // What is written so far, as a byte of the source.
    let mut from = 0;
    while let Some(tag) = tags.next() {
        if !is_mjml(tag.name) {
            if tag.kind == Kind::Other && preparer.open.is_empty() {
                // A prolog or a doctype: the compiler knows neither.
                preparer.text(from..tag.start);
                from = tag.end;
            }
            continue;
        }
        preparer.text(from..tag.start);
        from = tag.end;
        match tag.kind {
            Kind::Close => preparer.close(tag)?,
            Kind::Open if ENDING.iter().any(|name| tag.is(name)) => {
                let (inner, after) = preparer.ending(tag)?;
                preparer.start(tag);
                preparer.swap(inner);
                preparer.out.mjml.push_str(&format!("</{}>", name_of(tag)));
                tags.skip_to(after);
                from = after;
            }
            Kind::Open if tag.is("mj-html-attributes") => {
                // Only editors read them.
                let (_, after) = preparer.ending(tag)?;
                tags.skip_to(after);
                from = after;
            }
            Kind::Open => {
                preparer.start(tag);
                preparer.open.push(tag);
                if preparer.open.len() > DEPTH_MAX {
                    let why = format!("elements are nested deeper than {DEPTH_MAX}");
                    return Err(refusal(source, tag.start, &why));
                }
            }
            _ => preparer.start(tag),
        }
    }
    preparer.text(from..source.len());
    match preparer.open.pop() {
        Some(tag) => Err(refusal(source, tag.start, &format!("{} is not closed", tag.name))),
        None => Ok(preparer.out),
    }
}

fn is_mjml(name: &str) -> bool {
    name.get(..3).is_some_and(|start| start.eq_ignore_ascii_case("mj-")) || {
        name.eq_ignore_ascii_case("mjml") || name.eq_ignore_ascii_case("mjml-raw")
    }
}

fn name_of(tag: Tag<'_>) -> String {
    if tag.is("mjml-raw") { "mj-raw".to_owned() } else { tag.name.to_ascii_lowercase() }
}

impl<'s> Preparer<'s> {
    /// What stands between two elements of MJML: loose HTML, unless it is nothing or comments for authors.
    fn text(&mut self, range: Range<usize>) {
        let text = self.source[range.clone()].trim();
        let is_comment = text.starts_with("<!--") && text.find("-->") == Some(text.len().saturating_sub(3));
        // Outside of head and body there is no place for anything.
        if self.open.len() < 2 || text.is_empty() || (is_comment && !text.starts_with("<!--[if")) {
            return;
        }
        self.out.copies.push((self.out.mjml.len(), range.start));
        self.out.mjml.push_str("<mj-raw>");
        self.swap(range);
        self.out.mjml.push_str("</mj-raw>");
    }

    fn swap(&mut self, range: Range<usize>) {
        let text = &self.source[range];
        if text.is_empty() {
            return;
        }
        self.out.mjml.push_str(&format!("{}{}z", self.out.mark, self.out.swapped.len()));
        self.out.swapped.push(text);
    }

    /// Copies a start tag.
    fn start(&mut self, tag: Tag<'s>) {
        self.out.copies.push((self.out.mjml.len(), tag.start));
        self.out.mjml.push('<');
        self.out.mjml.push_str(&name_of(tag));
        let rest = &self.source[tag.start + 1 + tag.name.len()..tag.end];
        if tag.is("mj-style") {
            // Everything is inlined afterwards anyway.
            let rest = rest.replace("inline=\"inline\"", "").replace("inline='inline'", "");
            self.out.mjml.push_str(&rest);
        } else {
            self.out.mjml.push_str(rest);
        }
    }

    fn close(&mut self, tag: Tag<'s>) -> Result<(), TemplateError> {
        let place = tag.start;
        match self.open.pop() {
            Some(open) if open.is(tag.name) => {
                self.out.copies.push((self.out.mjml.len(), place));
                self.out.mjml.push_str(&format!("</{}>", name_of(tag)));
                Ok(())
            }
            Some(open) => {
                let why = format!("</{}> closes nothing: {} is open", tag.name, open.name);
                Err(refusal(self.source, place, &why))
            }
            None => Err(refusal(self.source, place, &format!("</{}> closes nothing", tag.name))),
        }
    }

    /// The content of an element that holds no MJML, and the byte after its end tag.
    fn ending(&mut self, tag: Tag<'s>) -> Result<(Range<usize>, usize), TemplateError> {
        let inner = &self.source[tag.end..];
        let mut depth = 1;
        // Tags that only look like tags, in an attribute or a comment, do not count.
        let mut tags = Tags::of(inner);
        while let Some(next) = tags.find(|next| next.is(tag.name)) {
            match next.kind {
                Kind::Open => depth += 1,
                Kind::Close => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return Ok((tag.end..tag.end + next.start, tag.end + next.end));
            }
        }
        // An unclosed quote or element in the HTML may have hidden the end.
        self.reread += inner.len();
        if self.reread > REREAD_MAX {
            return Err(refusal(self.source, tag.start, "its HTML is too broken to be read"));
        }
        let close = format!("</{}", tag.name);
        let found = inner.to_ascii_lowercase().find(&close.to_ascii_lowercase());
        let end = found.and_then(|at| Some((at, at + inner[at..].find('>')? + 1)));
        match end {
            Some((start, after)) => Ok((tag.end..tag.end + start, tag.end + after)),
            None => Err(refusal(self.source, tag.start, &format!("{} is not closed", tag.name))),
        }
    }
}
