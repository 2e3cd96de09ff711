//! Tells markup from text without understanding it: for whoever moves sources around before they are parsed.

use std::ops::Range;

use super::error::Fail;
use super::lexer::{Lexer, Markup};

/// A part of a source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Part {
    /// Plain text.
    Text(Range<usize>),
    /// Something that prints: an output, `echo`, a partial, the whole of `raw` or `t`.
    Output(Range<usize>),
    /// A tag that prints nothing by itself, or a whole `comment`.
    Tag(Range<usize>),
}

/// Parts of a source, front to back, without gaps.
pub(crate) fn split(source: &str) -> Result<Vec<Part>, Fail> {
    let mut lexer = Lexer::new(source);
    let (mut parts, mut from) = (Vec::new(), 0);
    while let Some(markup) = lexer.next()? {
        let start = lexer.opened();
        let prints = match markup {
            Markup::Text(_) => continue,
            Markup::Output(_) => true,
            Markup::Tag(name, _) => match name.of(source) {
                "raw" => {
                    lexer.raw(start)?;
                    true
                }
                "t" => {
                    skip_translation(source, &mut lexer, start)?;
                    true
                }
                "comment" => {
                    lexer.skip_comment(start)?;
                    false
                }
                name => matches!(name, "echo" | "render" | "cycle" | "increment" | "decrement"),
            },
        };
        let end = lexer.position();
        if from < start {
            parts.push(Part::Text(from..start));
        }
        parts.push(if prints { Part::Output(start..end) } else { Part::Tag(start..end) });
        from = end;
    }
    if from < source.len() {
        parts.push(Part::Text(from..source.len()));
    }
    Ok(parts)
}

fn skip_translation(source: &str, lexer: &mut Lexer<'_>, opened: usize) -> Result<(), Fail> {
    while let Some(markup) = lexer.next()? {
        if matches!(markup, Markup::Tag(name, _) if name.of(source) == "endt") {
            return Ok(());
        }
    }
    Err(Fail::new(opened, "t is not closed with endt"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_no_gaps() {
        for (source, want) in [
            ("", ""),
            ("a {{ b }} c", "'a ' {{ b }} ' c'"),
            ("{{- a -}}  {%- if b -%} c{% endif %}", "{{- a -}} '  ' [{%- if b -%}] ' c' [{% endif %}]"),
            ("x{% raw %}{{ y }}{% endraw %}z", "'x' {% raw %}{{ y }}{% endraw %} 'z'"),
            ("{% t %}Hi {{ n }}{% endt %}!", "{% t %}Hi {{ n }}{% endt %} '!'"),
            ("{% comment %}{% if %}{% endcomment %}", "[{% comment %}{% if %}{% endcomment %}]"),
            ("{% render 'a' %}{% # note %}", "{% render 'a' %} [{% # note %}]"),
        ] {
            let told = split(source).unwrap().into_iter().map(|part| match part {
                Part::Text(at) => format!("'{}'", &source[at]),
                Part::Output(at) => source[at].to_owned(),
                Part::Tag(at) => format!("[{}]", &source[at]),
            });
            assert_eq!(told.collect::<Vec<_>>().join(" "), want, "{source}");
        }
        assert!(split("{{ a").is_err() && split("{% t %}").is_err());
    }
}
