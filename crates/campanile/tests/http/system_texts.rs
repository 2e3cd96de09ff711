//! Texts of `t` tags that commits of workflows collect for translators (templates.md T5.9, T5.10).

use serde_json::{Value, json};

use crate::kit::{Kit, on_both, pluck, steps};

const SYSTEM: &str = "/v1/translations/en?environment=development&namespace=system";

fn path(key: &str) -> String {
    format!("/v1/workflows/{key}?environment=development")
}

/// The committed texts, as they are kept; empty when there are none.
async fn texts(kit: &Kit) -> String {
    let answer = kit.service.get(&format!("{SYSTEM}&hide_uncommitted_changes=true")).await;
    if answer.status == 404 {
        return String::new();
    }
    answer.ok()["content"].as_str().expect("a text").to_owned()
}

/// Commits of the translation, newest first.
async fn commits(kit: &Kit) -> Vec<Value> {
    let path = "/v1/commits?environment=development&resource_type=translation&resource_id=en/system";
    kit.service.get(path).await.ok()["entries"].as_array().expect("a list").clone()
}

async fn commit_all(kit: &Kit, query: &str) {
    kit.service.put(&format!("/v1/commits?environment=development{query}"), json!({})).await.ok();
}

async fn translate(kit: &Kit, path: &str, texts: &Value) {
    let body = json!({"translation": {"format": "json", "content": texts.to_string()}});
    kit.service.put(path, body).await.ok();
}

/// One step of every channel, with a text in every field.
fn everywhere() -> Value {
    let t = |text: &str| format!("{{% t %}}{text}{{% endt %}}");
    let step = |channel: &str, template: Value| json!({"ref": channel, "type": "channel", "channel_key": channel, "template": template});
    let blocks = json!([
        {"type": "markdown", "content": format!("# {}", t("**Head** of {{ data.x }}"))},
        {"type": "html", "content": t("<b>html</b>")},
        {"type": "image", "url": "https://x.test/a.png", "alt": t("alt")},
        {"type": "button_set", "buttons": [{"label": t("label"), "action": t("https://x.test"), "variant": "solid"}]},
    ]);
    let mut mail = step(
        "email",
        json!({
            "subject": t("subject"), "preview_text": t("preview"), "visual_blocks": blocks, "text_body": t("text"),
            "settings": {"pre_content": t("pre")},
        }),
    );
    mail["channel_overrides"] =
        json!({"from_name": t("from"), "json_overrides": {"headers": [t("mail header")]}});
    let branch = json!({"ref": "b", "type": "branch", "branches": [
        {"name": "default", "steps": [step("sms", json!({"text_body": t("sms"), "settings": {"to_number": t("to")}}))]},
    ]});
    json!([
        mail,
        branch,
        step(
            "push",
            json!({"title": t("title"), "text_body": t("push"), "settings": {
            "delivery_type": "content", "payload_overrides": format!("{{\"a\": [\"{}\"]}}", t("say \\\"a\\\""))}})
        ),
        step("chat", json!({"markdown_body": t("chat"), "summary": t("summary")})),
        step(
            "in-app-feed",
            json!({"markdown_body": t("feed"), "action_url": t("/url"), "action_buttons": [
            {"label": t("go"), "action": t("/go")}]})
        ),
        step(
            "webhook",
            json!({"method": "post", "url": t("https://hook.test"), "headers": [{"key": "x", "value": t("header")}],
            "query_params": [{"key": "q", "value": t("query")}], "body": format!("{{\"b\": {{{{ 1 }}}}, \"c\": \"{}\"}}", t("body"))})
        ),
    ])
}

#[test]
fn every_field_of_every_channel_is_collected() {
    on_both(async |kit| {
        kit.workflow("everywhere", everywhere()).await;
        let found: Value = serde_json::from_str(&texts(kit).await).expect("JSON");
        let found = found.as_object().expect("an object");
        let want = [
            "**Head** of {{ data.x }}",
            "/go",
            "/url",
            "<b>html</b>",
            "alt",
            "body",
            "chat",
            "feed",
            "from",
            "go",
            "header",
            "https://hook.test",
            "https://x.test",
            "label",
            "mail header",
            "pre",
            "preview",
            "push",
            "query",
            "say \"a\"",
            "sms",
            "subject",
            "summary",
            "text",
            "title",
            "to",
        ];
        assert_eq!(found.keys().collect::<Vec<_>>(), want);
        assert!(found.iter().all(|(key, value)| value.as_str() == Some(key)), "{found:?}");
    });
}

#[test]
fn commits_add_what_is_new_and_nothing_else() {
    on_both(async |kit| {
        let feed = |text: &str| json!({"workflow": {"name": "W", "steps": [steps::feed("feed_1", text)]}});
        let save = async |key: &str, query: &str, text: &str| {
            kit.service.put(&format!("{}{query}", path(key)), feed(text)).await.ok();
        };
        // Neither a draft nor a commit without texts makes a translation, nor does one that is refused.
        save("wfl-1", "", "{% t %}One{% endt %}").await;
        save("wfl-2", "&commit=true", "plain {{ 'x' | t }}").await;
        let broken = feed("{% t %}Broken{% endt %}{{ x | nope }}");
        let answer = kit.service.put(&format!("{}&commit=true", path("wfl-2")), broken).await;
        answer.refused(422, "invalid_params");
        assert_eq!((texts(kit).await.as_str(), commits(kit).await.len()), ("", 0));

        // The first one does, whatever the message of the commit is.
        commit_all(kit, "&commit_message=mine").await;
        assert_eq!(texts(kit).await, r#"{"One":"One"}"#);
        let first = commits(kit).await;
        assert_eq!(first[0]["commit_message"], "Texts of the workflow wfl-1");
        assert_eq!(first[0]["author"]["name"], "Campanile bot");
        assert_eq!(first[0]["resource"], json!({"type": "translation", "identifier": "en/system"}));

        // A value that somebody wrote stays; what is gone from the templates too; keys are verbatim (T5.9, corner 17).
        translate(kit, &format!("{SYSTEM}&commit=true"), &json!({"One": "Uno {{ recipient.name }}"})).await;
        save("wfl-1", "&commit=true", "{% t %} Two\n  lines {% endt %}{% t %}{% endt %}").await;
        let want = r#"{"One":"Uno {{ recipient.name }}"," Two\n  lines ":" Two\n  lines "}"#;
        assert_eq!(texts(kit).await, want);
        save("wfl-1", "&commit=true", "{% t %} Two\n    lines {% endt %}").await;
        let want = r#"{"One":"Uno {{ recipient.name }}"," Two\n  lines ":" Two\n  lines "," Two\n    lines ":" Two\n    lines "}"#;
        assert_eq!(texts(kit).await, want);

        // Nothing new is no commit, of an empty commit of the workflow neither.
        let before = commits(kit).await.len();
        save("wfl-3", "&commit=true", "{% t %}One{% endt %}").await;
        save("wfl-3", "&commit=true&allow_empty=true", "{% t %}One{% endt %}").await;
        assert_eq!((texts(kit).await.as_str(), commits(kit).await.len()), (want, before));

        // Several workflows at once: each names its own.
        save("wfl-2", "", "{% t %}Three{% endt %}").await;
        save("wfl-3", "", "{% t %}Three{% endt %}{% t %}Four{% endt %}").await;
        commit_all(kit, "").await;
        let messages = pluck(&json!(commits(kit).await), "commit_message");
        assert_eq!(messages[..2], ["Texts of the workflow wfl-3", "Texts of the workflow wfl-2"]);
        assert!(texts(kit).await.ends_with(r#","Three":"Three","Four":"Four"}"#));
    });
}

#[test]
fn a_translators_draft_stays_a_draft() {
    on_both(async |kit| {
        translate(kit, SYSTEM, &json!({"Hi": "Draft"})).await;
        kit.workflow("first", json!([steps::feed("feed_1", "{% t %}Hi{% endt %}{% t %}Bye{% endt %}")]))
            .await;
        let saved = async || kit.service.get(SYSTEM).await.ok()["content"].clone();
        assert_eq!(texts(kit).await, r#"{"Bye":"Bye","Hi":"Hi"}"#);
        assert_eq!(saved().await, r#"{"Hi":"Draft","Bye":"Bye"}"#);
        // Committed along, it is what is added to.
        kit.service.put(&path("first"), json!({"workflow": {"name": "W", "steps": [steps::feed("feed_1", "{% t %}Hi{% endt %}{% t %}More{% endt %}")]}})).await.ok();
        commit_all(kit, "").await;
        assert_eq!(texts(kit).await, r#"{"Hi":"Draft","Bye":"Bye","More":"More"}"#);
        assert_eq!(saved().await, texts(kit).await);
        // As PO and back: texts with dots, line feeds and Liquid are keys like others.
        kit.workflow(
            "second",
            json!([steps::feed("feed_1", "{% t %}Dear {{ recipient.name }}.\nA \"b\"\\c.{% endt %}")]),
        )
        .await;
        let before = texts(kit).await;
        let po = kit.service.get(&format!("{SYSTEM}&format=po")).await.ok()["content"].clone();
        let body = json!({"translation": {"format": "po", "content": po}});
        kit.service.put(SYSTEM, body).await.ok();
        let read = |text: &str| serde_json::from_str::<Value>(text).expect("JSON");
        assert_eq!(read(saved().await.as_str().expect("a text")), read(&before));
    });
}

#[test]
fn a_translated_copy_is_what_other_locales_see() {
    on_both(async |kit| {
        for (id, locale) in [("ada", "fr-BE"), ("bo", "en"), ("cy", "de")] {
            kit.put(&format!("/v1/users/{id}"), json!({"name": id, "locale": locale})).await.ok();
        }
        kit.workflow("greet", json!([steps::feed("feed_1", "{% t %} Hi {{ recipient.name }}!{% endt %}")]))
            .await;
        let copy = texts(kit).await.replace("\":\" Hi", "\":\"Salut");
        let french = "/v1/translations/fr?environment=development&namespace=system&commit=true";
        translate(kit, french, &serde_json::from_str(&copy).expect("JSON")).await;
        let run = kit.trigger("greet", json!({"recipients": ["ada", "bo", "cy"]})).await;
        for (user, want) in [("ada", "Salut ada!"), ("bo", "Hi bo!"), ("cy", "Hi cy!")] {
            let feed = kit.feed(user, "page_size=1").await;
            assert_eq!(feed["entries"][0]["blocks"][0]["rendered"], format!("<p>{want}</p>"));
            // The text has its key in a file now: nothing is missing.
            let log = kit.log_of_run(&run, user).await;
            assert!(log.iter().all(|event| event.event != "template_warning"), "{log:?}");
        }
        // Promotion takes it along.
        kit.service.put("/v1/commits/promote?to_environment=production", json!({})).await.ok();
        let live = kit.service.get(&SYSTEM.replace("development", "production")).await.ok();
        assert_eq!(live["content"], texts(kit).await);
    });
}

#[test]
fn commits_at_once_lose_no_text() {
    on_both(async |kit| {
        let save = async |n: usize| {
            let text = format!("{{% t %}}Text {n}{{% endt %}}");
            kit.workflow(&format!("wfl-{n}"), json!([steps::feed("feed_1", &text)])).await;
        };
        let translator =
            async |text: &str| translate(kit, &format!("{SYSTEM}&commit=true"), &json!({text: text})).await;
        tokio::join!(save(0), save(1), save(2), translator("a"), save(3), save(4), save(5));
        let found: Value = serde_json::from_str(&texts(kit).await).expect("JSON");
        // Whoever replaces the whole file may undo what was there, never what came later.
        assert!(found.get("a").is_some(), "{found}");
        tokio::join!(save(10), save(11), save(12), save(13), commit_all(kit, ""), save(14), save(15));
        let found: Value = serde_json::from_str(&texts(kit).await).expect("JSON");
        assert!((10..16).all(|n| found.get(format!("Text {n}")).is_some()), "{found}");
    });
}
