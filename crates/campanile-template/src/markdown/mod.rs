//! Markdown to HTML (templates.md section 9).

mod email;

use std::panic::{AssertUnwindSafe, catch_unwind};

use comrak::nodes::NodeValue;
use comrak::{Arena, Options, format_html, parse_document};

pub(crate) use self::email::email;

/// HTML of an in-app body or of `from_markdown`: GFM, raw HTML kept, single line feeds break the line.
/// No line feed at the end.
pub fn to_html(source: &str) -> String {
    html(source, true)
}

/// Single line feeds break the line in feeds and are spaces in e-mails (S24).
fn html(source: &str, hardbreaks: bool) -> String {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.strikethrough = true;
    options.extension.autolink = true;
    options.render.r#unsafe = true;
    options.render.hardbreaks = hardbreaks;
    // Foreign code fed with what customers write: a bug in it must not take the engine down.
    let html = catch_unwind(AssertUnwindSafe(|| convert(source, &options)));
    html.unwrap_or_else(|_| source.to_owned())
}

fn convert(source: &str, options: &Options<'_>) -> String {
    let arena = Arena::new();
    let root = parse_document(&arena, source, options);
    for node in root.descendants() {
        let mut node = node.data.borrow_mut();
        // Style sheets of feeds tell inline code from blocks by this class (templates.md T9.1).
        if let NodeValue::Code(code) = &node.value {
            let mut html = String::from("<code class=\"inline\">");
            // Writing to a String cannot fail.
            let _ = comrak::html::escape(&mut html, &code.literal);
            html.push_str("</code>");
            node.value = NodeValue::HtmlInline(html);
        }
    }
    let mut html = String::new();
    let _ = format_html(root, options, &mut html);
    html.truncate(html.trim_end_matches('\n').len());
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converts_in_app_bodies() {
        for (source, want) in [
            ("Hi **Ada**", "<p>Hi <strong>Ada</strong></p>"),
            ("# Hello", "<h1>Hello</h1>"),
            ("a\nb", "<p>a<br />\nb</p>"),
            ("~~x~~ <b>y</b>", "<p><del>x</del> <b>y</b></p>"),
            ("https://x.test", r#"<p><a href="https://x.test">https://x.test</a></p>"#),
            ("\"quoted\" -- text", "<p>&quot;quoted&quot; -- text</p>"),
            ("`c`", r#"<p><code class="inline">c</code></p>"#),
            (
                "|a|\n|-|\n|b|",
                "<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>b</td>\n</tr>\n</tbody>\n</table>",
            ),
            ("", ""),
        ] {
            assert_eq!(to_html(source), want, "{source}");
        }
    }
}
