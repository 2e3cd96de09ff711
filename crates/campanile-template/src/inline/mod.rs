//! CSS inlining (templates.md section 11): rules of `<style>` elements into `style` attributes.

mod depth;
#[cfg(test)]
mod properties;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::LazyLock;

use css_inline::{CSSInliner, InlineOptions};

use crate::liquid::TemplateError;
use crate::markup::{Kind, Tag, Tags};

/// Rules times elements, at the most: what matching them may cost.
const MATCHES_MAX: usize = 20_000_000;

/// Style elements are kept, also those rules that were inlined: dark mode and base rules stay visible in the head.
/// Nothing is ever fetched (S26).
static INLINER: LazyLock<CSSInliner<'static>> = LazyLock::new(|| {
    CSSInliner::new(InlineOptions {
        keep_style_tags: true,
        keep_link_tags: true,
        minify_css: true,
        load_remote_stylesheets: false,
        // A mail of 30 kB has about a thousand nodes.
        preallocate_node_capacity: 2_048,
        ..InlineOptions::default()
    })
});

/// Inlines the styles of a document. One without styles stays as it is, byte for byte.
pub(crate) fn inline(html: &str) -> Result<String, TemplateError> {
    let tags: Vec<Tag<'_>> = Tags::of(html).collect();
    depth::check(html, &tags)?;
    let cost = Cost::of(html, &tags);
    if cost.rules == 0 {
        return Ok(html.to_owned());
    }
    if cost.rules.saturating_mul(cost.elements) > MATCHES_MAX {
        return Err(TemplateError::locate(
            html,
            0,
            "there are too many style rules for a document of this size",
        ));
    }
    // Foreign code fed with what customers write: a bug in it must stay one mail without inlined styles.
    let attempt = |html: &str| match catch_unwind(AssertUnwindSafe(|| INLINER.inline(html))) {
        Ok(Ok(inlined)) => Some(inlined),
        _ => None,
    };
    // A `style` attribute that is no CSS is the one thing that is refused: then without such attributes.
    let inlined = attempt(html).or_else(|| attempt(&without_broken_styles(html)));
    Ok(inlined.map_or_else(|| html.to_owned(), |inlined| with_doctype_of(html, inlined)))
}

struct Cost {
    rules: usize,
    elements: usize,
}

impl Cost {
    fn of(html: &str, tags: &[Tag<'_>]) -> Self {
        let mut cost = Self { rules: 0, elements: 0 };
        let mut style = None;
        for tag in tags {
            match tag.kind {
                Kind::Open if tag.is("style") => style = Some(tag.end),
                Kind::Close if tag.is("style") => {
                    let css = style.take().and_then(|start| html.get(start..tag.start)).unwrap_or_default();
                    cost.rules += css.bytes().filter(|byte| matches!(byte, b'{' | b',')).count();
                }
                _ => {}
            }
            cost.elements += usize::from(matches!(tag.kind, Kind::Open | Kind::SelfClosing));
        }
        if let Some(css) = style.and_then(|start| html.get(start..)) {
            cost.rules += css.bytes().filter(|byte| matches!(byte, b'{' | b',')).count();
        }
        cost
    }
}

/// Writing drops the identifiers of a doctype, which old mail clients go by.
fn with_doctype_of(html: &str, inlined: String) -> String {
    let doctype = |text: &str| {
        let tag = Tags::of(text).next().filter(|tag| tag.kind == Kind::Other)?;
        let is_doctype =
            text[tag.range()].get(..9).is_some_and(|start| start.eq_ignore_ascii_case("<!doctype"));
        is_doctype.then(|| tag.range())
    };
    match (doctype(html), doctype(&inlined)) {
        (Some(written), Some(made)) => {
            let mut inlined = inlined;
            inlined.replace_range(made, &html[written]);
            inlined
        }
        _ => inlined,
    }
}

/// Drops `style` attributes with a declaration that has no name or no value.
fn without_broken_styles(html: &str) -> String {
    let mut out = String::with_capacity(html.len());
    let mut from = 0;
    for tag in Tags::of(html).filter(|tag| matches!(tag.kind, Kind::Open | Kind::SelfClosing)) {
        let text = &html[tag.range()];
        let lower = text.to_ascii_lowercase();
        for quote in ['"', '\''] {
            let Some(start) = lower.find(&format!("style={quote}")) else { continue };
            let value = start + 7;
            let Some(end) = text[value..].find(quote).map(|at| value + at) else { continue };
            let is_fine = |declaration: &str| {
                let declaration = declaration.trim();
                declaration.is_empty()
                    || declaration.split_once(':').is_some_and(|(name, value)| {
                        let is_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
                        !value.trim().is_empty()
                            && !name.trim().is_empty()
                            && name.trim().bytes().all(is_word)
                    })
            };
            if text[value..end].split(';').all(is_fine) {
                continue;
            }
            out.push_str(&html[from..tag.start + start]);
            from = tag.start + end + 1;
            break;
        }
    }
    out.push_str(&html[from..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(html: &str) -> String {
        let inlined = inline(html).unwrap();
        let start = inlined.find("<body>").map_or(0, |at| at + 6);
        let end = inlined.find("</body>").unwrap_or(inlined.len());
        inlined[start..end].to_owned()
    }

    #[test]
    fn inlines_as_the_page_says() {
        for (html, want) in [
            ("<style>p{color:red}</style><p>x</p>", r#"<p style="color:red">x</p>"#),
            ("<style>p{color:red}</style><p style='color:blue'>x</p>", r#"<p style="color:blue">x</p>"#),
            (
                "<style>p{color:red !important; margin: 0}</style><p style='color:blue'>x</p>",
                r#"<p style="margin:0;color:red !important">x</p>"#,
            ),
            // Own paddings come last (T8.5).
            (
                "<style>td{padding:12px 0}</style><table><tbody><tr><td style=\"padding-top:8px\">x</td></tr></tbody></table>",
                r#"<table><tbody><tr><td style="padding:12px 0;padding-top:8px">x</td></tr></tbody></table>"#,
            ),
            (
                "<style>#a{b:1}.c{b:2}p{b:3}</style><p id=a class=c>x</p>",
                r#"<p class="c" id="a" style="b:1">x</p>"#,
            ),
            ("<style>.x{a:b}</style><p>ﷺ שלום</p>", "<p>ﷺ שלום</p>"),
        ] {
            assert_eq!(
                body(&format!("<html><head></head><body>{html}</body></html>")).split("</style>").last(),
                Some(want),
                "{html}"
            );
        }
    }

    #[test]
    fn keeps_what_is_not_for_it() {
        let page = |head: &str, rest: &str| {
            format!(
                "<!DOCTYPE html PUBLIC \"-//W3C//DTD XHTML 1.0\" \"x\"><html><head>{head}</head><body>{rest}</body></html>"
            )
        };
        let head = "<link rel=\"stylesheet\" href=\"https://fonts.test/a.css\"><style>p{color:red}@media (prefers-color-scheme:dark){p{color:#fff!important}}a:hover{b:c}</style>";
        let comment = "<!--[if mso]><p style=x><table  ><![endif]-->";
        let inlined = inline(&page(head, &format!("{comment}<p>x</p>"))).unwrap();
        assert_eq!(inlined, page(head, &format!("{comment}<p style=\"color:red\">x</p>")));
        let plain = "<p>a<td>b & c";
        assert_eq!(inline(plain).unwrap(), plain, "nothing to inline");
    }

    #[test]
    fn survives_what_is_broken() {
        for html in [
            "<style>p{color:red}</style><p style=\"nonsense\">text</p><p style='a:b'>more</p>",
            "<style>p{{{ color</style><p>text</p>more",
            "<style>} p{color:red} {{ x }}</style><b><p>text</b>more",
            "<style>@import url(x.css); p{color:red}</style><td>text</td>more",
            "<style>p{color:red}<p>text more",
        ] {
            let inlined = inline(html).unwrap();
            assert!(inlined.contains("text") && inlined.contains("more"), "{inlined}");
        }
        assert!(
            inline("<style>p{color:red}</style><p style=\"nonsense\">x</p><p>y</p>")
                .unwrap()
                .contains("<p style=\"color:red\">y")
        );
        let deep = "<div>".repeat(129) + "x";
        assert_eq!(inline(&deep).unwrap_err().message, "elements are nested deeper than 128");
        let wide = format!("<style>{}</style>{}", "p{a:b}".repeat(10_000), "<b></b>".repeat(10_000));
        assert!(inline(&wide).unwrap_err().message.starts_with("there are too many"));
    }
}
