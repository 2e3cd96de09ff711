//! Expressions and conditions against the scope.

use super::Renderer;
use crate::liquid::ast::{Comparison, Condition, Expression, Join, Operator, Path, Root, Segment, Term};
use crate::liquid::compare::{compare, kind};
use crate::liquid::error::Fail;
use crate::liquid::filters::{Args, Call, Context};
use crate::liquid::value::Value;

/// Names that data keys never shadow, present in a run or not (templates.md T3.1).
pub(crate) const RESERVED: &[&str] = &[
    "activities",
    "actor",
    "actors",
    "current_message",
    "data",
    "recipient",
    "refs",
    "run",
    "tenant",
    "timestamp",
    "total_activities",
    "total_actors",
    "vars",
    "workflow",
];

/// Longest range that a filter may turn into an array.
const RANGE_ITEMS_MAX: usize = 1_000_000;

impl<'a> Renderer<'a> {
    pub(super) fn evaluate(&mut self, expression: &'a Expression) -> Result<Value<'a>, Fail> {
        let at = expression.at as usize;
        let mut value = match &expression.term {
            Term::Nil => Value::Nil,
            Term::Empty => Value::Empty,
            Term::Blank => Value::Blank,
            Term::Bool(value) => Value::Bool(*value),
            Term::Int(value) => Value::Int(*value),
            Term::Decimal(value) => Value::Decimal(*value),
            Term::Text(text) => Value::text(text),
            Term::Range(ends) => Value::Range(self.range_end(&ends.0)?, self.range_end(&ends.1)?),
            Term::Path(path) => match self.path(path)? {
                Some(value) => value,
                None => {
                    let defaulted = expression.filters.iter().any(|call| call.filter.name == "default");
                    if self.options.strict_undefined && !defaulted {
                        return Err(Fail::new(at, format!("{} is not defined", describe(path))));
                    }
                    Value::Nil
                }
            },
        };
        for call in &expression.filters {
            let at = call.at as usize;
            if matches!(value, Value::Range(..)) && value.length().is_some_and(|n| n > RANGE_ITEMS_MAX) {
                return Err(Fail::new(at, "range is too long for a filter"));
            }
            let mut positional = Vec::with_capacity(call.positional.len());
            for argument in &call.positional {
                positional.push(self.evaluate(argument)?);
            }
            let mut named = Vec::with_capacity(call.named.len());
            for (name, argument) in &call.named {
                named.push((&**name, self.evaluate(argument)?));
            }
            self.budget.work(at, &value)?;
            let named_fail = |message| Fail::new(at, format!("{}: {message}", call.filter.name));
            call.filter.check(positional.len()).map_err(named_fail)?;
            value = match call.filter.call {
                Call::Pure(apply) => {
                    let context = Context { options: self.options };
                    let args = Args { positional: &positional, named: &named };
                    apply(value, &args, &context).map_err(named_fail)?
                }
                Call::Translate => self.translate(&value, named, at)?,
                Call::Load(source) => self.load(source, &value, &positional, at)?,
            };
            self.budget.work(at, &value)?;
        }
        Ok(value)
    }

    fn range_end(&mut self, expression: &'a Expression) -> Result<i64, Fail> {
        let value = self.evaluate(expression)?;
        Ok(crate::liquid::number::Number::of(&value).whole())
    }

    fn path(&mut self, path: &'a Path) -> Result<Option<Value<'a>>, Fail> {
        let (mut value, mut segments) = match &path.root {
            Root::Name(name) if self.in_loop(name) => {
                return Ok(self.forloop(name, &path.segments));
            }
            Root::Name(name) => (self.root(name), &*path.segments),
            Root::Value(expression) => (Some(self.evaluate(expression)?), &*path.segments),
            Root::Computed(expression) => {
                let name = self.evaluate(expression)?;
                (name.as_str().and_then(|name| self.root(name)), &*path.segments)
            }
        };
        while let (Some(from), [segment, rest @ ..]) = (&value, segments) {
            value = match segment {
                Segment::Key(key) => from.property(key),
                Segment::Index(index) => from.element(*index),
                Segment::Computed(expression) => {
                    let from = from.clone();
                    match self.evaluate(expression)? {
                        Value::Int(index) => from.element(index),
                        Value::Str(key) => from.property(&key),
                        _ => None,
                    }
                }
            };
            segments = rest;
        }
        Ok(value)
    }

    /// A name: loop variables, then assigned ones, then the scope, then keys of `data`, then counters.
    pub(super) fn root(&self, name: &str) -> Option<Value<'a>> {
        let mut running = &*self.loops;
        for frame in self.frames.iter().rev() {
            let (before, inside) = running.split_at(frame.loops.min(running.len()));
            if let Some(each) = inside.iter().rev().find(|each| each.variable == name) {
                return Some(each.item.clone());
            }
            if let Some((_, value)) = frame.arguments.iter().find(|(known, _)| *known == name) {
                return Some(value.clone());
            }
            running = before;
        }
        if let Some(each) = running.iter().rev().find(|each| each.variable == name) {
            return Some(each.item.clone());
        }
        if let Some((_, value)) = self.assigned.iter().find(|(known, _)| *known == name) {
            return Some(value.clone());
        }
        if let Some(value) = self.scope.root(name) {
            return Some(value.into());
        }
        if RESERVED.contains(&name) {
            return None;
        }
        let data = self.scope.root("data").and_then(|data| data.get(name));
        data.map(Value::from).or_else(|| self.counters.get(name).map(|counter| Value::Int(*counter)))
    }

    /// `and`/`or` associate to the right: `a and b or c` is `a and (b or c)`.
    pub(super) fn holds(&mut self, condition: &'a Condition) -> Result<bool, Fail> {
        let Some((_, last)) = condition.rest.last() else { return self.compares(&condition.first) };
        let mut result = self.compares(last)?;
        for i in (0..condition.rest.len()).rev() {
            let left = if i == 0 { &condition.first } else { &condition.rest[i - 1].1 };
            result = match condition.rest[i].0 {
                Join::And => result && self.compares(left)?,
                Join::Or => result || self.compares(left)?,
            };
        }
        Ok(result)
    }

    fn compares(&mut self, comparison: &'a Comparison) -> Result<bool, Fail> {
        let left = self.evaluate(&comparison.left)?;
        let Some((operator, right)) = &comparison.right else { return Ok(left.truthy()) };
        let at = right.at as usize;
        let right = self.evaluate(right)?;
        if matches!(operator, Operator::Equal | Operator::NotEqual | Operator::Contains) {
            self.budget.deep_work(at, &left)?;
        }
        compare(&left, *operator, &right).map_err(|message| Fail::new(at, message))
    }

    /// A whole number given to a loop option.
    pub(super) fn count(&mut self, expression: &'a Expression) -> Result<usize, Fail> {
        let at = expression.at as usize;
        match self.evaluate(expression)? {
            Value::Nil => Ok(0),
            Value::Int(n) => Ok(usize::try_from(n).unwrap_or(0)),
            Value::Decimal(n) => Ok(usize::try_from(n.trunc()).unwrap_or(0)),
            Value::Str(text) => {
                text.trim().parse().map_err(|_| Fail::new(at, format!("{:?} is not a number", &*text)))
            }
            other => Err(Fail::new(at, format!("expected a number, found {}", kind(&other)))),
        }
    }
}

/// The path as the author wrote it, for messages.
fn describe(path: &Path) -> String {
    let mut out = match &path.root {
        Root::Name(name) => name.to_string(),
        Root::Computed(_) | Root::Value(_) => "[…]".to_owned(),
    };
    for segment in &path.segments {
        match segment {
            Segment::Key(key) => out.push_str(&format!(".{key}")),
            Segment::Index(index) => out.push_str(&format!("[{index}]")),
            Segment::Computed(_) => out.push_str("[…]"),
        }
    }
    out
}
