//! Translations: texts by key for one locale, in a namespace or in none, of a tenant or of everybody (templates.md
//! section 5). How they are stored and what names them; looking them up and rendering is the templates' business.

mod locale;
mod po;
mod texts;

pub use locale::{find_locale, is_locale, language_of};
pub use po::{from_po, to_po};
pub use texts::{Texts, TextsError};

use std::cmp::Ordering;
use std::fmt;

/// Longest namespace and tenant, in characters.
const PART_CHARS_MAX: usize = 255;

/// What a translation is named by (T5.1). Orders by locale, then namespace with none first, then tenant (management.md
/// M2.9).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Identity {
    /// A code of the public table.
    pub locale: String,
    /// What a key names before its colon.
    pub namespace: Option<String>,
    /// Whose texts these are, when they are not everybody's.
    pub tenant: Option<String>,
}

impl Identity {
    /// Reads what [`Identity`] prints.
    pub fn of_key(key: &str) -> Self {
        let (rest, tenant) = match key.split_once('~') {
            Some((rest, tenant)) => (rest, Some(tenant.to_owned())),
            None => (key, None),
        };
        let (locale, namespace) = match rest.split_once('/') {
            Some((locale, namespace)) => (locale, Some(namespace.to_owned())),
            None => (rest, None),
        };
        Self { locale: locale.to_owned(), namespace, tenant }
    }

    /// Fields that cannot name a translation, and why (M12.4, M12.6).
    pub fn problems(&self) -> Vec<(&'static str, &'static str)> {
        let mut problems = Vec::new();
        if !is_locale(&self.locale) {
            problems.push(("locale_code", "is invalid"));
        }
        let is_namespace =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
        if let Some(namespace) = &self.namespace
            && (namespace.is_empty() || namespace.len() > PART_CHARS_MAX || !is_namespace(namespace))
        {
            problems.push(("namespace", "has invalid format"));
        }
        if let Some(tenant) = &self.tenant
            && (tenant.is_empty()
                || tenant.chars().count() > PART_CHARS_MAX
                || tenant.chars().any(|c| c.is_whitespace() || c.is_control()))
        {
            problems.push(("tenant", "has invalid format"));
        }
        problems
    }

    /// The order of lists, for keys as they are stored.
    pub fn compare_keys(a: &str, b: &str) -> Ordering {
        Self::of_key(a).cmp(&Self::of_key(b))
    }
}

/// The key of the resource, which is also how a commit names it: `locale`, `locale/namespace`,
/// `locale/namespace~tenant`, `locale~tenant` (M4.11).
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.locale)?;
        if let Some(namespace) = &self.namespace {
            write!(f, "/{namespace}")?;
        }
        if let Some(tenant) = &self.tenant {
            write!(f, "~{tenant}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_name_their_parts_and_sort_by_them() {
        let sorted = ["en", "en~acme", "en/admin", "en/admin~acme", "en/admin~b/e~ta", "en-US", "fr"];
        for key in sorted {
            assert_eq!(Identity::of_key(key).to_string(), key);
        }
        let of = Identity::of_key("en/admin~b/e~ta");
        assert_eq!(
            (&*of.locale, of.namespace.as_deref(), of.tenant.as_deref()),
            ("en", Some("admin"), Some("b/e~ta"))
        );
        assert_eq!(Identity::of_key("en~b/e").tenant.as_deref(), Some("b/e"));
        assert!(sorted.is_sorted_by(|a, b| Identity::compare_keys(a, b) == Ordering::Less));
    }

    #[test]
    fn names_what_cannot_be_a_part() {
        for (locale, namespace, tenant, want) in [
            ("en", None, None, vec![]),
            ("en-US", Some("Admin_1-x"), Some("a/b"), vec![]),
            ("english", Some("a.b"), Some("a b"), vec!["locale_code", "namespace", "tenant"]),
            ("en-us", Some(""), Some(""), vec!["locale_code", "namespace", "tenant"]),
            ("en", Some("a/b"), None, vec!["namespace"]),
            ("en", Some("a~b"), None, vec!["namespace"]),
        ] {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            let identity =
                Identity { locale: locale.into(), namespace: owned(namespace), tenant: owned(tenant) };
            let fields: Vec<_> = identity.problems().into_iter().map(|(field, _)| field).collect();
            assert_eq!(fields, want, "{identity}");
        }
    }
}
