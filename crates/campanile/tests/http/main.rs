//! Everything that can be seen through HTTP, against a real server on both databases, with time that stands still.

mod admin;
mod bad_input;
mod delivery;
mod engine;
mod feed;
mod guides;
mod headers;
mod kit;
mod management;
mod messages;
mod openapi;
mod paging;
mod trigger;
