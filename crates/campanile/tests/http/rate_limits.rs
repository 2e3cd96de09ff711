//! Rate limits (api-conventions.md section 8). Time stands still here, so every request of a test falls into the same
//! second until the test moves the clock.

use campanile_api::RateLimits;
use campanile_api::operations::{Access, Api, all};
use serde_json::{Value, json};

use crate::bad_input::{method, path_of, plausible, rightful};
use crate::kit::db::for_each;
use crate::kit::signer::{Signer, with_token};
use crate::kit::{Answer, Kit};

fn limited(limits: &'static str, test: impl AsyncFn(&mut Kit)) {
    for_each(async |db| {
        let limits: RateLimits = limits.parse().expect("limits");
        let mut kit = Kit::with(db, |config| config.rate_limits = limits).await;
        test(&mut kit).await;
        kit.close().await;
    });
}

#[track_caller]
fn check_refusal(answer: &Answer) {
    answer.refused(429, "too_many_requests");
    assert_eq!(answer.header("retry-after"), "1");
    for name in answer.headers.keys() {
        assert!(!name.as_str().starts_with("x-ratelimit-"), "no counters are sent (A8.4): {name}");
    }
}

/// Every operation allows as many requests as its tier says, and one more is refused.
#[test]
fn every_operation_has_its_tier() {
    limited("1=1,2=2,3=3,4=4,5=5,management=0", async |kit| {
        let channel = kit.channel_id("in-app-feed").await;
        for op in all() {
            let caller = rightful(kit, op);
            let path = plausible(op, &channel);
            let allowed = if op.api == Api::Public { op.tier } else { 0 };
            assert_eq!(allowed > 0, op.api == Api::Public, "{} has a tier", op.id);
            for _ in 0..allowed {
                let answer = caller.send(method(op), &path, "", &[]).await;
                assert_ne!(answer.status, 429, "{} {path}", op.method);
            }
            if allowed > 0 {
                check_refusal(&caller.send(method(op), &path, "", &[]).await);
            }
        }
    });
}

/// The documented tiers, counted over all public operations (A8.1).
#[test]
fn tiers_are_those_of_the_document() {
    let count = |tier| all().filter(|op| op.api == Api::Public && op.tier == tier).count();
    assert_eq!([1, 2, 3, 4, 5].map(count), [10, 33, 45, 28, 2]);
}

/// Check 7 of 15.1, and A8.2.
#[test]
fn feed_reads_are_counted_by_user() {
    limited("on", async |kit| {
        let channel = kit.channel_id("in-app-feed").await;
        let feed = |user: &str| format!("/v1/users/{user}/feeds/{channel}");
        for _ in 0..5 {
            kit.public.get(&feed("u1")).await.ok();
        }
        check_refusal(&kit.public.get(&feed("u1")).await);
        check_refusal(&kit.secret.get(&feed("u1")).await);
        for n in 2..8 {
            kit.public.get(&feed(&format!("u{n}"))).await.ok();
        }
        kit.live_public.get(&feed("u1")).await.ok();
        kit.advance("PT1S").await;
        kit.public.get(&feed("u1")).await.ok();
    });
}

#[test]
fn a_user_token_counts_for_itself() {
    limited("4=2", async |kit| {
        let signer = Signer::made_by(&kit.service, "development").await;
        kit.users(&["u1", "u2"]).await;
        let ask = async |user: &str| {
            let token = signer.sign(json!({"sub": user}));
            with_token(&kit.public, "GET", &format!("/v1/users/{user}"), Value::Null, &token).await
        };
        for user in ["u1", "u2"] {
            ask(user).await.ok();
            ask(user).await.ok();
            check_refusal(&ask(user).await);
        }
        // All keys of an environment share the other count.
        kit.secret.get("/v1/users/u1").await.ok();
        kit.public.get("/v1/users/u2").await.ok();
        check_refusal(&kit.secret.get("/v1/users/u1").await);
    });
}

/// A8.5 and hidden corner 19: what is refused for its body has been counted, what is refused for its key has not.
#[test]
fn limits_come_after_credentials_and_before_bodies() {
    limited("3=2", async |kit| {
        let path = "/v1/users/u1";
        for _ in 0..3 {
            kit.nobody.put(path, json!({})).await.refused(401, "authentication_required");
        }
        for _ in 0..2 {
            kit.secret.send(http::Method::PUT, path, "{", &[]).await.refused(400, "invalid_params");
        }
        check_refusal(&kit.secret.send(http::Method::PUT, path, "{", &[]).await);
        kit.get(path).await.refused(404, "resource_missing");
    });
}

#[test]
fn the_management_api_counts_by_token() {
    limited("management=2", async |kit| {
        let ops: Vec<_> =
            all().filter(|op| op.api == Api::Management && op.access == Access::Service).collect();
        let mut refused = 0;
        for op in ops.iter().filter(|op| op.method == "GET").take(5) {
            let answer = kit.service.send(method(op), &path_of(op, |_| "x".into()), "", &[]).await;
            if answer.status == 429 {
                check_refusal(&answer);
                refused += 1;
            }
        }
        assert_eq!(refused, 3);
        kit.service.get("/v1/admin/clock").await.ok();
    });
}

#[test]
fn nothing_is_limited_unless_asked_for() {
    limited("off", async |kit| {
        for _ in 0..20 {
            kit.post("/v1/users/bulk/delete", json!({})).await.refused(422, "invalid_params");
        }
    });
}
