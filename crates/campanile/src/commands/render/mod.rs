//! `campanile render`: what a template, or a whole workflow, says for some data, without a server.

mod folder;
mod input;
mod lines;
mod open;

use std::io::Write as _;
use std::path::PathBuf;

use campanile_engine::project::branded;
use campanile_template::{Notes, RenderOptions, Template, TemplateError, Warning};
use serde_json::{Value, json};

use self::input::Input;
use super::{CommandError, say};

/// `campanile render`.
#[derive(Debug, clap::Args)]
pub struct RenderArgs {
    /// The template: a file, or - for standard input; or the folder of a workflow or broadcast of a project, of which
    /// every step is shown. Inside a project folder it may use partials and translations, and
    /// the body of an email is shown in its layout.
    #[arg(required_unless_present = "lines")]
    pub file: Option<PathBuf>,
    /// JSON file with what the template reads (data, recipient, actor, tenant, vars, …); a file without any of these
    /// is taken as data.
    #[arg(long, value_name = "FILE")]
    pub data: Option<PathBuf>,
    /// The project folder, where it is not around the template.
    #[arg(long, value_name = "DIR")]
    pub project: Option<PathBuf>,
    /// The present instant, like 2024-01-31T12:00:00Z [default: now].
    #[arg(long, value_name = "TIME")]
    pub now: Option<String>,
    /// Refuse names that are not there.
    #[arg(long)]
    pub strict: bool,
    /// Print JSON: the text and warnings, or the errors.
    #[arg(long)]
    pub json: bool,
    /// Show the result in the browser instead of printing it.
    #[arg(long)]
    pub open: bool,
    /// Answer requests of one JSON line each from standard input: {"template", "data", "partials"}.
    #[arg(long, hide = true, conflicts_with_all = ["file", "data", "project", "json", "open"])]
    pub lines: bool,
}

/// Renders and prints.
pub fn run(args: &RenderArgs) -> Result<(), CommandError> {
    if args.lines {
        return lines::serve(args);
    }
    if let Some(folder) = args.file.as_deref().filter(|file| file.is_dir()) {
        return folder::run(args, folder);
    }
    let input = Input::read(args)?;
    let notes = Notes::default();
    let rendered = render(&input, args, &notes);
    let warnings = notes.take_warnings();
    if args.json {
        print_json(&rendered, &warnings);
    } else {
        input.problems.iter().for_each(|problem| warn(problem));
        warnings.iter().for_each(|warning| warn(&warning.to_string()));
    }
    match rendered {
        Ok(rendered) if args.open => open::show(&input.name, &rendered.text),
        Ok(_) if args.json => Ok(()),
        Ok(rendered) => print(&rendered.text),
        // The answer is on standard output already; only the exit code is missing.
        Err(error) => Err(CommandError::Given(format!("{}: {error}", input.name))),
    }
}

/// The text of the file, and the subject of the email that it is part of.
struct Rendered {
    text: String,
    subject: Option<String>,
}

fn render(input: &Input, args: &RenderArgs, notes: &Notes) -> Result<Rendered, TemplateError> {
    let translations = input.translations();
    let mut options = RenderOptions::at(input.now).with_translations(Some(&translations));
    options.partials = Some(&input.templates.partials);
    options.notes = Some(notes);
    options.strict_undefined = args.strict;
    let Some(email) = input.email()? else {
        let text = Template::parse(&input.source)?.render(&branded(&input.scope, None), &options)?;
        return Ok(Rendered { text, subject: None });
    };
    let scope = branded(&input.scope, Some(email.template.branding_overrides()));
    let rendered = email.template.render(&scope, &options)?;
    let text = if email.is_text { rendered.text } else { rendered.html };
    Ok(Rendered { text, subject: Some(rendered.subject) })
}

fn print_json(rendered: &Result<Rendered, TemplateError>, warnings: &[Warning]) {
    let warnings = warnings_json(warnings);
    say(match rendered {
        Ok(Rendered { text, subject: None }) => {
            json!({"result": "success", "text": text, "warnings": warnings, "errors": []})
        }
        Ok(Rendered { text, subject }) => {
            json!({"result": "success", "subject": subject, "text": text, "warnings": warnings, "errors": []})
        }
        Err(error) => {
            json!({"result": "error", "text": null, "warnings": warnings, "errors": [problem(error)]})
        }
    });
}

fn warnings_json(warnings: &[Warning]) -> Vec<Value> {
    warnings.iter().map(|warning| json!({"reason": warning.reason(), "key": warning.key()})).collect()
}

/// An error as previews tell it, with the column (templates.md T16.1).
fn problem(error: &TemplateError) -> Value {
    json!({"field": error.field, "line": error.line, "column": error.column, "message": error.message})
}

/// Exactly the rendered text, without a line feed of its own.
fn print(text: &str) -> Result<(), CommandError> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // A closed pipe (`campanile render | head`) is the reader's wish.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            Err(CommandError::Failed(error.to_string()))
        }
        _ => Ok(()),
    }
}

#[allow(clippy::print_stderr)]
fn warn(what: &str) {
    eprintln!("campanile: {what}");
}
