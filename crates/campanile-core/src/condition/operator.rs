//! The operators a condition can name (workflows.md 7.3).

/// What a condition asks of its variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operator {
    /// Deep JSON equality.
    EqualTo,
    /// Negation of [`Operator::EqualTo`].
    NotEqualTo,
    /// Both numbers or both texts.
    GreaterThan,
    /// Both numbers or both texts.
    LessThan,
    /// Both numbers or both texts.
    GreaterThanOrEqualTo,
    /// Both numbers or both texts.
    LessThanOrEqualTo,
    /// Text in text, or membership with the list on either side.
    Contains,
    /// Negation of [`Operator::Contains`].
    NotContains,
    /// Every item of the argument is in the variable.
    ContainsAll,
    /// Negation of [`Operator::ContainsAll`].
    NotContainsAll,
    /// Blank text, null, empty list or absent.
    Empty,
    /// Negation of [`Operator::Empty`].
    NotEmpty,
    /// Present and not null.
    Exists,
    /// Negation of [`Operator::Exists`].
    NotExists,
    /// Reads as an ISO 8601 date or datetime.
    IsTimestamp,
    /// Negation of [`Operator::IsTimestamp`].
    IsNotTimestamp,
    /// Earlier than the argument.
    IsTimestampBefore,
    /// At the argument or later.
    IsTimestampOnOrAfter,
    /// Between two instants, both included.
    IsTimestampBetween,
    /// In the past.
    IsTimestampBeforeNow,
    /// Now or in the future.
    IsTimestampOnOrAfterNow,
    /// On an earlier UTC day than the argument.
    IsTimestampBeforeDate,
    /// On the UTC day of the argument or a later one.
    IsTimestampOnOrAfterDate,
    /// Between two numbers, both included.
    IsBetween,
    /// The recipient belongs to the audience under the run's tenant.
    IsAudienceMember,
    /// Negation of [`Operator::IsAudienceMember`].
    IsNotAudienceMember,
}

/// Only for the rules of channel groups, which this version does not have.
pub(super) const CHANNEL_GROUP_ONLY: &str = "is_in_random_cohort";

impl Operator {
    /// Every operator, in the order of the page.
    pub const ALL: [Operator; 26] = [
        Self::EqualTo,
        Self::NotEqualTo,
        Self::GreaterThan,
        Self::LessThan,
        Self::GreaterThanOrEqualTo,
        Self::LessThanOrEqualTo,
        Self::Contains,
        Self::NotContains,
        Self::ContainsAll,
        Self::NotContainsAll,
        Self::Empty,
        Self::NotEmpty,
        Self::Exists,
        Self::NotExists,
        Self::IsTimestamp,
        Self::IsNotTimestamp,
        Self::IsTimestampBefore,
        Self::IsTimestampOnOrAfter,
        Self::IsTimestampBetween,
        Self::IsTimestampBeforeNow,
        Self::IsTimestampOnOrAfterNow,
        Self::IsTimestampBeforeDate,
        Self::IsTimestampOnOrAfterDate,
        Self::IsBetween,
        Self::IsAudienceMember,
        Self::IsNotAudienceMember,
    ];

    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EqualTo => "equal_to",
            Self::NotEqualTo => "not_equal_to",
            Self::GreaterThan => "greater_than",
            Self::LessThan => "less_than",
            Self::GreaterThanOrEqualTo => "greater_than_or_equal_to",
            Self::LessThanOrEqualTo => "less_than_or_equal_to",
            Self::Contains => "contains",
            Self::NotContains => "not_contains",
            Self::ContainsAll => "contains_all",
            Self::NotContainsAll => "not_contains_all",
            Self::Empty => "empty",
            Self::NotEmpty => "not_empty",
            Self::Exists => "exists",
            Self::NotExists => "not_exists",
            Self::IsTimestamp => "is_timestamp",
            Self::IsNotTimestamp => "is_not_timestamp",
            Self::IsTimestampBefore => "is_timestamp_before",
            Self::IsTimestampOnOrAfter => "is_timestamp_on_or_after",
            Self::IsTimestampBetween => "is_timestamp_between",
            Self::IsTimestampBeforeNow => "is_timestamp_before_now",
            Self::IsTimestampOnOrAfterNow => "is_timestamp_on_or_after_now",
            Self::IsTimestampBeforeDate => "is_timestamp_before_date",
            Self::IsTimestampOnOrAfterDate => "is_timestamp_on_or_after_date",
            Self::IsBetween => "is_between",
            Self::IsAudienceMember => "is_audience_member",
            Self::IsNotAudienceMember => "is_not_audience_member",
        }
    }

    /// Reads a wire name.
    pub fn from_wire(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|operator| operator.as_str() == name)
    }

    /// True when an argument, if there is one, is not looked at.
    pub(super) const fn ignores_argument(self) -> bool {
        matches!(
            self,
            Self::Empty
                | Self::NotEmpty
                | Self::Exists
                | Self::NotExists
                | Self::IsTimestamp
                | Self::IsNotTimestamp
                | Self::IsTimestampBeforeNow
                | Self::IsTimestampOnOrAfterNow
        )
    }

    /// True for the operators that tell an absent value from an empty text (R7.6).
    pub(super) const fn sees_absence(self) -> bool {
        matches!(self, Self::Empty | Self::NotEmpty | Self::Exists | Self::NotExists)
    }

    /// True when the argument is an instant (R7.14).
    pub(super) const fn takes_instant(self) -> bool {
        matches!(
            self,
            Self::IsTimestampBefore
                | Self::IsTimestampOnOrAfter
                | Self::IsTimestampBeforeDate
                | Self::IsTimestampOnOrAfterDate
        )
    }

    /// True for the four orderings, which also take a relative timestamp (S21).
    pub(super) const fn is_ordering(self) -> bool {
        matches!(
            self,
            Self::GreaterThan | Self::LessThan | Self::GreaterThanOrEqualTo | Self::LessThanOrEqualTo
        )
    }

    /// True when the argument is the key of an audience.
    pub(super) const fn asks_audience(self) -> bool {
        matches!(self, Self::IsAudienceMember | Self::IsNotAudienceMember)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_distinct_and_read_back() {
        for operator in Operator::ALL {
            assert_eq!(Operator::from_wire(operator.as_str()), Some(operator));
        }
        assert_eq!(Operator::from_wire("like"), None);
    }
}
