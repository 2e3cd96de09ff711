//! What a render may still use (templates.md T2.12). Running out is an error, never a cut-off text.

use serde_json::Value as Json;

use crate::liquid::error::Fail;
use crate::liquid::options::Limits;
use crate::liquid::value::Value;

/// Handed from one template to the next where several make one document.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Budget {
    output_left: usize,
    steps_left: usize,
    work_left: usize,
    limits: Limits,
}

impl Budget {
    pub(crate) fn new(limits: &Limits) -> Self {
        Self {
            output_left: limits.output_bytes_max,
            steps_left: limits.loop_steps_max,
            work_left: limits.work_max,
            limits: *limits,
        }
    }

    /// Counts bytes about to be or just written.
    pub(super) fn write(&mut self, at: usize, bytes: usize) -> Result<(), Fail> {
        match self.output_left.checked_sub(bytes) {
            Some(left) => self.output_left = left,
            None => {
                let max = self.limits.output_bytes_max;
                return Err(Fail::new(at, format!("output is larger than {max} bytes")));
            }
        }
        Ok(())
    }

    /// Counts a native value that is about to be copied out of the scope.
    pub(super) fn write_value(&mut self, at: usize, value: &Value<'_>) -> Result<(), Fail> {
        self.write(at, deep_size(value))
    }

    /// Counts one loop iteration.
    pub(super) fn step(&mut self, at: usize) -> Result<(), Fail> {
        match self.steps_left.checked_sub(1) {
            Some(left) => self.steps_left = left,
            None => {
                let max = self.limits.loop_steps_max;
                return Err(Fail::new(at, format!("more than {max} loop iterations")));
            }
        }
        Ok(())
    }

    /// Counts the size of a value that something goes through or has made.
    pub(super) fn work(&mut self, at: usize, value: &Value<'_>) -> Result<(), Fail> {
        self.spend(at, size(value))
    }

    /// The same for a comparison, which may have to look at everything inside.
    pub(super) fn deep_work(&mut self, at: usize, value: &Value<'_>) -> Result<(), Fail> {
        self.spend(at, deep_size(value))
    }

    fn spend(&mut self, at: usize, size: usize) -> Result<(), Fail> {
        match self.work_left.checked_sub(size) {
            Some(left) => self.work_left = left,
            None => return Err(Fail::new(at, "template works on more data than a render may use")),
        }
        Ok(())
    }
}

fn size(value: &Value<'_>) -> usize {
    match value {
        Value::Str(text) => text.len(),
        other => other.length().unwrap_or(0).saturating_mul(16),
    }
}

fn deep_size(value: &Value<'_>) -> usize {
    match value {
        Value::Array(items) => items.iter().map(weight).sum(),
        Value::Object(map) => map.values().map(weight).sum(),
        Value::List(items) => items.iter().map(|item| 16 + deep_size(item)).sum(),
        Value::Record(members) => members.iter().map(|(_, item)| 16 + deep_size(item)).sum(),
        other => size(other),
    }
}

fn weight(json: &Json) -> usize {
    16 + match json {
        Json::String(text) => text.len(),
        Json::Array(items) => items.iter().map(weight).sum(),
        Json::Object(map) => map.values().map(weight).sum(),
        _ => 0,
    }
}
