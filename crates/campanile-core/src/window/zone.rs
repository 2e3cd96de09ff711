//! Wall clocks of time zones.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

use crate::time::Timestamp;

/// The zone of that name; UTC when nobody knows it (workflows.md R6.4).
pub fn zone_named(name: &str) -> TimeZone {
    TimeZone::get(name).unwrap_or(TimeZone::UTC)
}

/// True for a name of the zone database.
pub fn is_zone(name: &str) -> bool {
    TimeZone::get(name).is_ok()
}

/// The instant at which the wall clock shows `local`: later by the gap when it never does, the first time when it
/// does twice (R22.9).
pub(crate) fn instant_of(local: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(local).compatible().ok().map(Timestamp::from)
}

/// What the wall clock shows.
pub(crate) fn local_of(at: Timestamp, zone: &TimeZone) -> DateTime {
    zone.to_datetime(at.to_jiff())
}

/// A date and the days after it, as far as the calendar goes.
pub(super) fn days_from(date: Date) -> impl Iterator<Item = Date> {
    std::iter::successors(Some(date), |date| date.tomorrow().ok())
}
