//! P1, P2, P3: `kill -9` at random moments under load loses nothing and doubles nothing.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::support::ledger::Ledger;
use super::support::load::Load;
use super::support::random::Random;
use super::support::receivers::Receivers;
use super::support::{Database, Server, leftovers, pause};

/// Kills of a normal test run.
const KILLS: u64 = 8;
/// Triggers between two kills at the most, at the least none.
const TRIGGERS_MAX: u64 = 60;
/// How long the last leases and deliveries may take, on a busy machine.
const SETTLE_SECONDS: u64 = 120;

fn kills() -> u64 {
    std::env::var("CAMPANILE_CRASH_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(KILLS)
}

/// Kills a loaded server again and again, then compares what was answered with what arrived.
async fn kill_again_and_again(database: Database) {
    let begun = Instant::now();
    let mut random = Random::seeded(&format!("kill loop on {}", database.name));
    let receivers = Receivers::start().await;
    let mut node = Server::on(&database).start().await;
    receivers.prepare(&node).await;
    let ledger = Arc::new(Ledger::default());
    let load = Load::start(&[node.client.clone()], &ledger, &receivers, &mut random);
    let (mut killed, mut in_start) = (0, 0);
    while killed < kills() {
        let goal = ledger.count() + random.below(TRIGGERS_MAX) as usize;
        node.wait("the load goes on", 60, || async {
            let count = ledger.count();
            if count >= goal { Ok(()) } else { Err(format!("{count} triggers accepted, waiting for {goal}")) }
        })
        .await;
        tokio::time::sleep(Duration::from_micros(random.below(30_000))).await;
        node.crash(&receivers.lives).await;
        killed += 1;
        node.spawn();
        // Now and then it does not even finish its start.
        while killed < kills() && random.one_in(4) {
            pause(random.below(120)).await;
            node.crash(&receivers.lives).await;
            killed += 1;
            in_start += 1;
            node.spawn();
        }
        node.ready().await;
    }
    load.stop().await;
    let figures = ledger.settle(&node, &receivers, SETTLE_SECONDS).await;
    node.stop().await;
    leftovers::none_after(&node).await;
    let took = begun.elapsed().as_secs();
    eprintln!(
        "{}: {killed} kills, {in_start} of them during the start, {took} s: {figures:?}",
        database.name
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_on_sqlite() {
    kill_again_and_again(Database::sqlite()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_or_doubled_on_postgres() {
    if let Some(database) = Database::postgres().await {
        kill_again_and_again(database).await;
    }
}
