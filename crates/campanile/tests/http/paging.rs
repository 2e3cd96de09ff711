//! Null rules of cursors (api-conventions.md A6.5 to A6.10).

use serde_json::{Value, json};

use crate::kit::{Kit, on_both, pluck};

async fn rows(kit: &Kit, query: &str) -> (Vec<String>, Value) {
    let page = kit.get(&format!("/v1/users?page_size=2&{query}")).await.ok();
    assert_eq!(page["page_info"]["page_size"], 2);
    (pluck(&page["entries"], "id"), page["page_info"].clone())
}

#[test]
fn the_table_of_the_page_holds() {
    on_both(async |kit| {
        // The newest is row 1.
        for row in (1..=5).rev() {
            kit.users(&[&format!("r{row}")]).await;
            kit.advance("PT1S").await;
        }
        let text = |info: &Value, name: &str| {
            info[name].as_str().unwrap_or_else(|| panic!("{name} of {info}")).to_owned()
        };
        let (found, first) = rows(kit, "").await;
        assert_eq!((found, &first["before"]), (vec!["r1".to_owned(), "r2".to_owned()], &Value::Null));
        let c2 = text(&first, "after");
        let (found, second) = rows(kit, &format!("after={c2}")).await;
        assert_eq!(found, ["r3", "r4"]);
        let (c3, c4) = (text(&second, "before"), text(&second, "after"));
        let (found, third) = rows(kit, &format!("after={c4}")).await;
        assert_eq!((found, &third["after"]), (vec!["r5".to_owned()], &Value::Null));
        let c5 = text(&third, "before");
        let (found, empty) = rows(kit, &format!("after={c5}")).await;
        assert_eq!((found.len(), &empty["before"], &empty["after"]), (0, &Value::Null, &Value::Null));
        for (query, wanted, before, after) in [
            (format!("before={c5}"), vec!["r3", "r4"], Some(&c3), Some(&c4)),
            (format!("before={c3}"), vec!["r1", "r2"], None, Some(&c2)),
            (format!("before={c2}"), vec!["r1"], None, None),
        ] {
            let (found, info) = rows(kit, &query).await;
            assert_eq!(found, wanted, "{query}");
            assert_eq!(info["before"].as_str(), before.map(String::as_str), "{query}");
            if let Some(after) = after {
                assert_eq!(info["after"].as_str(), Some(after.as_str()), "{query}");
            } else {
                let c1 = text(&info, "after");
                assert_eq!(rows(kit, &format!("after={c1}")).await.0, ["r2", "r3"]);
                let (found, info) = rows(kit, &format!("before={c1}")).await;
                assert_eq!((found.len(), &info["before"], &info["after"]), (0, &Value::Null, &Value::Null));
            }
        }
        kit.delete("/v1/users/r2").await.ok();
        assert_eq!(rows(kit, &format!("after={c2}")).await.0, ["r3", "r4"], "a cursor outlives its row");
        kit.users(&["r0"]).await;
        assert_eq!(rows(kit, &format!("before={c3}")).await.0, ["r0", "r1"], "new rows come before");
    });
}

#[test]
fn walking_a_list_meets_every_row_once() {
    on_both(async |kit| {
        let ids: Vec<String> = (0..23).map(|n| format!("u{n:02}")).collect();
        // All at one instant: the id alone decides.
        let names: Vec<&str> = ids.iter().map(String::as_str).collect();
        kit.users(&names).await;
        for size in [1, 4, 22, 23, 24] {
            let (mut met, mut query) = (Vec::new(), String::new());
            loop {
                let page = kit.get(&format!("/v1/users?page_size={size}{query}")).await.ok();
                met.extend(pluck(&page["entries"], "id"));
                let Some(after) = page["page_info"]["after"].as_str() else { break };
                query = format!("&after={after}");
            }
            met.sort();
            assert_eq!(met, ids, "page size {size}");
        }
        assert_eq!(kit.get("/v1/users").await.ok()["entries"][0]["__typename"], json!("User"));
    });
}
