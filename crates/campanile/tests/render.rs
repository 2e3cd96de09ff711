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

/// A project with a workflow of every kind of channel, its layout and a partial.
fn project_files() -> Vec<(&'static str, &'static str)> {
    vec![
        (
            "layouts/frame/layout.json",
            r#"{"name": "F", "html_layout@": "l.html", "text_layout": "[{{ content }}]"}"#,
        ),
        ("layouts/frame/l.html", "<html><body>{{ content }}</body></html>"),
        ("partials/bye/partial.json", r#"{"name": "Bye", "type": "text", "content": "Bye {{ who }}"}"#),
        (
            "workflows/all/workflow.json",
            r#"{"name": "All", "steps": [
                {"ref": "email_1", "type": "channel", "channel_key": "mail", "template": {
                    "subject": "Hi {{ recipient.name }}", "html_body@": "email_1/body.html", "settings": {"layout_key": "frame"}}},
                {"ref": "branch_1", "type": "branch", "branches": [{"name": "default", "steps": [
                    {"ref": "email_2", "type": "channel", "channel_key": "mail", "template": {"subject": "s", "settings": {"layout_key": "default"},
                     "visual_blocks": [{"type": "markdown", "content": "Block for {{ recipient.name }}"}]}}]}]},
                {"ref": "wait", "type": "delay", "settings": {"delay_for": {"unit": "minutes", "value": 1}}},
                {"ref": "sms_1", "type": "channel", "channel_key": "sms", "template": {"text_body": "{% render 'bye', who: recipient.name %}{{ 'x' | t }}"}},
                {"ref": "push_1", "type": "channel", "channel_key": "push", "template": {"title": " T ", "text_body": "b", "settings": {"delivery_type": "content"}}},
                {"ref": "chat_1", "type": "channel", "channel_key": "slack", "template": {"markdown_body": "*{{ data.x }}*", "summary": "s"}},
                {"ref": "feed_1", "type": "channel", "channel_key": "in-app-feed", "template": {"markdown_body": "**f**", "action_url": "/a"}},
                {"ref": "http_1", "type": "channel", "channel_key": "hook", "template": {"method": "post", "url": "https://x.test/{{ data.x }}",
                    "headers": [{"key": "a", "value": "b"}], "body": "{\"n\": \"{{ data.x }}\"}"}}]}"#,
        ),
        ("workflows/all/email_1/body.html", "<p>Hi {{ recipient.name }}</p>"),
        (
            "broadcasts/news/broadcast.json",
            r#"{"name": "News", "steps": [{"ref": "sms_1", "type": "channel", "channel_key": "sms", "template": {"text_body": "News of {{ data.x }}"}}]}"#,
        ),
        ("data.json", r#"{"recipient": {"name": "Ann"}, "data": {"x": 7}}"#),
    ]
}

#[test]
fn a_folder_shows_every_step_of_every_channel() {
    let folder = Folder::new("steps", &project_files());
    let (code, out, error) = run(&folder, &["workflows/all", "--data", "data.json"]);
    assert_eq!(
        (code, error.as_str()),
        (Some(0), "campanile: sms_1: translation \"x\" is in no file\n"),
        "{out}"
    );
    for part in [
        "# email_1 (email)\n",
        "## subject\nHi Ann\n",
        "## html_body\n<html><body><p>Hi Ann</p></body></html>\n",
        "## text_body\n[Hi Ann]\n",
        "# email_2 (email)\n",
        "Block for Ann</p>",
        "# sms_1 (sms)\n\n## text_body\nBye Ann\n",
        "# push_1 (push)\n\n## text_body\nb\n\n## title\nT\n",
        "# chat_1 (chat)\n\n## markdown_body\n*7*\n\n## summary\ns\n",
        "# feed_1 (in_app_feed)\n\n## action_url\n/a\n\n## html_body\n<p><strong>f</strong></p>\n",
        "# http_1 (http)\n\n## body\n{\"n\":7}\n",
        "## url\nhttps://x.test/7\n",
    ] {
        assert!(out.contains(part), "{part:?} is not in\n{out}");
    }
    let order: Vec<_> = out.lines().filter_map(|line| line.strip_prefix("# ")).collect();
    assert_eq!(order.len(), 7, "{order:?}");

    let (code, out, _) = run(&folder, &["workflows/all/", "--data", "data.json", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &told["result"]), (Some(0), &serde_json::json!("success")));
    let sms =
        told["steps"].as_array().expect("steps").iter().find(|step| step["ref"] == "sms_1").expect("there");
    assert_eq!((&sms["content_type"], &sms["template"]["text_body"]), (&"sms".into(), &"Bye Ann".into()));
    assert_eq!(sms["warnings"][0]["key"], "x");

    let (code, out, _) = run(&folder, &["broadcasts/news", "--data", "data.json"]);
    assert_eq!((code, out.as_str()), (Some(0), "# sms_1 (sms)\n\n## text_body\nNews of 7\n"));
}

#[test]
fn mistakes_of_a_folder_are_told_all_at_once_with_their_files() {
    let mut files = project_files();
    files.extend([
        ("workflows/bad/workflow.json", r#"{"name": "Bad", "steps": [
            {"ref": "a", "type": "channel", "channel_key": "mail", "template": {
                "subject": "{{ x | nope }}", "html_body@": "a/body.html", "text_body@": "a/none.txt", "settings": {"layout_key": "frame"}}},
            {"ref": "b", "type": "channel", "channel_key": "sms", "template": {"text_body": "{{ 1 | divided_by: data.zero }}"}},
            {"ref": "c", "type": "channel", "channel_key": "mail", "template": {"subject": "s", "html_body": "x", "settings": {"layout_key": "nowhere"}}},
            {"ref": "d", "type": "channel", "channel_key": "mail", "template": {"subject": "s", "html_body": "x", "settings": {"layout_key": "half"}}},
            {"ref": "e", "type": "channel", "channel_key": "x", "template": {}}]}"#),
        ("workflows/bad/a/body.html", "<p>\n{% if a %}</p>"),
        ("layouts/half/layout.json", r#"{"name": "H", "html_layout@": "h.html", "text_layout": "{{ content }}"}"#),
        ("layouts/half/h.html", "<b>\n{{ content }}{{ 1 | divided_by: data.zero }}"),
        ("zero.json", r#"{"data": {"zero": 0}}"#),
        ("workflows/none/readme.md", "no workflow"),
    ]);
    let folder = Folder::new("bad-steps", &files);
    let (code, out, error) = run(&folder, &["workflows/bad", "--data", "zero.json"]);
    assert_eq!((code, out.as_str()), (Some(2), ""), "{error}");
    for part in [
        "workflows/bad/a/none.txt: steps[0].template.text_body: does not exist",
        "workflows/bad/workflow.json: subject: unknown filter \"nope\" (line 1, column 8)",
        "workflows/bad/a/body.html: html_body: if is not closed with endif (line 2, column 4)\n  {% if a %}</p>\n     ^",
        "workflows/bad/workflow.json: text_body: divided_by: division by zero (line 1, column 8)",
        "workflows/bad/workflow.json: settings.layout_key: nowhere does not exist",
        "layouts/half/h.html: html_layout: divided_by: division by zero (line 2",
        "workflows/bad/workflow.json: steps[4].channel_type: can't be blank",
    ] {
        assert!(error.contains(part), "{part:?} is not in\n{error}");
    }
    let (code, out, _) = run(&folder, &["workflows/bad", "--data", "zero.json", "--json"]);
    let told: serde_json::Value = serde_json::from_str(&out).expect("JSON");
    assert_eq!((code, &told["result"]), (Some(2), &serde_json::json!("error")));
    let body = &told["steps"][0]["errors"][1];
    assert_eq!((&body["file"], &body["line"]), (&"workflows/bad/a/body.html".into(), &2.into()), "{told:#}");
    for (arguments, part) in [
        (&["workflows/none"][..], "workflows/none holds no workflow or broadcast"),
        (&["layouts/frame"], "holds no workflow or broadcast"),
        (&["workflows/all", "--open"], "--open shows one template"),
    ] {
        let (code, _, error) = run(&folder, arguments);
        assert!(code == Some(2) && error.contains(part), "{arguments:?}: {error}");
    }
}
