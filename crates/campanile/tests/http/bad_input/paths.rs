//! Paths (api-conventions.md section 1).

use campanile_api::operations::all;
use http::Method;

use super::{built, check, method, path_of, rightful};
use crate::kit::on_both;

#[test]
fn unknown_paths_and_methods_are_told_apart() {
    on_both(async |kit| {
        for path in ["/", "/v1", "/v2/users", "/v1/nothing", "/v1/users/a/b/c/d", "/%00"] {
            let answer = kit.get(path).await;
            answer.refused(404, "route_not_found");
        }
        for op in all() {
            let path = path_of(op, |_| "x".into());
            let answer = rightful(kit, op).send(Method::PATCH, &path, "{}", &[]).await;
            answer.refused(405, "method_not_allowed");
            let allowed = answer.header("allow");
            assert!(
                allowed.split(',').any(|name| name.trim() == op.method),
                "{} {path}: {allowed:?}",
                op.method
            );
        }
    });
}

#[test]
fn no_path_value_is_a_fault_of_ours() {
    on_both(async |kit| {
        let long = "x".repeat(300);
        let values = [
            "%00",
            "a%00b",
            "%FF",
            "%C3%28",
            "a%2Fb",
            "..",
            "%2E%2E",
            "%20",
            "%C3%A9",
            "'%20OR%201=1",
            "%25",
            "$users",
            "$tenants",
            "null",
            "00000000-0000-0000-0000-000000000000",
            "aWgEPTl1tmebfsQzFP4bxwgy80V",
            long.as_str(),
        ];
        for op in built().filter(|op| op.path.contains('{')) {
            for value in values {
                let path = path_of(op, |_| value.to_owned());
                let body = if op.method == "GET" { "" } else { "{}" };
                check(&rightful(kit, op).send(method(op), &path, body, &[]).await);
            }
        }
    });
}

#[test]
fn a_trailing_slash_is_tolerated() {
    on_both(async |kit| {
        kit.get("/v1/users/").await.ok();
        kit.users(&["ada"]).await;
        assert_eq!(kit.get("/v1/users/ada/").await.ok()["id"], "ada");
    });
}

#[test]
fn ids_are_decoded_after_the_path_was_split() {
    on_both(async |kit| {
        for (written, id) in
            [("a%40b.test", "a@b.test"), ("x%3Ay", "x:y"), ("%C3%A9t%C3%A9", "été"), ("a%20b", "a b")]
        {
            let user = kit.put(&format!("/v1/users/{written}"), serde_json::json!({})).await.ok();
            assert_eq!(user["id"], id, "{written}");
            assert_eq!(kit.get(&format!("/v1/users/{written}")).await.ok()["id"], id);
        }
        let slash = kit.put("/v1/users/a%2Fb", serde_json::json!({})).await;
        assert_eq!(slash.refused(422, "invalid_params").len(), 1);
    });
}

#[test]
fn a_url_may_have_8_kib() {
    on_both(async |kit| {
        let query = |bytes: usize| format!("/v1/users?x={}", "y".repeat(bytes));
        kit.get(&query(8_000)).await.ok();
        let answer = kit.get(&query(8_192)).await;
        assert_eq!(answer.status, 414);
        check(&answer);
    });
}
