//! Mail servers that refuse, hang, close in the middle, or are not there (channels.md 9.14, delivery.md section 7).

use std::time::Instant;

use hyper::Method;
use serde_json::Value;

use super::support::mail::{MailServer, Manner};
use super::support::{Lives, Node, Server, databases, workflows};

/// A server under virtual time whose workflow `mail` goes to a mail server with this manner.
async fn prepared(server: Server, mail: &MailServer) -> Node {
    let node = server.flag("--virtual-time").start().await;
    node.mail_goes_to(mail.port).await;
    node.client.publish("mail", [workflows::mail()].to_vec().into()).await;
    node.client.publish("feed", [workflows::feed()].to_vec().into()).await;
    node.client.identify("u1").await;
    node
}

/// The mail's message once it rests in `status`, and its events, oldest first.
async fn rests(node: &Node, run: &str, status: &str) -> (String, Vec<Value>) {
    node.wait(&format!("the mail is {status}"), 20, || async {
        let messages = node.client.messages(run).await?;
        let [message] = messages.as_slice() else { return Err(format!("{} messages", messages.len())) };
        let id = message["id"].as_str().unwrap_or_default().to_owned();
        let events = node.client.events(&id).await?;
        let attempted = events.len() > 1;
        if message["status"] == status && attempted {
            Ok((id, events))
        } else {
            Err(Value::from(events).to_string())
        }
    })
    .await
}

fn types(events: &[Value]) -> Vec<&str> {
    events.iter().filter_map(|event| event["type"].as_str()?.strip_prefix("message.")).collect()
}

fn reason<'e>(events: &'e [Value], kind: &str) -> &'e str {
    let event = events.iter().find(|event| event["type"] == format!("message.{kind}"));
    event.and_then(|event| event["data"]["failure_reason"].as_str()).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_final_and_says_whose_fault_it_is() {
    for database in databases().await {
        for (manner, status, why) in [
            (Manner::RefusesRecipient, "bounced", "bounced"),
            (Manner::RefusesMail, "undelivered", "fatal_error"),
        ] {
            let mail = MailServer::start(manner, &Lives::default()).await;
            let node = prepared(Server::on(&database), &mail).await;
            let run = node.client.accepted("mail", &workflows::to_one("u1", 1)).await;
            let (id, events) = rests(&node, &run, status).await;
            assert_eq!(reason(&events, status), why, "{}: {events:?}", database.name);
            let tried = mail.dropped().len();
            node.client.advance("PT2H").await;
            assert_eq!(mail.dropped().len(), tried, "{}: tried again after {status}", database.name);
            assert_eq!(mail.taken().len(), 0);
            let now = node.client.must(Method::GET, &format!("/v1/messages/{id}"), None).await;
            assert_eq!(now["status"], status, "{}: the status changed later", database.name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_closed_in_mid_data_is_tried_again_under_the_same_id() {
    for database in databases().await {
        let mail = MailServer::start(Manner::ClosesInData, &Lives::default()).await;
        let node = prepared(Server::on(&database), &mail).await;
        let run = node.client.accepted("mail", &workflows::to_one("u1", 1)).await;
        let (id, events) = rests(&node, &run, "queued").await;
        assert_eq!(types(&events), ["queued", "delivery_attempted", "queued"], "{}", database.name);
        let attempt = &events[1]["data"];
        assert_eq!((&attempt["attempt"], &attempt["retryable"]), (&1.into(), &true.into()), "{attempt}");
        assert_eq!(mail.dropped(), [id.as_str()]);

        mail.set(Manner::Polite);
        node.client.advance("PT1M").await;
        let (_, events) = rests(&node, &run, "sent").await;
        assert_eq!(types(&events), ["queued", "delivery_attempted", "queued", "sent"], "{}", database.name);
        let taken: Vec<String> = mail.taken().into_iter().map(|mail| mail.id).collect();
        assert_eq!(taken, [id], "{}: the retry is the same message", database.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn eight_attempts_and_no_more() {
    for database in databases().await {
        let mail = MailServer::start(Manner::ClosesInData, &Lives::default()).await;
        let node = prepared(Server::on(&database), &mail).await;
        let run = node.client.accepted("mail", &workflows::to_one("u1", 1)).await;
        let (id, _) = rests(&node, &run, "queued").await;
        node.client.advance("PT31M").await;
        let (_, events) = rests(&node, &run, "undelivered").await;
        assert_eq!(mail.dropped(), vec![id; 8], "{}", database.name);
        assert_eq!(reason(&events, "undelivered"), "retries_exhausted", "{}: {events:?}", database.name);
        let attempts: Vec<u64> =
            events.iter().filter_map(|event| event["data"]["attempt"].as_u64()).collect();
        assert_eq!(attempts, [1, 2, 3, 4, 5, 6, 7, 8], "{}", database.name);
        node.client.advance("PT24H").await;
        assert_eq!(mail.dropped().len(), 8, "{}: tried after it gave up", database.name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_hangs_holds_up_nothing_else() {
    for database in databases().await {
        let mail = MailServer::start(Manner::Silent, &Lives::default()).await;
        let mut node = prepared(Server::on(&database), &mail).await;
        let begun = Instant::now();
        let run = node.client.accepted("mail", &workflows::to_one("u1", 1)).await;
        node.wait("the mail server is called", 10, || async {
            if mail.connections() > 0 { Ok(()) } else { Err("nobody came".to_owned()) }
        })
        .await;
        let beside = node.client.accepted("feed", &workflows::to_one("u1", 2)).await;
        let shown = node.client.messages(&beside).await.expect("messages");
        assert_eq!(shown[0]["status"], "delivered", "{}: the feed waits for the mail server", database.name);
        let hanging = node.client.messages(&run).await.expect("messages");
        assert_eq!(hanging[0]["status"], "queued", "{}", database.name);

        let (id, events) = rests(&node, &run, "queued").await;
        assert_eq!(types(&events), ["queued", "delivery_attempted", "queued"], "{}", database.name);
        let took = begun.elapsed().as_secs();
        assert!((4..12).contains(&took), "{}: five seconds to connect took {took}", database.name);
        mail.set(Manner::Polite);
        node.client.advance("PT1M").await;
        rests(&node, &run, "sent").await;
        assert_eq!(mail.taken()[0].id, id);
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_mail_server_goes_to_the_one_that_is_set_meanwhile() {
    for database in databases().await {
        let mail = MailServer::start(Manner::Polite, &Lives::default()).await;
        let node = prepared(Server::on(&database), &mail).await;
        // A port on which nobody listens any more.
        let nobody = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
        node.mail_goes_to(nobody.expect("a port").port()).await;
        let run = node.client.accepted("mail", &workflows::to_one("u1", 1)).await;
        let (id, events) = rests(&node, &run, "queued").await;
        assert_eq!(types(&events), ["queued", "delivery_attempted", "queued"], "{}", database.name);
        assert_eq!(mail.taken().len(), 0);
        node.mail_goes_to(mail.port).await;
        node.client.advance("PT1M").await;
        rests(&node, &run, "sent").await;
        assert_eq!(mail.taken()[0].id, id, "{}", database.name);
    }
}
