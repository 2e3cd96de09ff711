//! What an e-mail sees besides the run scope.

use campanile_core::scope::Scope;
use serde_json::{Map, Value as Json};

/// The run scope with what only layouts see laid over it.
pub(super) struct DocumentScope<'s> {
    pub(super) scope: &'s dyn Scope,
    pub(super) preview: Json,
    pub(super) footer_links: Json,
    pub(super) content: Json,
}

impl Scope for DocumentScope<'_> {
    fn root(&self, name: &str) -> Option<&Json> {
        match name {
            "preview_text" => Some(&self.preview),
            "footer_links" => Some(&self.footer_links),
            // Replaced wherever it is printed; `{% if content %}` holds (T7.7).
            "content" => Some(&self.content),
            _ => self.scope.root(name),
        }
    }
}

/// The run scope with the branding of a layout in `vars` (T4.4).
pub(super) struct Branded<'s> {
    scope: &'s dyn Scope,
    /// `None` leaves the run scope as it is.
    vars: Option<Json>,
}

impl<'s> Branded<'s> {
    /// Key by key: the tenant's own branding, else that of the layout, else what is there.
    pub(super) fn over(scope: &'s dyn Scope, overrides: &Map<String, Json>) -> Self {
        if overrides.is_empty() {
            return Self { scope, vars: None };
        }
        let tenant = scope.root("tenant").map(|tenant| &tenant["settings"]["branding"]);
        let mut vars = scope.root("vars").and_then(Json::as_object).cloned().unwrap_or_default();
        let mut branding = vars.get("branding").and_then(Json::as_object).cloned().unwrap_or_default();
        for (key, value) in overrides {
            if tenant.is_none_or(|tenant| tenant[key].is_null()) {
                branding.insert(key.clone(), value.clone());
            }
        }
        vars.insert("branding".into(), Json::Object(branding));
        Self { scope, vars: Some(Json::Object(vars)) }
    }
}

impl Scope for Branded<'_> {
    fn root(&self, name: &str) -> Option<&Json> {
        match &self.vars {
            Some(vars) if name == "vars" => Some(vars),
            _ => self.scope.root(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn branding_goes_key_by_key() {
        let scope = json!({
            "vars": {"app_name": "Acme", "branding": {"primary_color": "#000001", "logo_url": "account"}},
            "tenant": {"settings": {"branding": {"primary_color": "#000002", "icon_url": null}}},
        });
        let overrides = json!({"primary_color": "#000003", "logo_url": "layout", "icon_url": "layout"});
        let branded = Branded::over(&scope, overrides.as_object().unwrap());
        assert_eq!(
            branded.root("vars").unwrap(),
            &json!({"app_name": "Acme", "branding": {"primary_color": "#000001", "logo_url": "layout", "icon_url": "layout"}})
        );
        let nobody = json!({});
        let branded = Branded::over(&nobody, overrides.as_object().unwrap());
        assert_eq!(branded.root("vars").unwrap()["branding"]["primary_color"], "#000003");
        assert!(Branded::over(&nobody, &Map::new()).root("vars").is_none());
    }
}
