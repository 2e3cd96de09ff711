//! MJML to HTML, after Liquid (templates.md section 10).

mod prepare;

use std::panic::{AssertUnwindSafe, catch_unwind};

use mrml::prelude::parser::{Error as ParseError, Span};
use mrml::prelude::render::RenderOptions;

use self::prepare::Prepared;
use crate::liquid::TemplateError;
use crate::liquid::split::{Part, split};
use crate::markup::{Kind, Tags};

/// True for a document whose first element is `<mjml>`.
pub(crate) fn is_document(source: &str) -> bool {
    Tags::of(source).find(|tag| tag.kind != Kind::Other).is_some_and(|tag| tag.is("mjml"))
}

/// Compiles a rendered document.
pub(crate) fn compile(source: &str) -> Result<String, TemplateError> {
    let prepared = prepare::prepare(source)?;
    // Foreign code fed with what customers write: a bug in it must stay one failed render.
    let html = catch_unwind(AssertUnwindSafe(|| to_html(&prepared.mjml)));
    match html {
        Ok(Ok(html)) => Ok(prepared.restore(&html)),
        Ok(Err((at, why))) => Err(refusal(source, prepared.origin(at), &why)),
        Err(_) => Err(refusal(source, 0, "it cannot be read")),
    }
}

fn to_html(mjml: &str) -> Result<String, (usize, String)> {
    let parsed = mrml::parse(mjml).map_err(|error| (place(&error), reason(&error)))?;
    parsed.element.render(&RenderOptions::default()).map_err(|error| (0, error.to_string()))
}

fn place(error: &ParseError) -> usize {
    let start = |span: &Span| span.start;
    match error {
        ParseError::UnexpectedElement { position, .. }
        | ParseError::UnexpectedToken { position, .. }
        | ParseError::MissingAttribute { position, .. }
        | ParseError::InvalidAttribute { position, .. }
        | ParseError::InvalidFormat { position, .. }
        | ParseError::IncludeLoaderError { position, .. } => start(position),
        ParseError::EndOfStream { .. }
        | ParseError::SizeLimit { .. }
        | ParseError::ParserError { .. }
        | ParseError::NoRootNode => 0,
    }
}

fn reason(error: &ParseError) -> String {
    match error {
        ParseError::UnexpectedElement { .. } => "this element cannot stand here".to_owned(),
        ParseError::UnexpectedToken { .. } => "this cannot stand here".to_owned(),
        ParseError::MissingAttribute { name, .. } => format!("the attribute {name:?} is missing"),
        ParseError::InvalidAttribute { .. } => "an attribute is invalid".to_owned(),
        ParseError::InvalidFormat { .. } => "this cannot be read".to_owned(),
        ParseError::EndOfStream { .. } => "the document ends too early".to_owned(),
        ParseError::NoRootNode => "there is no <mjml> element".to_owned(),
        ParseError::IncludeLoaderError { .. } => "nothing is ever included".to_owned(),
        other => other.to_string(),
    }
}

fn refusal(source: &str, at: usize, why: &str) -> TemplateError {
    TemplateError::locate(source, at, format!("invalid MJML: {why}"))
}

/// Checks a source that is still Liquid. With Liquid tags in it nobody knows what will be left of it, so only a source
/// without them is judged; what is printed counts as text. A fragment is checked inside of a body.
pub(crate) fn check(source: &str, is_fragment: bool) -> Result<(), TemplateError> {
    let Ok(parts) = split(source) else { return Ok(()) };
    if parts.iter().any(|part| matches!(part, Part::Tag(_))) {
        return Ok(());
    }
    const BEFORE: &str = "<mjml><mj-body>";
    let mut plain = String::with_capacity(source.len() + 40);
    plain.push_str(if is_fragment { BEFORE } else { "" });
    for part in parts {
        match part {
            Part::Text(at) => plain.push_str(&source[at]),
            // As long as what it stands for, so that places stay.
            Part::Output(at) | Part::Tag(at) => {
                plain.extend(source[at].bytes().map(|byte| if byte == b'\n' { '\n' } else { 'x' }));
            }
        }
    }
    plain.push_str(if is_fragment { "</mj-body></mjml>" } else { "" });
    compile(&plain).map(drop).map_err(|error| {
        let before = if is_fragment { BEFORE.len() } else { 0 };
        let at = error.at.saturating_sub(before);
        error.moved(source, at)
    })
}

/// Puts styles at the top of the head, which is made when there is none (T10.5).
pub(crate) fn put_into_head(mjml: &mut String, styles: &[&str]) {
    let elements: String = styles.iter().map(|style| format!("<mj-style>{style}</mj-style>")).collect();
    let mut root = None;
    for tag in Tags::of(mjml) {
        if tag.is("mj-head") && tag.kind == Kind::Open {
            let end = tag.end;
            return mjml.insert_str(end, &elements);
        }
        if tag.is("mjml") && tag.kind == Kind::Open {
            root = Some(tag.end);
        }
        if tag.is("mj-body") {
            break;
        }
    }
    if let Some(at) = root {
        mjml.insert_str(at, &format!("<mj-head>{elements}</mj-head>"));
    }
}

/// Whether what stands at byte `at` of a source is a direct child of the body or of a wrapper: a place for sections.
pub(crate) fn takes_sections(source: &str, at: usize) -> bool {
    let mut open: Vec<&str> = Vec::new();
    for tag in Tags::of(source).take_while(|tag| tag.start < at) {
        match tag.kind {
            Kind::Open if tag.name.starts_with("mj") => open.push(tag.name),
            Kind::Close => {
                if let Some(at) = open.iter().rposition(|name| *name == tag.name) {
                    open.truncate(at);
                }
            }
            _ => {}
        }
    }
    matches!(open.last(), Some(&("mj-body" | "mj-wrapper")))
}

impl Prepared<'_> {
    /// The byte of the source that byte `at` of the prepared text came from.
    fn origin(&self, at: usize) -> usize {
        let copied = self.copies.iter().rev().find(|copy| copy.0 <= at);
        copied.map_or(0, |(start, origin)| origin + (at - start))
    }
}

#[cfg(test)]
mod tests;
