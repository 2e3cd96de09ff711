//! From the document to [`super::Workflow`]. Being written.

use serde_json::Value;

use super::{ChannelType, Workflow};
use crate::problem::FieldProblem;

/// What a document may refer to.
pub trait Catalog {
    /// The type of a channel that exists, by key.
    fn channel_type(&self, key: &str) -> Option<ChannelType>;
    /// True when the layout exists in the environment.
    fn has_layout(&self, key: &str) -> bool;
}

/// Checks a workflow document (the inside of `{"workflow": …}`).
pub fn parse(_document: &Value, _catalog: &dyn Catalog) -> Result<Workflow, Vec<FieldProblem>> {
    Err(Vec::new())
}
