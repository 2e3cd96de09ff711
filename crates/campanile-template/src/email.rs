//! Email templates: compiled once, rendered to subject, HTML and text (templates.md sections 1, 7, 12, 13).

use campanile_core::scope::Scope;
use serde_json::{Value as Json, json};

use crate::composition::{Composed, Composition};
use crate::layout::{Layout, is_mjml};
use crate::liquid::{RenderOptions, Template, TemplateError};
use crate::text;

/// The sources of one email template.
#[derive(Debug, Clone, Copy, Default)]
pub struct EmailSource<'s> {
    /// One line; line feeds after rendering become spaces.
    pub subject: &'s str,
    /// HTML with Liquid.
    pub html_body: &'s str,
    /// Absent: generated from the rendered body. `""`: an empty text part (T12.1).
    pub text_body: Option<&'s str>,
    /// Put in front of both documents, to assign variables (T7.5).
    pub pre_content: Option<&'s str>,
    /// What `{{ preview_text }}` shows.
    pub preview_text: Option<&'s str>,
    /// The body is MJML. Not supported yet.
    pub is_mjml: bool,
}

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

/// A compiled email template with its layout.
#[derive(Debug)]
pub struct EmailTemplate {
    subject: Template,
    html: Composed,
    text: TextPart,
    preview_text: Option<Template>,
    footer_links: Vec<(Template, Template)>,
    has_layout: bool,
}

#[derive(Debug)]
enum TextPart {
    /// The author's text in the text layout.
    Written(Composed),
    /// The text of the rendered body is what the text layout prints as `content`.
    Generated { body: Composed, around: Option<Composed> },
}

impl EmailTemplate {
    /// Parses everything. The error names the field at fault and counts lines in it.
    pub fn compile(source: &EmailSource<'_>, layout: Option<&Layout>) -> Result<Self, TemplateError> {
        if source.is_mjml || is_mjml(source.html_body) {
            let error = TemplateError::locate(source.html_body, 0, "MJML is not supported yet");
            return Err(error.within("html_body"));
        }
        let parse = |field: &str, text: &str| Template::parse(text).map_err(|error| error.within(field));
        let pre_content = source.pre_content.unwrap_or_default();
        // Each field by itself first: a block must not be opened in one and closed in another.
        parse("html_body", source.html_body)?;
        parse("settings.pre_content", pre_content)?;
        parse("text_body", source.text_body.unwrap_or_default())?;
        let start = || {
            let mut composition = Composition::default();
            composition.push("settings.pre_content", pre_content, 0..pre_content.len());
            composition
        };
        let bare = |field, body: &str| {
            let mut composition = start();
            composition.push(field, body, 0..body.len());
            composition.parse()
        };
        let html = |layout: &Layout| {
            let mut composition = start();
            layout.html_around("html_body", source.html_body, &mut composition);
            composition.parse()
        };
        let text_around = |layout: &Layout, body: &str| {
            let mut composition = start();
            layout.text_around("text_body", body, &mut composition);
            composition.parse()
        };
        let text = match (source.text_body, layout) {
            (Some(body), Some(layout)) => TextPart::Written(text_around(layout, body)?),
            (Some(body), None) => TextPart::Written(bare("text_body", body)?),
            (None, layout) => TextPart::Generated {
                body: bare("html_body", source.html_body)?,
                around: layout.map(|layout| text_around(layout, "{{ content }}")).transpose()?,
            },
        };
        Ok(Self {
            subject: parse("subject", source.subject)?,
            html: layout.map_or_else(|| bare("html_body", source.html_body), html)?,
            text,
            preview_text: source.preview_text.map(|text| parse("preview_text", text)).transpose()?,
            footer_links: layout.map(Layout::footer_links).transpose()?.unwrap_or_default(),
            has_layout: layout.is_some(),
        })
    }

    /// Renders subject, HTML and text, each in one pass over its composed document.
    pub fn render(
        &self,
        scope: &dyn Scope,
        options: &RenderOptions<'_>,
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
        let (mut html, styles) = self.html.render_document(&html_scope, &html_options)?;
        if self.has_layout && !styles.is_empty() {
            put_into_head(&mut html, &styles);
        }
        let text_scope = DocumentScope { preview: Json::String(String::new()), ..html_scope };
        Ok(RenderedEmail { subject: single_line(&subject), html, text: self.text(text_scope, options)? })
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

    /// Keys of the partials that any part renders.
    pub fn partial_keys(&self) -> impl Iterator<Item = &str> {
        let (written, generated) = match &self.text {
            TextPart::Written(text) => (Some(text), None),
            TextPart::Generated { body, around } => (Some(body), around.as_ref()),
        };
        let links = self.footer_links.iter().flat_map(|(text, url)| [text, url]);
        let templates =
            links.chain(&self.preview_text).chain([&self.subject]).flat_map(Template::partial_keys);
        let composed = [Some(&self.html), written, generated].into_iter().flatten();
        composed.flat_map(Composed::partial_keys).chain(templates)
    }

    /// Whether any part may read that root (see [`Template::mentions`]).
    pub fn mentions(&self, root: &str) -> bool {
        let text = match &self.text {
            TextPart::Written(template) => template.mentions(root),
            TextPart::Generated { body, around } => {
                body.mentions(root) || around.as_ref().is_some_and(|around| around.mentions(root))
            }
        };
        let preview = self.preview_text.as_ref().is_some_and(|template| template.mentions(root));
        let links = self.footer_links.iter().any(|(text, url)| text.mentions(root) || url.mentions(root));
        text || preview || links || self.subject.mentions(root) || self.html.mentions(root)
    }
}

/// The run scope with what only layouts see laid over it.
struct DocumentScope<'s> {
    scope: &'s dyn Scope,
    preview: Json,
    footer_links: Json,
    content: Json,
}

impl Scope for DocumentScope<'_> {
    fn root(&self, name: &str) -> Option<&Json> {
        match name {
            "preview_text" => Some(&self.preview),
            "footer_links" => Some(&self.footer_links),
            // Replaced wherever it is printed; `{% if content %}` holds (T7.7).
            "content" => Some(&self.content),
            _ => self.scope.root(name),
        }
    }
}

/// Styles at the top of the head, before anything of the author (T6.10, T6.11). Without a head there is no place.
fn put_into_head(html: &mut String, styles: &[String]) {
    let lower = html.to_ascii_lowercase();
    let head = lower.match_indices("<head").find(|(at, _)| {
        lower.as_bytes().get(at + 5).is_some_and(|byte| *byte == b'>' || byte.is_ascii_whitespace())
    });
    let Some(end) = head.and_then(|(at, _)| lower[at..].find('>').map(|end| at + end + 1)) else { return };
    let elements: String = styles.iter().map(|style| format!("<style>{style}</style>")).collect();
    html.insert_str(end, &elements);
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

#[cfg(test)]
mod tests {
    use campanile_core::time::Timestamp;

    use super::*;
    use crate::layout::FooterLink;

    const LINKS: [FooterLink<'static>; 2] = [
        FooterLink { text: "Help", url: "https://{{ vars.app_name }}.test" },
        FooterLink { text: "{{ name }}", url: "/a" },
    ];

    fn render(source: EmailSource<'_>, layout: Option<(&str, &str)>) -> Result<RenderedEmail, TemplateError> {
        let layout = layout.map(|(html, text)| Layout::compile(html, text, &LINKS)).transpose()?;
        let scope = json!({"data": {"name": "Ada"}, "vars": {"app_name": "Acme"}});
        EmailTemplate::compile(&source, layout.as_ref())?.render(&scope, &RenderOptions::at(Timestamp(0)))
    }

    #[test]
    fn composes_before_rendering() {
        let layout = (
            "<html><head><title>{{ t }}</title></head><body>{{ content }}<i>{{ price }}</i></body></html>",
            "{{ vars.app_name }}\n\n{{ content }}\n--",
        );
        let source = EmailSource {
            subject: " Hi\n{{ name }} ",
            html_body: r#"{% assign price = "9" %}<b>x</b>"#,
            pre_content: Some(r#"{% assign t = "T" %}"#),
            ..EmailSource::default()
        };
        let email = render(source, Some(layout)).unwrap();
        assert_eq!(email.subject, "Hi Ada");
        assert_eq!(email.html, "<html><head><title>T</title></head><body><b>x</b><i>9</i></body></html>");
        assert_eq!(email.text, "Acme\n\nx\n--");
    }

    #[test]
    fn text_is_written_generated_or_empty() {
        let html = r#"<p>Hi {{ name }}</p><a href="https://x.test">Open</a>"#;
        for (text_body, want) in [
            (None, "[Hi Ada\n\nOpen (https://x.test)]"),
            (Some("Hello {{ name }}"), "[Hello Ada]"),
            (Some(""), "[]"),
        ] {
            let source = EmailSource { html_body: html, text_body, ..EmailSource::default() };
            assert_eq!(render(source, Some(("{{ content }}", "[{{ content }}]"))).unwrap().text, want);
        }
        let source = EmailSource { html_body: html, ..EmailSource::default() };
        assert_eq!(render(source, None).unwrap().text, "Hi Ada\n\nOpen (https://x.test)");
    }

    #[test]
    fn preview_text_hides_itself_in_html_only() {
        let source = EmailSource { preview_text: Some("see {{ name }}"), ..EmailSource::default() };
        let layout = (
            "{{ preview_text }}{% if content %}y{% endif %}{{ content }}",
            "[{{ preview_text }}]{{ content }}",
        );
        let email = render(source, Some(layout)).unwrap();
        assert_eq!(email.html, r#"<div style="display:none;max-height:0px;overflow:hidden">see Ada</div>y"#);
        assert_eq!(email.text, "[]");
        let plain = render(EmailSource::default(), Some(layout)).unwrap();
        assert_eq!(plain.html, "y");
    }

    #[test]
    fn footer_links_print_and_iterate() {
        let layout = (
            "{{ content }}{{ footer_links }}{% for l in footer_links %}[{{ l.text }}]{% endfor %}",
            "{{ content }}--\n{{ footer_links }}",
        );
        let email = render(EmailSource::default(), Some(layout)).unwrap();
        assert_eq!(email.html, r#"<a href="https://Acme.test">Help</a> <a href="/a">Ada</a>[Help][Ada]"#);
        assert_eq!(email.text, "--\nHelp (https://Acme.test)\nAda (/a)");
    }

    #[test]
    fn errors_name_their_field_and_its_line() {
        let none = EmailSource::default();
        let layout = ("<b>\n{{ content }}\n{{ vars.app_name | divided_by: 0 }}", "{{ content }}");
        for (source, layout, want) in [
            (EmailSource { subject: "{{", ..none }, None, ("subject", "output is not closed with }}", 1)),
            (EmailSource { is_mjml: true, ..none }, None, ("html_body", "MJML is not supported yet", 1)),
            (
                EmailSource { html_body: "a\n\n{{ 1 | divided_by: 0 }}", pre_content: Some("x\n"), ..none },
                Some(layout),
                ("html_body", "divided_by: division by zero", 3),
            ),
            (
                EmailSource { html_body: "1\n2\n3", ..none },
                Some(layout),
                ("html_layout", "divided_by: division by zero", 3),
            ),
            (
                EmailSource { text_body: Some("{{ a | b }}"), ..none },
                None,
                ("text_body", "unknown filter \"b\"", 1),
            ),
            (
                EmailSource { html_body: "{% if a %}", text_body: Some("{% endif %}"), ..none },
                None,
                ("html_body", "if is not closed with endif", 1),
            ),
        ] {
            let error = render(source, layout).unwrap_err();
            assert_eq!((&*error.field, &*error.message, error.line), want);
        }
    }
}
