//! What a body says about one recipient: reserved keys, typed attributes, the rest as properties.

use campanile_core::ids::{ChannelId, EnvId};
use campanile_core::preference::{self, Change, Strategy};
use campanile_core::problem::Problems;
use campanile_core::recipient::{RecipientRef, TENANTS, collection_problem, id_problem};
use campanile_core::time::Timestamp;
use campanile_core::window::is_zone;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::channel_data::normalize_channel_data;
use super::parse::{checked, tenant_id_problem};
use super::{Upsert, join, tenant};
use crate::catalog::Catalog;

/// Never properties, of nobody (recipients.md section 8). A returned recipient can be sent back: what is the
/// server's in it is dropped (RC3.3).
const RESERVED: [&str; 3] = ["__typename", "id", "updated_at"];
/// A user's own texts.
const USER_TEXTS: [&str; 5] = ["name", "email", "avatar", "phone_number", "locale"];
/// A user's body. `id` is the path's, or the one in the map; the body's own is ignored (S6).
pub fn parse_user(
    id: &str,
    body: Map<String, Value>,
    field: &str,
    catalog: &Catalog,
    env: EnvId,
    problems: &mut Problems,
) -> Option<Upsert> {
    let named = checked(id_problem(id), &join(field, "id"), problems);
    let mut body = Body { rest: body, field, problems, sound: named };
    for name in USER_TEXTS {
        body.text(name);
    }
    body.timezone();
    body.finish(RecipientRef::user(id), catalog, env)
}

/// An object's body. Through `$tenants` it is a tenant's (RC2.3).
pub fn parse_object(
    collection: &str,
    id: &str,
    mut body: Map<String, Value>,
    field: &str,
    catalog: &Catalog,
    env: EnvId,
    problems: &mut Problems,
) -> Option<Upsert> {
    body.remove("collection");
    if collection == TENANTS {
        return parse_tenant_body(id, body, field, catalog, env, problems);
    }
    let collected = checked(collection_problem(collection), &join(field, "collection"), problems);
    let named = checked(id_problem(id), &join(field, "id"), problems);
    let mut body = Body { rest: body, field, problems, sound: collected && named };
    body.timezone();
    body.finish(RecipientRef::object(collection, id), catalog, env)
}

/// A tenant's body.
pub fn parse_tenant_body(
    id: &str,
    body: Map<String, Value>,
    field: &str,
    catalog: &Catalog,
    env: EnvId,
    problems: &mut Problems,
) -> Option<Upsert> {
    let named = checked(tenant_id_problem(id), &join(field, "id"), problems);
    let mut body = Body { rest: body, field, problems, sound: named };
    body.text("name");
    body.timezone();
    if let Some(settings) = body.rest.get_mut("settings") {
        body.sound &= tenant::check_settings(settings, &join(field, "settings"), body.problems);
    }
    body.finish(RecipientRef::object(TENANTS, id), catalog, env)
}

/// A body being read: `rest` shrinks to the properties.
struct Body<'a> {
    rest: Map<String, Value>,
    field: &'a str,
    problems: &'a mut Problems,
    sound: bool,
}

impl Body<'_> {
    fn refuse(&mut self, member: &str, message: &str) {
        self.problems.add(join(self.field, member), message);
        self.sound = false;
    }

    /// A text or null; stays a property.
    fn text(&mut self, name: &str) {
        if !matches!(self.rest.get(name), None | Some(Value::Null | Value::String(_))) {
            self.refuse(name, "must be a string");
        }
    }

    /// A name of the zone database or null; stays a property.
    fn timezone(&mut self) {
        match self.rest.get("timezone") {
            None | Some(Value::Null) => {}
            Some(Value::String(name)) if is_zone(name) => {}
            Some(Value::String(_)) => self.refuse("timezone", "is not a time zone of the tz database"),
            Some(_) => self.refuse("timezone", "must be a string"),
        }
    }

    /// Takes what is not a property; the upsert when nothing was refused.
    fn finish(mut self, reference: RecipientRef, catalog: &Catalog, env: EnvId) -> Option<Upsert> {
        for name in RESERVED {
            self.rest.remove(name);
        }
        let created_at = self.created_at();
        let trigger_data = self.trigger_data();
        let preferences = self.preferences();
        let channel_data = self.channel_data(reference.collection == TENANTS, catalog, env);
        self.sound.then_some(Upsert {
            reference,
            properties: self.rest,
            created_at,
            channel_data,
            preferences,
            trigger_data,
        })
    }

    fn created_at(&mut self) -> Option<Option<Timestamp>> {
        match self.rest.remove("created_at")? {
            Value::Null => Some(None),
            Value::String(text) if Timestamp::parse(&text).is_some() => Some(Timestamp::parse(&text)),
            _ => {
                self.refuse("created_at", "is not an ISO 8601 datetime");
                None
            }
        }
    }

    fn trigger_data(&mut self) -> Option<Map<String, Value>> {
        match self.rest.remove("$trigger_data")? {
            Value::Null => None,
            Value::Object(data) => Some(data),
            _ => {
                self.refuse("$trigger_data", "must be an object");
                None
            }
        }
    }

    /// By set id, which must be written out (preferences.md PF5.9).
    fn preferences(&mut self) -> Vec<(String, Change)> {
        let sets = match self.rest.remove("preferences") {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Object(sets)) => sets,
            Some(_) => {
                self.refuse("preferences", "must be an object");
                return Vec::new();
            }
        };
        let mut changes = Vec::with_capacity(sets.len());
        for (id, value) in sets {
            let member = format!("preferences.{id}");
            let problem = match preference::is_section(&id) {
                true => Some("is not a set id; put the set under an id like default"),
                false => preference::set_id_problem(&id),
            };
            if let Some(problem) = problem {
                self.refuse(&member, problem);
                continue;
            }
            let path = join(self.field, &member);
            match Change::parse(&value, Strategy::Merge, &path, self.problems) {
                Some(change) => changes.push((id, change)),
                None => self.sound = false,
            }
        }
        changes
    }

    /// By channel id, unwrapped (RC9.1).
    fn channel_data(&mut self, is_tenant: bool, catalog: &Catalog, env: EnvId) -> Vec<(ChannelId, Value)> {
        let entries = match self.rest.remove("channel_data") {
            None | Some(Value::Null) => return Vec::new(),
            Some(Value::Object(entries)) => entries,
            Some(_) => {
                self.refuse("channel_data", "must be an object");
                return Vec::new();
            }
        };
        let mut values = Vec::with_capacity(entries.len());
        for (channel, data) in entries {
            let member = format!("channel_data.{channel}");
            let Ok(uuid) = Uuid::parse_str(&channel) else {
                self.refuse(&member, "is not a channel id");
                continue;
            };
            let known = catalog.channel_by_uuid(uuid).filter(|entry| entry.settings.contains_key(&env));
            let Some(entry) = known else {
                self.refuse(&member, "is not a channel of this environment");
                continue;
            };
            let path = join(self.field, &member);
            let provider = &entry.channel.provider;
            match normalize_channel_data(provider, &data, is_tenant, &path, self.problems) {
                Some(data) => values.push((entry.channel.id, data)),
                None => self.sound = false,
            }
        }
        values
    }
}
