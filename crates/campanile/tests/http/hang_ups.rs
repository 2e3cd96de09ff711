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
        // The server may still be reading what was hung up on. A job that nobody does would stay: under the frozen clock
        // its lease never ends.
        let store = kit.server().engine.store();
        let mut left = usize::MAX;
        for _ in 0..200 {
            kit.trigger("texts", json!({"recipients": ["ada"]})).await;
            let jobs = store.query(Cost::Scan, "SELECT kind FROM jobs", &[]).await;
            left = jobs.expect("the database answers").len();
            if left == 0 {
                break;
            }
        }
        assert_eq!(left, 0);
        for message in kit.get("/v1/messages").await.ok()["items"].as_array().expect("a list") {
            assert_eq!(message["status"], "not_sent", "{message}");
        }
    });
}
