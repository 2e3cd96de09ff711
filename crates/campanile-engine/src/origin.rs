//! What started a workflow run (workflows.md 3.6), as the run keeps it.

use std::sync::Arc;

use campanile_core::time::Timestamp;
use campanile_store::RunRow;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What started a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Origin {
    /// A request of the API.
    Api,
    /// A test run of the management API.
    Rehearsal,
    /// An occurrence of a schedule.
    Schedule(Occurrence),
    /// Somebody entered an audience.
    Audience {
        /// Its key.
        key: String,
    },
    /// A broadcast was sent.
    Broadcast,
}

/// An occurrence, as `recipient.schedule` shows it to the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Occurrence {
    /// The schedule.
    pub id: String,
    /// The occurrence before this one.
    pub last_occurrence_at: Option<Timestamp>,
    /// The occurrence after this one.
    pub next_occurrence_at: Option<Timestamp>,
}

impl Origin {
    /// The origin of a stored run.
    pub fn of(run: &RunRow) -> Self {
        let stored = run.origin.as_deref().and_then(|text| serde_json::from_str(text).ok());
        stored.unwrap_or(match run.flags {
            flags if flags & RunRow::REHEARSAL != 0 => Self::Rehearsal,
            flags if flags & RunRow::BROADCAST != 0 => Self::Broadcast,
            _ => Self::Api,
        })
    }

    /// As the run keeps it.
    pub(crate) fn stored(&self) -> Option<Arc<str>> {
        serde_json::to_string(self).ok().map(Arc::from)
    }

    /// `trigger_source.type`.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Rehearsal => "rehearsal",
            Self::Schedule(_) => "schedule",
            Self::Audience { .. } => "audience",
            Self::Broadcast => "broadcast",
        }
    }

    /// `recipient.schedule` of a scheduled run; a snapshot from its start (S12).
    pub(crate) fn schedule_scope(run: &RunRow) -> Option<Value> {
        run.origin.as_ref()?;
        match Self::of(run) {
            Self::Schedule(occurrence) => serde_json::to_value(occurrence).ok(),
            Self::Api | Self::Rehearsal | Self::Audience { .. } | Self::Broadcast => None,
        }
    }
}
