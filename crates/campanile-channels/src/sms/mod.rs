//! SMS: plain text to one number. No truncation and no segment limit here (channels.md 10.1).

mod segments;
mod twilio;

pub use segments::{Encoding, Segments, segments};
pub use twilio::{PROVIDER as TWILIO, final_status as twilio_final_status};
