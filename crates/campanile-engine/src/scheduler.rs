//! The scheduler: claims what is due and has it done, in bounded numbers; moves virtual time.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use campanile_core::time::Timestamp;
use campanile_core::workflow::ChannelType;
use campanile_store::{Claim, JobKind, Outcome, StoreError, Unit};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::announce::Announcement;
use crate::engine::Engine;

/// Jobs in progress on one node.
const RUNNING_MAX: usize = 256;
/// Those of them that may be long: a crowd that is being expanded, or many, must not keep deliveries waiting.
const LONG_MAX: usize = 32;
/// Jobs claimed at once.
const CLAIM_MAX: usize = 100;
/// Longest sleep: other nodes' jobs and expired leases are found by looking.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Wait after the database did not answer.
const AWAY: Duration = Duration::from_millis(500);

/// What was done while virtual time moved.
#[derive(Debug, Clone, Serialize)]
pub struct Ran {
    /// `resume`, `deliver`, `expand`, `bulk`, `schedule`, `audience` or `broadcast`.
    pub kind: &'static str,
    /// Id of the recipient run, message, workflow run, bulk operation, schedule, audience, or version of the broadcast.
    pub id: String,
    /// The instant at which it fell due.
    pub due_at: Timestamp,
}

/// The node's work in progress.
pub(crate) struct Work {
    running: AtomicUsize,
    /// The long ones of them.
    running_long: AtomicUsize,
    /// Something is due earlier than the sleeper knows.
    wake: Notify,
    /// A job ended.
    ended: Notify,
    /// Set while virtual time moves.
    ran: Mutex<Option<Vec<Ran>>>,
    /// Only one request moves the clock at a time.
    moving: tokio::sync::Mutex<()>,
    stopping: CancellationToken,
}

impl Default for Work {
    fn default() -> Self {
        Self {
            running: AtomicUsize::new(0),
            running_long: AtomicUsize::new(0),
            wake: Notify::new(),
            ended: Notify::new(),
            ran: Mutex::new(None),
            moving: tokio::sync::Mutex::new(()),
            stopping: CancellationToken::new(),
        }
    }
}

/// A place among the running jobs; leaving a used one wakes whoever waits.
struct Place {
    engine: Engine,
    is_long: bool,
    used: bool,
}

impl Drop for Place {
    fn drop(&mut self) {
        let work = self.engine.work();
        work.running.fetch_sub(1, Ordering::SeqCst);
        if self.is_long {
            work.running_long.fetch_sub(1, Ordering::SeqCst);
        }
        if self.used {
            work.ended.notify_waiters();
            work.wake.notify_one();
        }
    }
}

impl Engine {
    fn try_place(&self, is_long: bool) -> Option<Place> {
        let take = |count: &AtomicUsize, max: usize| {
            count.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| (n < max).then_some(n + 1)).is_ok()
        };
        let work = self.work();
        if is_long && !take(&work.running_long, LONG_MAX) {
            return None;
        }
        if take(&work.running, RUNNING_MAX) {
            return Some(Place { engine: self.clone(), is_long, used: false });
        }
        if is_long {
            work.running_long.fetch_sub(1, Ordering::SeqCst);
        }
        None
    }

    /// As many places as are free, `max` at the most.
    fn places(&self, is_long: bool, max: usize) -> Vec<Place> {
        std::iter::from_fn(|| self.try_place(is_long)).take(max).collect()
    }

    /// What feeds will have once a unit is on disk; nothing when nobody listens. A message whose send window is closed
    /// is in no feed yet.
    fn feed_announcements(&self, unit: &Unit) -> Vec<Announcement> {
        if !self.announcer().has_listeners() || unit.messages.is_empty() {
            return Vec::new();
        }
        let catalog = self.catalog();
        let is_feed = |channel| catalog.channel(channel).is_some_and(|c| c.kind == ChannelType::InAppFeed);
        let shown = unit.messages.iter().filter(|m| m.scheduled_at.is_none() && is_feed(m.channel));
        shown
            .map(|message| Announcement::FeedMessage {
                env: message.env,
                channel: message.channel,
                user: message.recipient.clone(),
                message: message.id,
            })
            .collect()
    }

    fn announce_all(&self, outcome: &Outcome, announcements: Vec<Announcement>) {
        if matches!(outcome, Outcome::Committed) {
            announcements.into_iter().for_each(|announcement| self.announcer().announce(announcement));
        }
    }

    /// Writes a unit and then performs its effects: jobs that are due now stay with this node and start at once,
    /// without a detour through the database; what finds no place waits for the scheduler.
    ///
    /// A caller that goes away, a client that hangs up for instance, changes nothing about that: what is on disk is performed.
    pub(crate) async fn commit_and_perform(&self, mut unit: Unit) -> Result<Outcome, StoreError> {
        let announcements = self.feed_announcements(&unit);
        if unit.jobs.is_empty() && announcements.is_empty() {
            return self.store().commit(unit).await;
        }
        let now = self.clock().now();
        let mut own = Vec::new();
        for job in &mut unit.jobs {
            if job.due_at > now || self.work().stopping.is_cancelled() {
                continue;
            }
            let Some(place) = self.try_place(job.kind.is_long()) else { continue };
            job.claim = self.node();
            job.run_at = now + self.options().lease;
            job.attempt = 1;
            job.first_at = Some(now);
            own.push((place, job.claimed()));
        }
        let engine = self.clone();
        let performing = tokio::spawn(async move {
            let outcome = engine.store().commit(unit).await?;
            engine.announce_all(&outcome, announcements);
            if matches!(outcome, Outcome::Committed) {
                for (place, claim) in own {
                    engine.spawn_job(place, claim);
                }
            }
            engine.work().wake.notify_one();
            Ok(outcome)
        });
        performing.await.unwrap_or_else(|error| Err(StoreError::Corrupt(error.to_string().into())))
    }

    /// Has the scheduler look for what fell due: after jobs were written other than by a unit.
    pub fn wake(&self) {
        self.work().wake.notify_one();
    }

    fn spawn_job(&self, mut place: Place, claim: Claim) {
        place.used = true;
        let engine = self.clone();
        if let Some(ran) = self.work().ran.lock().as_mut() {
            ran.push(describe(&claim));
        }
        tokio::spawn(async move {
            let _place = place;
            let (kind, id) = (claim.kind, describe(&claim).id);
            // The job's row stays until its unit is written: after an error or a panic the lease runs out and the
            // job is done again.
            if let Err(error) = engine.run_job(claim).await {
                tracing::warn!(?kind, %id, %error, "a job will be repeated when its lease ends");
            }
        });
    }

    async fn run_job(&self, claim: Claim) -> Result<(), StoreError> {
        let now = self.clock().now();
        self.metrics().timer_lag((now - claim.due_at).0);
        match claim.kind {
            JobKind::Deliver => self.deliver(claim, now).await,
            JobKind::Resume => {
                let id = uuid::Uuid::from_slice(&claim.target)
                    .map_err(|error| StoreError::Corrupt(error.to_string().into()))?;
                match self.store().recipient_run(id).await? {
                    Some(stored) => self.resume(claim, stored, now).await.map(drop),
                    None => self.store().commit(Unit::finishing(claim)).await.map(drop),
                }
            }
            JobKind::Expand => self.expand_stored(claim).await,
            JobKind::Bulk => self.run_bulk(claim).await,
            JobKind::Audience => self.run_audience(claim).await,
            JobKind::Broadcast => self.run_broadcast(claim).await,
            JobKind::Schedule => self.fire_schedule(claim, now).await,
        }
    }

    /// Claims and runs what is due until told to stop.
    pub async fn run_scheduler(&self) {
        let stop = self.work().stopping.clone();
        while !stop.is_cancelled() {
            let woken = self.work().wake.notified();
            let wait = match self.claim_and_spawn().await {
                Ok(Some(wait)) => wait,
                Ok(None) => continue,
                Err(error) => {
                    tracing::warn!(%error, "the scheduler cannot reach the database");
                    AWAY
                }
            };
            tokio::select! {
                () = woken => {}
                () = tokio::time::sleep(wait) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    /// Starts what is due; answers how long to sleep, or `None` when there may be more.
    async fn claim_and_spawn(&self) -> Result<Option<Duration>, StoreError> {
        let mut long = self.places(true, LONG_MAX);
        let mut short = self.places(false, CLAIM_MAX);
        if short.is_empty() {
            return Ok(Some(LOOK_EVERY));
        }
        let now = self.clock().now();
        let (short_max, long_max) = (short.len(), long.len());
        let lease = self.options().lease;
        let claims =
            self.store().claim_within(now, lease, self.node(), short_max as i64, long_max as i64).await?;
        for claim in claims {
            let places = if claim.kind.is_long() { &mut long } else { &mut short };
            if let Some(place) = places.pop() {
                self.spawn_job(place, claim);
            }
        }
        let used = |left: usize, max: usize| max > 0 && left == 0;
        let (short_full, long_full) = (used(short.len(), short_max), used(long.len(), long_max));
        let has_long_place = !long.is_empty();
        drop((long, short));
        if short_full || long_full {
            return Ok(None);
        }
        // What cannot start for want of a place is no reason to look again: the end of a job wakes us.
        let next = match has_long_place {
            true => self.store().next_run_at().await?,
            false => self.store().next_short_run_at().await?,
        };
        let wait =
            next.map_or(LOOK_EVERY, |at| Duration::from_micros((at - self.clock().now()).0.max(0) as u64));
        // A virtual clock does not move while we sleep; whoever moves it wakes us.
        Ok(Some(wait.clamp(Duration::from_millis(1), LOOK_EVERY)))
    }

    /// Moves virtual time to `to`, running everything that falls due on the way, each at its own instant.
    pub async fn advance_clock(&self, to: Timestamp) -> Result<Vec<Ran>, StoreError> {
        let _moving = self.work().moving.lock().await;
        *self.work().ran.lock() = Some(Vec::new());
        let result = self.advance_while_due(to).await;
        let ran = self.work().ran.lock().take().unwrap_or_default();
        result?;
        let at = self.clock().now();
        self.store()
            .transact(move |tx| {
                Box::pin(async move { tx.set_setting("virtual_now", &at.0.to_string()).await })
            })
            .await?;
        Ok(ran)
    }

    async fn advance_while_due(&self, to: Timestamp) -> Result<(), StoreError> {
        loop {
            self.idle().await?;
            match self.store().next_run_at().await? {
                Some(next) if next <= to => self.clock().advance_to(next),
                _ => break,
            }
        }
        self.clock().advance_to(to);
        self.idle().await
    }

    /// Waits until nothing is due and nothing is running on this node.
    pub async fn idle(&self) -> Result<(), StoreError> {
        loop {
            let ended = self.work().ended.notified();
            self.work().wake.notify_one();
            let due = self.store().next_run_at().await?.is_some_and(|at| at <= self.clock().now());
            let is_recorded = self.recorder().is_idle();
            if !due && is_recorded && self.work().running.load(Ordering::SeqCst) == 0 {
                return Ok(());
            }
            tokio::select! {
                () = ended => {}
                () = tokio::time::sleep(Duration::from_millis(2)) => {}
            }
        }
    }

    /// Stops claiming, waits for what is in progress, and gives back what is not done by `deadline`.
    pub async fn stop(&self, deadline: Duration) {
        self.work().stopping.cancel();
        let finished = async {
            while self.work().running.load(Ordering::SeqCst) > 0 {
                let ended = self.work().ended.notified();
                tokio::select! {
                    () = ended => {}
                    () = tokio::time::sleep(Duration::from_millis(20)) => {}
                }
            }
        };
        if tokio::time::timeout(deadline, finished).await.is_err() {
            tracing::warn!("some deliveries did not end in time; another start takes them up again");
        }
        let _ = self.store().release_claims(self.node()).await;
    }

    /// True once the engine is told to stop.
    pub fn stopping(&self) -> CancellationToken {
        self.work().stopping.clone()
    }
}

fn describe(claim: &Claim) -> Ran {
    let (kind, id) = match claim.kind {
        JobKind::Expand => ("expand", uuid_text(&claim.target)),
        JobKind::Bulk => ("bulk", uuid_text(&claim.target)),
        JobKind::Audience => ("audience", uuid_text(&claim.target)),
        JobKind::Broadcast => ("broadcast", uuid_text(&claim.target)),
        JobKind::Schedule => ("schedule", uuid_text(&claim.target)),
        JobKind::Resume => ("resume", uuid_text(&claim.target)),
        JobKind::Deliver => (
            "deliver",
            <[u8; 20]>::try_from(claim.target.as_slice())
                .map(|bytes| campanile_core::ids::Ksuid(bytes).to_string())
                .unwrap_or_default(),
        ),
    };
    Ran { kind, id, due_at: claim.due_at }
}

fn uuid_text(bytes: &[u8]) -> String {
    uuid::Uuid::from_slice(bytes).map(|id| id.to_string()).unwrap_or_default()
}
