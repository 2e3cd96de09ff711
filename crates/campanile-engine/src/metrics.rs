//! Numbers for operators, in the Prometheus text format.

use std::sync::atomic::{AtomicI64, AtomicU64};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::Registry;

/// The HTTP status class of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Status {
    status: u16,
}

/// The channel type of a message.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ChannelLabel {
    channel: String,
}

/// Every metric of one process.
pub struct Metrics {
    registry: Registry,
    requests: Family<Status, Counter>,
    request_seconds: Histogram,
    /// Triggers answered 2xx.
    pub triggers_accepted: Counter,
    /// Recipient runs made.
    pub recipient_runs: Counter,
    /// Steps that failed an attempt.
    pub step_errors: Counter,
    messages: Family<ChannelLabel, Counter>,
    /// Messages that reached `delivered` or `sent`.
    pub messages_delivered: Counter,
    /// Messages that ended `undelivered` or `bounced`.
    pub messages_failed: Counter,
    /// Attempts that will be repeated.
    pub delivery_retries: Counter,
    /// API logs that were written.
    pub api_logs_written: Counter,
    /// API logs that were left out under load, or could not be written.
    pub api_logs_dropped: Counter,
    /// Clicks and opens that became events.
    pub tracked_written: Counter,
    /// Clicks and opens that were lost under load, or could not be written.
    pub tracked_dropped: Counter,
    /// Requests refused by a rate limit.
    pub rate_limited: Counter,
    queue_depth: Gauge<i64, AtomicI64>,
    queue_age_seconds: Gauge<f64, AtomicU64>,
    timer_lag_seconds: Histogram,
    delivery_seconds: Histogram,
    commits: Gauge<i64, AtomicI64>,
    commit_batch: Gauge<f64, AtomicU64>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("campanile");
        let latencies = || Histogram::new(exponential_buckets(0.000_25, 2.0, 16));
        let metrics = Self {
            requests: Family::default(),
            request_seconds: latencies(),
            triggers_accepted: Counter::default(),
            recipient_runs: Counter::default(),
            step_errors: Counter::default(),
            messages: Family::default(),
            messages_delivered: Counter::default(),
            messages_failed: Counter::default(),
            delivery_retries: Counter::default(),
            api_logs_written: Counter::default(),
            api_logs_dropped: Counter::default(),
            tracked_written: Counter::default(),
            tracked_dropped: Counter::default(),
            rate_limited: Counter::default(),
            queue_depth: Gauge::default(),
            queue_age_seconds: Gauge::default(),
            timer_lag_seconds: latencies(),
            delivery_seconds: latencies(),
            commits: Gauge::default(),
            commit_batch: Gauge::default(),
            registry: Registry::default(),
        };
        registry.register("http_requests", "Requests by status", metrics.requests.clone());
        registry.register("http_request_seconds", "Time to answer", metrics.request_seconds.clone());
        registry.register("triggers_accepted", "Triggers answered 2xx", metrics.triggers_accepted.clone());
        registry.register("recipient_runs", "Recipient runs made", metrics.recipient_runs.clone());
        registry.register("step_errors", "Failed step attempts", metrics.step_errors.clone());
        registry.register("messages_committed", "Messages made, by channel", metrics.messages.clone());
        registry.register(
            "messages_delivered",
            "Messages sent or delivered",
            metrics.messages_delivered.clone(),
        );
        registry.register(
            "messages_failed",
            "Messages undelivered or bounced",
            metrics.messages_failed.clone(),
        );
        registry.register("delivery_retries", "Attempts to be repeated", metrics.delivery_retries.clone());
        registry.register("api_logs_written", "API logs written", metrics.api_logs_written.clone());
        registry.register("api_logs_dropped", "API logs left out", metrics.api_logs_dropped.clone());
        registry.register("tracked_written", "Clicks and opens written", metrics.tracked_written.clone());
        registry.register("tracked_dropped", "Clicks and opens lost", metrics.tracked_dropped.clone());
        registry.register("rate_limited", "Requests refused by a rate limit", metrics.rate_limited.clone());
        registry.register("queue_depth", "Jobs due and not held", metrics.queue_depth.clone());
        registry.register(
            "queue_age_seconds",
            "Age of the oldest due job",
            metrics.queue_age_seconds.clone(),
        );
        registry.register("timer_lag_seconds", "Lateness of timers", metrics.timer_lag_seconds.clone());
        registry.register("delivery_seconds", "Time of a provider call", metrics.delivery_seconds.clone());
        registry.register("commits_total_gauge", "Transactions since start", metrics.commits.clone());
        registry.register("commit_batch_size", "Writes per transaction", metrics.commit_batch.clone());
        Self { registry, ..metrics }
    }
}

impl Metrics {
    /// Counts an answered request.
    pub fn request(&self, status: u16, took: Duration) {
        self.requests.get_or_create(&Status { status }).inc();
        self.request_seconds.observe(took.as_secs_f64());
    }

    /// Counts made messages.
    pub fn messages_made(&self, channel: &'static str, count: u64) {
        self.messages.get_or_create(&ChannelLabel { channel: channel.to_owned() }).inc_by(count);
    }

    /// Notes how late a timer was.
    pub fn timer_lag(&self, micros: i64) {
        self.timer_lag_seconds.observe(micros.max(0) as f64 / 1e6);
    }

    /// Notes how long a provider took.
    pub fn delivery_took(&self, took: Duration) {
        self.delivery_seconds.observe(took.as_secs_f64());
    }

    /// Sets what is read from the database when metrics are asked for.
    pub fn set_queue(&self, depth: i64, age_micros: i64) {
        self.queue_depth.set(depth);
        self.queue_age_seconds.set(age_micros.max(0) as f64 / 1e6);
    }

    /// Sets the commit figures.
    pub fn set_commits(&self, transactions: u64, writes: u64) {
        self.commits.set(transactions as i64);
        self.commit_batch.set(if transactions == 0 { 0.0 } else { writes as f64 / transactions as f64 });
    }

    /// The text that `/metrics` answers.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = text::encode(&mut text, &self.registry);
        text
    }
}
