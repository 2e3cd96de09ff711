//! Markdown as Slack's own dialect: bold has one star, links have angle brackets, `&<>` are escaped.

/// How far a mark looks for its end: texts full of marks must not cost the square of their length.
const LOOK_AHEAD_BYTES: usize = 2000;

/// Translates what differs; everything else is left as written. Code keeps its stars and brackets.
pub fn from_markdown(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len());
    let mut rest = markdown;
    while let Some(c) = rest.chars().next() {
        if let Some((code, after)) = code(rest) {
            escape(code, &mut out);
            rest = after;
        } else if let Some((inner, after)) = bold(rest) {
            out.push('*');
            out.push_str(&from_markdown(inner));
            out.push('*');
            rest = after;
        } else if let Some((text, url, after)) = link(rest) {
            out.push('<');
            escape(url, &mut out);
            out.push('|');
            escape(text, &mut out);
            out.push('>');
            rest = after;
        } else {
            escape(&rest[..c.len_utf8()], &mut out);
            rest = &rest[c.len_utf8()..];
        }
    }
    out
}

/// Escapes the three characters that Slack reads as markup.
pub fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            c => out.push(c),
        }
    }
}

/// A code span or fence at the start, with its marks.
fn code(text: &str) -> Option<(&str, &str)> {
    let marks = text.bytes().take_while(|byte| *byte == b'`').count();
    if marks == 0 {
        return None;
    }
    let fence = &text[..marks];
    let end = marks + text[marks..].find(fence)? + marks;
    Some(text.split_at(end))
}

/// The rest of the line, or as much of it as is looked at.
fn near(text: &str) -> &str {
    let near = &text[..text.floor_char_boundary(LOOK_AHEAD_BYTES)];
    near.split('\n').next().unwrap_or(near)
}

fn bold(text: &str) -> Option<(&str, &str)> {
    let mark = ["**", "__"].into_iter().find(|mark| text.starts_with(mark))?;
    let inner = &text[2..];
    let end = near(inner).find(mark)?;
    let inside = &inner[..end];
    let plausible = !inside.is_empty() && inside.trim() == inside;
    plausible.then(|| (inside, &inner[end + 2..]))
}

/// `[text](url)` or `[text](url "title")` at the start.
fn link(text: &str) -> Option<(&str, &str, &str)> {
    let inner = text.strip_prefix('[')?;
    let close = near(inner).find("](")?;
    let label = &inner[..close];
    let target = &inner[close + 2..];
    let end = near(target).find(')')?;
    let url = target[..end].split_whitespace().next()?;
    let plausible = !label.is_empty() && !label.contains(['[', ']']) && !url.contains(['|', '<', '>']);
    plausible.then(|| (label, url, &target[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn translates_what_differs() {
        for (markdown, want) in [
            ("**x** and __y__", "*x* and *y*"),
            ("[a & b](https://x.io/?a=1&b=2)", "<https://x.io/?a=1&amp;b=2|a &amp; b>"),
            ("[t](https://x.io \"title\")", "<https://x.io|t>"),
            ("**[t](https://x.io)**", "*<https://x.io|t>*"),
            ("a < b & c > d", "a &lt; b &amp; c &gt; d"),
            ("`**x**` stays", "`**x**` stays"),
            ("```\n[a](b) <c>\n```", "```\n[a](b) &lt;c&gt;\n```"),
            ("2 ** 3 ** 4", "2 ** 3 ** 4"),
            ("**open", "**open"),
            ("[not a link]", "[not a link]"),
            ("`open **b**", "`open *b*"),
            ("Ü **ß**", "Ü *ß*"),
            ("", ""),
        ] {
            assert_eq!(from_markdown(markdown), want, "{markdown}");
        }
    }
}
