//! Feeds, text messages and chat.

use serde_json::json;

use super::*;
use crate::kit::provider::Provider;

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];

#[test]
fn only_the_body_of_a_feed_item_is_tracked() {
    on_site(async |kit| {
        let template = json!({
            "markdown_body": "See https://a.io/x and [b](https://b.io), <http://c.io> <a data-knock-no-track href=\"https://d.io\">d</a>",
            "action_url": "https://a.io/action",
            "action_buttons": [{"label": "Go", "action": "https://a.io/button"}],
        });
        let plain = send(kit, step("in-app-feed", template.clone(), json!({}))).await.remove(0);
        let blocks = content(kit, &plain).await["blocks"].clone();
        assert_eq!(
            blocks[0]["rendered"],
            "<p>See <a href=\"https://a.io/x\">https://a.io/x</a> and <a href=\"https://b.io\">b</a>, \
             <a href=\"http://c.io\">http://c.io</a> <a href=\"https://d.io\">d</a></p>",
            "marks go in any case"
        );
        settings(kit, "in-app-feed", json!({"link_tracking": true})).await;
        let id = send(kit, step("in-app-feed", template, json!({}))).await.remove(0);
        let entry = kit.feed("ada", "").await["entries"][0].clone();
        assert_eq!(entry["id"], json!(id));
        let body = entry["blocks"][0]["rendered"].as_str().unwrap_or_default();
        let links = ours(body);
        assert_eq!(
            body,
            format!(
                "<p>See <a href=\"{SITE}{}\">https://a.io/x</a> and <a href=\"{SITE}{}\">b</a>, \
                 <a href=\"http://c.io\">http://c.io</a> <a href=\"https://d.io\">d</a></p>",
                links[0], links[1]
            )
        );
        assert!(ours(&json!([entry["blocks"][1], entry["blocks"][2]]).to_string()).is_empty(), "{entry}");
        check_redirect(&open(kit, &links[1]).await, "https://b.io");
        assert_eq!(
            engagement(kit, &id).await,
            [clicked("https://b.io")],
            "what it interacts with, clients tell"
        );
        let feed = kit.feed("ada", "").await;
        assert_eq!(feed["entries"][0]["link_clicked_at"], json!(kit.now().await));
        assert_eq!(
            (&feed["entries"][0]["read_at"], &feed["meta"]["unread_count"]),
            (&Value::Null, &json!(2))
        );
    });
}

#[test]
fn text_messages_have_short_links() {
    on_site(async |kit| {
        let provider = Provider::start(&[(201, JSON, r#"{"sid":"SM1","status":"queued"}"#)]).await;
        kit.channel(
            "sms",
            json!({
                "is_sandbox": false,
                "provider_settings": {"base_url": provider.url(""), "account_id": "AC1", "auth_token": "t",
                    "from_type": "phone_number", "phone_number": "+15005550006"},
            }),
        )
        .await;
        let target = format!("https://a.io/{}", "long/".repeat(40));
        let text = |link: &str| json!({"text_body": format!("Go to {link}, or https://n.test/u/t.")});
        let plain = send(kit, step("sms", text(&target), json!({}))).await.remove(0);
        assert!(content(kit, &plain).await["body"].as_str().unwrap_or_default().contains(&target));
        settings(kit, "sms", json!({"link_tracking": true})).await;
        let id = send(kit, step("sms", text(&target), json!({}))).await.remove(0);
        let body = content(kit, &id).await["body"].as_str().unwrap_or_default().to_owned();
        let link = ours(&body).remove(0);
        assert_eq!(body, format!("Go to {SITE}{link}, or https://n.test/u/t."));
        let key = link.strip_prefix("/s/").unwrap_or_default();
        assert!(key.len() == 10 && key.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{body}");
        let sent = provider.seen().pop().expect("it was sent").body;
        assert!(sent.contains(&format!("%2Fs%2F{key}")), "{sent}");

        // What it costs is counted as it is sent (corner 13).
        let message_of = message(kit, &id).await;
        let run = message_of["source"]["workflow_run_id"].as_str().expect("a run made it");
        let log = kit.log_of_run(run, "ada").await;
        let made = log.iter().find(|event| event.event == "message_enqueued").expect("a message was made");
        assert_eq!(made.data["segments"]["units"], body.len());

        check_redirect(&open(kit, &link).await, &target);
        assert_eq!(engagement(kit, &id).await, [read(), clicked(&target)]);
        let shown = message(kit, &id).await;
        assert_eq!(shown["engagement_statuses"], json!(["read", "link_clicked"]));
        assert_eq!(shown["read_at"], shown["link_clicked_at"]);
        open(kit, &link).await;
        assert_eq!(engagement(kit, &id).await.len(), 4);

        kit.restart().await;
        kit.advance("P91D").await;
        check_redirect(&open(kit, &link).await, &target);
        kit.get(&format!("/v1/messages/{id}")).await.refused(404, "resource_missing");
        let changed = link.replace(&key[..1], if key.starts_with('0') { "1" } else { "0" });
        assert_eq!(open(kit, &changed).await.status, 404);
    });
}

#[test]
fn chat_messages_are_read_by_a_click() {
    on_site(async |kit| {
        let provider = Provider::start(&[(200, JSON, r#"{"ok":true,"ts":"1.1"}"#)]).await;
        kit.channel("chat", json!({"is_sandbox": false, "provider_settings": {"base_url": provider.url("/api")}, "channel_settings": {"link_tracking": true}})).await;
        kit.put("/v1/users/ada", ada()).await.ok();
        let channel = kit.channel_id("chat").await;
        let connections = json!([{"access_token": "xoxb", "channel_id": "C1"}, {"access_token": "xoxb", "channel_id": "C2"}]);
        let data = json!({"data": {"connections": connections}});
        kit.put(&format!("/v1/users/ada/channel_data/{channel}"), data).await.ok();
        let markdown = "See https://a.io/x and [b](https://b.io), <http://c.io> `https://d.io`";
        let ids = send(kit, step("chat", json!({"markdown_body": markdown}), json!({}))).await;
        assert_eq!(ids.len(), 2);
        let mut all = std::collections::HashSet::new();
        for id in &ids {
            let content = content(kit, id).await;
            let body = content["template"]["blocks"][0]["content"].as_str().unwrap_or_default().to_owned();
            let links = ours(&body);
            assert_eq!(
                body,
                format!(
                    "See [https://a.io/x]({SITE}{}) and [b]({SITE}{}), <http://c.io> `https://d.io`",
                    links[0], links[1]
                )
            );
            let sent = format!("<{SITE}{}|b>", links[1]);
            assert!(provider.seen().iter().any(|seen| seen.body.contains(&sent)), "{sent}");
            check_redirect(&open(kit, &links[0]).await, "https://a.io/x");
            assert_eq!(engagement(kit, id).await, [read(), clicked("https://a.io/x")]);
            all.extend(links);
        }
        assert_eq!(all.len(), 4, "each message has its own");

        let blocks = json!({"blocks": [
            {"type": "section", "text": {"type": "mrkdwn", "text": "<https://a.io|a>"}},
            {"type": "actions", "elements": [{"type": "button", "url": "https://b.io", "text": {"type": "plain_text", "text": "b"}}]},
            {"type": "image", "image_url": "https://a.io/i.png", "alt_text": "i"},
        ]});
        let id = send(kit, step("chat", json!({"json_body": blocks.to_string()}), json!({}))).await.remove(0);
        let json = content(kit, &id).await["template"]["json_content"].clone();
        let links = ours(&json.to_string());
        assert_eq!(links.len(), 2, "{json}");
        assert_eq!(json["blocks"][1]["elements"][0]["url"], json!(format!("{SITE}{}", links[1])));
        assert_eq!(json["blocks"][2]["image_url"], "https://a.io/i.png");
        check_redirect(&open(kit, &links[1]).await, "https://b.io");

        let off = json!({"link_tracking": false});
        let id = send(kit, step("chat", json!({"markdown_body": markdown}), off)).await.remove(0);
        assert_eq!(content(kit, &id).await["template"]["blocks"][0]["content"], markdown);
    });
}
