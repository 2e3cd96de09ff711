//! Source to tree: blocks. Tags are in `tags`, what stands inside markup is in `expression`.

mod expression;
mod tags;

use std::collections::BTreeSet;

use super::ast::{Node, Span};
use super::error::Fail;
use super::lexer::{Lexer, Markup};
use super::token::Tokens;

/// Blocks, brackets and ranges inside one another: keeps hostile nesting off the stack.
const NESTING_MAX: usize = 64;

/// Bytes of one source; longer ones are refused unread.
const SOURCE_BYTES_MAX: usize = 16 << 20;

/// What parsing a source yields.
pub(crate) struct Parsed {
    pub(crate) nodes: Box<[Node]>,
    /// Every root name that is read anywhere.
    pub(crate) roots: BTreeSet<Box<str>>,
    /// Names after `vars` that are read anywhere.
    pub(crate) vars: BTreeSet<Box<str>>,
    /// True when `vars` is read as a whole, or a member whose name is computed.
    pub(crate) any_var: bool,
    /// True when a root's name is computed: it may be any.
    pub(crate) any_root: bool,
    /// Keys of the partials that are rendered.
    pub(crate) partials: BTreeSet<Box<str>>,
    /// Sources of the `t` tags.
    pub(crate) translation_keys: BTreeSet<Box<str>>,
    /// True when anything is translated, by tag or by filter.
    pub(crate) translates: bool,
}

/// Parses a source. The text of a translation may hold everything but the tag `t` (templates.md T5.11).
pub(crate) fn parse(source: &str, is_translation: bool) -> Result<Parsed, Fail> {
    if source.len() > SOURCE_BYTES_MAX {
        return Err(Fail::new(0, format!("template is larger than {SOURCE_BYTES_MAX} bytes")));
    }
    let mut parser = Parser {
        source,
        lexer: Lexer::new(source),
        depth: 0,
        roots: BTreeSet::new(),
        vars: BTreeSet::new(),
        any_var: false,
        any_root: false,
        partials: BTreeSet::new(),
        translation_keys: BTreeSet::new(),
        translates: false,
        in_translation: is_translation,
    };
    let (nodes, end) = parser.block(&[])?;
    if let Some(tag) = end {
        return Err(Fail::new(tag.at, format!("unexpected tag {:?}", tag.name)));
    }
    Ok(Parsed {
        nodes,
        roots: parser.roots,
        vars: parser.vars,
        any_var: parser.any_var,
        any_root: parser.any_root,
        partials: parser.partials,
        translation_keys: parser.translation_keys,
        translates: parser.translates,
    })
}

struct Parser<'s> {
    source: &'s str,
    lexer: Lexer<'s>,
    depth: usize,
    roots: BTreeSet<Box<str>>,
    vars: BTreeSet<Box<str>>,
    any_var: bool,
    any_root: bool,
    partials: BTreeSet<Box<str>>,
    translation_keys: BTreeSet<Box<str>>,
    translates: bool,
    in_translation: bool,
}

/// A tag met while parsing.
#[derive(Clone, Copy)]
struct Tag<'s> {
    name: &'s str,
    at: usize,
    body: Span,
}

impl<'s> Parser<'s> {
    /// Nodes up to a tag named in `ends`, and that tag; `None` at the end of the source.
    fn block(&mut self, ends: &[&str]) -> Result<(Box<[Node]>, Option<Tag<'s>>), Fail> {
        let mut nodes = Vec::new();
        while let Some(markup) = self.lexer.next()? {
            match markup {
                Markup::Text(span) => nodes.push(Node::Text(span)),
                Markup::Output(span) if span.of(self.source).trim().is_empty() => {}
                Markup::Output(span) => {
                    let mut tokens = Tokens::new(self.source, span)?;
                    nodes.push(Node::Output(self.expression(&mut tokens)?));
                    tokens.finish()?;
                }
                Markup::Tag(name, body) => {
                    let tag = Tag { name: name.of(self.source), at: name.start as usize, body };
                    if ends.contains(&tag.name) {
                        return Ok((nodes.into(), Some(tag)));
                    }
                    nodes.extend(self.tag(tag)?);
                }
            }
        }
        Ok((nodes.into(), None))
    }

    /// The body of the block that `opened` opens, and the tag in `ends` that ends it.
    fn body(&mut self, opened: Tag<'s>, ends: &[&str]) -> Result<(Box<[Node]>, Tag<'s>), Fail> {
        self.enter(opened.at)?;
        let (nodes, end) = self.block(ends)?;
        self.depth -= 1;
        let end = end.ok_or_else(|| {
            Fail::new(opened.at, format!("{} is not closed with end{}", opened.name, opened.name))
        })?;
        Ok((nodes, end))
    }

    fn enter(&mut self, at: usize) -> Result<(), Fail> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return Err(Fail::new(at, format!("nested deeper than {NESTING_MAX}")));
        }
        Ok(())
    }

    fn tokens(&self, tag: Tag<'s>) -> Result<Tokens<'s>, Fail> {
        Tokens::new(self.source, tag.body)
    }
}
