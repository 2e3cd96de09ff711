//! Markdown as Slack's own dialect (templates.md T9.4): bold has one star, italics have underscores, struck out text one
//! tilde, headings are bold lines, bullets are dots, links have angle brackets, and `&<>` are escaped.

/// How far a mark looks for its end: texts full of marks must not cost the square of their length.
const LOOK_AHEAD_BYTES: usize = 2000;
/// The same for the address of a link: a tracked one holds the whole of another.
const ADDRESS_BYTES_MAX: usize = 8_192;

/// Translates what differs; everything else is left as written. Code keeps its stars and brackets.
pub fn from_markdown(markdown: &str) -> String {
    let mut out = String::with_capacity(markdown.len());
    let mut rest = markdown;
    while !rest.is_empty() {
        if let Some((text, after)) = heading(rest) {
            out.push('*');
            inline(text, true, &mut out);
            out.push('*');
            rest = after;
            continue;
        }
        if let Some((indent, after)) = bullet(rest) {
            out.push_str(indent);
            out.push_str("• ");
            rest = after;
        }
        rest = line(rest, &mut out);
    }
    out
}

/// One line, or more where code goes over several. Returns what follows.
fn line<'t>(text: &'t str, out: &mut String) -> &'t str {
    let mut rest = text;
    loop {
        let end = rest.find(['\n', '`']).unwrap_or(rest.len());
        // Marks may reach over a code span, so the line is read whole unless a fence begins in it.
        let end = if rest[end..].starts_with('`') {
            rest[end..].find('\n').map_or(rest.len(), |at| end + at)
        } else {
            end
        };
        if let Some(fence) = rest[..end].find("```") {
            inline(&rest[..fence], false, out);
            match code(&rest[fence..]) {
                Some((code, after)) => {
                    escape(code, out);
                    rest = after;
                    continue;
                }
                None => {
                    escape("```", out);
                    rest = &rest[fence + 3..];
                    continue;
                }
            }
        }
        inline(&rest[..end], false, out);
        if end == rest.len() {
            return "";
        }
        out.push('\n');
        return &rest[end + 1..];
    }
}

/// Text of one line. Inside bold text there is no more bold.
fn inline(text: &str, in_bold: bool, out: &mut String) {
    let mut rest = text;
    let mut before = ' ';
    while let Some(c) = rest.chars().next() {
        let after = if let Some((code, after)) = code(rest) {
            escape(code, out);
            after
        } else if let Some(escaped) = rest.strip_prefix('\\').filter(|next| next.starts_with(is_mark)) {
            let (mark, after) = escaped.split_at(1);
            escape(mark, out);
            after
        } else if let Some((inner, after)) = between(rest, &["**", "__"], before) {
            let star = if in_bold { "" } else { "*" };
            out.push_str(star);
            inline(inner, true, out);
            out.push_str(star);
            after
        } else if let Some((inner, after)) = between(rest, &["~~"], before) {
            out.push('~');
            inline(inner, in_bold, out);
            out.push('~');
            after
        } else if let Some((inner, after)) = between(rest, &["*", "_"], before) {
            out.push('_');
            inline(inner, in_bold, out);
            out.push('_');
            after
        } else if let Some((text, url, after)) = link(rest) {
            out.push('<');
            escape(url, out);
            out.push('|');
            escape(text, out);
            out.push('>');
            after
        } else if let Some((url, after)) = bare_link(rest) {
            out.push('<');
            escape(url, out);
            out.push('>');
            after
        } else {
            let (piece, after) = rest.split_at(c.len_utf8());
            escape(piece, out);
            after
        };
        before = rest[..rest.len() - after.len()].chars().next_back().unwrap_or(' ');
        rest = after;
    }
}

/// `## Title` at the start of a line, and what follows with its line feed.
fn heading(text: &str) -> Option<(&str, &str)> {
    let marks = text.bytes().take_while(|byte| *byte == b'#').count();
    let title = text[marks..].split('\n').next().unwrap_or_default();
    let after = &text[marks + title.len()..];
    let is_heading = (1..=6).contains(&marks) && title.starts_with(' ') && !title.trim().is_empty();
    is_heading.then(|| (title.trim().trim_end_matches('#').trim_end(), after))
}

/// The indent of a list item at the start of a line, and its text.
fn bullet(text: &str) -> Option<(&str, &str)> {
    let item = text.trim_start_matches([' ', '\t']);
    let (indent, _) = text.split_at(text.len() - item.len());
    ["- ", "* ", "+ "].into_iter().find_map(|mark| item.strip_prefix(mark)).map(|after| (indent, after))
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
    line_within(text, LOOK_AHEAD_BYTES)
}

fn line_within(text: &str, bytes_max: usize) -> &str {
    let near = &text[..text.floor_char_boundary(bytes_max)];
    near.split('\n').next().unwrap_or(near)
}

/// What stands between one of the marks at the start and its twin. Marks hug their text, and `_` stands at the edges of
/// words: `snake_case` and `2 * 3 * 4` are left alone.
fn between<'t>(text: &'t str, marks: &[&str], before: char) -> Option<(&'t str, &'t str)> {
    let mark = *marks.iter().find(|mark| text.starts_with(**mark))?;
    let in_words = mark.starts_with('_');
    if in_words && before.is_alphanumeric() {
        return None;
    }
    let inner = &text[mark.len()..];
    let near = near(inner);
    if near.starts_with(char::is_whitespace) {
        return None;
    }
    let (mut from, mut may_be_code) = (0, true);
    while let Some(at) = near[from..].find(['`', mark_of(mark)]).map(|at| from + at) {
        if near[at..].starts_with('`') {
            // Marks inside code are none. What looked in vain for its end is not asked again.
            let skipped = code(&near[at..]).filter(|_| may_be_code).map(|(code, _)| code.len());
            may_be_code = skipped.is_some();
            from = at + skipped.unwrap_or(1);
            continue;
        }
        let Some(after) = inner[at..].strip_prefix(mark) else {
            from = at + 1;
            continue;
        };
        let hugs = at > 0 && !near[..at].ends_with(|c: char| c.is_whitespace() || c == '\\');
        let apart = !(in_words && after.starts_with(char::is_alphanumeric));
        // A single mark does not end in the middle of a double one.
        let single = mark.len() == 1;
        let doubled = single && (after.starts_with(mark) || near[..at].ends_with(mark));
        if hugs && apart && !doubled {
            // Of three marks the outer two are bold, the inner one is italic.
            let extra =
                usize::from(!single && after.starts_with(mark_of(mark)) && inner.starts_with(mark_of(mark)));
            return Some((&inner[..at + extra], &after[extra..]));
        }
        from = at + mark.len() + usize::from(doubled && after.starts_with(mark));
    }
    None
}

/// The character that a mark is made of.
fn mark_of(mark: &str) -> char {
    mark.chars().next().unwrap_or('*')
}

/// What a backslash makes an ordinary character.
fn is_mark(c: char) -> bool {
    matches!(c, '*' | '_' | '~' | '`' | '[' | ']' | '(' | ')' | '#' | '-' | '+' | '\\' | '!' | '<' | '>')
}

/// `<https://…>` at the start: the same in both.
fn bare_link(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('<')?;
    let end = line_within(inner, ADDRESS_BYTES_MAX).find('>')?;
    let url = &inner[..end];
    let is_url = ["https://", "http://", "mailto:"].iter().any(|scheme| url.starts_with(scheme));
    (is_url && !url.contains(char::is_whitespace)).then(|| (url, &inner[end + 1..]))
}

/// `[text](url)` or `[text](url "title")` at the start; an image becomes a link to itself.
fn link(text: &str) -> Option<(&str, &str, &str)> {
    let inner = text.strip_prefix("![").or_else(|| text.strip_prefix('['))?;
    let close = near(inner).find("](")?;
    let label = &inner[..close];
    let target = &inner[close + 2..];
    let end = line_within(target, ADDRESS_BYTES_MAX).find(')')?;
    let url = target[..end].split_whitespace().next()?;
    let plausible = !label.is_empty() && !label.contains(['[', ']']) && !url.contains(['|', '<', '>']);
    plausible.then(|| (label, url, &target[end + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hostile_text_ends() {
        for piece in ["*a ", "_a*", "**", "~~a", "`*", "[a](", "- ", "# ", "*`", "<https://a"] {
            let markdown = piece.repeat(20_000);
            assert!(from_markdown(&markdown).len() >= 20_000, "{piece}");
        }
    }

    #[test]
    fn addresses_may_be_long() {
        let url = format!("https://x.io/{}", "a".repeat(6_000));
        assert_eq!(from_markdown(&format!("[t]({url})")), format!("<{url}|t>"));
    }

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
            ("*i* and _i_", "_i_ and _i_"),
            ("***both*** and **a *b* c**", "*_both_* and *a _b_ c*"),
            ("~~s~~ ~no~", "~s~ ~no~"),
            ("# Title\n## **Two** ##\n#hash", "*Title*\n*Two*\n#hash"),
            ("- a\n  * **b**\n+ c\n-d", "• a\n  • *b*\n• c\n-d"),
            ("2 * 3 * 4 and snake_case_name", "2 * 3 * 4 and snake_case_name"),
            (r"\*not\* \_it\_", "*not* _it_"),
            ("<https://x.io/?a&b> <b>", "<https://x.io/?a&amp;b> &lt;b&gt;"),
            ("![alt](https://x.io/i.png)", "<https://x.io/i.png|alt>"),
            ("```\n# not\n- a title\n```\n# yes", "```\n# not\n- a title\n```\n*yes*"),
            ("a `*x*` *b `*` c*", "a `*x*` _b `*` c_"),
            ("**a\nb**", "**a\nb**"),
            ("Ü **ß**", "Ü *ß*"),
            ("", ""),
        ] {
            assert_eq!(from_markdown(markdown), want, "{markdown}");
        }
    }
}
