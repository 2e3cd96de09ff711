//! What all recipients of a run share, read and built once for all of them.

use std::collections::HashMap;
use std::sync::Arc;

use campanile_core::ids::{ChannelId, EnvId};
use campanile_core::preference::PreferenceSet;
use campanile_core::recipient::{RecipientRef, TENANTS};
use campanile_core::workflow::ChannelType;
use campanile_store::{RecipientRow, RunRow, StoreError};
use campanile_template::TenantTranslations;
use serde_json::{Map, Value};

use crate::catalog::Catalog;
use crate::engine::Engine;
use crate::identify::{scope_value, tenant_default};
use crate::links::Links;
use crate::origin::Origin;
use crate::program::{LinkVars, Op, OpKind, Program, Roots};
use crate::scope::{SharedRoots, workflow_root};
use crate::tracking::Tracker;

/// Characters kept of a text in the filterable copy of the data (api-conventions.md A12.1).
const TRIGGER_TEXT_CHARS_MAX: usize = 256;

/// What all recipients of a run share.
pub(crate) struct RunContext {
    pub(crate) env: EnvId,
    pub(crate) run: Arc<RunRow>,
    pub(crate) program: Arc<Program>,
    pub(crate) catalog: Arc<Catalog>,
    pub(crate) shared: SharedRoots,
    pub(crate) trigger_data: Option<String>,
    pub(crate) tenant_data: HashMap<ChannelId, Value>,
    /// `vars` of the steps whose layout has branding of its own, by the step's ref.
    pub(crate) branded: HashMap<Arc<str>, Arc<Value>>,
    /// Signs links to us.
    pub(crate) links: Arc<Links>,
    /// The links that recipients of the run have.
    pub(crate) offered_links: LinkVars,
    /// `recipient.schedule` of a scheduled run.
    pub(crate) schedule: Option<Value>,
    pub(crate) preferences: SharedPreferences,
    /// What recipients under the run's tenant see; `None` when nothing is translated.
    pub(crate) translations: Option<Arc<TenantTranslations>>,
    /// Makes tracked links.
    pub(crate) tracker: Arc<Tracker>,
    /// Every root was built, because conditions of preferences may read any.
    pub(crate) has_all_roots: bool,
}

impl RunContext {
    /// Whether anything in the run looks at the recipient.
    pub(super) fn reads_recipient(&self) -> bool {
        self.has_all_roots || self.program.reads_recipient()
    }
}

/// The preferences that all recipients of a run share.
#[derive(Debug, Default)]
pub(crate) struct SharedPreferences {
    pub(crate) environment: Option<Arc<PreferenceSet>>,
    pub(crate) tenant: Option<PreferenceSet>,
}

impl SharedPreferences {
    pub(crate) fn of(catalog: &Catalog, env: EnvId, tenant: Option<&RecipientRow>) -> Self {
        Self {
            environment: catalog.preference_default(env).cloned(),
            tenant: tenant.and_then(tenant_default).map(PreferenceSet::shared),
        }
    }

    fn have_conditions(&self) -> bool {
        [self.environment.as_deref(), self.tenant.as_ref()]
            .into_iter()
            .flatten()
            .any(PreferenceSet::has_conditions)
    }
}

/// True when preferences of one of these recipients may read anything of the run.
pub(crate) fn own_have_conditions(known: &HashMap<String, RecipientRow>) -> bool {
    known.values().any(|row| row.sets.may_have_conditions())
}

/// Top-level scalars, texts cut: what lists and feeds can be filtered by.
pub(crate) fn filterable(data: &Value) -> Option<String> {
    let map = data.as_object().filter(|map| !map.is_empty())?;
    let kept: Map<String, Value> = map
        .iter()
        .filter_map(|(key, value)| match value {
            Value::Object(_) | Value::Array(_) => None,
            // JSONB cannot hold NUL characters.
            Value::String(text) => {
                let text: String = text.chars().filter(|c| *c != '\0').take(TRIGGER_TEXT_CHARS_MAX).collect();
                Some((key.replace('\0', ""), text.into()))
            }
            other => Some((key.replace('\0', ""), other.clone())),
        })
        .collect();
    (!kept.is_empty()).then(|| Value::Object(kept).to_string())
}

/// See [`RunContext::branded`]: merged once for all recipients.
fn branded(
    program: &Program,
    catalog: &Catalog,
    env: EnvId,
    tenant: Option<&Value>,
) -> HashMap<Arc<str>, Arc<Value>> {
    let of_step = |op: &Op| match &op.kind {
        OpKind::Channel(channel) => {
            let overrides = channel.branding_overrides().filter(|_| channel.mentions("vars"))?;
            Some((Arc::clone(&op.step), catalog.variables().branded(env, tenant, Some(overrides))))
        }
        _ => None,
    };
    program.ops.iter().filter_map(of_step).collect()
}

pub(super) fn needs_channel_data(program: &Program) -> bool {
    program.ops.iter().any(|op| {
        matches!(&op.kind, OpKind::Channel(c) if matches!(c.channel_type, ChannelType::Push | ChannelType::Chat))
    })
}

impl Engine {
    /// Reads what the recipients of a run share. `known` holds recipients that were read already.
    pub(crate) async fn run_context(
        &self,
        run: Arc<RunRow>,
        program: Arc<Program>,
        data: Arc<Value>,
        known: &HashMap<String, RecipientRow>,
    ) -> Result<RunContext, StoreError> {
        let catalog = self.catalog();
        let tenant_key = run.tenant.as_deref().map(|id| RecipientRef::object(TENANTS, id).key());
        let tenant_row = match &tenant_key {
            Some(key) => self.row_of(run.env, key, known).await?,
            None => None,
        };
        let preferences = SharedPreferences::of(&catalog, run.env, tenant_row.as_ref());
        let has_all_roots = preferences.have_conditions() || own_have_conditions(known);
        let roots = if has_all_roots { Roots::ALL } else { program.roots };
        let actor = match &run.actor {
            Some(key) if roots.actor => self.row_of(run.env, key, known).await?.as_ref().map(scope_value),
            _ => None,
        };
        let translations = self.translations(run.env).await?;
        let translations = translations.under(run.tenant.as_deref()).clone();
        let tenant = tenant_row.as_ref().filter(|_| roots.tenant).map(scope_value);
        let tenant_data = match tenant_key {
            Some(key) if needs_channel_data(&program) => {
                self.channel_data(run.env, vec![key]).await?.into_values().next().unwrap_or_default()
            }
            _ => HashMap::new(),
        };
        let branded = branded(&program, &catalog, run.env, tenant.as_ref());
        let vars = catalog.variables().branded(run.env, tenant.as_ref(), None);
        let shared = SharedRoots {
            actor: actor.map(Arc::new),
            tenant: tenant.map(Arc::new),
            workflow: match roots.workflow {
                true => workflow_root(&program, run.cancellation_key.as_deref()),
                false => Value::Null,
            },
            vars,
            timestamp: Value::String(run.inserted_at.to_string()),
            data: Arc::clone(&data),
        };
        Ok(RunContext {
            env: run.env,
            trigger_data: filterable(&data),
            links: self.shared_links(),
            offered_links: LinkVars {
                unsubscribe: program.is_commercial,
                preferences: catalog.has_preference_center(run.env),
            },
            schedule: Origin::schedule_scope(&run),
            catalog,
            shared,
            tenant_data,
            branded,
            preferences,
            translations: (!translations.is_empty()).then_some(translations),
            tracker: Arc::clone(self.tracker()),
            has_all_roots,
            program,
            run,
        })
    }

    async fn row_of(
        &self,
        env: EnvId,
        key: &str,
        known: &HashMap<String, RecipientRow>,
    ) -> Result<Option<RecipientRow>, StoreError> {
        match known.get(key) {
            Some(row) => Ok(Some(row.clone())),
            None => self.store().recipient(env, &RecipientRef::from_key(key)).await,
        }
    }

    pub(super) async fn channel_data(
        &self,
        env: EnvId,
        keys: Vec<String>,
    ) -> Result<HashMap<String, HashMap<ChannelId, Value>>, StoreError> {
        let mut found: HashMap<String, HashMap<ChannelId, Value>> = HashMap::new();
        for row in self.store().channel_data_of(env, keys).await? {
            let value = serde_json::from_str(&row.data).unwrap_or_default();
            found.entry(row.recipient).or_default().insert(row.channel, value);
        }
        Ok(found)
    }
}
