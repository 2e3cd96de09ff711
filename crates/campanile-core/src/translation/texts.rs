//! What a translation says: nested objects with texts at the ends, in the order in which they were written.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, Serializer};

/// An object of a translation, or one of its texts. Keys keep their order (T5.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Texts {
    /// What is printed.
    Text(String),
    /// Members in order; keys are unique.
    Object(Vec<(String, Texts)>),
}

/// Why a text is no translation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct TextsError(pub(super) String);

impl Texts {
    /// Reads JSON: an object whose ends are texts.
    pub fn from_json(json: &str) -> Result<Self, TextsError> {
        match serde_json::from_str(json) {
            Ok(object @ Self::Object(_)) => Ok(object),
            Ok(Self::Text(_)) => Err(TextsError("is not a JSON object".into())),
            Err(error) => Err(TextsError(error.to_string())),
        }
    }

    /// Compact JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Every text with the keys that lead to it, in order.
    pub fn leaves(&self) -> Vec<(Vec<&str>, &str)> {
        let mut found = Vec::new();
        self.collect(&mut Vec::new(), &mut found);
        found
    }

    fn collect<'t>(&'t self, path: &mut Vec<&'t str>, found: &mut Vec<(Vec<&'t str>, &'t str)>) {
        match self {
            Self::Text(text) => found.push((path.clone(), text)),
            Self::Object(members) => {
                for (key, value) in members {
                    path.push(key);
                    value.collect(path, found);
                    path.pop();
                }
            }
        }
    }

    /// A member.
    pub fn get(&self, key: &str) -> Option<&Self> {
        match self {
            Self::Text(_) => None,
            Self::Object(members) => members.iter().find(|(known, _)| known == key).map(|(_, value)| value),
        }
    }
}

impl Serialize for Texts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            Self::Object(members) => {
                let mut map = serializer.serialize_map(Some(members.len()))?;
                for (key, value) in members {
                    map.serialize_entry(key, value)?;
                }
                map.end()
            }
        }
    }
}

impl<'de> Deserialize<'de> for Texts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Texts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text or an object of texts")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Texts, E> {
        Ok(Texts::Text(text.to_owned()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Texts, A::Error> {
        let mut members: Vec<(String, Texts)> = Vec::new();
        let mut known = std::collections::HashMap::new();
        while let Some((key, value)) = map.next_entry::<String, Texts>()? {
            // The last one counts, as everywhere in JSON.
            match known.get(&key) {
                Some(at) => members[*at] = (key, value),
                None => {
                    known.insert(key.clone(), members.len());
                    members.push((key, value));
                }
            }
        }
        Ok(Texts::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_order_of_keys() {
        let json = r#"{"z":"1","a":{"other":"{{ count }}","one":"1"},"a.b":"","é":"\n"}"#;
        let texts = Texts::from_json(json).unwrap();
        assert_eq!(texts.to_json(), json);
        let leaves: Vec<_> = texts.leaves().into_iter().map(|(path, _)| path.join("/")).collect();
        assert_eq!(leaves, ["z", "a/other", "a/one", "a.b", "é"]);
        assert_eq!(texts.get("z"), Some(&Texts::Text("1".into())));
        assert_eq!(
            Texts::from_json(r#"{"a":"1","b":"2","a":"3"}"#).unwrap().to_json(),
            r#"{"a":"3","b":"2"}"#
        );
    }

    #[test]
    fn refuses_what_is_no_object_of_texts() {
        for json in [
            "",
            "[]",
            "\"a\"",
            "7",
            "null",
            r#"{"a":1}"#,
            r#"{"a":null}"#,
            r#"{"a":["b"]}"#,
            r#"{"a":true}"#,
            "{",
        ] {
            assert!(Texts::from_json(json).is_err(), "{json}");
        }
        let deep = "{\"a\":".repeat(200) + "\"\"" + &"}".repeat(200);
        assert!(Texts::from_json(&deep).is_err(), "the parser's own bound");
        assert_eq!(Texts::from_json("{}").unwrap().to_json(), "{}");
    }
}
