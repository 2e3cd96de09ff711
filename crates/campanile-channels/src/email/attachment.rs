//! Attachments as triggers carry them (channels.md 9.2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lettre::message::header::ContentType;
use serde_json::Value;

use super::one_line;
use crate::delivery::BuildError;

/// A checked attachment.
#[derive(Debug, Clone)]
pub struct Attachment {
    /// Its file name.
    pub name: String,
    /// With its parameters.
    pub content_type: ContentType,
    /// The content type as given.
    pub content_type_text: String,
    /// Decoded.
    pub content: Vec<u8>,
    /// Set when the template shows it in place, as `cid:…`.
    pub inline_id: Option<String>,
    /// Disposition `inline`.
    pub inline: bool,
}

impl Attachment {
    /// Calendar invitations shown in place, which mail programs want as an alternative of the body.
    pub fn is_calendar_alternative(&self) -> bool {
        self.inline && self.content_type_text.to_ascii_lowercase().starts_with("text/calendar")
    }
}

/// The attachments under the template's attachment key: one object or an array.
pub fn from_data(value: &Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values.clone(),
        Value::Null => Vec::new(),
        one => vec![one.clone()],
    }
}

/// Checks every attachment; the first malformed one is an error with its index (R9.7).
pub fn parse(values: &[Value]) -> Result<Vec<Attachment>, BuildError> {
    values
        .iter()
        .enumerate()
        .map(|(index, value)| one(value).map_err(|reason| BuildError::Attachment { index, reason }))
        .collect()
}

fn one(value: &Value) -> Result<Attachment, String> {
    let required = |key: &str| match value.get(key) {
        Some(Value::String(text)) if !text.trim().is_empty() => Ok(text.as_str()),
        _ => Err(format!("has no {key}")),
    };
    let name = one_line(required("name")?);
    let content_type_text = one_line(required("content_type")?);
    let content_type = ContentType::parse(&content_type_text)
        .map_err(|_| "has a content_type that is not a media type".to_owned())?;
    let content: String = required("content")?.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    let content =
        STANDARD.decode(content).map_err(|_| "has content that is not standard base64".to_owned())?;
    let inline = match value.get("disposition").and_then(Value::as_str) {
        None | Some("attachment") => false,
        Some("inline") => true,
        Some(_) => return Err("has a disposition other than attachment or inline".into()),
    };
    let id = value
        .get("content_id")
        .and_then(Value::as_str)
        .map(|id| one_line(id).trim_matches(|c| c == '<' || c == '>').to_owned());
    let inline_id = id.filter(|id| inline && !id.is_empty());
    Ok(Attachment { name, content_type, content_type_text, content, inline_id, inline })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_error_names_the_malformed_one() {
        let good = json!({"name":"a.txt","content_type":"text/plain","content":"aGk="});
        for (second, reason) in [
            (json!({"content_type":"text/plain","content":"aGk="}), "has no name"),
            (json!({"name":"a","content":"aGk="}), "has no content_type"),
            (json!({"name":"a","content_type":"text/plain"}), "has no content"),
            (
                json!({"name":"a","content_type":"text/plain","content":"?"}),
                "has content that is not standard base64",
            ),
            (
                json!({"name":"a","content_type":"nope","content":"aGk="}),
                "has a content_type that is not a media type",
            ),
            (
                json!({"name":"a","content_type":"text/plain","content":"aGk=","disposition":"x"}),
                "has a disposition other than attachment or inline",
            ),
            (json!("text"), "has no name"),
        ] {
            let error = parse(&[good.clone(), second]).unwrap_err();
            assert_eq!(error, BuildError::Attachment { index: 1, reason: reason.into() });
        }
        assert_eq!(parse(&[good]).unwrap()[0].content, b"hi");
    }

    #[test]
    fn one_object_or_a_list() {
        assert_eq!(from_data(&json!({"name":"a"})), vec![json!({"name":"a"})]);
        assert_eq!(from_data(&json!([1, 2])).len(), 2);
        assert!(from_data(&Value::Null).is_empty());
    }
}
