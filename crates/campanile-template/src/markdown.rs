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
