//! One validation problem of a request or a document: where and why.

use serde::Serialize;

/// A field that was refused. `field` uses dots and 0-based brackets from the body root
/// (`steps[1].template.subject`); `message` reads on after the field name (`can't be blank`).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct FieldProblem {
    /// Path of the refused value; empty for the document itself.
    pub field: String,
    /// Why it was refused, without the value.
    pub message: String,
    /// The failing rule, or null (api-conventions.md A5.2).
    #[serde(rename = "type")]
    pub rule: Option<String>,
}

impl FieldProblem {
    /// A problem without a rule name.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into(), rule: None }
    }
}

/// Collects every problem of one document, so that a caller sees all of them at once (management.md M3.2).
#[derive(Debug, Default)]
pub struct Problems(Vec<FieldProblem>);

impl Problems {
    /// Notes one problem.
    pub fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.0.push(FieldProblem::new(field, message));
    }

    /// Takes over problems found elsewhere.
    pub fn extend(&mut self, more: impl IntoIterator<Item = FieldProblem>) {
        self.0.extend(more);
    }

    /// True when nothing was refused.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The value when nothing was refused, otherwise every problem ordered by field.
    pub fn into_result<T>(mut self, value: T) -> Result<T, Vec<FieldProblem>> {
        if self.0.is_empty() {
            return Ok(value);
        }
        self.0.sort();
        self.0.dedup();
        Err(self.0)
    }
}
