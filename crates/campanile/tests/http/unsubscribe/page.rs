//! The page behind the link: what it answers, and what it changes.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use campanile_core::recipient::RecipientRef;
use http::Method;
use serde_json::{Value, json};

use super::{link, one_click};
use crate::kit::{Answer, Kit, on_both};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

async fn post(kit: &Kit, path: &str, kind: &str, body: &str) -> Answer {
    kit.nobody.send(Method::POST, path, body.to_owned(), &[("content-type", kind)]).await
}

async fn flag(kit: &Kit, of: &str) -> Value {
    kit.get(&format!("/v1/{of}/preferences/default")).await.ok()["commercial_subscribed"].clone()
}

#[track_caller]
fn is_page(answer: &Answer, status: u16) {
    assert_eq!((answer.status, answer.header("content-type")), (status, "text/html; charset=utf-8"));
    assert_eq!((answer.header("set-cookie"), answer.header("location")), ("", ""));
    assert_eq!(
        (answer.header("referrer-policy"), answer.header("cache-control")),
        ("no-referrer", "no-store")
    );
}

#[test]
fn opening_the_link_changes_nothing() {
    on_both(async |kit| {
        kit.users(&["u1"]).await;
        let path = link(kit, "development", RecipientRef::user("u1"));
        let shown = kit.nobody.get(&path).await;
        is_page(&shown, 200);
        for part in [
            "<form method=\"post\">",
            "<input type=\"hidden\" name=\"List-Unsubscribe\" value=\"One-Click\">",
            "<button>Unsubscribe</button>",
            "<script>document.forms[0].submit()</script>",
        ] {
            assert!(shown.text.contains(part), "{part} in {}", shown.text);
        }
        // The one script, by its hash, and no other; the form comes back here.
        let policy = shown.header("content-security-policy");
        let hash = "script-src 'sha256-ePniVEkSivX/c7XWBGafqh8tSpiRrKiqYeqbG7N1TOE='";
        assert!(
            policy.starts_with("default-src 'none'") && policy.contains("form-action 'self'"),
            "{policy}"
        );
        assert!(policy.contains(hash), "{policy}");
        let head = kit.nobody.send(Method::HEAD, &path, "", &[]).await;
        assert_eq!((head.status, head.text.as_str()), (200, ""));
        assert_eq!(flag(kit, "users/u1").await, Value::Null);
    });
}

#[test]
fn posting_opts_out_once_and_changes_nothing_else() {
    on_both(async |kit| {
        let set = json!({
            "categories": {"news": {"channel_types": {"email": true}}},
            "workflows": {"w": false},
            "commercial_subscribed": true,
        });
        kit.put("/v1/users/u1/preferences/default", set.clone()).await.ok();
        kit.put("/v1/users/u1/preferences/acme", set.clone()).await.ok();
        let path = link(kit, "development", RecipientRef::user("u1"));
        for _ in 0..2 {
            let done = one_click(kit, &path).await;
            assert_eq!((done.status, done.text.as_str()), (200, "unsubscribed"));
            assert_eq!((done.header("set-cookie"), done.header("location")), ("", ""));
            let mut want = crate::preferences::full("default", set.clone());
            want["commercial_subscribed"] = false.into();
            assert_eq!(kit.get("/v1/users/u1/preferences/default").await.ok(), want);
        }
        assert_eq!(flag_of_set(kit, "acme").await, true);

        // The page's own form gets a page.
        let body = "List-Unsubscribe=One-Click&from_page=1";
        let done = post(kit, &path, FORM.1, body).await;
        is_page(&done, 200);
        assert!(done.text.contains("You are unsubscribed"), "{}", done.text);
    });
}

async fn flag_of_set(kit: &Kit, id: &str) -> Value {
    kit.get(&format!("/v1/users/u1/preferences/{id}")).await.ok()["commercial_subscribed"].clone()
}

#[test]
fn objects_and_multipart_forms() {
    on_both(async |kit| {
        kit.put("/v1/objects/projects/p%201", json!({"name": "P"})).await.ok();
        kit.put("/v1/objects/projects/p2", json!({"name": "P"})).await.ok();
        let path = link(kit, "development", RecipientRef::object("projects", "p 1"));
        let body =
            "--x\r\ncontent-disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--x--\r\n";
        let done = post(kit, &path, "multipart/form-data; boundary=x", body).await;
        assert_eq!((done.status, done.text.as_str()), (200, "unsubscribed"));
        assert_eq!(flag(kit, "objects/projects/p%201").await, false);
        assert_eq!(flag(kit, "objects/projects/p2").await, Value::Null);
    });
}

#[test]
fn what_does_not_ask_changes_nothing() {
    on_both(async |kit| {
        kit.users(&["u1"]).await;
        let path = link(kit, "development", RecipientRef::user("u1"));
        for (kind, body) in [
            (FORM.1, ""),
            (FORM.1, "List-Unsubscribe=no"),
            (FORM.1, "from_page=1"),
            (FORM.1, "%ff=%ff&List-Unsubscribe=%00"),
            ("application/json", r#"{"List-Unsubscribe":"One-Click"}"#),
            ("multipart/form-data", "List-Unsubscribe=One-Click"),
            ("multipart/form-data; boundary=x", "--x\r\nnonsense"),
        ] {
            let refused = post(kit, &path, kind, body).await;
            is_page(&refused, 400);
        }
        let long = format!("List-Unsubscribe=One-Click&x={}", "a".repeat(20_000));
        is_page(&post(kit, &path, FORM.1, &long).await, 413);
        assert_eq!(
            kit.nobody.send(Method::PUT, &path, "List-Unsubscribe=One-Click", &[FORM]).await.status,
            405
        );
        assert_eq!(flag(kit, "users/u1").await, Value::Null);
    });
}

#[test]
fn only_our_tokens_and_only_where_they_were_made() {
    on_both(async |kit| {
        for caller in [&kit.secret, &kit.live] {
            caller.put("/v1/users/u1", json!({})).await.ok();
        }
        let path = link(kit, "development", RecipientRef::user("u1"));
        let token = path.trim_start_matches("/u/");
        let mut bytes = URL_SAFE_NO_PAD.decode(token).expect("base64");
        // The same signature for somebody else.
        *bytes.last_mut().expect("it has some") ^= 1;
        let preferences = kit.post("/v1/users/u1/preference_center/signed_url", json!({})).await.ok();
        let preferences = preferences["token"].as_str().expect("a token");
        for forged in [
            "x",
            "%ff",
            &token[1..],
            &format!("{token}A"),
            &URL_SAFE_NO_PAD.encode(&bytes),
            preferences,
            &"A".repeat(4_000),
        ] {
            let path = format!("/u/{forged}");
            for answer in [kit.nobody.get(&path).await, one_click(kit, &path).await] {
                assert!(answer.status == 404 || (forged == "%ff" && answer.status == 400), "{forged}");
            }
        }
        is_page(&kit.nobody.get("/u/x").await, 404);
        // Nor is it a token of the other page.
        assert_eq!(kit.nobody.get(&format!("/p/{token}")).await.status, 404);

        let live = async || {
            kit.live.get("/v1/users/u1/preferences/default").await.ok()["commercial_subscribed"].clone()
        };
        one_click(kit, &path).await.ok();
        assert_eq!((flag(kit, "users/u1").await, live().await), (false.into(), Value::Null));
        one_click(kit, &link(kit, "production", RecipientRef::user("u1"))).await.ok();
        assert_eq!(live().await, false);
    });
}

#[test]
fn links_outlive_restarts_and_people() {
    on_both(async |kit| {
        kit.users(&["u1"]).await;
        let path = link(kit, "development", RecipientRef::user("u1"));
        kit.restart().await;
        assert_eq!(link(kit, "development", RecipientRef::user("u1")), path);
        assert_eq!(kit.nobody.get(&path).await.status, 200);
        one_click(kit, &path).await.ok();
        assert_eq!(flag(kit, "users/u1").await, false);
        // Who is gone is not made anew, and nobody can tell from outside.
        kit.delete("/v1/users/u1").await.ok();
        assert_eq!(kit.nobody.get(&path).await.status, 200);
        assert_eq!(one_click(kit, &path).await.status, 200);
        assert_eq!(kit.get("/v1/users/u1").await.status, 404);
        assert_eq!(flag(kit, "users/u1").await, Value::Null);
        // Identified again, it is the same address (R14.7).
        kit.users(&["u1"]).await;
        one_click(kit, &path).await.ok();
        assert_eq!(flag(kit, "users/u1").await, false);
    });
}
