//! Keys of versioned resources and refs of steps.

/// Why a text cannot be the key of a workflow, or `None` when it can (workflows.md section 1).
pub fn key_problem(key: &str) -> Option<&'static str> {
    let allowed =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'_' | b'-');
    match key.chars().count() {
        0 => Some("can't be blank"),
        1..3 => Some("should be at least 3 character(s)"),
        256.. => Some("should be at most 255 character(s)"),
        _ => (!key.bytes().all(allowed)).then_some("has invalid format"),
    }
}

/// Why a text cannot be the ref of a step, or `None` when it can (S53).
pub(super) fn ref_problem(step_ref: &str) -> Option<&'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    match step_ref.chars().count() {
        0 => Some("can't be blank"),
        256.. => Some("should be at most 255 character(s)"),
        _ => (!step_ref.bytes().all(allowed)).then_some("has invalid format"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn judges_keys_and_refs() {
        let long = "k".repeat(256);
        for (text, key, step_ref) in [
            ("new-comment_1", true, true),
            ("abc", true, true),
            ("ab", false, true),
            ("", false, false),
            ("Email_1", false, true),
            ("a.b.c", false, false),
            ("später", false, false),
            (&long[1..], true, true),
            (&long, false, false),
        ] {
            assert_eq!(key_problem(text).is_none(), key, "{text}");
            assert_eq!(ref_problem(text).is_none(), step_ref, "{text}");
        }
    }
}
