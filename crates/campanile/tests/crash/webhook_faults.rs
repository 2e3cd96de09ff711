//! Webhook receivers that close, hang, send elsewhere, or sit where no webhook may go (channels.md section 13).

use serde_json::Value;

use super::support::hooks::{HookServer, Manner};
use super::support::{Lives, Node, Server, databases, workflows};

/// A server under virtual time whose workflow `hook` calls this receiver.
async fn prepared(server: Server, hooks: &HookServer) -> Node {
    let node = server.flag("--virtual-time").start().await;
    node.client.publish("hook", [workflows::hook(&hooks.url())].to_vec().into()).await;
    node.client
        .publish("safe", [workflows::hook(&hooks.url().replace("http:", "https:"))].to_vec().into())
        .await;
    node.client.publish("feed", [workflows::feed()].to_vec().into()).await;
    node.client.identify("u1").await;
    node
}

/// The webhook's message once it rests in `status` with `events` events, and those.
async fn rests(node: &Node, run: &str, status: &str, count: usize) -> (String, Vec<Value>) {
    node.wait(&format!("the webhook is {status}"), 20, || async {
        let messages = node.client.messages(run).await?;
        let [message] = messages.as_slice() else { return Err(format!("{} messages", messages.len())) };
        let id = message["id"].as_str().unwrap_or_default().to_owned();
        let events = node.client.events(&id).await?;
        if message["status"] == status && events.len() == count {
            Ok((id, events))
        } else {
            Err(Value::from(events).to_string())
        }
    })
    .await
}

async fn called(node: &Node, hooks: &HookServer, count: usize) {
    node.wait("the receiver is called", 20, || async {
        let seen = hooks.count();
        if seen >= count { Ok(()) } else { Err(format!("{seen} of {count} calls")) }
    })
    .await;
}

fn ids(hooks: &HookServer) -> Vec<String> {
    hooks.calls().into_iter().map(|call| call.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_closes_is_called_again_under_the_same_key() {
    for database in databases().await {
        let hooks = HookServer::start(Manner::Closes, &Lives::default()).await;
        let node = prepared(Server::on(&database), &hooks).await;
        let run = node.client.accepted("hook", &workflows::to_one("u1", 1)).await;
        let (id, events) = rests(&node, &run, "queued", 3).await;
        assert_eq!(events[1]["type"], "message.delivery_attempted", "{}", database.name);
        assert_eq!(events[1]["data"]["retryable"], true, "{}", database.name);
        assert_eq!(ids(&hooks), [id.as_str()], "{}: one attempt is one call", database.name);
        hooks.set(Manner::Answers(200));
        node.client.advance("PT1M").await;
        rests(&node, &run, "delivered", 4).await;
        assert_eq!(ids(&hooks), [id.clone(), id], "{}", database.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_hangs_holds_up_nothing_else() {
    for database in databases().await {
        let hooks = HookServer::start(Manner::Hangs, &Lives::default()).await;
        let node = prepared(Server::on(&database), &hooks).await;
        let run = node.client.accepted("hook", &workflows::to_one("u1", 1)).await;
        called(&node, &hooks, 1).await;
        let beside = node.client.accepted("feed", &workflows::to_one("u1", 2)).await;
        let shown = node.client.messages(&beside).await.expect("messages");
        assert_eq!(shown[0]["status"], "delivered", "{}: the feed waits for the receiver", database.name);
        let (id, _) = rests(&node, &run, "queued", 1).await;
        // Changing its manner cuts whoever hangs, which spares the test the 50 seconds.
        hooks.set(Manner::Answers(200));
        let (_, events) = rests(&node, &run, "queued", 3).await;
        assert_eq!(events[1]["data"]["retryable"], true, "{}", database.name);
        node.client.advance("PT1M").await;
        rests(&node, &run, "delivered", 4).await;
        assert_eq!(ids(&hooks), [id.clone(), id], "{}", database.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kill_while_a_receiver_hangs_calls_it_again_under_the_same_key() {
    for database in databases().await {
        let hooks = HookServer::start(Manner::Hangs, &Lives::default()).await;
        let mut node = Server::on(&database).start().await;
        node.client.publish("hook", [workflows::hook(&hooks.url())].to_vec().into()).await;
        node.client.identify("u1").await;
        let run = node.client.accepted("hook", &workflows::to_one("u1", 1)).await;
        called(&node, &hooks, 1).await;
        node.kill();
        hooks.set(Manner::Answers(200));
        node.start().await;
        called(&node, &hooks, 2).await;
        let (id, _) = rests(&node, &run, "delivered", 2).await;
        assert_eq!(ids(&hooks), [id.clone(), id], "{}", database.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_to_a_private_address_is_not_followed() {
    for database in databases().await {
        let inside = HookServer::start(Manner::Answers(200), &Lives::default()).await;
        let hooks = HookServer::start(Manner::Redirects(inside.url()), &Lives::default()).await;
        let node = prepared(Server::on(&database), &hooks).await;
        let run = node.client.accepted("hook", &workflows::to_one("u1", 1)).await;
        // 3xx is worth a retry (section 13), of the address that was configured.
        let (id, _) = rests(&node, &run, "queued", 3).await;
        node.client.advance("PT31M").await;
        let (_, events) = rests(&node, &run, "undelivered", 17).await;
        let last = &events.last().expect("events")["data"];
        assert_eq!(last["failure_reason"], "retries_exhausted", "{}", database.name);
        assert!(last["failure_details"].as_str().is_some_and(|text| text.contains("302")), "{last}");
        assert_eq!(ids(&hooks), vec![id; 8], "{}", database.name);
        assert_eq!(inside.count(), 0, "{}: the redirect was followed", database.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_address_is_not_called_at_all() {
    for database in databases().await {
        let hooks = HookServer::start(Manner::Answers(200), &Lives::default()).await;
        let node = prepared(Server::on(&database).guarded(), &hooks).await;
        // Without the operator's leave neither plain text nor a private address is allowed.
        for (workflow, why) in [("hook", "its scheme is not https"), ("safe", "127.0.0.1")] {
            let run = node.client.accepted(workflow, &workflows::to_one("u1", 1)).await;
            let (_, events) = rests(&node, &run, "undelivered", 3).await;
            assert_eq!(events[1]["data"]["retryable"], false, "{}", database.name);
            let failure = &events[2]["data"];
            assert_eq!(failure["failure_reason"], "fatal_error", "{}", database.name);
            let details = failure["failure_details"].as_str().unwrap_or_default();
            assert!(details.contains(why), "{}: {failure}", database.name);
        }
        assert_eq!(hooks.connections(), 0, "{}: somebody connected", database.name);
    }
}
