//! The in-app feed of one user: a page and its badge counts, both from one covering index.

use campanile_core::ids::{ChannelId, EnvId, Ksuid};
use campanile_core::message::{Engagement, EngagementSet};
use campanile_core::time::Timestamp;
use serde_json::{Map, Value};

use super::filter::Where;
use super::{HELD, MessageView};
use crate::db::{Cost, Param, Store};
use crate::error::StoreError;
use crate::page::{Page, PageRequest};

const SEEN: i64 = EngagementSet::EMPTY.with(Engagement::Seen).bits();
const READ: i64 = EngagementSet::EMPTY.with(Engagement::Read).bits();
const ARCHIVED: i64 = EngagementSet::EMPTY.with(Engagement::Archived).bits();

/// Which tenants' items a feed shows (in-app.md section 4).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum TenantFilter {
    /// Everything.
    #[default]
    All,
    /// Any tenant, but one.
    Some,
    /// No tenant.
    None,
    /// This tenant only.
    Only(String),
    /// This tenant or none.
    OrNone(String),
}

/// Filters of a feed.
#[derive(Debug, Clone, Default)]
pub struct FeedFilter {
    /// `Some((bit, set))`: the engagement bit must be set or not. Ignored by the unread and unseen counts (IA4.3).
    pub status: Option<(i64, bool)>,
    /// `None` includes archived items, `Some(true)` shows them only, `Some(false)` leaves them out.
    pub archived: Option<bool>,
    /// See [`TenantFilter`].
    pub tenant: TenantFilter,
    /// Key of the workflow.
    pub source: Option<String>,
    /// Keys of workflows that have one of the wanted categories.
    pub workflows: Option<Vec<String>>,
    /// Stored pairs that must be present.
    pub trigger_data: Map<String, Value>,
    /// Not older than this.
    pub from: Option<Timestamp>,
    /// Older than this.
    pub until: Option<Timestamp>,
}

/// Badge counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FeedCounts {
    /// Items by every filter.
    pub total: i64,
    /// Unread items, whatever the status filter.
    pub unread: i64,
    /// Unseen items, whatever the status filter.
    pub unseen: i64,
}

fn filters(store: &Store, env: EnvId, user: &str, channel: ChannelId, filter: &FeedFilter) -> Where {
    let mut wanted = Where::new(env);
    wanted.and_param("m.recipient =", user.to_owned());
    wanted.and_param("m.channel =", channel);
    wanted.and(&format!("m.flags & {HELD} = 0"));
    match filter.archived {
        Some(true) => wanted.and(&format!("m.flags & {ARCHIVED} <> 0")),
        Some(false) => wanted.and(&format!("m.flags & {ARCHIVED} = 0")),
        None => {}
    }
    match &filter.tenant {
        TenantFilter::All => {}
        TenantFilter::Some => wanted.and("m.tenant IS NOT NULL"),
        TenantFilter::None => wanted.and("m.tenant IS NULL"),
        TenantFilter::Only(tenant) => wanted.and_param("m.tenant =", tenant.clone()),
        TenantFilter::OrNone(tenant) => {
            let place = wanted.param(tenant.clone());
            wanted.and(&format!("(m.tenant = {place} OR m.tenant IS NULL)"));
        }
    }
    if let Some(source) = &filter.source {
        wanted.and_param("m.workflow =", source.clone());
    }
    if let Some(workflows) = &filter.workflows {
        let place = wanted.param(Param::Texts(workflows.clone()));
        wanted.and(&format!("m.workflow IN {}", store.texts_in(&place)));
    }
    if let Some(from) = filter.from {
        wanted.and_param("m.id >=", Ksuid::floor(from));
    }
    if let Some(until) = filter.until {
        wanted.and_param("m.id <", Ksuid::floor(until));
    }
    wanted.and_trigger_data(&filter.trigger_data, store.is_shared());
    wanted
}

fn status_condition(filter: &FeedFilter) -> String {
    match filter.status {
        Some((bit, true)) => format!("m.flags & {bit} <> 0"),
        Some((bit, false)) => format!("m.flags & {bit} = 0"),
        None => String::new(),
    }
}

impl Store {
    /// One page of a user's feed, newest first.
    pub async fn feed(
        &self,
        env: EnvId,
        user: &str,
        channel: ChannelId,
        filter: &FeedFilter,
        page: &PageRequest,
    ) -> Result<Page<MessageView>, StoreError> {
        let mut wanted = filters(self, env, user, channel, filter);
        let status = status_condition(filter);
        if !status.is_empty() {
            wanted.and(&status);
        }
        self.message_page(wanted, Cost::Point, page).await
    }

    /// The badge counts of the same feed.
    pub async fn feed_counts(
        &self,
        env: EnvId,
        user: &str,
        channel: ChannelId,
        filter: &FeedFilter,
    ) -> Result<FeedCounts, StoreError> {
        let wanted = filters(self, env, user, channel, filter);
        let status = status_condition(filter);
        let total = if status.is_empty() {
            "COUNT(*)".to_owned()
        } else {
            format!("COALESCE(SUM(CASE WHEN {status} THEN 1 ELSE 0 END), 0)")
        };
        let sql = format!(
            "SELECT {total}, COALESCE(SUM(CASE WHEN m.flags & {READ} = 0 THEN 1 ELSE 0 END), 0), \
             COALESCE(SUM(CASE WHEN m.flags & {SEEN} = 0 THEN 1 ELSE 0 END), 0) FROM messages m WHERE {}",
            wanted.text
        );
        let rows = self.query(Cost::Point, &sql, &wanted.params).await?;
        let Some(row) = rows.first() else { return Ok(FeedCounts::default()) };
        Ok(FeedCounts { total: row.int(0)?, unread: row.int(1)?, unseen: row.int(2)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stored_bits_never_move() {
        // Rows of every released version hold these.
        let bit = |engagement| EngagementSet::EMPTY.with(engagement).bits();
        assert_eq!((SEEN, READ, ARCHIVED, HELD), (1, 2, 16, 32));
        assert_eq!((bit(Engagement::Interacted), bit(Engagement::LinkClicked)), (4, 8));
    }
}
