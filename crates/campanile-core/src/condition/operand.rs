//! The two sides of a condition: decided when the document is read, looked up when a run asks.

use serde_json::Value;

use super::relative::Relative;
use super::{Context, Operator};
use crate::scope::Scope;
use crate::time::Timestamp;

/// Roots that make a dotted text a path (workflows.md R7.4).
const ROOTS: [&str; 9] = ["data", "recipient", "actor", "vars", "workflow", "run", "tenant", "refs", "event"];

/// One side of a condition.
#[derive(Debug, Clone)]
pub(super) enum Operand {
    /// The same in every run.
    Literal(Value),
    /// Looked up.
    Path(Path),
    /// Rendered, then read as JSON where it is JSON.
    Liquid(Box<str>),
    /// Rendered and kept as text.
    LiquidText(Box<str>),
    /// A fixed instant.
    Instant(Timestamp),
    /// An instant told from now.
    Relative(Relative),
    /// The ends of a range of instants.
    Range(Box<[Operand; 2]>),
}

impl Operand {
    /// The variable of a condition (R7.5): a path, JSON, or plain text.
    pub(super) fn variable(text: &str) -> Self {
        Path::parse(text).map_or_else(|| Self::Literal(decode(text.into())), Self::Path)
    }

    /// The argument of a condition (R7.4), or why it is refused.
    pub(super) fn argument(argument: &Value, operator: Operator) -> Result<Self, &'static str> {
        if operator.ignores_argument() {
            return Ok(Self::Literal(Value::Null));
        }
        if operator == Operator::IsTimestampBetween {
            return Self::range(argument);
        }
        let Value::String(text) = argument else { return Ok(Self::Literal(argument.clone())) };
        if (operator.takes_instant() || operator.is_ordering())
            && let Some(relative) = Relative::parse(text)
        {
            return match relative.is_too_close() {
                true => Err(super::relative::TOO_CLOSE),
                false => Ok(Self::Relative(relative)),
            };
        }
        Ok(match Self::dynamic(text) {
            Some(Self::Liquid(source)) if operator.asks_audience() => Self::LiquidText(source),
            Some(dynamic) => dynamic,
            None if operator.asks_audience() => Self::Literal(argument.clone()),
            None if operator.takes_instant() => Self::instant(decode(text.clone())),
            None => Self::Literal(decode(text.clone())),
        })
    }

    fn range(argument: &Value) -> Result<Self, &'static str> {
        const RELATIVE: &str = "must not hold relative timestamps";
        let literal = match argument {
            Value::String(text) if Relative::parse(text).is_some() => return Err(RELATIVE),
            Value::String(text) => match Self::dynamic(text) {
                Some(dynamic) => return Ok(dynamic),
                None => decode(text.clone()),
            },
            other => other.clone(),
        };
        let Value::Array(ends) = &literal else { return Ok(Self::Literal(literal)) };
        if ends.iter().filter_map(Value::as_str).any(|end| Relative::parse(end).is_some()) {
            return Err(RELATIVE);
        }
        let end =
            |end: &Value| end.as_str().and_then(Self::dynamic).unwrap_or_else(|| Self::instant(end.clone()));
        Ok(match ends.as_slice() {
            [start, until] => Self::Range(Box::new([end(start), end(until)])),
            _ => Self::Literal(literal),
        })
    }

    fn dynamic(text: &str) -> Option<Self> {
        if text.contains("{{") || text.contains("{%") {
            return Some(Self::Liquid(text.into()));
        }
        Path::parse(text).map(Self::Path)
    }

    fn instant(value: Value) -> Self {
        match value.as_str().and_then(Timestamp::parse) {
            Some(at) => Self::Instant(at),
            None => Self::Literal(value),
        }
    }

    /// What this side is in the given run.
    pub(super) fn resolve<'a>(&'a self, context: &Context<'a>) -> Resolved<'a> {
        match self {
            Self::Literal(value) => Resolved::Borrowed(value),
            Self::Path(path) => path.lookup(context.scope).map_or(Resolved::Absent, Resolved::Borrowed),
            Self::Liquid(source) => {
                (context.render)(source).map_or(Resolved::Absent, |text| Resolved::Owned(decode(text)))
            }
            Self::LiquidText(source) => {
                (context.render)(source).map_or(Resolved::Absent, |text| Resolved::Owned(text.into()))
            }
            Self::Instant(at) => Resolved::Instant(*at),
            Self::Relative(relative) => Resolved::Instant(relative.at(context.now)),
            Self::Range(ends) => {
                let [start, until] = &**ends;
                Resolved::Range(start.resolve(context).instant(), until.resolve(context).instant())
            }
        }
    }

    /// The ref this side reads, if it reads one.
    pub(super) fn step_ref(&self) -> Option<&str> {
        match self {
            Self::Path(path) if &*path.root == "refs" => path.rest.first().map(|segment| &*segment.key),
            _ => None,
        }
    }

    /// The refs of this side and of the ends inside it.
    pub(super) fn step_refs(&self) -> impl Iterator<Item = &str> {
        let ends: &[Operand] = match self {
            Self::Range(ends) => &**ends,
            _ => &[],
        };
        self.step_ref().into_iter().chain(ends.iter().filter_map(Self::step_ref))
    }
}

/// Text that is JSON becomes what it says; any other text stays (R7.4 rules 6 and 7).
fn decode(text: String) -> Value {
    serde_json::from_str(&text).unwrap_or(Value::String(text))
}

/// A dotted path, split once.
#[derive(Debug, Clone)]
pub(super) struct Path {
    root: Box<str>,
    rest: Box<[Segment]>,
}

#[derive(Debug, Clone)]
struct Segment {
    key: Box<str>,
    /// The same segment as a list position.
    index: Option<usize>,
}

impl Path {
    fn parse(text: &str) -> Option<Self> {
        let (root, rest) = text.split_once('.')?;
        if rest.is_empty() || !ROOTS.contains(&root) {
            return None;
        }
        let rest = rest.split('.').map(|key| Segment { key: key.into(), index: key.parse().ok() }).collect();
        Some(Self { root: root.into(), rest })
    }

    fn lookup<'s>(&self, scope: &'s dyn Scope) -> Option<&'s Value> {
        self.rest.iter().try_fold(scope.root(&self.root)?, |value, segment| match value {
            Value::Object(map) => map.get(&*segment.key),
            Value::Array(list) => list.get(segment.index?),
            _ => None,
        })
    }
}

/// What a side turned out to be.
#[derive(Debug)]
pub(super) enum Resolved<'a> {
    Absent,
    Borrowed(&'a Value),
    Owned(Value),
    Instant(Timestamp),
    Range(Option<Timestamp>, Option<Timestamp>),
}

static BLANK: Value = Value::String(String::new());

impl Resolved<'_> {
    /// The JSON value; `None` when absent or an instant.
    pub(super) fn value(&self) -> Option<&Value> {
        match self {
            Self::Borrowed(value) => Some(value),
            Self::Owned(value) => Some(value),
            Self::Absent | Self::Instant(_) | Self::Range(..) => None,
        }
    }

    /// The JSON value, the empty text when there is none (R7.6).
    pub(super) fn value_or_blank(&self) -> &Value {
        self.value().unwrap_or(&BLANK)
    }

    /// The instant meant, if it is one.
    pub(super) fn instant(&self) -> Option<Timestamp> {
        match self {
            Self::Instant(at) => Some(*at),
            other => other.value().and_then(Value::as_str).and_then(Timestamp::parse),
        }
    }

    /// Both ends, if it is a range of instants.
    pub(super) fn range(&self) -> Option<(Timestamp, Timestamp)> {
        let read = |end: &Value| end.as_str().and_then(Timestamp::parse);
        match self {
            Self::Range(start, until) => Some(((*start)?, (*until)?)),
            other => match other.value()?.as_array()?.as_slice() {
                [start, until] => Some((read(start)?, read(until)?)),
                _ => None,
            },
        }
    }

    /// As the log shows it; absence is null to the operators that see it, else the empty text.
    pub(super) fn into_log(self, sees_absence: bool) -> Value {
        let print = |at: Option<Timestamp>| at.map_or(Value::Null, |at| at.to_string().into());
        match self {
            Self::Absent if sees_absence => Value::Null,
            Self::Absent => BLANK.clone(),
            Self::Borrowed(value) => value.clone(),
            Self::Owned(value) => value,
            Self::Instant(at) => print(Some(at)),
            Self::Range(start, until) => Value::Array(vec![print(start), print(until)]),
        }
    }
}
