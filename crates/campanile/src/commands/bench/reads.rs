//! The reads suite: every list of the public API, each on a full store.

use std::sync::Arc;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::client::{Connection, Credential, Prepared, Target};
use super::error::BenchError;
use super::setup::WORKFLOW_KEY;

/// Users whose things are read in turn, so that no single row stays hot.
const READERS: usize = 500;
/// Subscribers, schedules and audience members that are there to be listed.
const LISTED_MAX: usize = 10_000;
const AUDIENCE_KEY: &str = "campanile-bench";

/// What the paths name.
pub(super) struct Place {
    users: Vec<String>,
    messages: Vec<String>,
    channel_id: Arc<str>,
}

/// One kind of read.
pub(super) struct Read {
    pub(super) name: &'static str,
    /// Path for a user and one of the messages.
    path: fn(&Place, &str, &str) -> String,
}

/// The feed page first: it has a budget of its own.
pub(super) const READS: &[Read] = &[
    Read { name: "feed page of 50", path: |place, user, _| feed(place, user, "page_size=50&mode=compact") },
    Read { name: "rich feed page of 50", path: |place, user, _| feed(place, user, "page_size=50") },
    Read {
        name: "badge counts",
        path: |place, user, _| feed(place, user, "page_size=1&status=unread&mode=compact"),
    },
    Read { name: "users", path: |_, _, _| "/v1/users".into() },
    Read { name: "objects", path: |_, _, _| "/v1/objects/bench-things".into() },
    Read { name: "tenants", path: |_, _, _| "/v1/tenants".into() },
    Read { name: "messages", path: |_, _, _| "/v1/messages".into() },
    Read { name: "messages, delivered", path: |_, _, _| "/v1/messages?status[]=delivered".into() },
    Read { name: "messages, read", path: |_, _, _| "/v1/messages?engagement_status[]=read".into() },
    Read { name: "messages, a workflow's", path: |_, _, _| format!("/v1/messages?source={WORKFLOW_KEY}") },
    Read {
        name: "messages, by trigger data",
        path: |_, _, _| "/v1/messages?trigger_data=%7B%22report%22%3A7%7D".into(),
    },
    Read {
        name: "messages, by trigger data that none has",
        path: |_, _, _| "/v1/messages?trigger_data=%7B%22absent%22%3A7%7D".into(),
    },
    Read { name: "messages, bounced", path: |_, _, _| "/v1/messages?status[]=bounced".into() },
    Read { name: "a user's messages", path: |_, user, _| format!("/v1/users/{user}/messages") },
    Read { name: "a message's events", path: |_, _, message| format!("/v1/messages/{message}/events") },
    Read {
        name: "a message's activities",
        path: |_, _, message| format!("/v1/messages/{message}/activities"),
    },
    Read {
        name: "an object's subscribers",
        path: |_, _, _| "/v1/objects/bench-things/hub/subscriptions".into(),
    },
    Read { name: "a user's subscriptions", path: |_, user, _| format!("/v1/users/{user}/subscriptions") },
    Read { name: "schedules", path: |_, _, _| format!("/v1/schedules?workflow={WORKFLOW_KEY}") },
    Read { name: "a user's schedules", path: |_, user, _| format!("/v1/users/{user}/schedules") },
    Read { name: "audience members", path: |_, _, _| format!("/v1/audiences/{AUDIENCE_KEY}/members") },
    Read { name: "recipient runs", path: |_, _, _| "/v1/workflow_recipient_runs".into() },
    Read {
        name: "a workflow's recipient runs",
        path: |_, _, _| format!("/v1/workflow_recipient_runs?workflow={WORKFLOW_KEY}"),
    },
    Read { name: "a user's preference sets", path: |_, user, _| format!("/v1/users/{user}/preferences") },
];

fn feed(place: &Place, user: &str, query: &str) -> String {
    format!("/v1/users/{user}/feeds/{}?{query}", place.channel_id)
}

impl Read {
    /// The requests to rotate through.
    pub(super) fn requests(&self, target: &Target, place: &Place) -> Result<Vec<Prepared>, BenchError> {
        place
            .users
            .iter()
            .zip(place.messages.iter().cycle())
            .map(|(user, message)| {
                let path = (self.path)(place, user, message);
                target.prepare(Credential::SecretKey, Method::GET, &path, Bytes::new())
            })
            .collect()
    }
}

/// Makes what is listed besides users and messages. Repeating it changes nothing but the schedules' number.
pub(super) async fn furnish(
    target: &Arc<Target>,
    users: &[String],
    channel_id: &Arc<str>,
) -> Result<Place, BenchError> {
    let mut setup = Setup { target, connection: Connection::open(target).await? };
    let audience = json!({"audience": {"name": "Campanile benchmark", "type": "static"}});
    let path = format!("/v1/audiences/{AUDIENCE_KEY}?environment=development&commit=true");
    setup.send(Credential::ServiceToken, Method::PUT, &path, audience).await?;
    setup.secret(Method::PUT, "/v1/objects/bench-things/hub", json!({"name": "Hub"})).await?;
    for tenant in 0..20 {
        let path = format!("/v1/tenants/bench-{tenant}");
        setup.secret(Method::PUT, &path, json!({"name": "Bench"})).await?;
    }
    let listed = &users[..users.len().min(LISTED_MAX)];
    for chunk in listed.chunks(100) {
        let body = json!({ "recipients": chunk });
        setup.secret(Method::POST, "/v1/objects/bench-things/hub/subscriptions", body).await?;
        let body =
            json!({"recipients": chunk, "workflow": WORKFLOW_KEY, "scheduled_at": "2200-01-01T00:00:00Z"});
        setup.secret(Method::POST, "/v1/schedules", body).await?;
        let members: Vec<Value> = chunk.iter().map(|id| json!({"user": {"id": id}})).collect();
        let path = format!("/v1/audiences/{AUDIENCE_KEY}/members");
        setup.secret(Method::POST, &path, json!({ "members": members })).await?;
    }
    let every = (users.len() / READERS).max(1);
    let readers: Vec<String> = users.iter().step_by(every).take(READERS).cloned().collect();
    for user in readers.iter().take(50) {
        let path = format!("/v1/users/{user}/preferences/default");
        setup.secret(Method::PUT, &path, json!({"channel_types": {"email": false}})).await?;
    }
    let page = setup.secret(Method::GET, "/v1/messages?page_size=50", Value::Null).await?;
    let ids = page["items"].as_array().into_iter().flatten().filter_map(|message| message["id"].as_str());
    let messages: Vec<String> = ids.map(str::to_owned).collect();
    if messages.is_empty() {
        return Err(BenchError::Unexpected("GET /v1/messages has no messages".into()));
    }
    // Some of the messages are read, so that the list of read ones is not empty.
    setup.secret(Method::POST, "/v1/messages/batch/read", json!({ "message_ids": &messages })).await?;
    Ok(Place { users: readers, messages, channel_id: channel_id.clone() })
}

struct Setup<'t> {
    target: &'t Arc<Target>,
    connection: Connection,
}

impl Setup<'_> {
    async fn secret(&mut self, method: Method, path: &str, body: Value) -> Result<Value, BenchError> {
        self.send(Credential::SecretKey, method, path, body).await
    }

    async fn send(
        &mut self,
        credential: Credential,
        method: Method,
        path: &str,
        body: Value,
    ) -> Result<Value, BenchError> {
        let bytes = if body.is_null() { Bytes::new() } else { body.to_string().into() };
        let request = self.target.prepare(credential, method, path, bytes)?;
        let answer = self.connection.expect_ok(&request).await?;
        Ok(serde_json::from_slice(&answer).unwrap_or(Value::Null))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn names_and_paths_are_all_different() {
        let place = Place { users: vec!["u".into()], messages: vec!["m".into()], channel_id: "c".into() };
        let paths: HashSet<String> = READS.iter().map(|read| (read.path)(&place, "u", "m")).collect();
        let names: HashSet<&str> = READS.iter().map(|read| read.name).collect();
        assert_eq!((paths.len(), names.len()), (READS.len(), READS.len()));
        assert!(paths.iter().all(|path| path.starts_with("/v1/")), "{paths:?}");
    }
}
