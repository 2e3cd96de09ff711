//! Operators on plain values, and where the two sides come from (7.2 and 7.3).

use serde_json::{Value, json};

use super::ask;

#[test]
fn compares_as_the_page_says() {
    let check = |data: Value, operator: &str, argument: Value, want: bool| {
        assert_eq!(ask(&data, "data.x", operator, argument.clone()), want, "{data} {operator} {argument}");
    };
    let x = |value: Value| json!({ "x": value });
    let none = || json!({});
    // R7.6
    check(none(), "equal_to", json!(""), true);
    check(none(), "equal_to", json!(null), false);
    check(x(json!(null)), "equal_to", json!(null), true);
    check(x(json!(null)), "equal_to", json!("null"), true);
    check(none(), "not_equal_to", json!("a"), true);
    check(none(), "equal_to", json!("data.b"), true);
    check(x(json!(5)), "equal_to", json!("5"), true);
    check(x(json!("5")), "equal_to", json!("5"), false);
    check(x(json!("5")), "equal_to", json!("\"5\""), true);
    check(x(json!(1)), "equal_to", json!("1.0"), true);
    // R7.4
    check(x(json!(true)), "equal_to", json!("true"), true);
    check(x(json!(["a"])), "equal_to", json!("[\"a\"]"), true);
    check(x(json!("pro")), "equal_to", json!("pro"), true);
    check(x(json!("data.x")), "equal_to", json!("\"data.x\""), true);
    check(x(json!("data.x")), "equal_to", json!("data.x"), true);
    check(x(json!({"a": [1]})), "equal_to", json!({"a": [1.0]}), true);
    check(json!({"x": "ann", "name": "ann"}), "equal_to", json!("{{ data.name }}"), true);
    check(json!({"x": 12, "name": "2"}), "equal_to", json!("1{{ data.name }}"), true);
    check(json!({"x": "12", "name": "2"}), "equal_to", json!("1{{ data.name }}"), false);
    check(json!({"x": "", "name": "2"}), "equal_to", json!("{{ oops }}"), true);
    check(json!({"x": "b", "list": ["a", "b"]}), "equal_to", json!("data.list.1"), true);
    // R7.8 and orderings
    check(x(json!("Pro")), "equal_to", json!("pro"), false);
    check(none(), "greater_than", json!(5), false);
    check(x(json!(6)), "greater_than", json!("5"), true);
    check(x(json!("6")), "greater_than", json!(5), false);
    check(x(json!("b")), "greater_than", json!("a"), true);
    check(x(json!(5)), "greater_than_or_equal_to", json!(5.0), true);
    check(x(json!(5)), "less_than", json!(5), false);
    check(x(json!(4.5)), "less_than", json!(5), true);
    check(x(json!(5)), "less_than_or_equal_to", json!(5), true);
    check(x(json!(true)), "less_than", json!(true), false);
    check(x(json!(null)), "less_than_or_equal_to", json!(null), false);
    // contains
    check(x(json!("data platform team")), "contains", json!("platform"), true);
    check(x(json!(["eu", "us"])), "contains", json!("eu"), true);
    check(x(json!("eu")), "contains", json!(["eu", "apac"]), true);
    check(x(json!(["a", "b"])), "contains", json!(["b", "z"]), true);
    check(x(json!(["a", "b"])), "contains_all", json!(["b", "z"]), false);
    check(x(json!(["a", "b"])), "contains_all", json!("[\"b\"]"), true);
    check(x(json!(["read"])), "not_contains_all", json!(["read", "write"]), true);
    check(x(json!("a")), "contains", json!(""), true);
    check(x(json!(["platform team"])), "contains", json!("platform"), false);
    check(x(json!(15)), "contains", json!(5), false);
    check(x(json!(15)), "not_contains", json!(5), true);
    check(x(json!("a")), "contains_all", json!(["a"]), false);
    check(x(json!("a")), "not_contains_all", json!(["a"]), true);
    // empty, exists
    for (value, empty, exists) in [
        (Some(json!("")), true, true),
        (Some(json!(null)), true, false),
        (Some(json!([])), true, true),
        (None, true, false),
        (Some(json!(0)), false, true),
        (Some(json!(false)), false, true),
        (Some(json!({})), false, true),
    ] {
        let data = value.map_or_else(none, x);
        check(data.clone(), "empty", json!(null), empty);
        check(data.clone(), "not_empty", json!(null), !empty);
        check(data.clone(), "exists", json!(null), exists);
        check(data, "not_exists", json!(null), !exists);
    }
    // is_between
    check(x(json!(1)), "is_between", json!([1, 3]), true);
    check(x(json!(3)), "is_between", json!("[1, 3]"), true);
    check(x(json!(4)), "is_between", json!([1, 3]), false);
    check(x(json!("2")), "is_between", json!([1, 3]), false);
}

#[test]
fn reads_other_roots_and_static_variables() {
    assert!(ask(&json!({}), "recipient.id", "not_equal_to", json!("actor.id")));
    assert!(ask(&json!({}), "vars.flag", "equal_to", json!("true")));
    assert!(ask(&json!({}), "5", "equal_to", json!(5)));
    assert!(ask(&json!({}), "pro", "equal_to", json!("pro")));
    assert!(ask(&json!({}), "event.name", "not_exists", json!(null)));
}

#[test]
fn asks_audiences() {
    let check = |variable: &str, operator: &str, argument: &str, want: bool| {
        let data = json!({"name": "beta"});
        assert_eq!(ask(&data, variable, operator, json!(argument)), want, "{variable} {operator} {argument}");
    };
    check("recipient", "is_audience_member", "beta", true);
    check("recipient.id", "is_audience_member", "{{ data.name }}", true);
    check("recipient", "is_audience_member", "123", false);
    check("recipient", "is_not_audience_member", "nobody", true);
    check("recipient", "is_not_audience_member", "beta", false);
}
