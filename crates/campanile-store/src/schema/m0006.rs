//! Tables of: guides.

pub const SQL: &str = "";
