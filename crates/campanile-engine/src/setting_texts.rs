//! The Liquid in settings of channels and steps, parsed when they are loaded or compiled, never for a recipient.

use std::collections::HashMap;

use campanile_core::scope::Scope;
use campanile_template::{JsonTemplate, RenderOptions, Template, TemplateError};
use serde_json::{Map, Value};

/// Settings that are JSON templates, of e-mail and of all others (channels.md R2.2).
const OVERRIDES: [&str; 2] = ["json_overrides", "payload_overrides"];

/// What has Liquid in it, by the name of the setting; the rest is read as it stands.
#[derive(Debug, Default)]
pub(crate) struct SettingTexts {
    texts: HashMap<String, Result<Template, TemplateError>>,
    overrides: HashMap<String, Result<JsonTemplate, TemplateError>>,
}

impl SettingTexts {
    /// Parses them. A broken one fails whoever renders it, not the others.
    pub(crate) fn of(settings: &Map<String, Value>) -> Self {
        let mut parsed = Self::default();
        for (name, value) in settings {
            match value {
                Value::Null => {}
                Value::String(text) if text.trim().is_empty() => {}
                Value::String(text) if OVERRIDES.contains(&name.as_str()) => {
                    parsed.overrides.insert(name.clone(), JsonTemplate::parse(text));
                }
                other if OVERRIDES.contains(&name.as_str()) => {
                    parsed.overrides.insert(name.clone(), JsonTemplate::from_json(other));
                }
                Value::String(text) if text.contains("{{") || text.contains("{%") => {
                    parsed.texts.insert(name.clone(), Template::parse(text));
                }
                _ => {}
            }
        }
        parsed
    }

    /// True when no text depends on the scope.
    pub(crate) fn are_fixed(&self) -> bool {
        self.texts.is_empty()
    }

    /// The text of a setting; `text` is how it stands in the settings.
    pub(crate) fn render(
        &self,
        name: &str,
        text: &str,
        scope: &dyn Scope,
        options: &RenderOptions<'_>,
    ) -> Result<String, TemplateError> {
        match self.texts.get(name) {
            None => Ok(text.to_owned()),
            Some(Ok(template)) => template.render(scope, options),
            Some(Err(error)) => Err(error.clone()),
        }
    }

    /// The JSON of overrides; `None` where there are none.
    pub(crate) fn render_json(
        &self,
        name: &str,
        scope: &dyn Scope,
        options: &RenderOptions<'_>,
    ) -> Option<Result<Value, TemplateError>> {
        Some(match self.overrides.get(name)? {
            Ok(json) => json.render_any(scope, options),
            Err(error) => Err(error.clone()),
        })
    }

    /// Liquid that does not parse, by name. What is no JSON fails its delivery alone (R2.6).
    pub(crate) fn errors(&self) -> impl Iterator<Item = (&str, &TemplateError)> {
        let texts = self.texts.iter().filter_map(|(name, text)| Some((name, text.as_ref().err()?)));
        let jsons = self.overrides.iter().filter_map(|(name, json)| Some((name, json.as_ref().err()?)));
        texts.chain(jsons).filter(|(_, error)| error.is_liquid).map(|(name, error)| (name.as_str(), error))
    }

    /// Every template that parses, those inside of JSON too.
    pub(crate) fn templates(&self) -> impl Iterator<Item = &Template> {
        let jsons = self.overrides.values().filter_map(|json| json.as_ref().ok());
        let texts = self.texts.values().filter_map(|text| text.as_ref().ok());
        texts.chain(jsons.flat_map(JsonTemplate::templates))
    }

    /// Whether any of them may read that root.
    pub(crate) fn mention(&self, root: &str) -> bool {
        self.templates().any(|template| template.mentions(root))
    }
}

#[cfg(test)]
mod tests {
    use campanile_core::time::Timestamp;
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_and_overrides_render_and_broken_ones_fail_alone() {
        let settings = json!({
            "plain": "a", "liquid": "{{ a }}!", "broken": "{{ a", "flag": true, "json_overrides": "{\"n\": {{ a }}}",
            "payload_overrides": {"x": "{{ a }}"}, "blank": " ",
        });
        let texts = SettingTexts::of(settings.as_object().unwrap());
        let (scope, options) = (json!({"a": 1}), RenderOptions::at(Timestamp(0)));
        let text = |name: &str| texts.render(name, settings[name].as_str().unwrap(), &scope, &options);
        assert_eq!((text("plain").unwrap(), text("liquid").unwrap()), ("a".into(), "1!".into()));
        assert!(text("broken").is_err() && !texts.are_fixed());
        for (name, want) in [("json_overrides", json!({"n": 1})), ("payload_overrides", json!({"x": 1}))] {
            assert_eq!(texts.render_json(name, &scope, &options).unwrap().unwrap(), want);
        }
        assert!(texts.render_json("plain", &scope, &options).is_none());
        assert_eq!(texts.errors().map(|(name, _)| name).collect::<Vec<_>>(), ["broken"]);
        assert!(texts.mention("a") && !texts.mention("b"));
        assert!(SettingTexts::of(json!({"plain": "a"}).as_object().unwrap()).are_fixed());
    }
}
