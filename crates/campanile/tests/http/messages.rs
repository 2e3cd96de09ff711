//! Messages: lists, what hangs on one, and status changes (delivery.md 1, 3 to 5; in-app.md 7 to 9).

use http::Method;
use serde_json::{Value, json};

use crate::bad_input::NO_MESSAGE;
use crate::kit::{Kit, on_both, pluck, steps};

async fn one(kit: &Kit) -> String {
    kit.users(&["ada"]).await;
    kit.workflow("greet", json!([steps::feed("feed_1", "x")])).await;
    let run = kit.trigger("greet", json!({"recipients": ["ada"]})).await;
    kit.messages(&run).await[0]["id"].as_str().expect("an id").to_owned()
}

#[test]
fn each_action_sets_and_clears_what_the_table_says() {
    on_both(async |kit| {
        let id = one(kit).await;
        let table: [(&str, &str, &[&str], &[&str]); 13] = [
            ("PUT", "seen", &["seen"], &["seen"]),
            ("PUT", "seen", &["seen"], &["seen"]),
            ("DELETE", "seen", &[], &["unseen"]),
            ("DELETE", "unseen", &[], &[]),
            ("PUT", "read", &["read"], &["read"]),
            ("DELETE", "unread", &[], &["unread"]),
            ("DELETE", "read", &[], &[]),
            ("PUT", "interacted", &["read", "interacted"], &["read", "interacted"]),
            ("PUT", "interacted", &["read", "interacted"], &["interacted"]),
            ("DELETE", "read", &["interacted"], &["unread"]),
            ("PUT", "archived", &["interacted", "archived"], &["archived"]),
            ("DELETE", "unarchived", &["interacted"], &["unarchived"]),
            ("DELETE", "archived", &["interacted"], &[]),
        ];
        for (method, action, statuses, events) in table {
            kit.advance("PT1S").await;
            let before = kit.get(&format!("/v1/messages/{id}")).await.ok();
            let count = kit.events(&id).await.len();
            let path = format!("/v1/messages/{id}/{action}");
            let method: Method = method.parse().expect("a method");
            let after = kit.public.send(method.clone(), &path, "", &[]).await.ok();
            assert_eq!(after["engagement_statuses"], json!(statuses), "{method} {action}");
            assert_eq!(kit.events(&id).await[count..], *events, "{method} {action}");
            let now = kit.now().await;
            for status in ["seen", "read", "interacted", "archived"] {
                let at = after[format!("{status}_at")].as_str();
                assert_eq!(at.is_some(), statuses.contains(&status), "{status} after {method} {action}");
                if method == Method::PUT && events.contains(&status) {
                    assert_eq!(at, Some(now.as_str()), "the latest action counts");
                }
            }
            let moved = after["updated_at"] != before["updated_at"];
            assert_eq!(moved, !events.is_empty(), "updated_at after {method} {action}");
            assert_eq!(after["status"], "delivered");
        }
        for alias in ["unseen", "unread", "unarchived"] {
            let answer = kit.put(&format!("/v1/messages/{id}/{alias}"), json!({})).await;
            answer.refused(405, "method_not_allowed");
        }
        for action in ["seen", "read", "interacted", "archived"] {
            for unknown in [NO_MESSAGE, "nonsense"] {
                let answer = kit.put(&format!("/v1/messages/{unknown}/{action}"), json!({})).await;
                answer.refused(404, "resource_missing");
            }
        }
    });
}

#[test]
fn an_interaction_brings_flat_metadata() {
    on_both(async |kit| {
        let id = one(kit).await;
        let path = format!("/v1/messages/{id}/interacted");
        let five = json!({"a": 1, "b": "x", "c": true, "d": null, "e": 1.5});
        kit.put(&path, json!({"metadata": five})).await.ok();
        let event = kit.full_events(&id).await.pop().expect("an event");
        assert_eq!((&event["type"], &event["data"]), (&json!("message.interacted"), &five));
        for metadata in [
            json!({"a": 1, "b": 1, "c": 1, "d": 1, "e": 1, "f": 1}),
            json!({"a": {}}),
            json!({"a": []}),
            json!([]),
        ] {
            let answer = kit.put(&path, json!({"metadata": metadata})).await;
            assert_eq!(answer.refused(422, "invalid_params"), ["metadata"]);
        }
        assert_eq!(kit.get(&format!("/v1/messages/{id}")).await.ok()["metadata"], Value::Null);
    });
}

#[test]
fn a_batch_answers_in_the_order_asked_for() {
    on_both(async |kit| {
        kit.users(&["u1", "u2", "u3"]).await;
        kit.workflow("greet", json!([steps::feed("feed_1", "x")])).await;
        let run = kit.trigger("greet", json!({"recipients": ["u1", "u2", "u3"]})).await;
        let ids = pluck(&json!(kit.messages(&run).await), "id");
        let asked = json!([ids[2], NO_MESSAGE, ids[0], "nonsense", ids[2]]);
        for (action, status, set) in [
            ("seen", "seen", true),
            ("unseen", "seen", false),
            ("read", "read", true),
            ("unread", "read", false),
            ("interacted", "interacted", true),
            ("archived", "archived", true),
            ("unarchived", "archived", false),
        ] {
            kit.advance("PT2S").await;
            let path = format!("/v1/messages/batch/{action}");
            let changed = kit.public.post(&path, json!({"message_ids": asked})).await.ok();
            assert_eq!(pluck(&changed, "id"), [ids[2].as_str(), ids[0].as_str()], "{action}");
            for message in changed.as_array().expect("a list") {
                assert_eq!(message[format!("{status}_at")].is_string(), set, "{action}");
            }
            let other = kit.get(&format!("/v1/messages/{}", ids[1])).await.ok();
            assert_eq!(other["engagement_statuses"], json!([]), "{action} touched another message");
            for wrong in [json!([]), json!(null), json!("x"), json!(vec!["x"; 1_001])] {
                let answer = kit.public.post(&path, json!({"message_ids": wrong})).await;
                assert_eq!(answer.refused(422, "invalid_params"), ["message_ids"], "{action}");
            }
        }
        let query: String = asked
            .as_array()
            .into_iter()
            .flatten()
            .take(4)
            .map(|id| format!("message_ids[]={}&", id.as_str().unwrap_or_default()))
            .collect();
        let contents = kit.get(&format!("/v1/messages/batch/content?{query}")).await.ok();
        assert_eq!(pluck(&contents, "message_id"), [ids[2].as_str(), ids[0].as_str()]);
    });
}

#[test]
fn a_batch_changes_a_message_once_per_second() {
    on_both(async |kit| {
        kit.users(&["u1", "u2"]).await;
        kit.workflow("greet", json!([steps::feed("feed_1", "x")])).await;
        let run = kit.trigger("greet", json!({"recipients": ["u1", "u2"]})).await;
        let ids = pluck(&json!(kit.messages(&run).await), "id");
        let header = "x-ratelimited-message_ids";
        let batch = async |action: &str, ids: &[String]| {
            let answer =
                kit.public.post(&format!("/v1/messages/batch/{action}"), json!({"message_ids": ids})).await;
            let limited = answer.header(header).to_owned();
            (answer.ok(), limited)
        };
        let (first, limited) = batch("read", &ids[..1]).await;
        assert_eq!(limited, "", "a fresh message is no reason");
        kit.advance("PT0.9S").await;
        let (second, limited) = batch("unread", &ids).await;
        assert_eq!(limited, ids[0]);
        assert_eq!(pluck(&second, "id"), ids, "in the order asked for");
        assert_eq!(second[0], first[0], "unchanged");
        assert_eq!(kit.events(&ids[0]).await.last().map(String::as_str), Some("read"));
        let (third, limited) = batch("seen", &ids).await;
        assert_eq!(limited, ids.join(","), "all of them rejected is still a success");
        assert_eq!(third[0]["seen_at"], Value::Null);
        // A single call is not limited.
        kit.public.send(Method::PUT, &format!("/v1/messages/{}/seen", ids[0]), "", &[]).await.ok();
        kit.advance("PT0.1S").await;
        let (_, limited) = batch("unread", &ids).await;
        assert_eq!(limited, ids[1]);
        kit.advance("PT1S").await;
        let (fifth, limited) = batch("archived", &ids).await;
        assert_eq!(limited, "");
        assert!(fifth[0]["archived_at"].is_string() && fifth[1]["archived_at"].is_string());
    });
}

#[test]
fn marking_read_lowers_the_badge() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        kit.workflow("greet", json!([steps::feed("feed_1", "x")])).await;
        for _ in 0..3 {
            kit.trigger("greet", json!({"recipients": ["ada"]})).await;
        }
        let feed = kit.feed("ada", "").await;
        let id = &feed["entries"][0]["id"];
        kit.public.post("/v1/messages/batch/read", json!({"message_ids": [id]})).await.ok();
        let meta = kit.feed("ada", "").await["meta"].clone();
        assert_eq!(
            (&meta["total_count"], &meta["unread_count"], &meta["unseen_count"]),
            (&json!(3), &json!(2), &json!(3))
        );
    });
}

#[test]
fn list_filters_all_hold() {
    on_both(async |kit| {
        kit.put("/v1/users/ada", json!({"email": "ada@example.com"})).await.ok();
        kit.users(&["bob"]).await;
        kit.put("/v1/objects/projects/p1", json!({"email": "p@example.com"})).await.ok();
        let document = json!({"categories": ["news"], "steps": [steps::feed("feed_1", "x"), steps::email("email_1", "x")]});
        kit.workflow_with("first", document).await;
        kit.workflow_with("second", json!({"categories": ["alerts"], "steps": [steps::feed("feed_1", "x")]}))
            .await;
        let project = json!({"id": "p1", "collection": "projects"});
        let run = kit
            .trigger("first", json!({"recipients": ["ada", project], "tenant": "acme", "data": {"k": 1}}))
            .await;
        kit.advance("PT1M").await;
        kit.trigger("second", json!({"recipients": ["bob"], "data": {"k": "1", "other": true}})).await;
        let mine = kit.messages(&run).await;
        let of = |channel: &str, recipient: &Value| {
            let found = mine.iter().find(|m| m["channel"]["key"] == channel && m["recipient"] == *recipient);
            found.unwrap_or_else(|| panic!("{channel} {recipient}")).clone()
        };
        let (ada_feed, ada_mail) = (of("in-app-feed", &json!("ada")), of("email", &json!("ada")));
        let recipient_run = ada_feed["source"]["workflow_recipient_run_id"].as_str().expect("an id");
        let (feed_id, mail_id) =
            (ada_feed["id"].as_str().expect("an id"), ada_mail["id"].as_str().expect("an id"));
        kit.put(&format!("/v1/messages/{feed_id}/seen"), json!({})).await.ok();
        kit.put(&format!("/v1/messages/{feed_id}/read"), json!({})).await.ok();
        kit.put(&format!("/v1/messages/{mail_id}/seen"), json!({})).await.ok();
        let email = kit.channel_id("email").await;
        for (query, count) in [
            (String::new(), 4),
            ("tenant=acme".into(), 3),
            ("tenant=beta".into(), 0),
            (format!("channel_id={email}"), 2),
            (format!("channel_id={email}&tenant=beta"), 0),
            ("channel_id=00000000-0000-4000-8000-000000000000".into(), 0),
            ("status[]=delivered".into(), 2),
            ("status[]=delivered&status[]=not_sent".into(), 4),
            ("status[0]=queued".into(), 0),
            ("engagement_status[]=seen".into(), 2),
            ("engagement_status[]=seen&engagement_status[]=read".into(), 1),
            ("engagement_status[]=seen&engagement_status[]=unread".into(), 1),
            ("engagement_status=unseen".into(), 2),
            ("engagement_status=archived".into(), 0),
            (format!("message_ids[]={feed_id}&message_ids[]={NO_MESSAGE}"), 1),
            ("message_ids[]=nonsense".into(), 0),
            ("source=second".into(), 1),
            ("workflow_categories[]=news".into(), 3),
            ("workflow_categories[]=news&workflow_categories[]=alerts".into(), 4),
            ("workflow_categories[]=none".into(), 0),
            (format!("workflow_run_id={run}"), 3),
            (format!("workflow_recipient_run_id={recipient_run}"), 2),
            ("trigger_data=%7B%22k%22%3A1%7D".into(), 3),
            ("trigger_data=%7B%22k%22%3A%221%22%2C%22other%22%3Atrue%7D".into(), 1),
            ("inserted_at.gt=2026-03-02T09:00:30Z".into(), 1),
            ("inserted_at.lte=2026-03-02T09:01:00Z".into(), 4),
            ("inserted_at.lt=2026-03-02T09:01:00Z".into(), 3),
        ] {
            let list = kit.get(&format!("/v1/messages?{query}")).await.ok();
            assert_eq!(list["items"].as_array().map(Vec::len), Some(count), "{query}");
        }
        for (path, count) in [
            ("/v1/users/ada/messages", 2),
            ("/v1/users/ada/messages?source=second", 0),
            ("/v1/users/ghost/messages", 0),
            ("/v1/objects/projects/p1/messages", 1),
            ("/v1/objects/projects/p1/messages?status[]=delivered", 0),
        ] {
            assert_eq!(kit.get(path).await.ok()["items"].as_array().map(Vec::len), Some(count), "{path}");
        }
    });
}

#[test]
fn a_message_says_where_it_came_from() {
    on_both(async |kit| {
        let ada = json!({"name": "Ada", "email": "ada@example.com", "phone_number": "+15551234567"});
        kit.put("/v1/users/ada", ada).await.ok();
        let list = json!([steps::email("email_1", "S {{ data.a }}"), steps::sms("sms_1", "T {{ data.a }}")]);
        kit.workflow_with("greet", json!({"categories": ["news"], "steps": list})).await;
        let body = json!({"recipients": ["ada"], "actor": "ada", "tenant": "acme", "data": {"a": {"b": 1}}});
        let run = kit.trigger("greet", body).await;
        let messages = kit.messages(&run).await;
        for (message, step) in messages.iter().zip(["email_1", "sms_1"]) {
            let source = &message["source"];
            assert_eq!(
                (&message["__typename"], &source["__typename"]),
                (&json!("Message"), &json!("NotificationSource"))
            );
            assert_eq!(
                (&source["key"], &message["workflow"], &source["type"]),
                (&json!("greet"), &json!("greet"), &json!("workflow"))
            );
            assert_eq!((&source["step_ref"], &source["categories"]), (&json!(step), &json!(["news"])));
            assert_eq!(source["workflow_run_id"], run);
            assert_eq!(message["channel_id"], message["channel"]["id"]);
            assert_eq!((&message["actors"], &message["tenant"]), (&json!(["ada"]), &json!("acme")));
            assert_eq!(message["data"], json!({"a": {"b": 1}}));
            for member in [
                "seen_at",
                "read_at",
                "interacted_at",
                "archived_at",
                "clicked_at",
                "link_clicked_at",
                "scheduled_at",
            ] {
                assert_eq!(message.get(member), Some(&Value::Null), "{member}");
            }
            let id = message["id"].as_str().expect("an id");
            assert_eq!(
                kit.get(&format!("/v1/messages/{id}")).await.ok(),
                *message,
                "list and single answer agree"
            );
            let activities = kit.get(&format!("/v1/messages/{id}/activities")).await.ok();
            let activity = &activities["items"][0];
            assert_eq!(
                (&activity["actor"]["id"], &activity["recipient"]["email"]),
                (&json!("ada"), &json!("ada@example.com"))
            );
            assert_eq!(activity["data"], json!({"a": {"b": 1}}));
        }
        let content = async |n: usize| {
            let id = messages[n]["id"].as_str().expect("an id");
            kit.get(&format!("/v1/messages/{id}/content")).await.ok()["data"].clone()
        };
        let email = content(0).await;
        assert_eq!(
            (&email["__typename"], &email["to"]),
            (&json!("MessageEmailContent"), &json!("Ada <ada@example.com>"))
        );
        for member in ["from", "subject_line", "html_body", "text_body"] {
            assert!(email[member].is_string(), "{member}: {email}");
        }
        let sms = content(1).await;
        assert_eq!((&sms["__typename"], &sms["to"]), (&json!("MessageSmsContent"), &json!("+15551234567")));
    });
}

#[test]
fn deleting_a_user_takes_its_messages_along() {
    on_both(async |kit| {
        let id = one(kit).await;
        assert_eq!(kit.delete("/v1/users/ada").await.status, 204);
        kit.get("/v1/users/ada").await.refused(404, "resource_missing");
        kit.get(&format!("/v1/messages/{id}")).await.refused(404, "resource_missing");
        assert_eq!(kit.feed("ada", "").await["meta"]["total_count"], 0);
        assert_eq!(kit.delete("/v1/users/ada").await.status, 204, "what is gone can be deleted");
    });
}

#[test]
fn messages_age_out_after_their_retention() {
    on_both(async |kit| {
        kit.put("/v1/users/ada", json!({"email": "ada@example.com"})).await.ok();
        kit.workflow("greet", json!([steps::feed("feed_1", "x"), steps::email("email_1", "x")])).await;
        let run = kit.trigger("greet", json!({"recipients": ["ada"]})).await;
        let ids = pluck(&json!(kit.messages(&run).await), "id");
        kit.advance("P90D").await;
        assert_eq!(kit.messages(&run).await.len(), 2);
        kit.advance("PT1S").await;
        assert_eq!(kit.messages(&run).await.len(), 0);
        for id in &ids {
            kit.get(&format!("/v1/messages/{id}")).await.refused(404, "resource_missing");
        }
        // Feed items and what their readers do with them live for ever.
        assert_eq!(kit.feed("ada", "").await["meta"]["total_count"], 1);
        kit.put(&format!("/v1/messages/{}/read", ids[0]), json!({})).await.ok();
        assert_eq!(kit.feed("ada", "").await["meta"]["unread_count"], 0);
        kit.put(&format!("/v1/messages/{}/read", ids[1]), json!({})).await.refused(404, "resource_missing");
    });
}
