//! Links of Markdown that stays Markdown: bodies of chat messages.

use std::collections::HashMap;

use super::html::decoded;
use super::text::{address_of, is_inside_address};
use super::{HTTPS, Links};

/// How far a link's target and title reach: texts full of openings must not cost the square of their length.
const LOOK_AHEAD_BYTES: usize = 4_096;

/// Rewrites the targets of links; bare `https` addresses become links whose text they are (R10.4). Images and code are
/// left as they are.
pub fn rewrite_markdown(markdown: &str, links: &mut Links<'_>) -> String {
    Rewriter { source: markdown, structure: Structure::of(markdown), out: String::new(), links }.run()
}

struct Rewriter<'m, 'a, 'l> {
    source: &'m str,
    structure: Structure,
    out: String,
    links: &'a mut Links<'l>,
}

/// What cannot be told from left to right.
#[derive(Default)]
struct Structure {
    /// Where code ends, by where it begins.
    code: HashMap<usize, usize>,
    /// The closing bracket, by the opening one.
    brackets: HashMap<usize, usize>,
}

/// The target of a link, and what stands around it.
struct Target<'m> {
    address: &'m str,
    start: usize,
    end: usize,
}

impl Rewriter<'_, '_, '_> {
    fn run(mut self) -> String {
        self.out.reserve(self.source.len());
        let mut at = 0;
        while let Some(c) = self.source[at..].chars().next() {
            let end = match c {
                '\\' => at + escaped(&self.source[at..]),
                '`' | '~' => self.structure.code.get(&at).copied().unwrap_or(at + 1),
                '!' if self.source[at + 1..].starts_with('[') => self.image_end(at + 1).unwrap_or(at + 1),
                '[' => match self.link(at) {
                    Some(end) => {
                        at = end;
                        continue;
                    }
                    None => at + 1,
                },
                '<' => match self.angle(at) {
                    Ok(end) => {
                        at = end;
                        continue;
                    }
                    Err(end) => end,
                },
                'h' if self.source[at..].starts_with(HTTPS) => match self.bare(at) {
                    Ok(end) => {
                        at = end;
                        continue;
                    }
                    Err(end) => end,
                },
                c => at + c.len_utf8(),
            };
            self.out.push_str(&self.source[at..end]);
            at = end;
        }
        self.out
    }

    /// Where the image ends whose bracket opens here.
    fn image_end(&self, open: usize) -> Option<usize> {
        let close = *self.structure.brackets.get(&open)?;
        Some(target(self.source, close + 1)?.end)
    }

    /// Writes the link whose bracket opens here; answers its end.
    fn link(&mut self, open: usize) -> Option<usize> {
        let close = *self.structure.brackets.get(&open)?;
        let after = &self.source[close + 1..];
        if after.starts_with('[') {
            // Where it leads stands elsewhere. Its text is no place for more links.
            let end = *self.structure.brackets.get(&(close + 1))? + 1;
            self.out.push_str(&self.source[open..end]);
            return Some(end);
        }
        let target = match after.starts_with(':') && starts_line(self.source, open) {
            true => definition(self.source, close + 2)?,
            false => target(self.source, close + 1)?,
        };
        self.out.push_str(&self.source[open..target.start]);
        match self.links.tracked(&unescaped(target.address)) {
            Some(link) => self.out.push_str(&link),
            None => self.out.push_str(&self.source[target.start..target.start + target.address.len()]),
        }
        self.out.push_str(&self.source[target.start + target.address.len()..target.end]);
        Some(target.end)
    }

    /// Writes `<https://…>` as a link; `Err` says how far anything else in angle brackets is left as it is.
    fn angle(&mut self, open: usize) -> Result<usize, usize> {
        let inner = near(&self.source[open + 1..]);
        let is_markup = inner.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '!' | '?'));
        let Some(length) = inner.find('>').filter(|_| is_markup) else { return Err(open + 1) };
        let (inner, end) = (&inner[..length], open + length + 2);
        if !inner.starts_with(HTTPS) || inner.contains(|c: char| c.is_whitespace() || c == '<') {
            return Err(end);
        }
        // Slack's own form is understood too.
        let (address, label) = inner.split_once('|').map_or((inner, None), |(url, label)| (url, Some(label)));
        let link = self.links.tracked(&decoded(address)).ok_or(end)?;
        let link = match label {
            Some(label) => format!("<{link}|{label}>"),
            None => format!("[{address}]({link})"),
        };
        self.out.push_str(&link);
        Ok(end)
    }

    /// Writes a bare address as a link; `Err` says how far it is left as it is.
    fn bare(&mut self, at: usize) -> Result<usize, usize> {
        let rest = &self.source[at..];
        let length = rest.find(ends_address).unwrap_or(rest.len());
        let mut address = address_of(&rest[..length]);
        while let Some(shorter) = address.strip_suffix(['*', '_', '~']) {
            address = address_of(shorter);
        }
        let end = at + address.len().max(HTTPS.len());
        // A word is as long as what is looked at; nobody reads further back.
        let before =
            self.source[..at].split_at(floor(&self.source[..at], at.saturating_sub(LOOK_AHEAD_BYTES))).1;
        if is_inside_address(before) {
            return Err(end);
        }
        let link = self.links.tracked(&decoded(address)).ok_or(end)?;
        self.out.push_str(&format!("[{address}]({link})"));
        Ok(end)
    }
}

impl Structure {
    fn of(source: &str) -> Self {
        let mut structure = Self::default();
        let runs = Runs::of(source);
        let (mut open, mut at) = (Vec::new(), 0);
        let bytes = source.as_bytes();
        while at < bytes.len() {
            match bytes[at] {
                b'\\' => at += escaped(&source[at..]),
                mark @ (b'`' | b'~') => {
                    let length = run_length(&bytes[at..], mark);
                    let is_fence = length >= 3 && starts_line(source, at);
                    let is_code = mark == b'`' || is_fence;
                    let end = match runs.next(mark, length, at + length).filter(|_| is_code) {
                        Some(close) => close + length,
                        // A fence that nobody closes goes to the end.
                        None if is_fence => bytes.len(),
                        None => at + length,
                    };
                    for n in at..at + length {
                        structure.code.insert(n, end);
                    }
                    at = end;
                }
                b'[' => {
                    open.push(at);
                    at += 1;
                }
                b']' => {
                    if let Some(open) = open.pop() {
                        structure.brackets.insert(open, at);
                    }
                    at += 1;
                }
                _ => at += 1,
            }
        }
        structure
    }
}

/// Where runs of backticks and tildes begin, by their mark and length.
struct Runs(HashMap<(u8, usize), Vec<usize>>);

impl Runs {
    fn of(source: &str) -> Self {
        let (bytes, mut runs, mut at) = (source.as_bytes(), HashMap::<_, Vec<usize>>::new(), 0);
        while at < bytes.len() {
            match bytes[at] {
                mark @ (b'`' | b'~') => {
                    let length = run_length(&bytes[at..], mark);
                    runs.entry((mark, length)).or_default().push(at);
                    at += length;
                }
                _ => at += 1,
            }
        }
        Self(runs)
    }

    fn next(&self, mark: u8, length: usize, from: usize) -> Option<usize> {
        let runs = self.0.get(&(mark, length))?;
        runs.get(runs.partition_point(|at| *at < from)).copied()
    }
}

fn run_length(bytes: &[u8], mark: u8) -> usize {
    bytes.iter().take_while(|byte| **byte == mark).count()
}

/// Bytes of a backslash and what it makes ordinary.
fn escaped(text: &str) -> usize {
    1 + text[1..].chars().next().filter(char::is_ascii_punctuation).map_or(0, char::len_utf8)
}

fn starts_line(source: &str, at: usize) -> bool {
    let line = source[..at].trim_end_matches(' ');
    at - line.len() <= 3 && (line.is_empty() || line.ends_with('\n'))
}

fn ends_address(c: char) -> bool {
    c.is_whitespace() || matches!(c, '<' | '>' | '"' | '[' | ']' | '`')
}

fn floor(text: &str, at: usize) -> usize {
    text.floor_char_boundary(at)
}

fn near(text: &str) -> &str {
    &text[..floor(text, LOOK_AHEAD_BYTES)]
}

/// `(target "title")` at this place.
fn target(source: &str, at: usize) -> Option<Target<'_>> {
    let inner = near(source[at..].strip_prefix('(')?);
    let (start, address) = address(inner)?;
    let after_address = start + address.len() + usize::from(inner[..start].ends_with('<'));
    let rest = &inner[after_address..];
    let title = rest.trim_start();
    let rest = match (title.chars().next()?, title.len() < rest.len()) {
        (quote @ ('"' | '\'' | '('), true) => {
            let close = if quote == '(' { ')' } else { quote };
            title[1..].split_once(close)?.1.trim_start()
        }
        _ => title,
    };
    let rest = rest.strip_prefix(')')?;
    Some(Target { address, start: at + 1 + start, end: at + 1 + inner.len() - rest.len() })
}

/// The target of a reference, at this place behind its colon.
fn definition(source: &str, at: usize) -> Option<Target<'_>> {
    let inner = near(&source[at..]);
    let (start, address) = address(inner)?;
    let end = start + address.len() + usize::from(inner[..start].ends_with('<'));
    (!address.is_empty()).then_some(Target { address, start: at + start, end: at + end })
}

/// Where a target begins, and the target: up to white space or a bracket that it did not open, or in angle brackets.
fn address(inner: &str) -> Option<(usize, &str)> {
    let text = inner.trim_start();
    let start = inner.len() - text.len();
    if let Some(text) = text.strip_prefix('<') {
        let end = text.find(['>', '\n', '<']).filter(|end| text[*end..].starts_with('>'))?;
        return Some((start + 1, &text[..end]));
    }
    let (mut depth, mut at) = (0usize, 0);
    while let Some(c) = text[at..].chars().next() {
        match c {
            '\\' => {
                at += escaped(&text[at..]);
                continue;
            }
            '(' => depth += 1,
            ')' if depth == 0 => break,
            ')' => depth -= 1,
            c if c.is_whitespace() => break,
            _ => {}
        }
        at += c.len_utf8();
    }
    Some((start, &text[..at]))
}

fn unescaped(address: &str) -> String {
    let mut plain = String::with_capacity(address.len());
    let mut rest = address;
    while let Some(at) = rest.find('\\') {
        plain.push_str(&rest[..at]);
        let length = escaped(&rest[at..]);
        plain.push_str(if length == 1 { "\\" } else { &rest[at + 1..at + length] });
        rest = &rest[at + length..];
    }
    plain.push_str(rest);
    decoded(&plain)
}
