//! Tags and characters to laid-out text (templates.md T12.2).

use html5ever::tokenizer::Tag;

/// Elements whose text is not shown.
const HIDDEN: [&str; 7] = ["script", "style", "title", "mj-style", "mj-title", "mj-preview", "mj-attributes"];

/// Lines are wrapped at spaces before this column.
const COLUMNS: usize = 65;

/// Text being laid out.
#[derive(Default)]
pub(super) struct Writer {
    out: String,
    /// Line feeds owed before the next line.
    gap: usize,
    /// The block being read, spaces collapsed, `<br>` as line feeds.
    block: String,
    /// Level of the heading the block is, 0 for none.
    heading: u8,
    /// What stands before the first line of the list item being read.
    marker: String,
    /// The open link: its address, and where its text starts in the block.
    link: Option<(String, usize)>,
    /// Open lists: the next number, or `None` for bullets.
    lists: Vec<Option<usize>>,
    /// The element whose text is not shown.
    hidden: Option<&'static str>,
}

impl Writer {
    /// Everything written, the last block included.
    pub(super) fn finish(&mut self) -> String {
        self.flush(1, 0);
        std::mem::take(&mut self.out)
    }

    pub(super) fn text(&mut self, text: &str) {
        if self.hidden.is_some() {
            return;
        }
        for c in text.chars() {
            if !c.is_whitespace() {
                self.block.push(c);
            } else if !self.block.is_empty() && !self.block.ends_with([' ', '\n']) {
                self.block.push(' ');
            }
        }
    }

    pub(super) fn open(&mut self, tag: &Tag) {
        let attribute = |name: &str| {
            tag.attrs.iter().find(|attr| &*attr.name.local == name).map_or("", |attr| &*attr.value)
        };
        match &*tag.name {
            // Bodies of MJML are read as they are: their elements say what they will be (templates.md section 10).
            name if !tag.self_closing && HIDDEN.contains(&name) => {
                self.hidden = HIDDEN.into_iter().find(|hidden| *hidden == name);
            }
            "br" => self.block.push('\n'),
            "img" => self.text(attribute("alt")),
            "mj-image" | "mj-carousel-image" => {
                self.flush(1, 1);
                self.text(attribute("alt"));
                self.flush(1, 1);
            }
            "a" | "mj-button" | "mj-navbar-link" | "mj-social-element" => {
                // Links do not nest: a second one ends the first.
                self.close_link();
                if &*tag.name == "mj-button" {
                    self.flush(1, 1);
                }
                self.link = Some((attribute("href").trim().to_owned(), self.block.len()));
            }
            "hr" | "mj-divider" => {
                self.flush(1, 1);
                self.block = "-".repeat(COLUMNS);
                self.flush(1, 2);
            }
            "ul" | "ol" => {
                self.flush(1, 1);
                self.lists.push((&*tag.name == "ol").then_some(1));
            }
            "li" => {
                self.flush(1, 1);
                match self.lists.last_mut() {
                    Some(Some(next)) => {
                        self.marker = format!("{next}. ");
                        *next += 1;
                    }
                    _ => self.marker = "* ".to_owned(),
                }
            }
            "td" | "th" => self.text(" "),
            name => {
                if let Some(level) = heading(name) {
                    self.flush(1, 1);
                    self.heading = level;
                } else if is_block(name) {
                    self.flush(1, 1);
                }
            }
        }
    }

    pub(super) fn close(&mut self, name: &str) {
        if self.hidden.is_some() {
            if self.hidden == Some(name) {
                self.hidden = None;
            }
            return;
        }
        match name {
            "a" | "mj-navbar-link" | "mj-social-element" => {
                self.close_link();
                if name != "a" {
                    self.text(" ");
                }
            }
            "mj-button" => {
                self.close_link();
                self.flush(1, 1);
            }
            "p" => self.flush(1, 2),
            "ul" | "ol" => {
                self.lists.pop();
                self.flush(1, if self.lists.is_empty() { 2 } else { 1 });
            }
            "td" | "th" => self.text(" "),
            "li" => {
                self.flush(1, 1);
                self.marker.clear();
            }
            "table" | "tr" => self.flush(1, 1),
            name if heading(name).is_some() || is_block(name) => self.flush(1, 1),
            _ => {}
        }
    }

    /// `text (address)`; the address alone when the text says the same; nothing without text.
    fn close_link(&mut self) {
        let Some((address, start)) = self.link.take() else { return };
        let address = address.strip_prefix("mailto:").unwrap_or(&address);
        let text = self.block.get(start..).unwrap_or_default().trim();
        if text.is_empty() || address.is_empty() {
            return;
        }
        if text.eq_ignore_ascii_case(address) {
            let padded = self.block[start..].starts_with(' ');
            self.block.truncate(start);
            self.block.push_str(if padded { " " } else { "" });
            self.block.push_str(address);
        } else {
            let kept = self.block.trim_end().len();
            self.block.truncate(kept);
            self.block.push_str(" (");
            self.block.push_str(address);
            self.block.push(')');
        }
    }

    /// Writes the block, `before` and `after` line feeds away from its neighbours.
    fn flush(&mut self, before: usize, after: usize) {
        let block = std::mem::take(&mut self.block);
        let level = std::mem::take(&mut self.heading);
        if let Some(link) = &mut self.link {
            link.1 = 0;
        }
        if block.trim().is_empty() {
            self.gap = self.gap.max(after);
            return;
        }
        let lines = wrap(&(std::mem::take(&mut self.marker) + &block));
        let (before, after) = if level > 0 { (2, 2) } else { (before, after) };
        if !self.out.is_empty() {
            self.out.extend(std::iter::repeat_n('\n', self.gap.max(before)));
        }
        let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or(0);
        let rule = match level {
            0 => String::new(),
            1 => "*".repeat(width),
            _ => "-".repeat(width),
        };
        if matches!(level, 1 | 2) {
            self.out.push_str(&rule);
            self.out.push('\n');
        }
        self.out.push_str(lines.join("\n").trim_matches('\n'));
        if level > 0 {
            self.out.push('\n');
            self.out.push_str(&rule);
        }
        self.gap = after;
    }
}

/// Lines of at most [`COLUMNS`] where spaces allow it; never more than one empty line in a row.
fn wrap(block: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for paragraph in block.split('\n') {
        let mut line = String::new();
        let mut width = 0;
        for word in paragraph.split_whitespace() {
            let length = word.chars().count();
            if width > 0 && width + 1 + length > COLUMNS {
                lines.push(std::mem::take(&mut line));
                width = 0;
            }
            if width > 0 {
                line.push(' ');
                width += 1;
            }
            line.push_str(word);
            width += length;
        }
        if !(line.is_empty() && lines.last().is_some_and(String::is_empty)) {
            lines.push(line);
        }
    }
    lines
}

fn heading(name: &str) -> Option<u8> {
    match name.as_bytes() {
        [b'h', level @ b'1'..=b'6'] => Some(level - b'0'),
        _ => None,
    }
}

fn is_block(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "body"
            | "center"
            | "dd"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "head"
            | "header"
            | "html"
            | "main"
            | "mj-accordion-text"
            | "mj-accordion-title"
            | "mj-body"
            | "mj-column"
            | "mj-navbar"
            | "mj-raw"
            | "mj-section"
            | "mj-social"
            | "mj-table"
            | "mj-text"
            | "mj-wrapper"
            | "mjml-raw"
            | "nav"
            | "p"
            | "pre"
            | "section"
            | "table"
            | "tbody"
            | "tfoot"
            | "thead"
            | "tr"
    )
}
