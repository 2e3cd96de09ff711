//! Email layouts and their composition with a body (templates.md section 7).

use serde_json::{Map, Value as Json};

use crate::composition::Composition;
use crate::liquid::{Template, TemplateError};
use crate::mjml;

/// A link of a layout's footer; both may contain Liquid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FooterLink<'s> {
    /// What is shown.
    pub text: &'s str,
    /// Where it leads.
    pub url: &'s str,
}

/// The sources of an email layout.
#[derive(Debug, Clone, Default)]
pub struct LayoutSource<'s> {
    /// A complete HTML document, or MJML.
    pub html: &'s str,
    /// What stands around text parts.
    pub text: &'s str,
    /// In the order that they are shown.
    pub footer_links: Vec<FooterLink<'s>>,
    /// `html` is MJML.
    pub is_mjml: bool,
    /// Branding that replaces the account's (T4.4).
    pub branding_overrides: Option<&'s Map<String, Json>>,
}

impl<'s> LayoutSource<'s> {
    /// Reads a layout. Members of the wrong type are absent here: whoever checks documents refuses them.
    pub fn from_json(layout: &'s Json) -> Self {
        let links = layout["footer_links"].as_array().into_iter().flatten();
        let link =
            |link: &'s Json| Some(FooterLink { text: link["text"].as_str()?, url: link["url"].as_str()? });
        Self {
            html: layout["html_layout"].as_str().unwrap_or_default(),
            text: layout["text_layout"].as_str().unwrap_or_default(),
            footer_links: links.filter_map(link).collect(),
            is_mjml: layout["is_mjml"] == true,
            branding_overrides: layout["branding_overrides"].as_object(),
        }
    }
}

/// True for a source whose first element is `<mjml>`.
pub fn is_mjml_document(source: &str) -> bool {
    mjml::is_document(source)
}

/// A compiled email layout: two sources around `{{ content }}`.
#[derive(Debug, Clone, PartialEq)]
pub struct Layout {
    html: Box<str>,
    text: Box<str>,
    footer_links: Vec<(Box<str>, Box<str>)>,
    is_mjml: bool,
    /// `{{ content }}` stands where sections of MJML can stand.
    takes_sections: bool,
    branding_overrides: Map<String, Json>,
}

/// What `{{ footer_links }}` prints (T7.6a); in a `for` the links are objects.
const HTML_LINKS: &str = r#"{% for link in footer_links %}<a href="{{ link.url }}">{{ link.text }}</a>{% unless forloop.last %} {% endunless %}{% endfor %}"#;
const TEXT_LINKS: &str = "{% for link in footer_links %}{{ link.text }} ({{ link.url }}){% unless forloop.last %}\n{% endunless %}{% endfor %}";

impl Layout {
    /// Checks a layout. Both sources must contain `{{ content }}`; one of MJML must be a document of it.
    pub fn compile(source: &LayoutSource<'_>) -> Result<Self, TemplateError> {
        for (field, source) in [("html_layout", source.html), ("text_layout", source.text)] {
            Template::parse(source).map_err(|error| error.within(field))?;
            if outputs(source, "content").is_empty() {
                return Err(TemplateError::locate(source, 0, "must include {{ content }}").within(field));
            }
        }
        let is_mjml = source.is_mjml || mjml::is_document(source.html);
        if is_mjml {
            Self::check_mjml(source.html).map_err(|error| error.within("html_layout"))?;
        }
        let places = outputs(source.html, "content");
        let takes_sections = is_mjml && places.iter().all(|(at, _)| mjml::takes_sections(source.html, *at));
        let links = source.footer_links.iter().map(|link| (link.text.into(), link.url.into()));
        let overrides = source.branding_overrides.cloned().unwrap_or_default();
        Ok(Self {
            html: source.html.into(),
            text: source.text.into(),
            footer_links: links.collect(),
            is_mjml,
            takes_sections,
            branding_overrides: overrides.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        })
    }

    /// What is wrong with the MJML of a layout, as far as it can be seen before there is data.
    pub fn check_mjml(html: &str) -> Result<(), TemplateError> {
        if !mjml::is_document(html) {
            return Err(TemplateError::locate(html, 0, "must be an MJML document"));
        }
        mjml::check(html, false)
    }

    /// True when its document is MJML.
    pub fn is_mjml(&self) -> bool {
        self.is_mjml
    }

    pub(crate) fn takes_sections(&self) -> bool {
        self.takes_sections
    }

    /// What it has in place of the account's branding (T4.4).
    pub fn branding_overrides(&self) -> &Map<String, Json> {
        &self.branding_overrides
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
    pub(crate) fn html_around(&self, body: &Composition, out: &mut Composition) {
        compose("html_layout", &self.html, HTML_LINKS, body, out);
    }

    /// Adds the text around `body`, still Liquid.
    pub(crate) fn text_around(&self, body: &Composition, out: &mut Composition) {
        compose("text_layout", &self.text, TEXT_LINKS, body, out);
    }
}

/// A layout with every `{{ content }}` replaced by `body`. Textual on purpose (T7.4): the whole renders once, so
/// that what the body assigns is visible after it.
fn compose(name: &str, layout: &str, links: &str, body: &Composition, out: &mut Composition) {
    let bodies = outputs(layout, "content").into_iter().map(|at| (at, true));
    let mut places: Vec<_> =
        bodies.chain(outputs(layout, "footer_links").into_iter().map(|at| (at, false))).collect();
    places.sort_unstable();
    let field = out.field(name, layout);
    let mut from = 0;
    for ((start, end), is_body) in places {
        out.put_range(field, from..start);
        if is_body {
            out.append(body);
        } else {
            out.put(field, start, links);
        }
        from = end;
    }
    out.put_range(field, from..layout.len());
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
            let (mut body, mut composed) = (Composition::default(), Composition::default());
            body.push("html_body", "BODY");
            compose("html_layout", layout, "LINKS", &body, &mut composed);
            assert_eq!(composed.source(), want, "{layout}");
        }
    }

    #[test]
    fn refuses_a_layout_without_content() {
        for (html, text, is_mjml, want) in [
            ("<p>{{ contents }}</p>", "{{ content }}", false, "must include {{ content }}"),
            ("{{ content }}", "", false, "must include {{ content }}"),
            ("<p>{{ content }}</p>", "{{ content }}", true, "must be an MJML document"),
            (
                "<mjml><mj-body>{{ content }}</mjml>",
                "{{ content }}",
                false,
                "invalid MJML: </mjml> closes nothing: mj-body is open",
            ),
            ("{{ content }}{% if %}", "{{ content }}", false, "expected a value, found nothing"),
        ] {
            let source = LayoutSource { html, text, is_mjml, ..LayoutSource::default() };
            let refused = Layout::compile(&source).map(drop).map_err(|error| error.message);
            assert_eq!(refused, Err(want.to_owned()), "{html}");
        }
    }
}
