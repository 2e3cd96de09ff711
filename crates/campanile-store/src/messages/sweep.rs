//! Sweeping over a channel's messages in slices: find what matches, change or delete it, remember where to go on
//! (delivery.md section 15.2). A slice reads a bounded stretch of one index, so the writer is never held up for long.

use std::collections::HashMap;

use campanile_core::ids::{ChannelId, EnvId, Ksuid};
use campanile_core::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::filter::Where;
use super::{Engagement, EventRow, HELD, insert_events};
use crate::db::{Cost, Param, Store, Tx};
use crate::error::StoreError;

/// Which tenants' messages (in-app.md section 8).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum SweptTenants {
    /// Everything.
    #[default]
    All,
    /// Any tenant, but one.
    Some,
    /// No tenant.
    None,
    /// One of these.
    Only(Vec<String>),
    /// One of these or none.
    OrNone(Vec<String>),
}

/// Which messages of a channel; all given filters must hold.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct SweepFilter {
    /// Id of the channel.
    pub channel: i64,
    /// Keys of the recipients, gone through one after the other; empty is everybody.
    pub recipients: Vec<String>,
    /// Delivery status codes; empty is all.
    pub statuses: Vec<i64>,
    /// Engagement bits that must be set.
    pub engaged: i64,
    /// Engagement bits that must not be set.
    pub not_engaged: i64,
    /// Whose.
    pub tenants: SweptTenants,
    /// Keys of workflows; empty is all.
    pub workflows: Vec<String>,
    /// Stored pairs that must be present.
    pub trigger_data: Map<String, Value>,
    /// Smallest instant, microseconds.
    pub from: Option<i64>,
    /// First instant that is too late, microseconds.
    pub until: Option<i64>,
    /// Leaves out what waits for its send window and is in no feed yet.
    pub shown_only: bool,
}

/// A matching message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Swept {
    /// Which.
    pub id: Ksuid,
    /// Its engagement bits.
    pub flags: i64,
}

/// A slice of a sweep.
#[derive(Debug)]
pub struct Slice {
    /// What matches, oldest first.
    pub matching: Vec<Swept>,
    /// Messages looked at.
    pub looked_at: usize,
    /// The last one looked at; `None` when nothing is left of this stretch.
    pub next: Option<Ksuid>,
}

fn conditions(env: EnvId, filter: &SweepFilter, is_postgres: bool) -> Where {
    let mut wanted = Where::new(env);
    wanted.and_param("m.channel =", ChannelId(filter.channel));
    if !filter.statuses.is_empty() {
        let list = filter.statuses.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
        wanted.and(&format!("m.status IN ({list})"));
    }
    if filter.engaged != 0 {
        wanted.and(&format!("m.flags & {0} = {0}", filter.engaged));
    }
    let unset = filter.not_engaged | if filter.shown_only { HELD } else { 0 };
    if unset != 0 {
        wanted.and(&format!("m.flags & {unset} = 0"));
    }
    let set = |wanted: &mut Where, texts: &[String]| {
        let place = wanted.param(Param::Texts(texts.to_vec()));
        crate::db::texts_in(is_postgres, &place)
    };
    match &filter.tenants {
        SweptTenants::All => {}
        SweptTenants::Some => wanted.and("m.tenant IS NOT NULL"),
        SweptTenants::None => wanted.and("m.tenant IS NULL"),
        SweptTenants::Only(tenants) => {
            let tenants = set(&mut wanted, tenants);
            wanted.and(&format!("m.tenant IN {tenants}"));
        }
        SweptTenants::OrNone(tenants) => {
            let tenants = set(&mut wanted, tenants);
            wanted.and(&format!("(m.tenant IS NULL OR m.tenant IN {tenants})"));
        }
    }
    if !filter.workflows.is_empty() {
        let workflows = set(&mut wanted, &filter.workflows);
        wanted.and(&format!("m.workflow IN {workflows}"));
    }
    if let Some(from) = filter.from {
        wanted.and_param("m.id >=", Ksuid::floor(Timestamp(from)));
    }
    if let Some(until) = filter.until {
        wanted.and_param("m.id <", Ksuid::floor(Timestamp(until)));
    }
    wanted.and_trigger_data(&filter.trigger_data, is_postgres);
    wanted
}

impl Store {
    /// How many messages of the named recipients match, counted up to `limit`.
    pub async fn count_swept(&self, env: EnvId, filter: &SweepFilter, limit: i64) -> Result<i64, StoreError> {
        let mut wanted = conditions(env, filter, self.is_shared());
        let place = wanted.param(Param::Texts(filter.recipients.clone()));
        wanted.and(&format!("m.recipient IN {}", self.texts_in(&place)));
        let limit = wanted.param(Param::Int(limit));
        let sql = format!(
            "SELECT COUNT(*) FROM (SELECT 1 FROM messages m WHERE {} LIMIT {limit}) AS found",
            wanted.text
        );
        let rows = self.query(Cost::Scan, &sql, &wanted.params).await?;
        rows.first().map_or(Ok(0), |row| row.int(0))
    }
}

impl Tx<'_> {
    /// The next slice behind `after` and before `until`: at most `rows` messages are looked at, those of one recipient
    /// when it is named, and the matching ones are locked.
    pub async fn sweep_slice(
        &mut self,
        env: EnvId,
        filter: &SweepFilter,
        recipient: Option<&str>,
        after: Option<Ksuid>,
        until: Ksuid,
        rows: i64,
    ) -> Result<Slice, StoreError> {
        let floor = filter.from.map_or(Ksuid([0; 20]), |from| Ksuid::floor(Timestamp(from)));
        let bound = |stretch: &mut Where| {
            match after {
                Some(after) => stretch.and_param("m.id >", after),
                None => stretch.and_param("m.id >=", floor),
            }
            stretch.and_param("m.id <", until);
            if let Some(recipient) = recipient {
                stretch.and_param("m.recipient =", recipient.to_owned());
                stretch.and_param("m.channel =", ChannelId(filter.channel));
            }
        };
        let mut stretch = Where::new(env);
        bound(&mut stretch);
        let limit = stretch.param(Param::Int(rows));
        let sql = format!("SELECT m.id FROM messages m WHERE {} ORDER BY m.id LIMIT {limit}", stretch.text);
        let looked_at = self.query(&sql, &stretch.params).await?;
        let Some(last) = looked_at.last().map(|row| row.ksuid(0)).transpose()? else {
            return Ok(Slice { matching: Vec::new(), looked_at: 0, next: None });
        };
        let mut wanted = conditions(env, filter, self.is_postgres());
        bound(&mut wanted);
        wanted.and_param("m.id <=", last);
        let lock = if self.is_postgres() { "FOR UPDATE" } else { "" };
        let sql = format!("SELECT m.id, m.flags FROM messages m WHERE {} ORDER BY m.id {lock}", wanted.text);
        let matching = self.query(&sql, &wanted.params).await?;
        let matching = matching
            .into_iter()
            .map(|row| Ok(Swept { id: row.ksuid(0)?, flags: row.int(1)? }))
            .collect::<Result<Vec<_>, StoreError>>()?;
        let next = (looked_at.len() as i64 == rows).then_some(last);
        Ok(Slice { matching, looked_at: looked_at.len(), next })
    }

    /// Applies one change to many messages, each with its event.
    pub async fn engage_swept(
        &mut self,
        env: EnvId,
        messages: &[Swept],
        change: &Engagement,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let ids = |of: &[Swept]| Param::Blobs(of.iter().map(|one| one.id.0.to_vec()).collect());
        let set = self.blobs_in("$3");
        let mut events: HashMap<Ksuid, Vec<i64>> = HashMap::new();
        if let Some((column, bit, event)) = change.also {
            let unset: Vec<Swept> = messages.iter().filter(|one| one.flags & bit == 0).copied().collect();
            let sql = format!(
                "UPDATE messages SET {column} = $2, flags = flags | {bit} WHERE env = $1 AND id IN {set}"
            );
            self.execute(&sql, &[env.into(), now.into(), ids(&unset)]).await?;
            unset.iter().for_each(|one| events.entry(one.id).or_default().push(event));
        }
        let columns: String = change
            .set
            .iter()
            .map(|(column, _)| format!("{column} = $2, "))
            .chain(change.clear.iter().map(|(column, _)| format!("{column} = NULL, ")))
            .collect();
        let bits = |list: &[(&str, i64)]| list.iter().fold(0, |bits, (_, bit)| bits | bit);
        let sql = format!(
            "UPDATE messages SET {columns} flags = (flags | {}) & ~{}, updated_at = $2 \
             WHERE env = $1 AND id IN {set}",
            bits(&change.set),
            bits(&change.clear),
        );
        self.execute(&sql, &[env.into(), now.into(), ids(messages)]).await?;
        let sql = format!(
            "SELECT message, MAX(seq) FROM message_events WHERE message IN {} GROUP BY message",
            self.blobs_in("$1")
        );
        let mut last = HashMap::with_capacity(messages.len());
        for row in self.query(&sql, &[ids(messages)]).await? {
            last.insert(row.ksuid(0)?, row.int(1)?);
        }
        let mut rows = Vec::with_capacity(messages.len());
        for one in messages {
            let own = events.remove(&one.id).unwrap_or_default();
            let first = last.get(&one.id).map_or(0, |seq| seq + 1);
            for (n, kind) in own.into_iter().chain([change.event]).enumerate() {
                let data = change.event_data.clone().filter(|_| kind == change.event);
                rows.push(EventRow { message: one.id, seq: first + n as i64, kind, data, inserted_at: now });
            }
        }
        insert_events(self, rows.iter()).await
    }

    /// Deletes messages with everything about them; a delivery that still waits goes too.
    pub async fn delete_swept(&mut self, env: EnvId, messages: &[Swept]) -> Result<(), StoreError> {
        let ids = || Param::Blobs(messages.iter().map(|one| one.id.0.to_vec()).collect());
        let set = self.blobs_in("$1");
        for sql in [
            format!("DELETE FROM message_events WHERE message IN {set}"),
            format!("DELETE FROM delivery_logs WHERE message IN {set}"),
            format!("DELETE FROM jobs WHERE kind = 3 AND target IN {set}"),
        ] {
            self.execute(&sql, &[ids()]).await?;
        }
        let sql = format!("DELETE FROM messages WHERE env = $1 AND id IN {}", self.blobs_in("$2"));
        self.execute(&sql, &[env.into(), ids()]).await.map(drop)
    }
}
