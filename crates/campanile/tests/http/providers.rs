//! What channel pickers ask of Slack and Microsoft Teams through us (channels.md 12.8, in-app.md section 19), against
//! stand-ins that are asked as the providers document.

use serde_json::{Value, json};

use crate::kit::provider::{Provider, Reply, Seen};
use crate::kit::signer::{Signer, with_token};
use crate::kit::{Kit, on_both};

const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const OBJECT: &str =
    "access_token_object=%7B%22object_id%22%3A%22acme%22%2C%22collection%22%3A%22%24tenants%22%7D";
const BRACKETS: &str = "access_token_object[object_id]=acme&access_token_object[collection]=$tenants";

/// The chat channel with Slack's stand-in behind it, and a tenant's token.
async fn slack(kit: &Kit, replies: &[Reply]) -> (Provider, String) {
    let provider = Provider::start(replies).await;
    let base = provider.url("/api");
    kit.channel("chat", json!({"is_sandbox": false, "provider_settings": {"base_url": base}})).await;
    let id = kit.channel_id("chat").await;
    let data = json!({"data": {"token": {"access_token": "xoxb-acme"}}});
    kit.put(&format!("/v1/objects/$tenants/acme/channel_data/{id}"), data).await.ok();
    (provider, format!("/v1/providers/slack/{id}"))
}

#[track_caller]
fn check_slack(seen: &Seen, method: &str, path: &str) {
    assert_eq!((seen.method.as_str(), seen.path.as_str()), (method, path));
    assert_eq!(seen.header("authorization"), "Bearer xoxb-acme");
    assert!(seen.body.is_empty(), "{}", seen.body);
}

#[test]
fn slack_says_whether_a_token_works() {
    on_both(async |kit| {
        let replies: &[Reply] = &[
            (200, JSON, r#"{"ok":true,"team_id":"T1","user_id":"U1"}"#),
            (200, JSON, r#"{"ok":false,"error":"token_revoked"}"#),
            (429, &[("retry-after", "30")], ""),
            (503, &[], "<html>"),
        ];
        let (provider, path) = slack(kit, replies).await;
        for (object, want) in [
            (OBJECT, json!({"ok": true})),
            (BRACKETS, json!({"ok": false, "reason": "token_revoked", "error": "token_revoked"})),
            (OBJECT, json!({"ok": false, "reason": "ratelimited", "error": "ratelimited"})),
            (OBJECT, json!({"ok": false, "reason": "HTTP 503", "error": "HTTP 503"})),
        ] {
            let answer = kit.get(&format!("{path}/auth_check?{object}&channel_id=")).await.ok();
            assert_eq!(answer, json!({"connection": want}));
        }
        for seen in provider.seen() {
            check_slack(&seen, "POST", "/api/auth.test");
        }
    });
}

#[test]
fn slack_channels_page_by_cursor() {
    on_both(async |kit| {
        let page = r#"{"ok":true,"channels":[
            {"id":"C1","name":"general","is_private":false,"is_im":false,"context_team_id":"T1","num_members":3}
        ],"response_metadata":{"next_cursor":"dGVhbTpD"}}"#;
        let last = r#"{"ok":true,"channels":[],"response_metadata":{"next_cursor":""}}"#;
        let missing = r#"{"ok":false,"error":"missing_scope"}"#;
        let replies: &[Reply] = &[
            (200, JSON, page),
            (200, JSON, last),
            (200, JSON, missing),
            (200, JSON, r#"{"ok":false,"error":"ratelimited"}"#),
            (502, &[], ""),
        ];
        let (provider, path) = slack(kit, replies).await;
        let list = |query: &str| format!("{path}/channels?{BRACKETS}{query}");
        let first = kit.get(&list("")).await.ok();
        let shown = json!([{"id": "C1", "name": "general", "is_private": false, "is_im": false, "context_team_id": "T1"}]);
        assert_eq!(first, json!({"slack_channels": shown, "next_cursor": "dGVhbTpD"}));
        let more = "&query_options[cursor]=dGVhbTpD&query_options[limit]=10&query_options.exclude_archived=false\
                    &query_options[types]=public_channel&query_options[team_id]=T1";
        assert_eq!(kit.get(&list(more)).await.ok(), json!({"slack_channels": [], "next_cursor": null}));
        let seen = provider.seen();
        check_slack(
            &seen[0],
            "GET",
            "/api/conversations.list?limit=200&exclude_archived=true&types=public_channel%2Cprivate_channel",
        );
        check_slack(
            &seen[1],
            "GET",
            "/api/conversations.list?limit=10&exclude_archived=false&types=public_channel&cursor=dGVhbTpD&team_id=T1",
        );
        let refused = kit.get(&list("")).await;
        refused.refused(403, "authorization");
        assert!(refused.json["message"].as_str().is_some_and(|message| message.contains("missing_scope")));
        kit.get(&list("")).await.refused(429, "too_many_requests");
        kit.get(&list("")).await.refused(503, "service_unavailable");
        for (query, field) in [
            ("&query_options.limit=0", "query_options.limit"),
            ("&query_options.exclude_archived=1", "query_options.exclude_archived"),
        ] {
            assert_eq!(kit.get(&list(query)).await.refused(422, "invalid_params"), [field]);
        }
    });
}

#[test]
fn slack_access_is_revoked_there_and_here() {
    on_both(async |kit| {
        let replies: &[Reply] = &[
            (500, &[], ""),
            (200, JSON, r#"{"ok":true,"revoked":true}"#),
            (200, JSON, r#"{"ok":false,"error":"invalid_auth"}"#),
        ];
        let (provider, path) = slack(kit, replies).await;
        let id = kit.channel_id("chat").await;
        let data = format!("/v1/objects/$tenants/acme/channel_data/{id}");
        let revoke = format!("{path}/revoke_access?{BRACKETS}");
        // Slack cannot be asked: nothing is forgotten, and the caller may try again.
        kit.put(&revoke, Value::Null).await.refused(503, "service_unavailable");
        assert_eq!(kit.get(&data).await.ok()["data"]["token"]["access_token"], "xoxb-acme");
        assert_eq!(kit.put(&revoke, Value::Null).await.ok(), json!("ok"));
        assert_eq!(kit.get(&data).await.ok()["data"], json!({"connections": [], "token": null}));
        let again = kit.put(&revoke, Value::Null).await;
        again.refused(403, "authorization");
        assert_eq!(again.json["message"], "Access token not set.");
        assert_eq!(again.json["type"], "authentication_error");
        for seen in provider.seen() {
            check_slack(&seen, "GET", "/api/auth.revoke");
        }
        assert_eq!(provider.seen().len(), 2);
        // A token that is dead already is forgotten too.
        let token = json!({"data": {"token": {"access_token": "xoxb-dead"}}});
        kit.put(&data, token).await.ok();
        assert_eq!(kit.put(&revoke, Value::Null).await.ok(), json!("ok"));
        assert_eq!(kit.get(&data).await.ok()["data"]["token"], Value::Null);
    });
}

#[test]
fn what_is_asked_must_make_sense() {
    on_both(async |kit| {
        let (provider, path) = slack(kit, &[(200, JSON, r#"{"ok":true}"#)]).await;
        let channel = kit.channel_id("chat").await;
        let other = kit.channel_id("email").await;
        let ask = async |path: String| kit.get(&path).await;
        for query in
            ["", "access_token_object=x", "access_token_object=%7B%7D", "access_token_object[object_id]=a"]
        {
            let answer = ask(format!("{path}/auth_check?{query}")).await;
            assert!(
                answer.refused(422, "invalid_params").iter().all(|f| f.starts_with("access_token_object")),
                "{query}"
            );
        }
        let absent = BRACKETS.replace("acme", "nobody");
        let unset = ask(format!("{path}/auth_check?{absent}")).await;
        unset.refused(403, "authorization");
        assert_eq!(unset.json["message"], "Access token not set.");
        ask(format!("/v1/providers/slack/{other}/auth_check?{BRACKETS}"))
            .await
            .refused(422, "channel_invalid");
        let unknown = uuid::Uuid::new_v4();
        for id in [unknown.to_string(), "x".into()] {
            ask(format!("/v1/providers/slack/{id}/auth_check?{BRACKETS}"))
                .await
                .refused(404, "resource_missing");
        }
        let teams = BRACKETS.replace("access_token_object", "ms_teams_tenant_object");
        ask(format!("/v1/providers/ms-teams/{channel}/auth_check?{teams}"))
            .await
            .refused(422, "channel_invalid");
        assert!(provider.seen().is_empty(), "nothing was asked of Slack");
    });
}

#[test]
fn a_picker_in_a_browser_needs_a_grant_on_the_tenant() {
    on_both(async |kit| {
        let (provider, path) = slack(kit, &[(200, JSON, r#"{"ok":true}"#)]).await;
        let signer = Signer::made_by(&kit.service, "development").await;
        let path = format!("{path}/auth_check?{BRACKETS}");
        kit.public.get(&path).await.refused(401, "missing_user_token");
        for (entity, grant, may) in [
            ("tenants/acme", "slack/channels_read", true),
            ("objects/$tenants/acme", "slack/channels_read", true),
            ("tenants/acme", "ms_teams/channels_read", false),
            ("tenants/beta", "slack/channels_read", false),
            ("users/u1", "slack/channels_read", false),
        ] {
            let grants = json!({format!("https://api.knock.app/v1/{entity}"): {grant: [{}]}});
            let token = signer.sign(json!({"sub": "u1", "grants": grants}));
            let answer = with_token(&kit.public, "GET", &path, Value::Null, &token).await;
            if may {
                assert_eq!(answer.ok()["connection"]["ok"], true);
            } else {
                answer.refused(403, "access_denied");
            }
        }
        assert_eq!(provider.seen().len(), 2);
    });
}

#[test]
fn private_addresses_are_not_asked() {
    crate::kit::db::for_each(async |db| {
        let kit = Kit::with(db, |config| config.allow_private_addresses = false).await;
        let (provider, path) = slack(&kit, &[(200, JSON, r#"{"ok":true}"#)]).await;
        let answer = kit.get(&format!("{path}/auth_check?{OBJECT}")).await.ok();
        assert_eq!(answer["connection"]["reason"], "address_not_allowed");
        assert!(provider.seen().is_empty());
        kit.close().await;
    });
}

/// A Teams channel with the stand-in of Microsoft's login and Graph behind it, and a tenant.
async fn teams(kit: &Kit, replies: &[Reply]) -> (Provider, String, String) {
    let provider = Provider::start(replies).await;
    let change = json!({
        "type": "chat", "provider": "chat_ms_teams", "name": "Teams", "is_sandbox": false,
        "provider_settings": {
            "base_url": provider.url(""), "bot_id": "bot", "bot_password": "p",
            "graph_api_client_id": "graph", "graph_api_client_secret": "s&cret",
        },
    });
    kit.channel("teams", change).await;
    let id = kit.channel_id("teams").await;
    let data = format!("/v1/objects/$tenants/acme/channel_data/{id}");
    kit.put(&data, json!({"data": {"ms_teams_tenant_id": "t-1"}})).await.ok();
    (provider, format!("/v1/providers/ms-teams/{id}"), data)
}

const TOKEN: Reply = (200, JSON, r#"{"token_type":"Bearer","expires_in":3599,"access_token":"graph-1"}"#);
const TEAMS_OBJECT: &str =
    "ms_teams_tenant_object[object_id]=acme&ms_teams_tenant_object[collection]=$tenants";

#[track_caller]
fn check_token_request(seen: &Seen) {
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("POST", "/t-1/oauth2/v2.0/token"));
    assert_eq!(seen.header("content-type"), "application/x-www-form-urlencoded");
    assert_eq!(
        seen.body,
        "grant_type=client_credentials&client_id=graph&client_secret=s%26cret\
         &scope=https%3A%2F%2Fgraph.microsoft.com%2F.default"
    );
}

#[track_caller]
fn check_graph(seen: &Seen, path: &str) {
    assert_eq!((seen.method.as_str(), seen.path.as_str()), ("GET", path));
    assert_eq!(seen.header("authorization"), "Bearer graph-1");
}

#[test]
fn teams_and_channels_are_listed() {
    on_both(async |kit| {
        let list = r#"{"value":[{"id":"1","displayName":"Engineering","description":null}],
            "@odata.nextLink":"https://graph.microsoft.com/v1.0/teams?$skiptoken=abc%3D"}"#;
        let channels = r#"{"value":[
            {"id":"19:a","displayName":"General","membershipType":"standard","isArchived":false},
            {"id":"19:b","displayName":"Old","membershipType":"standard","isArchived":true},
            {"id":"19:c","displayName":"Board","membershipType":"private","isArchived":false}]}"#;
        let replies: &[Reply] =
            &[TOKEN, (200, JSON, list), (200, JSON, r#"{"value":[]}"#), (200, JSON, channels)];
        let (provider, path, _) = teams(kit, replies).await;
        let first = kit.get(&format!("{path}/teams?{TEAMS_OBJECT}")).await.ok();
        assert_eq!(
            first,
            json!({"ms_teams_teams": [{"id": "1", "displayName": "Engineering"}], "skip_token": "abc="})
        );
        let more = "query_options[$skiptoken]=abc%3D&query_options.$top=5&query_options[$filter]=x&query_options[$select]=id";
        let second = kit.get(&format!("{path}/teams?{TEAMS_OBJECT}&{more}")).await.ok();
        assert_eq!(second, json!({"ms_teams_teams": [], "skip_token": null}));
        let query = "team_id=1%2F2&query_options.$select=id%2CdisplayName";
        let found = kit.get(&format!("{path}/channels?{TEAMS_OBJECT}&{query}")).await.ok();
        let shown = json!({"id": "19:a", "displayName": "General", "membershipType": "standard", "isArchived": false});
        assert_eq!(found, json!({"ms_teams_channels": [shown]}));
        let seen = provider.seen();
        assert_eq!(seen.len(), 4, "the token is kept");
        check_token_request(&seen[0]);
        check_graph(&seen[1], "/v1.0/teams");
        check_graph(&seen[2], "/v1.0/teams?%24filter=x&%24select=id&%24top=5&%24skiptoken=abc%3D");
        check_graph(
            &seen[3],
            "/v1.0/teams/1%2F2/channels?%24select=id%2CdisplayName%2CmembershipType%2CisArchived",
        );
        let answer = kit.get(&format!("{path}/channels?{TEAMS_OBJECT}")).await;
        assert_eq!(answer.refused(422, "invalid_params"), ["team_id"]);
        let answer = kit.get(&format!("{path}/teams?{TEAMS_OBJECT}&query_options.$top=1000")).await;
        assert_eq!(answer.refused(422, "invalid_params"), ["query_options.$top"]);
    });
}

#[test]
fn a_refused_token_is_replaced_once() {
    on_both(async |kit| {
        let expired: Reply = (401, JSON, r#"{"error":{"code":"InvalidAuthenticationToken","message":"x"}}"#);
        let replies: &[Reply] =
            &[TOKEN, expired, TOKEN, (200, JSON, r#"{"value":[]}"#), expired, TOKEN, expired];
        let (provider, path, _) = teams(kit, replies).await;
        kit.get(&format!("{path}/teams?{TEAMS_OBJECT}")).await.ok();
        assert_eq!(provider.seen().len(), 4);
        let refused = kit.get(&format!("{path}/teams?{TEAMS_OBJECT}")).await;
        refused.refused(403, "authorization");
        assert_eq!(provider.seen().len(), 7);
    });
}

#[test]
fn teams_access_is_checked_and_revoked() {
    on_both(async |kit| {
        let refused: Reply =
            (400, JSON, r#"{"error":"unauthorized_client","error_description":"AADSTS700016: x"}"#);
        let (provider, path, data) = teams(kit, &[TOKEN, refused]).await;
        let check = async || kit.get(&format!("{path}/auth_check?{TEAMS_OBJECT}")).await;
        assert_eq!(check().await.ok(), json!({"connection": {"ok": true, "ms_teams_tenant_id": "t-1"}}));
        // Asked anew each time: a kept token would say nothing of today.
        let why = "unauthorized_client";
        let want = json!({"ok": false, "ms_teams_tenant_id": "t-1", "reason": why, "error": why});
        assert_eq!(check().await.ok(), json!({"connection": want}));
        provider.seen().iter().for_each(check_token_request);
        let revoke = format!("{path}/revoke_access?{TEAMS_OBJECT}");
        assert_eq!(kit.put(&revoke, Value::Null).await.ok(), json!("ok"));
        assert_eq!(kit.get(&data).await.ok()["data"]["ms_teams_tenant_id"], Value::Null);
        for answer in [kit.put(&revoke, Value::Null).await, check().await] {
            answer.refused(403, "authorization");
            assert_eq!(answer.json["message"], "Microsoft Teams tenant ID not set.");
        }
        assert_eq!(provider.seen().len(), 2);
    });
}

/// A bot's message goes out with the bot's own token, to the tenant's directory.
#[test]
fn a_bot_posts_into_a_teams_channel() {
    on_both(async |kit| {
        let sent: Reply = (201, JSON, r#"{"id":"19:x;messageid=17","activityId":"17"}"#);
        let (provider, _, _) = teams(kit, &[TOKEN, sent]).await;
        let id = kit.channel_id("teams").await;
        let connection = json!({"data": {"connections": [{"ms_teams_channel_id": "19:x"}]}});
        kit.put(&format!("/v1/users/u1/channel_data/{id}"), connection).await.ok();
        let step = json!({
            "ref": "t", "type": "channel", "channel_key": "teams", "template": {"markdown_body": "**Hi**"},
        });
        kit.workflow("post", json!([step])).await;
        let run = kit.trigger("post", json!({"recipients": ["u1"], "tenant": "acme"})).await;
        let messages = kit.messages(&run).await;
        assert_eq!(messages[0]["status"], "sent", "{:?} {}", provider.seen(), messages[0]);
        let seen = provider.seen();
        assert_eq!(seen[0].path, "/botframework.com/oauth2/v2.0/token");
        assert!(seen[0].body.contains("client_id=bot&"), "{}", seen[0].body);
        assert_eq!(
            (seen[1].path.as_str(), seen[1].header("authorization")),
            ("/v3/conversations", "Bearer graph-1")
        );
        let body: Value = serde_json::from_str(&seen[1].body).expect("JSON");
        assert_eq!(
            (&body["tenantId"], body.pointer("/channelData/channel/id")),
            (&json!("t-1"), Some(&json!("19:x")))
        );
    });
}
