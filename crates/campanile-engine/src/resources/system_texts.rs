//! The texts of `t` tags: a commit of a workflow adds its new ones to the translation `system` of the default locale,
//! which is what translators copy to other locales (templates.md T5.10). A text is its own key. None is ever removed.
//!
//! Promotion takes the translation along like any other; it adds nothing itself.

use std::collections::HashSet;

use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;
use campanile_core::translation::{Identity, Texts};
use campanile_store::{CommitRow, NewVersion, ResourceKind, ResourceRow, StoreError, Tx};
use campanile_template::liquid::SYSTEM;
use serde_json::{Value, json};

use super::read::content;
use super::{Author, Context, canonical_json, sha, starts_active};
use crate::program::translation_keys;
use crate::translations::DEFAULT_LOCALE;

/// Size of the translation from which on nothing is added: a file of this size can still be pulled and pushed. A text
/// that is not in it prints itself.
const TEXTS_BYTES_MAX: usize = 4 << 20;

/// Who commits the translation.
const BOT: &str = "Campanile bot";

fn key() -> String {
    let namespace = Some(SYSTEM.to_owned());
    Identity { locale: DEFAULT_LOCALE.to_owned(), namespace, tenant: None }.to_string()
}

/// True for the translation that is written here.
pub(super) fn is(kind: ResourceKind, of: &str) -> bool {
    kind == ResourceKind::Translation && of == key()
}

/// What a resource wants translated: texts in the order of its steps.
pub(super) fn of(kind: ResourceKind, document: &Value, context: &Context) -> Vec<String> {
    match kind {
        ResourceKind::Workflow => translation_keys(document, context),
        _ => Vec::new(),
    }
}

/// Whoever may write the translation beside other resources asks for this lock first of all, so that two of them never
/// wait for each other, and the translation is made once.
pub(super) async fn lock(tx: &mut Tx<'_>) -> Result<(), StoreError> {
    tx.lock_installation().await
}

/// Adds the texts of a workflow that are new and commits them; what is saved and not committed stays so.
pub(super) async fn add(
    tx: &mut Tx<'_>,
    env: EnvId,
    workflow: &str,
    texts: &[String],
    now: Timestamp,
) -> Result<Option<CommitRow>, StoreError> {
    if texts.is_empty() {
        return Ok(None);
    }
    let saved = tx.resource(env, ResourceKind::Translation, &key()).await?;
    let published = match &saved {
        None => None,
        Some(row) if row.published == Some(row.current) => Some(row.version.content.clone()),
        Some(row) => match row.published {
            Some(id) => tx.version(id).await?.map(|version| version.content),
            None => None,
        },
    };
    let Some(more) = with(published.as_deref(), texts)? else { return Ok(None) };
    let mut row = save(tx, env, more, now).await?;
    let author = Author::without_email(BOT);
    let message = format!("Texts of the workflow {workflow}");
    let author = (author.name.as_str(), author.email.as_str());
    let commit = tx.publish(&mut row, Some(&message), author, None, now).await?;
    if let Some(draft) = saved.filter(|saved| saved.published != Some(saved.current)) {
        let draft = draft.version.content;
        let draft = match with(Some(&draft), texts)? {
            Some(more) => more,
            None => content(&draft)?,
        };
        save(tx, env, draft, now).await?;
    }
    Ok(Some(commit))
}

async fn save(
    tx: &mut Tx<'_>,
    env: EnvId,
    content: Value,
    now: Timestamp,
) -> Result<ResourceRow, StoreError> {
    let kind = ResourceKind::Translation;
    let content = canonical_json(&content);
    let new = NewVersion { env, kind, key: key(), sha: sha(&content), content };
    tx.save_version(&new, starts_active(kind), false, now).await
}

/// The content of the translation with the texts that it lacks; `None` when it lacks none, or has no room.
fn with(stored: Option<&str>, texts: &[String]) -> Result<Option<Value>, StoreError> {
    let document = stored.map(content).transpose()?.unwrap_or_default();
    let known = Texts::from_json(document["content"].as_str().unwrap_or("{}"));
    let mut members = match known {
        Ok(Texts::Object(members)) => members,
        Ok(Texts::Text(_)) => Vec::new(),
        Err(error) => return Err(StoreError::Corrupt(format!("translation {}: {error}", key()).into())),
    };
    let known: HashSet<&str> = members.iter().map(|(key, _)| key.as_str()).collect();
    // PO has no entry without a key, and nothing to say needs no translator.
    let new = texts.iter().filter(|text| !text.is_empty() && !known.contains(text.as_str()));
    let new: Vec<_> = new.map(|text| (text.clone(), Texts::Text(text.clone()))).collect();
    if new.is_empty() {
        return Ok(None);
    }
    members.extend(new);
    let text = Texts::Object(members).to_json();
    if text.len() > TEXTS_BYTES_MAX {
        tracing::warn!(translation = key(), bytes_max = TEXTS_BYTES_MAX, "is full: new texts are left out");
        return Ok(None);
    }
    Ok(Some(json!({"content": text})))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn added(stored: Option<&str>, texts: &[&str]) -> Option<String> {
        let stored = stored.map(|texts| json!({"content": texts}).to_string());
        let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
        let document = with(stored.as_deref(), &texts).unwrap()?;
        document["content"].as_str().map(str::to_owned)
    }

    #[test]
    fn adds_what_is_new_at_the_end() {
        let own = "{ \"Hi\": \"Hello\", \"group\": {\"other\": \"x\"} }";
        for (stored, texts, want) in [
            (None, vec!["b", "a"], Some(r#"{"b":"b","a":"a"}"#)),
            (Some(own), vec!["Hi"], None),
            (Some(own), vec!["group"], None),
            (Some(own), vec!["Hi", "Bye"], Some(r#"{"Hi":"Hello","group":{"other":"x"},"Bye":"Bye"}"#)),
            (Some("{}"), vec![" a.b\n", ""], Some(r#"{" a.b\n":" a.b\n"}"#)),
            (None, vec![""], None),
            (None, vec![], None),
        ] {
            assert_eq!(added(stored, &texts).as_deref(), want, "{stored:?} {texts:?}");
        }
    }

    #[test]
    fn a_full_translation_takes_no_more() {
        let long = "x".repeat(TEXTS_BYTES_MAX);
        assert_eq!(added(Some(r#"{"a":"b"}"#), &[&long]), None);
    }
}
