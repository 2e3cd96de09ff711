//! Conditions: whether a workflow, step, branch or preference applies (workflows.md section 7).
//!
//! Everything that a document alone decides is decided in [`ConditionGroup::parse`]; evaluation looks up and
//! compares, and allocates only for Liquid and for the log.

mod compare;
mod operand;
mod operator;
mod relative;
mod single;
mod status;
#[cfg(test)]
mod tests;

pub use operator::Operator;
pub use status::{MessageStatus, StepOutcome, StepStatuses};

use std::collections::HashSet;

use serde::Serialize;
use serde_json::Value;

use crate::problem::Problems;
use crate::scope::Scope;
use crate::time::Timestamp;
use single::Condition;

/// Alternatives, of which one must hold; each is a list of conditions, of which all must hold.
#[derive(Debug, Clone)]
pub struct ConditionGroup {
    alternatives: Vec<Vec<Condition>>,
}

/// What conditions can ask about a run.
pub struct Context<'a> {
    /// The roots that paths start from.
    pub scope: &'a dyn Scope,
    /// The instant of evaluation.
    pub now: Timestamp,
    /// What became of preceding channel steps.
    pub steps: &'a dyn StepStatuses,
    /// The audiences of the run's recipient.
    pub audiences: &'a dyn Audiences,
    /// Renders a Liquid argument; `None` when it fails, which counts as absent.
    pub render: &'a dyn Fn(&str) -> Option<String>,
}

/// The audiences of a run's recipient under the run's tenant (R23.7).
pub trait Audiences {
    /// True when there is such a member; an unknown audience is an empty one.
    fn is_member(&self, audience: &str) -> bool;
}

/// No audiences at all.
impl Audiences for () {
    fn is_member(&self, _audience: &str) -> bool {
        false
    }
}

/// Keys of audiences.
impl Audiences for HashSet<String> {
    fn is_member(&self, audience: &str) -> bool {
        self.contains(audience)
    }
}

/// What a group decided, and why.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Verdict {
    /// The decision.
    pub holds: bool,
    /// One entry per condition, in the order of the document.
    pub log: Vec<Evaluated>,
}

/// One condition in the log of a run.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluated {
    /// As written.
    pub variable: String,
    /// Its wire name.
    pub operator: &'static str,
    /// As written; null when absent.
    pub argument: Value,
    /// What the variable was.
    pub resolved_variable: Value,
    /// What the argument was.
    pub resolved_argument: Value,
    /// `true`, `false`, or `not_evaluated` when an earlier condition decided.
    pub outcome: &'static str,
}

/// Says why a condition here must not read a step, or `None` when it may.
pub type RefuseRef<'a> = &'a dyn Fn(&str) -> Option<&'static str>;

impl ConditionGroup {
    /// Reads `{"all": […]}` or `{"any": […]}` (R7.1). `None` when there is no condition, and when a problem was
    /// noted under `field`.
    pub fn parse(value: &Value, field: &str, problems: &mut Problems) -> Option<Self> {
        Self::parse_with_refs(value, field, problems, &|_| None)
    }

    /// [`ConditionGroup::parse`], where not every ref may be read.
    pub fn parse_with_refs(
        value: &Value,
        field: &str,
        problems: &mut Problems,
        refuse_ref: RefuseRef<'_>,
    ) -> Option<Self> {
        let object = match value {
            Value::Null => return None,
            Value::Object(object) => object,
            _ => {
                problems.add(field, "is invalid");
                return None;
            }
        };
        // An empty list says nothing, so it does not clash with the other key.
        let given = |name: &str| object.get(name).filter(|list| !compare::is_empty(list));
        match (given("all"), given("any")) {
            (Some(_), Some(_)) => {
                problems.add(field, "must have either all or any");
                None
            }
            (Some(all), None) => {
                Self::of(vec![parse_list(all, &format!("{field}.all"), problems, refuse_ref)?])
            }
            (None, Some(any)) => Self::parse_any_of(any, &format!("{field}.any"), problems, refuse_ref),
            (None, None) => {
                // A misspelt key must not let everybody through.
                if !object.is_empty() && !object.contains_key("all") && !object.contains_key("any") {
                    problems.add(field, "must have either all or any");
                }
                None
            }
        }
    }

    /// Reads a bare list whose conditions must all hold: the form of preferences, which read no step (R7.2).
    pub fn parse_all_of(list: &Value, field: &str, problems: &mut Problems) -> Option<Self> {
        Self::of(vec![parse_list(list, field, problems, &|_| Some("must not refer to a step"))?])
    }

    fn parse_any_of(
        list: &Value,
        field: &str,
        problems: &mut Problems,
        refuse_ref: RefuseRef<'_>,
    ) -> Option<Self> {
        let Value::Array(entries) = list else {
            problems.add(field, "is invalid");
            return None;
        };
        let alternatives = entries.iter().enumerate().map(|(at, entry)| {
            let field = format!("{field}[{at}]");
            match entry.get("all") {
                Some(all) if entry.get("any").is_none() => {
                    parse_list(all, &format!("{field}.all"), problems, refuse_ref)
                }
                _ => Condition::parse(entry, &field, problems, refuse_ref).map(|condition| vec![condition]),
            }
        });
        // Collected before judging, so that every problem is noted.
        let alternatives: Vec<_> = alternatives.collect();
        Self::of(alternatives.into_iter().collect::<Option<_>>()?)
    }

    fn of(alternatives: Vec<Vec<Condition>>) -> Option<Self> {
        alternatives.iter().any(|all| !all.is_empty()).then_some(Self { alternatives })
    }

    /// Whether the group holds, and how each condition fared; what comes after the deciding one is not evaluated.
    pub fn evaluate(&self, context: &Context<'_>) -> Verdict {
        let mut log = Vec::with_capacity(self.conditions().count());
        let mut holds = false;
        for all in &self.alternatives {
            let mut undecided = !holds;
            for condition in all {
                if !undecided {
                    log.push(condition.not_evaluated());
                    continue;
                }
                let evaluated = condition.evaluate(context);
                undecided = evaluated.outcome == "true";
                log.push(evaluated);
            }
            holds |= undecided;
        }
        Verdict { holds, log }
    }

    /// Whether the group holds.
    pub fn holds(&self, context: &Context<'_>) -> bool {
        self.alternatives.iter().any(|all| all.iter().all(|condition| condition.holds(context)))
    }

    /// The steps the group reads, as written; a ref read twice comes twice.
    pub fn refs(&self) -> impl Iterator<Item = &str> {
        self.conditions().flat_map(Condition::refs)
    }

    /// True when the group reads any step.
    pub fn uses_refs(&self) -> bool {
        self.refs().next().is_some()
    }

    /// True when the group asks for the recipient's audiences.
    pub fn asks_audiences(&self) -> bool {
        self.conditions().any(Condition::asks_audience)
    }

    /// True when a variable or an argument holds that text, as it is written.
    pub fn mentions(&self, text: &str) -> bool {
        self.conditions().any(|condition| condition.mentions(text))
    }

    /// True when the passing of time alone can change what the group decides.
    pub fn depends_on_time(&self) -> bool {
        self.conditions().any(Condition::depends_on_time)
    }

    fn conditions(&self) -> impl Iterator<Item = &Condition> {
        self.alternatives.iter().flatten()
    }
}

fn parse_list(
    list: &Value,
    field: &str,
    problems: &mut Problems,
    refuse_ref: RefuseRef<'_>,
) -> Option<Vec<Condition>> {
    let entries = match list {
        Value::Null => return Some(Vec::new()),
        Value::Array(entries) => entries,
        _ => {
            problems.add(field, "is invalid");
            return None;
        }
    };
    let conditions: Vec<_> = entries
        .iter()
        .enumerate()
        .map(|(at, entry)| Condition::parse(entry, &format!("{field}[{at}]"), problems, refuse_ref))
        .collect();
    conditions.into_iter().collect()
}
