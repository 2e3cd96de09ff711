//! `campanile render --lines`: many templates for one process, a JSON object a line in and out. Tests compare our Liquid
//! with others through it.

use std::io::{BufRead as _, Write as _};

use campanile_core::time::Timestamp;
use campanile_template::{Partial, PartialKind, Partials, RenderOptions, Template};
use serde_json::{Value, json};

use super::{RenderArgs, input, problem};
use crate::commands::CommandError;

/// Answers until the end of standard input.
pub(super) fn serve(args: &RenderArgs) -> Result<(), CommandError> {
    let now = input::now(args)?;
    let failed = |error: std::io::Error| CommandError::Failed(error.to_string());
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for line in std::io::stdin().lock().lines() {
        let line = line.map_err(failed)?;
        let answer = match serde_json::from_str(&line) {
            Ok(request) => answer(&request, args.strict, now),
            Err(error) => json!({"error": {"stage": "request", "message": error.to_string()}}),
        };
        writeln!(out, "{answer}").map_err(failed)?;
        out.flush().map_err(failed)?;
    }
    Ok(())
}

/// `{"text"}`, or `{"error"}` with the stage that failed.
fn answer(request: &Value, is_strict: bool, now: Timestamp) -> Value {
    let mut partials = Partials::default();
    for (key, content) in request["partials"].as_object().into_iter().flatten() {
        match Partial::compile(PartialKind::Text, content.as_str().unwrap_or_default(), &Value::Null) {
            Ok(partial) => partials.insert(key, partial),
            Err(error) => return failure("partial", &error),
        }
    }
    let mut options = RenderOptions::at(now).with_partials(&partials);
    options.strict_undefined = is_strict;
    let template = match Template::parse(request["template"].as_str().unwrap_or_default()) {
        Ok(template) => template,
        Err(error) => return failure("parse", &error),
    };
    match template.render(&request["data"], &options) {
        Ok(text) => json!({ "text": text }),
        Err(error) => failure("render", &error),
    }
}

fn failure(stage: &str, error: &campanile_template::TemplateError) -> Value {
    let mut error = problem(error);
    error["stage"] = stage.into();
    json!({ "error": error })
}
