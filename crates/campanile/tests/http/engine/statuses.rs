//! Conditions on what became of an earlier message (workflows.md 7.4).

use serde_json::{Value, json};

use crate::kit::{Kit, on_both, steps};

const ASKED: [(&str, &str, &str); 10] = [
    ("delivery_status", "greater_than_or_equal_to", "$message.sent"),
    ("delivery_status", "less_than", "$message.sent"),
    ("delivery_status", "equal_to", "$message.bounced"),
    ("delivery_status", "equal_to", "$message.skipped"),
    ("delivery_status", "not_equal_to", "$message.skipped"),
    ("delivery_status", "equal_to", "$message.undelivered"),
    ("engagement_status", "not_contains", "$message.seen"),
    ("engagement_status", "contains", "$message.read"),
    ("engagement_status", "contains", "$message.seen_not_read"),
    ("engagement_status", "contains", "$message.archived"),
];

/// `first`, an hour, then one step for each question; answers which were true after `meanwhile`.
async fn ask(kit: &Kit, first: Value, wait: bool, meanwhile: &[&str]) -> Vec<bool> {
    let mut list = vec![first];
    if wait {
        list.push(steps::delay("delay_1", 1, "hours"));
    }
    for (n, (property, operator, argument)) in ASKED.iter().enumerate() {
        let variable = format!("refs.asked.{property}");
        let step = steps::feed(&format!("q_{n}"), "x");
        list.push(steps::when(step, &[(&variable, operator, json!(argument))]));
    }
    kit.workflow("asks", json!(list)).await;
    let run = kit.trigger("asks", json!({"recipients": ["ada"]})).await;
    for action in meanwhile {
        let messages = kit.messages(&run).await;
        let id = messages[0]["id"].as_str().expect("an id");
        kit.put(&format!("/v1/messages/{id}/{action}"), json!({})).await.ok();
    }
    if wait {
        kit.advance("PT1H").await;
    }
    let ran = kit.steps(&run).await;
    (0..ASKED.len()).map(|n| ran.contains(&format!("q_{n}"))).collect()
}

fn only(wanted: &[usize]) -> Vec<bool> {
    (0..ASKED.len()).map(|n| wanted.contains(&n)).collect()
}

#[test]
fn the_table_of_the_page_holds() {
    on_both(async |kit| {
        kit.put("/v1/users/ada", json!({"name": "Ada", "email": "ada@example.com"})).await.ok();
        let feed = || steps::feed("asked", "x");
        let email = || steps::email("asked", "x");
        let never = || steps::when(email(), &[("data.never", "exists", Value::Null)]);
        let branch = json!({"ref": "branch_1", "type": "branch", "branches": [
            {"name": "never", "conditions": steps::all(&[("data.never", "exists", Value::Null)]), "steps": [email()]},
            {"name": "default", "steps": []},
        ]});
        for (name, first, wait, meanwhile, wanted) in [
            ("queued", email(), false, &[][..], &[1, 4, 6][..]),
            ("kept by the sandbox", email(), true, &[], &[1, 4, 6]),
            ("skipped", never(), true, &[], &[1, 3, 6]),
            ("in a branch not taken", branch, true, &[], &[1, 3, 6]),
            ("delivered", feed(), true, &[], &[0, 4, 6]),
            ("delivered, at once", feed(), false, &[], &[0, 4, 6]),
            ("read, not seen", feed(), true, &["read"], &[0, 4, 6, 7]),
            ("seen, not read", feed(), true, &["seen"], &[0, 4, 8]),
            ("seen and read", feed(), true, &["seen", "read"], &[0, 4, 7]),
            ("archived", feed(), true, &["archived"], &[0, 4, 6, 9]),
        ] {
            assert_eq!(ask(kit, first, wait, meanwhile).await, only(wanted), "{name}");
        }
    });
}

#[test]
fn a_message_that_failed_is_asked_for_its_failure() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        let gone = crate::kit::provider::Provider::start(&[(404, &[], "")]).await;
        let asked = ask(kit, steps::webhook("asked", &gone.url("/hook")), true, &[]).await;
        assert_eq!(asked, only(&[1, 4, 5, 6]));
        assert_eq!(gone.seen().len(), 1);
    });
}

#[test]
fn only_preceding_channel_steps_can_be_asked() {
    on_both(async |kit| {
        let status = [("refs.feed_2.delivery_status", "equal_to", json!("$message.skipped"))];
        let list = json!([steps::when(steps::feed("feed_1", "x"), &status), steps::feed("feed_2", "y")]);
        let path = "/v1/workflows/asks?environment=development";
        let answer = kit.service.put(path, json!({"workflow": {"name": "A", "steps": list}})).await;
        let fields = answer.refused(422, "invalid_params");
        assert!(fields[0].starts_with("steps[0].conditions"), "{fields:?}");
    });
}
