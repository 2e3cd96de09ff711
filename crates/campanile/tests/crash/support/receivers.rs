//! Where the load's messages end.

use serde_json::Value;

use super::hooks::{self, HookServer};
use super::ledger::USERS;
use super::mail::{self, MailServer};
use super::{Lives, Node, workflows};

/// A mail server and a webhook receiver that count lives together.
#[derive(Clone)]
pub struct Receivers {
    /// Lives of the server.
    pub lives: Lives,
    /// Takes mails.
    pub mail: MailServer,
    /// Takes webhooks.
    pub hooks: HookServer,
}

impl Receivers {
    /// Starts both, polite.
    pub async fn start() -> Self {
        let lives = Lives::default();
        let mail = MailServer::start(mail::Manner::Polite, &lives).await;
        let hooks = HookServer::start(hooks::Manner::Answers(200), &lives).await;
        Self { lives, mail, hooks }
    }

    /// Publishes the workflows `now` and `late` (2 seconds) that end here, and identifies the users.
    pub async fn prepare(&self, node: &Node) {
        node.mail_goes_to(self.mail.port).await;
        let after = [workflows::feed(), workflows::mail(), workflows::hook(&self.hooks.url())];
        node.client.publish("now", after.to_vec().into()).await;
        let late: Vec<Value> = std::iter::once(workflows::delay(2)).chain(after).collect();
        node.client.publish("late", late.into()).await;
        let people = (0..USERS).map(|user| async move { node.client.identify(&format!("u{user}")).await });
        futures_util::future::join_all(people).await;
    }
}
