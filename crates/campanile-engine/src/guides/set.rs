//! The published guides of an environment, compiled once and kept until one of them changes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use campanile_core::condition::ConditionGroup;
use campanile_core::guide::{Catalog as _, Guide};
use campanile_core::ids::{ChannelId, EnvId};
use campanile_core::time::Timestamp;
use campanile_store::{FIRST_SEMVER, GuideGroupRow, ResourceKind, ResourceRow, Schedule, StoreError};
use campanile_template::Partials;
use parking_lot::RwLock;
use serde_json::Value;
use uuid::Uuid;

use super::Content;
use crate::engine::Engine;
use crate::program::each_partial;
use crate::resources::Context;

/// The only group so far.
pub const GROUP: &str = "default";

/// What an environment has published, in the order of display: unthrottled guides first (IA13.2).
#[derive(Debug)]
pub struct GuideSet {
    guides: Vec<Arc<PublishedGuide>>,
    group: GuideGroupRow,
    /// What `render` tags find: published partials.
    partials: Partials,
}

/// One guide, ready to be asked.
#[derive(Debug)]
pub struct PublishedGuide {
    /// The same for ever in its environment.
    pub id: Uuid,
    /// Unique in its environment.
    pub key: String,
    /// What is published.
    pub version: Uuid,
    /// Its number.
    pub semver: String,
    /// Key of the message type of its steps.
    pub message_type: String,
    /// Where it is shown.
    pub channel: ChannelId,
    /// The same for the wire.
    pub channel_uuid: Uuid,
    /// The throttle leaves it alone.
    pub bypasses_throttle: bool,
    /// As clients read them.
    pub url_patterns: Vec<Value>,
    /// At least one.
    pub steps: Vec<PublishedStep>,
    /// When it was made here.
    pub inserted_at: Timestamp,
    /// When what is published was saved.
    pub updated_at: Timestamp,
    pub(super) active: bool,
    pub(super) schedule: Schedule,
    pub(super) target_audience_key: Option<String>,
    pub(super) conditions: Option<ConditionGroup>,
    /// Audiences that the conditions name.
    pub(super) asked_audiences: Vec<String>,
}

/// One step.
#[derive(Debug)]
pub struct PublishedStep {
    /// Unique in the guide.
    pub reference: String,
    /// Key of the message type.
    pub schema_key: String,
    /// Its version.
    pub schema_semver: String,
    /// Its variant.
    pub schema_variant_key: String,
    pub(super) content: Content,
}

impl PublishedGuide {
    /// Switched on and inside its schedule.
    pub fn is_active_at(&self, now: Timestamp) -> bool {
        self.active && self.schedule.has(now)
    }

    /// A step by ref.
    pub fn step(&self, reference: &str) -> Option<&PublishedStep> {
        self.steps.iter().find(|step| step.reference == reference)
    }
}

/// The group as a channel's clients see it.
#[derive(Debug)]
pub struct GroupView<'s> {
    /// Guides that the throttle leaves alone, in order.
    pub unthrottled: Vec<&'s str>,
    /// The others, in order.
    pub throttled: Vec<&'s str>,
    /// Seconds; `None` is no throttle.
    pub display_interval: Option<i64>,
    /// When it was first saved, or the environment was made.
    pub inserted_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

impl GuideSet {
    /// A published guide.
    pub fn guide(&self, key: &str) -> Option<&Arc<PublishedGuide>> {
        self.guides.iter().find(|guide| guide.key == key)
    }

    /// What the guides' texts may render.
    pub(super) fn partials(&self) -> &Partials {
        &self.partials
    }

    /// The guides of a channel, in order.
    pub fn of_channel(&self, channel: ChannelId) -> impl Iterator<Item = &Arc<PublishedGuide>> {
        self.guides.iter().filter(move |guide| guide.channel == channel)
    }

    /// The group for a channel. Whoever is not in it can never be shown, so nothing is filtered.
    pub fn group(&self, channel: ChannelId) -> GroupView<'_> {
        let of = |bypasses| {
            let guides = self.of_channel(channel).filter(move |guide| guide.bypasses_throttle == bypasses);
            guides.map(|guide| guide.key.as_str()).collect()
        };
        GroupView {
            unthrottled: of(true),
            throttled: of(false),
            display_interval: self.group.display_interval,
            inserted_at: self.group.inserted_at,
            updated_at: self.group.updated_at,
        }
    }

    /// Puts guides into the order of their group; those that it does not name follow, oldest first.
    fn new(mut guides: Vec<PublishedGuide>, group: GuideGroupRow, partials: Partials) -> Self {
        for guide in &mut guides {
            guide.bypasses_throttle = group.unthrottled.contains(&guide.key);
        }
        let place = |key: &String| group.sequence.iter().position(|known| known == key).unwrap_or(usize::MAX);
        // The sort is stable, and rows come oldest first.
        guides.sort_by_key(|guide| (!guide.bypasses_throttle, place(&guide.key)));
        Self { guides: guides.into_iter().map(Arc::new).collect(), group, partials }
    }
}

/// The sets of all environments.
#[derive(Debug, Default)]
pub(crate) struct GuideSets {
    sets: RwLock<HashMap<EnvId, Arc<GuideSet>>>,
    /// Counts what was forgotten, so that a set that was being read meanwhile is not kept.
    forgotten: AtomicU64,
}

impl GuideSets {
    pub(crate) fn forget(&self, env: EnvId) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.sets.write().remove(&env);
    }

    pub(crate) fn forget_all(&self) {
        self.forgotten.fetch_add(1, Ordering::SeqCst);
        self.sets.write().clear();
    }

    fn keep(&self, env: EnvId, set: &Arc<GuideSet>, forgotten: u64) {
        let mut sets = self.sets.write();
        if self.forgotten.load(Ordering::SeqCst) == forgotten {
            sets.insert(env, Arc::clone(set));
        }
    }
}

impl Engine {
    /// The published guides of an environment.
    pub async fn guide_set(&self, env: EnvId) -> Result<Arc<GuideSet>, StoreError> {
        if let Some(set) = self.guide_sets().sets.read().get(&env) {
            return Ok(Arc::clone(set));
        }
        let forgotten = self.guide_sets().forgotten.load(Ordering::SeqCst);
        let rows = self.store().published_resources(env, ResourceKind::Guide).await?;
        let group = self.guide_group(env).await?;
        let context = Context::load_for(self, env, ResourceKind::Guide).await?;
        let mut wanted = Vec::new();
        for row in &rows {
            let document: Value = serde_json::from_str(&row.version.content).unwrap_or_default();
            each_partial(&document["steps"], "", &mut |_, key| wanted.push(key.to_owned()));
        }
        let partials = self.partials(env, wanted, None).await?;
        let guides = rows.into_iter().filter_map(|row| self.compile_guide(env, row, &context)).collect();
        let set = Arc::new(GuideSet::new(guides, group, partials));
        self.guide_sets().keep(env, &set, forgotten);
        Ok(set)
    }

    /// The group as it was saved, or as it is from the start.
    pub async fn guide_group(&self, env: EnvId) -> Result<GuideGroupRow, StoreError> {
        if let Some(group) = self.store().guide_group(env, GROUP).await? {
            return Ok(group);
        }
        let catalog = self.catalog();
        let made = catalog.environment_by_id(env).map_or(Timestamp(0), |env| env.created_at);
        Ok(GuideGroupRow {
            key: GROUP.to_owned(),
            sequence: Vec::new(),
            unthrottled: Vec::new(),
            display_interval: None,
            inserted_at: made,
            updated_at: made,
        })
    }

    /// `None` when something that the guide refers to is gone: it is left out rather than failing everybody's fetch.
    fn compile_guide(&self, env: EnvId, row: ResourceRow, context: &Context) -> Option<PublishedGuide> {
        let compiled = compile(self, env, row, context);
        compiled.map_err(|(key, why)| tracing::warn!(guide = key, why, "a published guide is left out")).ok()
    }
}

fn compile(
    engine: &Engine,
    env: EnvId,
    row: ResourceRow,
    context: &Context,
) -> Result<PublishedGuide, (String, &'static str)> {
    let because = |why| (row.key.clone(), why);
    let document: Value = serde_json::from_str(&row.version.content).map_err(|_| because("unreadable"))?;
    let guide = Guide::read(&document).ok_or_else(|| because("its content is not valid any more"))?;
    let catalog = engine.catalog();
    let channel = catalog.channel_by_key(&guide.channel_key).ok_or_else(|| because("its channel is gone"))?;
    let environment = catalog.environment_by_id(env).ok_or_else(|| because("its environment is gone"))?;
    let mut steps = Vec::with_capacity(guide.steps.len());
    for step in guide.steps {
        let message_type = context.message_type(&step.schema_key, &step.schema_semver);
        let message_type = message_type.ok_or_else(|| because("its message type is gone"))?;
        let variant = message_type.variant(&step.schema_variant_key);
        let variant = variant.ok_or_else(|| because("the variant of its message type is gone"))?;
        let content = Content::compile(variant, &step.values);
        steps.push(PublishedStep {
            reference: step.reference,
            schema_key: step.schema_key,
            schema_semver: step.schema_semver,
            schema_variant_key: step.schema_variant_key,
            content: content.map_err(|_| because("its content does not compile"))?,
        });
    }
    Ok(PublishedGuide {
        id: Uuid::new_v5(&environment.uuid, format!("guide/{}", row.key).as_bytes()),
        version: row.version.id,
        semver: row.version.semver.unwrap_or_else(|| FIRST_SEMVER.to_owned()),
        message_type: steps.first().map(|step| step.schema_key.clone()).unwrap_or_default(),
        channel: channel.channel.id,
        channel_uuid: channel.channel.uuid,
        bypasses_throttle: false,
        url_patterns: guide.url_patterns,
        steps,
        inserted_at: row.created_at,
        updated_at: row.version.created_at,
        active: row.active,
        schedule: row.schedule,
        target_audience_key: guide.target_audience_key,
        asked_audiences: asked_audiences(&document["target_property_conditions"]),
        conditions: guide.conditions,
        key: row.key,
    })
}

/// The audiences that conditions ask for by name.
fn asked_audiences(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let inside = ["all", "any"].into_iter().filter_map(|name| value.get(name).and_then(Value::as_array));
    for entry in inside.flatten() {
        let operator = entry.get("operator").and_then(Value::as_str).unwrap_or_default();
        if matches!(operator, "is_audience_member" | "is_not_audience_member")
            && let Some(key) = entry.get("argument").and_then(Value::as_str)
        {
            found.push(key.to_owned());
        }
        found.extend(asked_audiences(entry));
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn guide(key: &str) -> PublishedGuide {
        PublishedGuide {
            id: Uuid::nil(),
            key: key.into(),
            version: Uuid::nil(),
            semver: FIRST_SEMVER.into(),
            message_type: "banner".into(),
            channel: ChannelId(1),
            channel_uuid: Uuid::nil(),
            bypasses_throttle: false,
            url_patterns: Vec::new(),
            steps: Vec::new(),
            inserted_at: Timestamp(0),
            updated_at: Timestamp(0),
            active: true,
            schedule: Schedule::default(),
            target_audience_key: None,
            conditions: None,
            asked_audiences: Vec::new(),
        }
    }

    #[test]
    fn guides_stand_in_the_order_of_their_group() {
        for (sequence, unthrottled, want) in [
            (vec![], vec![], "| a b c d"),
            (vec!["c", "a"], vec![], "| c a b d"),
            (vec!["d", "gone", "b"], vec!["b"], "b | d a c"),
            (vec!["a", "b"], vec!["d", "a"], "a d | b c"),
        ] {
            let texts = |list: &[&str]| list.iter().map(|key| (*key).to_owned()).collect();
            let group = GuideGroupRow {
                key: GROUP.into(),
                sequence: texts(&sequence),
                unthrottled: texts(&unthrottled),
                display_interval: None,
                inserted_at: Timestamp(0),
                updated_at: Timestamp(0),
            };
            let set = GuideSet::new(["a", "b", "c", "d"].map(guide).into(), group, Partials::default());
            let view = set.group(ChannelId(1));
            let got = format!("{} | {}", view.unthrottled.join(" "), view.throttled.join(" "));
            assert_eq!(got.trim(), want, "{sequence:?} {unthrottled:?}");
            assert!(set.group(ChannelId(2)).throttled.is_empty());
        }
    }

    #[test]
    fn finds_audiences_at_every_depth() {
        let asks =
            |key: &str| json!({"variable": "recipient", "operator": "is_audience_member", "argument": key});
        let not = json!({"variable": "recipient", "operator": "is_not_audience_member", "argument": "c"});
        let other = json!({"variable": "recipient.id", "operator": "equal_to", "argument": "d"});
        for (conditions, want) in [
            (json!({"any": [asks("a"), {"all": [asks("b"), not, other]}]}), vec!["a", "b", "c"]),
            (json!(null), vec![]),
        ] {
            assert_eq!(asked_audiences(&conditions), want, "{conditions}");
        }
    }
}
