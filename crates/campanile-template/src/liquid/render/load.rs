//! The data filters: what they ask for, and what was loaded for them (templates.md 2.8).

use super::Renderer;
use crate::liquid::data::{LOADS_MAX, Load};
use crate::liquid::error::Fail;
use crate::liquid::filters::Source;
use crate::liquid::value::Value;

impl<'a> Renderer<'a> {
    /// What `source` has under an id. Nil ids and missing entities give nil, or no subscriptions (T2.20). What is not
    /// loaded yet is noted and stands in as missing, so that one pass finds as much as it can.
    pub(super) fn load(
        &mut self,
        source: Source,
        id: &Value<'a>,
        arguments: &[Value<'a>],
        at: usize,
    ) -> Result<Value<'a>, Fail> {
        let nothing = || match source {
            Source::Subscriptions => Value::from(Vec::new()),
            _ => Value::Nil,
        };
        let id = match id {
            Value::Str(_) | Value::Int(_) => id.to_text().to_string(),
            _ => return Ok(nothing()),
        };
        if id.is_empty() {
            return Ok(nothing());
        }
        let load = match source {
            Source::User => Load::User(id),
            Source::Tenant => Load::Tenant(id),
            Source::Subscriptions => Load::Subscriptions(id),
            Source::Object => {
                let collection = arguments.first().map(|name| name.to_text().to_string()).unwrap_or_default();
                Load::Object { collection, id }
            }
        };
        let (Some(loaded), Some(notes)) = (self.options.loaded, self.options.notes) else {
            return Err(Fail::new(at, "stored data cannot be read here"));
        };
        if !self.loads.contains(&load) {
            // A pass that misses something is void; its stand-ins may have led it astray.
            if self.loads.len() == LOADS_MAX && !self.missed {
                return Err(Fail::new(at, format!("more than {LOADS_MAX} loads of stored data")));
            }
            self.loads.push(load.clone());
        }
        match loaded.get(&load) {
            Some(found) if found.is_null() => Ok(nothing()),
            Some(found) => Ok(Value::from(found)),
            None => {
                self.missed = true;
                notes.miss(load);
                Ok(nothing())
            }
        }
    }
}
