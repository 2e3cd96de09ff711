//! Tables of: access.

pub const SQL: &str = "";
