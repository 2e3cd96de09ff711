use campanile_core::ids::EnvId;
use campanile_core::problem::Problems;
use campanile_core::recipient::{RecipientRef, TENANTS};
use campanile_core::time::Timestamp;
use campanile_store::{RecipientRow, RunSets};
use serde_json::{Value, json};

use super::*;
use crate::catalog::Catalog;

const ENV: EnvId = EnvId(1);

/// What was refused, as `field: message`.
fn refused(problems: Problems) -> Vec<String> {
    let problems = problems.into_result(()).err().unwrap_or_default();
    problems.into_iter().map(|problem| format!("{}: {}", problem.field, problem.message)).collect()
}

fn recipient(value: Value) -> Result<Identify, Vec<String>> {
    let mut problems = Problems::default();
    let found = parse_recipient(&value, "to[0]", &Catalog::default(), ENV, &mut problems);
    found.ok_or_else(|| refused(problems))
}

#[test]
fn tells_references_from_upserts() {
    for (value, reference, upsert) in [
        (json!("u1"), RecipientRef::user("u1"), None),
        (json!({"id":"u2"}), RecipientRef::user("u2"), Some(json!({}))),
        (json!({"id":"u3","plan":"pro"}), RecipientRef::user("u3"), Some(json!({"plan":"pro"}))),
        (json!({"collection":"teams","id":"t1"}), RecipientRef::object("teams", "t1"), None),
        (
            json!({"collection":"teams","id":"t2","name":"T2"}),
            RecipientRef::object("teams", "t2"),
            Some(json!({"name":"T2"})),
        ),
        (json!({"collection":TENANTS,"id":"acme"}), RecipientRef::object(TENANTS, "acme"), None),
    ] {
        let found = recipient(value.clone()).unwrap();
        assert_eq!(found.reference(), &reference, "{value}");
        let properties = match found {
            Identify::Reference(_) => None,
            Identify::Upsert(upsert) => Some(Value::Object(upsert.properties)),
        };
        assert_eq!(properties, upsert, "{value}");
    }
}

#[test]
fn refuses_what_names_nobody() {
    for (value, want) in [
        (json!(7), "to[0]: must be a user id or an object"),
        (json!(null), "to[0]: must be a user id or an object"),
        (json!(""), "to[0]: can't be blank"),
        (json!("a/b"), "to[0]: must not contain / or #"),
        (json!({}), "to[0].id: can't be blank"),
        (json!({"id":7}), "to[0].id: must be a string"),
        (json!({"id":"a#b"}), "to[0].id: must not contain / or #"),
        (json!({"collection":"teams"}), "to[0].id: can't be blank"),
        (json!({"collection":7,"id":"x"}), "to[0].collection: must be a string"),
        (json!({"collection":"$users","id":"x"}), "to[0].collection: must not begin with $"),
        (json!({"id":"u","email":7}), "to[0].email: must be a string"),
        (json!({"id":"u","timezone":"Mars/Base"}), "to[0].timezone: is not a time zone of the tz database"),
        (json!({"id":"u","created_at":"soon"}), "to[0].created_at: is not an ISO 8601 datetime"),
        (json!({"id":"u","preferences":[]}), "to[0].preferences: must be an object"),
        (
            json!({"id":"u","preferences":{"channel_types":{"sms":false}}}),
            "to[0].preferences.channel_types: is not a set id; put the set under an id like default",
        ),
        (json!({"id":"u","preferences":{"default":false}}), "to[0].preferences.default: must be an object"),
        (
            json!({"id":"u","preferences":{"acme":{"channel_types":{"fax":false}}}}),
            "to[0].preferences.acme.channel_types.fax: is not a channel type",
        ),
        (json!({"id":"u","channel_data":[]}), "to[0].channel_data: must be an object"),
        (json!({"id":"u","channel_data":{"x":{}}}), "to[0].channel_data.x: is not a channel id"),
        (
            json!({"id":"u","channel_data":{"123e4567-e89b-12d3-a456-426614174000":{}}}),
            "to[0].channel_data.123e4567-e89b-12d3-a456-426614174000: is not a channel of this environment",
        ),
        (json!({"id":"u","$trigger_data":1}), "to[0].$trigger_data: must be an object"),
    ] {
        assert_eq!(recipient(value.clone()).unwrap_err(), [want], "{value}");
    }
}

#[test]
fn keeps_reserved_keys_out_of_properties() {
    let value = json!({
        "__typename":"User", "id":"u", "updated_at":"x", "created_at":"2024-05-22T12:00:00Z", "preferences":null,
        "channel_data":null, "$trigger_data":{"n":1}, "name":null, "timezone":"Europe/Oslo", "tags":[1]
    });
    let Identify::Upsert(upsert) = recipient(value).unwrap() else { panic!("a map of a user identifies") };
    assert_eq!(Value::Object(upsert.properties), json!({"name":null,"timezone":"Europe/Oslo","tags":[1]}));
    assert_eq!(upsert.created_at, Some(Timestamp::parse("2024-05-22T12:00:00Z")));
    assert_eq!(upsert.trigger_data.map(Value::Object), Some(json!({"n":1})));
    let Ok(Identify::Upsert(cleared)) = recipient(json!({"id":"u","created_at":null})) else {
        panic!("parses")
    };
    assert_eq!(cleared.created_at, Some(None));
    let object = json!({"id":"x","collection":"teams","email":7,"locale":1});
    let Ok(Identify::Upsert(object)) = recipient(object) else { panic!("objects are not typed") };
    assert_eq!(Value::Object(object.properties), json!({"email":7,"locale":1}));
}

#[test]
fn checks_tenants() {
    let branding = |value: Value| json!({"id":"acme","settings":{"branding":value}});
    for (value, want) in [
        (json!("acme"), None),
        (json!("ac me"), Some("tenant: must not contain whitespace")),
        (json!(7), Some("tenant: must be a tenant id or an object")),
        (json!({"name":"Acme"}), Some("tenant.id: can't be blank")),
        (json!({"id":"acme","name":7}), Some("tenant.name: must be a string")),
        (json!({"id":"acme","settings":null}), None),
        (json!({"id":"acme","settings":1}), Some("tenant.settings: must be an object")),
        (json!({"id":"acme","settings":{"preference_set":null}}), None),
        (json!({"id":"acme","settings":{"preference_set":{"channel_types":{"sms":false}}}}), None),
        (
            json!({"id":"acme","settings":{"preference_set":{"channel_types":{"fax":false}}}}),
            Some("tenant.settings.preference_set.channel_types.fax: is not a channel type"),
        ),
        (
            json!({"id":"acme","settings":{"preference_set":[]}}),
            Some("tenant.settings.preference_set: must be an object"),
        ),
        (branding(json!(null)), None),
        (branding(json!({"primary_color":"#33FF5B","dark_primary_color":"#abc","logo_url":"x"})), None),
        (
            branding(json!({"primary_color":"red"})),
            Some("tenant.settings.branding.primary_color: must be a color like #RGB or #RRGGBB"),
        ),
        (branding(json!({"icon_url":1})), Some("tenant.settings.branding.icon_url: must be a string")),
        (branding(json!([])), Some("tenant.settings.branding: must be an object")),
    ] {
        let mut problems = Problems::default();
        let found = parse_tenant(&value, "tenant", &Catalog::default(), ENV, &mut problems);
        assert_eq!(refused(problems), want.into_iter().collect::<Vec<_>>(), "{value}");
        assert_eq!(found.is_some(), want.is_none(), "{value}");
    }
}

#[test]
fn normalizes_channel_data() {
    let device = |token: &str| json!({"token":token,"locale":null,"timezone":null});
    let uuid = "123e4567-e89b-12d3-a456-426614174000";
    for (provider, tenant, data, want) in [
        (
            "push_fcm",
            false,
            json!({"tokens":["t1","t2","t1"]}),
            json!({"tokens":["t1","t2"],"devices":[device("t1"),device("t2")]}),
        ),
        (
            "push_apns",
            false,
            json!({"devices":[{"token":"t3","locale":"en-US"}]}),
            json!({"tokens":["t3"],"devices":[{"token":"t3","locale":"en-US","timezone":null}]}),
        ),
        (
            "push_expo",
            false,
            json!({"tokens":["a","b"],"devices":[{"token":"b","locale":"it"},device("c"),{"token":"b","timezone":"Europe/Rome"}]}),
            json!({"tokens":["b","c","a"],"devices":[{"token":"b","locale":null,"timezone":"Europe/Rome"},device("c"),device("a")]}),
        ),
        ("push_fcm", false, json!({"devices":[]}), json!({"tokens":[],"devices":[]})),
        (
            "push_aws_sns",
            false,
            json!({"target_arns":["arn"]}),
            json!({"target_arns":["arn"],"devices":[{"target_arn":"arn","locale":null,"timezone":null}]}),
        ),
        ("push_one_signal", false, json!({"player_ids":[uuid,uuid]}), json!({"player_ids":[uuid]})),
        (
            "chat_slack",
            false,
            json!({"connections":[{"channel_id":"C1"}]}),
            json!({"connections":[{"access_token":null,"channel_id":"C1","user_id":null,"incoming_webhook":null}],"token":null}),
        ),
        (
            "chat_slack",
            false,
            json!({"connections":[{"incoming_webhook":{"url":"u"},"channel_name":"c","x":1}],"token":{"access_token":"t"}}),
            json!({"connections":[{"access_token":null,"channel_id":null,"user_id":null,"channel_name":"c","x":1,
                   "incoming_webhook":{"url":"u"}}],"token":{"access_token":"t"}}),
        ),
        (
            "chat_slack",
            true,
            json!({"token":{"access_token":"t"}}),
            json!({"connections":[],"token":{"access_token":"t"}}),
        ),
        (
            "chat_ms_teams",
            false,
            json!({"connections":[{"ms_teams_user_id":"19:x"}]}),
            json!({"connections":[{"ms_teams_tenant_id":null,"ms_teams_team_id":null,"ms_teams_channel_id":null,
                   "ms_teams_user_id":"19:x","incoming_webhook":null}],"ms_teams_tenant_id":null}),
        ),
        (
            "chat_ms_teams",
            true,
            json!({"ms_teams_tenant_id":"t"}),
            json!({"connections":[],"ms_teams_tenant_id":"t"}),
        ),
        (
            "chat_discord",
            false,
            json!({"connections":[{"channel_id":"1"}]}),
            json!({"connections":[{"channel_id":"1","incoming_webhook":null}]}),
        ),
        ("http_knock_webhook", false, json!({"a":[1]}), json!({"a":[1]})),
    ] {
        let mut problems = Problems::default();
        let found = normalize_channel_data(provider, &data, tenant, "data", &mut problems);
        assert_eq!(refused(problems), Vec::<String>::new(), "{provider} {data}");
        assert_eq!(found, Some(want.clone()), "{provider} {data}");
        // What was answered can be sent back.
        let again = normalize_channel_data(provider, &want, tenant, "data", &mut Problems::default());
        assert_eq!(again, Some(want), "{provider} {data}");
    }
}

#[test]
fn refuses_channel_data() {
    for (provider, tenant, data, want) in [
        ("email_smtp", false, json!({}), "data: names a channel that takes no channel data"),
        ("sms_aws_sns", false, json!({}), "data: names a channel that takes no channel data"),
        ("push_fcm", false, json!([]), "data: must be an object"),
        ("push_fcm", false, json!({}), "data.tokens: can't be blank"),
        ("push_fcm", false, json!({"tokens":"t"}), "data.tokens: must be a list"),
        ("push_fcm", false, json!({"tokens":["a",7]}), "data.tokens[1]: must be a string"),
        ("push_fcm", false, json!({"devices":[7]}), "data.devices[0]: must be an object"),
        ("push_fcm", false, json!({"devices":[{"locale":"it-IT"}]}), "data.devices[0].token: can't be blank"),
        (
            "push_fcm",
            false,
            json!({"devices":[{"token":"t","locale":"it_IT"}]}),
            "data.devices[0].locale: must be a language tag like it-IT",
        ),
        (
            "push_fcm",
            false,
            json!({"devices":[{"token":"t","timezone":"x"}]}),
            "data.devices[0].timezone: is not a time zone of the tz database",
        ),
        ("push_one_signal", false, json!({"player_ids":["x"]}), "data.player_ids[0]: is not a UUID"),
        ("chat_slack", false, json!({"token":{"access_token":"t"}}), "data.connections: can't be blank"),
        ("chat_slack", true, json!({}), "data.connections: can't be blank"),
        (
            "chat_slack",
            false,
            json!({"connections":[{"channel_id":""}]}),
            "data.connections[0].channel_id: can't be blank",
        ),
        (
            "chat_slack",
            false,
            json!({"connections":[{"incoming_webhook":{}}]}),
            "data.connections[0].incoming_webhook.url: can't be blank",
        ),
        ("chat_slack", false, json!({"connections":[],"token":7}), "data.token: must be an object"),
        ("chat_discord", true, json!({}), "data.connections: can't be blank"),
    ] {
        let mut problems = Problems::default();
        let found = normalize_channel_data(provider, &data, tenant, "data", &mut problems);
        assert_eq!(found, None, "{provider} {data}");
        assert_eq!(refused(problems), [want], "{provider} {data}");
    }
}

fn row(reference: RecipientRef, properties: Value) -> RecipientRow {
    RecipientRow {
        reference,
        properties: properties.to_string(),
        created_at: None,
        inserted_at: Timestamp(0),
        updated_at: Timestamp(0),
        sets: RunSets::default(),
    }
}

#[test]
fn shapes_follow_the_kind() {
    let at = "1970-01-01T00:00:00.000000Z";
    let user = row(RecipientRef::user("u1"), json!({"name":"Ada","plan":"pro","id":"forged","locale":null}));
    assert_eq!(
        wire_recipient(&user),
        json!({"__typename":"User","id":"u1","name":"Ada","email":null,"avatar":null,"phone_number":null,
               "timezone":null,"created_at":null,"updated_at":at,"plan":"pro"})
    );
    let object = row(RecipientRef::object("projects", "p1"), json!({"name":"P","locale":"en-US"}));
    assert_eq!(
        wire_recipient(&object),
        json!({"__typename":"Object","id":"p1","collection":"projects","created_at":null,"updated_at":at,
               "properties":{"name":"P","locale":"en-US"}})
    );
    assert_eq!(
        scope_value(&object),
        json!({"__typename":"Object","id":"p1","collection":"projects","created_at":null,"updated_at":at,
               "name":"P","locale":"en-US"})
    );
    let stub = row(RecipientRef::object(TENANTS, "acme"), json!({}));
    assert_eq!(
        wire_tenant(&stub),
        json!({"__typename":"Tenant","id":"acme","name":null,"settings":null,"created_at":null,"updated_at":at})
    );
    let branded = row(
        RecipientRef::object(TENANTS, "acme"),
        json!({"settings":{"branding":{"logo_url":"x"}},"tier":1}),
    );
    assert_eq!(wire_tenant(&branded)["settings"], json!({"branding":{"logo_url":"x"},"preference_set":null}));
    assert_eq!(
        scope_value(&branded)["settings"],
        json!({"branding":{"logo_url":"x"},"preference_set":null,"preferences":null})
    );
    assert_eq!(wire_object(&branded)["properties"]["tier"], 1);
}

#[test]
fn knows_a_write_that_changes_nothing() {
    let stored = row(RecipientRef::user("u"), json!({"plan":"pro","address":{"city":"Oslo"}}));
    for (body, changed) in [
        (json!({}), false),
        (json!({"plan":"pro"}), false),
        (json!({"address":{}}), false),
        (json!({"created_at":null}), false),
        (json!({"plan":"free"}), true),
        (json!({"plan":null}), true),
        (json!({"address":{"zip":"1"}}), true),
        (json!({"created_at":"2024-01-01"}), true),
    ] {
        let Value::Object(map) = body.clone() else { unreachable!() };
        let mut problems = Problems::default();
        let upsert = parse_user("u", map, "", &Catalog::default(), ENV, &mut problems).unwrap();
        assert_eq!(changes(&stored, &upsert), changed, "{body}");
    }
}
