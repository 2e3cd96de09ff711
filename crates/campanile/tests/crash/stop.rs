//! SIGTERM: what was accepted is finished or taken up by the next start, and nothing is done twice for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use super::support::hooks::Manner;
use super::support::ledger::Ledger;
use super::support::load::Load;
use super::support::random::Random;
use super::support::receivers::Receivers;
use super::support::{Database, Server, databases, leftovers, workflows};

/// The server's promise.
const STOP_WITHIN: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_in_mid_load_loses_and_repeats_nothing() {
    for database in databases().await {
        let mut random = Random::seeded(&format!("stop on {}", database.name));
        let receivers = Receivers::start().await;
        let mut node = Server::on(&database).start().await;
        receivers.prepare(&node).await;
        let ledger = Arc::new(Ledger::default());
        let load = Load::start(&[node.client.clone()], &ledger, &receivers, &mut random);
        let mut took = Vec::new();
        for round in 1..=3 {
            let goal = ledger.count() + 60;
            node.wait("the load goes on", 60, || async {
                let count = ledger.count();
                if count >= goal { Ok(()) } else { Err(format!("{count} of {goal}, round {round}")) }
            })
            .await;
            let (status, time) = node.terminate(STOP_WITHIN).await;
            assert!(
                status.success(),
                "{}: SIGTERM ended it with {status}\n{}",
                database.name,
                node.log_tail()
            );
            took.push(time.as_millis());
            // Not a new life: a receiver that gets something again after a graceful stop is a failure.
            node.start().await;
        }
        load.stop().await;
        let figures = ledger.settle(&node, &receivers, 60).await;
        node.stop().await;
        leftovers::none_after(&node).await;
        eprintln!("stop on {}: after {took:?} ms: {figures:?}", database.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_hangs_is_cut_and_taken_up_by_the_next_start() {
    let all = databases().await;
    futures_util::future::join_all(all.iter().map(cut_and_taken_up)).await;
}

async fn cut_and_taken_up(database: &Database) {
    let receivers = Receivers::start().await;
    let mut node = Server::on(database).lease_seconds(90).start().await;
    node.client.publish("hook", [workflows::hook(&receivers.hooks.url())].to_vec().into()).await;
    node.client.identify("u1").await;
    receivers.hooks.set(Manner::Hangs);
    let run = node.client.accepted("hook", &workflows::to_one("u1", 1)).await;
    let called = |count: usize| {
        let hooks = receivers.hooks.clone();
        async move {
            let seen = hooks.count();
            if seen == count { Ok(()) } else { Err(format!("{seen} calls instead of {count}")) }
        }
    };
    node.wait("the receiver is called", 10, || called(1)).await;
    // Twenty seconds for what is in progress, and a moment to give it back.
    let (status, took) = node.terminate(STOP_WITHIN + Duration::from_secs(4)).await;
    assert!(status.success(), "{}: {status}\n{}", database.name, node.log_tail());
    receivers.hooks.set(Manner::Answers(200));
    // Long before the lease of 90 seconds would end: it was given back.
    node.start().await;
    node.wait("the next start calls again", 10, || called(2)).await;
    let calls = receivers.hooks.calls();
    assert_eq!(calls[0].id, calls[1].id, "{}: it is the same message", database.name);
    node.wait("the message is delivered", 10, || node.nothing_on_its_way()).await;
    let messages = node.client.messages(&run).await.expect("messages");
    assert_eq!(messages[0]["status"], "delivered", "{}", database.name);
    eprintln!("stop on {}: with a hanging delivery after {took:?}", database.name);
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_say_nothing_do_not_hold_it_up() {
    for database in databases().await {
        let mut node = Server::on(&database).start().await;
        let silent = TcpStream::connect(("127.0.0.1", node.port())).await.expect("it listens");
        let mut kept = TcpStream::connect(("127.0.0.1", node.port())).await.expect("it listens");
        kept.write_all(b"GET /healthz HTTP/1.1\r\nhost: crash\r\n\r\n").await.expect("it reads");
        let mut first = [0; 8];
        tokio::io::AsyncReadExt::read_exact(&mut kept, &mut first).await.expect("it answers");
        let (status, took) = node.terminate(STOP_WITHIN).await;
        assert!(status.success(), "{}: {status}\n{}", database.name, node.log_tail());
        assert!(took < Duration::from_secs(5), "{}: idle connections held it up for {took:?}", database.name);
        drop((silent, kept));
    }
}
