//! Page sizes and cursors of every list (api-conventions.md section 6).

use super::{built, check, rightful};
use crate::kit::{Caller, Kit, everything, on_both};

/// Every list that is answered: its path, the parameter of its size, the largest size, who asks.
async fn lists(kit: &Kit) -> Vec<(String, &'static str, u64, &Caller)> {
    let everything = everything::furnish(kit).await;
    let mut lists = Vec::new();
    for (document, parameter, largest) in
        [("/v1/openapi", "page_size", 50), ("/v1/openapi/management", "limit", 100)]
    {
        let document = kit.nobody.get(document).await.ok();
        for op in built().filter(|op| op.method == "GET") {
            let parameters = document["paths"][op.path]["get"]["parameters"].as_array();
            let names = |name: &str| parameters.into_iter().flatten().any(|one| one["name"] == name);
            if !names(parameter) || !names("after") {
                continue;
            }
            let path = everything.path_to_first(op);
            let sign = if path.contains('?') { '&' } else { '?' };
            let needed = if op.id == "listSchedules" { "workflow=plain&" } else { "" };
            lists.push((format!("{path}{sign}{needed}"), parameter, largest, rightful(kit, op)));
        }
    }
    assert!(lists.len() > 20, "only {} lists were found", lists.len());
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
        let lists = lists(kit).await;
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
        for (path, parameter, _, caller) in lists {
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
