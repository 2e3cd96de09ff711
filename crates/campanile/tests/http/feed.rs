//! The feed (in-app.md sections 4 and 5).

use serde_json::{Value, json};

use crate::kit::{Kit, on_both, pluck, steps};

/// One feed item for ada; answers its message's id.
async fn item(kit: &Kit, tenant: Value, data: Value) -> String {
    kit.advance("PT1S").await;
    let run = kit.trigger("feeds", json!({"recipients": ["ada"], "tenant": tenant, "data": data})).await;
    kit.messages(&run).await[0]["id"].as_str().expect("an id").to_owned()
}

async fn mark(kit: &Kit, id: &str, actions: &[&str]) {
    for action in actions {
        kit.public.put(&format!("/v1/messages/{id}/{action}"), json!({})).await.ok();
    }
}

/// A to D of the page, the newest first.
async fn a_to_d(kit: &Kit) -> [String; 4] {
    kit.users(&["ada"]).await;
    kit.workflow("feeds", json!([steps::feed("feed_1", "{{ data.n }}")])).await;
    let d = item(kit, json!("acme"), json!({"n": "D"})).await;
    let c = item(kit, json!("beta"), json!({"n": "C"})).await;
    let b = item(kit, json!(null), json!({"n": "B"})).await;
    let a = item(kit, json!("acme"), json!({"n": "A"})).await;
    mark(kit, &b, &["seen"]).await;
    mark(kit, &c, &["seen", "read"]).await;
    mark(kit, &d, &["archived"]).await;
    [a, b, c, d]
}

fn names(feed: &Value) -> String {
    let entries = feed["entries"].as_array().expect("a list");
    entries.iter().map(|entry| entry["data"]["n"].as_str().unwrap_or("?")).collect()
}

#[test]
fn the_filter_table_of_the_page_holds() {
    on_both(async |kit| {
        a_to_d(kit).await;
        for (query, entries, [total, unread, unseen]) in [
            ("", "ABC", [3, 2, 1]),
            ("tenant=acme", "AB", [2, 2, 1]),
            ("tenant=acme&has_tenant=true", "A", [1, 1, 1]),
            ("tenant=acme&has_tenant=false", "B", [1, 1, 0]),
            ("has_tenant=true", "AC", [2, 1, 1]),
            ("has_tenant=false", "B", [1, 1, 0]),
            ("status=read", "C", [1, 2, 1]),
            ("status=unread", "AB", [2, 2, 1]),
            ("status=seen", "BC", [2, 2, 1]),
            ("status=unseen", "A", [1, 2, 1]),
            ("status=all", "ABC", [3, 2, 1]),
            ("status=", "ABC", [3, 2, 1]),
            ("archived=only", "D", [1, 1, 1]),
            ("archived=exclude", "ABC", [3, 2, 1]),
            ("archived=include", "ABCD", [4, 3, 2]),
            ("archived=include&tenant=acme&has_tenant=true", "AD", [2, 2, 2]),
            ("source=feeds", "ABC", [3, 2, 1]),
            ("source=other", "", [0, 0, 0]),
            ("trigger_data=%7B%22n%22%3A%22A%22%7D", "A", [1, 1, 1]),
            ("trigger_data=%7B%22n%22%3A1%7D", "", [0, 0, 0]),
            ("inserted_at.gt=2026-03-02T09:00:03Z", "A", [1, 1, 1]),
            ("inserted_at.gte=2026-03-02T09:00:03Z", "AB", [2, 2, 1]),
            ("inserted_at[lt]=2026-03-02T09:00:03Z", "C", [1, 0, 0]),
            ("inserted_at.lte=2026-03-02T10:00:03%2B01:00", "BC", [2, 1, 0]),
            ("page_size=1", "A", [3, 2, 1]),
            ("mode=compact", "ABC", [3, 2, 1]),
            ("unknown=1&mobile%5B%22x%22%5D=2", "ABC", [3, 2, 1]),
        ] {
            let feed = kit.feed("ada", query).await;
            assert_eq!(names(&feed), entries, "{query}");
            let meta = json!({"__typename": "FeedMetadata", "total_count": total, "unread_count": unread, "unseen_count": unseen});
            assert_eq!(feed["meta"], meta, "{query}");
        }
    });
}

#[test]
fn pages_lead_in_both_directions() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        kit.workflow("feeds", json!([steps::feed("feed_1", "x")])).await;
        for n in 1..=5 {
            item(kit, json!(null), json!({"n": n.to_string()})).await;
        }
        let all = kit.feed("ada", "").await;
        assert_eq!(names(&all), "54321");
        let cursors = pluck(&all["entries"], "__cursor");
        let cursor = |item: usize| cursors[5 - item].as_str();
        for (query, entries, before, after) in [
            ("page_size=2".to_owned(), "54", None, Some(4)),
            (format!("page_size=2&after={}", cursor(4)), "32", Some(3), Some(2)),
            (format!("page_size=2&after={}", cursor(2)), "1", Some(1), None),
            (format!("page_size=2&after={}", cursor(1)), "", None, None),
            (format!("page_size=2&before={}", cursor(2)), "43", Some(4), Some(3)),
            (format!("page_size=2&before={}", cursor(4)), "5", None, Some(5)),
            (format!("page_size=2&before={}", cursor(5)), "", None, None),
        ] {
            let found = kit.feed("ada", &query).await;
            assert_eq!(names(&found), entries, "{query}");
            let info = &found["page_info"];
            assert_eq!(info["before"].as_str(), before.map(cursor), "before of {query}");
            assert_eq!(info["after"].as_str(), after.map(cursor), "after of {query}");
            assert_eq!((&info["page_size"], &info["__typename"]), (&json!(2), &json!("PageInfo")));
            assert_eq!(found["meta"]["total_count"], 5);
        }
        let gone = all["entries"][2]["id"].as_str().expect("an id");
        mark(kit, gone, &["archived"]).await;
        let found = kit.feed("ada", &format!("page_size=2&after={}", cursor(3))).await;
        assert_eq!(names(&found), "21", "the cursor of an item that left the list still leads on");
    });
}

#[test]
fn an_item_is_as_the_page_shows_it() {
    on_both(async |kit| {
        kit.put("/v1/users/ada", json!({"name": "Ada"})).await.ok();
        let step = json!({
            "ref": "feed_1", "type": "channel", "channel_key": "in-app-feed",
            "template": {
                "markdown_body": "Hi **{{ recipient.name }}**",
                "action_url": "https://x/{{ data.id }}",
                "action_buttons": [{"label": "Open", "action": "https://x"}],
            },
        });
        kit.workflow_with("feeds", json!({"categories": ["news"], "steps": [step]})).await;
        let body = json!({
            "recipients": ["ada"], "actor": {"id": "bob", "name": "Bob"},
            "data": {"id": 7, "nested": {"a": 1}, "list": [1]},
        });
        let run = kit.trigger("feeds", body).await;
        let rich = kit.feed("ada", "").await["entries"][0].clone();
        let blocks = json!([
            {"name": "body", "type": "markdown", "content": "Hi **{{ recipient.name }}**", "rendered": "<p>Hi <strong>Ada</strong></p>"},
            {"name": "action_url", "type": "text", "content": "https://x/{{ data.id }}", "rendered": "https://x/7"},
            {"name": "actions", "type": "button_set", "buttons": [{"name": "primary", "label": "Open", "action": "https://x"}]},
        ]);
        let mut shown = rich["blocks"].clone();
        let html = shown[0]["rendered"].as_str().expect("HTML").trim().to_owned();
        shown[0]["rendered"] = json!(html);
        assert_eq!(shown, blocks);
        assert_eq!(rich["__typename"], "FeedItem");
        assert_eq!(
            (&rich["source"]["key"], &rich["source"]["categories"]),
            (&json!("feeds"), &json!(["news"]))
        );
        assert_eq!(rich["data"], json!({"id": 7, "nested": {"a": 1}, "list": [1]}));
        assert_eq!((&rich["total_actors"], &rich["total_activities"]), (&json!(1), &json!(1)));
        assert_eq!(rich["actors"][0]["name"], "Bob");
        let activity = &rich["activities"][0];
        assert_eq!(
            (&activity["actor"]["id"], &activity["recipient"]["name"]),
            (&json!("bob"), &json!("Ada"))
        );
        for member in
            ["seen_at", "read_at", "interacted_at", "link_clicked_at", "clicked_at", "archived_at", "tenant"]
        {
            assert_eq!(rich.get(member), Some(&Value::Null), "{member} is always printed");
        }
        assert_eq!(rich["inserted_at"], "2026-03-02T09:00:00.000000Z");

        let compact = kit.feed("ada", "mode=compact").await["entries"][0].clone();
        assert!(
            compact.get("activities").is_none() && compact.get("total_activities").is_none(),
            "{compact}"
        );
        assert_eq!((&compact["data"], &compact["blocks"]), (&json!({"id": 7}), &rich["blocks"]));

        let id = rich["id"].as_str().expect("an id");
        let content = kit.get(&format!("/v1/messages/{id}/content")).await.ok();
        assert_eq!(
            content["data"],
            json!({"__typename": "MessageInAppFeedContent", "blocks": rich["blocks"]})
        );
        assert_eq!(kit.messages(&run).await[0]["id"], id);
        let without = kit.feed("ada", "exclude=entries.activities,meta").await;
        assert!(without.get("meta").is_none(), "{without}");
        assert!(without["entries"][0].get("activities").is_none(), "{without}");
    });
}

/// in-app.md IA6.1, with its example.
#[test]
fn the_channels_response_filter_leaves_out_what_it_says() {
    on_both(async |kit| {
        kit.workflow("feeds", json!([steps::feed("feed_1", "Hi")])).await;
        let bob = json!({"id": "bob", "name": "Bob", "email": "bob@x.io", "card": {"last4": "4242", "brand": "visa"}});
        let body =
            json!({"recipients": [{"id": "ada", "name": "Ada"}], "actor": bob, "data": {"a": 1, "b": 2}});
        kit.trigger("feeds", body).await;
        let filter =
            json!({"actor": {"only": ["id", "name"]}, "recipient": false, "data": {"except": ["b"]}});
        kit.channel("in-app-feed", json!({"channel_settings": filter})).await;
        let entry = kit.feed("ada", "").await["entries"][0].clone();
        assert_eq!(entry["actors"], json!([{"id": "bob", "name": "Bob"}]));
        assert_eq!(entry["data"], json!({"a": 1}));
        let activity = &entry["activities"][0];
        assert_eq!(activity["actor"], json!({"id": "bob", "name": "Bob"}));
        assert_eq!((&activity["recipient"], &activity["data"]), (&Value::Null, &json!({"a": 1})));

        let filter = json!({"actor": {"except": ["email", "card.last4"]}, "recipient": null, "data": false});
        kit.channel("in-app-feed", json!({"channel_settings": filter})).await;
        let entry = kit.feed("ada", "").await["entries"][0].clone();
        assert_eq!(entry["actors"][0]["card"], json!({"brand": "visa"}));
        assert!(entry["actors"][0].get("email").is_none(), "{entry}");
        assert_eq!(
            (&entry["data"], entry["activities"][0]["recipient"]["name"].as_str()),
            (&Value::Null, Some("Ada"))
        );

        kit.channel("in-app-feed", json!({"channel_settings": {"actor": false}})).await;
        let entry = kit.feed("ada", "").await["entries"][0].clone();
        assert_eq!((&entry["actors"], &entry["activities"][0]["actor"]), (&json!([]), &Value::Null));

        let both = json!({"channel_settings": {"data": {"only": ["a"], "except": ["b"]}}});
        let fields =
            kit.service.put("/v1/admin/channels/in-app-feed", both).await.refused(422, "invalid_params");
        assert_eq!(fields, ["channel_settings.data"]);
    });
}

#[test]
fn unknown_users_have_an_empty_feed_and_other_channels_none() {
    on_both(async |kit| {
        let feed = kit.feed("ghost", "").await;
        assert_eq!(feed["entries"], json!([]));
        assert_eq!(feed["meta"]["total_count"], 0);
        assert_eq!((&feed["page_info"]["after"], &feed["page_info"]["before"]), (&Value::Null, &Value::Null));
        let email = kit.channel_id("email").await;
        for channel in [email.as_str(), "00000000-0000-4000-8000-000000000000"] {
            let path = format!("/v1/users/ada/feeds/{channel}");
            kit.public.get(&path).await.refused(422, "channel_invalid");
        }
        kit.public.get("/v1/users/ada/feeds/nonsense").await.refused(404, "resource_missing");
    });
}
