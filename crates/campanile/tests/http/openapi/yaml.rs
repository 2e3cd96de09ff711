//! As much YAML as the published documents use: block maps and lists, plain and quoted scalars, texts in blocks
//! (which nobody here asks for and which are read as empty).

use serde_json::{Map, Value};

/// Reads a document.
pub fn read(text: &str) -> Value {
    let lines = text
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| (line.len() - line.trim_start().len(), line.trim().to_owned()))
        .collect();
    Reader { lines, at: 0 }.node(0)
}

struct Reader {
    lines: Vec<(usize, String)>,
    at: usize,
}

impl Reader {
    fn here(&self) -> Option<(usize, &str)> {
        self.lines.get(self.at).map(|(indent, text)| (*indent, text.as_str()))
    }

    fn node(&mut self, indent: usize) -> Value {
        match self.here() {
            Some((_, text)) if text.starts_with("- ") => self.list(indent),
            _ => self.map(indent),
        }
    }

    fn list(&mut self, indent: usize) -> Value {
        let mut items = Vec::new();
        while let Some((found, text)) = self.here()
            && found == indent
            && let Some(rest) = text.strip_prefix("- ")
        {
            let rest = rest.to_owned();
            if split(&rest).is_some() {
                self.lines[self.at] = (indent + 2, rest);
                items.push(self.map(indent + 2));
            } else {
                self.at += 1;
                items.push(scalar(&rest));
                self.skip_below(indent);
            }
        }
        Value::Array(items)
    }

    fn map(&mut self, indent: usize) -> Value {
        let mut map = Map::new();
        while let Some((found, text)) = self.here()
            && found == indent
            && let Some((key, value)) = split(text)
        {
            self.at += 1;
            let value = match value.as_str() {
                "" => match self.here() {
                    Some((below, _)) if below > indent => self.node(below),
                    Some((same, text)) if same == indent && text.starts_with("- ") => self.list(indent),
                    _ => Value::Null,
                },
                value => {
                    self.skip_below(indent);
                    scalar(value)
                }
            };
            map.insert(key, value);
        }
        Value::Object(map)
    }

    /// The rest of a text that goes on in deeper lines.
    fn skip_below(&mut self, indent: usize) {
        while self.here().is_some_and(|(found, _)| found > indent) {
            self.at += 1;
        }
    }
}

/// `key: value` or `key:`; quoted keys without their quotes.
fn split(text: &str) -> Option<(String, String)> {
    let (key, value) = match text.strip_suffix(':') {
        Some(key) if !key.contains(": ") => (key, ""),
        _ => text.split_once(": ")?,
    };
    if key.starts_with(['"', '\'']) && !key.ends_with(['"', '\'']) {
        return None;
    }
    Some((key.trim_matches(['"', '\'']).to_owned(), value.trim().to_owned()))
}

fn scalar(text: &str) -> Value {
    match text {
        "{}" => Value::Object(Map::new()),
        "[]" => Value::Array(Vec::new()),
        "null" | "~" => Value::Null,
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        _ if text.starts_with(['|', '>']) => Value::String(String::new()),
        _ => match text.parse::<i64>() {
            Ok(number) => number.into(),
            Err(_) => Value::String(text.trim_matches(['"', '\'']).to_owned()),
        },
    }
}

#[test]
fn reads_what_the_documents_use() {
    let text = "a:\n  \"200\":\n    - x\n    - b: 1\n      c: 'y'\n  d: |-\n    text: no key\n\n  e: {}\nf:\n- long text\n  goes on\n";
    let wanted = serde_json::json!({
        "a": {"200": ["x", {"b": 1, "c": "y"}], "d": "", "e": {}},
        "f": ["long text"],
    });
    assert_eq!(read(text), wanted);
}
