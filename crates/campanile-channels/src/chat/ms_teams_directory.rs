//! What a channel picker asks of Microsoft Graph: whether a tenant let us in, its teams and their channels
//! (channels.md 12.8).

use http::Method;
use serde_json::{Map, Value};

use super::refusal::Refusal;
use crate::delivery::{BuildError, Delivery};
use crate::exchange::{HttpAnswer, HttpRequest, TransportError, path_segment};

const LOGIN: &str = "https://login.microsoftonline.com";
const GRAPH: &str = "https://graph.microsoft.com";
const SCOPE: &str = "https://graph.microsoft.com/.default";
/// Members of a team and of a channel that the wire shows.
const TEAM: [&str; 3] = ["id", "displayName", "description"];
const CHANNEL: [&str; 6] =
    ["id", "displayName", "description", "membershipType", "isArchived", "createdDateTime"];

/// OData parameters as a client gave them.
#[derive(Debug, Clone, Default)]
pub struct ListQuery {
    /// `$filter`.
    pub filter: Option<String>,
    /// `$select`.
    pub select: Option<String>,
    /// `$top`.
    pub top: Option<u32>,
    /// `$skiptoken`.
    pub skip_token: Option<String>,
}

/// Asks for a token of a customer's tenant: it is given only if that tenant's administrator let the app in. The app
/// is the Graph client, or the bot where none is named.
pub fn token_request(tenant: &str, delivery: &Delivery<'_>) -> Result<HttpRequest, BuildError> {
    let own = delivery.setting("graph_api_client_id").zip(delivery.setting("graph_api_client_secret"));
    let (id, secret) = match own {
        Some(own) => own,
        None => (delivery.required("bot_id")?, delivery.required("bot_password")?),
    };
    let path = format!("/{}/oauth2/v2.0/token", path_segment(tenant));
    Ok(HttpRequest::post(delivery.url(LOGIN, &path)).with_form(&[
        ("grant_type".into(), "client_credentials".into()),
        ("client_id".into(), id),
        ("client_secret".into(), secret),
        ("scope".into(), SCOPE.into()),
    ]))
}

/// Asks for a page of a tenant's teams.
pub fn list_teams(query: &ListQuery, token: &str, delivery: &Delivery<'_>) -> HttpRequest {
    get("/v1.0/teams", query, query.select.clone(), token, delivery)
}

/// Asks for the channels of a team. What decides about leaving one out is always selected.
pub fn list_channels(team: &str, query: &ListQuery, token: &str, delivery: &Delivery<'_>) -> HttpRequest {
    let select = query.select.as_ref().map(|select| {
        let mut select = select.clone();
        for member in ["membershipType", "isArchived"] {
            if !select.split(',').any(|named| named.trim() == member) {
                select.push(',');
                select.push_str(member);
            }
        }
        select
    });
    get(&format!("/v1.0/teams/{}/channels", path_segment(team)), query, select, token, delivery)
}

fn get(
    path: &str,
    query: &ListQuery,
    select: Option<String>,
    token: &str,
    delivery: &Delivery<'_>,
) -> HttpRequest {
    let top = query.top.map(|top| top.to_string());
    let pairs =
        [("$filter", &query.filter), ("$select", &select), ("$top", &top), ("$skiptoken", &query.skip_token)];
    let mut encoded = url::form_urlencoded::Serializer::new(String::new());
    for (name, value) in pairs {
        if let Some(value) = value {
            encoded.append_pair(name, value);
        }
    }
    let encoded = encoded.finish();
    let path = if encoded.is_empty() { path.to_owned() } else { format!("{path}?{encoded}") };
    HttpRequest::new(Method::GET, delivery.url(GRAPH, &path)).with_bearer(token)
}

/// Reads an answer of Graph or of the token endpoint.
pub fn read(result: Result<&HttpAnswer, &TransportError>) -> Result<Value, Refusal> {
    let answer = result.map_err(|error| Refusal::Unavailable(error.code().into()))?;
    let body = answer.json();
    if answer.is_success() && body.is_object() {
        return Ok(body);
    }
    // Graph puts an object under `error`, the token endpoint a word.
    let error = body.pointer("/error/code").or(body.get("error")).and_then(Value::as_str);
    match (answer.status, error) {
        (429, _) => Err(Refusal::Throttled),
        (400..=499, Some(error)) => Err(Refusal::Refused(error.to_owned())),
        (400..=499, None) => Err(Refusal::Refused(format!("HTTP {}", answer.status))),
        _ => Err(Refusal::Unavailable(format!("HTTP {}", answer.status))),
    }
}

/// Teams in the wire's form, and the token of the next page.
pub fn teams(body: &Value) -> (Vec<Value>, Option<String>) {
    let teams = list(body).map(|team| shown(team, &TEAM)).collect();
    let next = body["@odata.nextLink"].as_str().and_then(|link| {
        let link = url::Url::parse(link).ok()?;
        let found = link.query_pairs().find(|(name, _)| name.eq_ignore_ascii_case("$skiptoken"));
        found.map(|(_, token)| token.into_owned())
    });
    (teams, next.filter(|token| !token.is_empty()))
}

/// Channels in the wire's form. Unless the caller filters, archived ones and private ones, which no bot can reach,
/// are left out.
pub fn channels(body: &Value, query: &ListQuery) -> Vec<Value> {
    let is_open = |channel: &&Map<String, Value>| {
        query.filter.is_some()
            || (channel.get("isArchived") != Some(&Value::Bool(true))
                && channel.get("membershipType").is_none_or(|kind| kind != "private"))
    };
    list(body).filter(is_open).map(|channel| shown(channel, &CHANNEL)).collect()
}

fn list(body: &Value) -> impl Iterator<Item = &Map<String, Value>> {
    body["value"].as_array().into_iter().flatten().filter_map(Value::as_object)
}

/// What was selected and is known; what is null says nothing.
fn shown(one: &Map<String, Value>, members: &[&str]) -> Value {
    let known = members.iter().filter_map(|name| {
        let value = one.get(*name).filter(|value| !value.is_null())?;
        Some(((*name).to_owned(), value.clone()))
    });
    Value::Object(known.collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::tests::answer;
    use crate::setting::Settings;
    use campanile_core::time::Timestamp;
    use serde_json::json;

    fn settings(value: Value) -> Settings {
        value.as_object().cloned().unwrap_or_default()
    }

    #[test]
    fn asks_for_tokens_as_the_graph_client_or_the_bot() {
        let bot = json!({"bot_id": "b", "bot_password": "p&"});
        let both = json!({"bot_id": "b", "bot_password": "p", "graph_api_client_id": "g", "graph_api_client_secret": "s"});
        for (value, client) in
            [(bot, "client_id=b&client_secret=p%26"), (both, "client_id=g&client_secret=s")]
        {
            let settings = settings(value);
            let request = token_request("t/1", &Delivery::new("", &settings, Timestamp(0))).unwrap();
            assert_eq!(request.url, "https://login.microsoftonline.com/t%2F1/oauth2/v2.0/token");
            let scope = "scope=https%3A%2F%2Fgraph.microsoft.com%2F.default";
            let want = format!("grant_type=client_credentials&{client}&{scope}");
            assert_eq!(String::from_utf8(request.body).unwrap(), want);
        }
        let empty = Settings::new();
        let refused = token_request("t", &Delivery::new("", &empty, Timestamp(0)));
        assert_eq!(refused, Err(BuildError::MissingSetting("bot_id")));
    }

    #[test]
    fn asks_for_lists() {
        let empty = Settings::new();
        let delivery = Delivery::new("", &empty, Timestamp(0));
        let query = ListQuery { select: Some("id,displayName".into()), top: Some(5), ..Default::default() };
        assert_eq!(
            list_teams(&ListQuery::default(), "t", &delivery).url,
            "https://graph.microsoft.com/v1.0/teams"
        );
        assert_eq!(
            list_teams(&query, "t", &delivery).url,
            "https://graph.microsoft.com/v1.0/teams?%24select=id%2CdisplayName&%24top=5"
        );
        assert_eq!(
            list_channels("a b", &query, "t", &delivery).url,
            "https://graph.microsoft.com/v1.0/teams/a%20b/channels?\
             %24select=id%2CdisplayName%2CmembershipType%2CisArchived&%24top=5"
        );
    }

    #[test]
    fn reads_every_answer() {
        for (status, body, want) in [
            (200, r#"{"value":[]}"#, Ok(json!({"value": []}))),
            (
                400,
                r#"{"error":"unauthorized_client","error_description":"x"}"#,
                Err(Refusal::Refused("unauthorized_client".into())),
            ),
            (
                403,
                r#"{"error":{"code":"Forbidden","message":"x"}}"#,
                Err(Refusal::Refused("Forbidden".into())),
            ),
            (404, "", Err(Refusal::Refused("HTTP 404".into()))),
            (429, "{}", Err(Refusal::Throttled)),
            (503, "", Err(Refusal::Unavailable("HTTP 503".into()))),
            (200, "<html>", Err(Refusal::Unavailable("HTTP 200".into()))),
        ] {
            assert_eq!(read(Ok(&answer(status, body))), want, "{status} {body}");
        }
    }

    #[test]
    fn lists_have_the_wire_s_form() {
        let body = json!({
            "value": [{"id": "1", "displayName": "One", "description": null, "visibility": "public"}],
            "@odata.nextLink": "https://graph.microsoft.com/v1.0/teams?$skiptoken=X%2BY&$top=1",
        });
        assert_eq!(teams(&body), (vec![json!({"id": "1", "displayName": "One"})], Some("X+Y".into())));
        assert_eq!(teams(&json!({"value": []})), (vec![], None));
        let body = json!({"value": [
            {"id": "1", "displayName": "General", "membershipType": "standard", "isArchived": false},
            {"id": "2", "displayName": "Old", "membershipType": "standard", "isArchived": true},
            {"id": "3", "displayName": "Secret", "membershipType": "private"},
        ]});
        assert_eq!(channels(&body, &ListQuery::default()).len(), 1);
        let filtered = ListQuery { filter: Some("membershipType eq 'private'".into()), ..Default::default() };
        assert_eq!(channels(&body, &filtered).len(), 3);
    }
}
