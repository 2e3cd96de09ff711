//! The guides of one user: every published one is judged, the eligible ones are rendered (in-app.md section 13).

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use campanile_core::ids::{ChannelId, EnvId};
use campanile_core::recipient::{RecipientRef, TENANTS};
use campanile_core::time::Timestamp;
use campanile_store::{GuideState, StoreError};
use campanile_template::{Loaded, Notes, RenderOptions};
use serde_json::{Map, Value, json};

use super::eligibility::{GuideRoots, Memberships, judge};
use super::{GuideSet, Ineligible, PublishedGuide, Tenancy};
use crate::engine::Engine;
use crate::identify::scope_value;

/// What is asked for.
#[derive(Debug, Clone)]
pub struct GuideQuery {
    /// Where.
    pub env: EnvId,
    /// Whose, by id; who is unknown is judged without properties (IA13.4).
    pub user: String,
    /// A channel of type `in_app_guide`.
    pub channel: ChannelId,
    /// Under which tenant.
    pub tenant: Option<String>,
    /// For targeting and rendering; an object.
    pub data: Value,
    /// Only guides of this message type.
    pub message_type: Option<String>,
    /// Answers ineligible guides too, for debugging.
    pub force_all: bool,
}

/// The answer.
#[derive(Debug)]
pub struct GuideList {
    /// What was published when it was asked.
    pub set: Arc<GuideSet>,
    /// In the order of display.
    pub entries: Vec<EligibleGuide>,
    /// Published guides that the user may not see now, and why.
    pub ineligible: Vec<(String, Ineligible)>,
    /// When each group's throttle window opened last.
    pub displays: Vec<(String, Timestamp)>,
}

/// A guide with its content for one user.
#[derive(Debug)]
pub struct EligibleGuide {
    /// What is published.
    pub guide: Arc<PublishedGuide>,
    /// In use now; false only for guides that were asked for all the same.
    pub is_active: bool,
    /// One for each step.
    pub steps: Vec<StepView>,
}

/// A step for one user.
#[derive(Debug)]
pub struct StepView {
    /// Rendered, by field key.
    pub content: Map<String, Value>,
    /// `None` before the first engagement.
    pub state: Option<GuideState>,
}

impl Engine {
    /// Judges and renders the guides of a channel for a user. Makes no message (IA13.5).
    pub async fn guides_of(&self, query: &GuideQuery) -> Result<GuideList, StoreError> {
        let now = self.clock().now();
        let set = self.guide_set(query.env).await?;
        let wanted: Vec<&Arc<PublishedGuide>> = set
            .of_channel(query.channel)
            .filter(|guide| query.message_type.as_ref().is_none_or(|kind| *kind == guide.message_type))
            .collect();
        let tenancy = Tenancy::of(self, query.env, query.channel);
        let user = RecipientRef::user(query.user.as_str());
        let tenant = query.tenant.as_ref().map(|id| RecipientRef::object(TENANTS, id));
        let scope = tenancy.engagement_scope(query.tenant.as_deref());
        let keys = std::iter::once(&user).chain(&tenant).map(RecipientRef::key).collect();
        let user_key = user.key();
        let (people, states, displays, memberships) = tokio::try_join!(
            self.store().recipients(query.env, keys),
            self.store().guide_states(query.env, &user_key, &scope),
            self.store().guide_displays(query.env, &user_key, &scope),
            self.memberships(query.env, &user, &wanted),
        )?;
        let find = |reference: &RecipientRef| {
            let row = people.iter().find(|row| row.reference == *reference);
            row.map_or_else(|| json!({"id": reference.id}), scope_value)
        };
        let tenant = tenant.as_ref().map(find);
        let roots = GuideRoots {
            recipient: find(&user),
            data: query.data.clone(),
            vars: self.catalog().variables().branded(query.env, tenant.as_ref(), None),
            tenant,
        };
        let memberships =
            Memberships { found: memberships, strict: tenancy.is_strict.then(|| query.tenant.clone()) };
        let translations = self.translations(query.env).await?;
        let locale = roots.recipient.get("locale").and_then(Value::as_str);
        let translations = translations.under(query.tenant.as_deref()).of(locale);
        let judge_all = |loaded: &Loaded, notes: &Notes| {
            let timezone = roots.recipient.get("timezone").and_then(Value::as_str);
            let options = RenderOptions { timezone, ..RenderOptions::at(now) };
            let options = options.with_translations(Some(&translations)).with_data(loaded, notes);
            let mut entries = Vec::new();
            let mut ineligible = Vec::new();
            for guide in &wanted {
                let own: Vec<&GuideState> = states.iter().filter(|state| state.guide == guide.key).collect();
                let verdict = judge(guide, &own, &roots, &memberships, &options);
                if verdict.is_none() || query.force_all {
                    entries.extend(view(guide, &own, &roots, &options));
                }
                ineligible.extend(verdict.map(|why| (guide.key.clone(), why)));
            }
            (entries, ineligible)
        };
        let (entries, ineligible) = self.with_stored_data(query.env, judge_all).await?;
        Ok(GuideList { set, entries, ineligible, displays })
    }

    /// Where a user is a member, of the audiences that these guides ask for: one read, whoever asks.
    async fn memberships(
        &self,
        env: EnvId,
        user: &RecipientRef,
        guides: &[&Arc<PublishedGuide>],
    ) -> Result<HashMap<String, Vec<Option<String>>>, StoreError> {
        let asked =
            guides.iter().flat_map(|guide| guide.asked_audiences.iter().chain(&guide.target_audience_key));
        let asked: HashSet<String> = asked.cloned().collect();
        if asked.is_empty() {
            return Ok(HashMap::new());
        }
        self.audience_memberships(env, user, asked).await
    }
}

/// The guide with its content. One that cannot be rendered for this user is left out and logged (S21).
fn view(
    guide: &Arc<PublishedGuide>,
    states: &[&GuideState],
    roots: &GuideRoots,
    options: &RenderOptions<'_>,
) -> Option<EligibleGuide> {
    let now = options.now;
    let steps = guide.steps.iter().map(|step| {
        let state = states.iter().find(|state| state.step == step.reference).map(|state| (*state).clone());
        Ok(StepView { content: step.content.render(roots, options)?, state })
    });
    let steps: Result<Vec<_>, campanile_template::TemplateError> = steps.collect();
    match steps {
        Ok(steps) => {
            Some(EligibleGuide { guide: Arc::clone(guide), is_active: guide.is_active_at(now), steps })
        }
        Err(error) => {
            tracing::warn!(
                guide = guide.key,
                line = error.line,
                "a guide cannot be rendered and is left out"
            );
            None
        }
    }
}
