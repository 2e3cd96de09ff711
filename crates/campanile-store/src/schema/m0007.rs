//! Tables of: audiences.

pub const SQL: &str = "";
