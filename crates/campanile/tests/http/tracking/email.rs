//! E-mails: links and the open image.

use serde_json::json;

use super::*;
use crate::kit::mailbox::Mailbox;
use crate::kit::steps;

/// The page's own example (section 10.1), and two links of ours.
const HTML: &str = concat!(
    r#"<body><a href="https://a.io/1">x</a> <a data-knock-no-track href="https://a.io/p">p</a> "#,
    r#"<a href="mailto:h@a.io">m</a> <img src="https://a.io/i.png"> "#,
    r#"<a href="https://n.test/u/t">u</a> <a href="https://n.test/p/t">c</a></body>"#,
);

fn mail(overrides: Value) -> Value {
    step("email", json!({"subject": "Hi", "html_body": HTML, "settings": {"layout_key": null}}), overrides)
}

/// Paths of the first link and of the image, as far as a mail has them.
fn tracked(html: &str) -> (Option<String>, Option<String>) {
    let find = |kind: &str| ours(html).into_iter().find(|path| path.starts_with(kind));
    (find("/l/"), find("/o/"))
}

#[test]
fn a_channel_says_what_is_tracked_and_a_step_otherwise() {
    on_site(async |kit| {
        let (on, off) = (
            json!({"link_tracking": true, "open_tracking": true}),
            json!({"link_tracking": false, "open_tracking": false}),
        );
        for (environment, step, want) in [
            (json!({}), json!({}), (false, false)),
            (json!({}), on.clone(), (true, true)),
            (json!({}), json!({"open_tracking": true}), (false, true)),
            (json!({"link_tracking": true}), json!({}), (true, false)),
            (on.clone(), json!({}), (true, true)),
            (on.clone(), off.clone(), (false, false)),
            (on, json!({"link_tracking": null, "open_tracking": false}), (false, false)),
        ] {
            let cleared =
                off.as_object().into_iter().flatten().chain(environment.as_object().into_iter().flatten());
            let environment: Value = cleared.map(|(name, value)| (name.clone(), value.clone())).collect();
            settings(kit, "email", environment.clone()).await;
            let id = send(kit, mail(step.clone())).await.remove(0);
            let content = content(kit, &id).await;
            let html = content["html_body"].as_str().unwrap_or_default();
            let (link, image) = tracked(html);
            let context = format!("{environment} {step}: {html}");
            assert_eq!((link.is_some(), image.is_some()), want, "{context}");
            assert_eq!(html.contains(r#"href="https://a.io/1""#), !want.0, "{context}");
            for part in [
                r#"<a href="https://a.io/p">p</a>"#,
                r#"<a href="mailto:h@a.io">m</a>"#,
                r#"src="https://a.io/i.png""#,
                r#"<a href="https://n.test/u/t">u</a>"#,
                r#"<a href="https://n.test/p/t">c</a>"#,
            ] {
                assert!(html.contains(part), "{part}: {context}");
            }
            if let Some(link) = link {
                let text = content["text_body"].as_str().unwrap_or_default();
                assert!(text.contains(&format!("x ({SITE}{link})")), "{text}");
                assert!(text.contains("p (https://a.io/p)"), "{text}");
            }
            if let Some(image) = image {
                let end = format!(r#"<img src="{SITE}{image}" alt="" width="1" height="1"></body>"#);
                assert!(html.contains(&end), "{context}");
            }
        }
    });
}

#[test]
fn clicks_and_opens_are_told_apart() {
    on_site(async |kit| {
        settings(kit, "email", json!({"link_tracking": true, "open_tracking": true})).await;
        let id = send(kit, mail(json!({}))).await.remove(0);
        let html = content(kit, &id).await["html_body"].as_str().unwrap_or_default().to_owned();
        let (Some(link), Some(image)) = tracked(&html) else { panic!("{html}") };
        check_redirect(&open(kit, &link).await, "https://a.io/1");
        let first = kit.now().await;
        let shown = message(kit, &id).await;
        assert_eq!(shown["engagement_statuses"], json!(["link_clicked"]));
        for (name, want) in [
            ("clicked_at", json!(first)),
            ("link_clicked_at", json!(first)),
            ("read_at", Value::Null),
            ("interacted_at", Value::Null),
        ] {
            assert_eq!(shown[name], want, "{name}");
        }
        kit.advance("PT1M").await;
        open(kit, &link).await;
        let answer = open(kit, &image).await;
        assert_eq!(
            (answer.status, answer.header("content-type"), answer.header("cache-control")),
            (200, "image/png", "no-store, private")
        );
        let later = kit.now().await;
        let shown = message(kit, &id).await;
        assert_eq!(shown["engagement_statuses"], json!(["read", "link_clicked"]));
        assert_eq!((&shown["link_clicked_at"], &shown["read_at"]), (&json!(later), &json!(later)));
        open(kit, &image).await;
        let url = "https://a.io/1";
        assert_eq!(
            engagement(kit, &id).await,
            [clicked(url), clicked(url), read(), read()],
            "every one is an event"
        );
        let found = kit.get("/v1/messages?engagement_status[]=link_clicked").await.ok();
        assert_eq!(found["items"][0]["id"], json!(id));
        assert_eq!(found["items"].as_array().map(Vec::len), Some(1));
    });
}

#[test]
fn later_steps_know_who_clicked() {
    on_site(async |kit| {
        let asks = |argument: &str| {
            let variable = "refs.step_1.engagement_status";
            steps::when(
                steps::feed(&argument.replace("$message.", ""), "x"),
                &[(variable, "contains", json!(argument))],
            )
        };
        let list = json!([
            mail(json!({"link_tracking": true, "open_tracking": true})),
            steps::delay("delay_1", 1, "hours"),
            asks("$message.link_clicked"),
            asks("$message.read"),
            asks("$message.read_not_link_clicked"),
        ]);
        kit.workflow("follow_up", list).await;
        for (clicks, opens, want) in [
            (false, false, &[][..]),
            (true, false, &["link_clicked"]),
            (false, true, &["read", "read_not_link_clicked"]),
            (true, true, &["link_clicked", "read"]),
        ] {
            let run = kit.trigger("follow_up", json!({"recipients": [ada()]})).await;
            let id = kit.messages(&run).await[0]["id"].as_str().expect("an id").to_owned();
            let html = content(kit, &id).await["html_body"].as_str().unwrap_or_default().to_owned();
            let (Some(link), Some(image)) = tracked(&html) else { panic!("{html}") };
            if clicks {
                open(kit, &link).await;
            }
            if opens {
                open(kit, &image).await;
            }
            kit.advance("PT1H").await;
            assert_eq!(kit.steps(&run).await[1..], *want, "clicks {clicks}, opens {opens}");
        }
    });
}

#[test]
fn what_is_sent_is_what_is_tracked() {
    on_site(async |kit| {
        let mailbox = Mailbox::start().await;
        kit.channel(
            "email",
            json!({
                "is_sandbox": false,
                "provider_settings": {"host": "127.0.0.1", "port": mailbox.port, "security": "none"},
                "channel_settings": {"from_address": "a@x.io", "link_tracking": true, "open_tracking": true},
            }),
        )
        .await;
        let ids = [send(kit, mail(json!({}))).await.remove(0), send(kit, mail(json!({}))).await.remove(0)];
        let mails = mailbox.mails();
        assert_eq!(mails.len(), 2);
        let mut seen = std::collections::HashSet::new();
        for (id, mail) in ids.iter().zip(&mails) {
            let (Some(link), Some(image)) = tracked(mail) else { panic!("{mail}") };
            assert_eq!(
                ours(mail).iter().filter(|path| **path == link).count(),
                2,
                "in the text and in the HTML: {mail}"
            );
            check_redirect(&open(kit, &link).await, "https://a.io/1");
            open(kit, &image).await;
            assert_eq!(engagement(kit, id).await, [clicked("https://a.io/1"), read()]);
            assert!(seen.insert(link) && seen.insert(image), "each message has its own");
        }
    });
}

#[test]
fn layouts_and_mjml_are_tracked_too() {
    on_site(async |kit| {
        let layout = json!({"email_layout": {
            "name": "Frame",
            "html_layout": r#"<html><head><style>a{color:red}</style></head><body>{{ content }}<a href="https://a.io/foot">f</a></body></html>"#,
            "text_layout": "{{ content }} https://a.io/foot",
        }});
        kit.service.put("/v1/email_layouts/frame?environment=development&commit=true", layout).await.ok();
        settings(kit, "email", json!({"link_tracking": true, "open_tracking": true})).await;
        let template = json!({"subject": "s", "html_body": "<a href='https://a.io/?a=1&amp;b=2'>x</a>", "settings": {"layout_key": "frame"}});
        let id = send(kit, step("email", template, json!({}))).await.remove(0);
        let content_of = content(kit, &id).await;
        let html = content_of["html_body"].as_str().unwrap_or_default();
        let paths: Vec<String> = ours(html);
        assert_eq!(paths.len(), 3, "{html}");
        check_redirect(&open(kit, &paths[0]).await, "https://a.io/?a=1&b=2");
        check_redirect(&open(kit, &paths[1]).await, "https://a.io/foot");
        assert!(html.contains("style=\"color:red\""), "styles are inlined all the same: {html}");
        assert!(
            content_of["text_body"].as_str().unwrap_or_default().ends_with(&format!("{SITE}{}", paths[1]))
        );

        let mjml = r#"<mjml><mj-body><mj-section><mj-column><mj-text><a data-knock-no-track="" href="https://a.io/p">p</a></mj-text><mj-button href="https://a.io/b">b</mj-button></mj-column></mj-section></mj-body></mjml>"#;
        let template = json!({"subject": "s", "html_body": mjml, "settings": {"layout_key": null}});
        let id = send(kit, step("email", template, json!({}))).await.remove(0);
        let content = content(kit, &id).await;
        let html = content["html_body"].as_str().unwrap_or_default();
        let paths = ours(html);
        assert_eq!(paths.len(), 2, "{html}");
        assert!(html.contains("https://a.io/p") && !html.contains("no-track"), "{html}");
        check_redirect(&open(kit, &paths[0]).await, "https://a.io/b");
    });
}
