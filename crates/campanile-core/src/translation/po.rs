//! Translations as gettext writes them: `msgid` is the path of a text, `msgstr` the text (T5.14).
//!
//! A dot inside a key is written `\.` and a backslash `\\`, so that what was one key comes back as one; an object of
//! plurals is its members, `key.one` and `key.other`.

use std::collections::HashMap;

use super::texts::{Texts, TextsError};

/// Keys inside one another at the most: what the JSON parser allows.
const DEPTH_MAX: usize = 120;

/// Writes a translation of a locale.
pub fn to_po(texts: &Texts, locale: &str) -> String {
    let mut out = String::from("msgid \"\"\nmsgstr \"\"\n");
    for header in [
        format!("Language: {locale}\n"),
        "MIME-Version: 1.0\n".into(),
        "Content-Type: text/plain; charset=UTF-8\n".into(),
        "Content-Transfer-Encoding: 8bit\n".into(),
    ] {
        out.push_str(&quoted(&header));
        out.push('\n');
    }
    for (path, text) in texts.leaves() {
        out.push_str("\nmsgid ");
        out.push_str(&lines(&joined(&path)));
        out.push_str("\nmsgstr ");
        out.push_str(&lines(text));
        out.push('\n');
    }
    out
}

/// Reads a translation. The error names the line at fault.
pub fn from_po(po: &str) -> Result<Texts, TextsError> {
    let mut tree = Tree::default();
    let mut entry = Entry::default();
    for (at, line) in po.lines().enumerate() {
        let refuse = |why: &str| TextsError(format!("line {}: {why}", at + 1));
        let line = line.trim().trim_start_matches('\u{feff}');
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (keyword, rest) = match line.starts_with('"') {
            true => ("", line),
            false => line.split_once(|c: char| c.is_whitespace()).unwrap_or((line, "")),
        };
        match keyword {
            "" => {
                let text = unquoted(line).ok_or_else(|| refuse("is not a text in quotes"))?;
                entry.continued().ok_or_else(|| refuse("does not belong to an entry"))?.push_str(&text);
                continue;
            }
            // Unused (T5.14); it begins an entry all the same.
            "msgctxt" | "msgid" => entry.finish(&mut tree)?,
            "msgstr" => {}
            "msgid_plural" => {
                return Err(refuse("plurals are entries of their own: key.zero, key.one, key.other"));
            }
            other => return Err(refuse(&format!("{other} is not known"))),
        }
        let text = unquoted(rest.trim()).ok_or_else(|| refuse("is not a text in quotes"))?;
        let place = match keyword {
            "msgctxt" => &mut entry.context,
            "msgid" => &mut entry.id,
            _ if entry.id.is_none() => return Err(refuse("has no msgid before it")),
            _ => &mut entry.text,
        };
        if place.is_some() {
            return Err(refuse(&format!("{keyword} is there twice")));
        }
        *place = Some(text);
        entry.line = at + 1;
    }
    entry.finish(&mut tree)?;
    Ok(tree.into_texts())
}

/// What was read, by key: files are long, and each entry looks for its place.
#[derive(Default)]
struct Tree {
    members: Vec<(String, Branch)>,
    places: HashMap<String, usize>,
}

enum Branch {
    Text(String),
    Tree(Tree),
}

impl Tree {
    /// Puts a text where `path` leads. False when a text is in the way or something is there.
    fn insert(&mut self, path: &[String], text: String) -> bool {
        let Some((key, rest)) = path.split_first() else { return false };
        if let Some(at) = self.places.get(key) {
            return match &mut self.members[*at].1 {
                Branch::Tree(inside) if !rest.is_empty() => inside.insert(rest, text),
                _ => false,
            };
        }
        let branch = match rest {
            [] => Branch::Text(text),
            rest => {
                let mut inside = Self::default();
                inside.insert(rest, text);
                Branch::Tree(inside)
            }
        };
        self.places.insert(key.clone(), self.members.len());
        self.members.push((key.clone(), branch));
        true
    }

    fn into_texts(self) -> Texts {
        let members = self.members.into_iter().map(|(key, branch)| match branch {
            Branch::Text(text) => (key, Texts::Text(text)),
            Branch::Tree(inside) => (key, inside.into_texts()),
        });
        Texts::Object(members.collect())
    }
}

/// An entry being read.
#[derive(Default)]
struct Entry {
    context: Option<String>,
    id: Option<String>,
    text: Option<String>,
    line: usize,
}

impl Entry {
    /// What a line of nothing but text goes on with.
    fn continued(&mut self) -> Option<&mut String> {
        self.text.as_mut().or(self.id.as_mut()).or(self.context.as_mut())
    }

    /// Keeps what was read, unless it is only a context so far.
    fn finish(&mut self, tree: &mut Tree) -> Result<(), TextsError> {
        let Some(id) = &self.id else { return Ok(()) };
        let refuse = |why: &str| Err(TextsError(format!("line {}: {why}", self.line)));
        let Some(text) = self.text.take() else { return refuse("msgid without msgstr") };
        // The entry without an id is the header.
        if !id.is_empty() {
            let path = split(id);
            if path.len() > DEPTH_MAX {
                return refuse("the key is nested too deeply");
            }
            if !tree.insert(&path, text) {
                return refuse("the key, or one above it, has a text already");
            }
        }
        *self = Self::default();
        Ok(())
    }
}

/// Keys as one path. A lone empty key would be the header, so it is written as an escape of its own.
fn joined(path: &[&str]) -> String {
    if path == [""] {
        return "\\0".into();
    }
    let keys: Vec<String> = path.iter().map(|key| key.replace('\\', "\\\\").replace('.', "\\.")).collect();
    keys.join(".")
}

fn split(path: &str) -> Vec<String> {
    let mut keys = vec![String::new()];
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        let key = keys.len() - 1;
        match c {
            '.' => keys.push(String::new()),
            '\\' => match chars.next() {
                Some('0') => {}
                Some(c @ ('.' | '\\')) => keys[key].push(c),
                // Written by hand: a backslash that escapes nothing stands for itself.
                Some(c) => keys[key].extend(['\\', c]),
                None => keys[key].push('\\'),
            },
            c => keys[key].push(c),
        }
    }
    keys
}

/// A text of several lines is written as several, as translators' tools expect it.
fn lines(text: &str) -> String {
    if !text.trim_end_matches('\n').contains('\n') {
        return quoted(text);
    }
    let mut out = String::from("\"\"");
    for line in text.split_inclusive('\n') {
        out.push('\n');
        out.push_str(&quoted(line));
    }
    out
}

fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{7}' => out.push_str("\\a"),
            '\u{8}' => out.push_str("\\b"),
            '\u{b}' => out.push_str("\\v"),
            '\u{c}' => out.push_str("\\f"),
            // A reader of lines would end here.
            c if c.is_ascii_control() => out.push_str(&format!("\\{:03o}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn unquoted(text: &str) -> Option<String> {
    let inside = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = String::with_capacity(inside.len());
    let mut chars = inside.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '"' => return None,
            '\\' => match chars.next()? {
                'n' => out.push('\n'),
                'r' => out.push('\r'),
                't' => out.push('\t'),
                'a' => out.push('\u{7}'),
                'b' => out.push('\u{8}'),
                'v' => out.push('\u{b}'),
                'f' => out.push('\u{c}'),
                c @ ('"' | '\\' | '\'' | '?') => out.push(c),
                c @ '0'..='7' => {
                    let mut value = c.to_digit(8)?;
                    for _ in 0..2 {
                        let Some(digit) = chars.peek().and_then(|c| c.to_digit(8)) else { break };
                        value = value * 8 + digit;
                        chars.next();
                    }
                    out.push(char::from_u32(value)?);
                }
                _ => return None,
            },
            c => out.push(c),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn writes_paths_and_texts() {
        let texts = Texts::from_json(
            r#"{"orders":{"shipping":{"one":"One order","other":"{{ count }} orders"}},"a.b":"\"x\"","long":"1\n2\n"}"#,
        )
        .unwrap();
        assert_eq!(
            to_po(&texts, "de"),
            "msgid \"\"\nmsgstr \"\"\n\"Language: de\\n\"\n\"MIME-Version: 1.0\\n\"\n\
             \"Content-Type: text/plain; charset=UTF-8\\n\"\n\"Content-Transfer-Encoding: 8bit\\n\"\n\n\
             msgid \"orders.shipping.one\"\nmsgstr \"One order\"\n\n\
             msgid \"orders.shipping.other\"\nmsgstr \"{{ count }} orders\"\n\n\
             msgid \"a\\\\.b\"\nmsgstr \"\\\"x\\\"\"\n\n\
             msgid \"long\"\nmsgstr \"\"\n\"1\\n\"\n\"2\\n\"\n"
        );
    }

    #[test]
    fn reads_what_others_write() {
        let po = "\u{feff}# by hand\nmsgid \"\"\nmsgstr \"Language: de\\n\"\n\n#, fuzzy\n#: a.rs:1\nmsgctxt \"menu\"\n\
                  msgid \"a.b\"\r\nmsgstr \"eins \"\n  \"zwei\"\n\n#~ msgid \"old\"\nmsgid \"c\"\nmsgstr \"\"\n";
        assert_eq!(from_po(po).unwrap().to_json(), r#"{"a":{"b":"eins zwei"},"c":""}"#);
        assert_eq!(from_po("").unwrap().to_json(), "{}");
    }

    #[test]
    fn names_the_line_at_fault() {
        for (po, want) in [
            (
                "msgid \"a\"\nmsgstr \"1\"\n\nmsgid \"a\"\nmsgstr \"2\"",
                "line 5: the key, or one above it, has a text already",
            ),
            (
                "msgid \"a\"\nmsgstr \"1\"\nmsgid \"a.b\"\nmsgstr \"2\"",
                "line 4: the key, or one above it, has a text already",
            ),
            ("msgid \"a\"\nmsgid \"b\"\nmsgstr \"2\"", "line 1: msgid without msgstr"),
            ("msgid \"a\"", "line 1: msgid without msgstr"),
            ("msgstr \"a\"", "line 1: has no msgid before it"),
            ("\n\"a\"", "line 2: does not belong to an entry"),
            ("msgid a", "line 1: is not a text in quotes"),
            ("msgid \"a\\q\"", "line 1: is not a text in quotes"),
            (
                "msgid \"a\"\nmsgid_plural \"as\"",
                "line 2: plurals are entries of their own: key.zero, key.one, key.other",
            ),
            ("hello", "line 1: hello is not known"),
        ] {
            assert_eq!(from_po(po).map_err(|error| error.to_string()), Err(want.to_owned()), "{po}");
        }
    }

    fn texts() -> impl Strategy<Value = Texts> {
        let text = "(\\PC|[\\x00-\\x1f\\\\\".~\u{85}\u{2028}])*";
        let leaf = text.prop_map(Texts::Text);
        let object = |members: Vec<(String, Texts)>| {
            let mut seen = std::collections::HashSet::new();
            let mut members = members;
            members.retain(|(key, _)| seen.insert(key.clone()));
            Texts::Object(members)
        };
        let key = "[a-z.\\\\ \"\n]{0,5}";
        let nested = leaf.prop_recursive(3, 24, 4, move |inner| {
            proptest::collection::vec((key, inner), 1..4).prop_map(object)
        });
        proptest::collection::vec((key, nested), 0..4).prop_map(object)
    }

    proptest! {
        #[test]
        fn nothing_is_lost_on_the_way_there_and_back(texts in texts()) {
            let back = from_po(&to_po(&texts, "en")).map_err(|error| TestCaseError::fail(error.to_string()))?;
            prop_assert_eq!(back.leaves(), texts.leaves());
        }

        #[test]
        fn any_text_is_read_or_refused(po in "((msgid|msgstr|msgctxt)? ?\"[a.\\\\n0-9]{0,4}\"\n|\\PC{0,9}\n){0,9}") {
            drop(from_po(&po));
        }
    }
}
