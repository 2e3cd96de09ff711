//! Guides and their group as clients read them (in-app.md section 13).

use campanile_core::ids::ChannelId;
use campanile_core::time::Timestamp;
use campanile_engine::guides::{EligibleGuide, GROUP, GroupView, GuideList, PublishedStep, StepView};
use serde_json::{Map, Value, json};

/// The answer of a fetch.
pub(super) fn list(list: &GuideList, channel: ChannelId) -> Value {
    let entries: Vec<Value> = list.entries.iter().map(guide).collect();
    let displays: Map<String, Value> =
        list.displays.iter().map(|(group, at)| (group.clone(), json!(at))).collect();
    let ineligible = list.ineligible.iter().map(|(key, why)| {
        json!({
            "__typename": "GuideIneligibilityMarker",
            "key": key,
            "reason": why.as_str(),
            "message": why.message(),
        })
    });
    json!({
        "entries": entries,
        "guide_groups": [group(&list.set.group(channel))],
        "guide_group_display_logs": displays,
        "ineligible_guides": ineligible.collect::<Vec<_>>(),
    })
}

/// A guide with its content and the user's engagement.
fn guide(entry: &EligibleGuide) -> Value {
    let guide = &entry.guide;
    let steps: Vec<Value> =
        guide.steps.iter().zip(&entry.steps).map(|(step, view)| self::step(step, view)).collect();
    json!({
        "__typename": "Guide",
        "id": guide.id.to_string(),
        "key": guide.key,
        "type": guide.message_type,
        "semver": guide.semver,
        "channel_id": guide.channel_uuid.to_string(),
        "active": entry.is_active,
        "bypass_global_group_limit": guide.bypasses_throttle,
        // Older forms of the patterns: clients read them when they are there.
        "activation_url_rules": [],
        "activation_location_rules": [],
        // Never null: clients map over it.
        "activation_url_patterns": guide.url_patterns,
        "steps": steps,
        "inserted_at": guide.inserted_at,
        "updated_at": guide.updated_at,
    })
}

fn step(step: &PublishedStep, view: &StepView) -> Value {
    let state = view.state.as_ref();
    let at = |pick: fn(&campanile_store::GuideState) -> Option<Timestamp>| json!(state.and_then(pick));
    json!({
        "ref": step.reference,
        "schema_key": step.schema_key,
        "schema_semver": step.schema_semver,
        "schema_variant_key": step.schema_variant_key,
        "content": view.content,
        "message": {
            "id": state.map(|state| state.message),
            "seen_at": at(|state| state.seen_at),
            "read_at": at(|state| state.read_at),
            "interacted_at": at(|state| state.interacted_at),
            "archived_at": at(|state| state.archived_at),
            "link_clicked_at": at(|state| state.clicked_at),
        },
    })
}

fn group(group: &GroupView<'_>) -> Value {
    let sequence: Vec<&str> = group.unthrottled.iter().chain(&group.throttled).copied().collect();
    let mut view = json!({
        "__typename": "GuideGroup",
        "key": GROUP,
        "display_sequence": sequence,
        "display_sequence_unthrottled": group.unthrottled,
        "display_sequence_throttled": group.throttled,
        "inserted_at": group.inserted_at,
        "updated_at": group.updated_at,
    });
    // The document of the API knows no null here; clients read an absent one as no throttle.
    if let Some(seconds) = group.display_interval {
        view["display_interval"] = seconds.into();
    }
    view
}
