//! One condition: variable, operator, argument.

use std::cmp::Ordering;

use serde_json::Value;

use super::operand::{Operand, Resolved};
use super::operator::CHANNEL_GROUP_ONLY;
use super::status::{Found, StatusTest, property_of};
use super::{Context, Evaluated, Operator, RefuseRef, compare};
use crate::problem::Problems;
use crate::time::Timestamp;

/// What the argument of a status condition begins with.
const MESSAGE: &str = "$message.";

/// One condition, ready to be asked.
#[derive(Debug, Clone)]
pub(super) struct Condition {
    variable: Box<str>,
    operator: Operator,
    argument: Value,
    test: Test,
}

#[derive(Debug, Clone)]
enum Test {
    Values { left: Operand, right: Operand },
    Status(StatusTest),
}

impl Condition {
    /// Reads `{variable, operator, argument}`, noting every problem.
    pub(super) fn parse(
        value: &Value,
        field: &str,
        problems: &mut Problems,
        refuse_ref: RefuseRef<'_>,
    ) -> Option<Self> {
        let Value::Object(object) = value else {
            problems.add(field, "is invalid");
            return None;
        };
        if object.contains_key("all") || object.contains_key("any") {
            problems.add(field, "must not be nested here");
            return None;
        }
        let mut text = |name: &str| match object.get(name) {
            None | Some(Value::Null) => {
                problems.add(format!("{field}.{name}"), "can't be blank");
                None
            }
            Some(Value::String(text)) if text.trim().is_empty() => {
                problems.add(format!("{field}.{name}"), "can't be blank");
                None
            }
            Some(Value::String(text)) => Some(text.as_str()),
            Some(_) => {
                problems.add(format!("{field}.{name}"), "is invalid");
                None
            }
        };
        let variable = text("variable");
        let name = text("operator");
        let operator = name.and_then(Operator::from_wire);
        if let (Some(name), None) = (name, operator) {
            let why = if name == CHANNEL_GROUP_ONLY { "is not available here" } else { "is invalid" };
            problems.add(format!("{field}.operator"), why);
        }
        let (variable, operator) = (variable?, operator?);
        let argument = object.get("argument").cloned().unwrap_or(Value::Null);
        if operator.asks_audience() && !variable.starts_with("recipient") {
            problems.add(format!("{field}.variable"), "must be recipient");
            return None;
        }
        match Test::new(variable, operator, &argument) {
            Ok(test) => {
                for (side, step_ref) in test.refs() {
                    if let Some(why) = refuse_ref(step_ref) {
                        problems.add(format!("{field}.{side}"), why);
                    }
                }
                Some(Self { variable: variable.into(), operator, argument, test })
            }
            Err(why) => {
                problems.add(format!("{field}.argument"), why);
                None
            }
        }
    }

    /// Whether the condition holds in this run.
    pub(super) fn holds(&self, context: &Context<'_>) -> bool {
        match &self.test {
            Test::Status(test) => test.evaluate(self.operator, context.steps).0,
            Test::Values { left, right } => {
                compare_sides(self.operator, &left.resolve(context), &right.resolve(context), context)
            }
        }
    }

    /// The same, and what was seen on both sides.
    pub(super) fn evaluate(&self, context: &Context<'_>) -> Evaluated {
        let (holds, resolved_variable, resolved_argument) = match &self.test {
            Test::Status(test) => {
                let (holds, found) = test.evaluate(self.operator, context.steps);
                let asked = self.argument.as_str().and_then(|text| text.strip_prefix(MESSAGE));
                (holds, Found::to_value(found), asked.map_or(Value::Null, Value::from))
            }
            Test::Values { left, right } => {
                let (left, right) = (left.resolve(context), right.resolve(context));
                let holds = compare_sides(self.operator, &left, &right, context);
                (holds, left.into_log(self.operator.sees_absence()), right.into_log(false))
            }
        };
        Evaluated {
            resolved_variable,
            resolved_argument,
            outcome: if holds { "true" } else { "false" },
            ..self.not_evaluated()
        }
    }

    /// The log entry of a condition that another one made superfluous.
    pub(super) fn not_evaluated(&self) -> Evaluated {
        Evaluated {
            variable: self.variable.to_string(),
            operator: self.operator.as_str(),
            argument: self.argument.clone(),
            resolved_variable: Value::Null,
            resolved_argument: Value::Null,
            outcome: "not_evaluated",
        }
    }

    /// True when it asks for the recipient's audiences.
    pub(super) fn asks_audience(&self) -> bool {
        self.operator.asks_audience()
    }

    pub(super) fn mentions(&self, text: &str) -> bool {
        self.variable.contains(text) || self.argument.as_str().is_some_and(|argument| argument.contains(text))
    }

    /// True when its outcome can change with time alone.
    pub(super) fn depends_on_time(&self) -> bool {
        let now = matches!(self.operator, Operator::IsTimestampBeforeNow | Operator::IsTimestampOnOrAfterNow);
        let relative = |side: &Operand| matches!(side, Operand::Relative(_));
        now || matches!(&self.test, Test::Values { left, right } if relative(left) || relative(right))
    }

    /// The refs on either side.
    pub(super) fn refs(&self) -> impl Iterator<Item = &str> {
        self.test.refs().map(|(_, step_ref)| step_ref)
    }
}

impl Test {
    fn new(variable: &str, operator: Operator, argument: &Value) -> Result<Self, &'static str> {
        let asked = argument.as_str().and_then(|text| text.strip_prefix(MESSAGE));
        match (property_of(variable), asked) {
            (Some((step_ref, property)), Some(asked)) => {
                StatusTest::new(step_ref, property, operator, asked).map(Self::Status).ok_or("is invalid")
            }
            (Some(_), None) => Err("must be a $message status"),
            (None, Some(_)) if !operator.ignores_argument() => Err("needs the status of a step as variable"),
            (None, _) => Ok(Self::Values {
                left: Operand::variable(variable),
                right: Operand::argument(argument, operator)?,
            }),
        }
    }

    /// The refs, each with the side that names it.
    fn refs(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let (status, sides) = match self {
            Self::Status(test) => (Some(("variable", test.step_ref())), None),
            Self::Values { left, right } => {
                let left = left.step_refs().map(|step_ref| ("variable", step_ref));
                (None, Some(left.chain(right.step_refs().map(|step_ref| ("argument", step_ref)))))
            }
        };
        status.into_iter().chain(sides.into_iter().flatten())
    }
}

/// The table of workflows.md 7.3.
fn compare_sides(
    operator: Operator,
    left: &Resolved<'_>,
    right: &Resolved<'_>,
    context: &Context<'_>,
) -> bool {
    use Operator as Op;
    let (l, r) = (left.value_or_blank(), right.value_or_blank());
    let empty = || left.value().is_none_or(compare::is_empty);
    let exists = || left.value().is_some_and(|value| !value.is_null());
    let member = || r.as_str().is_some_and(|audience| context.audiences.is_member(audience));
    let instants = |test: fn(&Timestamp, &Timestamp) -> bool| match (left.instant(), right.instant()) {
        (Some(l), Some(r)) => test(&l, &r),
        _ => false,
    };
    let against_now =
        |test: fn(Timestamp, Timestamp) -> bool| left.instant().is_some_and(|at| test(at, context.now));
    let order = || match right {
        // Only a relative timestamp becomes an instant under an ordering (S21).
        Resolved::Instant(r) => left.instant().map(|l| l.cmp(r)),
        _ => compare::order(l, r),
    };
    match operator {
        Op::EqualTo => compare::equal(l, r),
        Op::NotEqualTo => !compare::equal(l, r),
        Op::GreaterThan => order().is_some_and(Ordering::is_gt),
        Op::GreaterThanOrEqualTo => order().is_some_and(Ordering::is_ge),
        Op::LessThan => order().is_some_and(Ordering::is_lt),
        Op::LessThanOrEqualTo => order().is_some_and(Ordering::is_le),
        Op::Contains => compare::contains(l, r),
        Op::NotContains => !compare::contains(l, r),
        Op::ContainsAll => compare::contains_all(l, r),
        Op::NotContainsAll => !compare::contains_all(l, r),
        Op::Empty => empty(),
        Op::NotEmpty => !empty(),
        Op::Exists => exists(),
        Op::NotExists => !exists(),
        Op::IsTimestamp => left.instant().is_some(),
        Op::IsNotTimestamp => left.instant().is_none(),
        Op::IsTimestampBefore => instants(|l, r| l < r),
        Op::IsTimestampOnOrAfter => instants(|l, r| l >= r),
        Op::IsTimestampBetween => match (left.instant(), right.range()) {
            (Some(at), Some((start, until))) => start <= at && at <= until,
            _ => false,
        },
        Op::IsTimestampBeforeNow => against_now(|at, now| at < now),
        Op::IsTimestampOnOrAfterNow => against_now(|at, now| at >= now),
        Op::IsTimestampBeforeDate => instants(|l, r| day(l) < day(r)),
        Op::IsTimestampOnOrAfterDate => instants(|l, r| day(l) >= day(r)),
        Op::IsBetween => compare::between(l, r),
        Op::IsAudienceMember => member(),
        Op::IsNotAudienceMember => !member(),
    }
}

/// The calendar day in UTC (S20), counted from 1970.
fn day(at: &Timestamp) -> i64 {
    at.0.div_euclid(86_400_000_000)
}
