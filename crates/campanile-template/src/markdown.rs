//! Markdown to HTML (templates.md section 9).

use comrak::Options;

/// HTML of an in-app body or of `from_markdown`: GFM, raw HTML kept, single line feeds break the line.
/// No line feed at the end.
pub fn to_html(source: &str) -> String {
    let mut options = Options::default();
    options.extension.table = true;
    options.extension.strikethrough = true;
    options.extension.autolink = true;
    options.render.r#unsafe = true;
    options.render.hardbreaks = true;
    let mut html = comrak::markdown_to_html(source, &options);
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
