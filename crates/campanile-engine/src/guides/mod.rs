//! Guides as clients fetch and engage with them (in-app.md sections 12 to 14).

mod content;
mod eligibility;
mod engagement;
mod list;
mod set;

pub(crate) use content::Content;
pub use eligibility::Ineligible;
pub use engagement::{Engaging, EngagingError};
pub use list::{EligibleGuide, GuideList, GuideQuery, StepView};
pub(crate) use set::GuideSets;
pub use set::{GROUP, GroupView, GuideSet, PublishedGuide, PublishedStep};

use campanile_channels::channel_settings::is_on;
use campanile_core::ids::{ChannelId, EnvId};

use crate::engine::Engine;

/// How a guide channel treats tenants in one environment: settings of the channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tenancy {
    /// Members of an audience count only under the tenant that is asked for (IA12.6).
    pub(crate) is_strict: bool,
    /// Engagement is kept per user and tenant (IA12.7).
    pub(crate) per_tenant: bool,
}

impl Tenancy {
    fn of(engine: &Engine, env: EnvId, channel: ChannelId) -> Self {
        let catalog = engine.catalog();
        let entry = catalog.channel(channel);
        let Some(settings) = entry.and_then(|entry| entry.settings.get(&env)) else { return Self::default() };
        let is_on = |name| is_on(&settings.channel_settings, name, false);
        Self { is_strict: is_on("strict_tenancy"), per_tenant: is_on("per_tenant_scope") }
    }

    /// The tenant under which engagement is kept; empty is none.
    fn engagement_scope(self, tenant: Option<&str>) -> String {
        tenant.filter(|_| self.per_tenant).unwrap_or_default().to_owned()
    }
}
