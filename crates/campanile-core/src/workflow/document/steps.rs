//! The tree of steps: refs, types, conditions, branches (workflows.md sections 2 and 12).

use std::collections::HashSet;

use serde_json::Value;

use super::Catalog;
use super::fields::{BLANK, Fields, INVALID, UNAVAILABLE};
use super::key::ref_problem;
use super::{channel, delay};
use crate::condition::ConditionGroup;
use crate::problem::Problems;
use crate::workflow::{Branch, Step, StepKind};

/// Deepest nesting of branch steps (R2.1).
const DEPTH_MAX: usize = 5;
/// Most branches of one step, the default included.
const BRANCHES_MAX: usize = 10;
/// Step types of the page that this version does not run.
const LATER: [&str; 12] = [
    "batch",
    "throttle",
    "random_cohort",
    "http_fetch",
    "update_data",
    "update_user",
    "update_object",
    "update_tenant",
    "update_audience",
    "trigger_workflow",
    "wait_for_event",
    "ai_agent",
];

/// One pass over the tree.
pub(super) struct Walk<'a> {
    catalog: &'a dyn Catalog,
    problems: &'a mut Problems,
    /// Every ref met so far.
    refs: HashSet<&'a str>,
}

impl<'a> Walk<'a> {
    pub(super) fn new(catalog: &'a dyn Catalog, problems: &'a mut Problems) -> Self {
        Self { catalog, problems, refs: HashSet::new() }
    }

    /// Reads the steps of the workflow.
    pub(super) fn tree(mut self, steps: &'a [Value], path: &str) -> Vec<Step> {
        self.list(steps, path, &mut Vec::new(), 0)
    }

    /// Reads steps in order. `preceding` are the channel steps that a run has passed before the first of them, and
    /// afterwards before what follows the last of them.
    fn list(
        &mut self,
        steps: &'a [Value],
        path: &str,
        preceding: &mut Vec<&'a str>,
        depth: usize,
    ) -> Vec<Step> {
        let mut read = Vec::with_capacity(steps.len());
        for (at, step) in steps.iter().enumerate() {
            let Some(fields) = Fields::of(step, format!("{path}[{at}]"), self.problems) else { continue };
            let reference = self.reference(&fields);
            fields.text("name", self.problems);
            fields.text("description", self.problems);
            let conditions = self.conditions(&fields, preceding);
            let kind = self.kind(&fields, preceding, depth);
            if let (Some(reference), Some("channel")) =
                (reference, fields.get("type").and_then(Value::as_str))
            {
                preceding.push(reference);
            }
            if let (Some(reference), Some(kind)) = (reference, kind) {
                read.push(Step { reference: reference.into(), conditions, kind });
            }
        }
        read
    }

    fn reference(&mut self, fields: &Fields<'a>) -> Option<&'a str> {
        let reference = fields.text_required("ref", self.problems)?;
        let why = match ref_problem(reference) {
            None if self.refs.insert(reference) => return Some(reference),
            None => "has already been taken",
            Some(why) => why,
        };
        self.problems.add(fields.path("ref"), why);
        None
    }

    fn conditions(&mut self, fields: &Fields<'_>, preceding: &[&str]) -> Option<ConditionGroup> {
        let refuse = |step_ref: &str| {
            (!preceding.contains(&step_ref)).then_some("must refer to a preceding channel step")
        };
        let path = fields.path("conditions");
        ConditionGroup::parse_with_refs(fields.get("conditions")?, &path, self.problems, &refuse)
    }

    fn kind(&mut self, fields: &Fields<'a>, preceding: &mut Vec<&'a str>, depth: usize) -> Option<StepKind> {
        match fields.text_required("type", self.problems)? {
            "channel" => channel::parse(fields, self.catalog, self.problems).map(StepKind::Channel),
            "delay" => delay::parse(fields, self.problems).map(StepKind::Delay),
            "branch" => self.branches(fields, preceding, depth + 1).map(StepKind::Branch),
            other => {
                let why = if LATER.contains(&other) { UNAVAILABLE } else { INVALID };
                self.problems.add(fields.path("type"), why);
                None
            }
        }
    }

    fn branches(
        &mut self,
        fields: &Fields<'a>,
        preceding: &mut Vec<&'a str>,
        depth: usize,
    ) -> Option<Vec<Branch>> {
        if fields.get("conditions").is_some_and(says_something) {
            self.problems.add(fields.path("conditions"), "are not allowed on a branch step");
        }
        if depth > DEPTH_MAX {
            self.problems.add(fields.path("branches"), "must be nested at most 5 levels deep");
            return None;
        }
        let branches = fields.list("branches", self.problems).unwrap_or_default();
        let path = fields.path("branches");
        match branches.len() {
            0 if fields.get("branches").is_none_or(Value::is_array) => self.problems.add(&path, BLANK),
            0..=BRANCHES_MAX => {}
            _ => self.problems.add(&path, "should have at most 10 item(s)"),
        }
        let before = preceding.len();
        let mut inside = Vec::new();
        let mut read = Vec::with_capacity(branches.len());
        for (at, branch) in branches.iter().enumerate() {
            let is_default = at + 1 == branches.len();
            if let Some(fields) = Fields::of(branch, format!("{path}[{at}]"), self.problems) {
                read.push(self.branch(&fields, is_default, preceding, depth));
            }
            // Another branch is no preceding one: a run takes only one of them.
            inside.extend(preceding.drain(before..));
        }
        preceding.extend(inside);
        Some(read)
    }

    fn branch(
        &mut self,
        fields: &Fields<'a>,
        is_default: bool,
        preceding: &mut Vec<&'a str>,
        depth: usize,
    ) -> Branch {
        let written = fields.get("conditions").is_some_and(says_something);
        if is_default && written {
            self.problems.add(fields.path("conditions"), "must be blank on the last branch");
        } else if !is_default && !written {
            self.problems.add(fields.path("conditions"), BLANK);
        }
        let conditions = self.conditions(fields, preceding);
        let steps = fields.list("steps", self.problems).unwrap_or_default();
        Branch {
            name: fields.text("name", self.problems).unwrap_or_default().into(),
            conditions,
            steps: self.list(steps, &fields.path("steps"), preceding, depth),
            terminates: fields.flag("terminates", self.problems).unwrap_or_default(),
        }
    }
}

/// False for null, `{}`, `{"all": []}` and the like, which are no conditions (S23).
fn says_something(conditions: &Value) -> bool {
    match conditions {
        Value::Null => false,
        Value::Array(list) => list.iter().any(says_something),
        Value::Object(group) if group.contains_key("variable") || group.contains_key("operator") => true,
        Value::Object(group) => ["all", "any"].iter().filter_map(|name| group.get(*name)).any(says_something),
        _ => true,
    }
}
