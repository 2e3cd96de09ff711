//! Markdown of an e-mail: compiled while the Liquid in it stays (templates.md T9.2).

use std::ops::Range;

use crate::composition::{Composition, FieldId};
use crate::liquid::split::{Part, split};
use crate::liquid::{Template, TemplateError};

/// Adds the HTML of a Markdown field, whose Liquid is opaque to Markdown and keeps its place in the field.
pub(crate) fn email(path: &str, source: &str, out: &mut Composition) -> Result<(), TemplateError> {
    Template::parse(source).map_err(|error| error.within(path))?;
    let parts = split(source).map_err(|fail| fail.locate(source).within(path))?;
    let mark = unused_mark(source);
    let html = super::html(&marked(source, &parts, &mark), false);
    let mut made = Composition::default();
    let field = made.field(path, source);
    restore(&joined_lists(&html, source, &parts, &mark), &parts, &mark, field, &mut made);
    // Only Markdown that takes Liquid apart, a tag in a link definition for one, ends here.
    if let Err(error) = Template::parse(made.source()) {
        let why = format!("Markdown takes the Liquid in it apart: {}", error.message);
        return Err(TemplateError::locate(source, 0, why).within(path));
    }
    out.append(&made);
    Ok(())
}

/// The start of the placeholders: a word, so that emphasis, links and addresses around it work.
fn unused_mark(source: &str) -> String {
    let mut mark = "lq".to_owned();
    while source.contains(&mark) {
        mark.push('q');
    }
    mark + "x"
}

/// The source with a placeholder for every tag and output. A line of nothing but tags becomes a comment: it ends the
/// paragraph before it and gets none of its own.
fn marked(source: &str, parts: &[Part], mark: &str) -> String {
    let mut text = String::with_capacity(source.len());
    let mut line = Line::default();
    for (at, part) in parts.iter().enumerate() {
        match part {
            Part::Text(range) => {
                for piece in source[range.clone()].split_inclusive('\n') {
                    line.text.push_str(piece);
                    line.has_text |= !piece.trim().is_empty();
                    if piece.ends_with('\n') {
                        line.finish(mark, &mut text);
                    }
                }
            }
            Part::Output(_) | Part::Tag(_) => {
                line.has_text |= matches!(part, Part::Output(_));
                line.text.push_str(&format!("{mark}{at}z"));
                line.has_tag = true;
            }
        }
    }
    line.finish(mark, &mut text);
    text
}

#[derive(Default)]
struct Line {
    text: String,
    has_text: bool,
    has_tag: bool,
}

impl Line {
    fn finish(&mut self, mark: &str, out: &mut String) {
        let line = std::mem::take(self);
        if line.has_text || !line.has_tag {
            return out.push_str(&line.text);
        }
        let tags = line.text.trim();
        let indent = line.text.len() - line.text.trim_start().len();
        out.push_str(&line.text[..indent]);
        out.push_str(&format!("<!--{mark}{}-->", tags.replace(char::is_whitespace, "")));
        out.push_str(&line.text[indent + tags.len()..]);
    }
}

/// A list that is all there is in a loop becomes one list with a loop in it (S25).
fn joined_lists(html: &str, source: &str, parts: &[Part], mark: &str) -> String {
    let lines: Vec<&str> = html.split_inclusive('\n').collect();
    let name = |tag: &Range<usize>| -> Option<&str> {
        source[tag.clone()].trim_start_matches(['{', '%', '-', ' ']).split([' ', '-', '%']).next()
    };
    let breaks = parts.iter().any(|part| matches!(part, Part::Tag(tag) if name(tag) == Some("break")));
    let tag_of = |line: &str| {
        let number = line.trim().strip_prefix("<!--")?.strip_suffix("-->")?.strip_prefix(mark)?;
        let number = number.strip_prefix(mark)?.strip_suffix('z')?;
        match parts.get(number.parse::<usize>().ok()?)? {
            Part::Tag(tag) => name(tag),
            _ => None,
        }
    };
    let mut out = String::with_capacity(html.len());
    let mut at = 0;
    while at < lines.len() {
        if tag_of(lines[at]) == Some("for")
            && let Some(name) = lines.get(at + 1).and_then(|line| list_name(line))
            && let Some(last) = list_end(&lines, at + 1)
            && lines.get(last + 1).and_then(|line| tag_of(line)) == Some("endfor")
            // Whoever leaves the loop early never meets its last item.
            && !breaks
        {
            out.push_str(lines[at]);
            out.push_str(&format!("{{% if forloop.first %}}{}{{% endif %}}", lines[at + 1]));
            out.extend(lines[at + 2..last].iter().copied());
            out.push_str(&format!("{{% if forloop.last %}}</{name}>\n{{% endif %}}"));
            at = last + 1;
        }
        out.push_str(lines[at]);
        at += 1;
    }
    out
}

/// The line that closes the list which is opened by line `open`.
fn list_end(lines: &[&str], open: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, line) in lines.iter().enumerate().skip(open) {
        if list_name(line).is_some() {
            depth += 1;
        } else if matches!(line.trim_end(), "</ul>" | "</ol>") {
            depth = depth.checked_sub(1)?;
            if depth == 0 {
                return Some(at);
            }
        }
    }
    None
}

fn list_name(line: &str) -> Option<&'static str> {
    let line = line.trim_end();
    if line == "<ul>" {
        return Some("ul");
    }
    (line == "<ol>" || line.starts_with("<ol start=")).then_some("ol")
}

/// Puts the Liquid back.
fn restore(html: &str, parts: &[Part], mark: &str, field: FieldId, out: &mut Composition) {
    let line_mark = format!("{mark}{mark}");
    let mut rest = html;
    while let Some(found) = rest.find(mark) {
        let (mut before, after) = (&rest[..found], &rest[found..]);
        // Several tags of one line follow one another behind the mark of the line.
        let is_line = after.starts_with(&line_mark);
        let mut tail = if is_line { &after[mark.len()..] } else { after };
        let mut ranges = Vec::new();
        while let Some((at, next)) = placeholder(tail, mark) {
            match parts.get(at) {
                Some(Part::Output(range) | Part::Tag(range)) => ranges.push(range.clone()),
                _ => break,
            }
            tail = next;
            if !is_line {
                break;
            }
        }
        if ranges.is_empty() {
            let end = found + mark.len();
            out.put(field, 0, &rest[..end]);
            rest = &rest[end..];
            continue;
        }
        if is_line {
            // In code blocks the comment stands as text.
            for (open, close) in [("<!--", "-->"), ("&lt;!--", "--&gt;")] {
                if before.ends_with(open) && tail.starts_with(close) {
                    before = &before[..before.len() - open.len()];
                    tail = &tail[close.len()..];
                    break;
                }
            }
        }
        out.put(field, ranges[0].start, before);
        for range in ranges {
            out.put_range(field, range);
        }
        rest = tail;
    }
    out.put(field, 0, rest);
}

/// The number of the placeholder that `text` starts with, and what follows.
fn placeholder<'t>(text: &'t str, mark: &str) -> Option<(usize, &'t str)> {
    let number = text.strip_prefix(mark)?;
    let digits = number.bytes().take_while(u8::is_ascii_digit).count();
    let rest = number[digits..].strip_prefix('z')?;
    Some((number[..digits].parse().ok()?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn html(source: &str) -> String {
        let mut out = Composition::default();
        email("content", source, &mut out).unwrap();
        out.source().trim_end().to_owned()
    }

    #[test]
    fn liquid_is_opaque() {
        for (source, want) in [
            ("Hi **{{ name }}**", "<p>Hi <strong>{{ name }}</strong></p>"),
            ("a\nb", "<p>a\nb</p>"),
            ("# {{ a | default: \"*x*\" }}", "<h1>{{ a | default: \"*x*\" }}</h1>"),
            (
                "[x]({{ vars.app_url }}/a?b=1&c={{ d }})",
                "<p><a href=\"{{ vars.app_url }}/a?b=1&amp;c={{ d }}\">x</a></p>",
            ),
            ("`{{ a }}`", "<p><code class=\"inline\">{{ a }}</code></p>"),
            ("{{ a_b }} and {{ c_d }}", "<p>{{ a_b }} and {{ c_d }}</p>"),
            (
                "|a|\n|-|\n|{{ x | upcase }}|",
                "<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>{{ x | upcase }}</td>\n</tr>\n</tbody>\n</table>",
            ),
            ("{% raw %}**{{ x }}**{% endraw %}", "<p>{% raw %}**{{ x }}**{% endraw %}</p>"),
            ("{% t %}**Hi** {{ n }}{% endt %}!", "<p>{% t %}**Hi** {{ n }}{% endt %}!</p>"),
            ("lqx0z {{ a }}", "<p>lqx0z {{ a }}</p>"),
            (
                "one\n{% if a %}\ntwo\n{% endif %}\nthree",
                "<p>one</p>\n{% if a %}\n<p>two</p>\n{% endif %}\n<p>three</p>",
            ),
            (
                "{% if a %} {% endif %}\n\nx{% if b %}y{% endif %}",
                "{% if a %}{% endif %}\n<p>x{% if b %}y{% endif %}</p>",
            ),
            ("```\n{% if a %}\nx\n{% endif %}\n```", "<pre><code>{% if a %}\nx\n{% endif %}\n</code></pre>"),
            ("{% comment %}\n# no\n{% endcomment %}\nx", "{% comment %}\n# no\n{% endcomment %}\n<p>x</p>"),
            ("<div>\n{{ a }} **b**\n</div>", "<div>\n{{ a }} **b**\n</div>"),
        ] {
            assert_eq!(html(source), want, "{source}");
        }
    }

    #[test]
    fn a_list_in_a_loop_is_one_list() {
        assert_eq!(
            html("{% for a in activities %}\n- {{ a.x }}\n{% endfor %}"),
            "{% for a in activities %}\n{% if forloop.first %}<ul>\n{% endif %}<li>{{ a.x }}</li>\n{% if forloop.last %}</ul>\n{% endif %}{% endfor %}"
        );
        for apart in [
            "{% for a in b %}\n- x\n{% break %}\n{% endfor %}",
            "{% for a in b %}\n- x\n\ny\n{% endfor %}",
            "{% for a in b %}\n- x\n{% else %}\n- y\n{% endfor %}",
        ] {
            assert!(!html(apart).contains("forloop"), "{apart}");
        }
        assert!(html("{% for a in b %}\n- x\n  1. y\n{% endfor %}").matches("forloop").count() == 2);
    }

    #[test]
    fn errors_keep_their_place() {
        let mut out = Composition::default();
        let error = email("visual_blocks[0].content", "a\n\nb {{ x | nope }}", &mut out).unwrap_err();
        assert_eq!((&*error.field, error.line), ("visual_blocks[0].content", 3));
        email("content", "# a\n\nb {{ 1 | divided_by: 0 }}", &mut out).unwrap();
        let scope = serde_json::json!({});
        let options = crate::RenderOptions::at(campanile_core::time::Timestamp(0));
        let error = out.parse().unwrap().render(&scope, &options).unwrap_err();
        assert_eq!((&*error.field, error.line), ("content", 3));
    }
}
