//! Blocks as HTML tables (templates.md T8.4 – T8.7). The classes and the nesting are what authors' CSS targets.

use super::{Align, Block, Button, Kind, Padding, call};
use crate::composition::{Composition, FieldId};
use crate::liquid::split::{Part, split};
use crate::liquid::{Template, TemplateError};
use crate::markdown;

/// Adds the blocks, one below the other. The errors are those of the Liquid in their texts.
pub(crate) fn write(blocks: &[Block<'_>], out: &mut Composition) -> Result<(), Vec<TemplateError>> {
    let mut errors = Vec::new();
    for block in blocks {
        let around = out.field(&block.path, "");
        Writer { path: &block.path, around, out, errors: &mut errors }.block(block);
    }
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

pub(super) struct Writer<'w> {
    pub(super) path: &'w str,
    /// The block itself: what is put around its texts.
    pub(super) around: FieldId,
    pub(super) out: &'w mut Composition,
    pub(super) errors: &'w mut Vec<TemplateError>,
}

impl Writer<'_> {
    fn block(&mut self, block: &Block<'_>) {
        if let Kind::Partial { key, attrs } = &block.kind {
            return call::write(self, key, attrs);
        }
        let name = block.kind.name();
        self.raw(&format!(
            "<table class=\"block-row block-row--{name}-v1\" cellspacing=\"0\" cellpadding=\"0\" width=\"100%\"><tbody>\
             <tr class=\"block-row__row\"><td class=\"block-row__cell\""
        ));
        self.cell(block);
        self.content(&block.kind);
        self.raw("</td></tr></tbody></table>\n");
    }

    /// The style of a cell. The paddings stand last: after inlining only `!important` wins over them (T8.5).
    pub(super) fn cell(&mut self, block: &Block<'_>) {
        let align = match &block.kind {
            Kind::Image { align, .. } | Kind::ButtonSet { align, .. } => {
                format!("text-align:{};", align.name())
            }
            _ => String::new(),
        };
        let Padding { top, right, bottom, left } = block.padding;
        self.raw(&format!(
            " style=\"{align}padding-top:{top}px;padding-right:{right}px;padding-bottom:{bottom}px;padding-left:{left}px\">"
        ));
    }

    /// What stands in the cell.
    pub(super) fn content(&mut self, kind: &Kind<'_>) {
        match kind {
            Kind::Markdown { content } => {
                self.raw("<table cellspacing=\"0\" cellpadding=\"0\" width=\"100%\"><tbody><tr><td class=\"block-markdown\">");
                self.markdown(content);
                self.raw("</td></tr></tbody></table>");
            }
            Kind::Html { content } => self.leaf("content", content),
            Kind::Divider => self.raw("<div class=\"block-divider\"></div>"),
            Kind::Image { url, alt, action, width, .. } => self.image(url, *alt, *action, width),
            Kind::ButtonSet { buttons, align, column_gap } => self.buttons(buttons, *align, *column_gap),
            Kind::Partial { key, attrs } => call::write(self, key, attrs),
        }
    }

    fn image(&mut self, url: &str, alt: Option<&str>, action: Option<&str>, width: &str) {
        if let Some(action) = action {
            self.raw("<a href=\"");
            self.attribute("action", action);
            self.raw("\">");
        }
        self.raw("<div class=\"block-image\"><img src=\"");
        self.attribute("url", url);
        self.raw("\" alt=\"");
        self.attribute("alt", alt.unwrap_or_default());
        self.raw("\" style=\"width:");
        self.attribute("style_attrs.width", width);
        self.raw("\"></div>");
        if action.is_some() {
            self.raw("</a>");
        }
    }

    fn buttons(&mut self, buttons: &[Button<'_>], align: Align, column_gap: u32) {
        let width = if buttons.iter().any(|button| button.is_fullwidth) { " width=\"100%\"" } else { "" };
        let align = align.name();
        self.raw(&format!("<table cellspacing=\"0\" cellpadding=\"0\" align=\"{align}\"{width}><tbody><tr>"));
        for (at, button) in buttons.iter().enumerate() {
            if at + 1 < buttons.len() && column_gap > 0 {
                self.raw(&format!("<td style=\"padding-right:{column_gap}px\">"));
            } else {
                self.raw("<td>");
            }
            self.button(button, &format!("buttons[{at}]"));
            self.raw("</td>");
        }
        self.raw("</tr></tbody></table>");
    }

    fn button(&mut self, button: &Button<'_>, path: &str) {
        let variant = if button.is_outline { "outline" } else { "solid" };
        self.raw(&format!(
            "<a class=\"block-button block-button--{variant} block-button--{}\" href=\"",
            button.size
        ));
        self.attribute(&format!("{path}.action"), button.action);
        self.raw("\" style=\"");
        let background = button.background_color.or(button.is_outline.then_some("transparent"));
        for (property, name, color) in [
            ("background-color", "background_color", background),
            ("color", "text_color", button.text_color),
            ("border-color", "border_color", button.border_color),
        ] {
            let Some(color) = color else { continue };
            self.raw(property);
            self.raw(":");
            match color {
                "primary_color" => self.raw("{{ vars.branding.primary_color }}"),
                "primary_color_contrast" => self.raw("{{ vars.branding.primary_color_contrast }}"),
                color => self.attribute(&format!("{path}.style_attrs.{name}"), color),
            }
            self.raw(";");
        }
        self.raw(&format!("border-radius:{}px", button.border_radius));
        if let Some(width) = button.border_width {
            self.raw(&format!(";border-width:{width}px"));
        }
        if button.is_fullwidth {
            self.raw(";width:100%;text-align:center");
        }
        self.raw("\" target=\"_blank\">");
        self.leaf(&format!("{path}.label"), button.label);
        self.raw("</a>");
    }

    pub(super) fn markdown(&mut self, content: &str) {
        let path = format!("{}.content", self.path);
        if let Err(error) = markdown::email(&path, content, self.out) {
            self.errors.push(error);
        }
    }

    /// Our own text, Liquid included.
    pub(super) fn raw(&mut self, text: &str) {
        self.out.put(self.around, 0, text);
    }

    /// An author's text as it is.
    pub(super) fn leaf(&mut self, name: &str, source: &str) {
        let path = format!("{}.{name}", self.path);
        match Template::parse(source) {
            Ok(_) => self.out.push(&path, source),
            Err(error) => self.errors.push(error.within(&path)),
        }
    }

    /// An author's text between double quotes: those of its own outside of Liquid must not end it.
    pub(super) fn attribute(&mut self, name: &str, source: &str) {
        let path = format!("{}.{name}", self.path);
        if let Err(error) = Template::parse(source) {
            return self.errors.push(error.within(&path));
        }
        let field = self.out.field(&path, source);
        for part in split(source).unwrap_or_default() {
            match part {
                Part::Text(at) => {
                    let start = at.start;
                    self.out.put(field, start, &source[at].replace('"', "&quot;"));
                }
                Part::Output(at) | Part::Tag(at) => self.out.put_range(field, at),
            }
        }
    }
}
