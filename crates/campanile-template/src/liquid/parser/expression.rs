//! Terms, paths, filter chains and conditions.

use super::Parser;
use crate::liquid::ast::{
    Comparison, Condition, Expression, FilterCall, Join, Operator, Path, Root, Segment, Term,
};
use crate::liquid::error::Fail;
use crate::liquid::filters;
use crate::liquid::token::{Token, Tokens};

impl<'s> Parser<'s> {
    /// A term and its filters.
    pub(super) fn expression(&mut self, tokens: &mut Tokens<'s>) -> Result<Expression, Fail> {
        let mut expression = self.term(tokens)?;
        let mut calls = Vec::new();
        while tokens.skip(Token::Pipe)? {
            // A pipe without a filter does nothing; the CLI's parser lets it pass.
            if tokens.peek() == Token::End {
                break;
            }
            calls.push(self.filter(tokens, calls.is_empty())?);
        }
        expression.filters = calls.into();
        Ok(expression)
    }

    fn filter(&mut self, tokens: &mut Tokens<'s>, is_first: bool) -> Result<FilterCall, Fail> {
        let at = tokens.position();
        let name = tokens.name("the name of a filter")?;
        let filter = filters::find(name).ok_or_else(|| Fail::new(at, format!("unknown filter {name:?}")))?;
        if filter.is_translation() {
            if !is_first {
                return Err(Fail::new(at, "t must be the first filter"));
            }
            self.translates();
        }
        let (mut positional, mut named) = (Vec::new(), Vec::new());
        if tokens.skip(Token::Colon)? {
            loop {
                // Commas without an argument are what generated templates leave behind; every engine lets them pass.
                while tokens.skip(Token::Comma)? {}
                if matches!(tokens.peek(), Token::End | Token::Pipe) {
                    break;
                }
                let key = tokens.peek();
                let value = self.term(tokens)?;
                match key {
                    Token::Name(key) if tokens.skip(Token::Colon)? => {
                        named.push((Box::from(key), self.term(tokens)?));
                    }
                    _ => positional.push(value),
                }
                if !tokens.skip(Token::Comma)? {
                    break;
                }
            }
        }
        Ok(FilterCall { filter, at: at as u32, positional: positional.into(), named: named.into() })
    }

    /// A literal, range or path, without filters.
    pub(super) fn term(&mut self, tokens: &mut Tokens<'s>) -> Result<Expression, Fail> {
        let at = tokens.position();
        let term = match tokens.peek() {
            Token::Text(text) => Term::Text(text.into()),
            Token::Int(value) => Term::Int(value),
            Token::Decimal(value) => Term::Decimal(value),
            Token::OpenParen => {
                let range = self.range(tokens)?;
                return self.property_of(range, tokens);
            }
            Token::OpenBracket => {
                let root = Root::Computed(Box::new(self.bracket(tokens)?));
                self.any_root = true;
                Term::Path(Path { root, segments: self.segments(tokens)? })
            }
            Token::Name(name) => {
                tokens.take()?;
                let followed = matches!(tokens.peek(), Token::Dot | Token::OpenBracket);
                let term = match name {
                    _ if followed => self.path(name, tokens)?,
                    "true" => Term::Bool(true),
                    "false" => Term::Bool(false),
                    "nil" | "null" => Term::Nil,
                    "empty" => Term::Empty,
                    "blank" => Term::Blank,
                    _ => self.path(name, tokens)?,
                };
                return Ok(Expression { term, filters: Box::default(), at: at as u32 });
            }
            _ => return Err(tokens.unexpected("a value")),
        };
        let is_text = matches!(term, Term::Text(_));
        if !matches!(term, Term::Path(_)) {
            tokens.take()?;
        }
        let read = Expression { term, filters: Box::default(), at: at as u32 };
        if is_text { self.property_of(read, tokens) } else { Ok(read) }
    }

    /// `"abc".size`, where a property follows a value that is no name (T2.2).
    fn property_of(&mut self, value: Expression, tokens: &mut Tokens<'s>) -> Result<Expression, Fail> {
        if !matches!(tokens.peek(), Token::Dot | Token::OpenBracket) {
            return Ok(value);
        }
        let at = value.at;
        let path = Path { root: Root::Value(Box::new(value)), segments: self.segments(tokens)? };
        Ok(Expression { term: Term::Path(path), filters: Box::default(), at })
    }

    fn path(&mut self, name: &str, tokens: &mut Tokens<'s>) -> Result<Term, Fail> {
        if !self.roots.contains(name) {
            self.roots.insert(name.into());
        }
        let segments = self.segments(tokens)?;
        if name == "vars" {
            match segments.first() {
                Some(Segment::Key(member)) => _ = self.vars.insert(member.clone()),
                _ => self.any_var = true,
            }
        }
        Ok(Term::Path(Path { root: Root::Name(name.into()), segments }))
    }

    fn segments(&mut self, tokens: &mut Tokens<'s>) -> Result<Box<[Segment]>, Fail> {
        let mut segments = Vec::new();
        loop {
            if tokens.skip(Token::Dot)? {
                segments.push(Segment::Key(tokens.name("a property name after the dot")?.into()));
            } else if tokens.peek() == Token::OpenBracket {
                let inner = self.bracket(tokens)?;
                segments.push(match inner.term {
                    Term::Text(key) => Segment::Key(key),
                    Term::Int(index) => Segment::Index(index),
                    _ => Segment::Computed(Box::new(inner)),
                });
            } else {
                return Ok(segments.into());
            }
        }
    }

    fn bracket(&mut self, tokens: &mut Tokens<'s>) -> Result<Expression, Fail> {
        self.enter(tokens.position())?;
        tokens.take()?;
        let inner = self.term(tokens)?;
        tokens.expect(Token::CloseBracket, "]")?;
        self.depth -= 1;
        Ok(inner)
    }

    fn range(&mut self, tokens: &mut Tokens<'s>) -> Result<Expression, Fail> {
        let at = tokens.position();
        self.enter(at)?;
        tokens.take()?;
        let first = self.term(tokens)?;
        tokens.expect(Token::DotDot, "..")?;
        let last = self.term(tokens)?;
        tokens.expect(Token::CloseParen, ")")?;
        self.depth -= 1;
        let term = Term::Range(Box::new((first, last)));
        Ok(Expression { term, filters: Box::default(), at: at as u32 })
    }

    /// Comparisons joined by `and` and `or`, up to the end of the markup.
    pub(super) fn condition(&mut self, tokens: &mut Tokens<'s>) -> Result<Condition, Fail> {
        let first = self.comparison(tokens)?;
        let mut rest = Vec::new();
        loop {
            let join = match tokens.peek() {
                Token::Name("and") => Join::And,
                Token::Name("or") => Join::Or,
                _ => break,
            };
            tokens.take()?;
            rest.push((join, self.comparison(tokens)?));
        }
        tokens.finish()?;
        Ok(Condition { first, rest: rest.into() })
    }

    fn comparison(&mut self, tokens: &mut Tokens<'s>) -> Result<Comparison, Fail> {
        let left = self.expression(tokens)?;
        let operator = match tokens.peek() {
            Token::Compare(operator) => operator,
            Token::Name("contains") => Operator::Contains,
            _ => return Ok(Comparison { left, right: None }),
        };
        tokens.take()?;
        let right = self.expression(tokens)?;
        Ok(Comparison { left, right: Some((operator, right)) })
    }
}
