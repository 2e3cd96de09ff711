//! `messages.<action>`: changes or deletes the messages of a channel that match a filter (delivery.md 15.2).
//!
//! What is swept is what existed when the operation was accepted. With recipients named, theirs are gone through one
//! recipient after the other, each by the index of its feed; otherwise the environment's by age. The cursor is the
//! recipient's position and the last message looked at.

use campanile_core::ids::Ksuid;
use campanile_core::message::{Engagement, EngagementSet};
use campanile_core::time::Timestamp;
use campanile_store::{StoreError, SweepFilter, Tx};
use futures_util::future::BoxFuture;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Applied, Chunk, Kind};
use crate::engagement::{Action, change};

/// Messages looked at in one transaction.
const ROWS_AT_ONCE: usize = 1_000;

/// The messages of a run are numbered by microseconds from its instant, so that some lie ahead of the clock.
const AHEAD_MICROS: i64 = 1_000;

pub(super) static SWEEP: Kind =
    Kind { name: "messages", rows_at_once: ROWS_AT_ONCE, apply: |chunk, tx| sweep(chunk, tx) };

/// What happens to each matching message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum SweepAction {
    /// Changes its engagement, unless it is in that state already (IA8.7).
    Engage(Action),
    /// Removes it.
    Delete,
}

/// The input of a sweep.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct MessageSweep {
    /// Which messages.
    pub filter: SweepFilter,
    /// What to do with them.
    pub action: SweepAction,
}

impl MessageSweep {
    /// A sweep that leaves out the messages that are in the target state.
    pub fn new(mut filter: SweepFilter, action: SweepAction) -> Self {
        let bit = |engagement| EngagementSet::EMPTY.with(engagement).bits();
        match action {
            SweepAction::Engage(Action::Seen) => filter.not_engaged |= bit(Engagement::Seen),
            SweepAction::Engage(Action::Unseen) => filter.engaged |= bit(Engagement::Seen),
            SweepAction::Engage(Action::Read) => filter.not_engaged |= bit(Engagement::Read),
            SweepAction::Engage(Action::Unread) => filter.engaged |= bit(Engagement::Read),
            SweepAction::Engage(Action::Interacted) => filter.not_engaged |= bit(Engagement::Interacted),
            SweepAction::Engage(Action::Archived) => filter.not_engaged |= bit(Engagement::Archived),
            SweepAction::Engage(Action::Unarchived) => filter.engaged |= bit(Engagement::Archived),
            SweepAction::Delete => {}
        }
        Self { filter, action }
    }

    /// As the operation keeps it.
    pub fn into_input(self) -> Value {
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// Where a sweep stands.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Position {
    recipient: usize,
    after: Option<Ksuid>,
}

impl Position {
    fn parse(text: Option<&str>) -> Self {
        let (recipient, after) = text.and_then(|text| text.split_once(' ')).unwrap_or_default();
        Self { recipient: recipient.parse().unwrap_or_default(), after: after.parse().ok() }
    }

    fn text(self) -> String {
        format!("{} {}", self.recipient, self.after.map(|id| id.to_string()).unwrap_or_default())
    }
}

fn sweep<'t>(chunk: Chunk, tx: &'t mut Tx<'_>) -> BoxFuture<'t, Result<Applied, StoreError>> {
    Box::pin(async move {
        let corrupt = |error: serde_json::Error| StoreError::Corrupt(error.to_string().into());
        let MessageSweep { filter, action } =
            MessageSweep::deserialize(chunk.input.as_ref()).map_err(corrupt)?;
        let until = Ksuid::floor(Timestamp(chunk.accepted_at.0.saturating_add(AHEAD_MICROS)));
        let mut position = Position::parse(chunk.cursor.as_deref());
        let mut applied = Applied::default();
        let mut left = ROWS_AT_ONCE;
        loop {
            let recipient = filter.recipients.get(position.recipient).map(String::as_str);
            if recipient.is_none() && !filter.recipients.is_empty() {
                return Ok(applied);
            }
            let slice =
                tx.sweep_slice(chunk.env, &filter, recipient, position.after, until, left as i64).await?;
            if !slice.matching.is_empty() {
                match action {
                    SweepAction::Engage(action) => {
                        tx.engage_swept(chunk.env, &slice.matching, &change(action, None), chunk.now).await?;
                    }
                    SweepAction::Delete => tx.delete_swept(chunk.env, &slice.matching).await?,
                }
            }
            applied.succeeded += slice.matching.len();
            // Somebody without messages costs a look-up too.
            left = left.saturating_sub(slice.looked_at.max(1));
            match slice.next {
                Some(last) => position.after = Some(last),
                None if filter.recipients.is_empty() => return Ok(applied),
                None => position = Position { recipient: position.recipient + 1, after: None },
            }
            if left == 0 {
                applied.next = Some(position.text());
                return Ok(applied);
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_survive_being_written() {
        let id = Ksuid::floor(Timestamp(1_700_000_000_000_000));
        for position in [
            Position::default(),
            Position { recipient: 3, after: None },
            Position { recipient: 12, after: Some(id) },
        ] {
            assert_eq!(Position::parse(Some(&position.text())), position);
        }
        assert_eq!(Position::parse(None), Position::default());
    }

    #[test]
    fn what_is_in_the_target_state_is_left_out() {
        for (action, engaged, not_engaged) in [
            (SweepAction::Engage(Action::Seen), 0, 1),
            (SweepAction::Engage(Action::Unread), 2, 0),
            (SweepAction::Delete, 0, 0),
        ] {
            let sweep = MessageSweep::new(SweepFilter::default(), action);
            assert_eq!((sweep.filter.engaged, sweep.filter.not_engaged), (engaged, not_engaged));
            let read = MessageSweep::deserialize(&sweep.into_input()).expect("it can be read again");
            assert_eq!(read.action, action);
        }
    }
}
