//! The folder on disk and the database together.

use std::path::Path;
use std::time::Duration;

use campanile_core::ids::EnvId;
use campanile_store::ResourceKind;
use tokio_util::sync::CancellationToken;

use crate::project;
use crate::resources::fixture::{Bench, workflow};
use crate::resources::get;

fn write(project: &Path, path: &str, text: &str) {
    let file = project.join(path);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(file, text).unwrap();
}

#[tokio::test]
async fn a_bad_file_never_stops_the_others() {
    let bench = Bench::new().await;
    let project = bench.folder.join("project");
    let write = |path: &str, text: &str| write(&project, path, text);
    write("workflows/bad-json/workflow.json", "{");
    write(
        "workflows/no-file/workflow.json",
        r#"{"name": "W", "steps": [{"template": {"markdown_body@": "f/x.md"}}]}"#,
    );
    write("workflows/good/workflow.json", &workflow("a").to_string());
    write("workflows/no-name/workflow.json", r#"{"steps": []}"#);
    write(
        "layouts/frame/layout.json",
        r#"{"name": "F", "html_layout@": "h.html", "text_layout": "{{ content }}"}"#,
    );
    write("layouts/frame/h.html", "<p>nothing</p>");
    write("notes/readme.md", "x");
    write("partials/sign-off/partial.json", r#"{"name": "S", "type": "text", "content@": "content.txt"}"#);
    write("partials/sign-off/content.txt", "Bye");
    write("translations/en/en.json", r#"{"hello": "Hello"}"#);
    write("translations/en/admin.en.po", "msgid \"hello\"\nmsgstr \"Hello, admin\"");
    write("translations/en/admin.de.json", "{}");
    write("translations/de/de.json", "[]");
    write("translations/xx/xx.json", "{}");
    let report = project::load(&bench.engine, &project).await.unwrap();
    let problems: Vec<_> = report.problems().map(|p| format!("{}|{}", p.file.display(), p.field)).collect();
    assert_eq!(
        problems,
        [
            "layouts/frame/h.html|html_layout",
            "translations/de/de.json|content",
            "translations/xx/xx.json|key",
            "workflows/bad-json/workflow.json|",
            "workflows/no-file/f/x.md|steps[0].template.markdown_body",
            "workflows/no-name/workflow.json|name",
        ]
    );
    assert_eq!(report.counts(), (4, 0, 6));
    let admin = get(&bench.engine, EnvId(1), ResourceKind::Translation, "en/admin", true).await.unwrap();
    assert_eq!(admin.unwrap().content["content"], r#"{"hello":"Hello, admin"}"#);
    assert!(project::load(&bench.engine, &project.join("none")).await.is_err());
}

#[tokio::test]
async fn follows_what_is_edited_until_cancelled() {
    let bench = Bench::new().await;
    let project = bench.folder.join("project");
    write(&project, "workflows/wfl/workflow.json", "{");
    let cancellation = CancellationToken::new();
    let watching = tokio::spawn(project::watch(bench.engine.clone(), project.clone(), cancellation.clone()));
    for body in ["a", "b, longer"] {
        write(&project, "workflows/wfl/workflow.json", &workflow(body).to_string());
        let mut seen = None;
        for _ in 0..200 {
            let found = get(&bench.engine, EnvId(1), ResourceKind::Workflow, "wfl", true).await.unwrap();
            seen = found.map(|found| found.content["steps"][0]["template"]["markdown_body"].clone());
            if seen.as_ref().is_some_and(|seen| seen == body) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert_eq!(seen, Some(body.into()));
    }
    cancellation.cancel();
    watching.await.unwrap();
}
