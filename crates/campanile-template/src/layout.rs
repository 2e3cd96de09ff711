//! Email layouts and their composition with a body (templates.md section 7).

use crate::composition::Composition;
use crate::liquid::{Template, TemplateError};

/// A link of a layout's footer; both may contain Liquid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FooterLink<'s> {
    /// What is shown.
    pub text: &'s str,
    /// Where it leads.
    pub url: &'s str,
}

/// An email layout as it is stored: two sources around `{{ content }}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    html: Box<str>,
    text: Box<str>,
    footer_links: Vec<(Box<str>, Box<str>)>,
}

/// What `{{ footer_links }}` prints (T7.6a); in a `for` the links are objects.
const HTML_LINKS: &str = r#"{% for link in footer_links %}<a href="{{ link.url }}">{{ link.text }}</a>{% unless forloop.last %} {% endunless %}{% endfor %}"#;
const TEXT_LINKS: &str = "{% for link in footer_links %}{{ link.text }} ({{ link.url }}){% unless forloop.last %}\n{% endunless %}{% endfor %}";

impl Layout {
    /// Checks a layout. Both sources must contain `{{ content }}`; MJML is not supported yet.
    pub fn compile(html: &str, text: &str, footer_links: &[FooterLink<'_>]) -> Result<Self, TemplateError> {
        if is_mjml(html) {
            let error = TemplateError::locate(html, 0, "MJML layouts are not supported yet");
            return Err(error.within("html_layout"));
        }
        for (field, source) in [("html_layout", html), ("text_layout", text)] {
            Template::parse(source).map_err(|error| error.within(field))?;
            if outputs(source, "content").is_empty() {
                return Err(TemplateError::locate(source, 0, "must include {{ content }}").within(field));
            }
        }
        let links = footer_links.iter().map(|link| (link.text.into(), link.url.into()));
        Ok(Self { html: html.into(), text: text.into(), footer_links: links.collect() })
    }

    /// Parses the footer links as pairs of text and address.
    pub(crate) fn footer_links(&self) -> Result<Vec<(Template, Template)>, TemplateError> {
        let parse = |(i, (text, url)): (usize, &(Box<str>, Box<str>))| {
            let member = |name, source| {
                Template::parse(source).map_err(|error| error.within(&format!("footer_links[{i}].{name}")))
            };
            Ok((member("text", text)?, member("url", url)?))
        };
        self.footer_links.iter().enumerate().map(parse).collect()
    }

    /// Adds the HTML document around `body`, still Liquid.
    pub(crate) fn html_around(&self, field: &'static str, body: &str, out: &mut Composition) {
        compose(("html_layout", &self.html, HTML_LINKS), field, body, out);
    }

    /// Adds the text around `body`, still Liquid.
    pub(crate) fn text_around(&self, field: &'static str, body: &str, out: &mut Composition) {
        compose(("text_layout", &self.text, TEXT_LINKS), field, body, out);
    }
}

/// True for a document whose first element is `<mjml>`.
pub(crate) fn is_mjml(source: &str) -> bool {
    let start = source.trim_start();
    start.get(..5).is_some_and(|head| head.eq_ignore_ascii_case("<mjml"))
}

/// A layout with every `{{ content }}` replaced by `body`. Textual on purpose (T7.4): the whole renders once, so
/// that what the body assigns is visible after it.
fn compose(
    (name, layout, links): (&'static str, &str, &str),
    field: &'static str,
    body: &str,
    out: &mut Composition,
) {
    let bodies = outputs(layout, "content").into_iter().map(|at| (at, true));
    let mut places: Vec<_> =
        bodies.chain(outputs(layout, "footer_links").into_iter().map(|at| (at, false))).collect();
    places.sort_unstable();
    let mut from = 0;
    for ((start, end), is_body) in places {
        out.push(name, layout, from..start);
        if is_body {
            out.push(field, body, 0..body.len());
        } else {
            out.push_as(name, layout, start, links);
        }
        from = end;
    }
    out.push(name, layout, from..layout.len());
}

/// Where the outputs stand whose expression is exactly `name`.
fn outputs(source: &str, name: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(open) = source[from..].find("{{").map(|i| from + i) {
        from = open + 2;
        let rest = &source[from..];
        let inner = rest.strip_prefix('-').unwrap_or(rest).trim_start();
        let Some(after) = inner.strip_prefix(name).map(str::trim_start) else { continue };
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
            ("{{ footer_links }}{{ content }}", "LINKSBODY"),
            ("{{ {{ content }}", "{{ BODY"),
        ] {
            let mut composed = Composition::default();
            compose(("html_layout", layout, "LINKS"), "html_body", "BODY", &mut composed);
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
            let refused = Layout::compile(html, text, &[]).map_err(|error| error.message);
            assert_eq!(refused, Err(want.to_owned()), "{html}");
        }
    }
}
