//! Durations and window rules (workflows.md section 6). Being written.

/// A duration as written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span;
