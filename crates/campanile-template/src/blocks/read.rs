//! JSON to blocks, all problems at once (templates.md T8.2, T8.3).

use serde_json::{Map, Value as Json};

use super::{Align, Block, Button, Kind, Padding};
use crate::liquid::TemplateError;

/// Most blocks of a template, and most buttons of a set.
const BLOCKS_MAX: usize = 500;
const BUTTONS_MAX: usize = 50;

/// Largest padding, gap, radius or width.
const PIXELS_MAX: u64 = 10_000;

const BLANK: &str = "can't be blank";
const INVALID: &str = "is invalid";

/// Checks a list of blocks. Problems name places below the template.
pub(crate) fn read(list: &[Json]) -> Result<Vec<Block<'_>>, Vec<TemplateError>> {
    let mut problems = Vec::new();
    if list.len() > BLOCKS_MAX {
        let message = format!("should have at most {BLOCKS_MAX} item(s)");
        return Err(vec![TemplateError::of_field("visual_blocks", message)]);
    }
    let mut blocks = Vec::with_capacity(list.len());
    for (at, json) in list.iter().enumerate() {
        let path = format!("visual_blocks[{at}]");
        if let Some(fields) = Fields::of(json, path, &mut problems) {
            blocks.extend(block(fields));
        }
    }
    if problems.is_empty() { Ok(blocks) } else { Err(problems) }
}

fn block<'s>(mut fields: Fields<'s, '_>) -> Option<Block<'s>> {
    let kind = fields.required("type")?;
    // What a block keeps clear when it does not say (T8.2).
    let clear = match kind {
        "image" => [4, 0, 4, 0],
        "partial" => [0; 4],
        _ => [8, 4, 8, 4],
    };
    let mut layout = fields.object("layout_attrs");
    let [top, right, bottom, left] =
        [("top", clear[0]), ("right", clear[1]), ("bottom", clear[2]), ("left", clear[3])]
            .map(|(side, default)| layout.pixels(&format!("padding_{side}")).unwrap_or(default));
    let column_gap = layout.pixels("column_gap").unwrap_or(8);
    let align = layout.one_of("horizontal_align", &["left", "center", "right"]).map(|name| match name {
        "left" => Align::Left,
        "right" => Align::Right,
        _ => Align::Center,
    });
    let kind = match kind {
        "markdown" => {
            fields.one_of("variant", &["default"]);
            Kind::Markdown { content: fields.present("content").unwrap_or_default() }
        }
        "html" => Kind::Html { content: fields.present("content").unwrap_or_default() },
        "divider" => Kind::Divider,
        "image" => image(&mut fields, align.unwrap_or(Align::Center)),
        "button_set" => {
            Kind::ButtonSet { buttons: buttons(&mut fields), align: align.unwrap_or(Align::Left), column_gap }
        }
        "partial" => partial(&mut fields)?,
        _ => {
            fields.problem("type", INVALID);
            return None;
        }
    };
    Some(Block { path: fields.path, padding: Padding { top, right, bottom, left }, kind })
}

fn image<'s>(fields: &mut Fields<'s, '_>, align: Align) -> Kind<'s> {
    let url = fields.required("url").unwrap_or_default();
    let is_broken = |c: char| c.is_whitespace() || matches!(c, '"' | '<' | '>');
    if !has_liquid(url) && url.trim().contains(is_broken) {
        fields.problem("url", INVALID);
    }
    let (alt, action) = (fields.text("alt"), fields.text("action").filter(|action| !action.is_empty()));
    let width = fields.object("style_attrs").text("width").unwrap_or("100%");
    Kind::Image { url, alt, action, width, align }
}

fn buttons<'s>(fields: &mut Fields<'s, '_>) -> Vec<Button<'s>> {
    let list = match fields.get("buttons") {
        Some(Json::Array(list)) => list,
        Some(_) => {
            fields.problem("buttons", INVALID);
            return Vec::new();
        }
        None => {
            fields.problem("buttons", BLANK);
            return Vec::new();
        }
    };
    if list.len() > BUTTONS_MAX {
        fields.problem("buttons", &format!("should have at most {BUTTONS_MAX} item(s)"));
        return Vec::new();
    }
    let mut buttons = Vec::with_capacity(list.len());
    for (at, json) in list.iter().enumerate() {
        let path = format!("{}.buttons[{at}]", fields.path);
        if let Some(fields) = Fields::of(json, path, fields.problems) {
            buttons.push(button(fields));
        }
    }
    buttons
}

fn button<'s>(mut fields: Fields<'s, '_>) -> Button<'s> {
    let label = fields.required("label").unwrap_or_default();
    let action = fields.required("action").unwrap_or_default();
    let variant = fields.required("variant").unwrap_or("solid");
    if !matches!(variant, "solid" | "outline") {
        fields.problem("variant", INVALID);
    }
    let mut size = fields.object("size_attrs");
    let (size, is_fullwidth) =
        (size.one_of("size", &["sm", "md", "lg"]).unwrap_or("sm"), size.flag("is_fullwidth"));
    let mut style = fields.object("style_attrs");
    Button {
        label,
        action,
        is_outline: variant == "outline",
        size,
        is_fullwidth,
        background_color: style.color("background_color"),
        text_color: style.color("text_color"),
        border_color: style.color("border_color"),
        border_radius: style.pixels("border_radius").unwrap_or(6),
        border_width: style.pixels("border_width"),
    }
}

fn partial<'s>(fields: &mut Fields<'s, '_>) -> Option<Kind<'s>> {
    let key = fields.required("key");
    if key.is_some_and(|key| key.contains(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_')))) {
        fields.problem("key", INVALID);
        return None;
    }
    fields.required("name");
    let attrs = match fields.get("attrs") {
        Some(Json::Object(attrs)) => Some(attrs),
        Some(_) => {
            fields.problem("attrs", INVALID);
            None
        }
        None => {
            fields.problem("attrs", BLANK);
            None
        }
    };
    Some(Kind::Partial { key: key?, attrs: attrs? })
}

fn has_liquid(text: &str) -> bool {
    text.contains("{{") || text.contains("{%")
}

/// The members of one object, and where their problems go. Null equals absence.
struct Fields<'s, 'p> {
    members: Option<&'s Map<String, Json>>,
    path: String,
    problems: &'p mut Vec<TemplateError>,
}

impl<'s, 'p> Fields<'s, 'p> {
    fn of(json: &'s Json, path: String, problems: &'p mut Vec<TemplateError>) -> Option<Self> {
        let Json::Object(members) = json else {
            problems.push(TemplateError::of_field(&path, INVALID));
            return None;
        };
        Some(Self { members: Some(members), path, problems })
    }

    /// The object under a name; an empty one when it is absent.
    fn object(&mut self, name: &str) -> Fields<'s, '_> {
        let members = match self.get(name) {
            None => None,
            Some(Json::Object(members)) => Some(members),
            Some(_) => {
                self.problem(name, INVALID);
                None
            }
        };
        Fields { members, path: format!("{}.{name}", self.path), problems: self.problems }
    }

    fn get(&self, name: &str) -> Option<&'s Json> {
        self.members?.get(name).filter(|value| !value.is_null())
    }

    fn problem(&mut self, name: &str, message: &str) {
        self.problems.push(TemplateError::of_field(&format!("{}.{name}", self.path), message));
    }

    fn text(&mut self, name: &str) -> Option<&'s str> {
        match self.get(name)? {
            Json::String(text) => Some(text),
            _ => {
                self.problem(name, INVALID);
                None
            }
        }
    }

    /// A text that may be empty but not absent.
    fn present(&mut self, name: &str) -> Option<&'s str> {
        if self.get(name).is_none() {
            self.problem(name, BLANK);
        }
        self.text(name)
    }

    fn required(&mut self, name: &str) -> Option<&'s str> {
        let text = self.present(name)?;
        if text.trim().is_empty() {
            self.problem(name, BLANK);
            return None;
        }
        Some(text)
    }

    fn one_of(&mut self, name: &str, allowed: &[&str]) -> Option<&'s str> {
        let text = self.text(name)?;
        if !allowed.contains(&text) {
            self.problem(name, INVALID);
            return None;
        }
        Some(text)
    }

    fn flag(&mut self, name: &str) -> bool {
        match self.get(name) {
            None => false,
            Some(Json::Bool(flag)) => *flag,
            Some(_) => {
                self.problem(name, INVALID);
                false
            }
        }
    }

    fn pixels(&mut self, name: &str) -> Option<u32> {
        let value = self.get(name)?;
        let pixels = value.as_u64().filter(|pixels| *pixels <= PIXELS_MAX);
        if pixels.is_none() {
            self.problem(name, INVALID);
        }
        pixels.and_then(|pixels| u32::try_from(pixels).ok())
    }

    /// A hex colour, Liquid, or a token of the branding.
    fn color(&mut self, name: &str) -> Option<&'s str> {
        let text = self.text(name).map(str::trim).filter(|text| !text.is_empty())?;
        let is_hex = text.strip_prefix('#').is_some_and(|digits| {
            matches!(digits.len(), 3 | 6) && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        });
        let is_token = matches!(text, "primary_color" | "primary_color_contrast");
        if !is_hex && !is_token && !has_liquid(text) {
            self.problem(name, INVALID);
            return None;
        }
        Some(text)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tells_every_problem() {
        for (block, want) in [
            (json!(7), vec!["visual_blocks[0]: is invalid"]),
            (json!({}), vec!["visual_blocks[0].type: can't be blank"]),
            (json!({"type": "row", "columns": [[]]}), vec!["visual_blocks[0].type: is invalid"]),
            (
                json!({"type": "markdown", "variant": "x"}),
                vec!["visual_blocks[0].variant: is invalid", "visual_blocks[0].content: can't be blank"],
            ),
            (json!({"type": "html", "content": 1}), vec!["visual_blocks[0].content: is invalid"]),
            (json!({"type": "html", "content": "", "id": "x", "version": 1, "layout_attrs": null}), vec![]),
            (
                json!({"type": "divider", "layout_attrs": {"padding_top": -1, "padding_left": "4", "horizontal_align": "up"}}),
                vec![
                    "visual_blocks[0].layout_attrs.padding_top: is invalid",
                    "visual_blocks[0].layout_attrs.padding_left: is invalid",
                    "visual_blocks[0].layout_attrs.horizontal_align: is invalid",
                ],
            ),
            (json!({"type": "image", "url": "a b"}), vec!["visual_blocks[0].url: is invalid"]),
            (json!({"type": "image", "url": "{{ data.a | append: ' ' }}", "alt": null}), vec![]),
            (json!({"type": "button_set"}), vec!["visual_blocks[0].buttons: can't be blank"]),
            (
                json!({"type": "button_set", "buttons": [{"label": "a", "action": "b"}, "x", {
                    "label": " ", "action": "b", "variant": "ghost", "size_attrs": {"size": "xl", "is_fullwidth": 1},
                    "style_attrs": {"text_color": "red", "border_color": "primary_color", "background_color": "#12345"}}]}),
                vec![
                    "visual_blocks[0].buttons[0].variant: can't be blank",
                    "visual_blocks[0].buttons[1]: is invalid",
                    "visual_blocks[0].buttons[2].label: can't be blank",
                    "visual_blocks[0].buttons[2].variant: is invalid",
                    "visual_blocks[0].buttons[2].size_attrs.size: is invalid",
                    "visual_blocks[0].buttons[2].size_attrs.is_fullwidth: is invalid",
                    "visual_blocks[0].buttons[2].style_attrs.background_color: is invalid",
                    "visual_blocks[0].buttons[2].style_attrs.text_color: is invalid",
                ],
            ),
            (
                json!({"type": "partial", "key": "a"}),
                vec!["visual_blocks[0].name: can't be blank", "visual_blocks[0].attrs: can't be blank"],
            ),
            (
                json!({"type": "partial", "key": "a'b", "name": "A", "attrs": {}}),
                vec!["visual_blocks[0].key: is invalid"],
            ),
        ] {
            let list = [block];
            let told: Vec<_> =
                read(&list).err().unwrap_or_default().iter().map(ToString::to_string).collect();
            assert_eq!(told, want, "{}", list[0]);
        }
        let many = vec![json!({"type": "divider"}); BLOCKS_MAX + 1];
        assert_eq!(read(&many).unwrap_err()[0].message, "should have at most 500 item(s)");
    }
}
