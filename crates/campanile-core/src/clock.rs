//! The only source of time. Everything else is handed an instant.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use crate::time::Timestamp;

/// Tells the time: the machine's, or one that stands still until it is moved (`--virtual-time`).
#[derive(Debug, Clone)]
pub enum Clock {
    /// The machine's wall clock.
    System,
    /// Stands still; moves only when told, and only forward.
    Virtual(Arc<AtomicI64>),
}

impl Clock {
    /// A clock that stands at `at`.
    pub fn standing_at(at: Timestamp) -> Self {
        Self::Virtual(Arc::new(AtomicI64::new(at.0)))
    }

    /// The present instant.
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp(
                SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |past| past.as_micros() as i64),
            ),
            Self::Virtual(at) => Timestamp(at.load(Ordering::SeqCst)),
        }
    }

    /// True when time moves only on request.
    pub fn is_virtual(&self) -> bool {
        matches!(self, Self::Virtual(_))
    }

    /// Moves a virtual clock forward to `to`; an earlier instant and a system clock change nothing.
    pub fn advance_to(&self, to: Timestamp) {
        if let Self::Virtual(at) = self {
            at.fetch_max(to.0, Ordering::SeqCst);
        }
    }
}
