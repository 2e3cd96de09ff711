//! The way through everybody a stored run reaches, in pieces whose end is written down with them.
//!
//! First the trigger's own entries, then the subscribers of its objects, then the subscribers of the objects among
//! those: breadth first, each object's subscribers oldest first. Memory holds one piece. Who is met again is known by
//! the recipient run that the first meeting made: pieces are committed one after the other, so the run's unique key is
//! the set of everybody met so far.

use std::collections::{HashSet, VecDeque};

use campanile_core::ids::EnvId;
use campanile_core::time::{Micros, Timestamp};
use campanile_store::{RunRow, Store, StoreError, SubscriberMark};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{LEVELS, Via, is_object};
use crate::expand::{CHUNK, Pending};

/// Reads in one piece at the most: one that meets only people with a run is written down and continued.
const READS_MAX: usize = 64;
/// Objects of the second level read at once.
const AHEAD: usize = 100;
/// Who subscribed later than the trigger is not told, or a run might never end. Nodes' clocks may differ by this.
const SKEW: Micros = Micros::seconds(2);

/// A subscription's place among those of its object.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Mark(i64, String);

impl From<SubscriberMark> for Mark {
    fn from(mark: SubscriberMark) -> Self {
        Self(mark.inserted_at.0, mark.recipient)
    }
}

impl Mark {
    fn place(&self) -> SubscriberMark {
        SubscriberMark { inserted_at: Timestamp(self.0), recipient: self.1.clone() }
    }
}

/// Everything up to here has its run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Position {
    /// Entries of the trigger that were taken.
    #[serde(rename = "d")]
    direct: usize,
    /// The level whose subscribers are read, from 1.
    #[serde(rename = "l")]
    level: u8,
    /// The object of the trigger under which they are, by its number.
    #[serde(rename = "r")]
    root: usize,
    /// On the second level: its subscriber whose own subscribers are read; absent before the first.
    #[serde(rename = "c", default, skip_serializing_if = "Option::is_none")]
    child: Option<Mark>,
    /// The last subscriber that was taken of the object being read.
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    after: Option<Mark>,
}

impl Position {
    /// Reads a job's payload. A bare number was written by versions that knew no subscribers.
    fn read(payload: Option<&str>) -> Self {
        let start = |direct| Self { direct, level: 1, root: 0, child: None, after: None };
        let Some(text) = payload else { return start(0) };
        match text.parse() {
            Ok(direct) => start(direct),
            Err(_) => serde_json::from_str(text).unwrap_or_else(|_| start(0)),
        }
    }
}

/// A walk, at its position.
pub(super) struct Walk<'r> {
    env: EnvId,
    run: Uuid,
    actor: Option<&'r str>,
    until: Timestamp,
    entries: &'r [Pending],
    /// The objects among the entries, in their order; empty when the run does not fan out.
    objects: Vec<String>,
    at: Position,
    /// Children of the present root that come next.
    ahead: VecDeque<SubscriberMark>,
}

impl<'r> Walk<'r> {
    /// Goes on where the payload says.
    pub(super) fn resume(run: &'r RunRow, entries: &'r [Pending], payload: Option<&str>) -> Self {
        let fans_out = run.flags & RunRow::NO_FAN_OUT == 0;
        let objects = entries.iter().filter(|entry| fans_out && is_object(&entry.recipient));
        Self {
            env: run.env,
            run: run.id,
            actor: run.actor.as_deref(),
            until: run.inserted_at + SKEW,
            entries,
            objects: objects.map(|entry| entry.recipient.clone()).collect(),
            at: Position::read(payload),
            ahead: VecDeque::new(),
        }
    }

    /// The position as a job's payload.
    pub(super) fn payload(&self) -> String {
        serde_json::to_string(&self.at).unwrap_or_default()
    }

    /// True when everybody was met.
    pub(super) fn is_done(&self) -> bool {
        let all_read = self.at.level >= LEVELS && self.at.root >= self.objects.len();
        self.at.direct >= self.entries.len() && (all_read || self.objects.is_empty())
    }

    /// The next recipients without a run, at most [`CHUNK`]. The position moves behind them, so they must be written
    /// together with it.
    pub(super) async fn piece(&mut self, store: &Store) -> Result<Vec<Pending>, StoreError> {
        let rest = self.entries.get(self.at.direct..).unwrap_or_default();
        let mut piece: Vec<Pending> = rest.iter().take(CHUNK).cloned().collect();
        self.at.direct += piece.len();
        if self.at.direct < self.entries.len() || self.objects.is_empty() {
            return Ok(piece);
        }
        let mut met: HashSet<String> = piece.iter().map(|one| one.recipient.clone()).collect();
        for _ in 0..READS_MAX {
            if piece.len() >= CHUNK {
                break;
            }
            let Some(object) = self.object(store).await? else { break };
            let after = self.at.after.as_ref().map(Mark::place);
            let found = store
                .subscribers_after(self.env, &object, after.as_ref(), self.until, self.run, CHUNK)
                .await?;
            let is_last = found.len() < CHUNK;
            let mut left = found.len();
            for subscriber in found {
                if piece.len() >= CHUNK {
                    break;
                }
                left -= 1;
                let recipient = subscriber.mark.recipient.clone();
                self.at.after = Some(subscriber.mark.into());
                let is_actor = self.actor == Some(recipient.as_str());
                if subscriber.has_run || is_actor || !met.insert(recipient.clone()) {
                    continue;
                }
                let via = Via { object: object.clone(), properties: subscriber.properties };
                piece.push(Pending { recipient, via: Some(via), ..Pending::default() });
            }
            if is_last && left == 0 {
                self.leave(store).await?;
            }
        }
        Ok(piece)
    }

    /// The object whose subscribers are read now; `None` after the last.
    async fn object(&mut self, store: &Store) -> Result<Option<String>, StoreError> {
        loop {
            let Some(root) = self.objects.get(self.at.root) else {
                if self.at.level >= LEVELS {
                    return Ok(None);
                }
                self.at = Position { level: self.at.level + 1, root: 0, child: None, after: None, ..self.at };
                continue;
            };
            if self.at.level < LEVELS {
                return Ok(Some(root.clone()));
            }
            match &self.at.child {
                Some(child) => return Ok(Some(child.1.clone())),
                None => self.next_child(store).await?,
            }
        }
    }

    /// Goes on behind an object whose subscribers were all read.
    async fn leave(&mut self, store: &Store) -> Result<(), StoreError> {
        self.at.after = None;
        if self.at.level >= LEVELS {
            return self.next_child(store).await;
        }
        self.at.root += 1;
        Ok(())
    }

    /// Finds the next child of the present root, or goes on to the next root. A child that the trigger names itself,
    /// or that an earlier root has too, was or will be read there.
    async fn next_child(&mut self, store: &Store) -> Result<(), StoreError> {
        let Some((root, earlier)) = self.objects[..=self.at.root].split_last() else { return Ok(()) };
        loop {
            if self.ahead.is_empty() {
                let after = self.at.child.as_ref().map(Mark::place);
                let earlier = earlier.to_vec();
                self.ahead = store
                    .subscribed_objects_after(self.env, root, after.as_ref(), self.until, earlier, AHEAD)
                    .await?
                    .into();
            }
            let Some(child) = self.ahead.pop_front() else {
                self.at.child = None;
                self.at.root += 1;
                return Ok(());
            };
            let is_entry = self.objects.contains(&child.recipient);
            self.at.child = Some(child.into());
            if !is_entry {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_survive_the_round_trip() {
        let mark = |at, key: &str| Some(Mark(at, key.into()));
        for (text, want) in [
            (None, Position { direct: 0, level: 1, root: 0, child: None, after: None }),
            (Some("250"), Position { direct: 250, level: 1, root: 0, child: None, after: None }),
            (
                Some(r#"{"d":1,"l":2,"r":3,"c":[5,"t/1"],"a":[7,"u"]}"#),
                Position { direct: 1, level: 2, root: 3, child: mark(5, "t/1"), after: mark(7, "u") },
            ),
        ] {
            let read = Position::read(text);
            assert_eq!(read, want);
            let again = serde_json::to_string(&read).expect("a position is JSON");
            assert_eq!(Position::read(Some(&again)), want);
        }
    }
}
