//! Email templates: compiled once, rendered to subject, HTML and text (templates.md sections 1, 7, 12, 13).

use campanile_core::scope::Scope;
use serde_json::Value as Json;

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
    html: Template,
    text: TextPart,
    preview_text: Option<Template>,
}

#[derive(Debug)]
enum TextPart {
    /// The author's text in the text layout.
    Written(Template),
    /// The text of the rendered body is what the text layout prints as `content`.
    Generated { body: Template, around: Option<Template> },
}

impl EmailTemplate {
    /// Parses everything. The error's message starts with the field at fault.
    pub fn compile(source: &EmailSource<'_>, layout: Option<&Layout>) -> Result<Self, TemplateError> {
        if source.is_mjml || is_mjml(source.html_body) {
            let error = TemplateError::locate(source.html_body, 0, "MJML is not supported yet");
            return Err(error.within("html_body"));
        }
        let parse = |field: &str, text: &str| Template::parse(text).map_err(|error| error.within(field));
        // Each field on its own first: an author knows lines of fields, not of compositions.
        parse("html_body", source.html_body)?;
        let pre_content = source.pre_content.unwrap_or_default();
        parse("settings.pre_content", pre_content)?;
        let html = match layout {
            Some(layout) => format!("{pre_content}{}", layout.html_around(source.html_body)),
            None => format!("{pre_content}{}", source.html_body),
        };
        let around = |body: &str| match layout {
            Some(layout) => format!("{pre_content}{}", layout.text_around(body)),
            None => format!("{pre_content}{body}"),
        };
        let text = match source.text_body {
            Some(body) => {
                parse("text_body", body)?;
                TextPart::Written(parse("text_body", &around(body))?)
            }
            None => TextPart::Generated {
                body: parse("html_body", &format!("{pre_content}{}", source.html_body))?,
                around: layout.map(|_| parse("text_layout", &around("{{ content }}"))).transpose()?,
            },
        };
        Ok(Self {
            subject: parse("subject", source.subject)?,
            html: parse("html_body", &html)?,
            text,
            preview_text: source.preview_text.map(|text| parse("preview_text", text)).transpose()?,
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
        let html_scope =
            DocumentScope { scope, preview: Json::String(hidden(&preview)), content: Json::Bool(true) };
        let html = self.html.render(&html_scope, options).map_err(named("html_body"))?;
        let text_scope = DocumentScope { preview: Json::String(String::new()), ..html_scope };
        Ok(RenderedEmail { subject: single_line(&subject), html, text: self.text(text_scope, options)? })
    }

    fn text(&self, scope: DocumentScope<'_>, options: &RenderOptions<'_>) -> Result<String, TemplateError> {
        match &self.text {
            TextPart::Written(template) => {
                template.render(&scope, options).map_err(|error| error.within("text_body"))
            }
            TextPart::Generated { body, around } => {
                let body = body.render(&scope, options).map_err(|error| error.within("html_body"))?;
                let body = text::from_html(&body).map_err(|error| error.within("html_body"))?;
                let Some(around) = around else { return Ok(body) };
                let scope = DocumentScope { content: Json::String(body), ..scope };
                around.render(&scope, options).map_err(|error| error.within("text_layout"))
            }
        }
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
        text || preview || self.subject.mentions(root) || self.html.mentions(root)
    }
}

/// The run scope with what only layouts see laid over it.
struct DocumentScope<'s> {
    scope: &'s dyn Scope,
    preview: Json,
    content: Json,
}

impl Scope for DocumentScope<'_> {
    fn root(&self, name: &str) -> Option<&Json> {
        match name {
            "preview_text" => Some(&self.preview),
            // Replaced wherever it is printed; `{% if content %}` holds (T7.7).
            "content" => Some(&self.content),
            _ => self.scope.root(name),
        }
    }
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
    use serde_json::json;

    use super::*;

    fn render(source: EmailSource<'_>, layout: Option<(&str, &str)>) -> Result<RenderedEmail, TemplateError> {
        let layout = layout.map(|(html, text)| Layout::compile(html, text)).transpose()?;
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
    fn errors_name_their_field() {
        for (source, want) in [
            (
                EmailSource { subject: "{{", ..EmailSource::default() },
                "subject: output is not closed with }}",
            ),
            (
                EmailSource { html_body: "<mjml></mjml>", ..EmailSource::default() },
                "html_body: MJML is not supported yet",
            ),
            (
                EmailSource { html_body: "{{ 1 | divided_by: 0 }}", ..EmailSource::default() },
                "html_body: divided_by: division by zero",
            ),
            (
                EmailSource { text_body: Some("{{ a | b }}"), ..EmailSource::default() },
                "text_body: unknown filter \"b\"",
            ),
        ] {
            assert_eq!(render(source, None).unwrap_err().message, want);
        }
    }
}
