//! `POST /v1/channels/{channel_id}/messages/bulk/{action}` (delivery.md 15.2, in-app.md section 8).

use serde_json::{Value, json};

use super::done;
use crate::kit::signer::{Signer, with_token};
use crate::kit::{Kit, on_both, pluck, steps};

struct Feed {
    channel: String,
}

impl Feed {
    async fn of(kit: &Kit) -> Self {
        kit.users(&["u1", "u2"]).await;
        kit.workflow("greet", json!([steps::feed("feed_1", "{{ data.n }}")])).await;
        Self { channel: kit.channel_id("in-app-feed").await }
    }

    fn path(&self, action: &str) -> String {
        format!("/v1/channels/{}/messages/bulk/{action}", self.channel)
    }
}

async fn trigger(kit: &Kit, more: Value) -> Vec<String> {
    let mut body = json!({"recipients": ["u1"]});
    body.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
    let run = kit.trigger("greet", body).await;
    pluck(&json!(kit.messages(&run).await), "id")
}

/// Ids of a user's messages with the engagement status, oldest first.
async fn having(kit: &Kit, user: &str, status: &str) -> Vec<String> {
    let list = kit.get(&format!("/v1/users/{user}/messages?engagement_status[]={status}")).await.ok();
    let mut ids = pluck(&list["items"], "id");
    ids.reverse();
    ids
}

#[test]
fn mark_all_leaves_what_is_in_that_state_alone() {
    on_both(async |kit| {
        let feed = Feed::of(kit).await;
        let (a, b, c) =
            (trigger(kit, json!({})).await, trigger(kit, json!({})).await, trigger(kit, json!({})).await);
        kit.put(&format!("/v1/messages/{}/read", c[0]), json!({})).await.ok();
        let before = kit.get(&format!("/v1/messages/{}", c[0])).await.ok();
        kit.advance("PT1M").await;
        // The example of in-app.md section 8.
        let body = json!({"user_ids": ["u1"], "archived": "exclude", "engagement_status": "unread"});
        let operation = done(kit, &feed.path("archive"), body).await;
        assert_eq!(
            (&operation["name"], &operation["success_count"]),
            (&json!("messages.archived"), &json!(2))
        );
        assert_eq!(pluck(&kit.feed("u1", "").await["entries"], "id"), c, "only C remains listed");
        let mut archived = having(kit, "u1", "archived").await;
        let mut both = [a[0].clone(), b[0].clone()];
        archived.sort();
        both.sort();
        assert_eq!(archived, both);
        assert_eq!(kit.events(&a[0]).await.last().map(String::as_str), Some("archived"));
        let operation = done(kit, &feed.path("read"), json!({"recipient_ids": ["u1"]})).await;
        assert_eq!(operation["success_count"], 2, "C was read already");
        assert_eq!(
            kit.get(&format!("/v1/messages/{}", c[0])).await.ok(),
            before,
            "IA8.7: no event, no new time"
        );
        let operation = done(kit, &feed.path("unarchive"), json!({})).await;
        assert_eq!(
            (&operation["name"], &operation["success_count"]),
            (&json!("messages.unarchived"), &json!(2))
        );
        assert_eq!(kit.feed("u1", "").await["entries"].as_array().map(Vec::len), Some(3));
    });
}

#[test]
fn interacting_reads_what_was_unread() {
    on_both(async |kit| {
        let feed = Feed::of(kit).await;
        let (a, b) = (trigger(kit, json!({})).await, trigger(kit, json!({})).await);
        kit.put(&format!("/v1/messages/{}/read", b[0]), json!({})).await.ok();
        kit.advance("PT1M").await;
        let now = kit.now().await;
        done(kit, &feed.path("interacted"), json!({"recipient_ids": ["u1"]})).await;
        let first = kit.get(&format!("/v1/messages/{}", a[0])).await.ok();
        let second = kit.get(&format!("/v1/messages/{}", b[0])).await.ok();
        assert_eq!((first["read_at"].as_str(), first["interacted_at"].as_str()), (Some(&*now), Some(&*now)));
        assert_eq!(second["interacted_at"].as_str(), Some(&*now));
        assert_ne!(second["read_at"].as_str(), Some(&*now));
        let tail = |events: Vec<String>| events[events.len() - 2..].join(" ");
        assert_eq!(tail(kit.events(&a[0]).await), "read interacted");
        assert_eq!(kit.events(&b[0]).await.iter().filter(|event| *event == "read").count(), 1);
    });
}

#[test]
fn every_filter_must_hold() {
    on_both(async |kit| {
        let feed = Feed::of(kit).await;
        kit.workflow("other", json!([steps::feed("feed_1", "x")])).await;
        let plain = trigger(kit, json!({"data": {"n": 1}})).await;
        let acme = trigger(kit, json!({"tenant": "acme", "data": {"n": "1"}})).await;
        let foreign = trigger(kit, json!({"tenant": "globex"})).await;
        let first = kit.now().await;
        kit.advance("PT1H").await;
        let run = kit.trigger("other", json!({"recipients": ["u1", "u2"]})).await;
        let all = kit.messages(&run).await;
        let of = |user: &str| {
            let found = all.iter().find(|one| one["recipient"] == user).expect("a message");
            found["id"].as_str().unwrap_or_default().to_owned()
        };
        let (mine, theirs) = (of("u1"), of("u2"));
        let ids = |list: &[&Vec<String>]| list.iter().map(|ids| ids[0].clone()).collect::<Vec<_>>();
        for (body, want) in [
            (json!({}), [ids(&[&plain, &acme, &foreign]), vec![mine.clone()]].concat()),
            (json!({"tenants": ["acme"]}), [ids(&[&plain, &acme]), vec![mine.clone()]].concat()),
            (json!({"tenants": ["acme", "globex"], "has_tenant": true}), ids(&[&acme, &foreign])),
            (json!({"has_tenant": false}), [ids(&[&plain]), vec![mine.clone()]].concat()),
            (json!({"workflows": ["other"]}), vec![mine.clone()]),
            (json!({"trigger_data": "{\"n\":1}"}), ids(&[&plain])),
            (json!({"trigger_data": "{\"n\":\"1\"}"}), ids(&[&acme])),
            (json!({"newer_than": first}), vec![mine.clone()]),
            (json!({"older_than": first}), vec![]),
            (json!({"older_than": kit.now().await, "workflows": "greet"}), ids(&[&plain, &acme, &foreign])),
            (
                json!({"delivery_status": "delivered", "engagement_status": "unseen", "has_tenant": true}),
                ids(&[&acme, &foreign]),
            ),
            (json!({"delivery_status": "bounced"}), vec![]),
            (json!({"archived": "only"}), vec![]),
        ] {
            let mut wanted = body.clone();
            wanted["recipient_ids"] = json!(["u1"]);
            let operation = done(kit, &feed.path("seen"), wanted).await;
            let mut found = having(kit, "u1", "seen").await;
            found.sort();
            let mut want = want;
            want.sort();
            assert_eq!(found, want, "{body}");
            assert_eq!(operation["success_count"], want.len(), "{body}");
            done(kit, &feed.path("unseen"), json!({})).await;
        }
        assert_eq!(having(kit, "u2", "seen").await, Vec::<String>::new());
        let operation = done(kit, &feed.path("seen"), json!({})).await;
        assert_eq!(operation["success_count"], 5, "nobody named is everybody");
        assert_eq!(having(kit, "u2", "seen").await, [theirs]);
    });
}

#[test]
fn more_than_a_slice_of_many_recipients() {
    on_both(async |kit| {
        let feed = Feed::of(kit).await;
        let users: Vec<Value> = (0..999).map(|n| json!({"id": format!("x{n}")})).collect();
        for _ in 0..2 {
            kit.trigger("greet", json!({"recipients": users})).await;
        }
        trigger(kit, json!({})).await;
        kit.idle().await;
        let names: Vec<String> = (0..999).map(|n| format!("x{n}")).collect();
        let queued = kit.post(&feed.path("seen"), json!({"recipient_ids": names})).await.ok();
        assert_eq!(queued["estimated_total_rows"], 1_998);
        kit.idle().await;
        let id = queued["id"].as_str().expect("an id");
        let operation = kit.get(&format!("/v1/bulk_operations/{id}")).await.ok();
        assert_eq!((&operation["status"], &operation["success_count"]), (&json!("completed"), &json!(1_998)));
        assert_eq!(kit.feed("u1", "").await["meta"]["unseen_count"], 1, "she was not named");
        assert_eq!(kit.feed("x998", "").await["meta"]["unseen_count"], 0);
        let operation = done(kit, &feed.path("read"), json!({})).await;
        assert_eq!(operation["success_count"], 1_999);
        let operation = done(kit, &feed.path("delete"), json!({})).await;
        assert_eq!(
            (&operation["name"], &operation["success_count"]),
            (&json!("messages.delete"), &json!(1_999))
        );
        assert_eq!(kit.feed("x1", "").await["entries"], json!([]));
        assert_eq!(kit.get("/v1/messages").await.ok()["items"], json!([]));
    });
}

#[test]
fn other_channels_and_environments_are_untouched() {
    on_both(async |kit| {
        let feed = Feed::of(kit).await;
        kit.put("/v1/users/u1", json!({"email": "u1@x.io"})).await.ok();
        kit.workflow("both", json!([steps::feed("feed_1", "x"), steps::email("email_1", "x")])).await;
        kit.trigger("both", json!({"recipients": ["u1"]})).await;
        kit.idle().await;
        let operation = kit.live.post(&feed.path("seen"), json!({"recipient_ids": ["u1"]})).await.ok();
        assert_eq!(operation["estimated_total_rows"], 0);
        kit.idle().await;
        assert_eq!(having(kit, "u1", "seen").await, Vec::<String>::new());
        done(kit, &feed.path("delete"), json!({"recipient_ids": ["u1"]})).await;
        let list = kit.get("/v1/users/u1/messages").await.ok();
        assert_eq!(list["items"].as_array().map(Vec::len), Some(1), "the e-mail stays");
        let email = kit.channel_id("email").await;
        let path = format!("/v1/channels/{email}/messages/bulk/seen");
        assert_eq!(done(kit, &path, json!({})).await["success_count"], 1);
        // IA8.8: beyond their retention only in-app messages can be changed.
        kit.trigger("both", json!({"recipients": ["u1"]})).await;
        kit.advance("P91D").await;
        assert_eq!(done(kit, &feed.path("seen"), json!({})).await["success_count"], 1);
        let path = format!("/v1/channels/{email}/messages/bulk/read");
        assert_eq!(done(kit, &path, json!({})).await["success_count"], 0);
    });
}

#[test]
fn a_user_token_reaches_only_its_user_and_tenants() {
    on_both(async |kit| {
        let feed = Feed::of(kit).await;
        let run = kit.trigger("greet", json!({"recipients": ["u1", "u2"]})).await;
        let plain = kit.messages(&run).await;
        let acme = trigger(kit, json!({"tenant": "acme"})).await;
        trigger(kit, json!({"tenant": "globex"})).await;
        let signer = Signer::made_by(&kit.service, "development").await;
        let own = signer.sign(json!({"sub": "u2"}));
        let path = feed.path("seen");
        // IA2.5: whatever the body says.
        with_token(&kit.public, "POST", &path, json!({"recipient_ids": ["u1"]}), &own).await.ok();
        kit.idle().await;
        assert_eq!(having(kit, "u1", "seen").await, Vec::<String>::new());
        let theirs = plain.iter().find(|one| one["recipient"] == "u2").expect("a message");
        assert_eq!(having(kit, "u2", "seen").await, [theirs["id"].as_str().unwrap_or_default()]);
        let tenant = "https://api.knock.app/v1/objects/$tenants/acme";
        let scoped = signer.sign(json!({"sub": "u1", "grants": {tenant: {"user/feed_write": [{}]}}}));
        with_token(&kit.public, "POST", &path, json!({}), &scoped).await.ok();
        kit.idle().await;
        assert_eq!(having(kit, "u1", "seen").await, acme);
        let other = json!({"tenants": ["globex"]});
        with_token(&kit.public, "POST", &path, other, &scoped).await.refused(403, "access_denied");
    });
}

#[test]
fn what_cannot_be_meant_is_refused() {
    on_both(async |kit| {
        let feed = Feed::of(kit).await;
        let nowhere = "/v1/channels/123e4567-e89b-12d3-a456-426614174000/messages/bulk/seen";
        kit.post(nowhere, json!({})).await.refused(404, "resource_missing");
        kit.post("/v1/channels/x/messages/bulk/seen", json!({})).await.refused(404, "resource_missing");
        let answer = kit.post(&feed.path("opened"), json!({})).await;
        assert_eq!(answer.refused(422, "invalid_params"), ["action"]);
        let answer = kit.post(&feed.path("seen"), json!({"archived": "no", "older_than": "x"})).await;
        assert_eq!(answer.refused(422, "invalid_params"), ["archived", "older_than"]);
        // A browser must say whose messages it means.
        let answer = kit.public.post(&feed.path("seen"), json!({})).await;
        assert_eq!(answer.refused(422, "invalid_params"), ["recipient_ids"]);
        let absent = json!({"user_ids": ["u1"], "tenants": "", "engagement_status": "", "older_than": ""});
        kit.public.post(&feed.path("seen"), absent).await.ok();
    });
}
