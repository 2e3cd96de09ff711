//! Golden cases: each folder of `tests/golden` holds a `context.json` and a `cases.txt`.
//!
//! A case is one line, `template ⇒ output`, as the specification writes its examples: `␤` is a line feed, `∅` the empty
//! output, `✗` begins a part of the error's message with its line. Lines that begin with `#` name the rule.
//!
//! The context may have `scope`, `partials` (key to content, or to an object with `type`, `content` and
//! `input_schema`), `translations` (a list of `locale`, `namespace`, `tenant`, `content`), `locale` and `tenant` of the
//! recipient, `loaded` (what data filters find) and `strict`.

use std::collections::BTreeMap;
use std::path::Path;

use campanile_core::time::Timestamp;
use campanile_template::{
    Load, Loaded, Notes, Partial, PartialKind, Partials, RenderOptions, Template, TranslationCatalog,
    TranslationFile,
};
use serde_json::Value as Json;

/// 2023-12-31T14:30:45Z
const NOW: Timestamp = Timestamp(1_704_033_045_000_000);
/// Cases there were when this was last raised. It may only grow.
const CASES_MIN: usize = 420;

struct World {
    scope: Json,
    partials: Partials,
    translations: TranslationCatalog,
    locale: Option<String>,
    tenant: Option<String>,
    loaded: Loaded,
    is_strict: bool,
}

fn text(value: &Json) -> Option<&str> {
    value.as_str()
}

fn partials(given: &Json) -> Partials {
    let mut partials = Partials::default();
    for (key, partial) in given.as_object().into_iter().flatten() {
        let (kind, content) = match partial {
            Json::String(content) => (PartialKind::Text, content.as_str()),
            other => (
                text(&other["type"]).and_then(PartialKind::of).expect("a type of partial"),
                text(&other["content"]).expect("the content of a partial"),
            ),
        };
        let compiled = Partial::compile(kind, content, &partial["input_schema"]);
        partials.insert(key, compiled.unwrap_or_else(|error| panic!("partial {key}: {error}")));
    }
    partials
}

fn loaded(given: &Json) -> Loaded {
    let mut loaded = Loaded::default();
    for entry in given.as_array().into_iter().flatten() {
        let id = text(&entry["id"]).expect("an id").to_owned();
        let load = match text(&entry["kind"]) {
            Some("user") => Load::User(id),
            Some("tenant") => Load::Tenant(id),
            Some("subscriptions") => Load::Subscriptions(id),
            _ => Load::Object { collection: text(&entry["kind"]).unwrap_or_default().to_owned(), id },
        };
        loaded.insert(load, entry["answer"].clone());
    }
    loaded
}

impl World {
    fn read(path: &Path) -> Self {
        let context =
            std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let context: Json =
            serde_json::from_str(&context).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let files = context["translations"].as_array().into_iter().flatten().map(|file| TranslationFile {
            locale: text(&file["locale"]).expect("a locale"),
            namespace: text(&file["namespace"]),
            tenant: text(&file["tenant"]),
            content: &file["content"],
        });
        Self {
            translations: TranslationCatalog::new("en", files),
            partials: partials(&context["partials"]),
            locale: text(&context["locale"]).map(str::to_owned),
            tenant: text(&context["tenant"]).map(str::to_owned),
            loaded: loaded(&context["loaded"]),
            is_strict: context["strict"] == true,
            scope: context["scope"].clone(),
        }
    }

    /// The output, or the message of the error with its line.
    fn render(&self, source: &str) -> Result<String, String> {
        let notes = Notes::default();
        let chain = self.translations.under(self.tenant.as_deref()).of(self.locale.as_deref());
        let mut options = RenderOptions::at(NOW)
            .with_partials(&self.partials)
            .with_translations(Some(&chain))
            .with_data(&self.loaded, &notes);
        options.strict_undefined = self.is_strict;
        Template::parse(source)
            .and_then(|template| template.render(&self.scope, &options))
            .map_err(|error| format!("{} (line {})", error.message, error.line))
    }
}

fn check(world: &World, template: &str, want: &str) -> Option<String> {
    let got = world.render(&template.replace('␤', "\n"));
    let want = want.replace('␤', "\n").replace('∅', "");
    let same = match (&got, want.strip_prefix('✗')) {
        (Err(message), Some(part)) => message.contains(part.trim()),
        (Ok(output), None) => *output == want,
        _ => false,
    };
    (!same).then(|| format!("{template}\n    wanted {want:?}\n    got    {got:?}"))
}

#[test]
fn golden_cases() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let folders: BTreeMap<_, _> = std::fs::read_dir(root)
        .expect("the folder is there")
        .map(|entry| entry.expect("it can be read"))
        .map(|entry| (entry.file_name(), entry.path()))
        .collect();
    let (mut count, mut failed) = (0, Vec::new());
    for (name, path) in &folders {
        let world = World::read(&path.join("context.json"));
        let cases = std::fs::read_to_string(path.join("cases.txt")).expect("a folder has cases.txt");
        for (number, line) in cases.lines().enumerate() {
            if line.trim().is_empty() || line.starts_with('#') {
                continue;
            }
            let place = format!("{}:{}", name.to_string_lossy(), number + 1);
            let Some((template, want)) = line.split_once(" ⇒ ") else {
                panic!("{place} is no case: {line}")
            };
            count += 1;
            failed.extend(check(&world, template, want).map(|problem| format!("{place} {problem}")));
        }
    }
    assert!(failed.is_empty(), "{} of {count} cases fail:\n{}", failed.len(), failed.join("\n"));
    assert!(count >= CASES_MIN, "{count} cases, there were {CASES_MIN}");
}
