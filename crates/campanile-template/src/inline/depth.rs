//! How deep the elements of a document are nested (templates.md T11.3), without building its tree: what is too deep
//! must not reach code that recurses.

use crate::liquid::TemplateError;
use crate::markup::{Kind, Tag};

/// Deepest nesting of elements.
const DEPTH_MAX: usize = 128;

/// Elements that a `</div>` around them does not end: parsers open them again behind it.
const FORMATTING: [&str; 14] =
    ["a", "b", "big", "code", "em", "font", "i", "nobr", "s", "small", "strike", "strong", "tt", "u"];
/// Elements whose end tag is optional: left open, they end with the next of their kind or with what is around them.
const OPTIONAL_END: [&str; 12] =
    ["p", "li", "dd", "dt", "option", "optgroup", "colgroup", "tbody", "thead", "tfoot", "rp", "rt"];
const VOID: [&str; 14] = [
    "area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "param", "source", "track",
    "wbr",
];

/// Refuses elements nested too deeply. `tags` are those of `html`.
pub(crate) fn check(html: &str, tags: &[Tag<'_>]) -> Result<(), TemplateError> {
    let mut open: Vec<&str> = Vec::new();
    for tag in tags {
        if tag.kind == Kind::Close {
            close(&mut open, tag.name);
            continue;
        }
        let is = |names: &[&str]| names.iter().any(|name| tag.is(name));
        if tag.kind != Kind::Open || is(&VOID) || is(&OPTIONAL_END) {
            continue;
        }
        // Rows and cells end those before them in their table.
        let ends: &[&str] = if is(&["td", "th"]) {
            &["td", "th"]
        } else if is(&["tr"]) {
            &["tr", "td", "th"]
        } else {
            &[]
        };
        if !ends.is_empty() {
            let table = position(&open, "table").map_or(0, |at| at + 1);
            let last =
                open[table..].iter().position(|name| ends.iter().any(|end| name.eq_ignore_ascii_case(end)));
            open.truncate(last.map_or(open.len(), |at| table + at));
        }
        open.push(tag.name);
        if open.len() > DEPTH_MAX {
            let message = format!("elements are nested deeper than {DEPTH_MAX}");
            return Err(TemplateError::locate(html, tag.start, message));
        }
    }
    Ok(())
}

fn position(open: &[&str], name: &str) -> Option<usize> {
    open.iter().rposition(|other| other.eq_ignore_ascii_case(name))
}

fn is_formatting(name: &str) -> bool {
    FORMATTING.iter().any(|other| other.eq_ignore_ascii_case(name))
}

fn close(open: &mut Vec<&str>, name: &str) {
    let Some(at) = position(open, name) else { return };
    if is_formatting(name) {
        open.remove(at);
    } else if ["td", "th", "tr", "table", "body", "html"].iter().any(|ends| ends.eq_ignore_ascii_case(name)) {
        open.truncate(at);
    } else {
        let inside = open.split_off(at);
        open.extend(inside.into_iter().skip(1).filter(|name| is_formatting(name)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::markup::Tags;

    #[test]
    fn counts_what_really_nests() {
        for (html, fits) in [
            ("<div>".repeat(128), true),
            ("<div>".repeat(129), false),
            ("<p>a".repeat(1000), true),
            ("<div><span></div>".repeat(1000), true),
            (format!("<table>{}", "<tr><td><b>a".repeat(1000)), true),
            (format!("<table>{}</table>", "<tr><td><b>a</td></tr>".repeat(1000)), true),
            ("<p><b>".repeat(129), false),
            ("<table><tr><td>".repeat(60), false),
            ("<table><tr><td>".repeat(42), true),
            ("<br><img src=a><hr/>".repeat(1000), true),
            ("<ul><li>".repeat(129), false),
            ("</div>".repeat(1000), true),
        ] {
            let tags: Vec<_> = Tags::of(&html).collect();
            assert_eq!(check(&html, &tags).is_ok(), fits, "{}", &html[..40.min(html.len())]);
        }
    }
}
