//! Locale codes of translations: the tags of the public `locale-codes` table (templates.md T5.3).

/// Sorted, one a line.
const CODES: &str = include_str!("locale_codes.txt");

/// True for a code exactly as the table writes it.
pub fn is_locale(code: &str) -> bool {
    CODES.lines().any(|known| known == code)
}

/// The code that a text of a recipient means: case does not matter, `_` is `-`; `None` when the table has no such
/// code.
pub fn find_locale(text: &str) -> Option<&'static str> {
    let means = |known: &&str| {
        known.len() == text.len()
            && known
                .bytes()
                .zip(text.bytes())
                .all(|(known, given)| known.eq_ignore_ascii_case(&given) || (known == b'-' && given == b'_'))
    };
    CODES.lines().find(means)
}

/// The language of a code: `fr` of `fr-BE`, itself when it has no region.
pub fn language_of(code: &str) -> &str {
    code.split(['-', '_']).next().unwrap_or(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_codes_however_they_are_written() {
        for (text, want) in [
            ("en", Some("en")),
            ("EN_us", Some("en-US")),
            ("zh-hans", Some("zh-Hans")),
            ("es-419", Some("es-419")),
            ("xx", None),
            ("", None),
            ("en-US\naf", None),
        ] {
            assert_eq!(find_locale(text), want, "{text}");
        }
        assert!(is_locale("en-US") && !is_locale("en-us"));
        assert_eq!((language_of("fr-BE"), language_of("fr")), ("fr", "fr"));
        assert!(CODES.lines().count() > 700);
    }
}
