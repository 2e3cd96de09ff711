//! Tables of: preferences.

pub const SQL: &str = "";
