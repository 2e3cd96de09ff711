//! The channel steps of a workflow or a broadcast of a project folder, each compiled in its layout as a commit would.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use campanile_core::problem::FieldProblem;
use campanile_core::scope::Scope;
use campanile_core::workflow::{ChannelStep, ChannelType};
use campanile_store::ResourceKind;
use campanile_template::{Layout, LayoutSource, RenderOptions, TemplateError};
use serde_json::{Map, Value};

use super::folder::{self, Document, Found};
use crate::preview::render_channel;
use crate::program::{ChannelProgram, compile_channel, walk_document};
use crate::resources::default_layout;

/// Main files of the folders that have steps.
const MAINS: [&str; 2] = ["workflow.json", "broadcast.json"];

/// What is in a folder.
#[derive(Debug)]
pub struct ProjectSteps {
    /// Its channel steps in order, those of branches included.
    pub steps: Vec<ProjectStep>,
    /// What keeps the document itself from being read.
    pub errors: Vec<LocatedError>,
}

/// A channel step, ready to render or broken.
#[derive(Debug)]
pub struct ProjectStep {
    /// Its `ref`.
    pub step: String,
    /// Of its channel.
    pub channel_type: ChannelType,
    template: Value,
    program: Result<ChannelProgram, Vec<TemplateError>>,
    /// Where it stands in the document.
    path: String,
    files: Arc<Document>,
    layout_files: Option<Arc<Document>>,
}

/// A mistake, and the file that it is in.
#[derive(Debug)]
pub struct LocatedError {
    /// Relative to the project folder.
    pub file: PathBuf,
    /// Its field is one of the step's template, or of the layout.
    pub error: TemplateError,
}

/// Reads the workflow or broadcast in `folder`; `None` where there is none.
pub fn steps_of(project: &Path, folder: &Path) -> Option<ProjectSteps> {
    let (project, folder) = (project.canonicalize().ok()?, folder.canonicalize().ok()?);
    let main = MAINS.into_iter().find(|main| folder.join(main).is_file())?.to_owned();
    let key = folder.file_name()?.to_str()?.to_owned();
    let inside = folder.strip_prefix(&project).ok()?.to_owned();
    let found = Found { kind: ResourceKind::Workflow, key, folder: inside, main, files: Default::default() };
    let read = Arc::new(folder::read(&project, found));
    let problems = read.problems().into_iter();
    let located = |(file, field, message): (PathBuf, String, String)| LocatedError {
        file,
        error: TemplateError::of_field(&field, message),
    };
    let mut all = ProjectSteps { steps: Vec::new(), errors: problems.map(located).collect() };
    walk_document(&read.joined.document["steps"], "steps", &mut |path, step| match ProjectStep::read(
        &project, &read, path, step,
    ) {
        Ok(step) => all.steps.push(step),
        Err(error) => all.errors.push(*error),
    });
    Some(all)
}

impl ProjectStep {
    fn read(
        project: &Path,
        files: &Arc<Document>,
        path: &str,
        step: &Value,
    ) -> Result<Self, Box<LocatedError>> {
        let Some(channel_type) = channel_type(step) else {
            let error = TemplateError::of_field(
                &format!("{path}.channel_type"),
                "can't be blank: neither the channel's key nor the template says it",
            );
            return Err(Box::new(LocatedError { file: files.found.place(), error }));
        };
        let channel = ChannelStep {
            channel_type,
            channel_key: step["channel_key"].as_str().unwrap_or_default().to_owned(),
            template: step["template"].clone(),
            overrides: step["channel_overrides"].clone(),
            send_windows: None,
        };
        let (program, layout_files) = compiled(project, &channel);
        Ok(Self {
            step: step["ref"].as_str().unwrap_or_default().to_owned(),
            channel_type,
            template: channel.template,
            program,
            path: path.to_owned(),
            files: Arc::clone(files),
            layout_files,
        })
    }

    /// Fields of the template as previews show them (templates.md T16.3), and everything that is wrong.
    pub fn render(
        &self,
        scope: &dyn Scope,
        options: &RenderOptions<'_>,
    ) -> (Map<String, Value>, Vec<LocatedError>) {
        let (shown, errors) = match &self.program {
            Ok(program) => {
                let preview = render_channel(program, &self.template, scope, options);
                (preview.template, preview.errors)
            }
            Err(errors) => (Map::new(), errors.clone()),
        };
        (shown, errors.into_iter().map(|error| self.located(error)).collect())
    }

    fn located(&self, mut error: TemplateError) -> LocatedError {
        if let Some(inside) = error.field.strip_prefix("template.") {
            error.field = inside.to_owned();
        }
        let of_layout = ["html_layout", "text_layout", "footer_links"];
        let file = match &self.layout_files {
            Some(layout) if of_layout.iter().any(|field| error.field.starts_with(field)) => {
                layout.file_of(&FieldProblem::new(&error.field, ""))
            }
            _ => {
                self.files.file_of(&FieldProblem::new(format!("{}.template.{}", self.path, error.field), ""))
            }
        };
        LocatedError { file, error }
    }
}

/// The step in its layout, and the files of that.
fn compiled(
    project: &Path,
    channel: &ChannelStep,
) -> (Result<ChannelProgram, Vec<TemplateError>>, Option<Arc<Document>>) {
    // By itself first: its own mistakes, all of them.
    let alone = compile_channel(channel, None);
    let key = channel.template["settings"]["layout_key"].as_str();
    let Some(key) = key.filter(|_| channel.channel_type == ChannelType::Email) else { return (alone, None) };
    if alone.is_err() {
        return (alone, None);
    }
    let refused = |error: TemplateError| Err(vec![error]);
    let (document, files) = match layout_files(project, key) {
        Some(files) => (files.joined.document.clone(), Some(files)),
        None if key == default_layout::KEY => (default_layout::document(), None),
        None => {
            let error = TemplateError::of_field("settings.layout_key", format!("{key} does not exist"));
            return (refused(error), None);
        }
    };
    let program = match Layout::compile(&LayoutSource::from_json(&document)) {
        Ok(layout) => compile_channel(channel, Some((key, Some(&Arc::new(layout))))),
        Err(error) => refused(error),
    };
    (program, files)
}

fn layout_files(project: &Path, key: &str) -> Option<Arc<Document>> {
    let found = folder::scan(project).ok()?;
    let found =
        found.into_iter().find(|found| found.kind == ResourceKind::EmailLayout && found.key == key)?;
    Some(Arc::new(folder::read(project, found)))
}

/// The type of a step's channel: as it is written, else by what only its templates have, else by the channel's key.
/// Without a server nobody knows the channels.
fn channel_type(step: &Value) -> Option<ChannelType> {
    if let Some(named) = step["channel_type"].as_str() {
        return ChannelType::from_wire(named);
    }
    let has = |names: &[&str]| names.iter().any(|name| !step["template"][name].is_null());
    let key = step["channel_key"].as_str().unwrap_or_default().to_ascii_lowercase();
    let named = |parts: &[&str]| parts.iter().any(|part| key.contains(part));
    if has(&["subject", "html_body", "visual_blocks"]) {
        Some(ChannelType::Email)
    } else if has(&["url", "method"]) {
        Some(ChannelType::Http)
    } else if has(&["title"]) {
        Some(ChannelType::Push)
    } else if has(&["json_body", "summary"]) {
        Some(ChannelType::Chat)
    } else if has(&["action_url", "action_buttons"]) {
        Some(ChannelType::InAppFeed)
    } else if has(&["markdown_body"]) {
        let is_chat = named(&["chat", "slack", "teams", "discord", "whatsapp"]);
        Some(if is_chat { ChannelType::Chat } else { ChannelType::InAppFeed })
    } else if has(&["text_body"]) {
        Some(ChannelType::Sms)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn tells_channels_by_their_templates() {
        for (key, template, want) in [
            ("x", json!({"subject": ""}), Some(ChannelType::Email)),
            ("x", json!({"visual_blocks": []}), Some(ChannelType::Email)),
            ("x", json!({"method": "post"}), Some(ChannelType::Http)),
            ("x", json!({"title": "t", "text_body": "b"}), Some(ChannelType::Push)),
            ("x", json!({"markdown_body": "b", "summary": "s"}), Some(ChannelType::Chat)),
            ("slack-eu", json!({"markdown_body": "b"}), Some(ChannelType::Chat)),
            ("x", json!({"markdown_body": "b"}), Some(ChannelType::InAppFeed)),
            ("x", json!({"text_body": "b"}), Some(ChannelType::Sms)),
            ("x", json!({}), None),
        ] {
            let step = json!({"channel_key": key, "template": template});
            assert_eq!(channel_type(&step), want, "{step}");
        }
        let named = json!({"channel_type": "push", "template": {"text_body": "b"}});
        assert_eq!(channel_type(&named), Some(ChannelType::Push));
    }

    #[test]
    fn finds_the_steps_of_the_example() {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/collab");
        let found = steps_of(&project, &project.join("workflows/mention")).expect("it is there");
        assert!(found.errors.is_empty(), "{:?}", found.errors);
        let steps: Vec<_> = found.steps.iter().map(|step| (step.step.as_str(), step.channel_type)).collect();
        let want = [
            ("in_app_feed_1", ChannelType::InAppFeed),
            ("email_1", ChannelType::Email),
            ("push_1", ChannelType::Push),
            ("chat_1", ChannelType::Chat),
        ];
        assert_eq!(steps, want);
        assert!(steps_of(&project, &project.join("layouts/default")).is_none());
    }
}
