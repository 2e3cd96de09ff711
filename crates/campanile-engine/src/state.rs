//! Where a recipient run stands, and its log: the two texts that a run row keeps.

use std::fmt::Write as _;

use campanile_core::ids::Ksuid;
use campanile_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::fan_out::Via;

/// What a paused run waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Waiting {
    /// A delay step to end.
    Delay,
    /// A failed step's next attempt.
    Retry,
}

/// What a channel step did, for conditions on it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct StepRecord {
    /// Ref of the step.
    pub(crate) step: String,
    /// Its messages; none when it was skipped.
    pub(crate) messages: Vec<String>,
}

/// The interpreter's state between activations.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct RunState {
    /// Position in the program.
    pub(crate) at: usize,
    /// What the run waits for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) waiting: Option<Waiting>,
    /// Attempts of the present step that failed.
    #[serde(skip_serializing_if = "is_zero")]
    pub(crate) failures: u32,
    /// Channel steps so far.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) steps: Vec<StepRecord>,
    /// The subscription through which the recipient was reached.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) via: Option<Box<Via>>,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl RunState {
    /// Ids of every message so far.
    pub(crate) fn message_ids(&self) -> Vec<Ksuid> {
        self.steps.iter().flat_map(|step| &step.messages).filter_map(|id| id.parse().ok()).collect()
    }
}

/// The run events of one recipient, appended as text: what was written before is never parsed again.
#[derive(Debug, Clone)]
pub(crate) struct RunLog {
    text: String,
    errors: i64,
    /// Length of the text when the trigger step had let the run pass, in this activation.
    trigger_end: Option<usize>,
}

impl Default for RunLog {
    fn default() -> Self {
        Self::new()
    }
}

/// One event as it is read back.
#[derive(Debug, Clone, Deserialize)]
pub struct LoggedEvent {
    /// Event name (workflows.md S51).
    #[serde(rename = "e")]
    pub event: String,
    /// Microseconds.
    #[serde(rename = "t")]
    pub at: i64,
    /// Ref of the step.
    #[serde(rename = "s", default)]
    pub step: Option<String>,
    /// Type of the step.
    #[serde(rename = "k", default)]
    pub step_type: Option<String>,
    /// From 1, for steps.
    #[serde(rename = "n", default)]
    pub attempt: Option<u32>,
    /// True for `status: error`.
    #[serde(rename = "x", default)]
    pub is_error: bool,
    /// Why.
    #[serde(rename = "d", default)]
    pub data: Value,
}

/// The step that an event is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StepName<'s> {
    pub(crate) reference: &'s str,
    pub(crate) kind: &'static str,
    pub(crate) attempt: u32,
}

impl RunLog {
    pub(crate) fn new() -> Self {
        Self { text: String::from("[]"), errors: 0, trigger_end: None }
    }

    /// Goes on with a stored log.
    pub(crate) fn resume(text: String, errors: i64) -> Self {
        Self { text, errors, trigger_end: None }
    }

    /// Marks that the trigger step let the run pass.
    pub(crate) fn pass_trigger(&mut self) {
        self.trigger_end = Some(self.text.len());
    }

    /// Whether the trigger step let the run pass, in this activation.
    pub(crate) fn passed_trigger(&self) -> bool {
        self.trigger_end.is_some()
    }

    /// The log as it was when the trigger step had let the run pass: nothing has failed before that.
    pub(crate) fn until_trigger(mut self) -> Self {
        if let Some(end) = self.trigger_end.take() {
            self.text.truncate(end - 1);
            self.text.push(']');
            self.errors = 0;
        }
        self
    }

    /// Adds an event that went well.
    pub(crate) fn add(&mut self, at: Timestamp, event: &str, step: Option<StepName<'_>>, data: &Value) {
        self.append(at, event, step, data, false);
    }

    /// Adds an event with status error, which counts.
    pub(crate) fn error(&mut self, at: Timestamp, event: &str, step: Option<StepName<'_>>, data: &Value) {
        self.errors += 1;
        self.append(at, event, step, data, true);
    }

    fn append(
        &mut self,
        at: Timestamp,
        event: &str,
        step: Option<StepName<'_>>,
        data: &Value,
        is_error: bool,
    ) {
        self.text.pop();
        if self.text.len() > 1 {
            self.text.push(',');
        }
        // Writing to a string cannot fail; event names and refs need no escaping.
        let _ = write!(self.text, r#"{{"e":"{event}","t":{}"#, at.0);
        if let Some(step) = step {
            let _ =
                write!(self.text, r#","s":"{}","k":"{}","n":{}"#, step.reference, step.kind, step.attempt);
        }
        if is_error {
            self.text.push_str(r#","x":true"#);
        }
        if !data.is_null() {
            let _ = write!(self.text, r#","d":{data}"#);
        }
        self.text.push_str("}]");
    }

    pub(crate) fn errors(&self) -> i64 {
        self.errors
    }

    pub(crate) fn into_text(self) -> String {
        self.text
    }
}

/// Reads a stored log.
pub fn read_log(text: &str) -> Vec<LoggedEvent> {
    serde_json::from_str(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_log_reads_back_what_was_added() {
        let mut log = RunLog::new();
        log.add(Timestamp(1), "run_started", None, &Value::Null);
        let step = StepName { reference: "email_1", kind: "channel", attempt: 2 };
        log.error(Timestamp(2), "step_failed", Some(step), &json!({"reason": "a \"b\""}));
        let mut log = RunLog::resume(log.clone().into_text(), log.errors());
        log.add(Timestamp(3), "run_completed", None, &Value::Null);
        assert_eq!(log.errors(), 1);
        let events = read_log(&log.into_text());
        let names: Vec<_> = events.iter().map(|e| (e.event.as_str(), e.at, e.is_error)).collect();
        assert_eq!(names, [("run_started", 1, false), ("step_failed", 2, true), ("run_completed", 3, false)]);
        assert_eq!(events[1].attempt, Some(2));
        assert_eq!(events[1].data["reason"], "a \"b\"");
    }

    #[test]
    fn a_log_goes_back_to_the_end_of_its_trigger() {
        let names = |log: RunLog| read_log(&log.into_text()).into_iter().map(|e| e.event).collect::<Vec<_>>();
        let mut log = RunLog::new();
        log.add(Timestamp(1), "run_started", None, &Value::Null);
        assert!(!log.passed_trigger());
        log.pass_trigger();
        log.error(Timestamp(2), "step_failed", None, &json!({"reason": "x"}));
        log.add(Timestamp(3), "run_halted", None, &Value::Null);
        let mut log = log.until_trigger();
        assert_eq!((log.errors(), log.passed_trigger()), (0, false));
        log.add(Timestamp(4), "run_completed", None, &Value::Null);
        assert_eq!(names(log), ["run_started", "run_completed"]);
    }
}
