//! Everything that can be seen through HTTP, against a real server on both databases, with time that stands still.

mod access;
mod admin;
mod api_logs;
mod bad_input;
mod bulk;
mod connections;
mod delivery;
mod engine;
mod feed;
mod guides;
mod headers;
mod kit;
mod management;
mod merge;
mod messages;
mod openapi;
mod paging;
mod preferences;
mod providers;
mod rate_limits;
mod subscriptions;
mod trigger;
