//! Schedules (workflows.md section 22).

use axum::http::Method;
use serde_json::{Value, json};

use crate::bulk::done;
use crate::kit::{Answer, Kit, on_both, pluck, steps};

async fn publish(kit: &Kit) {
    kit.workflow("digest", json!([steps::feed("feed_1", "{{ kind }}")])).await;
}

/// Makes schedules for these recipients.
async fn create(kit: &Kit, recipients: Value, more: Value) -> Vec<Value> {
    let mut body = json!({"workflow": "digest", "recipients": recipients});
    body.as_object_mut().expect("a map").extend(more.as_object().expect("a map").clone());
    kit.post("/v1/schedules", body).await.ok().as_array().expect("a list").clone()
}

async fn delete(kit: &Kit, ids: &[&Value]) -> Answer {
    let body = json!({"schedule_ids": ids}).to_string();
    kit.secret.send(Method::DELETE, "/v1/schedules", body, &[]).await
}

async fn listed(kit: &Kit, query: &str) -> Value {
    kit.get(&format!("/v1/schedules?workflow=digest{query}")).await.ok()["entries"].clone()
}

/// When somebody's runs began, oldest first.
async fn fired(kit: &Kit, recipient: &str) -> Vec<String> {
    let runs = kit.get(&format!("/v1/workflow_recipient_runs?recipient={recipient}")).await.ok();
    let mut at = pluck(&runs["items"], "inserted_at");
    at.reverse();
    at.iter().map(|at| at.replace(":00.000000Z", "Z")).collect()
}

#[test]
fn a_schedule_fires_at_its_occurrences_and_not_past_its_end() {
    on_both(async |kit| {
        publish(kit).await;
        kit.users(&["ada"]).await;
        let repeats = json!([{"frequency": "daily", "days": "weekdays", "hours": 9, "minutes": 30}]);
        let more = json!({"repeats": repeats, "ending_at": "2026-03-09T09:30:00Z", "data": {"kind": "news"},
            "tenant": "acme"});
        let made = create(kit, json!(["ada"]), more).await;
        let mut want = json!({
            "__typename": "Schedule", "id": made[0]["id"], "workflow": "digest", "recipient": made[0]["recipient"],
            "actor": null, "tenant": "acme", "data": {"kind": "news"},
            "repeats": [{"__typename": "ScheduleRepeat", "frequency": "daily", "interval": 1,
                "days": ["mon", "tue", "wed", "thu", "fri"], "hours": 9, "minutes": 30, "day_of_month": null}],
            "scheduled_at": null, "ending_at": "2026-03-09T09:30:00.000000Z", "last_occurrence_at": null,
            "next_occurrence_at": "2026-03-02T09:30:00.000000Z", "inserted_at": kit.now().await,
            "updated_at": kit.now().await,
        });
        assert_eq!(made[0], want);
        assert_eq!(made[0]["recipient"]["name"], "ada");
        kit.advance("P14D").await;
        let want_at = [2, 3, 4, 5, 6, 9].map(|day| format!("2026-03-0{day}T09:30Z"));
        assert_eq!(fired(kit, "ada").await, want_at);
        want["last_occurrence_at"] = "2026-03-09T09:30:00.000000Z".into();
        want["next_occurrence_at"] = Value::Null;
        assert_eq!(listed(kit, "").await, json!([want]));
        let feed = kit.feed("ada", "tenant=acme").await;
        assert_eq!(feed["entries"].as_array().map(Vec::len), Some(6), "the tenant is the run's");
        let runs = kit.get("/v1/workflow_recipient_runs?workflow=digest").await.ok();
        let source = json!({"type": "schedule", "schedule_id": made[0]["id"]});
        assert!(
            runs["items"]
                .as_array()
                .is_some_and(|list| list.iter().all(|run| run["trigger_source"] == source))
        );
    });
}

#[test]
fn one_offs_fire_once_and_at_once_when_they_are_past() {
    on_both(async |kit| {
        publish(kit).await;
        let at = json!({"scheduled_at": "2026-03-05T11:17:00Z"});
        create(kit, json!([{"id": "ada", "timezone": "Asia/Tokyo"}]), at).await;
        let past = create(kit, json!([{"id": "bob"}]), json!({"scheduled_at": "2026-01-01T00:00:00Z"})).await;
        kit.idle().await;
        assert_eq!(fired(kit, "bob").await, ["2026-03-02T09:00Z"]);
        let never = json!({"scheduled_at": "2026-03-05T12:00:00Z", "ending_at": "2026-03-05T11:00:00Z"});
        let never = create(kit, json!([{"id": "cyd"}]), never).await;
        assert_eq!(never[0]["next_occurrence_at"], Value::Null);
        kit.advance("P30D").await;
        assert_eq!(fired(kit, "ada").await, ["2026-03-05T11:17Z"]);
        assert_eq!(fired(kit, "cyd").await, Vec::<String>::new());
        // Another date for something else does not fire it again; another instant does.
        let change = json!({"schedule_ids": [past[0]["id"]], "ending_at": "2027-01-01T00:00:00Z"});
        kit.put("/v1/schedules", change).await.ok();
        kit.advance("P1D").await;
        assert_eq!(fired(kit, "bob").await.len(), 1);
        let change = json!({"schedule_ids": [past[0]["id"]], "scheduled_at": "2026-04-03T09:00:00Z"});
        kit.put("/v1/schedules", change).await.ok();
        kit.advance("P1D").await;
        assert_eq!(fired(kit, "bob").await, ["2026-03-02T09:00Z", "2026-04-03T09:00Z"]);
    });
}

#[test]
fn occurrences_follow_the_recipients_wall_clock() {
    on_both(async |kit| {
        publish(kit).await;
        let people = json!([
            {"id": "ada", "timezone": "America/New_York"},
            {"id": "hub", "collection": "projects", "timezone": "Asia/Tokyo"},
            "nobody",
        ]);
        let made = create(kit, people, json!({"repeats": [{"frequency": "daily", "hours": 10}]})).await;
        let next = made.iter().map(|one| one["next_occurrence_at"].clone()).collect::<Vec<_>>();
        let want =
            ["2026-03-02T15:00:00.000000Z", "2026-03-03T01:00:00.000000Z", "2026-03-02T10:00:00.000000Z"];
        assert_eq!(next, want);
        // Whoever moves is followed, and whoever comes to be known.
        kit.put("/v1/users/ada", json!({"timezone": "Europe/Berlin"})).await.ok();
        let known = json!({"users": [{"id": "nobody", "timezone": "Asia/Tokyo"}]});
        done(kit, "/v1/users/bulk/identify", known).await;
        let next = pluck(&listed(kit, "").await, "next_occurrence_at");
        let want =
            ["2026-03-03T01:00:00.000000Z", "2026-03-03T01:00:00.000000Z", "2026-03-03T09:00:00.000000Z"];
        assert_eq!(next, want, "nobody, hub, ada");
        kit.advance("P1DT1H").await;
        assert_eq!(fired(kit, "ada").await, ["2026-03-03T09:00Z"]);
        assert_eq!(fired(kit, "nobody").await, ["2026-03-03T01:00Z"]);
    });
}

#[test]
fn a_run_sees_its_schedule_and_the_version_of_its_instant() {
    on_both(async |kit| {
        let text = "{{ recipient.schedule.id }} {{ recipient.schedule.last_occurrence_at }} \
                    {{ recipient.schedule.next_occurrence_at }} {{ actor.id }}";
        kit.workflow("digest", json!([steps::feed("feed_1", "old")])).await;
        let repeats = json!({"repeats": [{"frequency": "daily"}], "actor": {"id": "bob"}});
        let made = create(kit, json!([{"id": "ada"}]), repeats).await;
        kit.workflow("digest", json!([steps::feed("feed_1", text)])).await;
        kit.advance("P2D").await;
        let feed = kit.feed("ada", "").await;
        let shown: Vec<&str> =
            (0..2).filter_map(|n| feed["entries"][n]["blocks"][0]["rendered"].as_str()).collect();
        let id = made[0]["id"].as_str().expect("an id");
        let (first, second, third) =
            ("2026-03-03T00:00:00.000000Z", "2026-03-04T00:00:00.000000Z", "2026-03-05T00:00:00.000000Z");
        assert!(shown[1].contains(&format!("{id}  {second} bob")), "{shown:?}");
        assert!(shown[0].contains(&format!("{id} {first} {third} bob")), "{shown:?}");
    });
}

#[test]
fn occurrences_of_a_workflow_that_is_off_are_lost() {
    on_both(async |kit| {
        publish(kit).await;
        kit.users(&["ada"]).await;
        create(kit, json!(["ada"]), json!({"repeats": [{"frequency": "daily"}]})).await;
        let activate = "/v1/workflows/digest/activate?environment=development";
        kit.service.put(activate, json!({"status": false})).await.ok();
        kit.advance("P2D").await;
        assert_eq!(listed(kit, "").await[0]["last_occurrence_at"], Value::Null);
        kit.service.put(activate, json!({"status": true})).await.ok();
        kit.advance("P1D").await;
        assert_eq!(fired(kit, "ada").await, ["2026-03-05T00:00Z"]);
    });
}

#[test]
fn deleted_schedules_and_those_of_deleted_people_never_fire() {
    on_both(async |kit| {
        publish(kit).await;
        let people = json!([{"id": "ada"}, {"id": "bob"}, {"id": "cyd"}, {"collection": "p", "id": "p1"}]);
        let made = create(kit, people, json!({"repeats": [{"frequency": "hourly"}]})).await;
        let gone =
            delete(kit, &[&made[0]["id"], &json!("no-id"), &json!(uuid::Uuid::new_v4().to_string())]).await;
        assert_eq!(gone.ok(), json!([made[0]]));
        assert_eq!(delete(kit, &[&made[0]["id"]]).await.ok(), json!([]));
        kit.delete("/v1/users/bob").await.ok();
        kit.delete("/v1/objects/p/p1").await.ok();
        let left = listed(kit, "").await;
        assert_eq!(left, json!([made[2]]));
        kit.advance("PT1H").await;
        let runs = kit.get("/v1/workflow_recipient_runs").await.ok();
        assert_eq!(pluck(&runs["items"], "recipient"), ["cyd"]);
        // The run goes on without its schedule, its log with its user.
        delete(kit, &[&made[2]["id"]]).await.ok();
        kit.delete("/v1/users/cyd").await.ok();
        let runs = kit.get("/v1/workflow_recipient_runs").await.ok();
        assert_eq!(runs["items"], json!([]));
    });
}

#[test]
fn lists_filter_and_page() {
    on_both(async |kit| {
        publish(kit).await;
        kit.workflow("other", json!([steps::feed("feed_1", "x")])).await;
        let daily = json!([{"frequency": "daily"}]);
        create(
            kit,
            json!(["a", "b", {"collection": "p", "id": "o"}]),
            json!({"repeats": daily, "tenant": "acme"}),
        )
        .await;
        create(kit, json!(["a"]), json!({"repeats": daily})).await;
        let body = json!({"workflow": "other", "recipients": ["a"], "repeats": daily});
        kit.post("/v1/schedules", body).await.ok();
        for (path, count) in [
            ("/v1/schedules?workflow=digest", 4),
            ("/v1/schedules?workflow=other", 1),
            ("/v1/schedules?workflow=digest&tenant=acme", 3),
            ("/v1/schedules?workflow=digest&recipients[]=a", 2),
            ("/v1/schedules?workflow=digest&recipients[]=a&recipients[]=b", 3),
            ("/v1/schedules?workflow=digest&recipients[][collection]=p&recipients[][id]=o", 1),
            ("/v1/users/a/schedules", 3),
            ("/v1/users/a/schedules?workflow=digest&tenant=acme", 1),
            ("/v1/users/unknown/schedules", 0),
            ("/v1/objects/p/o/schedules", 1),
            ("/v1/objects/p/o/schedules?tenant=globex", 0),
        ] {
            let list = kit.get(path).await.ok();
            assert_eq!(list["entries"].as_array().map(Vec::len), Some(count), "{path}");
        }
        let all = listed(kit, "").await;
        let first = kit.get("/v1/schedules?workflow=digest&page_size=3").await.ok();
        let cursor = first["page_info"]["after"].as_str().expect("a cursor");
        let second = kit.get(&format!("/v1/schedules?workflow=digest&page_size=3&after={cursor}")).await.ok();
        assert_eq!(first["entries"].as_array().map(Vec::as_slice), all.as_array().map(|all| &all[..3]));
        assert_eq!(second["entries"], json!([all[3]]));
        assert_eq!(kit.live.get("/v1/schedules?workflow=digest").await.ok()["entries"], json!([]));
    });
}

#[test]
fn changes_apply_to_all_and_null_clears() {
    on_both(async |kit| {
        publish(kit).await;
        kit.users(&["ada", "bob", "cyd"]).await;
        let more = json!({"repeats": [{"frequency": "daily", "hours": 12}], "data": {"n": 1}, "actor": "cyd", "tenant": "acme"});
        let made = create(kit, json!(["ada", "bob"]), more).await;
        let ids = json!([made[1]["id"], made[0]["id"]]);
        let same = kit.put("/v1/schedules", json!({"schedule_ids": ids, "data": {"n": 2}})).await.ok();
        assert_eq!(pluck(&same, "id"), pluck(&json!([made[1], made[0]]), "id"));
        assert_eq!((&same[0]["data"], &same[0]["repeats"]), (&json!({"n": 2}), &made[0]["repeats"]));
        assert_eq!(same[0]["actor"]["id"], "cyd");
        let cleared = json!({"schedule_ids": ids, "data": null, "actor": null, "tenant": null, "repeats": [],
            "scheduled_at": "2026-03-02T10:00:00Z"});
        let cleared = kit.put("/v1/schedules", cleared).await.ok();
        for one in cleared.as_array().expect("a list") {
            assert_eq!([&one["data"], &one["actor"], &one["tenant"]], [&Value::Null; 3]);
            assert_eq!(
                (&one["repeats"], &one["next_occurrence_at"]),
                (&json!([]), &json!("2026-03-02T10:00:00.000000Z"))
            );
        }
        kit.advance("P3D").await;
        assert_eq!(fired(kit, "ada").await, ["2026-03-02T10:00Z"]);
        let neither = json!({"schedule_ids": ids, "scheduled_at": null});
        assert_eq!(kit.put("/v1/schedules", neither).await.refused(422, "invalid_params"), ["scheduled_at"]);
        let unknown = json!({"schedule_ids": ids, "actor": "nobody"});
        kit.put("/v1/schedules", unknown).await.refused(422, "actor_missing");
    });
}

#[test]
fn bad_requests_name_everything_at_once() {
    on_both(async |kit| {
        publish(kit).await;
        let many: Vec<String> = (0..101).map(|n| format!("u{n}")).collect();
        for (body, fields) in [
            (json!({}), vec!["recipients", "scheduled_at", "workflow"]),
            (
                json!({"workflow": 7, "recipients": ["a/b"], "repeats": [{"frequency": "yearly"}], "scheduled_at": "soon",
                    "ending_at": 5, "data": [], "actor": 7, "tenant": 7}),
                vec![
                    "actor",
                    "data",
                    "ending_at",
                    "recipients[0]",
                    "repeats[0].frequency",
                    "scheduled_at",
                    "tenant",
                    "workflow",
                ],
            ),
            (
                json!({"workflow": "digest", "recipients": many, "scheduled_at": "2027-01-01"}),
                vec!["recipients"],
            ),
            (json!({"workflow": "digest", "recipients": ["a"], "repeats": []}), vec!["scheduled_at"]),
        ] {
            assert_eq!(
                kit.post("/v1/schedules", body.clone()).await.refused(422, "invalid_params"),
                fields,
                "{body}"
            );
        }
        let unknown =
            json!({"workflow": "unknown", "recipients": [{"id": "a"}], "scheduled_at": "2027-01-01"});
        kit.post("/v1/schedules", unknown).await.refused(404, "workflow_missing");
        kit.get("/v1/users/a").await.refused(404, "resource_missing");
        let actor =
            json!({"workflow": "digest", "recipients": ["a"], "actor": "b", "scheduled_at": "2027-01-01"});
        kit.post("/v1/schedules", actor).await.refused(422, "actor_missing");
        assert_eq!(kit.get("/v1/schedules").await.refused(422, "invalid_params"), ["workflow"]);
        assert_eq!(
            kit.put("/v1/schedules", json!({"schedule_ids": "x"})).await.refused(422, "invalid_params"),
            ["schedule_ids"]
        );
        assert_eq!(delete(kit, &[&json!(7)]).await.refused(422, "invalid_params"), ["schedule_ids[0]"]);
        let rows = json!({"schedules": [{"workflow": "digest"}, {"recipient": "a"}, 7]});
        assert_eq!(
            kit.post("/v1/schedules/bulk/create", rows).await.refused(422, "invalid_params"),
            ["schedules[0].recipient", "schedules[1].workflow", "schedules[2]"]
        );
    });
}

#[test]
fn many_are_made_in_bulk_and_fire_at_one_instant() {
    on_both(async |kit| {
        publish(kit).await;
        let daily = json!([{"frequency": "daily", "hours": 10}]);
        let mut rows: Vec<Value> = (0..600)
            .map(|n| json!({"workflow": "digest", "recipient": {"id": format!("u{n}")}, "repeats": daily}))
            .collect();
        rows.push(json!({"workflow": "unknown", "recipient": "lost", "repeats": daily}));
        rows.push(json!({"workflow": "digest", "recipient": {"collection": "p", "id": "lost"}}));
        rows.push(rows[0].clone());
        let operation = done(kit, "/v1/schedules/bulk/create", json!({"schedules": rows})).await;
        assert_eq!(
            (&operation["name"], &operation["success_count"]),
            (&json!("schedules.create"), &json!(601))
        );
        let mut refused = operation["error_items"].as_array().expect("a list").clone();
        refused.sort_by_key(Value::to_string);
        let want = json!([{"id": "lost", "collection": "p"}, {"id": "lost", "collection": null}]);
        let mut want = want.as_array().expect("a list").clone();
        want.sort_by_key(Value::to_string);
        assert_eq!(refused, want);
        kit.advance("PT1H").await;
        assert_eq!(fired(kit, "u0").await, ["2026-03-02T10:00Z"; 2]);
        assert_eq!(fired(kit, "u599").await, ["2026-03-02T10:00Z"]);
    });
}
