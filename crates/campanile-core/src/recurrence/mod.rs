//! When a schedule fires (workflows.md section 22): repeat rules by the wall clock of a zone, and one-off instants.
//!
//! Everything is computed from the anchor and never from the occurrence before, so that nothing drifts.

mod rule;

#[cfg(test)]
mod tests;

pub use rule::RepeatRule;

use jiff::tz::TimeZone;
use serde_json::Value;

use crate::problem::Problems;
use crate::time::{Micros, Timestamp};

/// Rules of one schedule at the most.
pub const RULES_MAX: usize = 100;
/// An occurrence that is later than this was missed: the process was down, not busy.
const LATE_MAX: Micros = Micros::seconds(300);

/// When a schedule fires.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recurrence {
    /// All of them count, the earliest is next (R22.4); none makes a one-off.
    pub rules: Vec<RepeatRule>,
    /// Start of a recurring schedule, or the instant of a one-off.
    pub scheduled_at: Option<Timestamp>,
    /// No occurrence is later than this.
    pub ending_at: Option<Timestamp>,
    /// From when on intervals count without a start.
    pub created_at: Timestamp,
}

impl Recurrence {
    /// The first occurrence as seen from `now`, when a schedule is made or changed. A one-off in the past is due at
    /// once (S46); one that has fired never comes again.
    pub fn first(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        let next = if self.rules.is_empty() {
            self.scheduled_at.map(|at| at.max(now))
        } else {
            self.match_after(now, zone, true)
        };
        next.filter(|at| self.is_before_end(*at))
    }

    /// The occurrence after one that fired at `now`; what was missed between the two is not made up for (S46).
    pub fn next(&self, now: Timestamp, zone: &TimeZone) -> Option<Timestamp> {
        self.match_after(now, zone, false).filter(|at| self.is_before_end(*at))
    }

    /// True when an occurrence of `due_at` may still run at `now`: a busy server may be a little late, but nothing is
    /// made up for once the end has passed (S46).
    pub fn may_fire(&self, due_at: Timestamp, now: Timestamp) -> bool {
        now - due_at <= LATE_MAX || self.is_before_end(now)
    }

    fn is_before_end(&self, at: Timestamp) -> bool {
        self.ending_at.is_none_or(|end| at <= end)
    }

    /// The earliest match of any rule strictly after `now`; a start that is not over counts itself (R22.3).
    fn match_after(&self, now: Timestamp, zone: &TimeZone, starting: bool) -> Option<Timestamp> {
        let anchor = self.scheduled_at.unwrap_or(self.created_at);
        let after = match self.scheduled_at {
            Some(start) if start > now || (starting && start == now) => Timestamp(start.0.saturating_sub(1)),
            _ => now,
        };
        self.rules.iter().filter_map(|rule| rule.next_after(after, anchor, zone)).min()
    }
}

/// Reads `repeats`; null and a missing one are no rules. What is malformed is noted by its path.
pub fn parse_repeats(value: Option<&Value>, field: &str, problems: &mut Problems) -> Vec<RepeatRule> {
    match value {
        None | Some(Value::Null) => Vec::new(),
        Some(Value::Array(list)) if list.len() > RULES_MAX => {
            problems.add(field, format!("should have at most {RULES_MAX} item(s)"));
            Vec::new()
        }
        Some(Value::Array(list)) => list
            .iter()
            .enumerate()
            .filter_map(|(n, rule)| RepeatRule::parse(rule, &format!("{field}[{n}]"), problems))
            .collect(),
        Some(_) => {
            problems.add(field, "must be a list");
            Vec::new()
        }
    }
}
