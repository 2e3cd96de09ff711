//! The syntax of URL patterns. Clients build all patterns of all guides while they load, and one that is not valid
//! makes the whole fetch fail for everyone (in-app.md IA12.3); so what is doubtful is refused.

use std::iter::Peekable;
use std::str::Chars;

const INVALID: &str = "is not a valid URL pattern";

/// Why a text cannot be the `pathname` of a pattern.
pub(super) fn pathname_problem(text: &str) -> Option<&'static str> {
    let starts_well = text.starts_with(['/', '*', ':', '{', '(']);
    if !starts_well || text.contains(char::is_whitespace) {
        return Some("must be a path that starts with /");
    }
    syntax_problem(text)
}

/// Why a text cannot be the `search` of a pattern.
pub(super) fn search_problem(text: &str) -> Option<&'static str> {
    if text.starts_with('?') {
        return Some("must not start with ?");
    }
    syntax_problem(text)
}

fn syntax_problem(text: &str) -> Option<&'static str> {
    let mut pattern = Pattern { rest: text.chars().peekable(), names: Vec::new() };
    pattern.read().is_none().then_some(INVALID)
}

/// A walk over the pattern; `None` at the first thing that its grammar does not know.
struct Pattern<'p> {
    rest: Peekable<Chars<'p>>,
    names: Vec<String>,
}

impl Pattern<'_> {
    fn read(&mut self) -> Option<()> {
        let mut in_group = false;
        // Modifiers follow a group, a name or an expression; `*` alone is a wildcard.
        let mut modifiable = false;
        while let Some(c) = self.rest.next() {
            modifiable = match c {
                '\\' => {
                    self.rest.next()?;
                    false
                }
                '{' if in_group => return None,
                '{' => {
                    in_group = true;
                    false
                }
                '}' if !in_group => return None,
                '}' => {
                    in_group = false;
                    true
                }
                ':' => {
                    let name = self.name()?;
                    if self.names.contains(&name) {
                        return None;
                    }
                    self.names.push(name);
                    if self.rest.peek() == Some(&'(') {
                        self.rest.next();
                        self.expression()?;
                    }
                    true
                }
                '(' => {
                    self.expression()?;
                    true
                }
                '*' => !modifiable,
                '?' | '+' if !modifiable => return None,
                _ => false,
            };
        }
        (!in_group).then_some(())
    }

    fn name(&mut self) -> Option<String> {
        let mut name = String::new();
        while let Some(c) = self.rest.next_if(|c| c.is_alphanumeric() || matches!(c, '_' | '$')) {
            name.push(c);
        }
        (!name.is_empty() && !name.starts_with(|c: char| c.is_numeric())).then_some(name)
    }

    /// An expression up to its closing bracket. Only what every engine of regular expressions reads alike passes.
    fn expression(&mut self) -> Option<()> {
        let mut source = String::new();
        let mut depth = 0;
        loop {
            let c = self.rest.next().filter(char::is_ascii)?;
            match c {
                '\\' => {
                    source.push(c);
                    source.push(
                        self.rest
                            .next()
                            .filter(|c| c.is_ascii() && "dDwWsS.*+?()[]{}|/\\^$-".contains(*c))?,
                    );
                    continue;
                }
                '(' => {
                    // A group inside must not capture.
                    depth += 1;
                    self.rest.next_if_eq(&'?')?;
                    self.rest.next_if_eq(&':')?;
                    source.push_str("(?:");
                    continue;
                }
                ')' if depth == 0 => break,
                ')' => depth -= 1,
                _ => {}
            }
            source.push(c);
        }
        let sets =
            source.contains("[[") || source.contains("&&") || source.contains("--") || source.contains("~~");
        (!source.is_empty() && !sets && regex_syntax::parse(&source).is_ok()).then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refuses_what_clients_cannot_build() {
        for (pathname, valid) in [
            ("/", true),
            ("/dashboard/*", true),
            ("*", true),
            ("/a/:id", true),
            ("/a/:id(\\d+)", true),
            ("/a/:id?", true),
            ("/a/:x/:y*", true),
            ("/a{/b}?", true),
            ("/a/(x|y)", true),
            ("/a/(?:x|y)", false),
            ("/a/((?:x|y)+)", true),
            ("/a\\:b", true),
            ("/caf\u{e9}", true),
            ("dashboard", false),
            ("/a b", false),
            ("/a/:", false),
            ("/a/:1", false),
            ("/a/:id/:id", false),
            ("/a{/b", false),
            ("/a}/b", false),
            ("/a{{b}}", false),
            ("/a/(", false),
            ("/a/()", false),
            ("/a/(x", false),
            ("/a/((x))", false),
            ("/a/(*)", false),
            ("/a/([z-a])", false),
            ("/a?", false),
            ("/a+", false),
            ("/a/**", true),
            ("/a/***", true),
            ("/a\\", false),
        ] {
            assert_eq!(pathname_problem(pathname).is_none(), valid, "{pathname}");
        }
        for (search, valid) in [
            ("tab=settings&*", true),
            ("id=*", true),
            ("?id=*", false),
            ("id=:id", true),
            ("a=(", false),
            ("a=b c", true),
        ] {
            assert_eq!(search_problem(search).is_none(), valid, "{search}");
        }
    }
}
