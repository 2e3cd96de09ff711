//! The webhook channel: customers' own URLs.

mod http;
mod signature;

pub use http::PROVIDER as HTTP;
pub use signature::{sign, signature_header};
