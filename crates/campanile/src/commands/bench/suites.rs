//! The four suites: what each sends, and what it reports.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use super::client::{Connection, Prepared, Target};
use super::delivered::DeliveredCounts;
use super::error::BenchError;
use super::load::{self, Limit, Load};
use super::memory::MemoryWatch;
use super::probe::{ProbeOutcome, Probes};
use super::progress::Progress;
use super::report::{Delivery, Report};
use super::{BenchArgs, Suite, reads, setup, subscribers};

/// Connections for set-up and counting, where only the total time matters.
const SETUP_CONNECTIONS: usize = 16;
/// How long the latency suite looks for the highest load when no rate was given.
const CALIBRATION: Duration = Duration::from_secs(5);
const PROBERS: usize = 8;

/// Prepares the server, runs the suite, reports.
pub(super) async fn measure(args: &BenchArgs) -> Result<Report, BenchError> {
    let bench = Bench::prepare(args).await?;
    let watch = args.server_pid.map(MemoryWatch::start);
    let mut report = match args.suite {
        Suite::Triggers => bench.triggers("triggers", args.rate).await?,
        Suite::Fanout if args.subscribers.is_some() => {
            let count = args.subscribers.map_or(0, |n| n as usize);
            subscribers::measure(&bench.target, &bench.channel_id, count, bench.duration).await?
        }
        Suite::Fanout => bench.triggers("fanout", args.rate).await?,
        Suite::Latency => {
            let rate = match args.rate {
                Some(rate) => rate,
                None => bench.highest_rate().await? / 2.0,
            };
            bench.triggers("latency", Some(rate)).await?
        }
        Suite::Reads => bench.reads(args.messages).await?,
    };
    if let Some(watch) = watch {
        report.resident = watch.finish().await;
    }
    Ok(report)
}

struct Bench {
    target: Arc<Target>,
    channel_id: Arc<str>,
    users: Arc<[String]>,
    probe_users: Arc<[String]>,
    slots: usize,
    recipients: usize,
    duration: Duration,
    probe_rate: u32,
}

impl Bench {
    async fn prepare(args: &BenchArgs) -> Result<Self, BenchError> {
        let (slots, recipients) = match args.suite {
            Suite::Triggers | Suite::Latency => (64, 1),
            Suite::Fanout => (4, 1_000),
            Suite::Reads => (1, 1_000),
        };
        let slots = args.concurrency.map_or(slots, |n| n as usize);
        let recipients = args.recipients.map_or(recipients, |n| n as usize);
        let users: Vec<String> =
            (0..(args.users as usize).max(recipients)).map(|n| format!("bench-{n:06}")).collect();
        let probers = if args.probe_rate == 0 || args.suite == Suite::Reads { 0 } else { PROBERS };
        let probe_users: Vec<String> = (0..probers).map(|n| format!("bench-probe-{n}")).collect();

        let target = Target::new(&args.base_url, &args.secret_key, &args.service_token)?;
        let mut connection = Connection::open(&target).await?;
        setup::publish_workflow(&target, &mut connection).await?;
        let channel_id = setup::feed_channel_id(&target, &mut connection).await?.into();
        let everyone: Arc<[String]> = users.iter().chain(&probe_users).cloned().collect();
        setup::identify_users(&target, &everyone, SETUP_CONNECTIONS).await?;
        Ok(Self {
            target,
            channel_id,
            users: users.into(),
            probe_users: probe_users.into(),
            slots,
            recipients,
            duration: Duration::from_secs(args.duration.into()),
            probe_rate: args.probe_rate,
        })
    }

    fn report(&self, suite: &'static str) -> Report {
        Report {
            suite,
            concurrency: self.slots,
            recipients: self.recipients,
            users: self.users.len(),
            ..Report::default()
        }
    }

    fn counts(&self) -> Result<DeliveredCounts, BenchError> {
        let everyone = self.users.iter().chain(self.probe_users.iter());
        DeliveredCounts::new(&self.target, everyone, &self.channel_id, SETUP_CONNECTIONS)
    }

    fn load(&self, requests: Vec<Prepared>, limit: Limit, rate: Option<f64>) -> Load {
        Load {
            target: self.target.clone(),
            requests: requests.into(),
            slots: self.slots,
            limit,
            rate,
            accepted: Arc::new(AtomicU64::new(0)),
        }
    }

    /// Triggers for the whole duration with probes beside them, then waits for the last message.
    async fn triggers(&self, suite: &'static str, rate: Option<f64>) -> Result<Report, BenchError> {
        let counts = self.counts()?;
        let before = counts.read().await?;
        let requests = setup::trigger_requests(&self.target, &self.users, self.recipients)?;
        let load = self.load(requests, Limit::Elapsed(self.duration), rate);
        let progress = Progress::over(suite, self.duration, load.accepted.clone());
        let started = Instant::now();
        let (outcome, probes) = tokio::try_join!(load::run(load), self.probe())?;
        drop(progress);

        let expected = outcome.accepted * self.recipients as u64 + probes.accepted;
        let (delivered, last) = counts.settle(before, expected).await?;
        // The last message cannot have come before the last trigger was answered.
        let elapsed = last.saturating_duration_since(started).max(outcome.elapsed);
        Ok(Report {
            rate,
            elapsed: outcome.elapsed,
            accepted: outcome.accepted,
            failed: outcome.failed,
            first_failure: outcome.first_failure,
            delivery: Some(Delivery { expected, delivered, elapsed }),
            request: "trigger",
            answer: outcome.latency,
            probes_lost: probes.lost,
            trigger_to_feed: (!self.probe_users.is_empty()).then_some(probes.trigger_to_feed),
            ..self.report(suite)
        })
    }

    async fn probe(&self) -> Result<ProbeOutcome, BenchError> {
        if self.probe_users.is_empty() {
            return Ok(ProbeOutcome::default());
        }
        let probes = Probes {
            target: self.target.clone(),
            channel_id: self.channel_id.clone(),
            users: self.probe_users.clone(),
            rate: self.probe_rate.into(),
        };
        probes.run(self.duration).await
    }

    /// Accepted triggers per second in a short closed loop, all of them delivered before it returns.
    async fn highest_rate(&self) -> Result<f64, BenchError> {
        let counts = self.counts()?;
        let before = counts.read().await?;
        let requests = setup::trigger_requests(&self.target, &self.users, self.recipients)?;
        let load = self.load(requests, Limit::Elapsed(CALIBRATION), None);
        let progress = Progress::over("calibration", CALIBRATION, load.accepted.clone());
        let started = Instant::now();
        let outcome = load::run(load).await?;
        drop(progress);
        let (_, last) = counts.settle(before, outcome.accepted * self.recipients as u64).await?;
        // Delivered, not only accepted: a server that queues must not be asked for half of its queueing.
        let elapsed = last.saturating_duration_since(started).max(outcome.elapsed);
        Ok(outcome.accepted as f64 / elapsed.as_secs_f64())
    }

    /// Stores messages until there are enough, then reads every list, one after the other.
    async fn reads(&self, messages: u64) -> Result<Report, BenchError> {
        let counts = self.counts()?;
        let before = counts.read().await?;
        let missing = messages.saturating_sub(before.feeds).div_ceil(self.recipients as u64);
        if missing > 0 {
            let requests = setup::trigger_requests(&self.target, &self.users, self.recipients)?;
            let load = Load { slots: 4, ..self.load(requests, Limit::Requests(missing), None) };
            let _progress = Progress::up_to("seeding", missing, load.accepted.clone());
            let outcome = load::run(load).await?;
            counts.settle(before, outcome.accepted * self.recipients as u64).await?;
        }
        let place = reads::furnish(&self.target, &self.users, &self.channel_id).await?;
        let mut report = self.report("reads");
        let share = self.duration.div_f64(reads::READS.len() as f64);
        for read in reads::READS {
            let load = self.load(read.requests(&self.target, &place)?, Limit::Elapsed(share), None);
            let progress = Progress::over(read.name, share, load.accepted.clone());
            let outcome = load::run(load).await?;
            drop(progress);
            report.elapsed += outcome.elapsed;
            report.accepted += outcome.accepted;
            report.failed += outcome.failed;
            report.first_failure = report.first_failure.or(outcome.first_failure);
            report.others.push((read.name, outcome.latency));
        }
        // The first is the one that has a budget of its own.
        (report.request, report.answer) = report.others.remove(0);
        Ok(report)
    }
}
