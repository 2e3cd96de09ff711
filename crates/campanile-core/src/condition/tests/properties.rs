//! What holds for every value.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{ask, parse, verdict_with};
use crate::condition::Operator;

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-c]{0,2}|data\\.[xy]|\\{\\{ data.name \\}\\}|[1-9]_days_ago|2026-0[1-9]-1[0-9]|\\PC{0,8}"
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(2, 8, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..3).prop_map(Value::from),
            proptest::collection::btree_map("[a-c]", inner, 0..3)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn negations_negate_and_nothing_panics(x in any_json(), argument in any_json()) {
        for (operator, negated) in [
            ("equal_to", "not_equal_to"),
            ("contains", "not_contains"),
            ("contains_all", "not_contains_all"),
            ("empty", "not_empty"),
            ("exists", "not_exists"),
            ("is_timestamp", "is_not_timestamp"),
        ] {
            for data in [json!({"x": x, "y": 1, "name": "n"}), json!({})] {
                let holds = ask(&data, "data.x", operator, argument.clone());
                prop_assert_eq!(holds, !ask(&data, "data.x", negated, argument.clone()), "{} {}", operator, data);
            }
        }
    }

    #[test]
    fn every_operator_answers(x in any_json(), argument in any_json(), stray in any_json()) {
        for operator in Operator::ALL {
            let one = json!({"variable": "recipient.x", "operator": operator.as_str(), "argument": argument});
            let document = json!({"any": [one, {"all": [one]}]});
            if let Ok(Some(_)) = parse(&document) {
                verdict_with(&json!({"recipient": {"x": x}, "data": {"x": x}}), &document, &());
            }
        }
        let _ = parse(&json!({"all": stray, "any": x}));
        let _ = parse(&stray);
    }
}
