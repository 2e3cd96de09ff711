//! Triggers that reach subscribers. Each case runs twice: expanded with the trigger, and piece by piece after it.

use std::collections::{BTreeMap, HashSet};

use campanile_store::{Cost, Param};
use serde_json::{Value, json};

use super::{path, reference, subscribe};
use crate::kit::{Kit, on_both, steps};

/// Direct recipients that nobody knows, so many that a trigger is expanded after its answer.
const GHOSTS: usize = 101;

async fn workflow(kit: &Kit) {
    let body =
        "{{ recipient.id }} {{ recipient.subscription.role }}@{{ recipient.subscription.object.name }}.";
    kit.workflow("tell", json!([steps::feed("feed_1", body)])).await;
}

/// Triggers with or without ghosts.
async fn tell(kit: &Kit, recipients: &[&str], actor: Value, ghosts: bool) -> String {
    let mut list: Vec<Value> = recipients.iter().map(|key| reference(key)).collect();
    if ghosts {
        list.extend((0..GHOSTS).map(|n| json!(format!("ghost-{n}"))));
    }
    kit.trigger("tell", json!({"recipients": list, "actor": actor})).await
}

/// Keys of everybody who has a run, ghosts apart.
async fn runs(kit: &Kit, run: &str) -> Vec<String> {
    let id: uuid::Uuid = run.parse().expect("a run id");
    let sql = "SELECT recipient FROM recipient_runs WHERE run = $1 ORDER BY recipient";
    let store = kit.server().engine.store();
    let rows = store.query(Cost::Scan, sql, &[Param::from(id)]).await.expect("the database answers");
    rows.into_iter()
        .map(|mut row| row.text(0).expect("a key"))
        .filter(|key| !key.starts_with("ghost"))
        .collect()
}

/// What each user was told.
async fn told(kit: &Kit, run: &str) -> BTreeMap<String, String> {
    let mut texts = BTreeMap::new();
    let mut after = String::new();
    loop {
        let page = kit.get(&format!("/v1/messages?workflow_run_id={run}{after}")).await.ok();
        for message in page["items"].as_array().expect("a list") {
            let user = message["recipient"].as_str().expect("a user").to_owned();
            let id = message["id"].as_str().expect("an id");
            let content = kit.get(&format!("/v1/messages/{id}/content")).await.ok();
            let text = content["data"]["blocks"][0]["rendered"].as_str().unwrap_or_default();
            let text = text.trim().trim_start_matches("<p>").trim_end_matches("</p>").to_owned();
            assert_eq!(texts.insert(user.clone(), text), None, "{user} was told twice");
        }
        match page["page_info"]["after"].as_str() {
            Some(cursor) => after = format!("&after={cursor}"),
            None => return texts,
        }
    }
}

#[test]
fn the_example_of_the_workflow_page() {
    on_both(async |kit| {
        workflow(kit).await;
        kit.put("/v1/objects/orgs/org-1", json!({"name": "Org"})).await.ok();
        for (object, recipients, role) in [
            ("orgs/org-1", &["teams/team-1", "teams/team-2"][..], "team"),
            ("teams/team-1", &["u1", "u2"], "first"),
            ("teams/team-2", &["u2", "u3"], "second"),
        ] {
            subscribe(kit, object, recipients, json!({"role": role})).await;
            kit.advance("PT1S").await;
        }
        for ghosts in [false, true] {
            let run = tell(kit, &["orgs/org-1", "u3"], json!("u1"), ghosts).await;
            assert_eq!(runs(kit, &run).await, ["orgs/org-1", "teams/team-1", "teams/team-2", "u2", "u3"]);
            let told = told(kit, &run).await;
            assert_eq!(told["u2"], "u2 first@teams/team-1.");
            assert_eq!(told["u3"], "u3 @.", "a direct recipient has no subscription");
            kit.advance("PT1S").await;
        }
    });
}

#[test]
fn the_example_of_the_recipient_page_and_an_actor_that_is_named() {
    on_both(async |kit| {
        workflow(kit).await;
        subscribe(kit, "orgs/org", &["teams/team", "u1"], json!(null)).await;
        subscribe(kit, "teams/team", &["u1", "u2"], json!(null)).await;
        for ghosts in [false, true] {
            let run = tell(kit, &["orgs/org", "u2"], json!("u1"), ghosts).await;
            assert_eq!(runs(kit, &run).await, ["orgs/org", "teams/team", "u2"]);
            let run = tell(kit, &["orgs/org", "u1"], json!("u1"), ghosts).await;
            assert_eq!(runs(kit, &run).await, ["orgs/org", "teams/team", "u1", "u2"]);
            // An object that acts is not told; its own subscribers are.
            let run = tell(kit, &["orgs/org"], reference("teams/team"), ghosts).await;
            assert_eq!(runs(kit, &run).await, ["orgs/org", "u1", "u2"]);
        }
    });
}

#[test]
fn the_third_level_hears_nothing_and_circles_end() {
    on_both(async |kit| {
        workflow(kit).await;
        for (object, recipients) in [
            ("o/1", &["o/2", "o/4"][..]),
            ("o/2", &["o/3", "o/1", "at-two"]),
            ("o/3", &["at-three"]),
            ("o/4", &["o/1", "o/2"]),
            ("$tenants/acme", &["tenant-user"]),
        ] {
            subscribe(kit, object, recipients, json!(null)).await;
        }
        for ghosts in [false, true] {
            let run = tell(kit, &["o/1"], json!(null), ghosts).await;
            assert_eq!(runs(kit, &run).await, ["at-two", "o/1", "o/2", "o/3", "o/4"]);
            let run = tell(kit, &["o/1", "o/3"], json!(null), ghosts).await;
            assert_eq!(runs(kit, &run).await, ["at-three", "at-two", "o/1", "o/2", "o/3", "o/4"]);
            let run = tell(kit, &["$tenants/acme"], json!(null), ghosts).await;
            assert_eq!(runs(kit, &run).await, ["$tenants/acme", "tenant-user"]);
        }
    });
}

#[test]
fn the_nearest_and_oldest_subscription_counts() {
    on_both(async |kit| {
        workflow(kit).await;
        for object in ["o/1", "o/2", "t/1"] {
            kit.put(&format!("/v1/objects/{object}"), json!({"name": object})).await.ok();
        }
        // Deeper and older loses against nearer; among equals the order of the recipients counts.
        for (object, recipients, role) in [
            ("t/1", &["near", "deep"][..], "deep"),
            ("o/2", &["both"], "second"),
            ("o/1", &["t/1"], "team"),
            ("o/1", &["both", "near"], "first"),
        ] {
            subscribe(kit, object, recipients, json!({"role": role})).await;
            kit.advance("PT1S").await;
        }
        for ghosts in [false, true] {
            for (order, both) in [(["o/1", "o/2"], "both first@o/1."), (["o/2", "o/1"], "both second@o/2.")] {
                let run = tell(kit, &order, json!(null), ghosts).await;
                let told = told(kit, &run).await;
                assert_eq!(told["both"], both);
                assert_eq!(told["near"], "near first@o/1.");
                assert_eq!(told["deep"], "deep deep@t/1.");
                kit.advance("PT1S").await;
            }
        }
    });
}

#[test]
fn a_subscription_is_remembered_while_its_run_waits() {
    on_both(async |kit| {
        let body = "{{ recipient.subscription.role }}@{{ recipient.subscription.object.name }}";
        let when = steps::when(
            steps::feed("feed_1", body),
            &[("recipient.subscription.role", "equal_to", json!("member"))],
        );
        kit.workflow("tell", json!([steps::delay("delay_1", 1, "hours"), when])).await;
        kit.put("/v1/objects/o/1", json!({"name": "One"})).await.ok();
        subscribe(kit, "o/1", &["ada"], json!({"role": "member"})).await;
        let mut waiting = Vec::new();
        for ghosts in [false, true] {
            waiting.push(tell(kit, &["o/1", "direct"], json!(null), ghosts).await);
        }
        subscribe(kit, "o/1", &["ada"], json!({"role": "guest"})).await;
        kit.advance("PT2H").await;
        for run in waiting {
            assert_eq!(told(kit, &run).await, BTreeMap::from([("ada".into(), "member@One".into())]));
        }
    });
}

#[test]
fn a_property_called_subscription_stays_unless_there_is_one() {
    on_both(async |kit| {
        kit.workflow("tell", json!([steps::feed("feed_1", "{{ recipient.subscription.role }}")])).await;
        kit.put("/v1/users/ada", json!({"subscription": {"role": "own"}})).await.ok();
        kit.post(&path("o/1"), json!({"recipients": ["ada"], "properties": {"role": "member"}})).await.ok();
        for (recipient, want) in [("ada", "own"), ("o/1", "member")] {
            let run = tell(kit, &[recipient], json!(null), false).await;
            assert_eq!(told(kit, &run).await["ada"], want);
            kit.advance("PT1S").await;
        }
    });
}

#[test]
fn many_subscribers_are_told_once_each_across_nested_objects() {
    on_both(async |kit| {
        workflow(kit).await;
        // Three teams of 260 that share 60 of their members with the next one and with the organisation.
        let add = async |object: &str, from: usize, to: usize| {
            let rows: Vec<_> = (from..to)
                .step_by(100)
                .map(|n| {
                    let users: Vec<_> =
                        (n..(n + 100).min(to)).map(|n| json!({"id": format!("u{n}")})).collect();
                    json!({"id": object, "recipients": users})
                })
                .collect();
            kit.post("/v1/objects/teams/bulk/subscriptions/add", json!({"subscriptions": rows})).await.ok();
            kit.idle().await;
        };
        for (team, from) in [("a", 0), ("b", 200), ("c", 400)] {
            add(team, from, from + 260).await;
        }
        add("org", 600, 700).await;
        subscribe(kit, "teams/org", &["teams/a", "teams/b", "teams/c"], json!(null)).await;
        let run = tell(kit, &["teams/org", "teams/b", "u5"], json!("u300"), false).await;
        let runs = runs(kit, &run).await;
        let distinct: HashSet<&String> = runs.iter().collect();
        assert_eq!((runs.len(), distinct.len()), (703, 703), "700 users without the actor, 4 objects");
        assert!(!distinct.contains(&"u300".to_owned()));
        let told = told(kit, &run).await;
        assert_eq!(told.len(), 699);
    });
}

/// A small pseudo-random sequence: the same graphs every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % bound
    }
}

/// Who is reached, and through whom: breadth first over the edges in their order.
fn model(edges: &[(String, String)], direct: &[&str], actor: &str) -> BTreeMap<String, Option<String>> {
    let mut reached: BTreeMap<String, Option<String>> =
        direct.iter().map(|key| ((*key).to_owned(), None)).collect();
    let mut seen: HashSet<String> = reached.keys().cloned().collect();
    let mut level: Vec<String> = direct.iter().map(|key| (*key).to_owned()).collect();
    for _ in 0..2 {
        let mut next = Vec::new();
        for object in &level {
            for (_, recipient) in edges.iter().filter(|(from, _)| from == object) {
                if seen.insert(recipient.clone()) {
                    next.push(recipient.clone());
                    if recipient != actor {
                        reached.insert(recipient.clone(), Some(object.clone()));
                    }
                }
            }
        }
        level = next;
    }
    reached
}

#[test]
fn random_graphs_are_walked_as_the_model_says() {
    on_both(async |kit| {
        let mut random = Random(7);
        kit.workflow("tell", json!([steps::feed("feed_1", "{{ recipient.subscription.object.id }}")])).await;
        for round in 0..6 {
            let object = |n: u64| format!("c{round}/o{n}");
            let mut edges: Vec<(String, String)> = Vec::new();
            for _ in 0..18 {
                let from = object(random.below(6));
                let to = if random.below(2) == 0 {
                    object(random.below(6))
                } else {
                    format!("r{round}-u{}", random.below(6))
                };
                if from != to && !edges.contains(&(from.clone(), to.clone())) {
                    subscribe(kit, &from, &[&to], json!(null)).await;
                    kit.advance("PT1S").await;
                    edges.push((from, to));
                }
            }
            let direct = [object(random.below(3)), object(3 + random.below(3)), format!("r{round}-u0")];
            let direct: Vec<&str> = direct.iter().map(String::as_str).collect();
            let actor = format!("r{round}-u1");
            for key in direct.iter().chain([&actor.as_str()]) {
                let collection =
                    key.split_once('/').map_or_else(|| "users".into(), |(c, _)| format!("objects/{c}"));
                let id = key.rsplit('/').next().unwrap_or_default();
                kit.put(&format!("/v1/{collection}/{id}"), json!({})).await.ok();
            }
            let want = model(&edges, &direct, &actor);
            let keys: Vec<&String> = want.keys().collect();
            for ghosts in [false, true] {
                let run = tell(kit, &direct, json!(actor), ghosts).await;
                assert_eq!(runs(kit, &run).await.iter().collect::<Vec<_>>(), keys, "{edges:?}");
                for (user, text) in told(kit, &run).await {
                    let via = want[&user].as_deref().and_then(|key| key.rsplit('/').next());
                    assert_eq!(text, via.unwrap_or_default(), "{user} in {edges:?}");
                }
                kit.advance("PT1S").await;
            }
        }
    });
}
