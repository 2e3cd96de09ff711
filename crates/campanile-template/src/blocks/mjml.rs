//! Blocks in an MJML layout (templates.md T8.8): a section and a column per block. Buttons and HTML stay tables inside
//! `mj-raw`, so that the same CSS fits both kinds of layout.

use super::html::Writer;
use super::{Block, Kind, Padding, call};
use crate::composition::Composition;
use crate::liquid::TemplateError;

/// Adds the blocks, one below the other. The errors are those of the Liquid in their texts.
pub(crate) fn write(blocks: &[Block<'_>], out: &mut Composition) -> Result<(), Vec<TemplateError>> {
    let mut errors = Vec::new();
    for block in blocks {
        let around = out.field(&block.path, "");
        block_to(&mut Writer { path: &block.path, around, out, errors: &mut errors }, block);
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn block_to(out: &mut Writer<'_>, block: &Block<'_>) {
    if let Kind::Partial { key, attrs } = &block.kind {
        return call::write(out, key, attrs);
    }
    let name = block.kind.name();
    let Padding { top, right, bottom, left } = block.padding;
    out.raw(&format!(
        "<mj-section css-class=\"block-row block-row--{name}-v1\" padding=\"0\"><mj-column css-class=\"block-row__cell\">"
    ));
    let padding = format!("padding=\"{top}px {right}px {bottom}px {left}px\"");
    match &block.kind {
        Kind::Markdown { content } => {
            out.raw(&format!("<mj-text {padding}><div class=\"block-markdown\">"));
            out.markdown(content);
            out.raw("</div></mj-text>");
        }
        Kind::Divider => out.raw(&format!(
            "<mj-divider border-width=\"1px\" border-style=\"solid\" border-color=\"#dddee1\" {padding} />"
        )),
        Kind::Image { url, alt, action, width, align } => {
            out.raw(&format!(
                "<mj-image css-class=\"block-image\" {padding} align=\"{}\" src=\"",
                align.name()
            ));
            out.attribute("url", url);
            out.raw("\" alt=\"");
            out.attribute("alt", alt.unwrap_or_default());
            // MJML knows no widths but pixels; without one the image fills its column.
            if width.ends_with("px") {
                out.raw("\" width=\"");
                out.attribute("style_attrs.width", width);
            }
            if let Some(action) = action {
                out.raw("\" href=\"");
                out.attribute("action", action);
            }
            out.raw("\" />");
        }
        Kind::Html { .. } | Kind::ButtonSet { .. } | Kind::Partial { .. } => {
            out.raw("<mj-raw><tr><td");
            out.cell(block);
            out.content(&block.kind);
            out.raw("</td></tr></mj-raw>");
        }
    }
    out.raw("</mj-column></mj-section>\n");
}
