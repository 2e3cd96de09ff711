//! Clicks and opens on their way to the database: noted when they were answered, written in groups.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use campanile_core::ids::{EnvId, Ksuid};
use campanile_core::time::Timestamp;
use campanile_core::workflow::ChannelType;
use campanile_store::{Engaged, StoreError};
use parking_lot::Mutex;
use tokio::sync::mpsc;

use super::short;
use super::token::LinkToken;
use crate::engagement::{Action, change, clicked};
use crate::engine::Engine;

/// What waits at the most; more is counted and lost, for a click must never wait.
const WAITING_MAX: usize = 10_000;
/// What is written in one transaction at the most.
const GROUP_MAX: usize = 100;

/// Pauses before what could not be written is tried again.
const WAITS: [Duration; 4] =
    [Duration::from_millis(50), Duration::from_millis(500), Duration::from_secs(5), Duration::from_secs(15)];

/// What somebody did with a message that is not in front of us.
#[derive(Debug, Clone)]
pub struct Happened {
    /// Where.
    pub env: EnvId,
    /// With which message.
    pub message: Ksuid,
    /// What.
    pub what: What,
    /// When.
    pub at: Timestamp,
}

/// See [`Happened`].
#[derive(Debug, Clone)]
pub enum What {
    /// Followed a tracked link to this address.
    Clicked(String),
    /// Loaded the open image.
    Opened,
}

/// The queue.
pub(crate) struct Recorder {
    sender: mpsc::Sender<Happened>,
    waiting: Mutex<Option<mpsc::Receiver<Happened>>>,
    /// Noted and not written yet.
    unwritten: AtomicUsize,
}

impl Default for Recorder {
    fn default() -> Self {
        let (sender, waiting) = mpsc::channel(WAITING_MAX);
        Self { sender, waiting: Mutex::new(Some(waiting)), unwritten: AtomicUsize::new(0) }
    }
}

impl Recorder {
    /// Takes what happened unless too much waits already; never waits itself.
    fn take(&self, happened: Happened) -> bool {
        self.unwritten.fetch_add(1, Ordering::SeqCst);
        let is_taken = self.sender.try_send(happened).is_ok();
        if !is_taken {
            self.written(1);
        }
        is_taken
    }

    fn written(&self, count: usize) {
        self.unwritten.fetch_sub(count, Ordering::SeqCst);
    }

    /// True when everything that was noted is written.
    pub(crate) fn is_idle(&self) -> bool {
        self.unwritten.load(Ordering::SeqCst) == 0
    }
}

impl Engine {
    /// Reads the token of a tracked link.
    pub fn tracked_link(&self, token: &str) -> Option<LinkToken> {
        self.tracker().read_link(token)
    }

    /// Finds a short link.
    pub async fn short_link(&self, key: &str) -> Result<Option<LinkToken>, StoreError> {
        if !short::is_key(key) {
            return Ok(None);
        }
        let found = self.store().short_link(key).await?;
        Ok(found.map(|row| LinkToken {
            env: row.env,
            message: row.message,
            link: row.link as u64,
            target: row.target,
        }))
    }

    /// Reads the token of an open image.
    pub fn open_image(&self, token: &str) -> Option<(EnvId, Ksuid)> {
        self.tracker().read_open(token)
    }

    /// Notes what happened; never waits.
    pub fn note_tracked(&self, happened: Happened) {
        if !self.recorder().take(happened) {
            self.metrics().tracked_dropped.inc();
        }
    }

    /// Writes what was noted until the engine stops, and then what still waits.
    pub async fn record_tracked(&self) {
        let Some(mut waiting) = self.recorder().waiting.lock().take() else { return };
        let stop = self.stopping();
        loop {
            let first = tokio::select! {
                first = waiting.recv() => first,
                () = stop.cancelled() => {
                    waiting.close();
                    waiting.recv().await
                }
            };
            let Some(first) = first else { return };
            let mut group = vec![first];
            while group.len() < GROUP_MAX {
                let Ok(next) = waiting.try_recv() else { break };
                group.push(next);
            }
            let count = group.len();
            match self.write_patiently(&group).await {
                Ok(()) => drop(self.metrics().tracked_written.inc_by(count as u64)),
                Err(error) => {
                    tracing::warn!(%error, count, "clicks and opens could not be written");
                    self.metrics().tracked_dropped.inc_by(count as u64);
                }
            }
            self.recorder().written(count);
        }
    }

    /// Again when another transaction or an outage got in the way, while the queue takes what comes.
    async fn write_patiently(&self, group: &[Happened]) -> Result<(), StoreError> {
        let mut waits = WAITS.iter();
        loop {
            let error = match self.write_tracked(group).await {
                Err(error @ (StoreError::Contended(_) | StoreError::Unavailable(_))) => error,
                done => return done,
            };
            let Some(wait) = waits.next().filter(|_| !self.stopping().is_cancelled()) else {
                return Err(error);
            };
            tokio::time::sleep(*wait).await;
        }
    }

    /// Messages that are gone, or can no longer be read, keep what they have (section 10.3).
    async fn write_tracked(&self, group: &[Happened]) -> Result<(), StoreError> {
        let mut by_env: HashMap<EnvId, Vec<Ksuid>> = HashMap::new();
        for one in group {
            by_env.entry(one.env).or_default().push(one.message);
        }
        let catalog = self.catalog();
        let mut kinds: HashMap<(EnvId, Ksuid), ChannelType> = HashMap::new();
        for (env, ids) in by_env {
            for message in self.store().messages(env, &ids).await? {
                let Some(entry) = catalog.channel(message.row.channel) else { continue };
                let is_kept = matches!(entry.kind, ChannelType::InAppFeed | ChannelType::InAppGuide)
                    || message.row.id.at() >= self.readable_since(env);
                if is_kept {
                    kinds.insert((env, message.row.id), entry.kind);
                }
            }
        }
        let happened = group.iter().filter_map(|one| {
            let kind = *kinds.get(&(one.env, one.message))?;
            let change = match &one.what {
                What::Clicked(url) => clicked(url, kind),
                What::Opened => change(Action::Read, None),
            };
            Some(Engaged { env: one.env, message: one.message, change, at: one.at })
        });
        let happened: Vec<_> = happened.collect();
        if happened.is_empty() {
            return Ok(());
        }
        self.store().engage_all(happened).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_queue_takes_no_more() {
        let recorder = Recorder::default();
        let at = Timestamp(1_767_258_000_000_000);
        let happened = || Happened { env: EnvId(1), message: Ksuid::floor(at), what: What::Opened, at };
        assert!(recorder.is_idle());
        assert!((0..WAITING_MAX).all(|_| recorder.take(happened())));
        assert!(!recorder.take(happened()) && !recorder.is_idle());
        recorder.written(WAITING_MAX);
        assert!(recorder.is_idle(), "what was not taken is not waited for");
    }
}
