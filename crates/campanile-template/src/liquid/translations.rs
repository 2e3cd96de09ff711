//! Translations (templates.md section 5): the files of an environment, and the chain of them that one recipient sees.
//!
//! Files are never merged. A chain is a short list of them, and a key is looked for in all at once, which answers what
//! the merge of T5.4 would: of two files that have a text under a key the first wins, groups are united.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use campanile_core::translation::find_locale;
use serde_json::Value as Json;

use super::error::TemplateError;
use super::template::Template;

/// Translations inside one another (S33).
pub(crate) const DEPTH_MAX: usize = 5;
/// Spellings of locales that a chain is kept for, per tenant. Recipients may name anything.
const CHAINS_MAX: usize = 256;
/// Groups inside one another that are read.
const GROUPS_MAX: usize = 32;
/// Where keys of `t` tags are (T5.9).
pub const SYSTEM: &str = "system";

/// A translation as it is stored: locale, namespace and tenant say which file it is (T5.1).
#[derive(Debug, Clone, Copy)]
pub struct TranslationFile<'f> {
    /// `en`, `fr-BE`; case and `_` do not matter.
    pub locale: &'f str,
    /// What stands before the `:` of a key.
    pub namespace: Option<&'f str>,
    /// Id of the tenant whose recipients alone see it.
    pub tenant: Option<&'f str>,
    /// An object of any depth whose leaves are texts.
    pub content: &'f Json,
}

/// A text, parsed when it is first used.
#[derive(Debug)]
pub(crate) struct Phrase {
    source: Box<str>,
    template: OnceLock<Result<Template, TemplateError>>,
}

impl Phrase {
    fn new(source: &str) -> Self {
        Self { source: source.into(), template: OnceLock::new() }
    }

    pub(crate) fn template(&self) -> Result<&Template, &TemplateError> {
        self.template.get_or_init(|| Template::parse_translation(&self.source)).as_ref()
    }
}

#[derive(Debug)]
enum Entry {
    Phrase(Phrase),
    Group(Group),
}

type Group = HashMap<Box<str>, Entry>;

/// All namespaces of one locale; texts without a namespace stand under `""`.
type File = HashMap<Box<str>, Group>;

fn group(content: &Json, depth: usize) -> Group {
    let members = content.as_object().into_iter().flatten();
    let entry = |value: &Json| match value {
        Json::String(text) => Some(Entry::Phrase(Phrase::new(text))),
        Json::Object(_) if depth < GROUPS_MAX => Some(Entry::Group(group(value, depth + 1))),
        _ => None,
    };
    members.filter_map(|(key, value)| Some((key.as_str().into(), entry(value)?))).collect()
}

/// Later files of the same name are added to earlier ones.
fn unite(into: &mut Group, more: Group) {
    for (key, entry) in more {
        match (into.get_mut(&key), entry) {
            (Some(Entry::Group(known)), Entry::Group(more)) => unite(known, more),
            (_, entry) => drop(into.insert(key, entry)),
        }
    }
}

/// Every published translation of an environment. Build it once per change and share it.
#[derive(Debug, Default)]
pub struct TranslationCatalog {
    shared: Arc<TenantTranslations>,
    of_tenants: HashMap<Box<str>, Arc<TenantTranslations>>,
}

impl TranslationCatalog {
    /// Sorts the files by tenant and locale. `default_locale` is what recipients have that name none (T5.3).
    pub fn new<'f>(default_locale: &str, files: impl IntoIterator<Item = TranslationFile<'f>>) -> Self {
        let mut sorted: HashMap<Box<str>, HashMap<Box<str>, File>> = HashMap::new();
        for file in files {
            let locales = sorted.entry(file.tenant.unwrap_or_default().into()).or_default();
            let locale = locales.entry(normal(file.locale).as_ref().into()).or_default();
            let namespace = locale.entry(file.namespace.unwrap_or_default().into()).or_default();
            unite(namespace, group(file.content, 0));
        }
        let share = |locales: HashMap<Box<str>, File>| {
            locales.into_iter().map(|(locale, file)| (locale, Arc::new(file))).collect::<Files>()
        };
        let everybody = Arc::new(share(sorted.remove("").unwrap_or_default()));
        let view = |own: Files| TenantTranslations {
            default_locale: normal(default_locale).as_ref().into(),
            own,
            everybody: Arc::clone(&everybody),
            chains: Mutex::default(),
        };
        let of_tenants =
            sorted.into_iter().map(|(tenant, own)| (tenant, Arc::new(view(share(own))))).collect();
        Self { shared: Arc::new(view(Files::new())), of_tenants }
    }

    /// What the recipients of a run under `tenant` see.
    pub fn under(&self, tenant: Option<&str>) -> &Arc<TenantTranslations> {
        tenant.and_then(|tenant| self.of_tenants.get(tenant)).unwrap_or(&self.shared)
    }
}

type Files = HashMap<Box<str>, Arc<File>>;

/// The files that recipients under one tenant see, with the chains asked for so far.
#[derive(Debug, Default)]
pub struct TenantTranslations {
    default_locale: Box<str>,
    own: Files,
    everybody: Arc<Files>,
    chains: Mutex<HashMap<Box<str>, Arc<Translations>>>,
}

impl TenantTranslations {
    /// True when there is nothing to find.
    pub fn is_empty(&self) -> bool {
        self.own.is_empty() && self.everybody.is_empty()
    }

    /// The chain of a recipient's locale; `None` or an unknown one is the default locale (T5.3, T5.4).
    pub fn of(&self, locale: Option<&str>) -> Arc<Translations> {
        let locale = locale.unwrap_or_default();
        let mut chains = self.chains.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(chain) = chains.get(locale) {
            return Arc::clone(chain);
        }
        let chain = Arc::new(self.chain(locale));
        if chains.len() >= CHAINS_MAX {
            chains.clear();
        }
        chains.insert(locale.into(), Arc::clone(&chain));
        chain
    }

    fn chain(&self, locale: &str) -> Translations {
        // What is no code of the table is no locale (T5.3).
        let locale = normal(find_locale(locale).unwrap_or_default());
        let language = locale.split('-').next().unwrap_or_default();
        let mut names = vec![locale.as_ref(), language, &*self.default_locale];
        names.dedup();
        let of =
            |files: &Files| names.iter().filter_map(|name| files.get(*name).cloned()).collect::<Vec<_>>();
        Translations { files: of(&self.own).into_iter().chain(of(&self.everybody)).collect() }
    }
}

/// Lower case, with `-` between the parts.
fn normal(locale: &str) -> Cow<'_, str> {
    let locale = locale.trim();
    if locale.bytes().any(|byte| byte == b'_' || byte.is_ascii_uppercase()) {
        return locale.replace('_', "-").to_ascii_lowercase().into();
    }
    locale.into()
}

/// The files that one recipient sees, the first to win (T5.4).
#[derive(Debug, Default)]
pub struct Translations {
    files: Vec<Arc<File>>,
}

/// Which form of a plural is asked for (T5.7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plural {
    Zero,
    One,
    Other,
}

impl Translations {
    /// The text of a key as `t` writes it: `namespace:path.to.text`.
    pub(crate) fn find(&self, key: &str, plural: Option<Plural>) -> Option<&Phrase> {
        let (namespace, key) = key.split_once(':').unwrap_or(("", key));
        let groups: Vec<&Group> = self.files.iter().filter_map(|file| file.get(namespace)).collect();
        // A key may have literal dots: tried whole before it is taken apart (S15).
        match Found::under(&groups, key) {
            Found::Nothing => Found::at(&groups, key),
            found => found,
        }
        .phrase(plural)
    }

    /// The text of a `t` tag's source.
    pub(crate) fn find_source(&self, source: &str) -> Option<&Phrase> {
        let groups: Vec<&Group> = self.files.iter().filter_map(|file| file.get(SYSTEM)).collect();
        Found::under(&groups, source).phrase(None)
    }
}

/// What stands under a key in several groups at once.
enum Found<'g> {
    Nothing,
    Phrase(&'g Phrase),
    Groups(Vec<&'g Group>),
}

impl<'g> Found<'g> {
    fn under(groups: &[&'g Group], key: &str) -> Self {
        let mut entries = groups.iter().filter_map(|group| group.get(key));
        match entries.next() {
            None => Self::Nothing,
            Some(Entry::Phrase(phrase)) => Self::Phrase(phrase),
            Some(Entry::Group(first)) => {
                let more = entries.filter_map(|entry| match entry {
                    Entry::Group(group) => Some(group),
                    Entry::Phrase(_) => None,
                });
                Self::Groups(std::iter::once(first).chain(more).collect())
            }
        }
    }

    fn at(groups: &[&'g Group], path: &str) -> Self {
        let Some((first, rest)) = path.split_once('.') else { return Self::under(groups, path) };
        match Self::under(groups, first) {
            Self::Groups(groups) => Self::at(&groups, rest),
            _ => Self::Nothing,
        }
    }

    fn phrase(self, plural: Option<Plural>) -> Option<&'g Phrase> {
        let groups = match self {
            Self::Phrase(phrase) => return Some(phrase),
            Self::Groups(groups) => groups,
            Self::Nothing => return None,
        };
        let form = |name: &str| match Self::under(&groups, name) {
            Found::Phrase(phrase) => Some(phrase),
            _ => None,
        };
        match plural? {
            Plural::Zero => form("zero").or_else(|| form("other")),
            Plural::One => form("one"),
            Plural::Other => form("other"),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn text(chain: &Translations, key: &str, plural: Option<Plural>) -> Option<String> {
        chain.find(key, plural).map(|phrase| phrase.source.to_string())
    }

    #[test]
    fn six_files_in_order() {
        let content = |n: usize| json!({ (format!("k{n}")): n.to_string(), "all": n.to_string() });
        let contents: Vec<Json> = (1..=6).map(content).collect();
        let names =
            [("fr_BE", true), ("FR", true), ("en", true), ("fr-be", false), ("fr", false), ("en", false)];
        let files = |from: usize| {
            let all = names.iter().zip(&contents).skip(from);
            all.map(|((locale, own), content)| TranslationFile {
                locale,
                namespace: None,
                tenant: own.then_some("acme"),
                content,
            })
            .collect::<Vec<_>>()
        };
        for from in 0..6 {
            let catalog = TranslationCatalog::new("en", files(from));
            let chain = catalog.under(Some("acme")).of(Some("fr-BE"));
            assert_eq!(text(&chain, "all", None), Some((from + 1).to_string()));
        }
        let catalog = TranslationCatalog::new("en", files(0));
        for (tenant, locale, want) in [
            (Some("acme"), Some("fr"), "2"),
            (Some("acme"), Some("de"), "3"),
            (Some("acme"), None, "3"),
            (Some("other"), Some("FR_be"), "4"),
            (None, Some("fr-CA"), "5"),
            (None, Some("fr-XX"), "6"),
            (None, Some(""), "6"),
        ] {
            let chain = catalog.under(tenant).of(locale);
            assert_eq!(text(&chain, "all", None).as_deref(), Some(want), "{tenant:?} {locale:?}");
            assert_eq!(text(&chain, "k6", None).as_deref(), Some("6"), "the default locale is always last");
        }
    }

    #[test]
    fn groups_are_united_and_texts_win_whole() {
        let own = json!({"a": {"one": "1"}, "b": "text", "c": {"d": "own"}, "x.y": "flat"});
        let base =
            json!({"a": {"other": "n"}, "b": {"c": "hidden"}, "c": "hidden", "x": {"y": "deep", "z": "z"}});
        let file = |locale, content| TranslationFile { locale, namespace: Some("n"), tenant: None, content };
        let catalog = TranslationCatalog::new("en", [file("de", &own), file("en", &base)]);
        let chain = catalog.under(None).of(Some("de"));
        for (key, plural, want) in [
            ("n:a", Some(Plural::One), Some("1")),
            ("n:a", Some(Plural::Zero), Some("n")),
            ("n:a", None, None),
            ("n:a.other", None, Some("n")),
            ("n:b", None, Some("text")),
            ("n:b.c", None, None),
            ("n:c.d", None, Some("own")),
            ("n:c", None, None),
            ("n:x.y", None, Some("flat")),
            ("n:x.z", None, Some("z")),
            ("a.other", None, None),
            ("n:", None, None),
        ] {
            assert_eq!(text(&chain, key, plural).as_deref(), want, "{key} {plural:?}");
        }
    }

    #[test]
    fn made_up_locales_do_not_pile_up() {
        let content = json!({});
        let file = TranslationFile { locale: "en", namespace: None, tenant: None, content: &content };
        let catalog = TranslationCatalog::new("en", [file]);
        for n in 0..10_000 {
            catalog.under(None).of(Some(&format!("x-{n}")));
        }
        assert!(catalog.under(None).chains.lock().unwrap().len() <= CHAINS_MAX);
    }
}
