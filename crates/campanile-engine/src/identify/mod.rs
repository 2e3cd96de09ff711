//! Users, objects and tenants as requests name them (recipients.md sections 1-9): parsing is pure, applying is one
//! merge inside the caller's transaction, and the shapes that go out stand beside the ones that come in.

mod apply;
mod body;
mod channel_data;
mod parse;
mod tenant;
mod view;

use campanile_core::ids::ChannelId;
use campanile_core::preference::Change;
use campanile_core::recipient::RecipientRef;
use campanile_core::time::Timestamp;
use serde_json::{Map, Value};

pub use apply::{PROPERTIES_BYTES_MAX, apply, apply_all, changes, limit_message};
pub use body::{parse_object, parse_tenant_body, parse_user};
pub use channel_data::{normalize_channel_data, takes_channel_data};
pub use parse::{parse_recipient, parse_tenant};
pub use tenant::tenant_default;
pub use view::{scope_value, wire_object, wire_recipient, wire_tenant, wire_user};

/// Somebody named in a request.
#[derive(Debug, Clone, PartialEq)]
pub enum Identify {
    /// Only named: creates and changes nothing.
    Reference(RecipientRef),
    /// Named with what is to be known about it.
    Upsert(Box<Upsert>),
}

/// What one request says about a recipient.
#[derive(Debug, Clone, PartialEq)]
pub struct Upsert {
    /// Who.
    pub reference: RecipientRef,
    /// Merged into the stored properties.
    pub properties: Map<String, Value>,
    /// `None` leaves it, `Some(None)` clears it.
    pub created_at: Option<Option<Timestamp>>,
    /// Normalized; each replaces the value of its channel.
    pub channel_data: Vec<(ChannelId, Value)>,
    /// By set id, each merged into the stored set unless it asks to replace it (preferences.md PF5.9).
    pub preferences: Vec<(String, Change)>,
    /// Of this request's run only, never stored (RC6.6).
    pub trigger_data: Option<Map<String, Value>>,
}

impl Identify {
    /// Who is named.
    pub fn reference(&self) -> &RecipientRef {
        match self {
            Self::Reference(reference) => reference,
            Self::Upsert(upsert) => &upsert.reference,
        }
    }
}

/// `recipients[3]` and `id` make `recipients[3].id`; the document itself has no name.
pub(crate) fn join(field: &str, member: &str) -> String {
    if field.is_empty() { member.to_owned() } else { format!("{field}.{member}") }
}
#[cfg(test)]
mod tests;
