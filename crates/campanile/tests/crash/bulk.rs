//! A bulk operation that is killed in the middle applies every row once, and its counters are right.

use campanile_store::{Cost, Store, StoreOptions};
use hyper::Method;
use serde_json::{Value, json};

use super::support::random::Random;
use super::support::{Server, databases, leftovers, workflows};

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

/// Kills that must come while an operation is under way.
const IN_THE_MIDDLE: usize = 2;
/// Operations at the most until there were so many.
const TRIES: usize = 12;

/// How many rows of an operation are done.
async fn processed(store: &Store, id: &str) -> i64 {
    let id: uuid::Uuid = id.parse().expect("an operation's id");
    let sql = "SELECT rows_succeeded + rows_failed FROM bulk_operations WHERE id = $1";
    let rows = store.query(Cost::Point, sql, &[id.into()]).await.expect("the database answers");
    rows[0].int(0).expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operation_that_is_killed_halfway_goes_on_where_it_stood() {
    for database in databases().await {
        let mut node = Server::on(&database).start().await;
        node.client.publish("digest", json!([workflows::feed()])).await;
        let (database_url, data_dir) = node.place();
        let store = Store::open(&StoreOptions { database_url, data_dir }).await.expect("the database opens");
        let (mut operations, mut killed_at) = (Vec::new(), Vec::new());
        while killed_at.len() < IN_THE_MIDDLE && operations.len() < TRIES {
            // Each row makes a schedule of its own: one that is applied twice makes two.
            let n = operations.len();
            let schedules: Vec<Value> = (0..ROWS)
                .map(|row| {
                    let recipient = json!({"id": format!("u{n}-{row}")});
                    json!({"workflow": "digest", "recipient": recipient, "scheduled_at": "2036-01-01T00:00:00Z"})
                })
                .collect();
            let body = json!({"schedules": schedules});
            let queued = node.client.must(Method::POST, "/v1/schedules/bulk/create", Some(&body)).await;
            let id = queued["id"].as_str().expect("an operation has an id").to_owned();
            while processed(&store, &id).await == 0 {
                tokio::task::yield_now().await;
            }
            node.kill();
            let at = processed(&store, &id).await;
            if (1..ROWS as i64).contains(&at) {
                killed_at.push(at);
            }
            operations.push(id);
            node.start().await;
        }
        eprintln!("bulk on {}: killed at {killed_at:?} of {ROWS} rows", database.name);
        assert_eq!(killed_at.len(), IN_THE_MIDDLE, "{}: no kill came in time", database.name);
        for id in &operations {
            let path = format!("/v1/bulk_operations/{id}");
            let done = node
                .wait("the operation ends", 60, || async {
                    let now = node.client.must(Method::GET, &path, None).await;
                    if now["status"] == "completed" { Ok(now) } else { Err(now.to_string()) }
                })
                .await;
            let counts =
                ["estimated_total_rows", "processed_rows", "success_count"].map(|name| done[name].clone());
            assert_eq!(counts, [json!(ROWS), json!(ROWS), json!(ROWS)], "{}: {done}", database.name);
        }
        let sql = "SELECT COUNT(*), COUNT(DISTINCT recipient) FROM schedules";
        let made = store.query(Cost::Scan, sql, &[]).await.expect("the database answers");
        let made = (made[0].int(0).expect("a count"), made[0].int(1).expect("a count"));
        let want = (ROWS * operations.len()) as i64;
        assert_eq!(made, (want, want), "{}: each row makes one schedule", database.name);
        store.close().await;
        node.stop().await;
    }
}
