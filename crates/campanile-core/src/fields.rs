//! Reading the members of an object, with a problem for each that is not what it should be.

use serde_json::{Map, Value};

use crate::problem::Problems;

/// A member that must be there is not.
pub const BLANK: &str = "can't be blank";
/// A member is of a kind that nothing can be made of.
pub const INVALID: &str = "is invalid";
/// Documented, not built yet.
pub const UNAVAILABLE: &str = "is not available in this version";
/// A reference leads nowhere.
pub const UNKNOWN: &str = "does not exist";

/// An object of the document and where it stands. Null members count as absent.
#[derive(Debug)]
pub struct Fields<'d> {
    object: &'d Map<String, Value>,
    path: String,
}

impl<'d> Fields<'d> {
    /// `value` as an object at `path`, or a problem.
    pub fn of(value: &'d Value, path: impl Into<String>, problems: &mut Problems) -> Option<Self> {
        let path = path.into();
        match value {
            Value::Object(object) => Some(Self { object, path }),
            Value::Null => {
                problems.add(path, BLANK);
                None
            }
            _ => {
                problems.add(path, INVALID);
                None
            }
        }
    }

    /// Where the member stands, from the document root.
    pub fn path(&self, name: &str) -> String {
        if self.path.is_empty() { name.into() } else { format!("{}.{name}", self.path) }
    }

    /// A member that is there and not null.
    pub fn get(&self, name: &str) -> Option<&'d Value> {
        self.object.get(name).filter(|value| !value.is_null())
    }

    /// An optional member, read by `read`; a problem when it is there and unreadable.
    fn read<T>(
        &self,
        name: &str,
        problems: &mut Problems,
        read: impl Fn(&'d Value) -> Option<T>,
    ) -> Option<T> {
        let value = self.get(name)?;
        let found = read(value);
        if found.is_none() {
            problems.add(self.path(name), INVALID);
        }
        found
    }

    /// What message types and partials are labelled with: `name` (required), `description`, `icon_name`.
    pub fn read_label(&self, content: &mut Map<String, Value>, problems: &mut Problems) {
        self.text_at_most("name", 255, problems);
        if let Some(name) = self.text_required("name", problems) {
            content.insert("name".into(), name.into());
        }
        for (name, chars_max) in [("description", 280), ("icon_name", 255)] {
            if let Some(text) = self.text_within(name, chars_max, problems) {
                content.insert(name.into(), text.into());
            }
        }
    }

    /// An optional text or null, at most `chars_max` long.
    pub fn text_within(&self, name: &str, chars_max: usize, problems: &mut Problems) -> Option<&'d str> {
        self.text_at_most(name, chars_max, problems);
        self.text(name, problems)
    }

    /// An optional text.
    pub fn text(&self, name: &str, problems: &mut Problems) -> Option<&'d str> {
        self.read(name, problems, Value::as_str)
    }

    /// A text that must be there and say something.
    pub fn text_required(&self, name: &str, problems: &mut Problems) -> Option<&'d str> {
        match self.get(name) {
            Some(Value::String(text)) if !text.trim().is_empty() => Some(text),
            Some(Value::String(_)) | None => {
                problems.add(self.path(name), BLANK);
                None
            }
            Some(_) => {
                problems.add(self.path(name), INVALID);
                None
            }
        }
    }

    /// Notes a text longer than `chars_max`.
    pub fn text_at_most(&self, name: &str, chars_max: usize, problems: &mut Problems) {
        if self.get(name).and_then(Value::as_str).is_some_and(|text| text.chars().count() > chars_max) {
            problems.add(self.path(name), format!("should be at most {chars_max} character(s)"));
        }
    }

    /// An optional boolean.
    pub fn flag(&self, name: &str, problems: &mut Problems) -> Option<bool> {
        self.read(name, problems, Value::as_bool)
    }

    /// An optional list.
    pub fn list(&self, name: &str, problems: &mut Problems) -> Option<&'d [Value]> {
        self.read(name, problems, |value| value.as_array().map(Vec::as_slice))
    }

    /// An optional list of texts.
    pub fn texts(&self, name: &str, problems: &mut Problems) -> Vec<String> {
        let mut texts = Vec::new();
        for (at, entry) in self.list(name, problems).unwrap_or_default().iter().enumerate() {
            match entry.as_str() {
                Some(text) => texts.push(text.into()),
                None => problems.add(format!("{}[{at}]", self.path(name)), INVALID),
            }
        }
        texts
    }

    /// An optional object.
    pub fn object(&self, name: &str, problems: &mut Problems) -> Option<Fields<'d>> {
        let object = self.read(name, problems, Value::as_object)?;
        Some(Fields { object, path: self.path(name) })
    }
}
