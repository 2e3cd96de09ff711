//! `campanile render` as people run it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A folder of its own for each test, removed with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str, files: &[(&str, &str)]) -> Self {
        let path = std::env::temp_dir().join(format!("campanile-render-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        for (file, text) in files {
            let file = path.join(file);
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("it can be made");
            std::fs::write(file, text).expect("it can be written");
        }
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn campanile(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_campanile"));
    command.current_dir(folder).arg("render").args(["--now", "2024-01-31T12:00:00Z"]).stdin(Stdio::null());
    command
}

/// Exit code, standard output, standard error.
fn told(output: &Output) -> (Option<i32>, String, String) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (output.status.code(), text(&output.stdout), text(&output.stderr))
}

fn run(folder: &Folder, arguments: &[&str]) -> (Option<i32>, String, String) {
    told(&campanile(&folder.0).args(arguments).output().expect("it starts"))
}

#[test]
fn prints_what_the_template_says() {
    let folder = Folder::new(
        "prints",
        &[
            ("hello.liquid", "Hello {{ name }}, {{ data.name }}! {{ 'now' | date: '%Y' }}\n"),
            ("roots.liquid", "{{ recipient.name }} of {{ vars.app_name }}"),
            ("plain.json", r#"{"name": "Ann"}"#),
            ("roots.json", r#"{"recipient": {"name": "Bo"}, "vars": {"app_name": "Acme"}}"#),
        ],
    );
    for (arguments, want) in [
        (&["hello.liquid", "--data", "plain.json"][..], "Hello Ann, Ann! 2024\n"),
        (&["roots.liquid", "--data", "roots.json"], "Bo of Acme"),
        (&["hello.liquid"], "Hello , ! 2024\n"),
        (
            &["roots.liquid", "--data", "roots.json", "--json"],
            "{\"errors\":[],\"result\":\"success\",\"text\":\"Bo of Acme\",\"warnings\":[]}\n",
        ),
    ] {
        assert_eq!(run(&folder, arguments), (Some(0), want.to_owned(), String::new()), "{arguments:?}");
    }
}

#[test]
fn mistakes_are_located_and_end_with_2() {
    let folder = Folder::new(
        "mistakes",
        &[
            ("filter.liquid", "a\nb {{ x | nope }}"),
            ("divide.liquid", "{{ 1 | divided_by: n }}"),
            ("open.liquid", "{% if a %}"),
            ("broken.json", "{\"a\": 1,\n \"b\": }"),
            ("surrogate.json", r#"{"a": "\ud800"}"#),
            ("zero.json", r#"{"n": 0}"#),
            ("ok.liquid", "{{ a }}"),
        ],
    );
    for (arguments, parts) in [
        (
            &["filter.liquid"][..],
            &["unknown filter \"nope\" (line 2, column 10)", "\n  b {{ x | nope }}\n           ^"][..],
        ),
        (&["divide.liquid", "--data", "zero.json"], &["division by zero (line 1, column 8)"]),
        (&["open.liquid"], &["if is not closed with endif (line 1, column 4)"]),
        (
            &["ok.liquid", "--data", "broken.json"],
            &["broken.json: is not JSON: expected value (line 2, column 7)"],
        ),
        (&["ok.liquid", "--data", "surrogate.json"], &["surrogate.json: is not JSON", "(line 1, column"]),
        (&["ok.liquid", "--strict"], &["a is not defined (line 1, column 4)"]),
        (&["nowhere.liquid"], &["nowhere.liquid cannot be read"]),
        (&["ok.liquid", "--now", "soon"], &["--now"]),
        (&["ok.liquid", "--project", "nowhere"], &["nowhere"]),
        (&[], &["required"]),
    ] {
        let (code, out, error) = run(&folder, arguments);
        assert_eq!((code, out.as_str()), (Some(2), ""), "{arguments:?}: {error}");
        for part in parts {
            assert!(error.contains(part), "{arguments:?}: {part:?} is not in\n{error}");
        }
    }
    let (code, out, _) = run(&folder, &["filter.liquid", "--json"]);
    let want = r#"{"errors":[{"column":10,"field":"","line":2,"message":"unknown filter \"nope\""}],"result":"error","text":null,"warnings":[]}"#;
    assert_eq!((code, out.trim_end()), (Some(2), want));
}

#[test]
fn uses_the_project_around_the_file() {
    let folder = Folder::new(
        "project",
        &[
            ("partials/bye/partial.json", r#"{"name": "Bye", "type": "text", "content@": "content.txt"}"#),
            ("partials/bye/content.txt", "Bye {{ who }}"),
            ("partials/broken/partial.json", r#"{"name": "Broken", "type": "text", "content": "{% if %}"}"#),
            ("translations/de/de.json", r#"{"hi": "Hallo {{ name }}"}"#),
            ("translations/en/en.json", r#"{"hi": "Hello {{ name }}"}"#),
            (
                "workflows/greet/email_1/text_body.txt",
                "{{ 'hi' | t: name: recipient.name }}. {% render 'bye', who: recipient.name %}{% render 'gone' %}",
            ),
            ("ann.json", r#"{"recipient": {"name": "Ann", "locale": "de"}}"#),
        ],
    );
    let (code, out, error) = run(&folder, &["workflows/greet/email_1/text_body.txt", "--data", "ann.json"]);
    assert_eq!((code, out.as_str()), (Some(0), "Hallo Ann. Bye Ann"), "{error}");
    assert!(error.contains("partials/broken/partial.json is left out"), "{error}");
    assert!(error.contains("partial \"gone\" is not published"), "{error}");
}

#[test]
fn shows_the_body_of_an_email_in_its_layout() {
    let collab =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/collab/workflows/mention/email_1");
    let folder =
        Folder::new("email", &[("data.json", r#"{"actor": {"name": "Ann"}, "data": {"document": "Plan"}}"#)]);
    for (file, wanted) in [
        ("html_body.html", ["<html", "</html>", "Notification settings"]),
        ("text_body.txt", ["--", "Help", "Plan"]),
    ] {
        let path = collab.join(file);
        let (code, out, error) =
            run(&folder, &[path.to_str().expect("a text"), "--data", "data.json", "--json"]);
        assert_eq!(code, Some(0), "{error}");
        assert!(out.contains("Ann mentioned you in Plan"), "the subject is told: {out}");
        for part in wanted {
            assert!(out.contains(part), "{file}: {part} is not in {out}");
        }
    }
}

#[test]
fn opens_the_result_in_a_browser() {
    let folder =
        Folder::new("opens", &[("mail.html", "<p>Hi {{ name }}</p>"), ("data.json", r#"{"name": "Ann"}"#)]);
    let opened = folder.0.join("opened");
    let browser = folder.0.join("browser.sh");
    std::fs::write(&browser, format!("#!/bin/sh\ncp \"$1\" {}\n", opened.display()))
        .expect("it can be written");
    let made = Command::new("chmod").arg("+x").arg(&browser).status().expect("chmod is there");
    assert!(made.success());
    let mut command = campanile(&folder.0);
    command.env("BROWSER", &browser).args(["mail.html", "--data", "data.json", "--open"]);
    let (code, page, error) = told(&command.output().expect("it starts"));
    assert_eq!(code, Some(0), "{error}");
    assert_eq!(std::fs::read_to_string(&opened).expect("the browser was given a page"), "<p>Hi Ann</p>");
    let _ = std::fs::remove_file(page.trim());
    // Without any browser the page is there, and the failure is the machine's.
    let mut command = campanile(&folder.0);
    command.env("BROWSER", "/nonexistent").env("PATH", "").args(["mail.html", "--open"]);
    let (code, _, error) = told(&command.output().expect("it starts"));
    assert_eq!(code, Some(1), "{error}");
    let page = error.trim().rsplit(' ').next().expect("a path");
    assert!(std::fs::remove_file(page).is_ok(), "{error}");
}

#[test]
fn serves_lines() {
    let folder = Folder::new("lines", &[]);
    std::fs::create_dir_all(&folder.0).expect("it can be made");
    let mut child = campanile(&folder.0)
        .arg("--lines")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts");
    let requests = [
        r#"{"template": "{{ a }}{% render 'p' %}", "data": {"a": 1}, "partials": {"p": "!"}}"#,
        r#"{"template": "{{ a | nope }}", "data": {}}"#,
        "{",
    ];
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(requests.join("\n").as_bytes()).expect("it reads");
    drop(stdin);
    let (code, out, _) = told(&child.wait_with_output().expect("it ends"));
    let answers: Vec<&str> = out.lines().collect();
    assert_eq!((code, answers.len(), answers[0]), (Some(0), 3, r#"{"text":"1!"}"#));
    assert!(
        answers[1].contains(r#""stage":"parse""#) && answers[2].contains(r#""stage":"request""#),
        "{out}"
    );
}
