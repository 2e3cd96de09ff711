//! What requests may say and what is stored afterwards (preferences.md sections 1 and 5).

use serde_json::{Value, json};

use super::map;
use crate::preference::{Change, Section, Strategy, is_section, set_id_problem};
use crate::problem::Problems;

fn parse(body: &Value) -> Result<Change, Vec<String>> {
    let mut problems = Problems::default();
    let change = Change::parse(body, Strategy::Replace, "", &mut problems);
    match problems.into_result(()) {
        Ok(()) => Ok(change.expect("a request without a problem is a change")),
        Err(found) => Err(found.into_iter().map(|problem| problem.field).collect()),
    }
}

#[test]
fn the_examples_of_the_page() {
    let stored = map(json!({"categories":{"col":{"channel_types":{"email":true,"in_app_feed":true}}},
        "commercial_subscribed":false}));
    for (request, want) in [
        (
            json!({"categories":{"col":{"channel_types":{"email":false}}}}),
            json!({"categories":{"col":{"channel_types":{"email":false}}},"commercial_subscribed":false}),
        ),
        (
            json!({"__persistence_strategy__":"merge","categories":{"col":{"channel_types":{"email":false}}}}),
            json!({"categories":{"col":{"channel_types":{"email":false,"in_app_feed":true}}},"commercial_subscribed":false}),
        ),
        (
            json!({"__persistence_strategy__":"merge","categories":{"col":false}}),
            json!({"categories":{"col":false},"commercial_subscribed":false}),
        ),
        (
            json!({"__persistence_strategy__":"merge","categories":null}),
            json!({"commercial_subscribed":false}),
        ),
        (json!({"commercial_subscribed":null}), json!({})),
        (
            json!({"__persistence_strategy__":"merge","categories":{"col":{"channel_types":{"email":null},"conditions":null}}}),
            json!({"categories":{"col":{"channel_types":{"in_app_feed":true}}},"commercial_subscribed":false}),
        ),
        (
            json!({"__persistence_strategy__":"replace","workflows":{"w":null,"v":{"channel_types":null}}}),
            json!({"workflows":{"v":{}},"commercial_subscribed":false}),
        ),
    ] {
        let change = parse(&request).unwrap_or_else(|problems| panic!("{request}: {problems:?}"));
        assert_eq!(Value::Object(change.apply(Some(&stored))), want, "{request}");
    }
    let inline =
        Change::parse(&json!({"channel_types":{"sms":false}}), Strategy::Merge, "", &mut Problems::default());
    let mut want = stored.clone();
    want.insert("channel_types".into(), json!({"sms": false}));
    assert_eq!(inline.map(|change| change.apply(Some(&stored))), Some(want));
    let exact = parse(&json!({"channel_types": {"email": false}}))
        .map(|change| change.apply_to_default(Some(&stored)));
    assert_eq!(
        exact,
        Ok(map(json!({"channel_types": {"email": false}}))),
        "a default set is exactly what was said"
    );
}

#[test]
fn a_marker_stays_until_it_is_set_otherwise() {
    let forced = json!({"categories":{"a":{"__strategy__":"replace","channel_types":{"email":false}}}});
    let stored = parse(&forced).map(|change| change.apply(None)).expect("a marker is allowed");
    assert_eq!(Value::Object(stored.clone()), forced);
    let merge = |body: Value| {
        let change = parse(&body).expect("sound").with_strategy(Strategy::Merge);
        Value::Object(change.apply_to_default(Some(&stored)))
    };
    assert_eq!(merge(json!({"categories":{"a":{"channel_types":{"email":false}}}})), forced);
    let lifted = merge(json!({"categories":{"a":{"__strategy__":"merge"}}}));
    assert_eq!(lifted["categories"]["a"]["__strategy__"], "merge");
}

#[test]
fn refuses_what_the_page_refuses() {
    let condition = json!({"variable": "data.a", "operator": "equal_to", "argument": "1"});
    for (body, fields) in [
        (json!({"channel_types": {"webhook": true}}), vec!["channel_types.webhook"]),
        (
            json!({"channel_types": {"in_app": true, "in_app_guide": false}}),
            vec!["channel_types.in_app", "channel_types.in_app_guide"],
        ),
        (json!({"channels": {"email": true}}), vec!["channels.email"]),
        (json!({"channel_types": {"email": "no"}}), vec!["channel_types.email"]),
        (json!({"workflows": {"w": 1}, "categories": {"c": []}}), vec!["categories.c", "workflows.w"]),
        (json!({"channel_types": {"email": {}}}), vec!["channel_types.email.conditions"]),
        (json!({"commercial_subscribed": "yes"}), vec!["commercial_subscribed"]),
        (
            json!({"commercial_subscribed": {"conditions": [{"operator": "exists"}]}}),
            vec!["commercial_subscribed.conditions[0].variable"],
        ),
        (
            json!({"workflows": {"w": {"conditions": [{"variable": "data.a"}]}}}),
            vec!["workflows.w.conditions[0].operator"],
        ),
        (
            json!({"workflows": {"w": {"conditions": [{"variable": "data.a", "operator": "like"}]}}}),
            vec!["workflows.w.conditions[0].operator"],
        ),
        (
            json!({"workflows": {"w": {"conditions": [{"variable": "refs.s.x", "operator": "exists"}]}}}),
            vec!["workflows.w.conditions[0].variable"],
        ),
        (
            json!({"workflows": {"w": {"conditions": [{"any": [condition]}]}}}),
            vec!["workflows.w.conditions[0]"],
        ),
        (json!({"workflows": {"w": {"conditions": {"all": [condition]}}}}), vec!["workflows.w.conditions"]),
        (json!({"categories": {"a": {"__strategy__": "force"}}}), vec!["categories.a.__strategy__"]),
        (json!({"__persistence_strategy__": "append"}), vec!["__persistence_strategy__"]),
        (json!({"__strategy__": "replace"}), vec!["__strategy__"]),
        (json!({"workflows": true}), vec!["workflows"]),
        (json!([]), vec![""]),
    ] {
        assert_eq!(parse(&body), Err(fields.iter().map(|f| (*f).to_owned()).collect()), "{body}");
    }
    let message = json!({"workflows": {"w": {"conditions": [
        {"variable": "refs.s.delivery_status", "operator": "equal_to", "argument": "$message.sent"},
    ]}}});
    assert!(parse(&message).is_err());
}

#[test]
fn what_a_client_read_can_be_sent_back() {
    let read = json!({"id": "default", "__typename": "PreferenceSet", "name": 1, "categories": null, "channel_types": null,
        "channels": {"2F641633-95D3-4555-9222-9F1EB7888A80": true}, "workflows": {"w": {"other": 1}},
        "commercial_subscribed": null, "__persistence_strategy": "merge"});
    let stored = parse(&read).map(|change| Value::Object(change.apply(None)));
    let channel = "2f641633-95d3-4555-9222-9f1eb7888a80";
    assert_eq!(stored, Ok(json!({"channels": {channel: true}, "workflows": {"w": {}}})));
}

#[test]
fn sections_and_entries_leave_the_rest() {
    let stored = map(
        json!({"channel_types": {"sms": false}, "workflows": {"v": true}, "commercial_subscribed": false}),
    );
    let mut problems = Problems::default();
    let types = map(json!({"email": true, "push": null}));
    let section = Change::parse_section(Section::ChannelTypes, types, &mut problems).expect("sound");
    let want =
        json!({"channel_types": {"email": true}, "workflows": {"v": true}, "commercial_subscribed": false});
    assert_eq!(Value::Object(section.apply(Some(&stored))), want);
    for (section, key, body, member) in [
        (Section::Workflows, "w", json!({"subscribed": false}), json!({"v": true, "w": false})),
        (
            Section::Workflows,
            "v",
            json!({"channel_types": {"sms": true}}),
            json!({"v": {"channel_types": {"sms": true}}}),
        ),
        (Section::ChannelTypes, "push", json!({"subscribed": true}), json!({"sms": false, "push": true})),
        (Section::Categories, "a b%", json!({}), json!({"a b%": {}})),
    ] {
        let change = Change::parse_entry(section, key, map(body), &mut problems).expect("sound");
        assert_eq!(change.apply(Some(&stored))[section.as_str()], member, "{key}");
    }
    for (section, key, body, field) in [
        (Section::ChannelTypes, "fax", json!({"subscribed": true}), "type"),
        (Section::ChannelTypes, "sms", json!({}), "conditions"),
        (Section::Workflows, "w", json!({"subscribed": "no"}), "subscribed"),
    ] {
        let mut problems = Problems::default();
        assert_eq!(Change::parse_entry(section, key, map(body), &mut problems), None);
        assert_eq!(problems.into_result(()).map_err(|found| found[0].field.clone()), Err(field.to_owned()));
    }
}

#[test]
fn set_ids_are_free_texts() {
    for (id, ok) in [("default", true), ("marketing", true), ("a/b c", true), (" ", false), ("a\u{7}", false)]
    {
        assert_eq!(set_id_problem(id).is_none(), ok, "{id:?}");
    }
    assert!(is_section("workflows") && is_section("commercial_subscribed") && !is_section("default"));
}
