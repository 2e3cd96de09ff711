//! Tags (templates.md 2.2). One function per tag; a new tag is one more arm and one function.

use super::{Parser, Tag};
use crate::liquid::ast::{Branch, Case, CaseArm, Cycle, For, Node, Offset, Render, Span, Translate};
use crate::liquid::error::Fail;
use crate::liquid::token::{Token, Tokens};

impl<'s> Parser<'s> {
    pub(super) fn tag(&mut self, tag: Tag<'s>) -> Result<Option<Node>, Fail> {
        Ok(Some(match tag.name {
            "#" => return self.inline_comment(tag),
            "comment" => {
                self.lexer.skip_comment(tag.at)?;
                return Ok(None);
            }
            "raw" => {
                self.tokens(tag)?.finish()?;
                Node::Text(self.lexer.raw(tag.at)?)
            }
            "echo" => return self.echo(tag),
            "assign" => self.assign(tag)?,
            "capture" => self.capture(tag)?,
            "if" => self.branches(tag, false)?,
            "unless" => self.branches(tag, true)?,
            "case" => self.case(tag)?,
            "for" => Node::For(Box::new(self.for_loop(tag, true)?)),
            "tablerow" => Node::TableRow(Box::new(self.for_loop(tag, false)?)),
            "break" => self.bare(tag, Node::Break)?,
            "continue" => self.bare(tag, Node::Continue)?,
            "increment" => self.counter(tag, 1)?,
            "decrement" => self.counter(tag, -1)?,
            "cycle" => self.cycle(tag)?,
            "render" => self.render(tag)?,
            "t" => self.translate(tag)?,
            "else" | "elsif" | "when" => {
                return Err(Fail::new(tag.at, format!("{} outside of a block it belongs to", tag.name)));
            }
            name if name.starts_with("end") => {
                return Err(Fail::new(tag.at, format!("{name} closes nothing that is open here")));
            }
            "" => return Err(Fail::new(tag.at, "tag without a name")),
            name => return Err(Fail::new(tag.at, format!("unknown tag {name:?}"))),
        }))
    }

    fn inline_comment(&mut self, tag: Tag<'s>) -> Result<Option<Node>, Fail> {
        let stray = tag.body.of(self.source).lines().skip(1).find(|line| {
            let line = line.trim();
            !line.is_empty() && !line.starts_with('#')
        });
        match stray {
            Some(_) => Err(Fail::new(tag.at, "every line of an inline comment starts with #")),
            None => Ok(None),
        }
    }

    fn bare(&self, tag: Tag<'s>, node: Node) -> Result<Node, Fail> {
        self.tokens(tag)?.finish()?;
        Ok(node)
    }

    fn echo(&mut self, tag: Tag<'s>) -> Result<Option<Node>, Fail> {
        let mut tokens = self.tokens(tag)?;
        if tokens.peek() == Token::End {
            return Ok(None);
        }
        let expression = self.expression(&mut tokens)?;
        tokens.finish()?;
        Ok(Some(Node::Output(expression)))
    }

    fn assign(&mut self, tag: Tag<'s>) -> Result<Node, Fail> {
        let mut tokens = self.tokens(tag)?;
        let name = variable(&mut tokens)?;
        tokens.expect(Token::Assign, "=")?;
        let expression = self.expression(&mut tokens)?;
        tokens.finish()?;
        Ok(Node::Assign(name, expression))
    }

    fn capture(&mut self, tag: Tag<'s>) -> Result<Node, Fail> {
        let mut tokens = self.tokens(tag)?;
        let name = match tokens.peek() {
            Token::Text(name) => {
                tokens.take()?;
                name.into()
            }
            _ => variable(&mut tokens)?,
        };
        tokens.finish()?;
        let (body, _) = self.body(tag, &["endcapture"])?;
        Ok(Node::Capture(name, body))
    }

    fn branches(&mut self, tag: Tag<'s>, unless: bool) -> Result<Node, Fail> {
        let end_name = if unless { "endunless" } else { "endif" };
        let ends = ["elsif", "else", end_name];
        let mut branches = Vec::new();
        let mut condition = Some(self.condition(&mut self.tokens(tag)?)?);
        let mut negated = unless;
        loop {
            let (body, end) = self.body(tag, &ends)?;
            branches.push(Branch { condition, negated, body });
            negated = false;
            condition = match end.name {
                "elsif" => Some(self.condition(&mut self.tokens(end)?)?),
                // What follows `else` is ignored, as by every other engine.
                "else" => None,
                _ => return Ok(Node::If(branches.into())),
            };
        }
    }

    fn case(&mut self, tag: Tag<'s>) -> Result<Node, Fail> {
        let mut tokens = self.tokens(tag)?;
        let subject = self.expression(&mut tokens)?;
        tokens.finish()?;
        let ends = ["when", "else", "endcase"];
        // Text before the first `when` is dropped (templates.md 2.2).
        let (_, mut end) = self.body(tag, &ends)?;
        let mut arms = Vec::new();
        loop {
            let values = match end.name {
                "when" => Some(self.when(end)?),
                // What follows `else` is ignored, as by every other engine.
                "else" => None,
                _ => return Ok(Node::Case(Box::new(Case { subject, arms: arms.into() }))),
            };
            let (body, next) = self.body(tag, &ends)?;
            arms.push(CaseArm { values, body });
            end = next;
        }
    }

    fn when(&mut self, tag: Tag<'s>) -> Result<Box<[crate::liquid::ast::Expression]>, Fail> {
        let mut tokens = self.tokens(tag)?;
        let mut values = vec![self.term(&mut tokens)?];
        while tokens.skip(Token::Comma)? || tokens.skip(Token::Name("or"))? {
            if tokens.peek() == Token::End {
                break;
            }
            values.push(self.term(&mut tokens)?);
        }
        tokens.finish()?;
        Ok(values.into())
    }

    fn for_loop(&mut self, tag: Tag<'s>, may_have_else: bool) -> Result<For, Fail> {
        let mut tokens = self.tokens(tag)?;
        let start = tokens.position();
        let variable = tokens.name("the name of the loop variable")?;
        if !tokens.skip(Token::Name("in"))? {
            return Err(tokens.unexpected("in"));
        }
        let list_at = tokens.position();
        let list = self.term(&mut tokens)?;
        let key = format!("{variable}-{}", tokens.text_since(list_at));
        let mut made = For {
            at: start as u32,
            variable: variable.into(),
            list,
            key: key.into(),
            limit: None,
            offset: Offset::None,
            columns: None,
            reversed: false,
            body: Box::default(),
            otherwise: Box::default(),
        };
        self.loop_options(&mut tokens, &mut made)?;
        let ends: &[&str] = if may_have_else { &["else", "endfor"] } else { &["endtablerow"] };
        let (body, end) = self.body(tag, ends)?;
        made.body = body;
        if end.name == "else" {
            made.otherwise = self.body(tag, &["endfor"])?.0;
        }
        Ok(made)
    }

    fn loop_options(&mut self, tokens: &mut Tokens<'s>, made: &mut For) -> Result<(), Fail> {
        loop {
            tokens.skip(Token::Comma)?;
            if tokens.peek() == Token::End {
                return Ok(());
            }
            let option = tokens.name("limit, offset or reversed")?;
            if option == "reversed" {
                made.reversed = true;
                continue;
            }
            let is_known = matches!(option, "limit" | "offset" | "cols");
            if !tokens.skip(Token::Colon)? {
                if is_known {
                    return Err(tokens.unexpected(":"));
                }
                // Options of other engines mean nothing here; the CLI's parser lets them pass.
                continue;
            }
            if option == "offset" && tokens.skip(Token::Name("continue"))? {
                made.offset = Offset::Continue;
                continue;
            }
            let value = self.term(tokens)?;
            match option {
                "limit" => made.limit = Some(value),
                "offset" => made.offset = Offset::At(value),
                "cols" => made.columns = Some(value),
                _ => {}
            }
        }
    }

    fn counter(&mut self, tag: Tag<'s>, step: i64) -> Result<Node, Fail> {
        let mut tokens = self.tokens(tag)?;
        let name = variable(&mut tokens)?;
        tokens.finish()?;
        Ok(Node::Increment(name, step))
    }

    /// `{% render 'key', name: value %}`; the key is a literal, so that it is known before rendering (T6.1).
    fn render(&mut self, tag: Tag<'s>) -> Result<Node, Fail> {
        let mut tokens = self.tokens(tag)?;
        let Token::Text(key) = tokens.peek() else {
            return Err(tokens.unexpected("the key of a partial in quotes"));
        };
        tokens.take()?;
        let mut arguments = Vec::new();
        loop {
            tokens.skip(Token::Comma)?;
            if tokens.peek() == Token::End {
                break;
            }
            let name = tokens.name("the name of an argument")?;
            if matches!(name, "for" | "with" | "as") && tokens.peek() != Token::Colon {
                return Err(Fail::new(tag.at, format!("render takes no {name:?} modifier")));
            }
            tokens.expect(Token::Colon, ":")?;
            arguments.push((name.into(), self.expression(&mut tokens)?));
        }
        self.partials.insert(key.into());
        // What a partial reads besides its arguments.
        self.roots.insert("vars".into());
        Ok(Node::Render(Box::new(Render { at: tag.at as u32, key: key.into(), arguments: arguments.into() })))
    }

    /// `{% t %}source{% endt %}`; the source is kept as it is written, since it is the key (S17).
    fn translate(&mut self, tag: Tag<'s>) -> Result<Node, Fail> {
        if self.in_translation {
            return Err(Fail::new(tag.at, "t cannot stand inside a translation"));
        }
        self.tokens(tag)?.finish()?;
        let start = self.lexer.position();
        self.in_translation = true;
        let (body, _) = self.body(tag, &["endt"])?;
        self.in_translation = false;
        self.translates();
        let key = Span::new(start, self.lexer.opened());
        self.translation_keys.insert(key.of(self.source).into());
        Ok(Node::Translate(Box::new(Translate { at: tag.at as u32, key, body })))
    }

    /// Translated texts may read anything.
    pub(super) fn translates(&mut self) {
        self.translates = true;
        self.any_root = true;
    }

    fn cycle(&mut self, tag: Tag<'s>) -> Result<Node, Fail> {
        let mut tokens = self.tokens(tag)?;
        let mut start = tokens.position();
        let first = self.term(&mut tokens)?;
        let mut values = Vec::new();
        let group = if tokens.skip(Token::Colon)? {
            start = tokens.position();
            Some(first)
        } else {
            values.push(first);
            tokens.skip(Token::Comma)?;
            None
        };
        while tokens.peek() != Token::End {
            values.push(self.term(&mut tokens)?);
            tokens.skip(Token::Comma)?;
        }
        let key = tokens.text_since(start).into();
        Ok(Node::Cycle(Box::new(Cycle { group, key, values: values.into() })))
    }
}

fn variable(tokens: &mut Tokens<'_>) -> Result<Box<str>, Fail> {
    Ok(tokens.name("a variable name")?.into())
}
