//! The query parameters of a feed.

use campanile_core::ids::EnvId;
use campanile_core::message::{Engagement, EngagementSet};
use campanile_store::{FeedFilter, TenantFilter};

use super::exclude::Excluded;
use super::item::Mode;
use crate::app::App;
use crate::error::ApiResult;
use crate::public::filters::{inserted_at, trigger_data, workflow_categories, workflows_of_categories};
use crate::query::Query;

/// A feed as asked for.
pub(super) struct Request {
    /// Which items.
    pub(super) filter: FeedFilter,
    /// How much of each.
    pub(super) mode: Mode,
    /// What to leave out of the answer.
    pub(super) excluded: Excluded,
}

/// Reads everything but the page. Unknown parameters are ignored; `locale` too, since no translations exist (S7).
pub(super) async fn read(app: &App, env: EnvId, mut query: Query) -> ApiResult<Request> {
    let mode = match query.one_of("mode", &["rich", "compact"]) {
        Some("compact") => Mode::Compact,
        _ => Mode::Rich,
    };
    let excluded = Excluded::parse(query.text("exclude").unwrap_or_default());
    let excluded = excluded.unwrap_or_else(|| {
        query.problems.add("exclude", "must not name paths of more than 3 parts");
        Excluded::default()
    });
    let (mut filter, categories) = filter(&mut query);
    query.finish()?;
    filter.workflows = workflows_of_categories(app, env, &categories).await?;
    Ok(Request { filter, mode, excluded })
}

fn filter(query: &mut Query) -> (FeedFilter, Vec<String>) {
    let bit = |engagement| EngagementSet::EMPTY.with(engagement).bits();
    let status = match query.one_of("status", &["unread", "read", "unseen", "seen", "all"]) {
        Some("unread") => Some((bit(Engagement::Read), false)),
        Some("read") => Some((bit(Engagement::Read), true)),
        Some("unseen") => Some((bit(Engagement::Seen), false)),
        Some("seen") => Some((bit(Engagement::Seen), true)),
        _ => None,
    };
    let archived = match query.one_of("archived", &["exclude", "include", "only"]) {
        Some("include") => None,
        Some("only") => Some(true),
        _ => Some(false),
    };
    let has_tenant = query.bool("has_tenant");
    let tenant = tenant(query.text("tenant"), has_tenant);
    let (from, until) = inserted_at(query);
    let trigger_data = trigger_data(query);
    let source = query.text("source").map(str::to_owned);
    let filter = FeedFilter { status, archived, tenant, source, workflows: None, trigger_data, from, until };
    (filter, workflow_categories(query))
}

fn tenant(tenant: Option<&str>, has_tenant: Option<bool>) -> TenantFilter {
    match (tenant, has_tenant) {
        (None, None) => TenantFilter::All,
        (None, Some(true)) => TenantFilter::Some,
        (_, Some(false)) => TenantFilter::None,
        (Some(tenant), Some(true)) => TenantFilter::Only(tenant.to_owned()),
        (Some(tenant), None) => TenantFilter::OrNone(tenant.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_follow_the_table() {
        let acme = || "acme".to_owned();
        for (raw, want) in [
            ("", TenantFilter::All),
            ("has_tenant=true", TenantFilter::Some),
            ("has_tenant=false", TenantFilter::None),
            ("tenant=acme", TenantFilter::OrNone(acme())),
            ("tenant=acme&has_tenant=true", TenantFilter::Only(acme())),
            ("tenant=acme&has_tenant=false", TenantFilter::None),
        ] {
            assert_eq!(filter(&mut Query::parse(raw)).0.tenant, want, "{raw}");
        }
    }

    #[test]
    fn statuses_and_archived_items() {
        for (raw, status, archived) in [
            ("", None, Some(false)),
            ("status=all&archived=exclude", None, Some(false)),
            ("status=unread&archived=include", Some((2, false)), None),
            ("status=read", Some((2, true)), Some(false)),
            ("status=unseen&archived=only", Some((1, false)), Some(true)),
            ("status=seen", Some((1, true)), Some(false)),
        ] {
            let (filter, _) = filter(&mut Query::parse(raw));
            assert_eq!((filter.status, filter.archived), (status, archived), "{raw}");
        }
        for raw in ["status=opened", "archived=yes", "has_tenant=1", "inserted_at.gt=x", "trigger_data=[]"] {
            let mut query = Query::parse(raw);
            filter(&mut query);
            assert!(query.finish().is_err(), "{raw}");
        }
    }
}
