//! Open and link tracking (delivery.md section 10): addresses in messages that tell us when somebody follows them.
//!
//! Links are made while a message is rendered ([`Tracker`]); a click or an opened mail is queued when it was answered
//! ([`Recorder`]) and becomes an event soon after.

mod recorder;
mod short;
mod token;
mod tracker;

pub(crate) use recorder::Recorder;
pub use recorder::{Happened, What};
pub use token::LinkToken;
pub(crate) use tracker::{Form, Tracker};

/// What our own addresses begin with; no operation of an API has a path of one letter.
pub const LINK_PATH: &str = "/l/";
/// See [`LINK_PATH`].
pub const SHORT_LINK_PATH: &str = "/s/";
/// See [`LINK_PATH`].
pub const OPEN_PATH: &str = "/o/";
