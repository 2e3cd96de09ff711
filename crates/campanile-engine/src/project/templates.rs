//! What a template of the folder may use when it is rendered without a server (`campanile render`).

use std::path::Path;

use campanile_core::translation::{Identity, Texts, from_po};
use campanile_store::ResourceKind;
use campanile_template::{Partials, TranslationCatalog, TranslationFile};
use serde_json::Value;

use super::folder::{self, Document};
use super::report::{FileProblem, ProjectError};
use crate::programs::compile_partial;
use crate::translations::DEFAULT_LOCALE;

/// Partials and translations as the files are now; nothing is saved anywhere.
#[derive(Debug, Default)]
pub struct ProjectTemplates {
    /// Every partial that parses.
    pub partials: Partials,
    /// Every translation that can be read.
    pub translations: TranslationCatalog,
    /// What was left out, and why.
    pub problems: Vec<FileProblem>,
}

/// Reads the partials and translations of a folder. Mistakes in one never keep the others from being used.
pub fn templates(project: &Path) -> Result<ProjectTemplates, ProjectError> {
    let found = folder::scan(project).map_err(|error| ProjectError::Folder(project.to_owned(), error))?;
    let mut all = ProjectTemplates::default();
    let mut translations: Vec<(Identity, Value)> = Vec::new();
    for found in found {
        if !matches!(found.kind, ResourceKind::Partial | ResourceKind::Translation) {
            continue;
        }
        let read = folder::read(project, found);
        let problems = read.problems().into_iter();
        all.problems.extend(problems.map(|(file, field, message)| FileProblem { file, field, message }));
        match read.found.kind {
            ResourceKind::Partial => match compile_partial(&read.joined.document) {
                Ok(partial) => all.partials.insert(&read.found.key, partial),
                Err(error) => all.problems.push(problem(&read, "content", error.to_string())),
            },
            _ => match texts(&read.joined.document) {
                Ok(content) => translations.push((Identity::of_key(&read.found.key), content)),
                Err(why) => all.problems.push(problem(&read, "", why)),
            },
        }
    }
    let files = translations.iter().map(|(identity, content)| TranslationFile {
        locale: &identity.locale,
        namespace: identity.namespace.as_deref(),
        tenant: identity.tenant.as_deref(),
        content,
    });
    all.translations = TranslationCatalog::new(DEFAULT_LOCALE, files);
    Ok(all)
}

fn problem(read: &Document, field: &str, message: String) -> FileProblem {
    let file = read.found.folder.join(read.joined.source(field).unwrap_or(&read.found.main));
    FileProblem { file, field: field.to_owned(), message }
}

fn texts(document: &Value) -> Result<Value, String> {
    let content = document["content"].as_str().unwrap_or_default();
    let json = if document["format"] == "po" {
        from_po(content).map_err(|error| error.to_string())?.to_json()
    } else {
        Texts::from_json(content).map_err(|error| error.to_string())?;
        content.to_owned()
    };
    serde_json::from_str(&json).map_err(|error| error.to_string())
}
