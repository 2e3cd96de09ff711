//! Email layouts and their composition with a body (templates.md section 7).

use crate::composition::Composition;
use crate::liquid::TemplateError;

/// An email layout as it is stored: two sources around `{{ content }}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    html: Box<str>,
    text: Box<str>,
}

impl Layout {
    /// Checks a layout. Both sources must contain `{{ content }}`; MJML is not supported yet.
    pub fn compile(html: &str, text: &str) -> Result<Self, TemplateError> {
        if is_mjml(html) {
            let error = TemplateError::locate(html, 0, "MJML layouts are not supported yet");
            return Err(error.within("html_layout"));
        }
        for (field, source) in [("html_layout", html), ("text_layout", text)] {
            crate::liquid::Template::parse(source).map_err(|error| error.within(field))?;
            if content_outputs(source).is_empty() {
                return Err(TemplateError::locate(source, 0, "must include {{ content }}").within(field));
            }
        }
        Ok(Self { html: html.into(), text: text.into() })
    }

    /// Adds the HTML document around `body`, still Liquid.
    pub(crate) fn html_around(&self, field: &'static str, body: &str, out: &mut Composition) {
        compose("html_layout", &self.html, field, body, out);
    }

    /// Adds the text around `body`, still Liquid.
    pub(crate) fn text_around(&self, field: &'static str, body: &str, out: &mut Composition) {
        compose("text_layout", &self.text, field, body, out);
    }
}

/// True for a document whose first element is `<mjml>`.
pub(crate) fn is_mjml(source: &str) -> bool {
    let start = source.trim_start();
    start.get(..5).is_some_and(|head| head.eq_ignore_ascii_case("<mjml"))
}

/// `layout` with every `{{ content }}` replaced by `body`. Textual on purpose (T7.4): the whole renders once, so
/// that what the body assigns is visible after it.
fn compose(name: &'static str, layout: &str, field: &'static str, body: &str, out: &mut Composition) {
    let mut from = 0;
    for (start, end) in content_outputs(layout) {
        out.push(name, layout, from..start);
        out.push(field, body, 0..body.len());
        from = end;
    }
    out.push(name, layout, from..layout.len());
}

/// Where the outputs stand whose expression is exactly `content`.
fn content_outputs(source: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(open) = source[from..].find("{{").map(|i| from + i) {
        from = open + 2;
        let rest = &source[from..];
        let inner = rest.strip_prefix('-').unwrap_or(rest).trim_start();
        let Some(after) = inner.strip_prefix("content").map(str::trim_start) else { continue };
        let Some(tail) = after.strip_prefix('-').unwrap_or(after).strip_prefix("}}") else { continue };
        from = source.len() - tail.len();
        found.push((open, from));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn puts_the_body_where_content_is_printed() {
        for (layout, want) in [
            ("<b>{{ content }}</b>", "<b>BODY</b>"),
            ("{{content}}{{- content -}}", "BODYBODY"),
            ("{{ content | upcase }}{{ contents }}", "{{ content | upcase }}{{ contents }}"),
            ("{{ {{ content }}", "{{ BODY"),
        ] {
            let mut composed = Composition::default();
            compose("html_layout", layout, "html_body", "BODY", &mut composed);
            assert_eq!(composed.source(), want, "{layout}");
        }
    }

    #[test]
    fn refuses_a_layout_without_content() {
        for (html, text, want) in [
            ("<p>{{ contents }}</p>", "{{ content }}", "must include {{ content }}"),
            ("{{ content }}", "", "must include {{ content }}"),
            ("<mjml>{{ content }}</mjml>", "{{ content }}", "MJML layouts are not supported yet"),
            ("{{ content }}{% if %}", "{{ content }}", "expected a value, found nothing"),
        ] {
            assert_eq!(Layout::compile(html, text).map_err(|e| e.message), Err(want.to_owned()), "{html}");
        }
    }
}
