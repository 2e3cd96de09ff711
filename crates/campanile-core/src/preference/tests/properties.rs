//! What holds for all sets.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::decisions::context;
use super::map;
use crate::preference::{Asked, Change, PreferenceSet, Sources, Strategy as Way, resolve};
use crate::problem::Problems;

const CHANNEL: &str = "11111111-1111-4111-8111-111111111111";

fn object(entries: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let parts: Vec<_> =
        entries.into_iter().map(|(key, value)| (Just(key), proptest::option::of(value))).collect();
    parts
        .prop_map(|parts| {
            parts.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect::<Map<_, _>>()
        })
        .prop_map(Value::Object)
        .boxed()
}

fn conditions() -> BoxedStrategy<Value> {
    prop_oneof![
        Just(json!([])),
        Just(json!([{"variable": "data.yes", "operator": "exists", "argument": null}])),
        Just(json!([{"variable": "data.no", "operator": "exists", "argument": null}])),
    ]
    .boxed()
}

fn marker() -> BoxedStrategy<Value> {
    prop_oneof![Just(json!("merge")), Just(json!("replace"))].boxed()
}

fn leaf() -> BoxedStrategy<Value> {
    let leaf = (proptest::option::of(marker()), conditions()).prop_map(|(marker, list)| match marker {
        Some(marker) => json!({"conditions": list, "__strategy__": marker}),
        None => json!({"conditions": list}),
    });
    prop_oneof![any::<bool>().prop_map(Value::Bool), leaf].boxed()
}

fn types() -> BoxedStrategy<Value> {
    object(vec![("email", leaf()), ("sms", leaf()), ("__strategy__", marker())])
}

fn channels() -> BoxedStrategy<Value> {
    object(vec![(CHANNEL, leaf()), ("__strategy__", marker())])
}

fn node() -> BoxedStrategy<Value> {
    let settings = object(vec![
        ("channel_types", types()),
        ("channels", channels()),
        ("conditions", conditions()),
        ("__strategy__", marker()),
    ]);
    prop_oneof![any::<bool>().prop_map(Value::Bool), settings].boxed()
}

fn nodes() -> BoxedStrategy<Value> {
    object(vec![("a", node()), ("b", node()), ("__strategy__", marker())])
}

fn set() -> BoxedStrategy<Value> {
    object(vec![
        ("channel_types", types()),
        ("channels", channels()),
        ("workflows", nodes()),
        ("categories", nodes()),
        ("commercial_subscribed", leaf()),
    ])
}

fn without_merge_markers(value: Value) -> Value {
    match value {
        Value::Object(map) => map
            .into_iter()
            .filter(|(key, value)| !(key == "__strategy__" && value == "merge"))
            .map(|(key, value)| (key, without_merge_markers(value)))
            .collect(),
        other => other,
    }
}

proptest! {
    #[test]
    fn a_set_over_itself_is_itself(set in set()) {
        let plain = without_merge_markers(set);
        prop_assert_eq!(resolve(Some(&plain), Some(&plain)), plain);
    }

    #[test]
    fn nothing_adds_nothing(set in set()) {
        prop_assert_eq!(resolve(Some(&set), None), set.clone());
        prop_assert_eq!(resolve(None, Some(&set)), set.clone());
        prop_assert_eq!(resolve(Some(&Value::Null), Some(&set)), set);
    }

    /// Looking into three layers at once finds what merging them first would have found.
    #[test]
    fn layers_need_not_be_merged_to_be_asked(own in set(), tenant in set(), environment in set(), is_commercial: bool) {
        let merged = resolve(Some(&own), Some(&resolve(Some(&tenant), Some(&environment))));
        let [own, tenant, environment] = [own, tenant, environment].map(|set| PreferenceSet::shared(map(set)));
        let layered = Sources {
            recipient_tenant: Some(&own),
            tenant: Some(&tenant),
            environment: Some(&environment),
            recipient: None,
        };
        // Without a section of its own a set is no layer (S2), which merging does not know.
        prop_assume!(own.exists() && tenant.exists());
        let flat = PreferenceSet::new(map(merged.clone()));
        let single = Sources { recipient: Some(&flat), ..Sources::default() };
        let categories = ["a".to_owned(), "b".to_owned()];
        let scope = json!({"data": {"yes": 1}});
        for channel_type in ["email", "sms", "push"] {
            let asked = Asked {
                workflow: "a", categories: &categories, is_commercial: false, overrides: false,
                channel: CHANNEL, channel_type,
            };
            let (left, right) = (layered.decide(&asked, &context(&scope)), single.decide(&asked, &context(&scope)));
            prop_assert_eq!(left.is_blocked, right.is_blocked);
            let said = |decision: &crate::preference::Decision| {
                decision.opinions.iter().map(|o| (o.key.clone(), o.outcome)).collect::<Vec<_>>()
            };
            prop_assert_eq!(said(&left), said(&right));
            // An override lets everything through that is not commercial.
            let overriding = Asked { overrides: true, is_commercial, ..asked };
            prop_assert!(is_commercial || !layered.decide(&overriding, &context(&scope)).is_blocked);
        }
        prop_assert_eq!(layered.resolved(), merged);
    }

    #[test]
    fn writing_twice_changes_nothing_more(stored in set(), written in set(), merges: bool) {
        let way = if merges { Way::Merge } else { Way::Replace };
        let mut problems = Problems::default();
        let change = Change::parse(&written, way, "", &mut problems).expect("every set here is sound");
        let once = change.apply(Some(&map(stored)));
        prop_assert_eq!(change.apply(Some(&once)), once.clone());
        // What is stored can be written again as it is.
        let again = Change::parse(&Value::Object(once.clone()), Way::Replace, "", &mut problems);
        prop_assert_eq!(again.map(|again| again.apply(None)), Some(once));
        prop_assert_eq!(Change::from_request(map(change.clone().into_request())), change);
    }
}
