//! A bar on a terminal, nothing elsewhere.

use std::io::IsTerminal;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressStyle};

/// Moves until dropped.
pub(super) struct Progress {
    bar: ProgressBar,
    ticker: tokio::task::JoinHandle<()>,
}

impl Progress {
    /// Fills over `duration` and names the count of `accepted`.
    pub(super) fn over(label: &'static str, duration: Duration, accepted: Arc<AtomicU64>) -> Self {
        let length_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
        let started = Instant::now();
        Self::start(label, length_ms, move || {
            (
                u64::try_from(started.elapsed().as_millis()).unwrap_or(length_ms),
                accepted.load(Ordering::Relaxed),
            )
        })
    }

    /// Fills as `accepted` approaches `wanted`.
    pub(super) fn up_to(label: &'static str, wanted: u64, accepted: Arc<AtomicU64>) -> Self {
        Self::start(label, wanted, move || {
            let now = accepted.load(Ordering::Relaxed);
            (now, now)
        })
    }

    fn start(
        label: &'static str,
        length: u64,
        mut read: impl FnMut() -> (u64, u64) + Send + 'static,
    ) -> Self {
        let bar =
            if std::io::stderr().is_terminal() { ProgressBar::new(length) } else { ProgressBar::hidden() };
        // A template that does not parse is a mistake of ours, and the bar is only decoration.
        if let Ok(style) = ProgressStyle::with_template("{prefix:>12} [{bar:30}] {msg}") {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.set_prefix(label);
        let shown = bar.clone();
        let ticker = tokio::spawn(async move {
            let mut before = (Instant::now(), 0);
            loop {
                tokio::time::sleep(Duration::from_millis(250)).await;
                let (position, accepted) = read();
                let per_second = (accepted - before.1) as f64 / before.0.elapsed().as_secs_f64();
                before = (Instant::now(), accepted);
                shown.set_position(position.min(length));
                shown.set_message(format!("{accepted} accepted, {per_second:.0}/s"));
            }
        });
        Self { bar, ticker }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.ticker.abort();
        self.bar.finish_and_clear();
    }
}
