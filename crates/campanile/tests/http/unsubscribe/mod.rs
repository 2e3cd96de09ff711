//! Leaving commercial messages by a link (delivery.md section 14).

mod mails;
mod page;
mod vars;

use campanile_core::recipient::RecipientRef;
use campanile_engine::links::UnsubscribeLink;
use http::Method;

use crate::kit::{Answer, Kit};

/// The path of somebody's link in an environment.
pub fn link(kit: &Kit, environment: &str, recipient: RecipientRef) -> String {
    let engine = &kit.server().engine;
    let env = engine.catalog().environment(environment).expect("it exists").id;
    format!("/u/{}", UnsubscribeLink { env, recipient }.token(engine.links()))
}

/// The path of an address of ours, in angle brackets or not.
pub fn path_of(address: &str) -> String {
    let address = address.trim_matches(['<', '>']);
    let path = address.split_once("//").and_then(|(_, rest)| rest.split_once('/'));
    format!("/{}", path.expect("an absolute address").1)
}

/// What a mail client posts (RFC 8058).
pub async fn one_click(kit: &Kit, path: &str) -> Answer {
    let form = [("content-type", "application/x-www-form-urlencoded")];
    kit.nobody.send(Method::POST, path, "List-Unsubscribe=One-Click", &form).await
}
