//! Conditions (workflows.md section 7). Being written.

/// A parsed condition group.
#[derive(Debug, Clone)]
pub struct ConditionGroup;
