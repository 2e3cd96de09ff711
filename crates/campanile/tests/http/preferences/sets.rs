//! Reading and writing sets (preferences.md sections 1, 5, 7 and 8).

use serde_json::{Value, json};

use super::{full, set_default, set_tenant, set_user};
use crate::bulk::done;
use crate::kit::on_both;

#[test]
fn reads_answer_for_everybody() {
    on_both(async |kit| {
        let nothing = full("default", json!({}));
        assert_eq!(kit.public.get("/v1/users/nobody/preferences/default").await.ok(), nothing);
        assert_eq!(kit.public.get("/v1/users/nobody/preferences").await.ok(), json!([nothing]));
        let object = "/v1/objects/projects/p1/preferences";
        assert_eq!(kit.get(object).await.ok(), json!([nothing]));
        assert_eq!(kit.get(&format!("{object}/marketing")).await.ok(), full("marketing", json!({})));
        // The example of section 7: nothing stored, an environment default.
        let types = json!({"categories": {"a": {"channel_types": {"email": true}}}});
        set_default(kit, types.clone()).await;
        assert_eq!(kit.get("/v1/users/u/preferences/default").await.ok(), full("default", types));
        // Reading makes nobody.
        kit.get("/v1/users/nobody").await.refused(404, "resource_missing");
        assert_eq!(
            kit.live.get("/v1/users/u/preferences/default").await.ok(),
            nothing,
            "another environment"
        );
    });
}

#[test]
fn the_write_examples_of_section_5() {
    on_both(async |kit| {
        let stored = json!({"categories": {"col": {"channel_types": {"email": true, "in_app_feed": true}}},
            "commercial_subscribed": false});
        let merged = json!({"channel_types": {"email": false}});
        for (n, (request, want)) in [
            (
                json!({"categories": {"col": merged}}),
                json!({"categories": {"col": {"channel_types": {"email": false}}}, "commercial_subscribed": false}),
            ),
            (
                json!({"__persistence_strategy__": "merge", "categories": {"col": merged}}),
                json!({"categories": {"col": {"channel_types": {"email": false, "in_app_feed": true}}},
                       "commercial_subscribed": false}),
            ),
            (
                json!({"__persistence_strategy__": "merge", "categories": {"col": false}}),
                json!({"categories": {"col": false}, "commercial_subscribed": false}),
            ),
            (
                json!({"__persistence_strategy__": "merge", "categories": null}),
                json!({"commercial_subscribed": false}),
            ),
            (json!({"commercial_subscribed": null}), json!({})),
        ]
        .into_iter()
        .enumerate()
        {
            let path = format!("/v1/users/u{n}/preferences/default");
            kit.public.put(&path, stored.clone()).await.ok();
            let answer = kit.public.put(&path, request.clone()).await.ok();
            assert_eq!(answer, full("default", want.clone()), "{request}");
            assert_eq!(kit.get(&path).await.ok(), full("default", want), "{request}");
            // A write makes its user (PF5.12).
            kit.get(&format!("/v1/users/u{n}")).await.ok();
        }
        // Identify merges; bulk replaces, and keeps the flag.
        set_user(kit, "ada", "default", stored.clone()).await;
        let inline = json!({"preferences": {"default": {"channel_types": {"sms": false}}, "acme": {"workflows": {"w": false}}}});
        kit.put("/v1/users/ada", inline).await.ok();
        let mut want = full("default", stored);
        want["channel_types"] = json!({"sms": false});
        let sets = kit.get("/v1/users/ada/preferences").await.ok();
        assert_eq!(sets, json!([want, full("acme", json!({"workflows": {"w": false}}))]));
        let body = json!({"preferences": {"channel_types": {"email": true}, "__persistence_strategy__": "merge"},
            "user_ids": ["ada", "new", "a/b", "ada"]});
        let operation = done(kit, "/v1/users/bulk/preferences", body).await;
        assert_eq!(operation["name"], "users.set_preferences");
        let counts = (&operation["success_count"], &operation["error_items"]);
        assert_eq!(counts, (&json!(3), &json!([{"id": "a/b", "collection": null}])));
        let want = json!({"channel_types": {"email": true}, "commercial_subscribed": false});
        assert_eq!(kit.get("/v1/users/ada/preferences/default").await.ok(), full("default", want));
        let want = full("default", json!({"channel_types": {"email": true}}));
        assert_eq!(kit.get("/v1/users/new/preferences/default").await.ok(), want);
        let body =
            json!({"preferences": {"id": "acme", "channel_types": {"sms": true}}, "user_ids": ["ada"]});
        done(kit, "/v1/users/bulk/preferences", body).await;
        let want = full("acme", json!({"channel_types": {"sms": true}}));
        assert_eq!(kit.get("/v1/users/ada/preferences/acme").await.ok(), want);
    });
}

#[test]
fn every_part_has_an_endpoint() {
    on_both(async |kit| {
        for (owner, deprecated) in [("/v1/users/u", &kit.public), ("/v1/objects/projects/p", &kit.secret)] {
            let path = |rest: &str| format!("{owner}/preferences/default{rest}");
            let start = json!({"channel_types": {"sms": false}, "workflows": {"v": true}, "commercial_subscribed": false});
            kit.put(&path(""), start).await.ok();
            let answer =
                deprecated.put(&path("/channel_types"), json!({"email": true, "chat": false})).await.ok();
            assert_eq!(answer["channel_types"], json!({"email": true, "chat": false}));
            let answer =
                deprecated.put(&path("/channel_types/email"), json!({"subscribed": false})).await.ok();
            assert_eq!(answer["channel_types"], json!({"email": false, "chat": false}));
            let answer = deprecated.put(&path("/workflows/w"), json!({"subscribed": false})).await.ok();
            assert_eq!(answer["workflows"], json!({"v": true, "w": false}));
            let answer = deprecated
                .put(&path("/workflows"), json!({"x": {"channel_types": {"sms": true}}}))
                .await
                .ok();
            assert_eq!(answer["workflows"], json!({"x": {"channel_types": {"sms": true}}}));
            let answer = deprecated.put(&path("/categories"), json!({"a": false})).await.ok();
            assert_eq!(answer["categories"], json!({"a": false}));
            let conditions =
                json!({"conditions": [{"variable": "data.x", "operator": "exists", "argument": null}]});
            // Decoded once (PF8.2).
            let answer = deprecated.put(&path("/categories/50%25%20off"), conditions.clone()).await.ok();
            let want = json!({"channel_types": {"email": false, "chat": false},
                "workflows": {"x": {"channel_types": {"sms": true}}},
                "categories": {"a": false, "50% off": conditions}, "commercial_subscribed": false});
            assert_eq!(answer, full("default", want));
            for (rest, body, field) in [
                ("/channel_types/fax", json!({"subscribed": true}), "type"),
                ("/channel_types/sms", json!({}), "conditions"),
                ("/workflows/w", json!({"subscribed": 1}), "subscribed"),
                ("/workflows", json!({"w": 1}), "w"),
                ("/categories", json!({"a": {"__strategy__": 1}}), "a.__strategy__"),
                ("/channel_types", json!({"in_app": true}), "in_app"),
                ("", json!({"__strategy__": "replace"}), "__strategy__"),
                ("", json!({"channels": {"email": false}}), "channels.email"),
            ] {
                assert_eq!(
                    kit.put(&path(rest), body).await.refused(422, "invalid_params"),
                    [field],
                    "{rest}"
                );
            }
            kit.delete(&path("")).await.ok();
            kit.delete(&path("")).await.ok();
            assert_eq!(kit.get(&path("")).await.ok(), full("default", json!({})));
        }
        for (method, path) in
            [("DELETE", "/v1/users/u/preferences/default"), ("GET", "/v1/objects/projects/p/preferences")]
        {
            let method = method.parse().expect("a method");
            kit.public.send(method, path, "", &[]).await.refused(403, "incorrect_token_type");
        }
    });
}

#[test]
fn what_was_read_can_be_sent_back() {
    on_both(async |kit| {
        set_default(kit, json!({"channel_types": {"sms": false}})).await;
        set_tenant(
            kit,
            "acme",
            json!({"categories": {"a": {"__strategy__": "replace", "channel_types": {"email": false}}}}),
        )
        .await;
        let path = "/v1/users/u/preferences/acme";
        let mut read = kit.public.get(path).await.ok();
        read["channel_types"]["push"] = true.into();
        // Defaults and markers are frozen into the user's set (corner 2).
        assert_eq!(kit.public.put(path, read.clone()).await.ok(), read);
        kit.delete("/v1/tenants/acme").await.ok();
        set_default(kit, json!({})).await;
        assert_eq!(kit.get("/v1/users/u/preferences").await.ok(), json!([full("default", json!({}))]), "S25");
    });
}

#[test]
fn tenants_have_default_sets() {
    on_both(async |kit| {
        // M8 and example 5.
        let own = json!({"categories": {"a": {"channel_types": {"email": true}}, "p": {"channel_types": {"email": true}}}});
        let forced = json!({"categories": {"a": {"__strategy__": "replace", "channel_types": {"email": false}},
            "p": {"channel_types": {"email": false}}}});
        set_user(kit, "u", "acme", own.clone()).await;
        let tenant = set_tenant(kit, "acme", forced.clone()).await;
        assert_eq!(
            tenant["settings"],
            json!({"branding": null, "preference_set": full("default", forced.clone())})
        );
        let resolved = json!({"categories": {"a": {"__strategy__": "replace", "channel_types": {"email": false}},
            "p": {"channel_types": {"email": true}}}});
        assert_eq!(kit.get("/v1/users/u/preferences/acme").await.ok(), full("acme", resolved.clone()));
        assert_eq!(
            kit.get("/v1/users/u/preferences/default?tenant=acme").await.ok(),
            full("default", forced.clone())
        );
        let sets = kit.get("/v1/users/u/preferences").await.ok();
        assert_eq!(sets, json!([full("default", json!({})), full("acme", resolved)]));
        // A merge leaves what it does not name.
        let merged =
            set_tenant(kit, "acme", json!({"categories": {"a": {"channel_types": {"sms": true}}}})).await;
        let a = &merged["settings"]["preference_set"]["categories"]["a"];
        assert_eq!(a, &json!({"__strategy__": "replace", "channel_types": {"email": false, "sms": true}}));
        // Example 6: replaced, it is exactly that.
        let exact = json!({"__persistence_strategy__": "replace", "channel_types": {"email": false}});
        let replaced = set_tenant(kit, "acme", exact).await;
        let want = full("default", json!({"channel_types": {"email": false}}));
        assert_eq!(replaced["settings"]["preference_set"], want);
        assert_eq!(
            kit.put("/v1/tenants/acme", json!({"settings": {}})).await.ok()["settings"]["preference_set"],
            want
        );
        let object = kit.get("/v1/objects/$tenants/acme").await.ok();
        assert_eq!(object["properties"]["settings"]["preference_set"], want);
        // The environment's default beneath it, in the answer only (RC5.4).
        set_default(kit, json!({"channel_types": {"email": true, "sms": false}})).await;
        let full_set = kit.get("/v1/tenants/acme?resolve_full_preference_settings=true").await.ok();
        let types = json!({"email": false, "sms": false});
        assert_eq!(full_set["settings"]["preference_set"], full("default", json!({"channel_types": types})));
        assert_eq!(kit.get("/v1/tenants/acme").await.ok()["settings"]["preference_set"], want);
        let removed = kit.put("/v1/tenants/acme", json!({"settings": {"preference_set": null}})).await.ok();
        assert_eq!(removed["settings"]["preference_set"], Value::Null);
        let bad = json!({"settings": {"preference_set": {"channel_types": {"fax": true}}}});
        let fields = kit.put("/v1/tenants/acme", bad).await.refused(422, "invalid_params");
        assert_eq!(fields, ["settings.preference_set.channel_types.fax"]);
        // Unknown tenants stay unknown when something is stored under them (RC5.5).
        set_user(kit, "u", "beta", json!({"workflows": {"w": false}})).await;
        kit.get("/v1/tenants/beta").await.refused(404, "resource_missing");
    });
}

#[test]
fn lists_show_sets_on_request() {
    on_both(async |kit| {
        kit.users(&["ada", "bob"]).await;
        set_default(kit, json!({"channel_types": {"sms": false}})).await;
        set_user(kit, "ada", "default", json!({"workflows": {"w": false}})).await;
        set_user(kit, "ada", "marketing", json!({})).await;
        let list = kit.get("/v1/users?include[]=preferences").await.ok();
        let shown = |id: &str| {
            let entries = list["entries"].as_array().expect("a list");
            entries.iter().find(|entry| entry["id"] == id).map(|entry| entry["preferences"].clone())
        };
        let default = full("default", json!({"workflows": {"w": false}}));
        // As stored, without what lies beneath (S8).
        assert_eq!(
            shown("ada"),
            Some(json!({"default": default, "marketing": full("marketing", json!({}))}))
        );
        assert_eq!(shown("bob"), Some(json!({})));
    });
}

#[test]
fn limits_refuse_and_change_nothing() {
    on_both(async |kit| {
        let many: serde_json::Map<String, Value> =
            (0..2_000).map(|n| (format!("a-rather-long-workflow-key-{n:06}"), json!(false))).collect();
        let half = json!({"workflows": many});
        set_user(kit, "u", "default", json!({"channel_types": {"sms": false}})).await;
        let huge = json!({"workflows": many, "categories": many});
        let path = "/v1/users/u/preferences/default";
        assert_eq!(kit.put(path, huge.clone()).await.refused(422, "invalid_params"), [""]);
        let inline = json!({"name": "U", "preferences": {"default": huge}});
        assert_eq!(
            kit.put("/v1/users/u", inline.clone()).await.refused(422, "invalid_params"),
            ["preferences.default"]
        );
        assert_eq!(kit.get("/v1/users/u").await.ok()["name"], Value::Null, "nothing of it was written");
        assert_eq!(kit.get(path).await.ok(), full("default", json!({"channel_types": {"sms": false}})));
        kit.put(path, half).await.refused(422, "invalid_params");
        let mut row = inline;
        row["id"] = "u".into();
        let operation = done(kit, "/v1/users/bulk/identify", json!({"users": [row, {"id": "v", "preferences": {"default": {"channel_types": {"sms": true}}}}]})).await;
        assert_eq!((&operation["success_count"], &operation["error_count"]), (&json!(1), &json!(1)));
        assert_eq!(kit.get("/v1/users/u").await.ok()["name"], Value::Null);
        assert_eq!(
            kit.get("/v1/users/v/preferences/default").await.ok()["channel_types"],
            json!({"sms": true})
        );
        for id in ["%20", &"x".repeat(257)] {
            let answer = kit.put(&format!("/v1/users/u/preferences/{id}"), json!({})).await;
            assert_eq!(answer.refused(422, "invalid_params"), ["id"]);
        }
        let bad = json!({"preferences": {"id": 7, "channel_types": {"fax": true}}, "user_ids": []});
        let fields = kit.post("/v1/users/bulk/preferences", bad).await.refused(422, "invalid_params");
        assert_eq!(fields, ["preferences.channel_types.fax", "preferences.id", "user_ids"]);
    });
}

#[test]
fn sets_go_with_their_owner() {
    on_both(async |kit| {
        for (owner, path) in [("u", "/v1/users/u"), ("p", "/v1/objects/projects/p")] {
            kit.put(&format!("{path}/preferences/default"), json!({"channel_types": {"sms": false}}))
                .await
                .ok();
            kit.delete(path).await.ok();
            kit.put(path, json!({"name": owner})).await.ok();
            assert_eq!(
                kit.get(&format!("{path}/preferences/default")).await.ok(),
                full("default", json!({}))
            );
        }
        // A tenant that is called `default` takes nobody's default set along.
        kit.put("/v1/tenants/default", json!({})).await.ok();
        set_user(kit, "u", "default", json!({"workflows": {"w": false}})).await;
        kit.delete("/v1/tenants/default").await.ok();
        let kept = kit.get("/v1/users/u/preferences/default").await.ok();
        assert_eq!(kept["workflows"], json!({"w": false}));
    });
}

#[test]
fn an_environment_has_a_default_set() {
    on_both(async |kit| {
        let path = "/v1/environments/development/preference_defaults";
        assert_eq!(kit.service.get(path).await.ok(), full("default", json!({})));
        let set = json!({"channel_types": {"sms": false}, "commercial_subscribed": false});
        assert_eq!(kit.service.put(path, set.clone()).await.ok(), full("default", set.clone()));
        let same = "/v1/admin/preference_defaults?environment=development";
        assert_eq!(kit.service.get(same).await.ok(), full("default", set));
        let replaced = kit.service.put(same, json!({"workflows": {"w": false}})).await.ok();
        assert_eq!(replaced, full("default", json!({"workflows": {"w": false}})), "replaced as a whole");
        kit.restart().await;
        assert_eq!(kit.service.get(path).await.ok(), replaced);
        let fields =
            kit.service.put(path, json!({"channel_types": {"fax": 1}})).await.refused(422, "invalid_params");
        assert_eq!(fields, ["channel_types.fax"]);
        kit.service.get("/v1/environments/moon/preference_defaults").await.refused(404, "resource_missing");
        kit.get(path).await.refused(401, "bearer_token_invalid");
    });
}
