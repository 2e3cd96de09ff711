//! What a preview renders with: stored people, the data of the request, and variables that are never empty.

use std::collections::HashMap;
use std::sync::Arc;

use campanile_core::ids::{EnvId, Ksuid};
use campanile_core::preference::{PreferenceSet, Sources};
use campanile_core::problem::FieldProblem;
use campanile_core::recipient::{RecipientRef, TENANTS};
use campanile_core::time::Timestamp;
use campanile_store::{RecipientRow, StoreError};
use campanile_template::{Partials, RenderOptions, branding};
use serde_json::{Map, Value, json};

use crate::engine::Engine;
use crate::expand::SharedPreferences;
use crate::identify::scope_value;
use crate::program::Program;
use crate::resources::Refusal;
use crate::scope::{RunScope, SharedRoots};

/// What links show that have no address of their own (T16.6).
const EXAMPLE_URL: &str = "https://example.com";

/// Whom a preview is for, and with what.
#[derive(Debug, Clone)]
pub struct Situation {
    /// Where people, partials and layouts are looked up.
    pub env: EnvId,
    /// Must exist (T16.2).
    pub recipient: RecipientRef,
    /// Must exist, if named.
    pub actor: Option<RecipientRef>,
    /// Need not exist.
    pub tenant: Option<String>,
    /// The trigger data.
    pub data: Map<String, Value>,
    /// The workflow that the template would belong to.
    pub workflow: WorkflowFacts,
}

/// `workflow` of the scope.
#[derive(Debug, Clone, Default)]
pub struct WorkflowFacts {
    /// Version, where there is one.
    pub id: Option<String>,
    /// Its key.
    pub key: Option<String>,
    /// Its categories.
    pub categories: Vec<String>,
    /// Has unsubscribe links.
    pub is_commercial: bool,
    /// Skips preference checks.
    pub override_preferences: bool,
}

impl WorkflowFacts {
    pub(super) fn of(program: &Program) -> Self {
        Self {
            id: Some(program.version.to_string()),
            key: Some(program.key.clone()),
            categories: program.categories.clone(),
            is_commercial: program.is_commercial,
            override_preferences: program.override_preferences,
        }
    }
}

/// The roots of one preview.
pub(super) struct PreviewRoots {
    shared: SharedRoots,
    recipient: Value,
    message: Value,
}

impl PreviewRoots {
    /// With one activity that holds the data (T16.8).
    pub(super) fn scope(&self) -> RunScope<'_> {
        let mut scope = RunScope::new(&self.shared, None, self.recipient.clone()).with_activities();
        scope.current_message = self.message.clone();
        scope
    }

    pub(super) fn locale(&self) -> Option<&str> {
        self.recipient["locale"].as_str()
    }
}

impl Engine {
    /// Reads everybody; who is missing is a problem of the request (T16.2).
    pub(super) async fn roots_of(
        &self,
        situation: &Situation,
        layout: Option<&Map<String, Value>>,
    ) -> Result<PreviewRoots, Refusal> {
        let Situation { env, recipient, actor, tenant, .. } = situation;
        let tenant_key = tenant.as_ref().map(|id| RecipientRef::object(TENANTS, id.as_str()).key());
        let keys = [Some(recipient.key()), actor.as_ref().map(RecipientRef::key), tenant_key.clone()];
        let mut keys: Vec<String> = keys.into_iter().flatten().collect();
        keys.sort_unstable();
        keys.dedup();
        let rows = self.store().recipients_of_run(*env, keys, tenant.as_deref()).await?;
        let rows: HashMap<String, RecipientRow> =
            rows.into_iter().map(|row| (row.reference.key(), row)).collect();
        let mut problems = Vec::new();
        let row = rows.get(&recipient.key());
        if row.is_none() {
            problems.push(FieldProblem::new("recipient", "does not exist"));
        }
        let actor = actor.as_ref().map(|actor| rows.get(&actor.key()));
        if matches!(actor, Some(None)) {
            problems.push(FieldProblem::new("actor", "does not exist"));
        }
        let Some(row) = row.filter(|_| problems.is_empty()) else {
            return Err(Refusal::Invalid(problems));
        };
        let tenant_row = tenant_key.and_then(|key| rows.get(&key));
        let tenant = tenant.as_ref().map(|id| tenant_row.map_or_else(|| json!({"id": id}), scope_value));
        let now = self.clock().now();
        Ok(PreviewRoots {
            recipient: self.recipient_root(*env, row, tenant_row),
            shared: SharedRoots {
                data: Arc::new(Value::Object(situation.data.clone())),
                actor: actor.flatten().map(scope_value).map(Arc::new),
                workflow: workflow_root(&situation.workflow),
                vars: self.preview_vars(situation, tenant.as_ref(), layout).into(),
                tenant: tenant.map(Arc::new),
                timestamp: Value::String(now.to_string()),
            },
            message: message_root(now),
        })
    }

    fn recipient_root(&self, env: EnvId, row: &RecipientRow, tenant: Option<&RecipientRow>) -> Value {
        let mut recipient = scope_value(row);
        let own = |text: &Option<String>| text.as_deref().map(PreferenceSet::from_text);
        let (own_default, own_tenant) = (own(&row.sets.default), own(&row.sets.tenant));
        let shared = SharedPreferences::of(&self.catalog(), env, tenant);
        let sources = Sources {
            recipient: own_default.as_ref(),
            recipient_tenant: own_tenant.as_ref(),
            tenant: shared.tenant.as_ref(),
            environment: shared.environment.as_deref(),
        };
        if let Some(members) = recipient.as_object_mut() {
            members.insert("preferences".into(), sources.resolved());
        }
        recipient
    }

    /// `vars` with an address in every place where a link would be empty without (T16.6).
    pub(super) fn preview_vars(
        &self,
        situation: &Situation,
        tenant: Option<&Value>,
        layout: Option<&Map<String, Value>>,
    ) -> Value {
        let vars = self.catalog().variables().branded(situation.env, tenant, layout);
        let mut vars = vars.as_object().cloned().unwrap_or_default();
        let fill = |members: &mut Map<String, Value>, name: &str| {
            if members.get(name).is_none_or(Value::is_null) {
                members.insert(name.into(), EXAMPLE_URL.into());
            }
        };
        fill(&mut vars, "app_url");
        fill(&mut vars, "manage_preferences_url");
        if situation.workflow.is_commercial {
            fill(&mut vars, "commercial_unsubscribe_url");
        }
        let mut logos = vars.get("branding").and_then(Value::as_object).cloned().unwrap_or_default();
        fill(&mut logos, "logo_url");
        vars.insert("branding".into(), branding::resolve(&[&logos]).into());
        Value::Object(vars)
    }

    /// Renders with what previews have: published partials, stored data, and committed translations as the recipient
    /// sees them (T5.13).
    pub(super) async fn render_preview<T: Send>(
        &self,
        situation: &Situation,
        locale: Option<&str>,
        partials: &Partials,
        mut render: impl FnMut(&RenderOptions<'_>) -> T + Send,
    ) -> Result<T, StoreError> {
        let translations = self.translations(situation.env).await?;
        let translations = translations.under(situation.tenant.as_deref());
        let translations = (!translations.is_empty()).then(|| translations.of(locale));
        let now = self.clock().now();
        let rendered = self.with_stored_data(situation.env, |loaded, notes| {
            let options = RenderOptions::at(now)
                .with_partials(partials)
                .with_translations(translations.as_deref())
                .with_data(loaded, notes);
            render(&options)
        });
        rendered.await
    }
}

fn workflow_root(facts: &WorkflowFacts) -> Value {
    json!({
        "id": facts.id,
        "key": facts.key,
        "categories": facts.categories,
        "commercial": facts.is_commercial,
        "override_preferences": facts.override_preferences,
    })
}

fn message_root(now: Timestamp) -> Value {
    let id = Ksuid::derived(now, &[b"preview"]);
    json!({"id": id.to_string(), "inserted_at": now.to_string(), "updated_at": now.to_string()})
}
