//! Visual blocks of an e-mail (templates.md section 8): read from JSON, written as Liquid HTML or MJML.
//!
//! A new type is a variant of [`Kind`], a reader in `read` and writers in `html` and `mjml`.

mod call;
mod html;
mod mjml;
mod read;

use serde_json::{Map, Value as Json};

pub(crate) use self::html::write as write_html;
pub(crate) use self::mjml::write as write_mjml;
pub(crate) use self::read::read;

/// A block, checked but for the Liquid in its texts.
#[derive(Debug)]
pub(crate) struct Block<'s> {
    /// Where it stands in the template: `visual_blocks[2]`.
    path: String,
    padding: Padding,
    kind: Kind<'s>,
}

/// What the cell of a block keeps clear around its content, in pixels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Padding {
    top: u32,
    right: u32,
    bottom: u32,
    left: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Align {
    Left,
    Center,
    Right,
}

impl Align {
    const fn name(self) -> &'static str {
        match self {
            Self::Left => "left",
            Self::Center => "center",
            Self::Right => "right",
        }
    }
}

#[derive(Debug)]
enum Kind<'s> {
    Markdown { content: &'s str },
    Html { content: &'s str },
    Divider,
    Image { url: &'s str, alt: Option<&'s str>, action: Option<&'s str>, width: &'s str, align: Align },
    ButtonSet { buttons: Vec<Button<'s>>, align: Align, column_gap: u32 },
    Partial { key: &'s str, attrs: &'s Map<String, Json> },
}

impl Kind<'_> {
    /// The name in the API and in the classes of T8.4.
    const fn name(&self) -> &'static str {
        match self {
            Self::Markdown { .. } => "markdown",
            Self::Html { .. } => "html",
            Self::Divider => "divider",
            Self::Image { .. } => "image",
            Self::ButtonSet { .. } => "button_set",
            Self::Partial { .. } => "partial",
        }
    }
}

#[derive(Debug)]
struct Button<'s> {
    label: &'s str,
    action: &'s str,
    is_outline: bool,
    size: &'s str,
    is_fullwidth: bool,
    background_color: Option<&'s str>,
    text_color: Option<&'s str>,
    border_color: Option<&'s str>,
    border_radius: u32,
    border_width: Option<u32>,
}

#[cfg(test)]
mod tests;
