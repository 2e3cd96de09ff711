//! The email of a project folder that a file is part of, compiled with its layout as a commit would.

use std::path::Path;

use campanile_store::ResourceKind;
use campanile_template::{EmailSource, EmailTemplate, Layout, LayoutSource, TemplateError};
use serde_json::Value;

use super::folder;

/// An email and the part of it that a file holds.
#[derive(Debug)]
pub struct ProjectEmail {
    /// Ready to render.
    pub template: EmailTemplate,
    /// The file is its text part.
    pub is_text: bool,
}

/// The email whose `html_body` or `text_body` is in `file`; `None` where there is no such step.
pub fn email_of(project: &Path, file: &Path) -> Option<Result<ProjectEmail, TemplateError>> {
    let project = project.canonicalize().ok()?;
    let file = file.canonicalize().ok()?;
    let found = folder::scan(&project).ok()?;
    let workflow = found.iter().find(|found| {
        found.kind == ResourceKind::Workflow && file.starts_with(project.join(&found.folder))
    })?;
    let read = folder::read(&project, workflow.clone());
    let within = file.strip_prefix(project.join(&workflow.folder)).ok()?;
    let (field, _) = read.joined.sources.iter().find(|(_, path)| Path::new(path) == within)?;
    let (step, is_text) = match field.strip_suffix(".template.html_body") {
        Some(step) => (step, false),
        None => (field.strip_suffix(".template.text_body")?, true),
    };
    let template = &at(&read.joined.document, step)?["template"];
    // Text messages have a `text_body`, too.
    template["html_body"].as_str()?;
    let key = template["settings"]["layout_key"].as_str();
    let layout = key.and_then(|key| {
        let found = found.iter().find(|found| found.kind == ResourceKind::EmailLayout && found.key == key)?;
        Some(folder::read(&project, found.clone()).joined.document)
    });
    Some(compile(template, layout.as_ref()).map(|template| ProjectEmail { template, is_text }))
}

/// The first error of several: they are in the order of the fields.
fn compile(template: &Value, layout: Option<&Value>) -> Result<EmailTemplate, TemplateError> {
    let layout = layout.map(|layout| Layout::compile(&LayoutSource::from_json(layout))).transpose()?;
    EmailTemplate::compile(&EmailSource::from_json(template), layout.as_ref()).map_err(|errors| {
        errors.into_iter().next().unwrap_or_else(|| TemplateError::of_field("", "is invalid"))
    })
}

/// The value at a path like `steps[1].branches[0].steps[2]`.
fn at<'v>(document: &'v Value, path: &str) -> Option<&'v Value> {
    let mut value = document;
    for part in path.split('.') {
        let (name, rest) = part.split_once('[').map_or((part, ""), |(name, rest)| (name, rest));
        value = value.get(name)?;
        for index in rest.split('[').filter(|index| !index.is_empty()) {
            value = value.get(index.strip_suffix(']')?.parse::<usize>().ok()?)?;
        }
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn finds_the_step_and_its_layout() {
        let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/collab");
        for (file, want) in [
            ("workflows/mention/email_1/html_body.html", Some(false)),
            ("workflows/mention/email_1/text_body.txt", Some(true)),
            ("workflows/invoice-paid/sms_1/text_body.txt", None),
            ("workflows/mention/workflow.json", None),
            ("layouts/default/html_layout.html", None),
        ] {
            let found = email_of(&project, &project.join(file));
            let found = found.map(|email| email.expect("it compiles").is_text);
            assert_eq!(found, want, "{file}");
        }
    }

    #[test]
    fn follows_paths() {
        let document = json!({"steps": [{"a": 0}, {"branches": [{"steps": [[1, 2]]}]}]});
        for (path, want) in [
            ("steps[0].a", Some(json!(0))),
            ("steps[1].branches[0].steps[0][1]", Some(json!(2))),
            ("steps[9]", None),
            ("steps[x]", None),
        ] {
            assert_eq!(at(&document, path), want.as_ref(), "{path}");
        }
    }
}
