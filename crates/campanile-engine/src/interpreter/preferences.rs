//! The preferences of a run: asked at every channel step, recorded with their reasons (preferences.md section 4).

use campanile_core::preference::{Asked, Decision, with_implicit};
use campanile_core::workflow::ChannelType;
use serde_json::{Value, json};

use super::{Input, conditions};
use crate::catalog::ChannelEntry;

/// Largest resolved set that a log keeps, in bytes; of a larger one the opinions remain.
const LOGGED_BYTES_MAX: usize = 4_096;

/// What preferences say about this channel; nothing when nobody set any.
pub(super) fn decide(entry: &ChannelEntry, input: &Input<'_>) -> Decision {
    // Guides obey nothing (PF4.6).
    if input.preferences.is_empty() || entry.kind == ChannelType::InAppGuide {
        return Decision::default();
    }
    let program = input.program;
    let channel = entry.channel.uuid.to_string();
    let asked = Asked {
        workflow: &program.key,
        categories: &program.categories,
        is_commercial: program.is_commercial,
        overrides: program.override_preferences,
        channel: &channel,
        channel_type: entry.kind.as_str(),
    };
    // Arguments are paths, JSON or plain text, never templates (PF9.3): end users write them.
    input.preferences.decide(&asked, &conditions::context(input, &|text| Some(text.to_owned())))
}

/// Why the step was skipped, for the log (PF4.7).
pub(super) fn why(decision: &Decision, input: &Input<'_>) -> Value {
    let mut data = json!({"reason": "preferences_opted_out", "opinions": decision.opinions});
    let resolved = with_implicit(&input.preferences.resolved());
    if resolved.to_string().len() <= LOGGED_BYTES_MAX {
        data["preferences"] = resolved;
    } else {
        data["__knock_truncated__"] = true.into();
    }
    data
}
