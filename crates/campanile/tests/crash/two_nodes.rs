//! Two nodes on one PostgreSQL share the work, and either does what the other left.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::Method;

use super::support::hooks::Manner;
use super::support::ledger::Ledger;
use super::support::load::Load;
use super::support::random::Random;
use super::support::receivers::Receivers;
use super::support::server::LEASE_SECONDS;
use super::support::{Database, Node, Server, leftovers, workflows};

/// Runs that one node holds when it dies.
const HELD: u64 = 20;
/// Of a busy machine, on top of what is promised.
const SLACK: Duration = Duration::from_secs(4);

/// What `/metrics` says that this node delivered.
async fn delivered(node: &Node) -> u64 {
    let text = node.client.must(Method::GET, "/metrics", None).await;
    let text = text.as_str().expect("metrics are text");
    let line = text.lines().find_map(|line| line.strip_prefix("campanile_messages_delivered_total "));
    line.and_then(|number| number.parse().ok()).expect("metrics count what was delivered")
}

/// Waits until a node knows a workflow that the other one published.
async fn knows(node: &Node, workflow: &str, user: &str) {
    node.wait("the other node's workflow is known", 5, || async {
        let answer = node.client.trigger(workflow, &workflows::to_one(user, 0)).await?;
        if answer.status == 200 { Ok(()) } else { Err(format!("{} {}", answer.status, answer.body)) }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_work_and_one_may_die() {
    let Some(database) = Database::postgres().await else { return };
    let mut random = Random::seeded("two nodes");
    let receivers = Receivers::start().await;
    let mut a = Server::on(&database).start().await;
    let mut b = Server::on(&database).start().await;
    receivers.prepare(&a).await;
    let ledger = Arc::new(Ledger::default());
    // The first number; waiting for it shows that B has the workflows and the channel that were set through A.
    let first = ledger.begin(vec![0]);
    knows(&b, "now", "u0").await;
    ledger.accepted(first);

    let load = Load::start(&[a.client.clone(), b.client.clone()], &ledger, &receivers, &mut random);
    let (both_a, both_b) = b
        .wait("both nodes deliver", 60, || async {
            let (of_a, of_b) = (delivered(&a).await, delivered(&b).await);
            if of_a.min(of_b) >= 150 { Ok((of_a, of_b)) } else { Err(format!("A {of_a}, B {of_b}")) }
        })
        .await;
    a.kill();
    receivers.lives.interrupt();
    let before = ledger.count();
    b.wait("the load goes on without A", 60, || async {
        let count = ledger.count() - before;
        if count >= 100 { Ok(()) } else { Err(format!("{count} triggers since")) }
    })
    .await;
    load.stop().await;
    let figures = ledger.settle(&b, &receivers, 60).await;
    b.stop().await;
    leftovers::none_after(&b).await;
    eprintln!("two nodes: A had delivered {both_a} and B {both_b} when A was killed: {figures:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_may_be_the_first() {
    let Some(database) = Database::postgres().await else { return };
    let (a, b) = tokio::join!(Server::on(&database).start(), Server::on(&database).start());
    for node in [&a, &b] {
        let channels = node.client.must(Method::GET, "/v1/channels", None).await;
        let mut keys: Vec<&str> =
            channels["entries"].as_array().into_iter().flatten().filter_map(|c| c["key"].as_str()).collect();
        keys.sort_unstable();
        assert_eq!(keys, ["chat", "email", "in-app-feed", "in-app-guide", "push", "sms", "webhook"]);
    }
    a.client.identify("u1").await;
    let same = b.client.must(Method::GET, "/v1/users/u1", None).await;
    assert_eq!(same["id"], "u1", "the pinned keys reach the same environment through both");
}

#[tokio::test(flavor = "multi_thread")]
async fn leased_jobs_finish_on_the_other_node_within_the_lease() {
    let Some(database) = Database::postgres().await else { return };
    let receivers = Receivers::start().await;
    let mut a = Server::on(&database).start().await;
    let mut b = Server::on(&database).start().await;
    a.client.publish("hook", [workflows::hook(&receivers.hooks.url())].to_vec().into()).await;
    a.client.identify("u1").await;
    receivers.hooks.set(Manner::Hangs);
    for n in 0..HELD {
        a.client.accepted("hook", &workflows::to_one("u1", n)).await;
    }
    a.wait("A holds all of them in its hands", 4, || async {
        let count = receivers.hooks.count() as u64;
        if count >= HELD { Ok(()) } else { Err(format!("{count} calls")) }
    })
    .await;
    let held: HashSet<String> = receivers.hooks.calls().into_iter().map(|call| call.id).collect();
    a.kill();
    let killed = Instant::now();
    receivers.lives.interrupt();
    receivers.hooks.set(Manner::Answers(200));
    b.wait("B has called for every one", 30, || async {
        let again: HashSet<String> =
            receivers.hooks.calls().into_iter().filter(|call| call.life > 0).map(|call| call.id).collect();
        if again == held { Ok(()) } else { Err(format!("{} of {} are done", again.len(), held.len())) }
    })
    .await;
    let took = killed.elapsed();
    assert!(
        took < Duration::from_secs(LEASE_SECONDS) + SLACK,
        "the lease is {LEASE_SECONDS} s, it took {took:?}"
    );
    b.wait("all of them are delivered", 10, || b.nothing_on_its_way()).await;
    assert_eq!(receivers.hooks.count() as u64, 2 * HELD, "each is called once by A and once by B");
    b.stop().await;
    leftovers::none_after(&b).await;
    eprintln!("two nodes: {HELD} leased jobs finished on B {took:?} after A was killed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_published_through_one_node_is_soon_used_by_the_other() {
    let Some(database) = Database::postgres().await else { return };
    let a = Server::on(&database).start().await;
    let b = Server::on(&database).start().await;
    a.client.identify("u1").await;
    a.client.publish("news", [workflows::feed()].to_vec().into()).await;
    knows(&b, "news", "u1").await;
    for round in 1..=3 {
        let old = version(&b).await;
        // What makes it another version: one more delay of nothing.
        let steps = [workflows::delay_called(&format!("wait_{round}"), 0), workflows::feed()];
        a.client.publish("news", steps.to_vec().into()).await;
        let published = Instant::now();
        loop {
            let sent = published.elapsed();
            if version(&b).await != old {
                eprintln!("the new version reached the other node within {sent:?}");
                break;
            }
            // Within a second where there is a core for each; here others may be busy on them.
            assert!(
                sent < Duration::from_secs(20),
                "B still runs the old version {sent:?} after the new one"
            );
        }
    }
}

/// The version that a trigger through this node runs.
async fn version(node: &Node) -> String {
    let run = node.client.accepted("news", &workflows::to_one("u1", 1)).await;
    node.wait("the run has its message", 10, || async {
        let messages = node.client.messages(&run).await?;
        let version = messages.first().and_then(|m| m["source"]["version_id"].as_str());
        version.map(str::to_owned).ok_or_else(|| format!("{messages:?}"))
    })
    .await
}

/// Seconds of a lease that no test waits for.
const LONG_LEASE: u64 = 600;

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_starts_again_goes_on_with_its_own_jobs_at_once_and_with_nobody_elses() {
    let Some(database) = Database::postgres().await else { return };
    let receivers = Receivers::start().await;
    let mut a = Server::on(&database).lease_seconds(LONG_LEASE).start().await;
    let mut b = Server::on(&database).lease_seconds(LONG_LEASE).start().await;
    a.client.publish("hook", [workflows::hook(&receivers.hooks.url())].to_vec().into()).await;
    a.client.identify("u1").await;
    knows(&b, "hook", "u1").await;
    a.wait("the first is delivered", 10, || a.nothing_on_its_way()).await;
    receivers.hooks.set(Manner::Hangs);
    let before = receivers.hooks.count() as u64;
    for n in 1..=HELD {
        a.client.accepted("hook", &workflows::to_one("u1", n)).await;
        b.client.accepted("hook", &workflows::to_one("u1", 1_000 + n)).await;
    }
    a.wait("both have their hands full", 10, || async {
        let count = receivers.hooks.count() as u64 - before;
        if count == 2 * HELD { Ok(()) } else { Err(format!("{count} calls")) }
    })
    .await;
    let again = |of: std::ops::RangeInclusive<u64>| {
        let later = receivers.hooks.calls().into_iter().filter(|call| call.life > 0);
        later.filter(|call| call.body["n"].as_u64().is_some_and(|n| of.contains(&n))).count() as u64
    };
    for (node, own, others) in
        [(&mut a, 1..=HELD, 1_001..=1_000 + HELD), (&mut b, 1_001..=1_000 + HELD, 0..=0)]
    {
        node.kill();
        receivers.lives.interrupt();
        receivers.hooks.set(Manner::Answers(200));
        node.start().await;
        node.wait("it has called for every one that it held", 30, || async {
            let count = again(own.clone());
            if count == HELD { Ok(()) } else { Err(format!("{count} of {HELD}")) }
        })
        .await;
        assert_eq!(again(others), 0, "what the other node holds is its own");
    }
    a.wait("all of them are delivered", 10, || a.nothing_on_its_way()).await;
    a.stop().await;
    b.stop().await;
    leftovers::none_after(&b).await;
}
