//! The HTTP surface of Campanile. `router.rs` reads as a table of contents; folders mirror the URLs.

mod access;
mod admin;
mod api_logs;
mod app;
mod auth;
mod batch_updates;
mod body;
mod body_rest;
mod error;
mod hosted_page;
mod management;
pub mod openapi;
pub mod operations;
mod page;
mod preference_center;
mod preference_page;
mod public;
mod query;
mod request_id;
mod router;
mod service;
mod tracking_pages;
mod unsubscribe_page;

pub use access::RateLimits;
pub use api_logs::ApiLogOptions;
pub use app::{App, AppOptions};
pub use error::{ApiError, ApiResult};
pub use router::{built, router};
