//! What no API shows: rows that should not be there when everything is done.

use campanile_store::{Cost, Store, StoreOptions};

use super::Node;

/// Counts that must be 0 once nothing waits.
const UNFINISHED: &[(&str, &str)] = &[
    ("jobs", "SELECT COUNT(*) FROM jobs"),
    ("recipient runs that go on", "SELECT COUNT(*) FROM recipient_runs WHERE status < 3"),
    ("runs with recipients to expand", "SELECT COUNT(*) FROM workflow_runs WHERE pending IS NOT NULL"),
    ("messages on their way", "SELECT COUNT(*) FROM messages WHERE status IN (3, 4)"),
];

/// Counts that must be 0 always: a row without what it belongs to, or two where one may be.
const TORN: &[(&str, &str)] = &[
    (
        "messages without a run",
        "SELECT COUNT(*) FROM messages m WHERE NOT EXISTS (SELECT 1 FROM recipient_runs r \
         WHERE r.env = m.env AND r.run = m.run AND r.recipient = m.recipient)",
    ),
    (
        "recipient runs without a run",
        "SELECT COUNT(*) FROM recipient_runs r WHERE NOT EXISTS (SELECT 1 FROM workflow_runs w WHERE w.id = r.run)",
    ),
    (
        "events without a message",
        "SELECT COUNT(*) FROM message_events e WHERE NOT EXISTS (SELECT 1 FROM messages m WHERE m.id = e.message)",
    ),
    (
        "messages without an event",
        "SELECT COUNT(*) FROM messages m WHERE NOT EXISTS (SELECT 1 FROM message_events e WHERE e.message = m.id)",
    ),
    (
        "steps with two messages",
        "SELECT COUNT(*) FROM (SELECT 1 FROM messages GROUP BY run, recipient, step HAVING COUNT(*) > 1) AS twins",
    ),
];

async fn open(node: &Node) -> Store {
    let (database_url, data_dir) = node.place();
    Store::open(&StoreOptions { database_url, data_dir }).await.expect("the database opens")
}

/// Waits until a running node has nothing left to do: also what a kill left to a lease, and timers of triggers that
/// were cut before their answer.
pub async fn none_soon(node: &Node, seconds: u64) {
    let store = open(node).await;
    let done = || async {
        let found = found(&store, UNFINISHED).await;
        if found.is_empty() { Ok(()) } else { Err(format!("{found:?}")) }
    };
    node.wait("nothing is left to do", seconds, done).await;
}

/// Looks into the database of a node that was stopped; everything must be finished and whole.
pub async fn none_after(node: &Node) {
    let store = open(node).await;
    let found = found(&store, &[UNFINISHED, TORN].concat()).await;
    store.close().await;
    assert!(found.is_empty(), "left behind: {found:?}\n{}", node.log_tail());
}

/// How many recipient runs there are, whether or not the node lives.
pub async fn recipient_runs(node: &Node) -> i64 {
    let store = open(node).await;
    let rows = store.query(Cost::Scan, "SELECT COUNT(*) FROM recipient_runs", &[]).await.expect("a count");
    store.close().await;
    rows[0].int(0).expect("a number")
}

async fn found(store: &Store, counts: &[(&str, &str)]) -> Vec<String> {
    let mut found = Vec::new();
    for (what, sql) in counts {
        let rows = store.query(Cost::Scan, sql, &[]).await.expect("a count");
        let number = rows[0].int(0).expect("a number");
        if number != 0 {
            found.push(format!("{number} {what}"));
        }
    }
    found
}
