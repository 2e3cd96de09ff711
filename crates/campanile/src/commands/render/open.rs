//! `--open`: the result in a browser.

use std::path::Path;
use std::process::{Command, Stdio};

use campanile_template::markdown;

use crate::commands::{CommandError, say};

/// Programs that open a page, tried in order after `BROWSER`.
const OPENERS: &[&str] = if cfg!(target_os = "macos") { &["open"] } else { &["xdg-open", "wslview"] };

/// Writes a page for the result and opens it. The page stays: the browser may read it any time later.
pub(super) fn show(name: &str, text: &str) -> Result<(), CommandError> {
    // A name nobody can guess: the folder for temporary files belongs to everybody.
    let path = std::env::temp_dir().join(format!("campanile-preview-{}.html", uuid::Uuid::new_v4()));
    std::fs::write(&path, page(name, text))
        .map_err(|error| CommandError::Failed(format!("cannot write {}: {error}", path.display())))?;
    let chosen = std::env::var("BROWSER").ok().filter(|program| !program.is_empty());
    let openers = chosen.iter().map(String::as_str).chain(OPENERS.iter().copied());
    for opener in openers {
        let started = Command::new(opener).arg(&path).stdout(Stdio::null()).stderr(Stdio::null()).status();
        if started.is_ok_and(|status| status.success()) {
            say(path.display());
            return Ok(());
        }
    }
    Err(CommandError::Failed(format!("no browser could be started; the page is {}", path.display())))
}

/// HTML as it is; Markdown converted; anything else as plain text.
fn page(name: &str, text: &str) -> String {
    let extension = Path::new(name).extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    let start = text.trim_start().as_bytes();
    let looks_like_html = start.first() == Some(&b'<');
    match extension {
        "html" | "htm" => text.to_owned(),
        "md" | "markdown" => document(name, &markdown::to_html(text)),
        _ if looks_like_html => text.to_owned(),
        _ => document(name, &format!("<pre>{}</pre>", escaped(text))),
    }
}

fn document(title: &str, body: &str) -> String {
    format!("<!doctype html><meta charset=\"utf-8\"><title>{}</title>\n{body}\n", escaped(title))
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_of_file_becomes_a_page() {
        for (name, text, want) in [
            ("a.html", "x <b>", "x <b>"),
            ("a.md", "# T", "<h1>T</h1>"),
            ("a.txt", "a < b", "<pre>a &lt; b</pre>"),
            ("a.liquid", " <p>x", " <p>x"),
        ] {
            assert!(page(name, text).contains(want), "{name}");
        }
    }
}
