//! Content as text, so that equal content has equal text and a hash that changes iff the content does (section 4.6).

use aws_lc_rs::digest;
use serde_json::Value;

/// Keys ascending at every depth, no whitespace. Strings keep their exact characters (M20.2).
pub fn canonical_json(content: &Value) -> String {
    // Maps of serde_json are sorted as long as nobody switches on its `preserve_order`; the test below would tell.
    content.to_string()
}

/// Lower-case hexadecimal SHA-256 of canonical content.
pub fn sha(canonical: &str) -> String {
    let hash = digest::digest(&digest::SHA256, canonical.as_bytes());
    hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_content_has_one_text() {
        for (written, want) in [
            (r#"{"b": 1, "a": {"d": [2, 1], "c": null}}"#, r#"{"a":{"c":null,"d":[2,1]},"b":1}"#),
            (r#"{"a":{"c":null,"d":[2,1]},"b":1}"#, r#"{"a":{"c":null,"d":[2,1]},"b":1}"#),
            ("{\"t\": \"a\\r\\nb\\u00e9\"}", "{\"t\":\"a\\r\\nb\u{e9}\"}"),
            ("[1.0, 1, \"\"]", "[1.0,1,\"\"]"),
            ("{}", "{}"),
        ] {
            let value: Value = serde_json::from_str(written).unwrap();
            assert_eq!(canonical_json(&value), want, "{written}");
        }
    }

    #[test]
    fn hashes_as_lower_case_hex() {
        assert_eq!(sha(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_ne!(sha("{}"), sha("{\"a\":1}"));
    }
}
