//! Conditions on what became of an earlier step's messages (workflows.md 7.4).

use serde_json::Value;

use super::Operator;
use crate::message::{DeliveryStatus, Engagement, EngagementSet};

/// The status of one message as a condition sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MessageStatus {
    /// How far delivery came.
    pub delivery: DeliveryStatus,
    /// What the recipient did.
    pub engagement: EngagementSet,
}

impl MessageStatus {
    fn rank(self) -> u8 {
        self.delivery.rank().max(self.engagement.rank())
    }
}

/// What became of a preceding channel step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StepOutcome {
    /// Skipped, on a branch not taken, or not reached: there is no message.
    Skipped,
    /// There was a message, but retention removed it.
    Expired,
    /// The messages, in the order of their making; none at all counts as skipped.
    Messages(Vec<MessageStatus>),
}

/// Tells what became of the steps of the run, at the instant of asking (R7.10).
pub trait StepStatuses {
    /// The outcome of the step with this ref.
    fn outcome(&self, step_ref: &str) -> StepOutcome;
}

/// A run whose channel steps made nothing yet.
impl StepStatuses for () {
    fn outcome(&self, _step_ref: &str) -> StepOutcome {
        StepOutcome::Skipped
    }
}

/// Which half of a message's status the variable names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Property {
    Delivery,
    Engagement,
}

/// What the argument asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    /// A rank: 0 for skipped, else that of a delivery status.
    Rank(u8),
    /// A member of the engagement set, and one that must be missing.
    Member(Engagement, Option<Engagement>),
}

/// `refs.<ref>.delivery_status equal_to $message.bounced` and its kin.
#[derive(Debug, Clone)]
pub(super) struct StatusTest {
    step_ref: Box<str>,
    property: Property,
    asked: Asked,
}

/// What was found, for the log.
#[derive(Debug, Clone, Copy)]
pub(super) enum Found {
    Skipped,
    Expired,
    Delivery(DeliveryStatus),
    Engagements(EngagementSet),
}

impl Found {
    pub(super) fn to_value(self) -> Value {
        match self {
            Self::Skipped => "skipped".into(),
            Self::Expired => Value::Null,
            Self::Delivery(status) => status.as_str().into(),
            Self::Engagements(set) => set.iter().map(Engagement::as_str).collect(),
        }
    }
}

/// Reads `refs.<ref>.delivery_status` and `refs.<ref>.engagement_status`.
pub(super) fn property_of(variable: &str) -> Option<(&str, Property)> {
    let (step_ref, property) = variable.strip_prefix("refs.")?.rsplit_once('.')?;
    match property {
        "delivery_status" => Some((step_ref, Property::Delivery)),
        "engagement_status" => Some((step_ref, Property::Engagement)),
        _ => None,
    }
}

impl StatusTest {
    /// `None` when the operator or the argument does not fit the property.
    pub(super) fn new(step_ref: &str, property: Property, operator: Operator, asked: &str) -> Option<Self> {
        let asked = match property {
            Property::Delivery => {
                let compares = matches!(operator, Operator::EqualTo | Operator::NotEqualTo);
                (compares || operator.is_ordering()).then_some(())?;
                match asked {
                    "skipped" => Asked::Rank(0),
                    name => Asked::Rank(DeliveryStatus::from_wire(name)?.rank()),
                }
            }
            Property::Engagement => {
                matches!(operator, Operator::Contains | Operator::NotContains).then_some(())?;
                match asked {
                    "seen_not_read" => Asked::Member(Engagement::Seen, Some(Engagement::Read)),
                    "read_not_link_clicked" => Asked::Member(Engagement::Read, Some(Engagement::LinkClicked)),
                    name => Asked::Member(Engagement::from_wire(name)?, None),
                }
            }
        };
        Some(Self { step_ref: step_ref.into(), property, asked })
    }

    /// The step asked about.
    pub(super) fn step_ref(&self) -> &str {
        &self.step_ref
    }

    /// Whether the condition holds, and the status that decided.
    pub(super) fn evaluate(&self, operator: Operator, steps: &dyn StepStatuses) -> (bool, Found) {
        let best = match steps.outcome(&self.step_ref) {
            // Whatever was asked, negative forms included (R7.12).
            StepOutcome::Expired => return (false, Found::Expired),
            StepOutcome::Skipped => None,
            StepOutcome::Messages(messages) => highest(&messages),
        };
        let holds = match self.asked {
            Asked::Rank(asked) => {
                let rank = best.map_or(0, |message| message.delivery.rank());
                match operator {
                    Operator::EqualTo => rank == asked,
                    Operator::NotEqualTo => rank != asked,
                    Operator::GreaterThan => rank > asked,
                    Operator::GreaterThanOrEqualTo => rank >= asked,
                    Operator::LessThan => rank < asked,
                    Operator::LessThanOrEqualTo => rank <= asked,
                    _ => false,
                }
            }
            Asked::Member(member, missing) => {
                let set = best.map_or(EngagementSet::EMPTY, |message| message.engagement);
                let matches = set.contains(member) && !missing.is_some_and(|missing| set.contains(missing));
                matches != (operator == Operator::NotContains)
            }
        };
        let found = match (self.property, best) {
            (Property::Delivery, None) => Found::Skipped,
            (Property::Delivery, Some(message)) => Found::Delivery(message.delivery),
            (Property::Engagement, None) => Found::Engagements(EngagementSet::EMPTY),
            (Property::Engagement, Some(message)) => Found::Engagements(message.engagement),
        };
        (holds, found)
    }
}

/// The message with the highest rank over delivery and engagement together (R7.11); the first of equals.
fn highest(messages: &[MessageStatus]) -> Option<MessageStatus> {
    messages.iter().copied().reduce(|best, next| if next.rank() > best.rank() { next } else { best })
}
