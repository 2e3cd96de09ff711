//! What happens to a message, as its event log names it (delivery.md section 4).

use serde::{Serialize, Serializer};

use crate::message::{DeliveryStatus, Engagement};

/// The type of a message event. The numbers are stored: never renumber, only add.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageEventType {
    /// A channel step rendered it.
    Created = 1,
    /// It waits for an attempt.
    Queued = 2,
    /// The sandbox kept it.
    NotSent = 3,
    /// The provider accepted it.
    Sent = 4,
    /// It reached the recipient's side.
    Delivered = 5,
    /// An attempt failed.
    DeliveryAttempted = 6,
    /// It failed for good.
    Undelivered = 7,
    /// The address was refused.
    Bounced = 8,
    /// Was shown.
    Seen = 9,
    /// Showing was undone.
    Unseen = 10,
    /// Was opened.
    Read = 11,
    /// Opening was undone.
    Unread = 12,
    /// Was put away.
    Archived = 13,
    /// Putting away was undone.
    Unarchived = 14,
    /// Was clicked or tapped.
    Interacted = 15,
    /// A tracked link in it was followed.
    LinkClicked = 16,
}

impl MessageEventType {
    /// All 16 (R4.1), in the order of their numbers.
    pub const ALL: [MessageEventType; 16] = [
        Self::Created,
        Self::Queued,
        Self::NotSent,
        Self::Sent,
        Self::Delivered,
        Self::DeliveryAttempted,
        Self::Undelivered,
        Self::Bounced,
        Self::Seen,
        Self::Unseen,
        Self::Read,
        Self::Unread,
        Self::Archived,
        Self::Unarchived,
        Self::Interacted,
        Self::LinkClicked,
    ];

    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Created => "message.created",
            Self::Queued => "message.queued",
            Self::NotSent => "message.not_sent",
            Self::Sent => "message.sent",
            Self::Delivered => "message.delivered",
            Self::DeliveryAttempted => "message.delivery_attempted",
            Self::Undelivered => "message.undelivered",
            Self::Bounced => "message.bounced",
            Self::Seen => "message.seen",
            Self::Unseen => "message.unseen",
            Self::Read => "message.read",
            Self::Unread => "message.unread",
            Self::Archived => "message.archived",
            Self::Unarchived => "message.unarchived",
            Self::Interacted => "message.interacted",
            Self::LinkClicked => "message.link_clicked",
        }
    }

    /// Reads a wire name.
    pub fn from_wire(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.as_str() == name)
    }

    /// The number kept in the store.
    pub const fn code(self) -> i64 {
        self as i64
    }

    /// Reads a stored number.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|event| event.code() == code)
    }

    /// False for the three that outbound webhooks cannot subscribe (R4.1).
    pub const fn is_subscribable(self) -> bool {
        !matches!(self, Self::Created | Self::Queued | Self::NotSent)
    }
}

impl From<DeliveryStatus> for MessageEventType {
    fn from(status: DeliveryStatus) -> Self {
        match status {
            DeliveryStatus::Undelivered => Self::Undelivered,
            DeliveryStatus::Bounced => Self::Bounced,
            DeliveryStatus::DeliveryAttempted => Self::DeliveryAttempted,
            DeliveryStatus::Queued => Self::Queued,
            DeliveryStatus::NotSent => Self::NotSent,
            DeliveryStatus::Sent => Self::Sent,
            DeliveryStatus::Delivered => Self::Delivered,
        }
    }
}

impl From<Engagement> for MessageEventType {
    fn from(engagement: Engagement) -> Self {
        match engagement {
            Engagement::Seen => Self::Seen,
            Engagement::Read => Self::Read,
            Engagement::Interacted => Self::Interacted,
            Engagement::LinkClicked => Self::LinkClicked,
            Engagement::Archived => Self::Archived,
        }
    }
}

impl Serialize for MessageEventType {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_survive_the_round_trip() {
        for (n, event) in MessageEventType::ALL.into_iter().enumerate() {
            assert_eq!(event.code(), n as i64 + 1);
            assert_eq!(MessageEventType::from_code(event.code()), Some(event));
            assert_eq!(MessageEventType::from_wire(event.as_str()), Some(event));
        }
        assert_eq!(MessageEventType::from_code(0), None);
        assert_eq!(MessageEventType::ALL.into_iter().filter(|event| event.is_subscribable()).count(), 13);
    }

    #[test]
    fn statuses_name_their_events() {
        for status in DeliveryStatus::ALL {
            assert_eq!(MessageEventType::from(status).as_str(), format!("message.{}", status.as_str()));
        }
        for engagement in Engagement::ALL {
            assert_eq!(
                MessageEventType::from(engagement).as_str(),
                format!("message.{}", engagement.as_str())
            );
        }
    }
}
