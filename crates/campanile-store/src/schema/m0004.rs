//! Tables of: subscriptions.

pub const SQL: &str = "";
