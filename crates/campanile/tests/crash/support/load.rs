//! Clients that trigger until told to stop, whatever happens to the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::client::{Client, NOT_SENT};
use super::ledger::{Ledger, USERS};
use super::pause;
use super::random::Random;
use super::receivers::Receivers;

/// Clients at work.
const CLIENTS: usize = 4;
/// Deliveries that may be outstanding before the clients wait: a debug build on two cores accepts faster than it
/// delivers.
const OUTSTANDING_MAX: usize = 500;

/// A running load.
pub struct Load {
    stop: Arc<AtomicBool>,
    clients: JoinSet<()>,
}

/// What a client needs.
struct Caller {
    targets: Vec<Client>,
    ledger: Arc<Ledger>,
    receivers: Receivers,
    random: Random,
    stop: Arc<AtomicBool>,
    /// Repeats what was cut under an idempotency key until it is answered.
    insists: bool,
    /// 503 is an answer that may be given.
    may_refuse: bool,
}

impl Load {
    /// Starts clients that turn to the targets in turn.
    pub fn start(
        targets: &[Client],
        ledger: &Arc<Ledger>,
        receivers: &Receivers,
        random: &mut Random,
    ) -> Self {
        Self::new(targets, ledger, receivers, random, false)
    }

    /// The same, where the server may answer that its database is away.
    pub fn start_with_refusals(
        targets: &[Client],
        ledger: &Arc<Ledger>,
        receivers: &Receivers,
        random: &mut Random,
    ) -> Self {
        Self::new(targets, ledger, receivers, random, true)
    }

    fn new(
        targets: &[Client],
        ledger: &Arc<Ledger>,
        receivers: &Receivers,
        random: &mut Random,
        may_refuse: bool,
    ) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let mut clients = JoinSet::new();
        for k in 0..CLIENTS {
            let caller = Caller {
                targets: targets.to_vec(),
                ledger: Arc::clone(ledger),
                receivers: receivers.clone(),
                random: random.fork(),
                stop: Arc::clone(&stop),
                insists: k % 2 == 1,
                may_refuse,
            };
            clients.spawn(caller.run());
        }
        Self { stop, clients }
    }

    /// Sends no more; returns when every client has its last answer.
    pub async fn stop(mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let all = async {
            while let Some(ended) = self.clients.join_next().await {
                ended.expect("a client works")
            }
        };
        tokio::time::timeout(Duration::from_secs(60), all).await.expect("the clients get their last answers");
    }
}

impl Caller {
    async fn run(mut self) {
        let mut turn = self.random.below(2) as usize;
        while !self.stop.load(Ordering::SeqCst) {
            if self.ledger.expected() > self.receivers.hooks.count() + OUTSTANDING_MAX {
                pause(2).await;
                continue;
            }
            turn += 1;
            self.once(turn).await;
        }
    }

    /// One trigger, repeated by those who insist.
    async fn once(&mut self, mut turn: usize) {
        let to = self.recipients();
        let workflow = if self.random.one_in(8) { "late" } else { "now" };
        let inline = self.random.one_in(4);
        let recipients: Vec<Value> = to.iter().map(|user| recipient(*user, inline)).collect();
        let n = self.ledger.begin(to);
        let body = json!({"recipients": recipients, "data": {"n": n}});
        let path = format!("/v1/workflows/{workflow}/trigger");
        let key = format!("n-{n}");
        let headers: &[(&str, &str)] = if self.insists { &[("idempotency-key", &key)] } else { &[] };
        // Longer than any restart or fault of these tests.
        let end = Instant::now() + Duration::from_secs(50);
        loop {
            let target = &self.targets[turn % self.targets.len()];
            match target.send(Method::POST, &path, Some(&body), headers).await {
                Ok(answer) if answer.status == 200 => return self.ledger.accepted(n),
                // The first attempt is still being worked on.
                Ok(answer) if answer.status == 409 && self.insists => {}
                Ok(answer) if answer.status == 503 && self.may_refuse => {}
                Ok(answer) => {
                    return self.ledger.problem(format!("n={n}: {} {}", answer.status, answer.body));
                }
                // The server is down; nothing of this trigger left the client.
                Err(reason) if reason == NOT_SENT => {
                    pause(2).await;
                    turn += 1;
                    if Instant::now() < end {
                        continue;
                    }
                }
                Err(_) => {}
            }
            pause(2).await;
            if !self.insists {
                return;
            }
            if Instant::now() > end {
                return self.ledger.problem(format!("n={n} was never answered"));
            }
            turn += 1;
        }
    }

    /// Mostly one user; now and then more than fit into the transaction that accepts a trigger, and sometimes more
    /// than are expanded at once; in any order.
    fn recipients(&mut self) -> Vec<usize> {
        if !self.random.one_in(40) {
            return vec![self.random.below(USERS as u64) as usize];
        }
        let mut all: Vec<usize> = (0..USERS).collect();
        self.random.shuffle(&mut all);
        if !self.random.one_in(4) {
            all.truncate(120);
        }
        all
    }
}

fn recipient(user: usize, inline: bool) -> Value {
    let id = format!("u{user}");
    if inline { json!({"id": id, "name": id, "email": format!("{id}@crash.example")}) } else { id.into() }
}
