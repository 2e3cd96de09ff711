//! Tables of: bulk.

pub const SQL: &str = "";
