//! A bulk operation that is killed in the middle applies every row once, and its counters are right.

use hyper::Method;
use serde_json::{Value, json};

use super::support::random::Random;
use super::support::{Server, databases, leftovers};

/// Rows of each operation.
const ROWS: usize = 1_000;
/// Operations of a run; each is killed at another moment.
const OPERATIONS: usize = 6;

#[tokio::test(flavor = "multi_thread")]
async fn every_row_counts_once_however_often_the_server_dies() {
    for database in databases().await {
        let mut random = Random::seeded(&format!("bulk on {}", database.name));
        let mut node = Server::on(&database).start().await;
        let mut operations = Vec::new();
        for operation in 0..OPERATIONS {
            // The last row of each is refused; the same user is in all of them, so that order can be seen.
            let mut users: Vec<Value> =
                (0..ROWS - 2).map(|n| json!({"id": format!("u{operation}-{n}"), "n": n})).collect();
            users.push(json!({"id": "shared", "last": operation, format!("in{operation}"): true}));
            users.push(json!({"id": format!("bad-{operation}"), "timezone": "Mars/Olympus"}));
            let body = json!({"users": users});
            let queued = node.client.must(Method::POST, "/v1/users/bulk/identify", Some(&body)).await;
            operations.push(queued["id"].as_str().expect("an operation has an id").to_owned());
            tokio::time::sleep(std::time::Duration::from_micros(random.below(25_000))).await;
            node.kill();
            node.start().await;
        }
        for (n, id) in operations.iter().enumerate() {
            let path = format!("/v1/bulk_operations/{id}");
            let done = node
                .wait("the operation ends", 60, || async {
                    let answer = node.client.send(Method::GET, &path, None, &[]).await?;
                    match answer.body["status"].as_str() {
                        Some("completed") => Ok(answer.body),
                        _ => Err(answer.body.to_string()),
                    }
                })
                .await;
            let rows = ROWS as u64;
            assert_eq!(done["estimated_total_rows"], rows, "{}: {done}", database.name);
            assert_eq!(done["processed_rows"], rows, "{}: {done}", database.name);
            assert_eq!(done["success_count"], rows - 1, "{}: {done}", database.name);
            assert_eq!(done["error_items"], json!([{"id": format!("bad-{n}"), "collection": null}]));
        }
        let users = node.client.all("/v1/users", "entries").await.expect("users");
        assert_eq!(users.len(), OPERATIONS * (ROWS - 2) + 1, "{}", database.name);
        let shared = node.client.must(Method::GET, "/v1/users/shared", None).await;
        for operation in 0..OPERATIONS {
            assert_eq!(shared[format!("in{operation}")], true, "{}", database.name);
        }
        node.stop().await;
        leftovers::none_after(&node).await;
    }
}
