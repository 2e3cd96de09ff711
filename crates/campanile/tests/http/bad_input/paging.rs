//! Page sizes and cursors of every list (api-conventions.md section 6).

use serde_json::json;

use super::check;
use crate::kit::{Caller, Kit, on_both, steps};

/// Every list that is answered: its path, the parameter of its size, the largest size, who asks.
async fn lists(kit: &Kit) -> Vec<(String, &'static str, u64, &Caller)> {
    kit.users(&["ada"]).await;
    kit.workflow("greet", json!([steps::feed("feed_1", "Hi")])).await;
    let run = kit.trigger("greet", json!({"recipients": ["ada"]})).await;
    let id = kit.messages(&run).await[0]["id"].as_str().expect("an id").to_owned();
    let feed = kit.channel_id("in-app-feed").await;
    let mut lists = Vec::new();
    for path in [
        "/v1/users?".to_owned(),
        "/v1/objects/projects?".to_owned(),
        "/v1/tenants?".to_owned(),
        "/v1/messages?".to_owned(),
        "/v1/users/ada/messages?".to_owned(),
        "/v1/objects/projects/p1/messages?".to_owned(),
        format!("/v1/users/ada/feeds/{feed}?"),
        format!("/v1/messages/{id}/events?"),
        format!("/v1/messages/{id}/delivery_logs?"),
        format!("/v1/messages/{id}/activities?"),
    ] {
        lists.push((path, "page_size", 50, &kit.secret));
    }
    for name in ["workflows", "email_layouts", "commits", "channels"] {
        lists.push((format!("/v1/{name}?environment=development&"), "limit", 100, &kit.service));
    }
    lists.push(("/v1/environments?".into(), "limit", 100, &kit.service));
    lists
}

#[test]
fn sizes_are_clamped_above_and_refused_below() {
    on_both(async |kit| {
        for (path, parameter, largest, caller) in lists(kit).await {
            for size in ["0", "-1", "ten", "1.5", "1e3", "%20"] {
                let answer = caller.get(&format!("{path}{parameter}={size}")).await;
                assert_eq!(answer.refused(422, "invalid_params"), [parameter], "{path} {size}");
            }
            for (size, effective) in
                [("", 50), ("1", 1), ("50", 50), ("1000000000", largest), ("99999999999999999999", largest)]
            {
                let page = caller.get(&format!("{path}{parameter}={size}")).await.ok();
                assert_eq!(page["page_info"]["page_size"], effective, "{path} {size:?}: {page}");
            }
        }
    });
}

#[test]
fn cursors_cannot_be_forged_or_combined() {
    on_both(async |kit| {
        let _ = lists(kit).await;
        kit.users(&["bob"]).await;
        let users = kit.get("/v1/users?page_size=1").await.ok();
        let after = users["page_info"]["after"].as_str().expect("there are two users").to_owned();
        kit.get(&format!("/v1/users?after={after}")).await.ok();
        // Another size and no filter of the list make a cursor useless.
        kit.get(&format!("/v1/users?after={after}&page_size=7")).await.ok();
        let mut tampered = after.clone().into_bytes();
        let middle = tampered.len() / 2;
        tampered[middle] = if tampered[middle] == b'A' { b'B' } else { b'A' };
        let tampered = String::from_utf8(tampered).expect("ASCII");
        let cut = &after[..after.len() - 2];
        for (path, parameter, _, caller) in lists(kit).await {
            let foreign = !path.starts_with("/v1/users?");
            for cursor in ["x", "AAAA", "g3QAAAABbQAAAAJpZA", &tampered, cut, "a%20b"]
                .into_iter()
                .chain(foreign.then_some(after.as_str()))
            {
                for name in ["after", "before"] {
                    let answer = caller.get(&format!("{path}{name}={cursor}&{parameter}=5")).await;
                    assert_eq!(answer.refused(422, "invalid_params"), [name], "{path} {cursor}");
                }
            }
            let both = caller.get(&format!("{path}after=a&before=b")).await;
            assert_eq!(both.refused(422, "invalid_params"), ["before"], "{path}");
            // Empty is absent (A6.9).
            caller.get(&format!("{path}after=&before=")).await.ok();
        }
    });
}

#[test]
fn wrong_filters_are_refused_by_name() {
    on_both(async |kit| {
        let feed = kit.channel_id("in-app-feed").await;
        let feed = format!("/v1/users/ada/feeds/{feed}");
        let ids = "message_ids[]=x&".repeat(51);
        for (path, query, field) in [
            ("/v1/messages", "status[]=opened", "status"),
            ("/v1/messages", "engagement_status=opened", "engagement_status"),
            ("/v1/messages", "inserted_at.gt=yesterday", "inserted_at.gt"),
            ("/v1/messages", "inserted_at[lte]=x", "inserted_at.lte"),
            ("/v1/messages", "trigger_data=x", "trigger_data"),
            ("/v1/messages", "trigger_data=%5B%5D", "trigger_data"),
            ("/v1/messages", "workflow_run_id=x", "workflow_run_id"),
            ("/v1/messages", ids.as_str(), "message_ids"),
            ("/v1/messages", "tenant=a%00", "tenant"),
            (feed.as_str(), "status=opened", "status"),
            (feed.as_str(), "archived=maybe", "archived"),
            (feed.as_str(), "has_tenant=maybe", "has_tenant"),
            (feed.as_str(), "mode=tiny", "mode"),
            (feed.as_str(), "trigger_data=%7B%22a%22%3A%7B%7D%7D", "trigger_data"),
            ("/v1/users", "include[]=everything", "include"),
        ] {
            let answer = kit.get(&format!("{path}?{query}")).await;
            check(&answer);
            assert_eq!(answer.refused(422, "invalid_params"), [field], "{path}?{query}");
        }
    });
}
