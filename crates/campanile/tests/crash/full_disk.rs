//! A full disk: triggers are refused whole, nothing accepted is lost, and space is all that it takes to go on.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use hyper::Method;
use parking_lot::Mutex;
use serde_json::{Value, json};
use uuid::Uuid;

use super::support::{Database, Node, Server, leftovers, workflows};

/// Small enough to fill at once, large enough for the database with a full log.
const DISK_MEGABYTES: usize = 160;
/// Written at once while the disk is filled.
const BLOCK: usize = 1 << 20;

/// A small file system of its own; unmounted with this value.
struct Disk {
    dir: PathBuf,
}

impl Disk {
    /// `None` where this process may not mount.
    fn mount() -> Option<Self> {
        let dir = std::env::temp_dir().join(format!("campanile-disk-{}", Uuid::new_v4().simple()));
        fs::create_dir_all(&dir).expect("a directory");
        let size = format!("size={DISK_MEGABYTES}m");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "none"]).arg(&dir).output();
        if mounted.is_ok_and(|output| output.status.success()) {
            return Some(Self { dir });
        }
        let _ = fs::remove_dir(&dir);
        eprintln!("a tmpfs cannot be mounted here: the full disk was not tested");
        None
    }

    fn ballast(&self) -> PathBuf {
        self.dir.join("ballast")
    }

    /// Takes all the space that is left.
    fn fill(&self) {
        let mut file = File::options().append(true).create(true).open(self.ballast()).expect("a file");
        let mut size = BLOCK;
        while size > 0 {
            match file.write_all(&vec![0; size]) {
                Ok(()) => {}
                Err(_) => size /= 2,
            }
        }
    }

    /// Gives all of that back.
    fn free(&self) {
        fs::remove_file(self.ballast()).expect("the ballast can go");
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.dir).status();
        let _ = fs::remove_dir(&self.dir);
    }
}

/// Numbers by what was answered.
#[derive(Default)]
struct Answers {
    accepted: Vec<u64>,
    refused: Vec<u64>,
}

/// Sends triggers at once, each with `bytes` of data; any other answer than 200 or 503 ends the test.
async fn send(node: &Node, numbers: std::ops::Range<u64>, bytes: usize, answers: &Arc<Mutex<Answers>>) {
    let filler = "x".repeat(bytes);
    let all = numbers.map(|n| {
        let (filler, answers) = (filler.as_str(), Arc::clone(answers));
        async move {
            let body = json!({"recipients": ["u1"], "data": {"n": n, "list": [filler]}});
            let answer = node.client.trigger("feed", &body).await.expect("an answer");
            match answer.status {
                200 => answers.lock().accepted.push(n),
                503 => {
                    let envelope = json!({
                        "code": "service_unavailable", "status": 503, "type": "api_error",
                        "message": answer.body["message"],
                    });
                    assert_eq!(answer.body, envelope);
                    assert_eq!(answer.headers["retry-after"], "1");
                    answers.lock().refused.push(n);
                }
                other => panic!("a full disk was answered with {other} {}\n{}", answer.body, node.log_tail()),
            }
        }
    });
    futures_util::future::join_all(all).await;
}

/// The numbers in the feed, newest first.
async fn feed(node: &Node, feed_id: &str) -> Vec<u64> {
    let items = node
        .client
        .all(&format!("/v1/users/u1/feeds/{feed_id}?mode=compact"), "entries")
        .await
        .expect("the feed");
    items.iter().filter_map(|item: &Value| item["data"]["n"].as_u64()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_whole_triggers_and_loses_none() {
    let Some(disk) = Disk::mount() else { return };
    let mut node = Server::on(&Database::sqlite()).in_dir(disk.dir.join("data")).start().await;
    node.client.publish("feed", [workflows::feed()].to_vec().into()).await;
    node.client.publish("soon", [workflows::delay(1), workflows::feed()].to_vec().into()).await;
    node.client.identify("u1").await;
    let feed_id = node.client.channel_id("in-app-feed").await;
    let answers = Arc::new(Mutex::new(Answers::default()));

    send(&node, 0..20, 100, &answers).await;
    assert_eq!(answers.lock().accepted.len(), 20, "there is room at first");
    // Falls due on a full disk.
    node.client.accepted("soon", &workflows::to_one("u1", 1_000_000)).await;
    disk.fill();
    // The last bytes of the log's pages may still hold a few.
    send(&node, 20..220, 20_000, &answers).await;
    let refused = answers.lock().refused.len();
    assert!(refused >= 100, "only {refused} of 200 triggers were refused on a full disk");
    for path in ["/healthz", "/readyz", "/metrics"] {
        let answer = node.client.send(Method::GET, path, None, &[]).await.expect("an answer");
        assert_eq!(answer.status, 200, "{path} on a full disk: {}", answer.body);
    }
    let shown: HashSet<u64> = feed(&node, &feed_id).await.into_iter().collect();
    assert!(shown.is_superset(&answers.lock().accepted.iter().copied().collect()), "feeds can be read");

    // Nearly full: a transaction that outgrows the cache hits the end of the disk in its middle.
    disk.free();
    node.wait("space is enough to go on", 10, || async {
        let answer = node.client.trigger("feed", &workflows::to_one("u1", 2_000_000)).await?;
        if answer.status == 200 { Ok(()) } else { Err(format!("{} {}", answer.status, answer.body)) }
    })
    .await;
    for round in 0..3 {
        let first = 300 + round * 100;
        send(&node, first..first + 14, 9_000_000, &answers).await;
        send(&node, first + 20..first + 60, 100, &answers).await;
    }
    let before = answers.lock().refused.len();
    assert!(before > refused, "{DISK_MEGABYTES} MB should not hold all of that");

    // As an operator does it: more room, no restart.
    let remount = format!("remount,size={}m", DISK_MEGABYTES * 8);
    let grown = Command::new("mount").args(["-o", &remount]).arg(&disk.dir).status();
    assert!(grown.is_ok_and(|status| status.success()), "the disk can grow");
    send(&node, 800..820, 20_000, &answers).await;
    assert_eq!(answers.lock().refused.len(), before, "with room again nothing is refused");
    node.wait("what fell due on the full disk is done", 20, || async {
        let shown = feed(&node, &feed_id).await;
        if shown.contains(&1_000_000) { Ok(()) } else { Err(format!("{} items", shown.len())) }
    })
    .await;
    exactly_what_was_accepted(&node, &feed_id, &answers).await;
    node.kill();
    node.start().await;
    exactly_what_was_accepted(&node, &feed_id, &answers).await;
    node.stop().await;
    leftovers::none_after(&node).await;
    let answers = answers.lock();
    eprintln!("full disk: {} accepted, {} refused", answers.accepted.len(), answers.refused.len());
}

/// All that was accepted once, and nothing that was refused.
async fn exactly_what_was_accepted(node: &Node, feed_id: &str, answers: &Mutex<Answers>) {
    let mut shown = feed(node, feed_id).await;
    shown.retain(|n| *n < 1_000_000);
    shown.sort_unstable();
    let answers = answers.lock();
    let mut accepted = answers.accepted.clone();
    accepted.sort_unstable();
    let there: HashSet<u64> = shown.iter().copied().collect();
    let half: Vec<&u64> = answers.refused.iter().filter(|n| there.contains(n)).collect();
    assert!(half.is_empty(), "refused with 503 and yet there: {half:?}\n{}", node.log_tail());
    assert_eq!(shown, accepted, "the feed holds exactly what was accepted");
}
