use proptest::prelude::*;
use rrule::{RRuleSet, Tz};
use serde_json::json;

use super::*;
use crate::window::zone_named;

fn at(text: &str) -> Timestamp {
    Timestamp::parse(text).unwrap_or_else(|| panic!("{text} is no instant"))
}

fn rules(list: Value) -> Vec<RepeatRule> {
    let mut problems = Problems::default();
    let rules = parse_repeats(Some(&list), "repeats", &mut problems);
    problems.into_result(rules).unwrap_or_else(|problems| panic!("{list}: {problems:?}"))
}

fn recurring(list: Value, created_at: &str) -> Recurrence {
    Recurrence { rules: rules(list), scheduled_at: None, ending_at: None, created_at: at(created_at) }
}

/// The first occurrences, one after the other.
fn occurrences(recurrence: &Recurrence, now: &str, zone: &str, count: usize) -> Vec<String> {
    let zone = zone_named(zone);
    let first = recurrence.first(at(now), &zone);
    let all = std::iter::successors(first, |at| recurrence.next(*at, &zone));
    all.take(count).map(|at| at.to_string().replace(":00.000000Z", "Z")).collect()
}

#[test]
fn the_examples_of_the_page() {
    let check = |rule: Value, zone: &str, anchor: &str, want: &[&str]| {
        let recurrence = recurring(json!([rule]), anchor);
        assert_eq!(occurrences(&recurrence, anchor, zone, want.len()), want, "{rule} {zone} {anchor}");
    };
    let new_york = "America/New_York";
    check(
        json!({"frequency": "weekly", "days": ["mon"], "hours": 9}),
        new_york,
        "2026-03-04T12:00:00Z",
        &["2026-03-09T13:00Z"],
    );
    check(
        json!({"frequency": "daily", "days": "weekdays", "hours": 9, "minutes": 30}),
        "Etc/UTC",
        "2026-03-06T10:00:00Z",
        &["2026-03-09T09:30Z"],
    );
    check(
        json!({"frequency": "weekly", "interval": 2, "days": ["mon", "tue", "fri"], "hours": 18}),
        "Etc/UTC",
        "2026-03-04T00:00:00Z",
        &[
            "2026-03-06T18:00Z",
            "2026-03-16T18:00Z",
            "2026-03-17T18:00Z",
            "2026-03-20T18:00Z",
            "2026-03-30T18:00Z",
        ],
    );
    check(
        json!({"frequency": "monthly", "day_of_month": 31, "hours": 9}),
        "Etc/UTC",
        "2026-01-31T10:00:00Z",
        &["2026-02-28T09:00Z", "2026-03-31T09:00Z"],
    );
    check(
        json!({"frequency": "hourly", "interval": 6, "minutes": 15}),
        "Etc/UTC",
        "2026-03-04T01:00:00Z",
        &["2026-03-04T01:15Z", "2026-03-04T07:15Z", "2026-03-04T13:15Z", "2026-03-04T19:15Z"],
    );
    check(
        json!({"frequency": "daily", "hours": 2, "minutes": 30}),
        new_york,
        "2026-03-08T05:00:00Z",
        &["2026-03-08T07:30Z", "2026-03-09T06:30Z"],
    );
    check(
        json!({"frequency": "daily", "hours": 1, "minutes": 30}),
        new_york,
        "2026-11-01T04:00:00Z",
        &["2026-11-01T05:30Z", "2026-11-02T06:30Z"],
    );
}

#[test]
fn what_the_page_leaves_to_defaults() {
    let check = |rule: Value, zone: &str, anchor: &str, want: &[&str]| {
        let recurrence = recurring(json!([rule]), anchor);
        assert_eq!(occurrences(&recurrence, anchor, zone, want.len()), want, "{rule} {zone} {anchor}");
    };
    // Yearly (C22), on the last day of February too.
    check(
        json!({"frequency": "monthly", "interval": 12, "day_of_month": 31}),
        "Etc/UTC",
        "2027-02-03T00:00:00Z",
        &["2027-02-28T00:00Z", "2028-02-29T00:00Z", "2029-02-28T00:00Z"],
    );
    // The anchor's weekday is the local one: in Auckland it is Thursday already.
    check(
        json!({"frequency": "weekly", "hours": 8}),
        "Pacific/Auckland",
        "2026-03-04T12:00:00Z",
        &["2026-03-04T19:00Z", "2026-03-11T19:00Z"],
    );
    check(json!({"frequency": "monthly"}), "Etc/UTC", "2026-03-01T00:00:01Z", &["2026-04-01T00:00Z"]);
    // An hour that does not exist moves on top of the next one, which fires once; one that comes twice fires first.
    check(
        json!({"frequency": "hourly", "minutes": 15}),
        "America/New_York",
        "2026-03-08T06:00:00Z",
        &["2026-03-08T06:15Z", "2026-03-08T07:15Z", "2026-03-08T08:15Z"],
    );
    check(
        json!({"frequency": "hourly", "minutes": 15}),
        "America/New_York",
        "2026-11-01T05:00:00Z",
        &["2026-11-01T05:15Z", "2026-11-01T07:15Z", "2026-11-01T08:15Z"],
    );
    // A gap of half an hour, and a day that was skipped.
    check(
        json!({"frequency": "daily", "hours": 2, "minutes": 15}),
        "Australia/Lord_Howe",
        "2026-10-03T14:00:00Z",
        &["2026-10-03T15:45Z", "2026-10-04T15:15Z"],
    );
    check(
        json!({"frequency": "daily", "hours": 9}),
        "Pacific/Apia",
        "2011-12-29T12:00:00Z",
        &["2011-12-29T19:00Z", "2011-12-30T19:00Z", "2011-12-31T19:00Z"],
    );
    // Every seventh day from a Monday is never a Tuesday.
    let never =
        recurring(json!([{"frequency": "daily", "interval": 7, "days": ["tue"]}]), "2026-03-02T00:00:00Z");
    assert_eq!(never.first(at("2026-03-02T00:00:00Z"), &zone_named("Etc/UTC")), None);
}

#[test]
fn several_rules_are_one_row_of_instants() {
    let list = json!([
        {"frequency": "daily", "hours": 9},
        {"frequency": "weekly", "days": ["tue"], "hours": 9},
        {"frequency": "weekly", "days": ["tue"], "hours": 17},
    ]);
    let recurrence = recurring(list, "2026-03-02T10:00:00Z");
    assert_eq!(
        occurrences(&recurrence, "2026-03-02T10:00:00Z", "Etc/UTC", 3),
        ["2026-03-03T09:00Z", "2026-03-03T17:00Z", "2026-03-04T09:00Z"]
    );
}

#[test]
fn starts_and_ends() {
    let daily = || json!([{"frequency": "daily", "hours": 9}]);
    let check = |repeats: Value, start: Option<&str>, end: Option<&str>, want: &[&str]| {
        let recurrence = Recurrence {
            scheduled_at: start.map(at),
            ending_at: end.map(at),
            ..recurring(repeats, "2026-03-02T09:00:00Z")
        };
        let found = occurrences(&recurrence, "2026-03-02T09:00:00Z", "Etc/UTC", 2);
        assert_eq!(found, want, "{recurrence:?}");
    };
    // Now is not an occurrence, but a start is.
    check(daily(), None, None, &["2026-03-03T09:00Z", "2026-03-04T09:00Z"]);
    check(daily(), Some("2026-03-02T09:00:00Z"), None, &["2026-03-02T09:00Z", "2026-03-03T09:00Z"]);
    check(daily(), Some("2026-03-05T09:00:00Z"), None, &["2026-03-05T09:00Z", "2026-03-06T09:00Z"]);
    check(daily(), Some("2026-03-05T09:00:01Z"), None, &["2026-03-06T09:00Z", "2026-03-07T09:00Z"]);
    check(daily(), Some("2026-02-01T00:00:00Z"), None, &["2026-03-03T09:00Z", "2026-03-04T09:00Z"]);
    // An end counts itself.
    check(daily(), None, Some("2026-03-03T09:00:00Z"), &["2026-03-03T09:00Z"]);
    check(daily(), None, Some("2026-03-03T08:59:59Z"), &[]);
    // One-offs.
    check(json!([]), Some("2026-03-05T11:30:00Z"), None, &["2026-03-05T11:30Z"]);
    check(json!([]), Some("2026-01-05T11:30:00Z"), None, &["2026-03-02T09:00Z"]);
    check(json!([]), Some("2026-03-05T11:30:00Z"), Some("2026-03-05T11:30:00Z"), &["2026-03-05T11:30Z"]);
    check(json!([]), Some("2026-03-05T11:30:00Z"), Some("2026-03-05T11:00:00Z"), &[]);
    check(json!([]), None, None, &[]);
}

#[test]
fn what_was_missed_fires_once_and_not_past_the_end() {
    let mut recurrence = recurring(json!([{"frequency": "hourly"}]), "2026-03-02T09:30:00Z");
    let zone = zone_named("Etc/UTC");
    let due = recurrence.first(at("2026-03-02T09:30:00Z"), &zone).unwrap();
    assert_eq!(due, at("2026-03-02T10:00:00Z"));
    let up = at("2026-03-02T14:20:00Z");
    assert!(recurrence.may_fire(due, up));
    assert_eq!(recurrence.next(up, &zone), Some(at("2026-03-02T15:00:00Z")));
    recurrence.ending_at = Some(due);
    assert!(recurrence.may_fire(due, at("2026-03-02T10:00:04Z")));
    assert!(!recurrence.may_fire(due, up));
    assert_eq!(recurrence.next(up, &zone), None);
}

#[test]
fn the_anchor_counts_the_intervals_whenever_it_is_asked() {
    let rule = json!([{"frequency": "weekly", "interval": 3, "days": ["wed"], "hours": 7}]);
    let recurrence = recurring(rule, "2026-03-02T09:00:00Z");
    let zone = zone_named("Europe/Berlin");
    let all = std::iter::successors(recurrence.first(at("2026-03-02T09:00:00Z"), &zone), |at| {
        recurrence.next(*at, &zone)
    });
    for pair in all.take(50).collect::<Vec<_>>().windows(2) {
        // From any instant between two occurrences the next one is the same.
        for share in [0, 1, 3, 7] {
            let between = Timestamp(pair[0].0 + (pair[1].0 - pair[0].0) * share / 8);
            assert_eq!(recurrence.next(between, &zone), Some(pair[1]));
        }
    }
}

#[test]
fn refuses_malformed_rules_all_at_once() {
    let list = json!([
        "daily",
        {},
        {"frequency": "yearly", "interval": 0, "days": "mon", "hours": 24, "minutes": 7, "day_of_month": 32},
        {"frequency": "daily", "hours": "9"},
        {"__typename": "ScheduleRepeat", "frequency": "daily", "interval": null, "days": null, "hours": null,
         "minutes": null, "day_of_month": null},
    ]);
    let mut problems = Problems::default();
    assert_eq!(parse_repeats(Some(&list), "repeats", &mut problems).len(), 2);
    let fields: Vec<String> =
        problems.into_result(()).unwrap_err().into_iter().map(|problem| problem.field).collect();
    let want = [
        "repeats[0]",
        "repeats[1].frequency",
        "repeats[2].day_of_month",
        "repeats[2].days",
        "repeats[2].frequency",
        "repeats[2].hours",
        "repeats[2].interval",
        "repeats[2].minutes",
        "repeats[3].hours",
    ];
    assert_eq!(fields, want);
}

#[test]
fn rules_print_as_they_were_given() {
    let list =
        json!([{"frequency": "daily", "days": "weekends", "hours": 9}, {"frequency": "monthly", "days": []}]);
    let printed: Vec<Value> = rules(list).iter().map(RepeatRule::to_json).collect();
    let want = json!([
        {"__typename": "ScheduleRepeat", "frequency": "daily", "interval": 1, "days": ["sat", "sun"], "hours": 9,
         "minutes": null, "day_of_month": null},
        {"__typename": "ScheduleRepeat", "frequency": "monthly", "interval": 1, "days": null, "hours": null,
         "minutes": null, "day_of_month": null},
    ]);
    assert_eq!(json!(printed), want);
    assert_eq!(rules(want.clone()).iter().map(RepeatRule::to_json).collect::<Vec<_>>(), printed);
}

const DAYS: [&str; 7] = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"];

/// Zones with summer time in either half of the year, with odd offsets, and without any of it.
const ZONES: [&str; 8] = [
    "Etc/UTC",
    "America/New_York",
    "Europe/Berlin",
    "Australia/Lord_Howe",
    "America/Santiago",
    "Asia/Kathmandu",
    "Pacific/Auckland",
    "Asia/Tokyo",
];

/// The same rule as an iCalendar text for a wall clock that knows no zones.
fn as_ical(rule: &RepeatRule, start: jiff::civil::DateTime) -> String {
    let (hour, minute) = (rule.hour.unwrap_or(0), rule.minute.unwrap_or(0));
    let days = |list: &[&str]| format!("BYDAY={}", list.join(","));
    let named = rule.days.map(|days| days.names().map(|name| name[..2].to_uppercase()).collect::<Vec<_>>());
    let named: Option<Vec<&str>> =
        named.as_ref().map(|list| DAYS.into_iter().filter(|day| list.iter().any(|n| n == day)).collect());
    let (frequency, by) = match rule.frequency {
        crate::window::Frequency::Hourly => ("HOURLY", format!("BYMINUTE={minute}")),
        crate::window::Frequency::Daily => {
            let by_day = named.map_or(String::new(), |list| format!("{};", days(&list)));
            ("DAILY", format!("{by_day}BYHOUR={hour};BYMINUTE={minute}"))
        }
        crate::window::Frequency::Weekly => {
            let weekday = DAYS[start.date().weekday().to_monday_zero_offset() as usize];
            let list = named.unwrap_or_else(|| vec![weekday]);
            ("WEEKLY", format!("WKST=MO;{};BYHOUR={hour};BYMINUTE={minute}", days(&list)))
        }
        crate::window::Frequency::Monthly => {
            let wanted = rule.day_of_month.unwrap_or(1);
            // The last of the days that a month has.
            let list = (wanted.min(28)..=wanted).map(|day| day.to_string()).collect::<Vec<_>>().join(",");
            ("MONTHLY", format!("BYMONTHDAY={list};BYSETPOS=-1;BYHOUR={hour};BYMINUTE={minute}"))
        }
    };
    format!(
        "DTSTART:{}\nRRULE:FREQ={frequency};INTERVAL={};{by};BYSECOND=0;COUNT=1000",
        start.strftime("%Y%m%dT%H%M%SZ"),
        rule.interval
    )
}

fn some_rule() -> impl Strategy<Value = Value> {
    let days = prop::option::of(prop::sample::subsequence(
        vec!["mon", "tue", "wed", "thu", "fri", "sat", "sun"],
        1..=7,
    ));
    let frequency = prop::sample::select(vec!["hourly", "daily", "weekly", "monthly"]);
    let hours = prop::option::of(0..24i64);
    let minutes = prop::option::of(0..12i64);
    (frequency, 1..=9i64, days, hours, minutes, prop::option::of(1..=31i64)).prop_map(
        |(frequency, interval, days, hours, minutes, day_of_month)| {
            // Every seventh day may never be one of the wanted ones, which the other library cannot say.
            let interval = if interval == 7 && frequency == "daily" { 6 } else { interval };
            json!({"frequency": frequency, "interval": interval, "days": days, "hours": hours,
                "minutes": minutes.map(|n| n * 5), "day_of_month": day_of_month})
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, ..ProptestConfig::default() })]

    /// The wall clock times are another library's; so are the instants, as long as its zones reach.
    #[test]
    fn a_thousand_occurrences_agree_with_another_library(
        value in some_rule(),
        zone in prop::sample::select(ZONES.to_vec()),
        seconds in 1_577_836_800i64..1_893_456_000,
    ) {
        let rule = rules(json!([value])).remove(0);
        let tz = zone_named(zone);
        let created_at = Timestamp(seconds * 1_000_000);
        let start = crate::window::local_of(created_at, &tz);
        let text = as_ical(&rule, start);
        let set: RRuleSet = text.parse().map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        let wall = set.all(1_000).dates;
        let theirs = Tz::Tz(zone.parse().map_err(|_| TestCaseError::fail(zone))?);
        let mut want: Vec<i64> = Vec::new();
        for local in wall {
            let naive = local.naive_utc();
            if naive.and_utc().timestamp() > 2_145_916_800 {
                // The other library's zones end in 2037.
                break;
            }
            want.push(instant(&theirs, naive) * 1_000_000);
        }
        want.sort_unstable();
        want.dedup();
        // A start inside the hour that comes twice may lie after that hour's first times.
        want.retain(|at| *at >= created_at.0);
        let recurrence =
            Recurrence { rules: vec![rule], scheduled_at: Some(created_at), ending_at: None, created_at };
        let first = recurrence.first(created_at, &tz);
        let ours: Vec<i64> = std::iter::successors(first, |at| recurrence.next(*at, &tz))
            .take(want.len())
            .map(|at| at.0)
            .collect();
        prop_assert_eq!(ours, want, "{} in {}", text, zone);
    }
}

/// The first instant at which that zone's wall clock shows `naive`; later by the gap when it never does.
fn instant(zone: &Tz, naive: chrono::NaiveDateTime) -> i64 {
    use chrono::{Duration, Offset, TimeZone as _};
    match zone.from_local_datetime(&naive).earliest() {
        Some(at) => at.timestamp(),
        None => {
            let before = zone.offset_from_utc_datetime(&(naive - Duration::hours(15)));
            naive.and_utc().timestamp() - i64::from(before.fix().local_minus_utc())
        }
    }
}
