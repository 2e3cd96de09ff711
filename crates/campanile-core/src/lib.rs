//! The vocabulary of Campanile and every decision that needs no I/O.
//!
//! Nothing in this crate reads a clock, a file or a socket: time is handed in, data is borrowed.

pub mod audience;
pub mod broadcast;
pub mod clock;
pub mod condition;
pub mod event;
pub mod fields;
pub mod guide;
pub mod icons;
pub mod ids;
pub mod json_schema;
pub mod message;
pub mod message_type;
pub mod preference;
pub mod problem;
pub mod recipient;
pub mod recurrence;
pub mod scope;
pub mod time;
pub mod translation;
pub mod window;
pub mod workflow;
