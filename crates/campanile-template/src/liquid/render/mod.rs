//! Tree and scope to text. The scope is only borrowed; what templates assign lives beside it.

mod budget;
mod evaluate;
mod load;
mod loops;
mod partial;
mod translate;

use std::collections::BTreeMap;

use campanile_core::scope::Scope;
use serde_json::Value as Json;

pub(crate) use self::budget::Budget;
pub(crate) use self::evaluate::RESERVED;
use self::loops::Loop;
use self::translate::Frame;
use super::ast::{Case, Cycle, Expression, Node};
use super::compare::equal;
use super::data::{Load, Warning};
use super::error::Fail;
use super::options::RenderOptions;
use super::value::Value;

/// Where rendering goes on after a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    Break,
    Continue,
}

/// The state of one render.
pub(crate) struct Renderer<'a> {
    source: &'a str,
    scope: &'a dyn Scope,
    options: &'a RenderOptions<'a>,
    budget: Budget,
    /// `assign` and `capture`: flat, visible to the rest of the document.
    assigned: Vec<(&'a str, Value<'a>)>,
    /// Loops being run, innermost last, with their variable.
    loops: Vec<Loop<'a>>,
    counters: BTreeMap<&'a str, i64>,
    cycles: BTreeMap<String, usize>,
    /// Where `offset: continue` goes on.
    positions: BTreeMap<&'a str, usize>,
    /// Partials around this one.
    depth: usize,
    /// Translations being rendered, innermost last.
    frames: Vec<Frame<'a>>,
    /// Translations around this partial.
    frames_around: usize,
    /// What data filters asked for, each once.
    loads: Vec<Load>,
    /// Something of it is not loaded: what is rendered does not count.
    missed: bool,
    /// Styles for the head of the document, each once.
    styles: Vec<String>,
}

impl<'a> Renderer<'a> {
    pub(crate) fn new(
        source: &'a str,
        scope: &'a dyn Scope,
        options: &'a RenderOptions<'a>,
        budget: Budget,
    ) -> Self {
        Self {
            source,
            scope,
            options,
            budget,
            assigned: Vec::new(),
            loops: Vec::new(),
            counters: BTreeMap::new(),
            cycles: BTreeMap::new(),
            positions: BTreeMap::new(),
            depth: 0,
            frames: Vec::new(),
            frames_around: 0,
            loads: Vec::new(),
            missed: false,
            styles: Vec::new(),
        }
    }

    /// Writes `nodes`. A `break` outside of any loop ends them.
    pub(crate) fn nodes(&mut self, nodes: &'a [Node], out: &mut String) -> Result<Flow, Fail> {
        for node in nodes {
            let flow = self.node(node, out)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    /// The native value of an expression, copied out of the scope.
    pub(crate) fn value(&mut self, expression: &'a Expression) -> Result<Json, Fail> {
        let value = self.evaluate(expression);
        self.refuse_void()?;
        let value = value?;
        self.budget.write_value(expression.at as usize, &value)?;
        Ok(value.to_json())
    }

    /// Renders a whole template; refuses to when data is missing that could be loaded.
    pub(crate) fn document(&mut self, nodes: &'a [Node], out: &mut String) -> Result<(), Fail> {
        let done = self.nodes(nodes, out);
        self.refuse_void()?;
        done.map(drop)
    }

    fn refuse_void(&self) -> Result<(), Fail> {
        if self.missed { Err(Fail::new(0, "needs stored data that is not loaded yet")) } else { Ok(()) }
    }

    pub(super) fn warn(&self, warning: Warning) {
        if let Some(notes) = self.options.notes {
            notes.warn(warning);
        }
    }

    /// What is left for the next template of the same document.
    pub(crate) fn budget(&self) -> Budget {
        self.budget
    }

    fn node(&mut self, node: &'a Node, out: &mut String) -> Result<Flow, Fail> {
        match node {
            Node::Text(span) => {
                self.budget.write(span.start as usize, (span.end - span.start) as usize)?;
                out.push_str(span.of(self.source));
            }
            Node::Output(expression) => {
                let value = self.evaluate(expression)?;
                self.print(&value, expression.at, out)?;
            }
            Node::Assign(name, expression) => {
                let value = self.evaluate(expression)?;
                self.assign(name, value);
            }
            Node::Capture(name, body) => {
                let mut captured = String::new();
                let flow = self.nodes(body, &mut captured)?;
                self.assign(name, captured.into());
                return Ok(flow);
            }
            Node::If(branches) => {
                for branch in branches {
                    let taken = match &branch.condition {
                        Some(condition) => self.holds(condition)? != branch.negated,
                        None => true,
                    };
                    if taken {
                        return self.nodes(&branch.body, out);
                    }
                }
            }
            Node::Case(case) => return self.case(case, out),
            Node::For(each) => return self.for_loop(each, out),
            Node::TableRow(each) => self.table_row(each, out)?,
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
            Node::Increment(name, step) => {
                let counter = self.counters.entry(name).or_insert(0);
                // `increment` prints and then counts, `decrement` counts and then prints.
                let shown = if *step > 0 { *counter } else { counter.saturating_add(*step) };
                *counter = counter.saturating_add(*step);
                self.print(&Value::Int(shown), 0, out)?;
            }
            Node::Cycle(cycle) => self.cycle(cycle, out)?,
            Node::Render(call) => self.partial(call, out)?,
            Node::Translate(tag) => return self.translate_tag(tag, out),
        }
        Ok(Flow::Next)
    }

    fn print(&mut self, value: &Value<'a>, at: u32, out: &mut String) -> Result<(), Fail> {
        let before = out.len();
        value.print(out);
        self.budget.write(at as usize, out.len() - before)
    }

    fn assign(&mut self, name: &'a str, value: Value<'a>) {
        match self.assigned.iter_mut().find(|(known, _)| *known == name) {
            Some(slot) => slot.1 = value,
            None => self.assigned.push((name, value)),
        }
    }

    /// Every `when` that matches renders, in order; `else` only when none before it did.
    fn case(&mut self, case: &'a Case, out: &mut String) -> Result<Flow, Fail> {
        let subject = self.evaluate(&case.subject)?;
        let mut matched = false;
        for arm in &case.arms {
            let Some(values) = &arm.values else {
                if !matched {
                    let flow = self.nodes(&arm.body, out)?;
                    if flow != Flow::Next {
                        return Ok(flow);
                    }
                }
                continue;
            };
            for value in values {
                let value = self.evaluate(value)?;
                if equal(&subject, &value) {
                    matched = true;
                    let flow = self.nodes(&arm.body, out)?;
                    if flow != Flow::Next {
                        return Ok(flow);
                    }
                    break;
                }
            }
        }
        Ok(Flow::Next)
    }

    fn cycle(&mut self, cycle: &'a Cycle, out: &mut String) -> Result<(), Fail> {
        let key = match &cycle.group {
            Some(group) => format!("{}:", &*self.evaluate(group)?.to_text()),
            None => cycle.key.to_string(),
        };
        let turn = self.cycles.entry(key).or_insert(0);
        let index = *turn;
        *turn = if index + 1 < cycle.values.len() { index + 1 } else { 0 };
        // Groups may have members of different lengths: past the end nothing is printed.
        let Some(expression) = cycle.values.get(index) else { return Ok(()) };
        let value = self.evaluate(expression)?;
        self.print(&value, expression.at, out)
    }
}
