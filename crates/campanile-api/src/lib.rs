//! The HTTP surface of Campanile. `router.rs` reads as a table of contents; folders mirror the URLs.

mod admin;
mod app;
mod auth;
mod body;
mod error;
mod management;
pub mod openapi;
pub mod operations;
mod page;
mod preference_center;
mod preference_link;
mod public;
mod query;
mod router;
mod service;

pub use app::App;
pub use error::{ApiError, ApiResult};
pub use router::{built, router};
