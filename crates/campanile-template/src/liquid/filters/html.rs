//! Filters about HTML and Markdown.

use super::Filter;
use crate::markdown;

pub(super) const FILTERS: &[Filter] = &[
    Filter::new("escape", 0, 0, |input, _, _| Ok(escape(&input.to_text(), false).into())),
    Filter::new("escape_once", 0, 0, |input, _, _| Ok(escape(&input.to_text(), true).into())),
    Filter::new("from_markdown", 0, 0, |input, _, _| Ok(markdown::to_html(&input.to_text()).into())),
    Filter::new("newline_to_br", 0, 0, |input, _, _| {
        Ok(input.to_text().replace("\r\n", "\n").replace('\n', "<br />\n").into())
    }),
    Filter::new("strip_html", 0, 0, |input, _, _| Ok(strip_html(&input.to_text()).into())),
    Filter::new("strip_newlines", 0, 0, |input, _, _| Ok(input.to_text().replace(['\r', '\n'], "").into())),
];

/// Escapes the five characters that mean something in HTML; `once` leaves entities alone.
fn escape(text: &str, once: bool) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 8);
    for (at, c) in text.char_indices() {
        match c {
            '&' if once && is_entity(&text[at..]) => out.push('&'),
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// `&name;`, `&#12;` or `&#x1f;` at the start of `text`.
fn is_entity(text: &str) -> bool {
    let Some(end) = text.bytes().take(40).position(|b| b == b';') else { return false };
    let body = &text[1..end];
    match body.strip_prefix('#') {
        Some(code) => match code.strip_prefix(['x', 'X']) {
            Some(hex) => !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit()),
            None => !code.is_empty() && code.bytes().all(|b| b.is_ascii_digit()),
        },
        None => !body.is_empty() && body.bytes().all(|b| b.is_ascii_alphanumeric()),
    }
}

/// Drops tags, comments, and scripts and styles with their content.
fn strip_html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    // What was looked for in vain is not looked for again: keeps hostile input linear.
    let mut missing = [false; 4];
    'scan: while let Some(open) = rest.find('<') {
        out.push_str(&rest[..open]);
        rest = &rest[open..];
        for (i, (start, end)) in
            [("<script", "</script>"), ("<style", "</style>"), ("<!--", "-->"), ("<", ">")]
                .into_iter()
                .enumerate()
        {
            let matches = rest.get(..start.len()).is_some_and(|head| head.eq_ignore_ascii_case(start));
            if !matches || missing[i] {
                continue;
            }
            match find_ignoring_case(rest, end) {
                Some(at) => {
                    rest = &rest[at + end.len()..];
                    continue 'scan;
                }
                None => missing[i] = true,
            }
        }
        out.push('<');
        rest = &rest[1..];
    }
    out.push_str(rest);
    out
}

fn find_ignoring_case(text: &str, wanted: &str) -> Option<usize> {
    text.as_bytes().windows(wanted.len()).position(|window| window.eq_ignore_ascii_case(wanted.as_bytes()))
}
