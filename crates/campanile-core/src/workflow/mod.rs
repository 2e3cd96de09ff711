//! The workflow document as the engine wants it: checked once, then only read.
//!
//! `document/` turns the JSON of the management API into these types and collects every problem on the way.

mod document;

pub use document::{Catalog, check_template, key_problem, normalize, parse};
pub(crate) use document::{cleaned, is_for_tools};

use serde_json::Value;

use crate::condition::ConditionGroup;
use crate::window::Span;

/// What a channel step sends over (channels.md 1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChannelType {
    /// One message to one address.
    Email,
    /// One message to one number.
    Sms,
    /// One message per device token.
    Push,
    /// One message per connection.
    Chat,
    /// An entry in the recipient's feed.
    InAppFeed,
    /// Membership in a guide's audience.
    InAppGuide,
    /// A request to a URL.
    Http,
}

impl ChannelType {
    /// Every type, in the order of the page.
    pub const ALL: [ChannelType; 7] =
        [Self::Email, Self::Sms, Self::Push, Self::Chat, Self::InAppFeed, Self::InAppGuide, Self::Http];

    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Email => "email",
            Self::Sms => "sms",
            Self::Push => "push",
            Self::Chat => "chat",
            Self::InAppFeed => "in_app_feed",
            Self::InAppGuide => "in_app_guide",
            Self::Http => "http",
        }
    }

    /// Reads a wire name.
    pub fn from_wire(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|t| t.as_str() == name)
    }
}

/// How often one recipient may run the workflow (workflows.md R3.10).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TriggerFrequency {
    /// No limit.
    #[default]
    EveryTrigger,
    /// Once for ever.
    OncePerRecipient,
    /// Once for ever and tenant; no tenant is a bucket of its own.
    OncePerRecipientPerTenant,
}

/// One version of a workflow.
#[derive(Debug, Clone)]
pub struct Workflow {
    /// For people.
    pub name: String,
    /// Case-sensitive, in the order given.
    pub categories: Vec<String>,
    /// Evaluated once per recipient run (R3.9).
    pub conditions: Option<ConditionGroup>,
    /// See [`TriggerFrequency`].
    pub trigger_frequency: TriggerFrequency,
    /// Skips the preference check of every channel step.
    pub override_preferences: bool,
    /// The recipient's commercial opt-out applies.
    pub is_commercial: bool,
    /// JSON Schema of the trigger data, as written.
    pub trigger_data_schema: Option<Value>,
    /// In order; branches nest.
    pub steps: Vec<Step>,
}

/// One element of a workflow.
#[derive(Debug, Clone)]
pub struct Step {
    /// Unique in the whole tree.
    pub reference: String,
    /// False skips the step (R2.5).
    pub conditions: Option<ConditionGroup>,
    /// What it does.
    pub kind: StepKind,
}

/// The step types that this version runs; the others are refused at upsert.
#[derive(Debug, Clone)]
pub enum StepKind {
    /// Makes a message (section 8).
    Channel(ChannelStep),
    /// Waits (section 10).
    Delay(DelayStep),
    /// Takes the first branch that holds (section 12); the last is the default.
    Branch(Vec<Branch>),
}

impl StepKind {
    /// The wire name.
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Channel(_) => "channel",
            Self::Delay(_) => "delay",
            Self::Branch(_) => "branch",
        }
    }
}

/// A channel step before its templates are compiled.
#[derive(Debug, Clone)]
pub struct ChannelStep {
    /// Derived from the channel when the document does not say.
    pub channel_type: ChannelType,
    /// Key of the channel. Channel groups come later and are refused at upsert.
    pub channel_key: String,
    /// As written; its fields depend on the channel type.
    pub template: Value,
    /// `channel_overrides` as written, null when absent.
    pub overrides: Value,
    /// Seven entries, Monday first, or none for always open.
    pub send_windows: Option<[SendWindow; 7]>,
}

/// When messages of one weekday may leave (R8.9), as seconds of the local day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SendWindow {
    /// Not on this day.
    Closed,
    /// `[from, until)`.
    Open {
        /// First second.
        from: u32,
        /// First second after; 86,400 is the end of the day.
        until: u32,
    },
}

/// Settings of a delay (section 10): at least one is present.
#[derive(Debug, Clone)]
pub struct DelayStep {
    /// Static length, or the offset from `until_path` when both are set (R6.5).
    pub delay_for: Option<Span>,
    /// `delay_until_field_path`, as written.
    pub until_path: Option<String>,
}

/// One way of a branch step.
#[derive(Debug, Clone)]
pub struct Branch {
    /// For people and logs.
    pub name: String,
    /// `None` on the last branch, which is the default.
    pub conditions: Option<ConditionGroup>,
    /// May be empty.
    pub steps: Vec<Step>,
    /// Ends the whole run after the branch (R12.2).
    pub terminates: bool,
}
