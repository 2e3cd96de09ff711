//! Words of an expression: names, literals, operators.

use rust_decimal::Decimal;

use super::ast::{Operator, Span};
use super::error::Fail;

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Token<'s> {
    Name(&'s str),
    Text(&'s str),
    Int(i64),
    Decimal(Decimal),
    Compare(Operator),
    Assign,
    Dot,
    DotDot,
    Comma,
    Colon,
    Pipe,
    OpenBracket,
    CloseBracket,
    OpenParen,
    CloseParen,
    End,
}

/// Tokens of one piece of markup, with one token of lookahead.
pub(crate) struct Tokens<'s> {
    source: &'s str,
    at: usize,
    end: usize,
    next: Token<'s>,
    next_at: usize,
    before: usize,
}

impl<'s> Tokens<'s> {
    pub(crate) fn new(source: &'s str, span: Span) -> Result<Self, Fail> {
        let (start, end) = (span.start as usize, span.end as usize);
        let mut tokens = Self { source, at: start, end, next: Token::End, next_at: start, before: start };
        tokens.advance()?;
        Ok(tokens)
    }

    /// The token about to be taken.
    pub(crate) fn peek(&self) -> Token<'s> {
        self.next
    }

    /// Where that token starts.
    pub(crate) fn position(&self) -> usize {
        self.next_at
    }

    /// The source from `start` to the end of the last token taken.
    pub(crate) fn text_since(&self, start: usize) -> &'s str {
        self.source.get(start..self.before).unwrap_or_default()
    }

    /// Takes the next token.
    pub(crate) fn take(&mut self) -> Result<Token<'s>, Fail> {
        let token = self.next;
        self.advance()?;
        Ok(token)
    }

    /// Takes the next token when it is `token`.
    pub(crate) fn skip(&mut self, token: Token<'_>) -> Result<bool, Fail> {
        let same = self.next == token;
        if same {
            self.advance()?;
        }
        Ok(same)
    }

    /// Takes the next token or refuses it.
    pub(crate) fn expect(&mut self, token: Token<'_>, what: &str) -> Result<(), Fail> {
        if self.skip(token)? { Ok(()) } else { Err(self.unexpected(what)) }
    }

    /// Takes a name or refuses the token.
    pub(crate) fn name(&mut self, what: &str) -> Result<&'s str, Fail> {
        match self.next {
            Token::Name(name) => {
                self.advance()?;
                Ok(name)
            }
            _ => Err(self.unexpected(what)),
        }
    }

    /// Refuses anything left over, but for a comma, which the CLI's parser lets pass.
    pub(crate) fn finish(&mut self) -> Result<(), Fail> {
        self.skip(Token::Comma)?;
        if self.next == Token::End { Ok(()) } else { Err(self.unexpected("the end of the markup")) }
    }

    pub(crate) fn unexpected(&self, wanted: &str) -> Fail {
        let found = match self.next {
            Token::End => "nothing".to_owned(),
            _ => format!("{:?}", self.source.get(self.next_at..self.at).unwrap_or_default()),
        };
        Fail::new(self.next_at, format!("expected {wanted}, found {found}"))
    }

    fn advance(&mut self) -> Result<(), Fail> {
        self.before = self.at;
        let rest = &self.source[self.at..self.end];
        let text = rest.trim_start();
        self.at += rest.len() - text.len();
        self.next_at = self.at;
        let bytes = text.as_bytes();
        let second = bytes.get(1).copied();
        let (token, length) = match bytes.first().copied() {
            None => (Token::End, 0),
            Some(quote @ (b'"' | b'\'')) => match text[1..].find(quote as char) {
                Some(length) => (Token::Text(&text[1..=length]), length + 2),
                None => return Err(Fail::new(self.at, "text is not closed with its quote")),
            },
            Some(b'.') if second == Some(b'.') => (Token::DotDot, 2),
            Some(b'.') => (Token::Dot, 1),
            Some(b',') => (Token::Comma, 1),
            Some(b':') => (Token::Colon, 1),
            Some(b'|') => (Token::Pipe, 1),
            Some(b'[') => (Token::OpenBracket, 1),
            Some(b']') => (Token::CloseBracket, 1),
            Some(b'(') => (Token::OpenParen, 1),
            Some(b')') => (Token::CloseParen, 1),
            Some(b'=') if second == Some(b'=') => (Token::Compare(Operator::Equal), 2),
            Some(b'=') => (Token::Assign, 1),
            Some(b'!') if second == Some(b'=') => (Token::Compare(Operator::NotEqual), 2),
            Some(b'<') if second == Some(b'>') => (Token::Compare(Operator::NotEqual), 2),
            Some(b'<') if second == Some(b'=') => (Token::Compare(Operator::LessOrEqual), 2),
            Some(b'<') => (Token::Compare(Operator::Less), 1),
            Some(b'>') if second == Some(b'=') => (Token::Compare(Operator::GreaterOrEqual), 2),
            Some(b'>') => (Token::Compare(Operator::Greater), 1),
            Some(b'0'..=b'9') => number(text, self.at)?,
            Some(b'-') if second.is_some_and(|b| b.is_ascii_digit()) => number(text, self.at)?,
            Some(_) => name(text, self.at)?,
        };
        self.next = token;
        self.at += length;
        Ok(())
    }
}

fn number(text: &str, at: usize) -> Result<(Token<'_>, usize), Fail> {
    let digits = |from: usize| from + text[from..].bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(usize::from(text.starts_with('-')));
    let fraction = text[whole..].starts_with('.') && !text[whole..].starts_with("..");
    let end = if fraction { digits(whole + 1) } else { whole };
    let too_large = || Fail::new(at, format!("number {} is out of range", &text[..end.min(40)]));
    if end > whole + 1 {
        let value = Decimal::from_str_exact(&text[..end]).or_else(|_| text[..end].parse());
        return Ok((Token::Decimal(value.map_err(|_| too_large())?), end));
    }
    Ok((Token::Int(text[..whole].parse().map_err(|_| too_large())?), end))
}

fn name(text: &str, at: usize) -> Result<(Token<'_>, usize), Fail> {
    let first = text.chars().next().unwrap_or('_');
    if !(first.is_alphabetic() || first == '_') {
        return Err(Fail::new(at, format!("unexpected character {first:?}")));
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '-')).unwrap_or(text.len());
    let end = end + usize::from(text[end..].starts_with('?'));
    Ok((Token::Name(&text[..end]), end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_words() {
        for (text, want) in [
            ("a.b-c[0]?", "Name(\"a\") Dot Name(\"b-c\") OpenBracket Int(0) CloseBracket !8"),
            ("(1..3)", "OpenParen Int(1) DotDot Int(3) CloseParen"),
            ("-1.50 >= 'x'", "Decimal(-1.50) Compare(GreaterOrEqual) Text(\"x\")"),
            ("a ? b", "Name(\"a\") !2"),
            ("'open", "!0"),
            ("99999999999999999999", "!0"),
        ] {
            let mut out = Vec::new();
            let mut tokens = Tokens::new(text, Span::new(0, text.len()));
            loop {
                let step = tokens.as_mut().map_or_else(|fail| Err(fail.at), |t| Ok((t.peek(), t.take())));
                match step {
                    Ok((Token::End, _)) => break,
                    Ok((token, result)) => {
                        out.push(format!("{token:?}"));
                        if let Err(fail) = result {
                            out.push(format!("!{}", fail.at));
                            break;
                        }
                    }
                    Err(at) => {
                        out.push(format!("!{at}"));
                        break;
                    }
                }
            }
            assert_eq!(out.join(" "), want, "{text}");
        }
    }
}
