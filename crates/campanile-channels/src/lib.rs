//! Channels: how one rendered message becomes one provider call, and what the provider's answer means.
//!
//! Nothing in this crate sends, sleeps, retries, logs or reads a clock. A provider is one file (facts, build,
//! classify, table test) and one line in [`registry::PROVIDERS`]; the engine does the rest once for all.

pub mod channel_settings;
pub mod chat;
pub mod delivery;
pub mod delivery_log;
pub mod email;
pub mod exchange;
pub mod in_app;
pub mod message;
pub mod outcome;
pub mod overrides;
pub mod push;
pub mod redaction;
pub mod registry;
pub mod response_filter;
pub mod setting;
pub mod sms;
pub mod truncation;
pub mod webhook;
