//! Everything that can be seen through HTTP, against a real server on both databases, with time that stands still.

mod bad_input;
mod delivery;
mod engine;
mod feed;
mod kit;
mod messages;
mod paging;
mod trigger;
