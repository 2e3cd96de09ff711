//! Sends prepared requests from many slots, closed loop or at a fixed rate, and times the answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::client::{Connection, Prepared, Target, refused};
use super::error::BenchError;
use super::histogram::Histogram;
use super::setup::join_all;

/// After so many failures in a row a slot gives up: the server is gone, not slow.
const FAILURES_IN_A_ROW_MAX: u32 = 50;

/// What to send, how hard and how long.
#[derive(Clone)]
pub(super) struct Load {
    pub(super) target: Arc<Target>,
    pub(super) requests: Arc<[Prepared]>,
    pub(super) slots: usize,
    pub(super) limit: Limit,
    /// Requests per second. `None`: each slot sends as soon as it has its answer.
    pub(super) rate: Option<f64>,
    /// Counts answers with 2xx; the progress bar reads it.
    pub(super) accepted: Arc<AtomicU64>,
}

/// When a load ends.
#[derive(Clone, Copy)]
pub(super) enum Limit {
    /// So long after its start.
    Elapsed(Duration),
    /// After so many requests.
    Requests(u64),
}

/// What came back.
#[derive(Default)]
pub(super) struct LoadOutcome {
    pub(super) accepted: u64,
    pub(super) failed: u64,
    pub(super) first_failure: Option<String>,
    /// Of answers with 2xx. At a fixed rate a request that had to wait for a free slot counts from
    /// the moment when it should have been sent, so that a stalled server cannot hide the queue.
    pub(super) latency: Histogram,
    pub(super) elapsed: Duration,
}

/// Runs to the limit. An error only when not one request was accepted.
pub(super) async fn run(load: Load) -> Result<LoadOutcome, BenchError> {
    let next = Arc::new(AtomicU64::new(0));
    let mut connections = Vec::with_capacity(load.slots);
    for _ in 0..load.slots {
        connections.push(Connection::open(&load.target).await?);
    }
    let started = Instant::now();
    let slots = connections
        .into_iter()
        .map(|connection| {
            let (load, next) = (load.clone(), next.clone());
            tokio::spawn(async move { Ok(run_slot(load, connection, next, started).await) })
        })
        .collect();
    let mut total = LoadOutcome::default();
    for slot in join_all(slots).await? {
        total.accepted += slot.accepted;
        total.failed += slot.failed;
        total.latency.merge(&slot.latency);
        total.first_failure = total.first_failure.or(slot.first_failure);
    }
    total.elapsed = started.elapsed();
    match &total.first_failure {
        Some(reason) if total.accepted == 0 => Err(BenchError::Unexpected(reason.clone())),
        _ => Ok(total),
    }
}

async fn run_slot(
    load: Load,
    mut connection: Connection,
    next: Arc<AtomicU64>,
    started: Instant,
) -> LoadOutcome {
    let mut outcome = LoadOutcome::default();
    let mut failures_in_a_row = 0;
    loop {
        let ticket = next.fetch_add(1, Ordering::Relaxed);
        let due = load.rate.map_or(Duration::ZERO, |rate| Duration::from_secs_f64(ticket as f64 / rate));
        let over = match load.limit {
            Limit::Elapsed(duration) => due.max(started.elapsed()) >= duration,
            Limit::Requests(requests) => ticket >= requests,
        };
        if over {
            return outcome;
        }
        let sent = await_turn(started, due, load.rate.is_some()).await;
        let request = &load.requests[ticket as usize % load.requests.len()];
        let failure = match connection.send(request.clone()).await {
            Ok(answer) if (200..300).contains(&answer.status) => {
                outcome.latency.record(sent.elapsed());
                outcome.accepted += 1;
                load.accepted.fetch_add(1, Ordering::Relaxed);
                failures_in_a_row = 0;
                continue;
            }
            Ok(answer) => refused(request, &answer),
            Err(error) => error,
        };
        outcome.failed += 1;
        outcome.first_failure.get_or_insert_with(|| failure.to_string());
        failures_in_a_row += 1;
        if failures_in_a_row == FAILURES_IN_A_ROW_MAX {
            return outcome;
        }
    }
}

/// The moment from which this request's latency counts. A slot that was early counts from its
/// waking, since the timer's own granularity (1 ms) is not the server's doing.
async fn await_turn(started: Instant, due: Duration, paced: bool) -> Instant {
    let now = Instant::now();
    if !paced {
        return now;
    }
    let intended = started + due;
    if intended <= now {
        return intended;
    }
    tokio::time::sleep_until(intended.into()).await;
    Instant::now()
}
