//! Clients that hang up before they are answered: what was accepted is done all the same, and at once.

use campanile_store::Cost;
use serde_json::json;
use tokio::io::AsyncWriteExt as _;

use crate::kit::{on_both, steps};

#[test]
fn a_client_that_hangs_up_leaves_no_job_behind() {
    on_both(async |kit| {
        kit.channel("sms", json!({"is_sandbox": true})).await;
        kit.put("/v1/users/ada", json!({"phone_number": "+4915112345"})).await.ok();
        kit.workflow("texts", json!([steps::sms("sms_1", "Hi")])).await;
        let body = json!({"recipients": ["ada"]}).to_string();
        let head = format!(
            "POST /v1/workflows/texts/trigger HTTP/1.1\r\nhost: test\r\nauthorization: Bearer {}\r\n\
             content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
            kit.secret.bearer(),
            body.len()
        );
        for n in 0..60 {
            let mut stream = kit.secret.connect().await;
            stream.write_all(head.as_bytes()).await.expect("the request can be sent");
            // Ever a little later: before it is read, while it is written, after it was answered.
            for _ in 0..n {
                tokio::task::yield_now().await;
            }
            drop(stream);
        }
        // The server may still be reading what was hung up on. A job that nobody does would stay, and its message with
        // it: under the frozen clock the lease never ends.
        let mut waiting = Vec::new();
        for _ in 0..500 {
            kit.idle().await;
            let messages = kit.get("/v1/messages?page_size=50").await.ok();
            waiting = messages["items"].as_array().expect("a list").clone();
            waiting.retain(|message| message["status"] != "not_sent");
            let jobs = kit.server().engine.store().query(Cost::Scan, "SELECT kind FROM jobs", &[]).await;
            if jobs.expect("the database answers").is_empty() && waiting.is_empty() {
                return;
            }
        }
        panic!("nobody delivers {waiting:?}");
    });
}
