//! Variables: what is set for the account, and the `vars` of an environment's templates (templates.md section 4).

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;
use campanile_store::{Environment, Store, StoreError, VariableRow};
use campanile_template::branding;
use serde_json::{Map, Value};

use crate::branding::{AccountBranding, SETTING as BRANDING};
use crate::vault::{Vault, WrongKey};

/// Every account has these (T4.1).
pub const BUILT_IN: [&str; 2] = ["app_name", "app_url"];
/// Names in `vars` that are worked out and never set (T4.1, T4.3).
pub const COMPUTED: [&str; 3] = ["branding", "commercial_unsubscribe_url", "manage_preferences_url"];

/// A variable with its texts in the clear. Never logged.
#[derive(Clone)]
pub struct Variable {
    /// Its name in templates.
    pub key: String,
    /// Whether reads of the API hide its texts.
    pub is_secret: bool,
    /// For people.
    pub description: Option<String>,
    /// What environments have that say nothing themselves.
    pub value: Option<String>,
    /// What environments have in its place.
    pub overrides: BTreeMap<EnvId, String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

impl Variable {
    /// One that nothing was set for yet.
    pub fn empty(key: &str, at: Timestamp) -> Self {
        Self {
            key: key.to_owned(),
            is_secret: false,
            description: None,
            value: None,
            overrides: BTreeMap::new(),
            created_at: at,
            updated_at: at,
        }
    }

    /// From its row, secrets opened.
    pub fn open(row: VariableRow, vault: &Vault) -> Result<Self, WrongKey> {
        let open = |text: String| if row.is_secret { vault.open(&text) } else { Ok(text) };
        Ok(Self {
            value: row.value.map(open).transpose()?,
            overrides: row
                .overrides
                .into_iter()
                .map(|(env, text)| Ok((env, open(text)?)))
                .collect::<Result<_, _>>()?,
            key: row.key,
            is_secret: row.is_secret,
            description: row.description,
            created_at: row.created_at,
            updated_at: row.updated_at,
        })
    }

    /// The row of it, secrets sealed.
    pub fn seal(&self, vault: &Vault) -> VariableRow {
        let seal = |text: &String| if self.is_secret { vault.seal(text) } else { text.clone() };
        VariableRow {
            key: self.key.clone(),
            is_secret: self.is_secret,
            description: self.description.clone(),
            value: self.value.as_ref().map(seal),
            overrides: self.overrides.iter().map(|(env, text)| (*env, seal(text))).collect(),
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    /// What an environment has: its own, else the default (T4.1).
    pub fn text_in(&self, env: EnvId) -> Option<&str> {
        self.overrides.get(&env).or(self.value.as_ref()).map(String::as_str)
    }
}

/// What a stored text stands for: JSON when it is some, else itself (T4.2).
pub fn value_of(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.to_owned()))
}

/// Every text inside of a JSON value.
fn texts(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(list) => list.iter().for_each(|value| texts(value, found)),
        Value::Object(members) => members.values().for_each(|value| texts(value, found)),
        _ => {}
    }
}

/// All variables, and what they are in each environment.
#[derive(Default)]
pub struct Variables {
    all: Vec<Variable>,
    branding: AccountBranding,
    by_env: HashMap<EnvId, EnvVars>,
}

#[derive(Default)]
struct EnvVars {
    /// With the account's branding.
    all: Arc<Value>,
    public: Value,
    /// The account's, without defaults.
    branding: Map<String, Value>,
    /// Texts of secret variables, those inside of JSON too.
    secrets: Vec<String>,
}

impl Variables {
    /// Reads them. A built-in one that nothing is set for is there all the same.
    pub(crate) async fn load(
        store: &Store,
        vault: &Vault,
        environments: &[Environment],
    ) -> Result<Self, StoreError> {
        let mut all = Vec::new();
        for row in store.variables().await? {
            let key = row.key.clone();
            let opened = Variable::open(row, vault);
            all.push(opened.map_err(|error| StoreError::Corrupt(format!("variable {key}: {error}").into()))?);
        }
        let since = environments.iter().map(|env| env.created_at).min().unwrap_or_default();
        for key in BUILT_IN {
            if all.iter().all(|variable| variable.key != key) {
                all.push(Variable::empty(key, since));
            }
        }
        let account = AccountBranding::from_text(store.setting(BRANDING).await?.as_deref())?;
        Ok(Self::of(all, account, environments.iter().map(|env| env.id)))
    }

    fn of(
        mut all: Vec<Variable>,
        account: AccountBranding,
        environments: impl Iterator<Item = EnvId>,
    ) -> Self {
        all.sort_by(|a, b| (a.created_at, &a.key).cmp(&(b.created_at, &b.key)));
        let by_env = environments
            .map(|env| {
                let (mut every, mut public, mut secrets) = (Map::new(), Map::new(), Vec::new());
                for variable in &all {
                    // What is not set is absent, so that templates see nil.
                    let Some(text) = variable.text_in(env) else { continue };
                    let value = value_of(text);
                    if variable.is_secret {
                        secrets.push(text.to_owned());
                        texts(&value, &mut secrets);
                    } else {
                        public.insert(variable.key.clone(), value.clone());
                    }
                    every.insert(variable.key.clone(), value);
                }
                let branding = account.in_env(env);
                every.insert("branding".into(), branding::resolve(&[&branding]).into());
                (env, EnvVars { all: Arc::new(every.into()), public: public.into(), branding, secrets })
            })
            .collect();
        Self { all, branding: account, by_env }
    }

    /// Every variable, oldest first.
    pub fn all(&self) -> &[Variable] {
        &self.all
    }

    /// One by key.
    pub fn get(&self, key: &str) -> Option<&Variable> {
        self.all.iter().find(|variable| variable.key == key)
    }

    /// The account's branding as it was set.
    pub fn branding(&self) -> &AccountBranding {
        &self.branding
    }

    /// The branding of an environment as it was set, without defaults.
    pub fn branding_in(&self, env: EnvId) -> Map<String, Value> {
        self.by_env.get(&env).map(|vars| vars.branding.clone()).unwrap_or_default()
    }

    /// `vars` of an environment's templates with the branding of a tenant and a layout over the account's (T4.4).
    pub(crate) fn branded(
        &self,
        env: EnvId,
        tenant: Option<&Value>,
        layout: Option<&Map<String, Value>>,
    ) -> Arc<Value> {
        let vars = self.in_env(env);
        let layers = [branding::of_tenant(tenant), layout];
        if layers.iter().flatten().all(|layer| layer.values().all(Value::is_null)) {
            return vars;
        }
        let none = Map::new();
        let account = self.by_env.get(&env).map_or(&none, |vars| &vars.branding);
        let layers: Vec<_> = layers.into_iter().flatten().chain([account]).collect();
        let mut members = vars.as_object().cloned().unwrap_or_default();
        members.insert("branding".into(), branding::resolve(&layers).into());
        Arc::new(members.into())
    }

    /// `vars` of an environment's templates.
    pub(crate) fn in_env(&self, env: EnvId) -> Arc<Value> {
        self.by_env
            .get(&env)
            .map_or_else(|| Arc::new(Value::Object(Map::new())), |vars| Arc::clone(&vars.all))
    }

    /// Texts of an environment's secret variables, those inside of JSON too: what logs must not show.
    pub(crate) fn secrets_in(&self, env: EnvId) -> &[String] {
        self.by_env.get(&env).map_or(&[], |vars| &vars.secrets)
    }

    /// What anybody may read of them: an object.
    pub fn public_in(&self, env: EnvId) -> Value {
        self.by_env.get(&env).map_or_else(|| Value::Object(Map::new()), |vars| vars.public.clone())
    }
}

/// Keys only: the values may be secrets.
impl fmt::Debug for Variables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.all.iter().map(|variable| &variable.key)).finish()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_json_when_they_can_be() {
        for (text, want) in [
            ("true", json!(true)),
            ("12.5", json!(12.5)),
            ("null", json!(null)),
            ("https://example.com", json!("https://example.com")),
            (r#"["a","b"]"#, json!(["a", "b"])),
            (r#"{"unit":"seconds","value":30}"#, json!({"unit": "seconds", "value": 30})),
            ("007", json!("007")),
            ("TRUE", json!("TRUE")),
            ("", json!("")),
        ] {
            assert_eq!(value_of(text), want, "{text}");
        }
    }

    #[test]
    fn an_environment_s_own_value_wins_and_secrets_are_not_public() {
        let (one, two) = (EnvId(1), EnvId(2));
        let mut url = Variable::empty("app_url", Timestamp(5));
        url.value = Some("https://acme.test".into());
        url.overrides.insert(two, "https://acme.example".into());
        let mut token = Variable::empty("token", Timestamp(4));
        token.is_secret = true;
        token.overrides.insert(two, "hush".into());
        let variables = Variables::of(vec![url, token], AccountBranding::default(), [one, two].into_iter());
        assert_eq!(format!("{variables:?}"), r#"["token", "app_url"]"#);
        for (env, all, public) in [
            (one, json!({"app_url": "https://acme.test"}), json!({"app_url": "https://acme.test"})),
            (
                two,
                json!({"app_url": "https://acme.example", "token": "hush"}),
                json!({"app_url": "https://acme.example"}),
            ),
            (EnvId(3), json!({}), json!({})),
        ] {
            let mut seen = (*variables.in_env(env)).clone();
            let branding = seen.as_object_mut().and_then(|vars| vars.remove("branding"));
            assert_eq!((seen, variables.public_in(env)), (all, public));
            assert_eq!(branding.is_some(), env != EnvId(3), "every environment has one");
        }
    }

    #[test]
    fn only_secrets_are_sealed() {
        let vault = Vault::new(&[3; 32]);
        for is_secret in [false, true] {
            let mut variable = Variable::empty("token", Timestamp(1));
            variable.is_secret = is_secret;
            variable.value = Some("hush".into());
            variable.overrides.insert(EnvId(1), "hush".into());
            let row = variable.seal(&vault);
            let hidden = row.value.iter().chain(row.overrides.values()).all(|text| !text.contains("hush"));
            assert_eq!(hidden, is_secret);
            let opened = Variable::open(row, &vault).unwrap();
            assert_eq!((opened.value, opened.overrides), (variable.value, variable.overrides));
        }
    }
}
