//! How far a message came: its one delivery status and its set of engagements (delivery.md sections 2 and 3).

use serde::{Serialize, Serializer};

/// How far delivery came. Variants stand in the order of their rank, which serves comparisons only and never
/// decides a transition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeliveryStatus {
    /// Failed for good; nobody retries.
    Undelivered,
    /// The provider dropped it because of the address.
    Bounced,
    /// An attempt failed; another may follow.
    DeliveryAttempted,
    /// Waits for an attempt or for its send window.
    Queued,
    /// Kept by the sandbox; final.
    NotSent,
    /// The provider accepted it.
    Sent,
    /// Confirmed to have reached the recipient's side.
    Delivered,
}

impl DeliveryStatus {
    /// Every status, lowest rank first.
    pub const ALL: [DeliveryStatus; 7] = [
        Self::Undelivered,
        Self::Bounced,
        Self::DeliveryAttempted,
        Self::Queued,
        Self::NotSent,
        Self::Sent,
        Self::Delivered,
    ];

    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Undelivered => "undelivered",
            Self::Bounced => "bounced",
            Self::DeliveryAttempted => "delivery_attempted",
            Self::Queued => "queued",
            Self::NotSent => "not_sent",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
        }
    }

    /// Reads a wire name.
    pub fn from_wire(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.as_str() == name)
    }

    /// Rank 1 to 7; 0 is left for a step that made no message.
    pub const fn rank(self) -> u8 {
        self as u8 + 1
    }

    /// The number kept in the store; it is the rank, so a column of them sorts sensibly.
    pub const fn code(self) -> i64 {
        self.rank() as i64
    }

    /// Reads a stored number.
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.code() == code)
    }
}

impl Serialize for DeliveryStatus {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// One thing a recipient did with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Engagement {
    /// Was shown.
    Seen,
    /// Was opened.
    Read,
    /// Was clicked or tapped.
    Interacted,
    /// A tracked link in it was followed.
    LinkClicked,
    /// Was put away.
    Archived,
}

impl Engagement {
    /// Every engagement, in the order in which the wire lists them.
    pub const ALL: [Engagement; 5] =
        [Self::Seen, Self::Read, Self::Interacted, Self::LinkClicked, Self::Archived];

    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seen => "seen",
            Self::Read => "read",
            Self::Interacted => "interacted",
            Self::LinkClicked => "link_clicked",
            Self::Archived => "archived",
        }
    }

    /// Reads a wire name.
    pub fn from_wire(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|engagement| engagement.as_str() == name)
    }

    /// Rank 8 to 11, above every delivery status (workflows.md R7.9).
    pub const fn rank(self) -> u8 {
        match self {
            Self::Seen => 8,
            Self::Read => 9,
            Self::Interacted | Self::LinkClicked => 10,
            Self::Archived => 11,
        }
    }

    const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// The engagements of one message. A set, not a ladder: a message can be read without having been seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct EngagementSet(u8);

impl EngagementSet {
    /// Nothing happened yet.
    pub const EMPTY: EngagementSet = EngagementSet(0);

    /// The same set with `engagement` in it.
    #[must_use]
    pub const fn with(self, engagement: Engagement) -> Self {
        Self(self.0 | engagement.bit())
    }

    /// The same set with `engagement` taken out.
    #[must_use]
    pub const fn without(self, engagement: Engagement) -> Self {
        Self(self.0 & !engagement.bit())
    }

    /// True when `engagement` is in the set.
    pub const fn contains(self, engagement: Engagement) -> bool {
        self.0 & engagement.bit() != 0
    }

    /// True when nothing happened yet.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The members, in wire order.
    pub fn iter(self) -> impl Iterator<Item = Engagement> {
        Engagement::ALL.into_iter().filter(move |engagement| self.contains(*engagement))
    }

    /// Rank of the highest member, 0 when empty.
    pub fn rank(self) -> u8 {
        self.iter().map(Engagement::rank).max().unwrap_or(0)
    }

    /// The number kept in the store.
    pub const fn bits(self) -> i64 {
        self.0 as i64
    }

    /// Reads a stored number; bits without a meaning are dropped.
    pub const fn from_bits(bits: i64) -> Self {
        Self((bits & 0b1_1111) as u8)
    }
}

impl FromIterator<Engagement> for EngagementSet {
    fn from_iter<I: IntoIterator<Item = Engagement>>(members: I) -> Self {
        members.into_iter().fold(Self::EMPTY, Self::with)
    }
}

impl Serialize for EngagementSet {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.iter().map(Engagement::as_str))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_numbers_survive_the_round_trip() {
        for status in DeliveryStatus::ALL {
            assert_eq!(DeliveryStatus::from_wire(status.as_str()), Some(status));
            assert_eq!(DeliveryStatus::from_code(status.code()), Some(status));
        }
        assert_eq!(DeliveryStatus::from_code(0), None);
        for bits in 0..32 {
            let set = EngagementSet::from_bits(bits);
            assert_eq!(set.bits(), bits);
            assert_eq!(set.iter().collect::<EngagementSet>(), set);
        }
        assert_eq!(EngagementSet::from_bits(-1).bits(), 31);
    }

    #[test]
    fn engagements_print_in_wire_order() {
        let set: EngagementSet =
            [Engagement::Archived, Engagement::Seen, Engagement::LinkClicked].into_iter().collect();
        assert_eq!(serde_json::to_string(&set).unwrap(), r#"["seen","link_clicked","archived"]"#);
        assert_eq!((set.rank(), set.without(Engagement::Archived).rank()), (11, 10));
        assert!(EngagementSet::EMPTY.is_empty() && EngagementSet::EMPTY.rank() == 0);
    }
}
