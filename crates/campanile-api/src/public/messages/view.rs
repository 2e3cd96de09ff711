//! The message object (delivery.md section 1).

use campanile_core::message::{DeliveryStatus, EngagementSet};
use campanile_core::recipient::RecipientRef;
use campanile_core::workflow::ChannelType;
use campanile_engine::Catalog;
use campanile_store::MessageView;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::public::sources::{Sources, parsed, recipient_run};

/// A message. Recipient and actors are references, not entities.
pub(super) fn message(message: &MessageView, sources: &Sources, catalog: &Catalog) -> Value {
    let row = &message.row;
    let recipient = RecipientRef::from_key(&row.recipient);
    let run = sources.run(message);
    let actor = run.and_then(|run| run.actor.as_deref()).map(RecipientRef::from_key);
    let channel = catalog.channel(row.channel);
    let channel_id = channel.map_or(Uuid::nil(), |entry| entry.channel.uuid).to_string();
    json!({
        "__typename": "Message",
        "id": row.id,
        "status": DeliveryStatus::from_code(row.status).map(DeliveryStatus::as_str),
        "engagement_statuses": EngagementSet::from_bits(message.flags),
        "recipient": recipient,
        "actors": actor.into_iter().collect::<Vec<_>>(),
        "channel_id": channel_id,
        "channel": channel.map(|entry| json!({
            "id": channel_id,
            "key": entry.channel.key,
            "name": entry.channel.name,
            "type": entry.kind.as_str(),
            "provider": entry.channel.provider,
            "created_at": entry.channel.created_at,
            "updated_at": entry.channel.updated_at,
        })),
        "source": source(message, sources, channel.is_some_and(|entry| entry.kind == ChannelType::InAppGuide)),
        "workflow": row.workflow,
        "tenant": row.tenant,
        "data": sources.data(message),
        "metadata": parsed(row.metadata.as_deref()),
        "recipient_snapshot": parsed(message.snapshot.as_deref()),
        "scheduled_at": row.scheduled_at,
        "seen_at": message.seen_at,
        "read_at": message.read_at,
        "interacted_at": message.interacted_at,
        "archived_at": message.archived_at,
        "clicked_at": message.clicked_at,
        "link_clicked_at": message.clicked_at,
        "inserted_at": row.id.at(),
        "updated_at": message.updated_at,
    })
}

/// What made it. A guide's message belongs to no run, and says itself which version was shown.
fn source(message: &MessageView, sources: &Sources, is_guide: bool) -> Value {
    let row = &message.row;
    if is_guide {
        return json!({
            "__typename": "NotificationSource",
            "type": "guide",
            "key": row.workflow,
            "version_id": parsed(Some(&row.content))["version"],
            "categories": [],
            "step_ref": row.step,
            "workflow_run_id": null,
            "workflow_recipient_run_id": null,
        });
    }
    json!({
        "__typename": "NotificationSource",
        "type": sources.kind(message),
        "key": row.workflow,
        "version_id": sources.version(message).to_string(),
        "categories": sources.categories(message),
        "step_ref": row.step,
        "workflow_run_id": row.run.to_string(),
        "workflow_recipient_run_id": recipient_run(message).to_string(),
    })
}
