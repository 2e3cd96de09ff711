//! What lies in a project folder: resources, their files, and how to tell that a file changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

use campanile_core::problem::FieldProblem;
use campanile_core::translation::Identity;
use campanile_store::ResourceKind;
use serde_json::{Value, json};

use super::join::{Joined, join};

/// Larger files are refused (management.md S37).
const FILE_BYTES_MAX: u64 = 5 * 1024 * 1024;
/// Folders inside a resource's folder are looked into this deep.
const DEPTH_MAX: usize = 8;

/// Where each kind lives: folder, main file. In dependency order, so that what is referred to comes first.
pub(super) const FOLDERS: &[(ResourceKind, &str, &str)] = &[
    (ResourceKind::Partial, "partials", "partial.json"),
    (ResourceKind::EmailLayout, "layouts", "layout.json"),
    (ResourceKind::MessageType, "message-types", "message_type.json"),
    (ResourceKind::Audience, "audiences", "audience.json"),
    (ResourceKind::Guide, "guides", "guide.json"),
    (ResourceKind::Workflow, "workflows", "workflow.json"),
];

/// Where translations live: `translations/<locale>/[<namespace>.]<locale>.json`, or `.po`.
const TRANSLATIONS: &str = "translations";

/// Size and time of a file: when both are the same, so is the file.
pub(super) type Stamp = (u64, Option<SystemTime>);

/// One resource of the folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    pub kind: ResourceKind,
    /// The folder's name; a translation's is what it is named by.
    pub key: String,
    /// Relative to the project folder: `workflows/<key>`.
    pub folder: PathBuf,
    /// Name of its main file.
    pub main: String,
    /// Every file below its folder; of a translation, itself.
    pub files: BTreeMap<PathBuf, Stamp>,
}

/// A resource's document, and its problems by file.
#[derive(Debug)]
pub(super) struct Document {
    pub found: Found,
    pub joined: Joined,
    /// Why the main file could not be read.
    pub broken: Option<String>,
}

/// Every resource, kinds in dependency order, keys ascending. Folders without a main file are not resources.
pub(super) fn scan(project: &Path) -> io::Result<Vec<Found>> {
    fs::read_dir(project)?;
    let mut all = Vec::new();
    for (kind, name, main) in FOLDERS {
        let Ok(entries) = fs::read_dir(project.join(name)) else { continue };
        let mut names: Vec<String> =
            entries.flatten().filter_map(|entry| entry.file_name().into_string().ok()).collect();
        names.sort_unstable();
        for key in names {
            let folder = Path::new(name).join(&key);
            if !project.join(&folder).join(main).is_file() {
                continue;
            }
            let mut files = BTreeMap::new();
            collect(&project.join(&folder), 0, &mut files);
            all.push(Found { kind: *kind, key, folder, main: (*main).into(), files });
        }
    }
    // Workflows may name what is in them.
    let before_workflows =
        all.iter().position(|found| found.kind == ResourceKind::Workflow).unwrap_or(all.len());
    all.splice(before_workflows..before_workflows, translations(project));
    Ok(all)
}

fn translations(project: &Path) -> Vec<Found> {
    let mut files = BTreeMap::new();
    collect(&project.join(TRANSLATIONS), 0, &mut files);
    let found = files.into_iter().filter_map(|(path, stamp)| {
        let folder = path.parent()?;
        // Folders inside a locale's hold nothing that the CLI would have written.
        if folder.parent()? != project.join(TRANSLATIONS) {
            return None;
        }
        let locale = folder.file_name()?.to_str()?.to_owned();
        let main = path.file_name()?.to_str()?.to_owned();
        let name = main.strip_suffix(".json").or_else(|| main.strip_suffix(".po"))?;
        let namespace = match name.strip_suffix(locale.as_str())? {
            "" => None,
            rest => Some(rest.strip_suffix('.')?.to_owned()),
        };
        let folder = Path::new(TRANSLATIONS).join(&locale);
        let key = Identity { locale, namespace, tenant: None }.to_string();
        Some(Found { kind: ResourceKind::Translation, key, folder, main, files: [(path, stamp)].into() })
    });
    found.collect()
}

impl Found {
    /// Its main file, relative to the project folder: no two resources have the same.
    pub fn place(&self) -> PathBuf {
        self.folder.join(&self.main)
    }
}

fn collect(folder: &Path, depth: usize, files: &mut BTreeMap<PathBuf, Stamp>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.flatten() {
        // Not following links: a link to a parent would never end.
        let Ok(about) = entry.metadata() else { continue };
        if about.is_dir() && depth < DEPTH_MAX {
            collect(&entry.path(), depth + 1, files);
        } else if !about.is_dir() {
            let about = fs::metadata(entry.path()).unwrap_or(about);
            files.insert(entry.path(), (about.len(), about.modified().ok()));
        }
    }
}

/// Reads a resource with all its files.
pub(super) fn read(project: &Path, found: Found) -> Document {
    let folder = project.join(&found.folder);
    if found.kind == ResourceKind::Translation {
        let format = if found.main.ends_with(".po") { "po" } else { "json" };
        return match read_text(&folder, &found.main) {
            Ok(text) => {
                let document = json!({"content": text, "format": format});
                Document { found, joined: Joined { document, ..Joined::default() }, broken: None }
            }
            Err(why) => Document { found, joined: Joined::default(), broken: Some(why) },
        };
    }
    let main = read_text(&folder, &found.main).and_then(|text| {
        serde_json::from_str::<Value>(&text).map_err(|error| format!("is not valid JSON: {error}"))
    });
    match main {
        Ok(document) => {
            let joined = join(document, &|path| read_text(&folder, path));
            Document { found, joined, broken: None }
        }
        Err(why) => Document { found, joined: Joined::default(), broken: Some(why) },
    }
}

/// A file's text, exactly as it is. `path` has been checked as text; here links are too.
fn read_text(folder: &Path, path: &str) -> Result<String, String> {
    let unreadable = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => "does not exist".to_owned(),
        io::ErrorKind::InvalidData => "is not UTF-8 text".to_owned(),
        kind => format!("cannot be read: {kind}"),
    };
    let folder = folder.canonicalize().map_err(unreadable)?;
    let file = folder.join(path).canonicalize().map_err(unreadable)?;
    if !file.starts_with(&folder) {
        return Err("leads out of the resource's folder".to_owned());
    }
    let about = fs::metadata(&file).map_err(unreadable)?;
    if !about.is_file() {
        return Err("is not a file".to_owned());
    }
    if about.len() > FILE_BYTES_MAX {
        return Err(format!("is larger than {FILE_BYTES_MAX} bytes"));
    }
    fs::read_to_string(&file).map_err(unreadable)
}

impl Document {
    /// Problems found while reading, as (file relative to the project, field, message).
    pub fn problems(&self) -> Vec<(PathBuf, String, String)> {
        let main = self.found.place();
        if let Some(why) = &self.broken {
            return vec![(main, String::new(), why.clone())];
        }
        let problems = self.joined.problems.iter();
        problems
            .map(|(field, file, why)| {
                let file = file.as_ref().map_or_else(|| main.clone(), |file| self.found.folder.join(file));
                (file, field.clone(), why.clone())
            })
            .collect()
    }

    /// The file that a refused field came from.
    pub fn file_of(&self, problem: &FieldProblem) -> PathBuf {
        self.found.folder.join(self.joined.source(&problem.field).unwrap_or(&self.found.main))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use campanile_core::workflow::ChannelType;

    use super::*;
    use crate::resources::{Context, Kind};

    #[test]
    fn every_file_of_the_example_is_valid() {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/collab");
        let channels = ["in-app-feed", "email", "sms", "push", "chat", "webhook"];
        let types = [
            ChannelType::InAppFeed,
            ChannelType::Email,
            ChannelType::Sms,
            ChannelType::Push,
            ChannelType::Chat,
            ChannelType::Http,
        ];
        let channels: HashMap<_, _> = channels.map(str::to_owned).into_iter().zip(types).collect();
        let mut context = Context { channels, ..Context::default() };
        let found = scan(&project).unwrap();
        let keys: Vec<_> = found.iter().map(|found| found.key.as_str()).collect();
        assert_eq!(keys, ["default", "invoice-paid", "mention", "new-comment"]);
        for found in found {
            let document = read(&project, found);
            assert_eq!(document.problems(), [], "{:?}", document.found.folder);
            let Found { kind, key, files, .. } = &document.found;
            let used = document.joined.sources.len() + 1;
            assert_eq!(used, files.len(), "{key}: a file is not referred to: {files:?}");
            let kind = Kind::of(*kind).unwrap();
            let content = (kind.check)(&document.joined.document, &context).unwrap();
            assert!(kind.is_valid(&content, &context), "{key}");
            assert_eq!((kind.key_problem)(key), None);
            if kind.kind == ResourceKind::EmailLayout {
                context.layouts.insert(key.clone());
            }
        }
    }

    #[test]
    fn reads_only_inside_the_folder() {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        for (path, want) in [
            ("lib.rs", Ok(())),
            ("project", Err("is not a file")),
            ("none.rs", Err("does not exist")),
            ("../Cargo.toml", Err("leads out of the resource's folder")),
        ] {
            assert_eq!(read_text(&project, path).map(drop), want.map_err(str::to_owned), "{path}");
        }
    }
}
