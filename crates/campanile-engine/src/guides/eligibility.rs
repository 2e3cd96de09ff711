//! Whether a user may see a guide (IA12.1). Pure: everything that is known about the user is handed in.

use std::collections::HashMap;
use std::sync::Arc;

use campanile_core::condition::{Audiences, Context};
use campanile_core::scope::Scope;
use campanile_store::GuideState;
use campanile_template::{RenderOptions, Template};
use serde_json::Value;

use super::PublishedGuide;

/// Why a guide is not for a user. The first that applies is told (S20).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ineligible {
    /// Switched off, or outside its schedule.
    NotActive,
    /// The user put it away.
    Archived,
    /// The user is no member.
    NotInAudience,
    /// A condition does not hold.
    ConditionsNotMet,
}

impl Ineligible {
    /// The wire name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotActive => "guide_not_active",
            Self::Archived => "marked_as_archived",
            Self::NotInAudience => "not_in_target_audience",
            Self::ConditionsNotMet => "target_conditions_not_met",
        }
    }

    /// For people.
    pub const fn message(self) -> &'static str {
        match self {
            Self::NotActive => "The guide is not active",
            Self::Archived => "The user has archived the guide",
            Self::NotInAudience => "The user is not a member of the target audience",
            Self::ConditionsNotMet => "The target conditions are not met for the user",
        }
    }
}

/// What a guide's targeting and templates read (IA12.4).
pub(super) struct GuideRoots {
    pub(super) recipient: Value,
    pub(super) data: Value,
    pub(super) tenant: Option<Value>,
    pub(super) vars: Arc<Value>,
}

impl Scope for GuideRoots {
    fn root(&self, name: &str) -> Option<&Value> {
        match name {
            "recipient" => Some(&self.recipient),
            "data" => Some(&self.data),
            "tenant" => self.tenant.as_ref(),
            "vars" => Some(&self.vars),
            _ => None,
        }
    }
}

/// The tenants under which a user is a member, by audience; a member without a tenant counts as `None`.
#[derive(Debug, Default)]
pub(super) struct Memberships {
    pub(super) found: HashMap<String, Vec<Option<String>>>,
    /// Only members under this tenant count (IA12.6).
    pub(super) strict: Option<Option<String>>,
}

impl Audiences for Memberships {
    fn is_member(&self, audience: &str) -> bool {
        let Some(tenants) = self.found.get(audience) else { return false };
        match &self.strict {
            None => !tenants.is_empty(),
            Some(tenant) => tenants.contains(tenant),
        }
    }
}

/// The steps of one guide that a user engaged with.
pub(super) fn is_archived(guide: &PublishedGuide, states: &[&GuideState]) -> bool {
    let is_archived =
        |step: &str| states.iter().any(|state| state.step == step && state.archived_at.is_some());
    let whole = states.iter().any(|state| state.is_final && state.archived_at.is_some());
    whole || guide.steps.iter().all(|step| is_archived(&step.reference))
}

/// The verdict; `None` is eligible. Where the guide may be shown is not asked here: clients know their location
/// (IA12.2).
pub(super) fn judge(
    guide: &PublishedGuide,
    states: &[&GuideState],
    roots: &GuideRoots,
    memberships: &Memberships,
    options: &RenderOptions<'_>,
) -> Option<Ineligible> {
    let now = options.now;
    if !guide.is_active_at(now) {
        return Some(Ineligible::NotActive);
    }
    if is_archived(guide, states) {
        return Some(Ineligible::Archived);
    }
    if guide.target_audience_key.as_ref().is_some_and(|key| !memberships.is_member(key)) {
        return Some(Ineligible::NotInAudience);
    }
    let render = |text: &str| Template::parse(text).and_then(|template| template.render(roots, options)).ok();
    let context = Context { scope: roots, now, steps: &(), audiences: memberships, render: &render };
    let holds = guide.conditions.as_ref().is_none_or(|conditions| conditions.holds(&context));
    (!holds).then_some(Ineligible::ConditionsNotMet)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenancy_follows_the_table() {
        let member = |tenant: Option<&str>, strict: Option<Option<&str>>| {
            let found = [("vip".to_owned(), vec![tenant.map(str::to_owned)])].into();
            let strict = strict.map(|tenant| tenant.map(str::to_owned));
            Memberships { found, strict }.is_member("vip")
        };
        // Sam is a member under tenant_a, Chris without a tenant.
        for (requested, sam, chris) in
            [(Some("tenant_a"), true, false), (Some("tenant_b"), false, false), (None, false, true)]
        {
            assert_eq!(member(Some("tenant_a"), Some(requested)), sam, "{requested:?}");
            assert_eq!(member(None, Some(requested)), chris, "{requested:?}");
        }
        assert!(member(Some("tenant_a"), None) && member(None, None));
        assert!(!Memberships::default().is_member("vip"));
    }
}
