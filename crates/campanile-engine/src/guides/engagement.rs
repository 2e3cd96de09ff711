//! What users do with guides (in-app.md section 14): the first engagement with a step makes its message.

use campanile_core::event::MessageEventType;
use campanile_core::ids::{EnvId, Ksuid};
use campanile_core::message::DeliveryStatus;
use campanile_core::problem::FieldProblem;
use campanile_core::problem::Problems;
use campanile_core::recipient::RecipientRef;
use campanile_store::{Engagement, GuideEngagement, GuideScope, MessageRow, StoreError};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{GROUP, PublishedGuide, Tenancy};
use crate::engine::Engine;
use crate::expand::filterable;

/// One engagement, as a client reports it.
#[derive(Debug, Clone)]
pub struct Engaging {
    /// Where.
    pub env: EnvId,
    /// Id of the user.
    pub user: String,
    /// Stored with the message; where engagement is kept per tenant, also whose state it is.
    pub tenant: Option<String>,
    /// Key of the guide.
    pub guide: String,
    /// Id of the guide, as it was listed.
    pub guide_id: Uuid,
    /// Id of the channel.
    pub channel: Uuid,
    /// Ref of the step.
    pub step: String,
    /// What was shown, should this be the first engagement.
    pub content: Value,
    /// With which data, an object or null.
    pub data: Value,
    /// What happened.
    pub change: Engagement,
    /// Archives the whole guide (S23).
    pub is_final: bool,
    /// Opens the throttle window of the guide's group, unless the guide is not throttled.
    pub displays: bool,
}

/// Why nothing was recorded.
#[derive(Debug, thiserror::Error)]
pub enum EngagingError {
    /// No published guide has the key.
    #[error("the guide does not exist")]
    UnknownGuide,
    /// The parts do not belong together.
    #[error("the engagement does not fit the guide")]
    Invalid(Vec<FieldProblem>),
    /// The database could not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Engine {
    /// Records an engagement, with whatever guide of the environment: an inactive or ineligible one counts too
    /// (IA14.5).
    pub async fn engage_guide(&self, engaging: Engaging) -> Result<(), EngagingError> {
        let set = self.guide_set(engaging.env).await?;
        let guide = set.guide(&engaging.guide).ok_or(EngagingError::UnknownGuide)?;
        let problems = misfits(guide, &engaging);
        if !problems.is_empty() {
            return Err(EngagingError::Invalid(problems));
        }
        let now = self.clock().now();
        let scope = self.guide_scope(guide, engaging.env, &engaging.user, engaging.tenant.as_deref());
        let data = Some(&engaging.data).filter(|data| !data.is_null());
        let message = MessageRow {
            env: engaging.env,
            id: Ksuid::random(now),
            channel: guide.channel,
            recipient: scope.user.clone(),
            // No workflow run made it.
            run: Uuid::nil(),
            workflow: guide.key.clone(),
            step: engaging.step,
            tenant: engaging.tenant,
            status: DeliveryStatus::Delivered.code(),
            scheduled_at: None,
            content: json!({"version": guide.version.to_string(), "content": engaging.content}).to_string(),
            data: data.map(Value::to_string),
            trigger_data: data.and_then(filterable),
            metadata: None,
        };
        let engagement = GuideEngagement {
            scope,
            message,
            first_events: vec![MessageEventType::Created.code(), MessageEventType::Delivered.code()],
            change: engaging.change,
            is_final: engaging.is_final,
            displays: (engaging.displays && !guide.bypasses_throttle).then(|| GROUP.to_owned()),
        };
        Ok(self.store().engage_guide(engagement, now).await?)
    }

    /// Takes the archiving of a whole guide back.
    pub async fn unarchive_guide(
        &self,
        env: EnvId,
        user: &str,
        tenant: Option<&str>,
        guide: &str,
        change: Engagement,
    ) -> Result<(), EngagingError> {
        let set = self.guide_set(env).await?;
        let guide = set.guide(guide).ok_or(EngagingError::UnknownGuide)?;
        let scope = self.guide_scope(guide, env, user, tenant);
        Ok(self.store().unarchive_guide(scope, change, self.clock().now()).await?)
    }

    /// Forgets what a user did with a guide.
    pub async fn reset_guide(
        &self,
        env: EnvId,
        user: &str,
        tenant: Option<&str>,
        guide: &str,
    ) -> Result<(), EngagingError> {
        let set = self.guide_set(env).await?;
        let guide = set.guide(guide).ok_or(EngagingError::UnknownGuide)?;
        Ok(self.store().reset_guide(self.guide_scope(guide, env, user, tenant)).await?)
    }

    fn guide_scope(
        &self,
        guide: &PublishedGuide,
        env: EnvId,
        user: &str,
        tenant: Option<&str>,
    ) -> GuideScope {
        let tenancy = Tenancy::of(self, env, guide.channel);
        GuideScope {
            env,
            user: RecipientRef::user(user).key(),
            tenant: tenancy.engagement_scope(tenant),
            guide: guide.key.clone(),
        }
    }
}

fn misfits(guide: &PublishedGuide, engaging: &Engaging) -> Vec<FieldProblem> {
    let mut problems = Problems::default();
    for (field, fits) in [
        ("channel_id", guide.channel_uuid == engaging.channel),
        ("guide_id", guide.id == engaging.guide_id),
        ("guide_step_ref", guide.step(&engaging.step).is_some()),
    ] {
        if !fits {
            problems.add(field, "does not belong to the guide");
        }
    }
    problems.into_result(()).err().unwrap_or_default()
}
