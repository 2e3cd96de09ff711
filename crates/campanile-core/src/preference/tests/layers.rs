//! Merging layers (preferences.md section 3) and choosing them (section 2).

use serde_json::{Value, json};

use super::map;
use crate::preference::{PreferenceSet, Sources, resolve, view, with_implicit};

#[test]
fn the_examples_of_the_page() {
    let (x, y) = (json!({"variable": "data.x"}), json!({"variable": "data.y"}));
    for (name, high, low, want) in [
        (
            "M1",
            json!({"channel_types":{"sms":true}}),
            json!({"channel_types":{"sms":false},"categories":{"collaboration":true}}),
            json!({"channel_types":{"sms":true},"categories":{"collaboration":true}}),
        ),
        (
            "M3",
            json!({"categories":{"c":{"channel_types":{"email":true}}}}),
            json!({"categories":{"c":false}}),
            json!({"categories":{"c":{"channel_types":{"email":true}}}}),
        ),
        (
            "M4",
            json!({"categories":{"c":true}}),
            json!({"categories":{"c":{"channel_types":{"email":false}}}}),
            json!({"categories":{"c":true}}),
        ),
        (
            "M5",
            json!({"workflows":{"w":{"channel_types":{"email":true}}}}),
            json!({"workflows":{"w":{"conditions":[x]}}}),
            json!({"workflows":{"w":{"channel_types":{"email":true},"conditions":[x]}}}),
        ),
        (
            "M6",
            json!({"channel_types":{"sms":true}}),
            json!({"channel_types":{"sms":{"conditions":[x]}}}),
            json!({"channel_types":{"sms":true}}),
        ),
        (
            "M7",
            json!({"channel_types":{"sms":{"conditions":[y]}}}),
            json!({"channel_types":{"sms":{"conditions":[x]}}}),
            json!({"channel_types":{"sms":{"conditions":[y]}}}),
        ),
        (
            "M8",
            json!({"categories":{"a":{"channel_types":{"email":true}},"p":{"channel_types":{"email":true}}}}),
            json!({"categories":{"a":{"__strategy__":"replace","channel_types":{"email":false}},
                                 "p":{"channel_types":{"email":false}}}}),
            json!({"categories":{"a":{"__strategy__":"replace","channel_types":{"email":false}},
                                 "p":{"channel_types":{"email":true}}}}),
        ),
        (
            "M9",
            json!({"channel_types":{"email":true,"push":true}}),
            json!({"channel_types":{"__strategy__":"replace","email":false,"sms":true}}),
            json!({"channel_types":{"__strategy__":"replace","email":false,"sms":true}}),
        ),
        (
            "M10",
            json!({"categories":{"a":true}}),
            json!({"categories":{"a":{"__strategy__":"merge","channel_types":{"email":false}}}}),
            json!({"categories":{"a":true}}),
        ),
        (
            "merge is dropped",
            json!({"categories":{"a":{"channel_types":{"sms":true}}}}),
            json!({"categories":{"a":{"__strategy__":"merge","channel_types":{"email":false}}}}),
            json!({"categories":{"a":{"channel_types":{"sms":true,"email":false}}}}),
        ),
        (
            "null is absent",
            json!({"categories":null}),
            json!({"categories":{"a":true}}),
            json!({"categories":{"a":true}}),
        ),
    ] {
        assert_eq!(resolve(Some(&high), Some(&low)), want, "{name}");
    }
    let (own, tenant) = (json!({"categories":{"reminders":false}}), json!({"categories":{"reminders":true}}));
    let environment = json!({"channel_types":{"sms":false},"categories":{"collaboration":true}});
    let low = resolve(Some(&tenant), Some(&environment));
    let want = json!({"channel_types":{"sms":false},"categories":{"reminders":false,"collaboration":true}});
    assert_eq!(resolve(Some(&own), Some(&low)), want, "M2");
}

#[test]
fn a_marker_works_from_any_layer_and_only_while_it_is_there() {
    let forced = json!({"categories":{"a":{"__strategy__":"replace","channel_types":{"email":false}}}});
    let own = json!({"categories":{"a":{"channel_types":{"email":true}}}});
    let (empty, plain) = (json!({}), json!({"categories":{"a":{"channel_types":{"email":false}}}}));
    for (tenant, environment, email) in
        [(&forced, &empty, false), (&empty, &forced, false), (&forced, &plain, false), (&plain, &plain, true)]
    {
        let set = resolve(Some(&own), Some(&resolve(Some(tenant), Some(environment))));
        assert_eq!(set["categories"]["a"]["channel_types"]["email"], email, "{tenant} {environment}");
    }
}

#[test]
fn views_print_every_member_and_debuggers_the_implicit_ones() {
    let set = map(json!({"channel_types": {}, "workflows": {"w": false}}));
    let want = json!({"id":"default","categories":null,"channel_types":{},"channels":null,"workflows":{"w":false},
        "commercial_subscribed":null});
    assert_eq!(view("default", &set), want);
    let shown = with_implicit(&json!({"channel_types": {"sms": false}, "categories": {"a": true}}));
    let types = json!({"email":true,"in_app_feed":true,"sms":false,"push":true,"chat":true,"http":true});
    assert_eq!(shown, json!({"channel_types": types, "categories": {"a": true}}));
}

/// Which of the four sets are seen, by the workflows they name.
#[test]
fn the_layers_of_section_2() {
    let set = |name: &str, stored: u8| match stored {
        0 => None,
        1 => Some(PreferenceSet::new(map(json!({"commercial_subscribed": false})))),
        _ => Some(PreferenceSet::new(map(json!({"workflows": {name: true}})))),
    };
    // Recipient, recipient under the tenant, tenant, environment: 0 absent, 1 without a section (S2), 2 present.
    for (stored, want) in [
        ([2, 0, 0, 2], "d e"),
        ([2, 0, 2, 2], "e t"),
        ([2, 2, 0, 2], "e o"),
        ([2, 2, 2, 2], "e o t"),
        ([2, 1, 1, 2], "d e"),
        ([2, 1, 2, 2], "e t"),
        ([0, 0, 2, 0], "t"),
        ([0, 0, 0, 0], ""),
    ] {
        let sets = [set("d", stored[0]), set("o", stored[1]), set("t", stored[2]), set("e", stored[3])];
        let [recipient, recipient_tenant, tenant, environment] = sets.each_ref().map(Option::as_ref);
        let sources = Sources { recipient, recipient_tenant, tenant, environment };
        let resolved = sources.resolved();
        let seen: Vec<_> =
            resolved["workflows"].as_object().into_iter().flatten().map(|(k, _)| k.as_str()).collect();
        assert_eq!(seen.join(" "), want, "{stored:?}");
        assert_eq!(sources.is_empty(), stored == [0; 4]);
    }
    assert_eq!(Sources::default().resolved(), Value::Object(Default::default()));
}
