//! The links that the messages of one recipient may carry.

use std::cell::OnceCell;

use campanile_core::ids::EnvId;
use campanile_core::recipient::RecipientRef;
use campanile_core::time::Timestamp;
use serde_json::Value;

use super::{Links, PreferenceLink, UnsubscribeLink};
use crate::program::{LinkVars, PREFERENCES, UNSUBSCRIBE};

/// Signs each link at its first use, and once.
pub(crate) struct RecipientLinks<'r> {
    links: &'r Links,
    env: EnvId,
    recipient: &'r RecipientRef,
    since: Timestamp,
    offered: LinkVars,
    unsubscribe: OnceCell<String>,
    preferences: OnceCell<String>,
}

impl<'r> RecipientLinks<'r> {
    /// `offered` says which links the run has at all; `since` is when the recipient was first seen.
    pub(crate) fn new(
        links: &'r Links,
        env: EnvId,
        recipient: &'r RecipientRef,
        since: Timestamp,
        offered: LinkVars,
    ) -> Self {
        // Preference centers are for users (preferences.md PF11.4).
        let offered = LinkVars { preferences: offered.preferences && recipient.is_user(), ..offered };
        Self {
            links,
            env,
            recipient,
            since,
            offered,
            unsubscribe: OnceCell::new(),
            preferences: OnceCell::new(),
        }
    }

    /// Leads out of commercial messages; only commercial runs have it (delivery.md R14.3).
    pub(crate) fn unsubscribe(&self) -> Option<&str> {
        let sign = || UnsubscribeLink { env: self.env, recipient: self.recipient.clone() }.url(self.links);
        self.offered.unsubscribe.then(|| self.unsubscribe.get_or_init(sign).as_str())
    }

    fn preferences(&self) -> Option<&str> {
        let sign = || {
            let link = PreferenceLink::new(self.env, &self.recipient.id, self.since);
            PreferenceLink::url(self.links, &link.token(self.links))
        };
        self.offered.preferences.then(|| self.preferences.get_or_init(sign).as_str())
    }

    /// `vars` with the links that are read and that there are; `None` when there are none.
    pub(crate) fn over(&self, vars: &Value, reads: LinkVars) -> Option<Value> {
        let unsubscribe = reads.unsubscribe.then(|| self.unsubscribe()).flatten();
        let preferences = reads.preferences.then(|| self.preferences()).flatten();
        if unsubscribe.is_none() && preferences.is_none() {
            return None;
        }
        let mut members = vars.as_object().cloned().unwrap_or_default();
        for (name, url) in [(UNSUBSCRIBE, unsubscribe), (PREFERENCES, preferences)] {
            if let Some(url) = url {
                members.insert(name.into(), url.into());
            }
        }
        Some(Value::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_is_offered_and_read_is_added() {
        let links = Links::new("https://n.test", b"secret");
        let (user, object) = (RecipientRef::user("u1"), RecipientRef::object("projects", "p1"));
        let vars = json!({"app_name": "Acme"});
        let both = LinkVars { unsubscribe: true, preferences: true };
        let neither = LinkVars::default();
        let unsubscribe = LinkVars { preferences: false, ..both };
        for (recipient, offered, reads, want) in [
            (&user, both, both, Some("app_name,commercial_unsubscribe_url,manage_preferences_url")),
            (&user, both, unsubscribe, Some("app_name,commercial_unsubscribe_url")),
            (&user, both, neither, None),
            (&user, neither, both, None),
            (&object, both, both, Some("app_name,commercial_unsubscribe_url")),
        ] {
            let own = RecipientLinks::new(&links, EnvId(1), recipient, Timestamp(5), offered);
            let seen = own.over(&vars, reads);
            let names = seen.as_ref().and_then(Value::as_object).map(|vars| {
                let mut names: Vec<_> = vars.keys().map(String::as_str).collect();
                names.sort_unstable();
                names.join(",")
            });
            assert_eq!(names.as_deref(), want, "{recipient} {offered:?} {reads:?}");
            assert_eq!(own.unsubscribe().is_some(), offered.unsubscribe);
        }
    }
}
