//! Names of the Lucide icon set, which pickers of the dashboard and of the visual editor draw from.

/// Sorted, one a line: version 1.62, with the older names of renamed icons.
const NAMES: &str = include_str!("icon_names.txt");

/// True for the name of an icon (templates.md section 6).
pub fn is_icon(name: &str) -> bool {
    NAMES.lines().any(|known| known == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_set() {
        for (name, want) in [
            ("bell", true),
            ("a-arrow-down", true),
            ("alert-circle", true),
            ("Bell", false),
            ("", false),
            ("bell\nbook", false),
        ] {
            assert_eq!(is_icon(name), want, "{name}");
        }
        assert!(NAMES.lines().is_sorted());
    }
}
