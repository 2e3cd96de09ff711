//! Everything that can be seen through HTTP, against a real server on both databases, with time that stands still.

mod access;
mod admin;
mod api_logs;
mod bad_input;
mod bulk;
mod delivery;
mod engine;
mod feed;
mod headers;
mod kit;
mod management;
mod messages;
mod openapi;
mod paging;
mod rate_limits;
mod subscriptions;
mod trigger;
