//! Email templates: compiled once, rendered to subject, HTML and text (templates.md sections 1, 7, 12, 13).
//!
//! The order of the page: blocks, HTML or MJML in their layout are composed and parsed by `compile`; a render runs
//! Liquid, compiles MJML, rewrites links, inlines CSS and makes the text part.

mod compile;
mod scope;
mod source;
#[cfg(test)]
mod tests;

use campanile_core::scope::Scope;
use serde_json::{Map, Value as Json, json};

use self::scope::DocumentScope;
pub use self::source::{EmailBody, EmailSource};
use crate::base_css::BASE_CSS;
use crate::composition::Composed;
use crate::liquid::{RenderOptions, Template, TemplateError};
use crate::markup::{Kind, Tags};
use crate::tracking::{Links, append_open_image, rewrite_html, rewrite_text};
use crate::{inline, mjml, text};

/// A rendered email.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedEmail {
    /// Trimmed, without line feeds.
    pub subject: String,
    /// The complete HTML document.
    pub html: String,
    /// The text part.
    pub text: String,
}

/// What is tracked of one message; nothing by default.
#[derive(Debug, Default)]
pub struct Tracking<'t, 'l> {
    /// Where links go instead.
    pub links: Option<&'t mut Links<'l>>,
    /// Address of the image whose loading says that the mail was opened.
    pub open_image: Option<&'t str>,
}

/// A compiled email template with its layout.
#[derive(Debug)]
pub struct EmailTemplate {
    subject: Template,
    html: Composed,
    text: TextPart,
    preview_text: Option<Template>,
    footer_links: Vec<(Template, Template)>,
    has_layout: bool,
    /// The HTML document is MJML until Liquid has run.
    is_mjml: bool,
    branding_overrides: Map<String, Json>,
}

#[derive(Debug)]
enum TextPart {
    /// The author's text in the text layout.
    Written(Composed),
    /// The text of the rendered body is what the text layout prints as `content`.
    Generated { body: Composed, around: Option<Composed> },
}

impl EmailTemplate {
    /// Renders subject, HTML and text without tracking.
    pub fn render(
        &self,
        scope: &dyn Scope,
        options: &RenderOptions<'_>,
    ) -> Result<RenderedEmail, TemplateError> {
        self.render_tracked(scope, options, Tracking::default())
    }

    /// Renders subject, HTML and text, each in one pass over its composed document.
    pub fn render_tracked(
        &self,
        scope: &dyn Scope,
        options: &RenderOptions<'_>,
        mut tracking: Tracking<'_, '_>,
    ) -> Result<RenderedEmail, TemplateError> {
        let named = |field: &'static str| move |error: TemplateError| error.within(field);
        let subject = self.subject.render(scope, options).map_err(named("subject"))?;
        let preview = match &self.preview_text {
            Some(template) => template.render(scope, options).map_err(named("preview_text"))?,
            None => String::new(),
        };
        let html_scope = DocumentScope {
            scope,
            preview: Json::String(hidden(&preview)),
            footer_links: self.links(scope, options)?,
            content: Json::Bool(true),
        };
        let html_options = RenderOptions { markdown_to_html: true, ..*options };
        let (document, styles) = self.html.render_document(&html_scope, &html_options)?;
        let styles = if self.has_layout { styles } else { Vec::new() };
        let document = self.document(document, &styles).map_err(named("html_body"))?;
        let document = rewrite_html(&document, tracking.links.as_deref_mut());
        let mut html = inline::inline(&document).map_err(named("html_body"))?;
        if let Some(address) = tracking.open_image {
            append_open_image(&mut html, address);
        }
        let text_scope = DocumentScope { preview: Json::String(String::new()), ..html_scope };
        let mut text = self.text(text_scope, options)?;
        if let Some(links) = tracking.links {
            text = rewrite_text(&text, links);
        }
        Ok(RenderedEmail { subject: single_line(&subject), html, text })
    }

    /// The HTML of a rendered document, with the base CSS and the styles of partials in its head.
    fn document(&self, mut document: String, styles: &[String]) -> Result<String, TemplateError> {
        let styles: Vec<&str> = [BASE_CSS].into_iter().chain(styles.iter().map(String::as_str)).collect();
        if self.is_mjml {
            mjml::put_into_head(&mut document, &styles);
            return mjml::compile(&document);
        }
        put_into_head(&mut document, &styles);
        Ok(document)
    }

    fn links(&self, scope: &dyn Scope, options: &RenderOptions<'_>) -> Result<Json, TemplateError> {
        let render = |(text, url): &(Template, Template)| {
            let (text, url) = (text.render(scope, options)?, url.render(scope, options)?);
            Ok(json!({"text": text, "url": url}))
        };
        self.footer_links.iter().map(render).collect::<Result<_, TemplateError>>().map(Json::Array)
    }

    fn text(&self, scope: DocumentScope<'_>, options: &RenderOptions<'_>) -> Result<String, TemplateError> {
        match &self.text {
            TextPart::Written(template) => template.render(&scope, options),
            TextPart::Generated { body, around } => {
                let html_options = RenderOptions { markdown_to_html: true, ..*options };
                let body = body.render(&scope, &html_options)?;
                let body = text::from_html(&body).map_err(|error| error.within("html_body"))?;
                let Some(around) = around else { return Ok(body) };
                around.render(&DocumentScope { content: Json::String(body), ..scope }, options)
            }
        }
    }

    /// What the layout has in place of the account's branding (T4.4). Whoever builds `vars` lays it in between.
    pub fn branding_overrides(&self) -> &Map<String, Json> {
        &self.branding_overrides
    }

    /// Everything that a render runs, composed as it runs.
    fn templates(&self) -> impl Iterator<Item = &Template> {
        let (written, generated) = match &self.text {
            TextPart::Written(text) => (Some(text), None),
            TextPart::Generated { body, around } => (Some(body), around.as_ref()),
        };
        let composed = [Some(&self.html), written, generated].into_iter().flatten().map(Composed::template);
        let links = self.footer_links.iter().flat_map(|(text, url)| [text, url]);
        [&self.subject].into_iter().chain(&self.preview_text).chain(composed).chain(links)
    }

    /// Keys of the partials that any part renders.
    pub fn partial_keys(&self) -> impl Iterator<Item = &str> {
        self.templates().flat_map(Template::partial_keys)
    }

    /// Keys of the `t` tags of any part, its layout included (see [`Template::translation_keys`]).
    pub fn translation_keys(&self) -> impl Iterator<Item = &str> {
        self.templates().flat_map(Template::translation_keys)
    }

    /// Whether any part may read that root (see [`Template::mentions`]).
    pub fn mentions(&self, root: &str) -> bool {
        self.templates().any(|template| template.mentions(root))
    }
}

/// Styles at the top of the head, before anything of the author (T6.10, T7.8). Without a head there is no place (T7.9).
fn put_into_head(html: &mut String, styles: &[&str]) {
    let mut tags = Tags::of(html).take_while(|tag| !tag.is("body"));
    let Some(head) = tags.find(|tag| tag.is("head") && tag.kind == Kind::Open) else { return };
    let elements: String = styles.iter().map(|style| format!("<style>{style}</style>")).collect();
    html.insert_str(head.end, &elements);
}

/// Layouts print the preview text bare, so it hides itself (T7.6).
fn hidden(preview: &str) -> String {
    match preview {
        "" => String::new(),
        text => format!(r#"<div style="display:none;max-height:0px;overflow:hidden">{text}</div>"#),
    }
}

/// A rendered one-line field: trimmed, line feeds to spaces (T13.4).
pub fn single_line(text: &str) -> String {
    text.trim().replace("\r\n", " ").replace(['\r', '\n'], " ")
}
