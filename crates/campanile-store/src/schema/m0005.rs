//! Tables of: schedules.

pub const SQL: &str = "";
