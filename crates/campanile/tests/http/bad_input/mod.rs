//! What no client should send, sent to every operation.

mod bodies;
mod credentials;
mod paging;
mod paths;

use campanile_api::operations::{Access, Api, Operation, all};
use http::Method;

use crate::kit::{Answer, Caller, Kit};

/// A message id that belongs to nothing.
pub const NO_MESSAGE: &str = "1jNaXzB2RZX3LY8wVQnfCKyPnv7";

/// Operations that are answered.
pub fn built() -> impl Iterator<Item = &'static Operation> {
    let ids = campanile_api::built();
    all().filter(move |op| ids.binary_search(&op.id).is_ok())
}

/// Operations that say 501.
pub fn unbuilt() -> impl Iterator<Item = &'static Operation> {
    let ids = campanile_api::built();
    all().filter(move |op| ids.binary_search(&op.id).is_err())
}

/// The operation's method.
pub fn method(op: &Operation) -> Method {
    op.method.parse().expect("a method")
}

/// The operation's path with `value` in place of each parameter, and what the management API always wants.
pub fn path_of(op: &Operation, mut value: impl FnMut(&str) -> String) -> String {
    let parts: Vec<String> = op
        .path
        .split('/')
        .map(|part| match part.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
            Some(name) => value(name),
            None => part.to_owned(),
        })
        .collect();
    let query = match op.api {
        Api::Management => "?environment=development&to_environment=production",
        Api::Public | Api::Admin => "",
    };
    format!("{}{query}", parts.join("/"))
}

/// The path with values of the right form that name nothing, but for the channel.
pub fn plausible(op: &Operation, channel: &str) -> String {
    path_of(op, |name| match name {
        "channel_id" => channel.to_owned(),
        "id" if op.path.contains("/feeds/") => channel.to_owned(),
        "message_id" => NO_MESSAGE.to_owned(),
        "collection" => "projects".to_owned(),
        "action" => "seen".to_owned(),
        _ => "sample-1".to_owned(),
    })
}

/// Whoever may call the operation.
pub fn rightful<'k>(kit: &'k Kit, op: &Operation) -> &'k Caller {
    match op.access {
        Access::Secret => &kit.secret,
        // These reach credentials of a tenant: a public key needs a user token that names it.
        Access::Client if op.path.starts_with("/v1/objects/") || op.path.starts_with("/v1/providers/") => {
            &kit.secret
        }
        Access::Client => &kit.public,
        Access::Service => &kit.service,
    }
}

/// What holds for every answer to every request: the envelope, and no fault of ours.
#[track_caller]
pub fn check(answer: &Answer) {
    answer.check_envelope();
    assert!(answer.status < 500 || answer.status == 501, "{} {}", answer.status, answer.text);
}
