//! Partials that are gone when an e-mail renders them (templates.md T1.3, T6.9, S4).

use campanile_engine::resources;
use campanile_store::ResourceKind;
use serde_json::{Value, json};

use super::{commit, content, run, sent, text};
use crate::kit::{Kit, on_both};

async fn partial(kit: &Kit, key: &str, content: &str, query: &str) {
    let path = format!("/v1/partials/{key}?environment=development{query}");
    let document =
        json!({"partial": {"name": key, "type": "html", "content": content, "visual_block_enabled": true}});
    kit.service.put(&path, document).await.ok();
}

async fn archive(kit: &Kit, key: &str) {
    resources::archive(&kit.server().engine, ResourceKind::Partial, key).await.expect("it is there");
}

/// What the run's log says was missing.
async fn missing(kit: &Kit, run: &str) -> Vec<Value> {
    let log = kit.log_of_run(run, "ada").await;
    assert!(log.iter().all(|event| !event.is_error), "{log:?}");
    let warnings = log.into_iter().filter(|event| event.event == "template_warning");
    warnings.map(|event| event.data).collect()
}

fn mail() -> Value {
    json!({"subject": "s", "visual_blocks": [
        {"type": "html", "content": "<p>[{% render 'card', who: recipient.name %}]</p>"},
        {"type": "partial", "key": "card", "name": "Card", "attrs": {"who": "block"}},
    ]})
}

#[test]
fn what_is_not_published_prints_nothing_and_is_told() {
    on_both(async |kit| {
        let told = json!({"reason": "partial_missing", "key": "card"});
        partial(kit, "card", "<i>{{ who }}</i>", "").await;
        commit(kit, mail()).await;
        let unpublished = run(kit, json!({})).await;
        let sent = content(kit, &unpublished).await;
        assert!(text(&sent, "html_body").contains("<p>[]</p>"), "{sent}");
        assert_eq!(text(&sent, "text_body"), "[]");
        let warnings = missing(kit, &unpublished).await;
        assert!(!warnings.is_empty() && warnings.iter().all(|warning| *warning == told), "{warnings:?}");

        partial(kit, "card", "<i>{{ who }}</i>", "&commit=true").await;
        let published = run(kit, json!({})).await;
        let sent = content(kit, &published).await;
        let html = text(&sent, "html_body");
        assert!(html.contains("<p>[<i>Ada</i>]</p>") && html.contains("<i>block</i>"), "{html}");
        assert_eq!(missing(kit, &published).await, Vec::<Value>::new());
    });
}

#[test]
fn an_archived_one_stays_in_the_mails_that_were_published_with_it() {
    on_both(async |kit| {
        partial(kit, "inner", "<u>inner</u>", "&commit=true").await;
        partial(kit, "card", "<i>{{ who }}</i>{% render 'inner' %}", "&commit=true").await;
        let before = sent(kit, mail()).await;
        assert!(text(&before, "html_body").contains("[<i>Ada</i><u>inner</u>]"), "{before}");
        kit.advance("PT1M").await;
        archive(kit, "inner").await;
        let still = run(kit, json!({})).await;
        let now = content(kit, &still).await;
        assert_eq!(text(&now, "html_body"), text(&before, "html_body"));
        assert_eq!(missing(kit, &still).await, Vec::<Value>::new());

        // Published again it is gone: the workflow names only the partial around it.
        kit.advance("PT1M").await;
        let mut again = mail();
        again["subject"] = "again".into();
        commit(kit, again).await;
        let later = run(kit, json!({})).await;
        let gone = content(kit, &later).await;
        assert!(text(&gone, "html_body").contains("[<i>Ada</i>]"), "{gone}");
        let warnings = missing(kit, &later).await;
        let told = json!({"reason": "partial_missing", "key": "inner"});
        assert!(!warnings.is_empty() && warnings.iter().all(|warning| *warning == told), "{warnings:?}");

        // And one that the workflow itself names keeps it from being published.
        archive(kit, "card").await;
        let path = "/v1/workflows/mail?environment=development&commit=true";
        let refused = kit.service.put(path, super::workflow(mail())).await.refused(422, "invalid_params");
        assert_eq!(
            refused,
            ["steps[0].template.visual_blocks[0].content", "steps[0].template.visual_blocks[1].key"]
        );
    });
}
