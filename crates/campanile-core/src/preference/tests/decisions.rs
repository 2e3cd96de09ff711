//! The truth table (preferences.md section 10), the commercial flag (section 6) and conditions (section 9).

use serde_json::{Value, json};

use super::map;
use crate::condition::Context;
use crate::preference::{Asked, Decision, Layer, PreferenceSet, Sources};
use crate::time::Timestamp;

const X: &str = "11111111-1111-4111-8111-111111111111";
const Y: &str = "22222222-2222-4222-8222-222222222222";
const Z: &str = "33333333-3333-4333-8333-333333333333";
const H: &str = "44444444-4444-4444-8444-444444444444";

pub(super) fn context<'a>(scope: &'a Value) -> Context<'a> {
    Context { scope, now: Timestamp(0), steps: &(), audiences: &(), render: &|text| Some(text.to_owned()) }
}

fn asked<'a>(categories: &'a [String], channel: &'a str, channel_type: &'a str) -> Asked<'a> {
    Asked { workflow: "w", categories, is_commercial: false, overrides: false, channel, channel_type }
}

fn decide(set: &Value, scope: &Value, change: impl Fn(Asked<'_>) -> (bool, bool)) -> [Decision; 4] {
    let categories = ["a".to_owned(), "b".to_owned()];
    let set = PreferenceSet::shared(map(set.clone()));
    let sources = Sources { recipient: Some(&set), ..Sources::default() };
    [(X, "email"), (Y, "email"), (Z, "in_app_feed"), (H, "http")].map(|(channel, kind)| {
        let asked = asked(&categories, channel, kind);
        let (is_commercial, overrides) = change(asked);
        sources.decide(&Asked { is_commercial, overrides, ..asked }, &context(scope))
    })
}

#[test]
fn the_truth_table() {
    let is = |wanted: bool| json!([{"variable": "data.c", "operator": "equal_to", "argument": wanted.to_string()}]);
    let (c_true, c_false) = (is(true), is(false));
    let both = json!([c_true[0], c_false[0]]);
    let types_off =
        json!({"email":false,"in_app_feed":false,"sms":false,"push":false,"chat":false,"http":false});
    let plain = (false, false);
    for (row, set, (is_commercial, overrides), want) in [
        (1, json!({}), plain, "++++"),
        (2, json!({"channel_types":{"email":false}}), plain, "--++"),
        (3, json!({"channel_types":{"email":false},"channels":{X:true}}), plain, "+-++"),
        (4, json!({"channel_types":{"email":true},"channels":{X:false}}), plain, "-+++"),
        (5, json!({"workflows":{"w":false}}), plain, "----"),
        (6, json!({"workflows":{"w":true},"channel_types":{"email":false}}), plain, "--++"),
        (7, json!({"workflows":{"w":{"channel_types":{"email":false}}}}), plain, "--++"),
        (8, json!({"workflows":{"w":{"channel_types":{"email":false},"channels":{X:true}}}}), plain, "+-++"),
        (9, json!({"channel_types":{"email":false},"workflows":{"w":{"channels":{X:true}}}}), plain, "--++"),
        (10, json!({"channels":{X:true},"workflows":{"w":{"channel_types":{"email":false}}}}), plain, "--++"),
        (11, json!({"categories":{"a":false}}), plain, "----"),
        (12, json!({"categories":{"a":true,"b":false}}), plain, "----"),
        (13, json!({"categories":{"a":false},"workflows":{"w":true}}), plain, "----"),
        (14, json!({"categories":{"a":false},"workflows":{"w":{"channels":{X:true}}}}), plain, "----"),
        (
            15,
            json!({"categories":{"a":{"channel_types":{"email":false}},"b":{"channel_types":{"email":true}}}}),
            plain,
            "--++",
        ),
        (16, json!({"categories":{"c":false}}), plain, "++++"),
        (17, json!({"categories":{"A":false}}), plain, "++++"),
        (18, json!({"workflows":{"other":false}}), plain, "++++"),
        (19, json!({"workflows":{"w":{"conditions":c_false}}}), plain, "----"),
        (20, json!({"workflows":{"w":{"conditions":c_false,"channel_types":{"email":true}}}}), plain, "----"),
        (21, json!({"workflows":{"w":{"conditions":c_true,"channel_types":{"email":false}}}}), plain, "--++"),
        (22, json!({"channel_types":{"email":{"conditions":c_false}}}), plain, "--++"),
        (23, json!({"channel_types":{"email":false},"channels":{X:{"conditions":c_true}}}), plain, "+-++"),
        (24, json!({"channel_types":{"email":false},"channels":{X:{"conditions":c_false}}}), plain, "--++"),
        (25, json!({"channels":{X:{"conditions":both}}}), plain, "-+++"),
        (26, json!({"workflows":{"w":{"conditions":[]}}}), plain, "++++"),
        (27, json!({"channel_types":{},"workflows":{"w":{}}}), plain, "++++"),
        (28, json!({"channel_types":{"http":false}}), plain, "+++-"),
        (29, json!({"channel_types":types_off}), plain, "----"),
        (
            30,
            json!({"channel_types":types_off,"categories":{"a":{"channel_types":{"email":true}}}}),
            plain,
            "----",
        ),
        (31, json!({"workflows":{"w":false}}), (false, true), "++++"),
        (32, json!({"commercial_subscribed":false}), plain, "++++"),
        (33, json!({"commercial_subscribed":false}), (true, false), "----"),
        (34, json!({"commercial_subscribed":false}), (true, true), "----"),
        (
            35,
            json!({"categories":{"a":{"__strategy__":"replace","channel_types":{"email":false}}}}),
            plain,
            "--++",
        ),
        (36, json!({"channel_types":{"__strategy__":"replace","sms":false}}), plain, "++++"),
    ] {
        let found = decide(&set, &json!({"data": {"c": true}}), |_| (is_commercial, overrides));
        let found: String = found.iter().map(|d| if d.is_blocked { '-' } else { '+' }).collect();
        assert_eq!(found, want, "row {row}: {set}");
    }
}

#[test]
fn the_commercial_flag_of_section_6() {
    let set = |value: Option<bool>| {
        value.map(|value| PreferenceSet::new(map(json!({"commercial_subscribed": value}))))
    };
    // Own under the tenant, own default, tenant, environment, in a tenant's run, sent.
    let (yes, no) = (Some(true), Some(false));
    for (own, default, tenant, environment, in_tenant, sent) in [
        (None, no, yes, yes, true, false),
        (None, no, yes, yes, false, false),
        (no, yes, None, None, true, false),
        (no, yes, None, None, false, true),
        (None, None, no, yes, true, false),
        (None, None, no, yes, false, true),
        (None, yes, no, no, true, true),
        (None, None, None, None, true, true),
        (yes, no, yes, yes, true, false),
    ] {
        let sets = [set(default), set(own), set(tenant), set(environment)];
        let [recipient, recipient_tenant, tenant, environment] = sets.each_ref().map(Option::as_ref);
        let mut sources = Sources { recipient, recipient_tenant, tenant, environment };
        if !in_tenant {
            (sources.recipient_tenant, sources.tenant) = (None, None);
        }
        let asked = Asked { is_commercial: true, ..asked(&[], X, "email") };
        let decision = sources.decide(&asked, &context(&json!({})));
        assert_eq!(decision.is_blocked, !sent, "{sources:?}");
    }
}

#[test]
fn the_flag_may_ask_conditions() {
    let set = json!({"commercial_subscribed": {"conditions": [
        {"variable": "data.topic", "operator": "equal_to", "argument": "news"},
    ]}});
    for (topic, blocked) in [("news", false), ("offers", true)] {
        let scope = json!({"data": {"topic": topic}});
        let [email, ..] = decide(&set, &scope, |_| (true, false));
        assert_eq!(email.is_blocked, blocked, "{topic}");
    }
}

#[test]
fn muting_as_the_page_shows_it() {
    let muted =
        json!({"variable": "recipient.muted_dinos", "operator": "not_contains", "argument": "data.dino"});
    let set = json!({"workflows": {"w": {"conditions": [muted]}}});
    for (scope, sent) in [
        (json!({"recipient": {"muted_dinos": ["trex"]}, "data": {"dino": "trex"}}), false),
        (json!({"recipient": {"muted_dinos": ["trex"]}, "data": {"dino": "raptor"}}), true),
        (json!({"recipient": {}, "data": {"dino": "raptor"}}), true),
        (json!({"recipient": {"muted_dinos": ["trex"]}, "data": {}}), true),
    ] {
        let [email, ..] = decide(&set, &scope, |_| (false, false));
        assert_eq!(!email.is_blocked, sent, "{scope}");
    }
}

#[test]
fn arguments_are_paths_json_or_text_and_never_liquid() {
    for (value, argument, holds) in [
        (json!(5), "5", true),
        (json!(true), "true", true),
        (json!("US"), "US", true),
        (json!([1, 2]), "[1,2]", true),
        (json!("{{ data.secret }}"), "{{ data.secret }}", true),
        (json!("s"), "{{ data.secret }}", false),
        (json!("s"), "data.secret", true),
        (json!(""), "data.missing", true),
        (json!("5"), "5", false),
    ] {
        let set = json!({"workflows": {"w": {"conditions": [
            {"variable": "data.value", "operator": "equal_to", "argument": argument},
        ]}}});
        let scope = json!({"data": {"value": value, "secret": "s"}});
        let [email, ..] = decide(&set, &scope, |_| (false, false));
        assert_eq!(!email.is_blocked, holds, "{value} {argument}");
    }
    let set = json!({"workflows": {"w": {"conditions": [
        {"variable": "data.value", "operator": "greater_than", "argument": "5"},
    ]}}});
    let [email, ..] = decide(&set, &json!({"data": {"value": "many"}}), |_| (false, false));
    assert!(email.is_blocked, "what cannot be compared is false (PF9.6)");
}

#[test]
fn a_decision_says_who_said_what_and_why() {
    let environment = PreferenceSet::shared(map(json!({
        "channel_types": {"email": true},
        "categories": {"a": {"conditions": [
            {"variable": "data.c", "operator": "equal_to", "argument": "false"},
            {"variable": "data.d", "operator": "exists", "argument": null},
        ]}},
    })));
    assert!(environment.has_conditions());
    let own = PreferenceSet::from_text(r#"{"workflows":{"w":{"channel_types":{"email":true}}}}"#);
    let sources = Sources { recipient: Some(&own), environment: Some(&environment), ..Sources::default() };
    let categories = ["a".to_owned()];
    let decision = sources.decide(&asked(&categories, X, "email"), &context(&json!({"data": {"c": true}})));
    assert!(decision.is_blocked);
    let said: Vec<_> = decision.opinions.iter().map(|o| (o.layer, o.key.as_str(), o.outcome)).collect();
    assert_eq!(
        said,
        [
            (Layer::Environment, "channel_types.email", true),
            (Layer::Recipient, "workflows.w.channel_types.email", true),
            (Layer::Environment, "categories.a", false),
        ]
    );
    let outcomes: Vec<_> = decision.opinions[2].conditions.iter().map(|c| c.outcome).collect();
    assert_eq!(outcomes, ["false", "not_evaluated"]);
}

#[test]
fn names_with_dots_do_not_meet() {
    let never = json!([{"variable": "data.c", "operator": "equal_to", "argument": "no"}]);
    let set = json!({"categories": {"a.channel_types.email": {"conditions": never}, "a": {"channel_types": {"email":
        {"conditions": [{"variable": "data.c", "operator": "equal_to", "argument": "yes"}]}}}}});
    let [email, ..] = decide(&set, &json!({"data": {"c": "yes"}}), |_| (false, false));
    assert!(!email.is_blocked);
}
