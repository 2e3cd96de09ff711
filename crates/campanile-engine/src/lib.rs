//! From a trigger to what was delivered: expand, interpret, commit, deliver.
//!
//! The interpreter decides and returns values; everything that touches the clock, the database or the network stands
//! around it. State and effects are committed together; an effect is performed only after its commit.

mod announce;
mod audiences;
pub mod branding;
pub mod broadcasts;
mod bulk;
mod cancel;
mod catalog;
mod delivery;
pub mod engagement;
mod engine;
mod expand;
mod fan_out;
pub mod guides;
pub mod identify;
mod interpreter;
pub mod links;
mod members;
mod metrics;
mod origin;
pub mod program;
mod programs;
pub mod project;
mod provider_calls;
mod render;
pub mod resources;
mod retention;
mod scheduler;
mod schedules;
mod scope;
pub mod signing_keys;
mod state;
mod stored_data;
pub mod subscriptions;
mod tracking;
mod translations;
pub mod transport;
mod trigger;
pub mod variables;
mod vault;

pub use announce::Announcement;
pub use bulk::{BULK_ROWS_MAX, BulkSubmission, MessageSweep, SweepAction, preferences_scope};
pub use catalog::{Catalog, ChannelEntry, ChannelInEnv};
pub use engine::{Engine, EngineOptions};
pub use members::{MEMBERS_MAX, MembershipError, NewMember};
pub use metrics::Metrics;
pub use origin::{Occurrence, Origin};
pub use programs::Published;
pub use scheduler::Ran;
pub use schedules::{
    CreateSchedules, SCHEDULES_MAX, ScheduleChange, Timing, parse_new_timing, parse_timing, parse_workflow,
};
pub use state::{LoggedEvent, read_log};
pub use tracking::{Happened, LINK_PATH, LinkToken, OPEN_PATH, SHORT_LINK_PATH, What};
pub use trigger::{Accepted, Trigger, TriggerError};
pub use vault::{Vault, WrongKey};
