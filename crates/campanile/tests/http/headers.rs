//! What every answer carries (api-conventions.md section 4), and what operators ask.

use http::Method;
use serde_json::json;

use crate::kit::{on_both, steps};

#[test]
fn a_request_id_is_the_server_s_own() {
    on_both(async |kit| {
        let mut seen = std::collections::HashSet::new();
        for _ in 0..20 {
            let answer = kit.secret.send(Method::GET, "/v1/users", "", &[("x-request-id", "mine")]).await;
            answer.check_envelope();
            assert_eq!(answer.header("cache-control"), "no-store");
            seen.insert(answer.header("x-request-id").to_owned());
        }
        assert_eq!(seen.len(), 20);
        assert!(!seen.contains("mine"));
    });
}

#[test]
fn browsers_are_let_in_without_credentials() {
    on_both(async |kit| {
        let wanted = "authorization,content-type,x-knock-user-token,idempotency-key,x-stainless-lang";
        let headers = [
            ("origin", "https://app.example"),
            ("access-control-request-method", "PUT"),
            ("access-control-request-headers", wanted),
        ];
        let preflight = kit.nobody.send(Method::OPTIONS, "/v1/users/ada", "", &headers).await;
        assert!((200..300).contains(&preflight.status), "{}", preflight.status);
        assert_eq!(preflight.header("access-control-allow-origin"), "*");
        assert_eq!(preflight.header("access-control-max-age"), "86400");
        let allowed = preflight.header("access-control-allow-headers").to_lowercase();
        for name in wanted.split(',') {
            assert!(allowed.contains(name), "{name}: {allowed}");
        }
        for method in ["GET", "PUT", "POST", "DELETE"] {
            assert!(preflight.header("access-control-allow-methods").contains(method), "{method}");
        }
        assert!(preflight.header("access-control-allow-credentials").is_empty());
        let origin = [("origin", "https://app.example")];
        let answer = kit.public.send(Method::GET, "/v1/users/ghost", "", &origin).await;
        answer.refused(404, "resource_missing");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "errors can be read too");
        for name in ["x-request-id", "retry-after", "x-should-retry", "idempotent-replayed"] {
            assert!(answer.header("access-control-expose-headers").contains(name), "{name}");
        }
    });
}

#[test]
fn answers_are_compressed_for_who_asks() {
    on_both(async |kit| {
        kit.users(&(0..40).map(|_| "ada").collect::<Vec<_>>()).await;
        kit.put("/v1/users/ada", json!({"text": "x".repeat(5_000)})).await.ok();
        let plain = kit.get("/v1/users/ada").await;
        assert!(plain.header("content-encoding").is_empty());
        let zipped = kit.secret.send(Method::GET, "/v1/users/ada", "", &[("accept-encoding", "gzip")]).await;
        assert_eq!(zipped.header("content-encoding"), "gzip");
        assert!(zipped.text.len() < plain.text.len() / 2);
        let any = kit.secret.send(Method::GET, "/v1/users/ada", "", &[("accept", "text/html")]).await;
        assert_eq!(any.ok()["id"], "ada", "accept is never refused");
    });
}

#[test]
fn operators_are_answered_without_a_key() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        kit.workflow("greet", json!([steps::feed("feed_1", "x")])).await;
        kit.trigger("greet", json!({"recipients": ["ada"]})).await;
        for (path, text) in [("/healthz", "ok"), ("/readyz", "ready")] {
            let answer = kit.nobody.get(path).await;
            assert_eq!((answer.status, answer.text.as_str()), (200, text), "{path}");
        }
        let metrics = kit.nobody.get("/metrics").await;
        assert_eq!(metrics.status, 200);
        assert!(metrics.text.ends_with("# EOF\n"), "OpenMetrics ends with a mark");
        for secret in ["sk_test_kit", "pk_test_kit", "st_kit"] {
            assert!(!metrics.text.contains(secret));
        }
    });
}
