//! Timestamps (7.5).

use serde_json::{Value, json};

use super::{NOW, ask};

#[test]
fn compares_instants() {
    let check = |x: Value, operator: &str, argument: Value, want: bool| {
        let data = json!({"x": x, "at": "2026-03-10", "name": "2026"});
        assert_eq!(ask(&data, "data.x", operator, argument.clone()), want, "{x} {operator} {argument}");
    };
    // R7.14; the second is the equal instant.
    check(json!("2026-03-15T00:00:00Z"), "is_timestamp_before", json!("7_days_from_now"), true);
    check(json!("2026-03-17T00:00:00Z"), "is_timestamp_before", json!("7_days_from_now"), false);
    check(json!("2026-03-17T00:00:00Z"), "is_timestamp_on_or_after", json!("7 days from now"), true);
    check(json!("soon"), "is_timestamp_before", json!("7_days_from_now"), false);
    check(json!("soon"), "is_timestamp_on_or_after", json!("7_days_from_now"), false);
    check(json!("2026-03-09T23:59:59Z"), "is_timestamp_before", json!("2026-03-10"), true);
    check(json!("2026-03-10T01:00:00+02:00"), "is_timestamp_before", json!("data.at"), true);
    check(json!("2026-03-10"), "is_timestamp_on_or_after", json!("{{ data.name }}-03-10"), true);
    check(json!("2026-03-10"), "is_timestamp_on_or_after", json!("never"), false);
    check(json!("2026-03-10"), "is_timestamp_between", json!(["2026-03-10", "data.at"]), true);
    check(json!("2026-03-11"), "is_timestamp_between", json!(["2026-03-09", "2026-03-10"]), false);
    check(json!("2026-03-10"), "is_timestamp_between", json!("[\"2026-03-09\",\"2026-03-10\"]"), true);
    check(json!("2026-03-10"), "is_timestamp_between", json!(["2026-03-09"]), false);
    check(json!("2026-03-09"), "is_timestamp_before_now", json!(null), true);
    check(json!(NOW), "is_timestamp_before_now", json!(null), false);
    check(json!(NOW), "is_timestamp_on_or_after_now", json!(null), true);
    check(json!(1), "is_timestamp_on_or_after_now", json!(null), false);
    check(json!("2026-03-10T01:00:00Z"), "is_timestamp_before_date", json!("2026-03-10T23:00:00Z"), false);
    check(
        json!("2026-03-10T01:00:00Z"),
        "is_timestamp_on_or_after_date",
        json!("2026-03-10T23:00:00Z"),
        true,
    );
    check(json!("2026-03-09T23:59:00Z"), "is_timestamp_before_date", json!("2026-03-10T23:00:00Z"), true);
    // The day is the UTC day.
    check(json!("2026-03-10T01:00:00+02:00"), "is_timestamp_before_date", json!("2026-03-10"), true);
    check(json!("2026-03-10"), "is_timestamp", json!(null), true);
    check(json!("tomorrow"), "is_timestamp", json!(null), false);
    check(json!(20_260_310), "is_not_timestamp", json!(null), true);
    // S21: relative timestamps under the orderings.
    check(json!("2026-03-12"), "less_than", json!("3_days_from_now"), true);
    check(json!("2026-03-14"), "less_than", json!("3_days_from_now"), false);
    check(json!("soon"), "greater_than", json!("3_days_ago"), false);
    check(json!("3_days_ago"), "equal_to", json!("3_days_ago"), true);
}
