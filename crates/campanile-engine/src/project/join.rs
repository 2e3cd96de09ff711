//! Putting a resource's files back into its document: `"x@": "path"` becomes `x` with the file's text (section 20.3).
//! Pure: files come from a function.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// Extracted files that name files themselves (M20.3).
const LEVELS_MAX: usize = 2;
/// The one field whose file holds JSON to be read, rather than text to be kept as it is.
const DECODED: &str = "visual_blocks";
/// Deeper documents are refused by the parser before; this keeps the walk itself safe.
const DEPTH_MAX: usize = 128;

/// A document with everything in its place.
#[derive(Debug, Default)]
pub(super) struct Joined {
    /// The document, references included: the checks ignore them.
    pub document: Value,
    /// Which file a field came from, by the field's path.
    pub sources: BTreeMap<String, String>,
    /// References that lead nowhere: field, file if it is known, reason.
    pub problems: Vec<(String, Option<String>, String)>,
}

impl Joined {
    /// The file that a field of the document came from; `None` is the main file.
    pub fn source(&self, field: &str) -> Option<&str> {
        let inside = |known: &str| {
            field.strip_prefix(known).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        let known = self.sources.iter().filter(|(known, _)| inside(known));
        known.max_by_key(|(known, _)| known.len()).map(|(_, file)| file.as_str())
    }
}

/// Reads one file by its path relative to the resource's folder.
pub(super) type ReadFile<'r> = &'r dyn Fn(&str) -> Result<String, String>;

/// Joins every reference of `document`.
pub(super) fn join(document: Value, read: ReadFile<'_>) -> Joined {
    let mut joined = Joined::default();
    let document = walk(document, "", Place { base: "", level: 0, depth: 0 }, read, &mut joined);
    joined.document = document;
    joined
}

/// Where a walk stands.
#[derive(Clone, Copy)]
struct Place<'b> {
    /// Folder that references are relative to: that of the file they stand in.
    base: &'b str,
    /// Files above this one.
    level: usize,
    depth: usize,
}

fn walk(value: Value, field: &str, place: Place<'_>, read: ReadFile<'_>, joined: &mut Joined) -> Value {
    if place.depth > DEPTH_MAX {
        joined.problems.push((field.into(), None, "is nested too deeply".into()));
        return value;
    }
    let place = Place { depth: place.depth + 1, ..place };
    match value {
        Value::Array(list) => list
            .into_iter()
            .enumerate()
            .map(|(at, entry)| walk(entry, &format!("{field}[{at}]"), place, read, joined))
            .collect(),
        Value::Object(object) => {
            let mut whole = Map::new();
            let mut references = Vec::new();
            for (name, value) in object {
                match name.strip_suffix('@') {
                    Some(target) if !target.is_empty() => references.push((target.to_owned(), value)),
                    _ => {
                        let inside = member(field, &name);
                        whole.insert(name, walk(value, &inside, place, read, joined));
                    }
                }
            }
            // The file wins over a value written beside its reference.
            for (target, reference) in references {
                let inside = member(field, &target);
                if let Some(value) = referred(&target, &reference, &inside, place, read, joined) {
                    whole.insert(target, value);
                }
            }
            Value::Object(whole)
        }
        other => other,
    }
}

fn member(field: &str, name: &str) -> String {
    if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") }
}

fn referred(
    name: &str,
    reference: &Value,
    field: &str,
    place: Place<'_>,
    read: ReadFile<'_>,
    joined: &mut Joined,
) -> Option<Value> {
    let mut refuse = |file: Option<&str>, why: String| {
        joined.problems.push((field.to_owned(), file.map(str::to_owned), why));
        None
    };
    let at_reference = format!("{name}@");
    let Value::String(path) = reference else {
        return refuse(None, format!("cannot be joined: {at_reference} must be the path of a file"));
    };
    if place.level >= LEVELS_MAX {
        return refuse(None, format!("cannot be joined: {at_reference} is nested in too many files"));
    }
    let Some(path) = resolve(place.base, path) else {
        return refuse(
            None,
            format!("cannot be joined: {at_reference} must stay inside the resource's folder"),
        );
    };
    let text = match read(&path) {
        Ok(text) => text,
        Err(why) => return refuse(Some(&path), why),
    };
    joined.sources.insert(field.to_owned(), path.clone());
    if name != DECODED {
        return Some(Value::String(text));
    }
    match serde_json::from_str(&text) {
        Ok(value) => {
            let base = path.rsplit_once('/').map_or("", |(folder, _)| folder);
            Some(walk(value, field, Place { base, level: place.level + 1, ..place }, read, joined))
        }
        Err(error) => {
            joined.problems.push((field.to_owned(), Some(path), format!("is not valid JSON: {error}")));
            None
        }
    }
}

/// `path`, relative to `base`, as a plain relative path; `None` when it leaves the folder.
fn resolve(base: &str, path: &str) -> Option<String> {
    let path = path.replace('\\', "/");
    if path.starts_with('/') || path.split('/').next().is_some_and(|first| first.contains(':')) {
        return None;
    }
    let mut parts: Vec<&str> = Vec::new();
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(path: &str) -> Result<String, String> {
        match path {
            "e/html_body.html" => Ok("<p>\r\n".into()),
            "e/empty.txt" => Ok(String::new()),
            "e/blocks.json" => Ok(r#"[{"type": "markdown", "content@": "blocks/1.content.md"}]"#.into()),
            "e/blocks/1.content.md" => Ok("# x".into()),
            "e/deep.json" => Ok(r#"[{"visual_blocks@": "deep.json"}]"#.into()),
            "e/broken.json" => Ok("[".into()),
            other => Err(format!("{other} is not there")),
        }
    }

    #[test]
    fn joins_files_at_every_depth() {
        for (document, want) in [
            (json!({"name": "W"}), json!({"name": "W"})),
            (json!({"a@": "e/html_body.html", "a": "old"}), json!({"a": "<p>\r\n"})),
            (json!({"a@": "./e/../e/empty.txt"}), json!({"a": ""})),
            (
                json!({"steps": [{"branches": [{"steps": [{"template": {"html_body@": "e/html_body.html"}}]}]}]}),
                json!({"steps": [{"branches": [{"steps": [{"template": {"html_body": "<p>\r\n"}}]}]}]}),
            ),
            (
                json!({"visual_blocks@": "e/blocks.json"}),
                json!({"visual_blocks": [{"type": "markdown", "content": "# x"}]}),
            ),
            // JSON that is a template stays text.
            (
                json!({"json_body@": "e/blocks.json"}),
                json!({"json_body": r#"[{"type": "markdown", "content@": "blocks/1.content.md"}]"#}),
            ),
            (json!({"@": "x"}), json!({"@": "x"})),
        ] {
            let joined = join(document.clone(), &read);
            assert_eq!(joined.problems, [], "{document}");
            assert_eq!(joined.document, want, "{document}");
        }
    }

    #[test]
    fn names_what_cannot_be_joined() {
        for (document, field, file, why) in [
            (json!({"a@": 7}), "a", None, "must be the path"),
            (json!({"b": [{"a@": "/etc/passwd"}]}), "b[0].a", None, "must stay inside"),
            (json!({"a@": "e/../../x"}), "a", None, "must stay inside"),
            (json!({"a@": "..\\x"}), "a", None, "must stay inside"),
            (json!({"a@": "C:/x"}), "a", None, "must stay inside"),
            (json!({"a@": ""}), "a", None, "must stay inside"),
            (json!({"a@": "e/none.txt"}), "a", Some("e/none.txt"), "is not there"),
            (
                json!({"visual_blocks@": "e/broken.json"}),
                "visual_blocks",
                Some("e/broken.json"),
                "is not valid JSON",
            ),
            (
                json!({"visual_blocks@": "e/deep.json"}),
                "visual_blocks[0].visual_blocks[0].visual_blocks",
                None,
                "too many files",
            ),
        ] {
            let problems = join(document.clone(), &read).problems;
            assert_eq!(problems.len(), 1, "{document}: {problems:?}");
            assert_eq!((problems[0].0.as_str(), problems[0].1.as_deref()), (field, file), "{document}");
            assert!(problems[0].2.contains(why), "{document}: {problems:?}");
        }
    }

    #[test]
    fn finds_the_file_of_a_field() {
        let document = json!({"t": {"visual_blocks@": "e/blocks.json", "html_body@": "e/html_body.html"}});
        let joined = join(document, &read);
        for (field, want) in [
            ("t.html_body", Some("e/html_body.html")),
            ("t.html_body_more", None),
            ("t.visual_blocks[0].type", Some("e/blocks.json")),
            ("t.visual_blocks[0].content", Some("e/blocks/1.content.md")),
            ("name", None),
            ("", None),
        ] {
            assert_eq!(joined.source(field), want, "{field}");
        }
    }
}
