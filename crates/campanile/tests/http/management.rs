//! Saving, committing, promoting (management.md sections 2 to 4 and 7).

use serde_json::{Value, json};

use crate::kit::{Kit, on_both, pluck, steps};

const DRAFT: &str = "/v1/workflows/greet?environment=development";
const LIVE: &str = "/v1/workflows/greet?environment=production";

fn document(text: &str) -> Value {
    json!({"workflow": {"name": "Greet", "steps": [steps::feed("feed_1", text)]}})
}

/// What a trigger of the development environment puts into ada's feed.
async fn greeting(kit: &Kit) -> String {
    kit.advance("PT1S").await;
    kit.trigger("greet", json!({"recipients": [{"id": "ada"}]})).await;
    let feed = kit.feed("ada", "page_size=1").await;
    feed["entries"][0]["blocks"][0]["content"].as_str().unwrap_or_default().to_owned()
}

/// The published text of the workflow in production.
async fn live_text(kit: &Kit) -> String {
    let workflow = kit.service.get(LIVE).await.ok();
    workflow["steps"][0]["template"]["markdown_body"].as_str().unwrap_or_default().to_owned()
}

async fn commits(kit: &Kit, query: &str) -> Vec<Value> {
    let list = kit.service.get(&format!("/v1/commits?{query}")).await.ok();
    list["entries"].as_array().expect("a list").clone()
}

#[test]
fn only_what_is_committed_runs() {
    on_both(async |kit| {
        let saved = kit.service.put(DRAFT, document("one")).await.ok()["workflow"].clone();
        assert_eq!((&saved["active"], &saved["valid"]), (&json!(true), &json!(true)));
        assert_eq!((&saved["key"], &saved["environment"]), (&json!("greet"), &json!("development")));
        assert_eq!(saved["trigger_frequency"], "every_trigger");
        assert_eq!(kit.service.get(DRAFT).await.ok()["sha"], saved["sha"]);
        let hidden = format!("{DRAFT}&hide_uncommitted_changes=true");
        kit.service.get(&hidden).await.refused(404, "resource_missing");
        let list =
            kit.service.get("/v1/workflows?environment=development&hide_uncommitted_changes=true").await.ok();
        assert_eq!(list["entries"], json!([]));
        let answer = kit.post("/v1/workflows/greet/trigger", json!({"recipients": ["ada"]})).await;
        answer.refused(404, "workflow_missing");

        let commit = "/v1/commits?environment=development&commit_message=first";
        assert_eq!(kit.service.put(commit, json!({})).await.ok(), json!({"result": "success"}));
        assert_eq!(greeting(kit).await, "one");
        kit.service.put(DRAFT, document("two")).await.ok();
        assert_eq!(greeting(kit).await, "one", "a draft does not run");
        let published = kit.service.get(&hidden).await.ok();
        assert_eq!(published["steps"][0]["template"]["markdown_body"], "one");
        let current = kit.service.get(DRAFT).await.ok();
        assert_eq!(current["steps"][0]["template"]["markdown_body"], "two");
        kit.service.put(&format!("{DRAFT}&commit=true&commit_message=second"), document("three")).await.ok();
        assert_eq!(greeting(kit).await, "three");
        let found = commits(kit, "environment=development").await;
        let messages: Vec<_> = found.iter().map(|commit| commit["commit_message"].clone()).collect();
        assert_eq!(messages, ["second", "first"]);
        assert_eq!(found[0]["resource"], json!({"type": "workflow", "identifier": "greet"}));
        let id = found[0]["id"].as_str().expect("an id");
        assert_eq!(kit.service.get(&format!("/v1/commits/{id}")).await.ok(), found[0]);
        for id in ["nonsense", "00000000-0000-4000-8000-000000000000"] {
            kit.service.get(&format!("/v1/commits/{id}")).await.refused(404, "resource_missing");
        }
    });
}

#[test]
fn equal_content_makes_neither_version_nor_commit() {
    on_both(async |kit| {
        let path = format!("{DRAFT}&commit=true");
        let first = kit.service.put(&path, document("one")).await.ok()["workflow"].clone();
        kit.advance("PT1M").await;
        let mut same = document("one");
        same["workflow"]["$schema"] = json!("ignored");
        same["workflow"]["sha"] = json!("ignored");
        same["workflow"]["steps"][0]["__annotation"] = json!({"ignored": true});
        let again = kit.service.put(&path, same).await.ok()["workflow"].clone();
        assert_eq!((&again["sha"], &again["updated_at"]), (&first["sha"], &first["updated_at"]));
        assert_eq!(commits(kit, "environment=development").await.len(), 1);
        kit.service.put(&format!("{path}&allow_empty=true"), document("one")).await.ok();
        assert_eq!(commits(kit, "environment=development").await.len(), 2);
        kit.service.put("/v1/commits?environment=development", json!({})).await.ok();
        assert_eq!(commits(kit, "environment=development").await.len(), 2, "nothing to publish is no commit");
        let changed = kit.service.put(&path, document("two")).await.ok()["workflow"].clone();
        assert_ne!((&changed["sha"], &changed["updated_at"]), (&first["sha"], &first["updated_at"]));
        assert_eq!(changed["created_at"], first["created_at"]);
    });
}

#[test]
fn problems_are_named_by_their_place_all_at_once() {
    on_both(async |kit| {
        let broken = json!({"workflow": {
            "description": "x".repeat(281),
            "trigger_frequency": "sometimes",
            "steps": [
                {"ref": "a", "type": "channel", "channel_key": "nowhere", "template": {}},
                {"ref": "a", "type": "delay", "settings": {}},
                {"ref": "b", "type": "dance"},
                {"type": "delay", "settings": {"delay_for": {"unit": "years", "value": 1}}},
                {"ref": "c", "type": "delay", "settings": {"delay_for": {"unit": "days", "value": 366}}},
                {"ref": "d", "type": "channel", "channel_key": "email", "template": {"html_body": "x"}},
                7,
            ],
        }});
        for path in [DRAFT, "/v1/workflows/greet/validate?environment=development"] {
            let answer = kit.service.put(path, broken.clone()).await;
            let fields = answer.refused(422, "invalid_params");
            for wanted in [
                "description",
                "name",
                "steps[0].channel_key",
                "steps[1].ref",
                "steps[1].settings.delay_for",
                "steps[2].type",
                "steps[3].ref",
                "steps[3].settings.delay_for.unit",
                "steps[4].settings.delay_for",
                "steps[5].template.subject",
                "steps[6]",
                "trigger_frequency",
            ] {
                assert!(fields.iter().any(|field| field == wanted), "{wanted} is not in {fields:?}");
            }
            assert!(fields.is_sorted(), "{fields:?}");
        }
        kit.service.get(DRAFT).await.refused(404, "resource_missing");
        for (body, field) in [
            (json!({}), "workflow"),
            (json!({"workflow": null}), "workflow"),
            (json!({"workflow": []}), "workflow"),
            (json!({"name": "x", "steps": []}), "workflow"),
        ] {
            assert_eq!(kit.service.put(DRAFT, body).await.refused(422, "invalid_params"), [field]);
        }
        for key in ["ab", "Upper", "with%20space", "x".repeat(256).as_str()] {
            let path = format!("/v1/workflows/{key}?environment=development");
            assert_eq!(
                kit.service.put(&path, document("x")).await.refused(422, "invalid_params"),
                ["key"],
                "{key}"
            );
        }
    });
}

#[test]
fn a_template_that_does_not_parse_names_its_field() {
    on_both(async |kit| {
        let email = |template: Value| json!({"ref": "s", "type": "channel", "channel_key": "email", "template": template});
        let channel = |key: &str, template: Value| json!({"ref": "s", "type": "channel", "channel_key": key, "template": template});
        let bad = "Hi {{ recipient.name ";
        for (step, field) in [
            (email(json!({"subject": bad, "html_body": "x"})), "steps[0].template.subject"),
            (email(json!({"subject": "x", "html_body": "{% if a %}"})), "steps[0].template.html_body"),
            (
                email(json!({"subject": "x", "html_body": "x", "text_body": "{{ x | nope }}"})),
                "steps[0].template.text_body",
            ),
            (channel("sms", json!({"text_body": bad})), "steps[0].template.text_body"),
            (channel("push", json!({"title": bad, "text_body": "x"})), "steps[0].template.title"),
            (channel("chat", json!({"markdown_body": bad})), "steps[0].template.markdown_body"),
            (channel("in-app-feed", json!({"markdown_body": bad})), "steps[0].template.markdown_body"),
            (
                channel(
                    "in-app-feed",
                    json!({"markdown_body": "x", "action_buttons": [{"label": "x", "action": bad}]}),
                ),
                "steps[0].template.action_buttons[0].action",
            ),
            (channel("webhook", json!({"method": "post", "url": bad})), "steps[0].template.url"),
            (
                channel(
                    "webhook",
                    json!({"method": "post", "url": "https://x", "headers": [{"key": "a", "value": bad}]}),
                ),
                "steps[0].template.headers",
            ),
        ] {
            let inner = json!({"ref": "branch_1", "type": "branch", "branches": [{"name": "default", "steps": [step]}]});
            for (list, field) in [
                (json!([step]), field.to_owned()),
                (json!([inner]), field.replace("steps[0]", "steps[0].branches[0].steps[0]")),
            ] {
                let answer = kit.service.put(DRAFT, json!({"workflow": {"name": "G", "steps": list}})).await;
                let fields = answer.refused(422, "invalid_params");
                assert!(fields.len() == 1 && fields[0].starts_with(&field), "{field}: {}", answer.text);
                let message = answer.json["errors"][0]["message"].as_str().expect("a message");
                assert!(message.contains("line 1"), "{message}");
            }
        }
        let layout = json!({"email_layout": {"name": "L", "html_layout": "{{ content ", "text_layout": "{{ content }}"}});
        let answer = kit.service.put("/v1/email_layouts/plain?environment=development", layout).await;
        let fields = answer.refused(422, "invalid_params");
        assert!(!fields.is_empty() && fields.iter().all(|field| field == "html_layout"), "{fields:?}");
    });
}

#[test]
fn validating_saves_nothing() {
    on_both(async |kit| {
        let path = "/v1/workflows/greet/validate?environment=development";
        let shown = kit.service.put(path, document("x")).await.ok()["workflow"].clone();
        assert_eq!((&shown["valid"], &shown["key"]), (&json!(true), &json!("greet")));
        kit.service.get(DRAFT).await.refused(404, "resource_missing");
        let saved = kit.service.put(DRAFT, document("x")).await.ok()["workflow"].clone();
        assert_eq!(saved["steps"], shown["steps"]);
        kit.service.put(path, document("y")).await.ok();
        assert_eq!(kit.service.get(DRAFT).await.ok()["sha"], saved["sha"]);
    });
}

#[test]
fn environments_are_named_and_written_by_rule() {
    on_both(async |kit| {
        for (query, status, code, fields) in [
            ("", 422, "invalid_params", vec!["environment"]),
            ("?environment=", 422, "invalid_params", vec!["environment"]),
            ("?environment=staging", 404, "resource_missing", vec![]),
            ("?environment=production&branch=x", 422, "invalid_params", vec!["branch"]),
            ("?environment=development&branch=x", 404, "branch_not_found", vec![]),
        ] {
            for path in ["/v1/workflows", "/v1/workflows/greet", "/v1/commits"] {
                let answer = kit.service.get(&format!("{path}{query}")).await;
                assert_eq!(answer.refused(status, code), fields, "{path}{query}");
            }
        }
        let environments = kit.service.get("/v1/environments").await.ok();
        assert_eq!(pluck(&environments["entries"], "slug"), ["development", "production"]);
        assert_eq!(kit.service.get("/v1/environments/production").await.ok()["slug"], "production");
        kit.service.get("/v1/environments/staging").await.refused(404, "resource_missing");

        let answer = kit.service.put(LIVE, document("x")).await;
        assert_eq!(answer.refused(422, "invalid_params"), ["environment"]);
        let answer = kit.service.put("/v1/commits?environment=production", json!({})).await;
        assert_eq!(answer.refused(422, "invalid_params"), ["environment"]);
        kit.service.put(&format!("{LIVE}&force=true&commit=true"), document("forced")).await.ok();
        assert_eq!(live_text(kit).await, "forced");
        kit.service.get(DRAFT).await.refused(404, "resource_missing");
        // What comes from below overwrites what was forced.
        kit.service.put(&format!("{DRAFT}&commit=true"), document("promoted")).await.ok();
        kit.service.put("/v1/commits/promote?to_environment=production", json!({})).await.ok();
        assert_eq!(live_text(kit).await, "promoted");
    });
}

/// The worked example of section 4.5 with the two environments that there are. Nothing moves the clock in between:
/// the order of commits may not depend on it.
#[test]
fn promotion_copies_the_latest_commit_up() {
    on_both(async |kit| {
        let promote = "/v1/commits/promote?to_environment=production";
        kit.service.put(promote, json!({})).await.ok();
        assert_eq!(commits(kit, "environment=production").await.len(), 0, "nothing to do is no error");
        for text in ["c1", "c2", "c3", "c4", "c5", "c6"] {
            let path = format!("{DRAFT}&commit=true&commit_message={text}");
            kit.service.put(&path, document(text)).await.ok();
        }
        kit.service.put(DRAFT, document("draft")).await.ok();
        let found = commits(kit, "environment=development").await;
        assert_eq!(pluck(&json!(found), "commit_message"), ["c6", "c5", "c4", "c3", "c2", "c1"]);
        kit.live
            .post("/v1/workflows/greet/trigger", json!({"recipients": ["ada"]}))
            .await
            .refused(404, "workflow_missing");

        assert_eq!(kit.service.put(promote, json!({})).await.ok(), json!({"result": "success"}));
        assert_eq!(live_text(kit).await, "c6", "the latest published version, never a draft");
        let live = commits(kit, "environment=production").await;
        assert_eq!(pluck(&json!(live), "commit_message"), ["c6"]);
        assert_ne!(live[0]["id"], found[0]["id"], "the target has a commit of its own");
        assert_eq!(kit.service.get(LIVE).await.ok()["active"], true);
        kit.live.post("/v1/workflows/greet/trigger", json!({"recipients": [{"id": "ada"}]})).await.ok();
        kit.service.put(promote, json!({})).await.ok();
        assert_eq!(commits(kit, "environment=production").await.len(), 1, "it was promoted already");
        assert_eq!(commits(kit, "environment=development&promoted=false").await.len(), 5);
        assert_eq!(
            pluck(&json!(commits(kit, "environment=development&promoted=true").await), "commit_message"),
            ["c6"]
        );

        let older = found[1]["id"].as_str().expect("an id");
        let answer = kit.service.put(&format!("/v1/commits/{older}/promote"), json!({})).await;
        assert_eq!(answer.refused(422, "invalid_params"), ["id"]);
        let last = live[0]["id"].as_str().expect("an id");
        let answer = kit.service.put(&format!("/v1/commits/{last}/promote"), json!({})).await;
        assert_eq!(answer.refused(422, "invalid_params"), ["id"]);

        kit.service.put("/v1/commits?environment=development&commit_message=c7", json!({})).await.ok();
        let newest =
            commits(kit, "environment=development").await[0]["id"].as_str().expect("an id").to_owned();
        let answer = kit.service.put(&format!("/v1/commits/{newest}/promote"), json!({})).await.ok();
        let commit = &answer["commit"];
        assert_eq!((&commit["environment"], &commit["commit_message"]), (&json!("production"), &json!("c7")));
        assert_eq!(live_text(kit).await, "draft");
    });
}

#[test]
fn commits_and_promotions_can_be_narrowed() {
    on_both(async |kit| {
        for key in ["one", "two"] {
            let path = format!("/v1/workflows/{key}?environment=development");
            kit.service.put(&path, document(key)).await.ok();
        }
        let commit = "/v1/commits?environment=development";
        kit.service.put(&format!("{commit}&resource_type=workflow&resource_id=one"), json!({})).await.ok();
        let found = commits(kit, "environment=development").await;
        assert_eq!(found.iter().map(|c| c["resource"]["identifier"].clone()).collect::<Vec<_>>(), ["one"]);
        kit.service.put(&format!("{commit}&resource_type=email_layout"), json!({})).await.ok();
        assert_eq!(commits(kit, "environment=development").await.len(), 1);
        for (query, field) in [
            ("&resource_id=one", "resource_id"),
            ("&resource_type=flow", "resource_type"),
            ("&resource_type[]=workflow&resource_type[]=partial&resource_id=one", "resource_id"),
        ] {
            for path in [commit, "/v1/commits/promote?to_environment=production"] {
                let answer = kit.service.put(&format!("{path}{query}"), json!({})).await;
                assert_eq!(answer.refused(422, "invalid_params"), [field], "{path}{query}");
            }
        }
        kit.service.put(commit, json!({})).await.ok();
        let promote = "/v1/commits/promote?to_environment=production&resource_type=workflow&resource_id=two";
        kit.service.put(promote, json!({})).await.ok();
        let live = kit.service.get("/v1/workflows?environment=production").await.ok();
        assert_eq!(pluck(&live["entries"], "key"), ["two"]);
        for (query, status, code, fields) in [
            ("", 422, "invalid_params", vec!["to_environment"]),
            ("?to_environment=staging", 404, "resource_missing", vec![]),
            ("?to_environment=development", 422, "invalid_params", vec!["branch"]),
            ("?to_environment=development&branch=x", 404, "branch_not_found", vec![]),
            ("?to_environment=production&branch=x", 422, "invalid_params", vec!["branch"]),
        ] {
            let answer = kit.service.put(&format!("/v1/commits/promote{query}"), json!({})).await;
            assert_eq!(answer.refused(status, code), fields, "{query}");
        }
    });
}

#[test]
fn activation_is_immediate_and_per_environment() {
    on_both(async |kit| {
        kit.service.put(&format!("{DRAFT}&commit=true"), document("x")).await.ok();
        kit.service.put("/v1/commits/promote?to_environment=production", json!({})).await.ok();
        let activate = |environment: &str| format!("/v1/workflows/greet/activate?environment={environment}");
        let body = json!({"recipients": [{"id": "ada"}]});
        let off = kit.service.put(&activate("development"), json!({"status": false})).await.ok();
        assert_eq!(off["workflow"]["active"], false);
        kit.post("/v1/workflows/greet/trigger", body.clone()).await.refused(422, "workflow_inactive");
        kit.service
            .put("/v1/workflows/greet/run?environment=development", body.clone())
            .await
            .refused(422, "workflow_inactive");
        kit.live.post("/v1/workflows/greet/trigger", body.clone()).await.ok();
        assert_eq!(kit.service.get(LIVE).await.ok()["active"], true);
        kit.service.put(&format!("{DRAFT}&commit=true"), document("y")).await.ok();
        assert_eq!(kit.service.get(DRAFT).await.ok()["active"], false, "a new version does not switch it on");
        kit.service.put(&format!("{}&status=true", activate("development")), json!({})).await.ok();
        kit.post("/v1/workflows/greet/trigger", body).await.ok();
        for body in [json!({}), json!({"status": 1}), json!({"status": "yes"}), json!({"status": null})] {
            let answer = kit.service.put(&activate("development"), body).await;
            assert_eq!(answer.refused(422, "invalid_params"), ["status"]);
        }
        let path = "/v1/workflows/unknown/activate?environment=development";
        kit.service.put(path, json!({"status": true})).await.refused(404, "resource_missing");
    });
}

#[test]
fn a_test_run_uses_the_committed_version() {
    on_both(async |kit| {
        let run = "/v1/workflows/greet/run?environment=development";
        let body = json!({"recipients": [{"id": "ada", "name": "Ada"}], "data": {"a": 1}});
        kit.service.put(DRAFT, document("one")).await.ok();
        kit.service.put(run, body.clone()).await.refused(404, "resource_missing");
        kit.service.put("/v1/commits?environment=development", json!({})).await.ok();
        kit.service.put(DRAFT, document("two")).await.ok();
        let id = kit.service.put(run, body).await.ok()["workflow_run_id"].as_str().expect("an id").to_owned();
        kit.idle().await;
        assert_eq!(kit.messages(&id).await.len(), 1);
        assert_eq!(kit.feed("ada", "").await["entries"][0]["blocks"][0]["content"], "one");
        assert_eq!(kit.service.put(run, json!({})).await.refused(422, "invalid_params"), ["recipients"]);
    });
}

#[test]
fn layouts_are_versioned_like_workflows() {
    on_both(async |kit| {
        let path = "/v1/email_layouts/plain?environment=development";
        let layout = |text: &str| {
            json!({"email_layout": {
                "name": "Plain",
                "html_layout": format!("<html><body>{text} {{{{ content }}}}</body></html>"),
                "text_layout": "{{ content }}",
            }})
        };
        kit.service.put(&format!("{path}&commit=true"), layout("one")).await.ok();
        let mut email = steps::email("email_1", "Hi");
        email["template"]["settings"] = json!({"layout_key": "plain"});
        kit.workflow("mails", json!([email])).await;
        kit.put("/v1/users/ada", json!({"email": "ada@example.com"})).await.ok();
        let html = async || {
            let run = kit.trigger("mails", json!({"recipients": ["ada"]})).await;
            let id = kit.messages(&run).await[0]["id"].as_str().expect("an id").to_owned();
            let content = kit.get(&format!("/v1/messages/{id}/content")).await.ok();
            content["data"]["html_body"].as_str().expect("HTML").to_owned()
        };
        assert!(html().await.contains("one"));
        kit.service.put(path, layout("two")).await.ok();
        assert!(html().await.contains("one"), "a draft of a layout is not used");
        kit.service
            .put("/v1/commits?environment=development&resource_type=email_layout", json!({}))
            .await
            .ok();
        assert!(html().await.contains("two"), "a new layout is used without a new workflow");
        let list = kit.service.get("/v1/email_layouts?environment=development").await.ok();
        assert_eq!(pluck(&list["entries"], "key"), ["default", "plain"]);
    });
}

#[test]
fn lists_are_in_key_order_and_paged() {
    on_both(async |kit| {
        for key in ["delta", "alpha", "charlie", "bravo"] {
            let path = format!("/v1/workflows/{key}?environment=development");
            kit.service.put(&path, document(key)).await.ok();
        }
        let base = "/v1/workflows?environment=development&limit=3";
        let first = kit.service.get(base).await.ok();
        assert_eq!(pluck(&first["entries"], "key"), ["alpha", "bravo", "charlie"]);
        assert!(
            first["page_info"].get("__typename").is_none() && first["entries"][0].get("__typename").is_none()
        );
        let after = first["page_info"]["after"].as_str().expect("there is more");
        let second = kit.service.get(&format!("{base}&after={after}")).await.ok();
        assert_eq!(
            (pluck(&second["entries"], "key"), &second["page_info"]["after"]),
            (vec!["delta".to_owned()], &Value::Null)
        );
        let before = second["page_info"]["before"].as_str().expect("there is more before");
        let back = kit.service.get(&format!("{base}&before={before}")).await.ok();
        assert_eq!(back["entries"], first["entries"]);
    });
}

#[test]
fn a_resource_that_is_saved_meanwhile_is_still_there() {
    on_both(async |kit| {
        kit.service.put(DRAFT, document("first")).await.ok();
        let save = async |text: &str| {
            kit.service.put(&format!("{DRAFT}&commit=true"), document(text)).await.ok();
        };
        let activate = async |status: bool| {
            let path = DRAFT.replace("greet?", "greet/activate?");
            kit.service.put(&path, json!({"status": status})).await.ok();
        };
        for round in 0..5 {
            let (a, b) = (format!("a{round}"), format!("b{round}"));
            tokio::join!(save(&a), activate(false), save(&b), activate(true), activate(false));
        }
        assert_eq!(commits(kit, "environment=development").await.len(), 10);
    });
}
