//! Sources to an [`EmailTemplate`]: everything that does not depend on a recipient is done here.

use super::{EmailBody, EmailSource, EmailTemplate, TextPart};
use crate::composition::{Composed, Composition};
use crate::layout::Layout;
use crate::liquid::{Template, TemplateError};
use crate::{blocks, mjml};

impl EmailTemplate {
    /// Parses everything. The errors are those of all fields; each names its own and counts lines in it. Without the
    /// layout that the source names only the source is judged.
    pub fn compile(source: &EmailSource<'_>, layout: Option<&Layout>) -> Result<Self, Vec<TemplateError>> {
        let mut errors = Vec::new();
        // Each field by itself first: a block must not be opened in one and closed in another.
        let subject = parsed("subject", source.subject, &mut errors);
        let pre_content = source.pre_content.unwrap_or_default();
        parsed("settings.pre_content", pre_content, &mut errors);
        let preview_text = source.preview_text.and_then(|text| parsed("preview_text", text, &mut errors));
        let bodies = match Bodies::of(source, layout) {
            Ok(bodies) => Some(bodies),
            Err(mut found) => {
                errors.append(&mut found);
                None
            }
        };
        parsed("text_body", source.text_body.unwrap_or_default(), &mut errors);
        let (Some(subject), Some(bodies), true) = (subject, bodies, errors.is_empty()) else {
            return Err(errors);
        };
        let compose = || -> Result<Self, TemplateError> {
            let documents = Documents { pre_content, layout };
            let text = match source.text_body {
                Some(written) => TextPart::Written(documents.text(&of_field("text_body", written))?),
                None => TextPart::Generated {
                    body: documents.bare(&bodies.plain)?,
                    around: match layout {
                        Some(_) => Some(documents.text(&of_field("text_body", "{{ content }}"))?),
                        None => None,
                    },
                },
            };
            Ok(Self {
                subject,
                html: documents.html(bodies.framed.as_ref().unwrap_or(&bodies.plain))?,
                text,
                preview_text,
                footer_links: layout.map(Layout::footer_links).transpose()?.unwrap_or_default(),
                has_layout: layout.is_some(),
                is_mjml: layout.map_or(bodies.is_mjml, Layout::is_mjml),
                branding_overrides: layout
                    .map(|layout| layout.branding_overrides().clone())
                    .unwrap_or_default(),
            })
        };
        compose().map_err(|error| vec![error])
    }
}

/// A field by itself, or what is wrong with it.
fn parsed(field: &str, text: &str, errors: &mut Vec<TemplateError>) -> Option<Template> {
    match Template::parse(text) {
        Ok(template) => Some(template),
        Err(error) => {
            errors.push(error.within(field));
            None
        }
    }
}

/// The body, still Liquid.
struct Bodies {
    /// What the text part is made from.
    plain: Composition,
    /// What goes into the layout, when that differs.
    framed: Option<Composition>,
    is_mjml: bool,
}

impl Bodies {
    fn of(source: &EmailSource<'_>, layout: Option<&Layout>) -> Result<Self, Vec<TemplateError>> {
        let html = match source.body {
            EmailBody::Html(html) => html,
            EmailBody::Blocks(list) => return Self::of_blocks(list, layout),
        };
        let refuse = |error: TemplateError| vec![error.within("html_body")];
        Template::parse(html).map_err(refuse)?;
        let is_document = mjml::is_document(html);
        let is_mjml = source.is_mjml || is_document;
        if is_mjml && layout.is_some_and(|layout| !layout.is_mjml()) {
            return Err(vec![TemplateError::of_field("settings.layout_key", "must be an MJML layout")]);
        }
        if is_mjml && !html.trim().is_empty() {
            // In a layout it is a fragment, without one the whole document (T10.1).
            let is_fragment = layout.is_some() || source.layout_key.is_some();
            let misplaced = |what| Err(refuse(TemplateError::locate(html, 0, what)));
            match (is_fragment, is_document) {
                (true, true) => return misplaced("must be a fragment: the layout is the MJML document"),
                (false, false) => return misplaced("must be an MJML document when there is no layout"),
                _ => mjml::check(html, is_fragment).map_err(refuse)?,
            }
        }
        Ok(Self { plain: of_field("html_body", html), framed: None, is_mjml })
    }

    fn of_blocks(list: &[serde_json::Value], layout: Option<&Layout>) -> Result<Self, Vec<TemplateError>> {
        let blocks = blocks::read(list)?;
        let mut plain = Composition::default();
        blocks::write_html(&blocks, &mut plain)?;
        let mut framed = None;
        if layout.is_some_and(Layout::takes_sections) {
            blocks::write_mjml(&blocks, framed.insert(Composition::default()))?;
        }
        Ok(Self { plain, framed, is_mjml: false })
    }
}

fn of_field(path: &str, source: &str) -> Composition {
    let mut composition = Composition::default();
    composition.push(path, source);
    composition
}

/// What stands around the bodies of one template.
struct Documents<'d> {
    pre_content: &'d str,
    layout: Option<&'d Layout>,
}

impl Documents<'_> {
    fn start(&self) -> Composition {
        of_field("settings.pre_content", self.pre_content)
    }

    fn bare(&self, body: &Composition) -> Result<Composed, TemplateError> {
        let mut whole = self.start();
        whole.append(body);
        whole.parse()
    }

    fn html(&self, body: &Composition) -> Result<Composed, TemplateError> {
        let Some(layout) = self.layout else { return self.bare(body) };
        let mut whole = self.start();
        layout.html_around(body, &mut whole);
        whole.parse()
    }

    fn text(&self, body: &Composition) -> Result<Composed, TemplateError> {
        let Some(layout) = self.layout else { return self.bare(body) };
        let mut whole = self.start();
        layout.text_around(body, &mut whole);
        whole.parse()
    }
}
