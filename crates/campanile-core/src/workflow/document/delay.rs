//! Settings of a delay step (workflows.md section 10).

use super::fields::{BLANK, Fields};
use crate::problem::Problems;
use crate::window::{Span, WAIT_MAX};
use crate::workflow::DelayStep;

/// Reads the delay of a step.
pub(super) fn parse(step: &Fields<'_>, problems: &mut Problems) -> Option<DelayStep> {
    if step.get("settings").is_none() {
        problems.add(step.path("settings"), BLANK);
    }
    let settings = step.object("settings", problems)?;
    let written = settings.get("delay_for");
    let delay_for = written.and_then(|span| Span::parse(span, &settings.path("delay_for"), problems));
    let until_path = settings.text("delay_until_field_path", problems).filter(|path| !path.trim().is_empty());
    match (delay_for, until_path) {
        (None, None) if written.is_none() => problems.add(settings.path("delay_for"), BLANK),
        (Some(span), None) if span.value < 0 => {
            problems.add(settings.path("delay_for.value"), "must be greater than or equal to 0");
        }
        (Some(span), _) if span.to_micros().0.saturating_abs() > WAIT_MAX.0 => {
            problems.add(settings.path("delay_for"), "must be less than or equal to 365 days");
        }
        _ => {}
    }
    Some(DelayStep { delay_for, until_path: until_path.map(|path| path.trim().into()) })
}
