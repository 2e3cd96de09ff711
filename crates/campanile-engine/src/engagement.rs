//! What recipients do with messages, and what that changes (in-app.md section 8).

use campanile_core::event::MessageEventType;
use campanile_core::message::{Engagement, EngagementSet};
use campanile_core::workflow::ChannelType;
use campanile_store::Engagement as Change;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// What a recipient does with a message, or takes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Action {
    /// Was shown.
    Seen,
    /// Taken back.
    Unseen,
    /// Was opened.
    Read,
    /// Taken back.
    Unread,
    /// Was clicked; cannot be taken back.
    Interacted,
    /// Was put away.
    Archived,
    /// Taken back.
    Unarchived,
}

/// What the store does for an action. No action implies another but an interaction, which reads (IA8.1).
pub fn change(action: Action, event_data: Option<String>) -> Change {
    let column = |engagement| {
        let name = match engagement {
            Engagement::Seen => "seen_at",
            Engagement::Read => "read_at",
            Engagement::Interacted => "interacted_at",
            Engagement::LinkClicked => "clicked_at",
            Engagement::Archived => "archived_at",
        };
        (name, EngagementSet::EMPTY.with(engagement).bits())
    };
    let (engagement, event) = match action {
        Action::Seen => (Engagement::Seen, MessageEventType::Seen),
        Action::Unseen => (Engagement::Seen, MessageEventType::Unseen),
        Action::Read => (Engagement::Read, MessageEventType::Read),
        Action::Unread => (Engagement::Read, MessageEventType::Unread),
        Action::Interacted => (Engagement::Interacted, MessageEventType::Interacted),
        Action::Archived => (Engagement::Archived, MessageEventType::Archived),
        Action::Unarchived => (Engagement::Archived, MessageEventType::Unarchived),
    };
    let undone = matches!(action, Action::Unseen | Action::Unread | Action::Unarchived);
    let (read, read_bit) = column(Engagement::Read);
    Change {
        set: if undone { Vec::new() } else { vec![column(engagement)] },
        also: (action == Action::Interacted).then(|| (read, read_bit, MessageEventType::Read.code())),
        first: None,
        clear: if undone { vec![column(engagement)] } else { Vec::new() },
        event: event.code(),
        event_data,
    }
}

/// What the store does for a click on a tracked link. On SMS and chat, which show no message themselves, whoever clicks
/// has also read it (delivery.md R10.13).
pub fn clicked(url: &str, kind: ChannelType) -> Change {
    let is_read = matches!(kind, ChannelType::Sms | ChannelType::Chat);
    let bit = |engagement| EngagementSet::EMPTY.with(engagement).bits();
    let mut set = vec![("clicked_at", bit(Engagement::LinkClicked))];
    set.extend(is_read.then(|| ("read_at", bit(Engagement::Read))));
    Change {
        set,
        also: None,
        first: is_read.then(|| MessageEventType::Read.code()),
        clear: Vec::new(),
        event: MessageEventType::LinkClicked.code(),
        event_data: Some(json!({"url": url}).to_string()),
    }
}

impl Action {
    /// An action by its name in paths; `archive` and `unarchive` are the bulk endpoint's own spelling (IA8.6).
    pub fn from_wire(name: &str) -> Option<Self> {
        Some(match name {
            "seen" => Self::Seen,
            "unseen" => Self::Unseen,
            "read" => Self::Read,
            "unread" => Self::Unread,
            "interacted" => Self::Interacted,
            "archived" | "archive" => Self::Archived,
            "unarchived" | "unarchive" => Self::Unarchived,
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clicks_read_where_nothing_else_does() {
        for kind in ChannelType::ALL {
            let change = clicked("https://a.io", kind);
            let reads = matches!(kind, ChannelType::Sms | ChannelType::Chat);
            assert_eq!(change.set.iter().any(|(name, _)| *name == "read_at"), reads, "{kind:?}");
            assert_eq!(change.first.is_some(), reads);
            assert_eq!(change.event_data.as_deref(), Some(r#"{"url":"https://a.io"}"#));
        }
    }

    #[test]
    fn no_action_implies_another_but_one() {
        for (action, set, clear, event) in [
            (Action::Seen, Some("seen_at"), None, "message.seen"),
            (Action::Unseen, None, Some("seen_at"), "message.unseen"),
            (Action::Read, Some("read_at"), None, "message.read"),
            (Action::Unread, None, Some("read_at"), "message.unread"),
            (Action::Interacted, Some("interacted_at"), None, "message.interacted"),
            (Action::Archived, Some("archived_at"), None, "message.archived"),
            (Action::Unarchived, None, Some("archived_at"), "message.unarchived"),
        ] {
            let change = change(action, None);
            assert_eq!(change.set.first().map(|(name, _)| *name), set, "{action:?}");
            assert_eq!(change.clear.first().map(|(name, _)| *name), clear, "{action:?}");
            assert_eq!(MessageEventType::from_code(change.event).map(MessageEventType::as_str), Some(event));
            assert_eq!(change.also.is_some(), action == Action::Interacted);
        }
    }
}
