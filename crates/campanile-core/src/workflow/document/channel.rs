//! A channel step: which channel, what it may override, when it may send (workflows.md section 8).

use serde_json::Value;

use super::fields::{BLANK, Fields, INVALID, UNAVAILABLE, UNKNOWN};
use super::{Catalog, send_windows, template};
use crate::problem::Problems;
use crate::workflow::{ChannelStep, ChannelType};

/// Reads the channel, template and settings of a step.
pub(super) fn parse(
    step: &Fields<'_>,
    catalog: &dyn Catalog,
    problems: &mut Problems,
) -> Option<ChannelStep> {
    let channel_key = channel_key(step, problems);
    let channel_type = channel_type(step, channel_key, catalog, problems);
    if let Some(channel_type) = channel_type {
        if channel_type == ChannelType::InAppGuide {
            problems.add(step.path("channel_type"), UNAVAILABLE);
        } else {
            template::check(step, channel_type, catalog, problems);
        }
        overrides(step, channel_type, problems);
    }
    let send_windows = send_windows::parse(step, problems);
    Some(ChannelStep {
        channel_type: channel_type?,
        channel_key: channel_key?.into(),
        template: step.get("template").cloned().unwrap_or_default(),
        overrides: step.get("channel_overrides").cloned().unwrap_or_default(),
        send_windows,
    })
}

fn channel_key<'d>(step: &Fields<'d>, problems: &mut Problems) -> Option<&'d str> {
    let key = step.text("channel_key", problems).filter(|key| !key.is_empty());
    let group = step.text("channel_group_key", problems).filter(|key| !key.is_empty());
    match (key, group) {
        (Some(_), Some(_)) => {
            problems.add(step.path("channel_group_key"), "cannot be set together with channel_key");
        }
        (None, Some(_)) => problems.add(step.path("channel_group_key"), UNAVAILABLE),
        (None, None) if step.get("channel_key").is_none_or(Value::is_string) => {
            problems.add(step.path("channel_key"), BLANK);
        }
        _ => {}
    }
    key
}

/// The channel's type; what the document says about it may only agree.
fn channel_type(
    step: &Fields<'_>,
    channel_key: Option<&str>,
    catalog: &dyn Catalog,
    problems: &mut Problems,
) -> Option<ChannelType> {
    let written = step.text("channel_type", problems).and_then(|name| {
        let known = ChannelType::from_wire(name);
        if known.is_none() {
            problems.add(step.path("channel_type"), INVALID);
        }
        known
    });
    let Some(key) = channel_key else { return written };
    match (catalog.channel_type(key), written) {
        (None, _) => problems.add(step.path("channel_key"), UNKNOWN),
        (Some(actual), Some(written)) if actual != written => {
            problems.add(step.path("channel_type"), "does not match the type of the channel");
        }
        (Some(actual), _) => return Some(actual),
    }
    written
}

/// Checks the types of `channel_overrides`.
fn overrides(step: &Fields<'_>, channel_type: ChannelType, problems: &mut Problems) {
    let Some(overrides) = step.object("channel_overrides", problems) else { return };
    let (texts, flags): (&[&str], &[&str]) = match channel_type {
        ChannelType::Email => (
            &["from_address", "from_name", "to_address", "cc_address", "bcc_address", "reply_to_address"],
            &["link_tracking", "open_tracking"],
        ),
        ChannelType::Sms | ChannelType::InAppFeed => (&[], &["link_tracking"]),
        ChannelType::Chat => (&[], &["link_tracking", "email_based_user_id_resolution"]),
        ChannelType::Push => (&[], &["token_deregistration"]),
        ChannelType::Http | ChannelType::InAppGuide => {
            problems.add(step.path("channel_overrides"), "are not allowed for this channel type");
            return;
        }
    };
    for name in texts {
        overrides.text(name, problems);
    }
    for name in flags {
        overrides.flag(name, problems);
    }
    if channel_type == ChannelType::Email {
        template::json_template(&overrides, "json_overrides", problems);
    }
}
