//! What `campanile render` is given: the template, its data, and the project folder around it.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use campanile_core::clock::Clock;
use campanile_core::time::Timestamp;
use campanile_engine::project::{ProjectEmail, ProjectTemplates, email_of, templates};
use campanile_template::{TemplateError, Translations};
use serde_json::{Value, json};

use super::RenderArgs;
use crate::commands::CommandError;

/// Larger files are refused.
const FILE_BYTES_MAX: u64 = 16 << 20;
/// What a template may read at top level (templates.md section 3); a data file without any of these is `data`.
const ROOTS: &[&str] = &[
    "activities",
    "actor",
    "actors",
    "current_message",
    "data",
    "recipient",
    "tenant",
    "timestamp",
    "total_activities",
    "total_actors",
    "vars",
    "workflow",
];
/// Folders of a project that hold templates.
const TEMPLATE_FOLDERS: &[&str] = &["workflows", "layouts", "partials", "broadcasts"];

/// Everything that a render needs.
pub(super) struct Input {
    /// The file, as messages name it.
    pub(super) name: String,
    pub(super) source: String,
    pub(super) scope: Value,
    pub(super) templates: ProjectTemplates,
    /// Parts of the project folder that could not be used.
    pub(super) problems: Vec<String>,
    pub(super) now: Timestamp,
    file: PathBuf,
    /// The project folder around it.
    pub(super) project: Option<PathBuf>,
}

impl Input {
    pub(super) fn read(args: &RenderArgs) -> Result<Self, CommandError> {
        let file = args.file.clone().unwrap_or_default();
        // A folder has no text of its own.
        let source = if file.is_dir() { String::new() } else { text_of(&file)? };
        let scope = match &args.data {
            Some(path) => scope(&parse(path, &text_of(path)?)?),
            None => json!({}),
        };
        let project = args.project.clone().or_else(|| project_around(&file));
        let templates = match &project {
            Some(folder) => templates(folder).map_err(|error| CommandError::Given(error.to_string()))?,
            None => ProjectTemplates::default(),
        };
        let problems = templates.problems.iter().map(|problem| {
            format!("{} is left out: {} {}", problem.file.display(), problem.field, problem.message)
        });
        Ok(Self {
            name: if is_stdin(&file) { "standard input".to_owned() } else { file.display().to_string() },
            source,
            scope,
            problems: problems.collect(),
            templates,
            now: now(args)?,
            file,
            project,
        })
    }

    /// The email that the file is a body of.
    pub(super) fn email(&self) -> Result<Option<ProjectEmail>, TemplateError> {
        match self.project.as_ref().and_then(|project| email_of(project, &self.file)) {
            None => Ok(None),
            Some(email) => email.map(Some),
        }
    }

    /// What the recipient of the data file sees.
    pub(super) fn translations(&self) -> Arc<Translations> {
        let tenant = self.scope["tenant"]["id"].as_str();
        self.templates.translations.under(tenant).of(self.scope["recipient"]["locale"].as_str())
    }
}

/// `--now`, or the machine's clock.
pub(super) fn now(args: &RenderArgs) -> Result<Timestamp, CommandError> {
    match &args.now {
        None => Ok(Clock::System.now()),
        Some(text) => Timestamp::parse(text).ok_or_else(|| {
            CommandError::Given(format!("--now {text} is not a time like 2024-01-31T12:00:00Z"))
        }),
    }
}

fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

fn text_of(path: &Path) -> Result<String, CommandError> {
    let wrong = |why: String| CommandError::Given(format!("{} {why}", path.display()));
    let reader: Box<dyn std::io::Read> = if is_stdin(path) {
        Box::new(std::io::stdin())
    } else {
        Box::new(std::fs::File::open(path).map_err(|error| wrong(format!("cannot be read: {error}")))?)
    };
    let mut bytes = Vec::new();
    reader
        .take(FILE_BYTES_MAX + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| wrong(format!("cannot be read: {error}")))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(wrong(format!("is larger than {FILE_BYTES_MAX} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| {
        wrong(format!("is not UTF-8 text: byte {} belongs to no character", error.utf8_error().valid_up_to()))
    })
}

/// JSON, or where it is not: shown as mistakes in templates are.
fn parse(path: &Path, text: &str) -> Result<Value, CommandError> {
    serde_json::from_str(text).map_err(|error| {
        let line_start: usize =
            text.split_inclusive('\n').take(error.line().saturating_sub(1)).map(str::len).sum();
        let message = error.to_string();
        let reason = message.split(" at line ").next().unwrap_or_default();
        let located = TemplateError::locate(text, line_start + error.column().saturating_sub(1), reason);
        CommandError::Given(format!("{}: is not JSON: {located}", path.display()))
    })
}

/// The roots of a data file.
pub(super) fn scope(given: &Value) -> Value {
    let has_roots = given.as_object().is_some_and(|map| ROOTS.iter().any(|root| map.contains_key(*root)));
    if has_roots { given.clone() } else { json!({ "data": given }) }
}

/// The nearest folder around a template that looks like a project.
fn project_around(file: &Path) -> Option<PathBuf> {
    let file = file.canonicalize().ok()?;
    let within = file.ancestors().skip(1).find(|folder| {
        let name = folder.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        TEMPLATE_FOLDERS.contains(&name)
    })?;
    within.parent().map(Path::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_roots_is_data() {
        for (given, want) in [
            (json!({"name": "Ann"}), json!({"data": {"name": "Ann"}})),
            (json!({"recipient": {"name": "Ann"}}), json!({"recipient": {"name": "Ann"}})),
            (json!({"data": {"a": 1}, "b": 2}), json!({"data": {"a": 1}, "b": 2})),
            (json!([1]), json!({"data": [1]})),
        ] {
            assert_eq!(scope(&given), want);
        }
    }

    #[test]
    fn finds_the_project_around_a_template() {
        let collab =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/collab").canonicalize().unwrap();
        let body = collab.join("workflows/mention/email_1/html_body.html");
        assert_eq!(project_around(&body), Some(collab.clone()));
        assert_eq!(project_around(&collab.join("README.md")), None);
        assert_eq!(project_around(Path::new("-")), None);
    }
}
