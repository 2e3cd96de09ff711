//! The figures of one run, for a person or as one JSON object.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Map, Value, json};

use super::histogram::Histogram;
use super::memory::Resident;

/// Everything a suite measured; what it did not measure stays `None`.
#[derive(Default)]
pub(super) struct Report {
    pub(super) suite: &'static str,
    pub(super) concurrency: usize,
    pub(super) recipients: usize,
    pub(super) users: usize,
    pub(super) subscribers: Option<usize>,
    pub(super) rate: Option<f64>,
    pub(super) elapsed: Duration,
    pub(super) accepted: u64,
    pub(super) failed: u64,
    pub(super) first_failure: Option<String>,
    pub(super) delivery: Option<Delivery>,
    /// The name of the request that `answer` times.
    pub(super) request: &'static str,
    pub(super) answer: Histogram,
    /// Further requests timed one after the other, by name.
    pub(super) others: Vec<(&'static str, Histogram)>,
    pub(super) trigger_to_feed: Option<Histogram>,
    pub(super) probes_lost: u64,
    pub(super) resident: Option<Resident>,
}

/// Messages that reached feeds, and how long that took from the first trigger on.
#[derive(Clone, Copy)]
pub(super) struct Delivery {
    pub(super) expected: u64,
    pub(super) delivered: u64,
    pub(super) elapsed: Duration,
}

impl Report {
    fn accepted_per_second(&self) -> f64 {
        per_second(self.accepted, self.elapsed)
    }

    pub(super) fn to_json(&self) -> Value {
        let mut out = json!({
            "suite": self.suite,
            "concurrency": self.concurrency,
            "recipients": self.recipients,
            "users": self.users,
            "subscribers": self.subscribers,
            "rate": self.rate,
            "elapsed_seconds": self.elapsed.as_secs_f64(),
            "request": self.request,
            "accepted": self.accepted,
            "accepted_per_second": round(self.accepted_per_second()),
            "failed": self.failed,
            "first_failure": self.first_failure,
            "answer_ms": latency_json(&self.answer),
        });
        if let Some(delivery) = &self.delivery {
            out["expected"] = delivery.expected.into();
            out["delivered"] = delivery.delivered.into();
            out["delivered_per_second"] = round(per_second(delivery.delivered, delivery.elapsed)).into();
        }
        if !self.others.is_empty() {
            let others = self.others.iter().map(|(name, times)| ((*name).to_owned(), latency_json(times)));
            out["others_ms"] = Value::Object(others.collect());
        }
        if let Some(histogram) = &self.trigger_to_feed {
            out["trigger_to_feed_ms"] = latency_json(histogram);
            out["probes_lost"] = self.probes_lost.into();
        }
        if let Some(resident) = self.resident {
            out["server_rss_kb"] =
                json!({"first": resident.first_kb, "peak": resident.peak_kb, "last": resident.last_kb});
        }
        out
    }

    pub(super) fn write_text(&self, out: &mut impl Write) -> io::Result<()> {
        write!(out, "suite {}, {} connections, ", self.suite, self.concurrency)?;
        match self.subscribers {
            Some(subscribers) => writeln!(out, "one object with {subscribers} subscribers a trigger")?,
            None => writeln!(out, "{} recipients a trigger, {} users", self.recipients, self.users)?,
        }
        if let Some(rate) = self.rate {
            writeln!(out, "  asked for         {rate:>10.0}/s")?;
        }
        writeln!(
            out,
            "  accepted          {:>10.0}/s   {} in {:.1} s",
            self.accepted_per_second(),
            self.accepted,
            self.elapsed.as_secs_f64()
        )?;
        if let Some(delivery) = &self.delivery {
            writeln!(
                out,
                "  delivered         {:>10.0}/s   {} of {} in {:.1} s",
                per_second(delivery.delivered, delivery.elapsed),
                delivery.delivered,
                delivery.expected,
                delivery.elapsed.as_secs_f64()
            )?;
        }
        let width = self.others.iter().map(|(name, _)| name.len()).max().unwrap_or_default().max(18);
        writeln!(out, "  {:<width$}{}", self.request, latency_text(&self.answer))?;
        for (name, times) in &self.others {
            writeln!(out, "  {name:<width$}{}", latency_text(times))?;
        }
        if let Some(histogram) = &self.trigger_to_feed {
            writeln!(out, "  {:<18}{}", "trigger → feed", latency_text(histogram))?;
        }
        if let Some(resident) = self.resident {
            let mb = |kb: u64| kb as f64 / 1024.0;
            writeln!(
                out,
                "  server memory     {:>10.1} MB at first, {:.1} MB at most, {:.1} MB at last",
                mb(resident.first_kb),
                mb(resident.peak_kb),
                mb(resident.last_kb)
            )?;
        }
        if self.failed > 0 {
            let reason = self.first_failure.as_deref().unwrap_or("unknown");
            writeln!(out, "  FAILED            {:>10}     first: {reason}", self.failed)?;
        }
        if self.probes_lost > 0 {
            writeln!(out, "  NOT IN THE FEED   {:>10}     probes, after 30 s", self.probes_lost)?;
        }
        Ok(())
    }

    /// Did everything that was sent arrive? Decides the exit code.
    pub(super) fn is_clean(&self) -> bool {
        let delivered = self.delivery.is_none_or(|delivery| delivery.delivered >= delivery.expected);
        self.failed == 0 && self.probes_lost == 0 && delivered
    }
}

fn per_second(count: u64, elapsed: Duration) -> f64 {
    if elapsed.is_zero() { 0.0 } else { count as f64 / elapsed.as_secs_f64() }
}

fn round(value: f64) -> f64 {
    (value * 10.0).round() / 10.0
}

fn percentiles_ms(histogram: &Histogram) -> Option<[(&'static str, f64); 4]> {
    let ms = |us: u64| us as f64 / 1000.0;
    Some([
        ("p50", ms(histogram.percentile_us(0.50)?)),
        ("p90", ms(histogram.percentile_us(0.90)?)),
        ("p99", ms(histogram.percentile_us(0.99)?)),
        ("max", ms(histogram.max_us()?)),
    ])
}

fn latency_json(histogram: &Histogram) -> Value {
    let mut members: Map<String, Value> = percentiles_ms(histogram)
        .into_iter()
        .flatten()
        .map(|(name, ms)| (name.to_owned(), json!(ms)))
        .collect();
    members.insert("samples".into(), histogram.recorded().into());
    Value::Object(members)
}

fn latency_text(histogram: &Histogram) -> String {
    let Some(values) = percentiles_ms(histogram) else { return "  no samples".to_owned() };
    let shown: Vec<String> = values.iter().map(|(name, ms)| format!("{name} {ms:.2} ms")).collect();
    format!("  {}   ({} samples)", shown.join("  "), histogram.recorded())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report() -> Report {
        let mut answer = Histogram::default();
        answer.record(Duration::from_millis(2));
        Report {
            suite: "triggers",
            concurrency: 8,
            recipients: 1,
            users: 10,
            elapsed: Duration::from_secs(2),
            accepted: 100,
            delivery: Some(Delivery { expected: 100, delivered: 100, elapsed: Duration::from_secs(4) }),
            request: "trigger",
            answer,
            ..Report::default()
        }
    }

    #[test]
    fn rates_use_their_own_clocks() {
        let json = report().to_json();
        assert_eq!(json["accepted_per_second"], 50.0);
        assert_eq!(json["delivered_per_second"], 25.0);
        assert_eq!(json["answer_ms"]["p99"], 2.0);
        assert!(json.get("server_rss_kb").is_none());
    }

    #[test]
    fn anything_missing_is_not_clean() {
        assert!(report().is_clean());
        let lost = Delivery { expected: 2, delivered: 1, elapsed: Duration::from_secs(1) };
        assert!(!Report { delivery: Some(lost), ..report() }.is_clean());
        assert!(!Report { failed: 1, ..report() }.is_clean());
        assert!(!Report { probes_lost: 1, ..report() }.is_clean());
    }

    #[test]
    fn text_names_every_figure() {
        let mut out = Vec::new();
        report().write_text(&mut out).expect("a vector takes everything");
        let text = String::from_utf8_lossy(&out).into_owned();
        for want in ["accepted", "50/s", "delivered", "25/s", "p99 2.00 ms"] {
            assert!(text.contains(want), "{want} is missing in\n{text}");
        }
    }
}
