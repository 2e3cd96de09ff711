//! What our addresses answer, and to whom (sections 10.3 and 10.4).

use http::Method;
use serde_json::json;

use super::*;

/// A mail with both; answers the message, the link's path and the image's.
async fn mail(kit: &Kit) -> (String, String, String) {
    let on = json!({"link_tracking": true, "open_tracking": true});
    let template = json!({"subject": "s", "html_body": "<a href='https://a.io/ü?x=1'>x</a>", "settings": {"layout_key": null}});
    let id = send(kit, step("email", template, on)).await.remove(0);
    let html = content(kit, &id).await["html_body"].as_str().unwrap_or_default().to_owned();
    let paths = ours(&html);
    (id, paths[0].clone(), paths[1].clone())
}

#[test]
fn programs_are_led_on_and_not_counted() {
    on_site(async |kit| {
        let (id, link, image) = mail(kit).await;
        for (method, headers) in [
            (Method::HEAD, &[][..]),
            (Method::GET, &[("purpose", "prefetch")][..]),
            (Method::GET, &[("sec-purpose", "prefetch;prerender")][..]),
            (
                Method::GET,
                &[("user-agent", "Slackbot-LinkExpanding 1.0 (+https://api.slack.com/robots)")][..],
            ),
        ] {
            let answer = kit.nobody.send(method.clone(), &link, "", headers).await;
            check_redirect(&answer, "https://a.io/%C3%BC?x=1");
            let answer = kit.nobody.send(method, &image, "", headers).await;
            assert_eq!((answer.status, answer.header("cache-control")), (200, "no-store, private"));
        }
        kit.idle().await;
        assert_eq!(engagement(kit, &id).await, []);
        assert_eq!(message(kit, &id).await["engagement_statuses"], json!([]));
        // Whoever passes an address on adds what it likes to it.
        check_redirect(&open(kit, &format!("{link}?utm_source=x")).await, "https://a.io/%C3%BC?x=1");
        assert_eq!(engagement(kit, &id).await, [clicked("https://a.io/ü?x=1")]);
    });
}

#[test]
fn every_click_of_a_crowd_is_an_event() {
    on_site(async |kit| {
        let (id, link, image) = mail(kit).await;
        let (other, other_link, _) = mail(kit).await;
        let paths = [&link, &image, &other_link, &link].into_iter().cycle().take(400);
        let answers = futures_util::future::join_all(paths.map(|path| kit.nobody.get(path))).await;
        assert!(answers.iter().all(|answer| matches!(answer.status, 200 | 302)));
        kit.idle().await;
        let count = async |message: &str| -> usize {
            let page = kit.get(&format!("/v1/messages/{message}/events?page_size=50")).await.ok();
            let (mut found, mut page) = (0, page);
            loop {
                let kinds = crate::kit::pluck(&page["items"], "type");
                found += kinds
                    .iter()
                    .filter(|kind| ["message.read", "message.link_clicked"].contains(&&***kind))
                    .count();
                let Some(after) = page["page_info"]["after"].as_str().map(str::to_owned) else {
                    return found;
                };
                page =
                    kit.get(&format!("/v1/messages/{message}/events?page_size=50&after={after}")).await.ok();
            }
        };
        assert_eq!((count(&id).await, count(&other).await), (300, 100));
        let metrics = kit.nobody.get("/metrics").await.text;
        assert!(metrics.contains("campanile_tracked_written_total 400"), "{metrics}");
        assert!(metrics.contains("campanile_tracked_dropped_total 0"), "{metrics}");
    });
}

#[test]
fn nothing_but_a_link_of_ours_redirects() {
    on_site(async |kit| {
        let (id, link, image) = mail(kit).await;
        let (token, open_token) = (&link[3..], &image[3..]);
        let mut page = None;
        let mut flipped = token.to_owned().into_bytes();
        flipped[30] = if flipped[30] == b'A' { b'B' } else { b'A' };
        let flipped = String::from_utf8_lossy(&flipped).into_owned();
        for path in [
            "/l/x".to_owned(),
            format!("/l/{flipped}"),
            format!("/l/{}", &token[..token.len() - 1]),
            format!("/l/{token}A"),
            format!("/l/{open_token}"),
            "/l/https:%2F%2Fevil.test".to_owned(),
            "/l/%FF%00".to_owned(),
            format!("/l/{}", "A".repeat(8_000)),
            "/s/0000000000".to_owned(),
            format!("/s/{token}"),
            "/s/'%20OR%201".to_owned(),
        ] {
            let answer = open(kit, &path).await;
            assert_eq!((answer.status, answer.header("location")), (404, ""), "{path}");
            assert_eq!(answer.header("content-type"), "text/html; charset=utf-8", "{path}");
            assert_eq!(page.get_or_insert_with(|| answer.text.clone()), &answer.text, "{path}: all the same");
        }
        let known = open(kit, &image).await.text;
        for path in ["/o/x".to_owned(), format!("/o/{token}"), format!("/o/{open_token}A")] {
            let answer = open(kit, &path).await;
            assert_eq!(
                (answer.status, answer.header("content-type"), &answer.text),
                (200, "image/png", &known),
                "{path}"
            );
        }
        assert_eq!(engagement(kit, &id).await, [read()], "only the image that was one");
        for path in [&link, &image] {
            assert_eq!(kit.nobody.post(path, json!({})).await.status, 405);
        }
    });
}

#[test]
fn links_outlive_restarts_messages_and_people() {
    on_site(async |kit| {
        let (id, link, image) = mail(kit).await;
        kit.restart().await;
        check_redirect(&open(kit, &link).await, "https://a.io/%C3%BC?x=1");
        assert_eq!(engagement(kit, &id).await, [clicked("https://a.io/ü?x=1")]);

        // Past its retention a mail only redirects; a feed's message goes on (R12.2).
        let feed = step(
            "in-app-feed",
            json!({"markdown_body": "[a](https://a.io/f)"}),
            json!({"link_tracking": true}),
        );
        let item = send(kit, feed).await.remove(0);
        let body = kit.feed("ada", "").await["entries"][0]["blocks"][0]["rendered"]
            .as_str()
            .unwrap_or_default()
            .to_owned();
        let body_link = ours(&body).remove(0);
        kit.advance("P91D").await;
        check_redirect(&open(kit, &link).await, "https://a.io/%C3%BC?x=1");
        assert_eq!(open(kit, &image).await.status, 200);
        check_redirect(&open(kit, &body_link).await, "https://a.io/f");
        let store = kit.server().engine.store();
        let env = store.environments().await.expect("the database answers")[0].id;
        let statuses = |id: &str| {
            let id = id.parse().expect("an id");
            async move {
                store.message(env, id).await.expect("the database answers").map(|message| message.clicked_at)
            }
        };
        let now = Some(campanile_core::time::Timestamp::parse(&kit.now().await).expect("a datetime"));
        assert_eq!(statuses(&item).await, Some(now));
        assert!(statuses(&id).await.is_none_or(|clicked_at| clicked_at < now));

        // Deleted with its user.
        let (gone, link, image) = mail(kit).await;
        kit.delete("/v1/users/ada").await;
        check_redirect(&open(kit, &link).await, "https://a.io/%C3%BC?x=1");
        assert_eq!(open(kit, &image).await.status, 200);
        kit.get(&format!("/v1/messages/{gone}")).await.refused(404, "resource_missing");
    });
}
