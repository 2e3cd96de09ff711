//! Channel data by provider (recipients.md section 9): what is accepted, and the one form that is kept and answered.

mod connections;
mod push;

use campanile_core::problem::Problems;
use serde_json::{Map, Value};

use super::join;

/// What a provider keeps for a recipient.
enum Kind {
    /// `tokens` and `devices`.
    Tokens,
    /// `target_arns` and `devices`.
    TargetArns,
    /// `player_ids`.
    PlayerIds,
    Slack,
    Teams,
    Discord,
    /// Any object (S14).
    Free,
}

fn kind(provider: &str) -> Option<Kind> {
    Some(match provider {
        "push_fcm" | "push_apns" | "push_expo" => Kind::Tokens,
        "push_aws_sns" => Kind::TargetArns,
        "push_one_signal" => Kind::PlayerIds,
        "chat_slack" => Kind::Slack,
        "chat_ms_teams" => Kind::Teams,
        "chat_discord" => Kind::Discord,
        _ if provider.starts_with("http") => Kind::Free,
        _ => return None,
    })
}

/// False for providers that address a recipient by an attribute: e-mail, SMS, in-app.
pub fn takes_channel_data(provider: &str) -> bool {
    kind(provider).is_some()
}

/// The value as it is kept and returned. A tenant may bring only its token (RC9.11). `None` when something was
/// refused, which `problems` then holds.
pub fn normalize_channel_data(
    provider: &str,
    data: &Value,
    is_tenant: bool,
    field: &str,
    problems: &mut Problems,
) -> Option<Value> {
    let Some(kind) = kind(provider) else {
        problems.add(field, "names a channel that takes no channel data");
        return None;
    };
    let Value::Object(map) = data else {
        problems.add(field, "must be an object");
        return None;
    };
    let mut input = Input { map, field, problems, sound: true };
    let value = match kind {
        Kind::Tokens => push::devices(&mut input, "tokens", "token"),
        Kind::TargetArns => push::devices(&mut input, "target_arns", "target_arn"),
        Kind::PlayerIds => push::player_ids(&mut input),
        Kind::Slack => connections::slack(&mut input, is_tenant),
        Kind::Teams => connections::teams(&mut input, is_tenant),
        Kind::Discord => connections::discord(&mut input),
        Kind::Free => data.clone(),
    };
    input.sound.then_some(value)
}

/// A map being read.
struct Input<'a> {
    map: &'a Map<String, Value>,
    field: &'a str,
    problems: &'a mut Problems,
    sound: bool,
}

impl<'a> Input<'a> {
    fn refuse(&mut self, member: &str, message: &str) {
        self.problems.add(join(self.field, member), message);
        self.sound = false;
    }

    /// A list; null counts as absent.
    fn list(&mut self, member: &str) -> Option<&'a Vec<Value>> {
        match self.map.get(member)? {
            Value::Null => None,
            Value::Array(list) => Some(list),
            _ => {
                self.refuse(member, "must be a list");
                None
            }
        }
    }

    /// The same input seen from one of its members.
    fn inside<T>(
        &mut self,
        member: &str,
        map: &'a Map<String, Value>,
        read: impl FnOnce(&mut Input<'_>) -> T,
    ) -> T {
        let field = join(self.field, member);
        let mut input = Input { map, field: &field, problems: self.problems, sound: true };
        let value = read(&mut input);
        self.sound &= input.sound;
        value
    }

    /// A text that is not empty, or null.
    fn opaque(&mut self, member: &str) -> Value {
        match self.map.get(member) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) if !text.is_empty() => return Value::String(text.clone()),
            Some(Value::String(_)) => self.refuse(member, "can't be blank"),
            Some(_) => self.refuse(member, "must be a string"),
        }
        Value::Null
    }

    /// A text that must be there.
    fn required(&mut self, member: &str) -> String {
        match self.opaque(member) {
            Value::String(text) => text,
            _ => {
                if self.map.get(member).is_none_or(Value::is_null) {
                    self.refuse(member, "can't be blank");
                }
                String::new()
            }
        }
    }
}
