//! From a trigger to what was delivered: expand, interpret, commit, deliver.
//!
//! The interpreter decides and returns values; everything that touches the clock, the database or the network stands
//! around it. State and effects are committed together; an effect is performed only after its commit.

mod catalog;
mod engine;
pub mod identify;
mod metrics;
pub mod program;
pub mod project;
pub mod resources;
mod vault;

pub use catalog::{Catalog, ChannelEntry, ChannelInEnv};
pub use engine::{Engine, EngineOptions};
pub use metrics::Metrics;
pub use vault::{Vault, WrongKey};
