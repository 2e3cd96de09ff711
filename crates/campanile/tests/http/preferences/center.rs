//! The preference center and the catalog of categories (preferences.md sections 8 and 11).

use serde_json::{Value, json};

use crate::kit::on_both;

const PATH: &str = "/v1/preference_center?environment=development";

#[test]
fn a_center_is_configured_per_environment() {
    on_both(async |kit| {
        let built_in = kit.service.get(PATH).await.ok();
        assert_eq!(built_in["enabled"], false);
        assert_eq!(built_in["config"]["rows"][0]["type"], "commercial_subscribed");
        let config = json!({"title": "T", "body": "B", "rows": [{"type": "category", "name": "News", "identifier": "news"}]});
        let saved = kit.service.put(PATH, json!({"enabled": true, "config": config})).await.ok();
        let kinds = crate::kit::pluck(&saved["config"]["rows"], "type");
        assert_eq!(
            (saved["enabled"].clone(), kinds),
            (json!(true), vec!["category".to_owned(), "commercial_subscribed".to_owned()])
        );
        kit.put("/v1/users/ada", json!({"email": "ada@example.com"})).await.ok();
        for (user, label) in [("ada", "ada@example.com"), ("nobody", "nobody")] {
            let shown = kit.public.get(&format!("/v1/users/{user}/preference_center/config")).await.ok();
            assert_eq!((&shown["config"], &shown["enabled"]), (&saved["config"], &json!(true)));
            assert_eq!(
                (&shown["user_email"], &shown["knock_branding_required"]),
                (&json!(label), &json!(false))
            );
        }
        let other = kit.live_public.get("/v1/users/ada/preference_center/config").await.ok();
        assert_eq!((&other["enabled"], &other["config"]), (&json!(false), &built_in["config"]));
        assert_eq!(kit.service.put(PATH, json!({"config": {}})).await.ok()["enabled"], true, "kept");
        let reset =
            kit.service.put("/v1/preference_center/reset?environment=development", json!({})).await.ok();
        assert_eq!((&reset["enabled"], &reset["config"]), (&json!(true), &built_in["config"]));
        let answer = kit.service.put(PATH, json!({"config": {"rows": [{"type": "x"}]}, "enabled": 1})).await;
        let fields = answer.refused(422, "invalid_params");
        assert_eq!(fields, ["config.rows[0].name", "config.rows[0].type", "enabled"]);
    });
}

#[test]
fn a_link_names_its_user_and_dies_with_it() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        let path = "/v1/users/ada/preference_center/signed_url";
        let first = kit.post(path, Value::Null).await.ok();
        let (token, url) = (first["token"].as_str().expect("a token"), first["url"].as_str().expect("a URL"));
        assert!(url.starts_with("http://") && url.ends_with(&format!("/p/{token}")), "{url}");
        assert_eq!(token.split('.').count(), 3);
        assert_eq!(kit.post(path, json!({})).await.ok(), first, "signing again spoils nothing");
        kit.post("/v1/users/nobody/preference_center/signed_url", json!({}))
            .await
            .refused(404, "resource_missing");
        kit.public.post(path, json!({})).await.refused(403, "incorrect_token_type");
        // The page that it opens: switched off, the center leaves one row to edit (PF11.3).
        let rows = json!([{"type": "category", "name": "<News>", "identifier": "news"}]);
        kit.service.put(PATH, json!({"enabled": true, "config": {"rows": rows}})).await.ok();
        let page = format!("/p/{token}");
        let shown = kit.nobody.get(&page).await;
        assert_eq!((shown.status, shown.header("content-type")), (200, "text/html; charset=utf-8"));
        assert!(
            shown.text.contains("&lt;News&gt;") && shown.text.matches(" checked").count() == 2,
            "{}",
            shown.text
        );
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let saved = kit.nobody.send(http::Method::POST, &page, "row.0=on", &form).await;
        assert_eq!((saved.status, saved.header("location")), (303, format!("{page}?saved=1").as_str()));
        let set = kit.get("/v1/users/ada/preferences/default").await.ok();
        assert_eq!(set, super::full("default", json!({"commercial_subscribed": false})));
        let again = kit.nobody.get(&format!("{page}?saved=1")).await;
        assert!(
            again.text.contains("Saved.") && again.text.matches(" checked").count() == 1,
            "{}",
            again.text
        );
        let forged = format!("{page}x");
        assert_eq!(kit.nobody.get(&forged).await.status, 404);
        assert_eq!(kit.nobody.send(http::Method::POST, &forged, "", &form).await.status, 404);
        // Whoever is identified again under the id is somebody else.
        kit.delete("/v1/users/ada").await.ok();
        assert_eq!(kit.nobody.get(&page).await.status, 404);
        kit.advance("PT1S").await;
        kit.users(&["ada"]).await;
        assert_eq!(kit.nobody.get(&page).await.status, 404);
    });
}

#[test]
fn the_catalog_of_categories() {
    on_both(async |kit| {
        let path = "/v1/preference_categories";
        assert_eq!(kit.service.get(path).await.ok(), json!({"entries": []}));
        for name in ["offers", "news", "50%25%20off"] {
            kit.service.put(&format!("{path}/{name}"), json!({})).await.ok();
        }
        let first = kit.service.get(path).await.ok();
        assert_eq!(crate::kit::pluck(&first["entries"], "name"), ["50% off", "news", "offers"]);
        kit.advance("PT1H").await;
        let again = kit.service.put(&format!("{path}/news"), json!({})).await.ok();
        assert_eq!(again, json!({"preference_category": first["entries"][1]}));
        kit.service.delete(&format!("{path}/news")).await.ok();
        kit.service.delete(&format!("{path}/news")).await.refused(404, "resource_missing");
        assert_eq!(
            crate::kit::pluck(&kit.service.get(path).await.ok()["entries"], "name"),
            ["50% off", "offers"]
        );
        let revived = kit.service.put(&format!("{path}/news"), json!({})).await.ok();
        assert_eq!(
            revived["preference_category"]["created_at"],
            kit.now().await,
            "an archived name begins anew"
        );
        assert_eq!(
            kit.service.put(&format!("{path}/%20"), json!({})).await.refused(422, "invalid_params"),
            ["name"]
        );
    });
}
