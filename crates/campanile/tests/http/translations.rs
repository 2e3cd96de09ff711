//! Translations through the management API (management.md section 12).

use serde_json::{Value, json};

use crate::kit::{Kit, on_both, pluck};

const ENV: &str = "environment=development";

async fn save(kit: &Kit, name: &str, format: &str, content: &str) -> Value {
    let (locale, query) = name.split_once('?').unwrap_or((name, ""));
    let body = json!({"translation": {"format": format, "content": content}});
    kit.service.put(&format!("/v1/translations/{locale}?{ENV}&{query}"), body).await.ok()["translation"]
        .clone()
}

#[test]
fn are_kept_as_they_were_written_in_both_formats() {
    on_both(async |kit| {
        let json_text = "{ \"z\": \"{{ n }}\",\n \"a\": {\"one\": \"1\", \"other\": \"n\"}, \"b.c\": \"\" }";
        let saved = save(kit, "en?commit=true", "json", json_text).await;
        assert_eq!(saved["content"], json_text);
        assert_eq!(
            (&saved["locale_code"], &saved["namespace"], &saved["format"]),
            (&json!("en"), &json!(""), &json!("json"))
        );
        assert_eq!(saved["created_at"], saved["inserted_at"]);
        let got = kit.service.get(&format!("/v1/translations/en?{ENV}")).await.ok();
        assert_eq!((&got["content"], &got["translation"]["content"]), (&json!(json_text), &json!(json_text)));
        let po = kit.service.get(&format!("/v1/translations/en?{ENV}&format=po")).await.ok();
        assert_eq!(po["format"], "po");
        let po = po["content"].as_str().expect("a text");
        assert!(po.contains("\"Language: en\\n\"") && po.contains("msgid \"a.one\"\nmsgstr \"1\""), "{po}");
        // There and back.
        let back = save(kit, "en?format=json", "po", po).await;
        assert_eq!(back["content"], r#"{"z":"{{ n }}","a":{"one":"1","other":"n"},"b.c":""}"#);
        let hidden =
            kit.service.get(&format!("/v1/translations/en?{ENV}&hide_uncommitted_changes=true")).await.ok();
        assert_eq!(hidden["content"], json_text);
        let commits =
            kit.service.get("/v1/commits?environment=development&resource_type=translation").await.ok();
        assert_eq!(commits["entries"][0]["resource"], json!({"type": "translation", "identifier": "en"}));
    });
}

#[test]
fn are_listed_by_their_names() {
    on_both(async |kit| {
        for name in [
            "fr",
            "en?namespace=b",
            "en-US",
            "en?namespace=a",
            "en?namespace=",
            "en?tenant=acme",
            "en?namespace=a&tenant=acme",
        ] {
            save(kit, name, "json", "{}").await;
        }
        let list = async |query: &str| {
            let list = kit.service.get(&format!("/v1/translations?{ENV}&{query}")).await.ok();
            let entries = list["entries"].as_array().expect("a list").clone();
            let text = |entry: &Value, name: &str| entry[name].as_str().unwrap_or_default().to_owned();
            let names: Vec<_> = entries
                .iter()
                .map(|entry| ["locale_code", "namespace", "tenant"].map(|name| text(entry, name)).join("/"))
                .collect();
            (names, list["page_info"]["after"].as_str().map(str::to_owned))
        };
        let (all, _) = list("").await;
        assert_eq!(all, ["en//", "en/a/", "en/b/", "en-US//", "fr//"]);
        assert_eq!(list("tenant=acme").await.0, ["en//acme", "en/a/acme"]);
        assert_eq!(list("locale_code=en&namespace=b").await.0, ["en/b/"]);
        assert_eq!(list("namespace=none").await.0, Vec::<String>::new());
        let (mut paged, mut after) = list("limit=2").await;
        while let Some(cursor) = after {
            let (more, next) = list(&format!("limit=2&after={cursor}")).await;
            paged.extend(more);
            after = next;
        }
        assert_eq!(paged, all);
        let po = kit.service.get(&format!("/v1/translations?{ENV}&format=po")).await.ok();
        assert!(pluck(&po["entries"], "format").iter().all(|format| format == "po"));
    });
}

#[test]
fn refuses_with_every_field_and_changes_nothing() {
    on_both(async |kit| {
        for (path, translation, want) in [
            ("en", json!({"content": "{", "format": "json"}), vec!["content"]),
            ("en", json!({"content": "[]", "format": "json"}), vec!["content"]),
            ("en", json!({"content": "{\"a\": [1]}", "format": "json"}), vec!["content"]),
            ("en", json!({"content": "{\"a\": \"{% if %}\"}", "format": "json"}), vec!["content"]),
            ("en", json!({"content": "msgid", "format": "po"}), vec!["content"]),
            ("en", json!({"format": "xml"}), vec!["content", "format"]),
            ("english", json!({"content": 7}), vec!["content", "locale_code"]),
            (
                "xx?namespace=a.b&tenant=a%20b",
                json!({"content": "{}"}),
                vec!["locale_code", "namespace", "tenant"],
            ),
        ] {
            let (locale, query) = path.split_once('?').unwrap_or((path, ""));
            for path in [locale.to_owned(), format!("{locale}/validate")] {
                let body = json!({"translation": translation});
                let answer = kit.service.put(&format!("/v1/translations/{path}?{ENV}&{query}"), body).await;
                assert_eq!(answer.refused(422, "invalid_params"), want, "{path} {translation}");
            }
        }
        kit.service.get(&format!("/v1/translations/en?{ENV}")).await.refused(404, "resource_missing");
        let dry = json!({"translation": {"format": "json", "content": "{\"a\": \"b\"}"}});
        let checked = kit.service.put(&format!("/v1/translations/fr/validate?{ENV}"), dry.clone()).await.ok();
        assert_eq!(checked["translation"]["locale_code"], "fr");
        kit.service.get(&format!("/v1/translations/fr?{ENV}")).await.refused(404, "resource_missing");
        let live = "/v1/translations/fr?environment=production";
        assert_eq!(kit.service.put(live, dry.clone()).await.refused(422, "invalid_params"), ["environment"]);
        kit.service.put(&format!("{live}&force=true"), dry).await.ok();
    });
}
