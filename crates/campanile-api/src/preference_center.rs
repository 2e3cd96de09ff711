//! The preference center of an environment: its configuration, checked and completed (preferences.md section 11).

use campanile_core::ids::EnvId;
use campanile_core::preference::KEY_CHARS_MAX;
use campanile_core::problem::Problems;
use campanile_store::PreferenceCenterRow;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::app::App;
use crate::error::{ApiError, ApiResult};

/// Rows at the most.
const ROWS_MAX: usize = 100;
/// Longest text, in characters.
const TEXT_CHARS_MAX: usize = 2_000;
/// Every center has exactly one row of this type (PF11.1).
const COMMERCIAL: &str = "commercial_subscribed";
const TYPES: [&str; 5] = ["workflow", "channel", "category", "channel_types", COMMERCIAL];
/// As the published document lists them.
const CHANNEL_TYPES: [&str; 10] =
    ["email", "in_app", "in_app_feed", "in_app_guide", "sms", "push", "chat", "http", "log", "deferred_log"];

/// A center as it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Center {
    /// Whether recipients may edit more than the commercial row.
    pub(crate) is_enabled: bool,
    /// Title, body, rows.
    pub(crate) config: Value,
}

/// The saved center, or the built-in one.
pub(crate) async fn read(app: &App, env: EnvId) -> ApiResult<Center> {
    match app.store().preference_center(env).await? {
        Some(PreferenceCenterRow { is_enabled, config }) => {
            Ok(Center { is_enabled, config: serde_json::from_str(&config).map_err(ApiError::internal)? })
        }
        None => Ok(Center { is_enabled: false, config: built_in() }),
    }
}

/// Saves a center; it is live at once (PF11.5).
pub(crate) async fn save(app: &App, env: EnvId, center: &Center) -> ApiResult<()> {
    let row = PreferenceCenterRow { is_enabled: center.is_enabled, config: center.config.to_string() };
    app.store().set_preference_center(env, row, app.now()).await?;
    // Messages carry links to a center that is switched on.
    Ok(app.engine().reload_catalog().await?)
}

/// What a center shows before anybody configured it.
pub(crate) fn built_in() -> Value {
    json!({
        "title": "Your notifications",
        "body": "Choose what you would like to hear from us.",
        "show_account_name": true,
        "rows": [commercial_row()],
    })
}

fn commercial_row() -> Value {
    json!({
        "type": COMMERCIAL,
        "name": "News and offers",
        "description": "Messages that are not about your own account or activity.",
    })
}

/// Checks a configuration, keeps what is known of it, and adds what must be there.
pub(crate) fn check(config: &Value, problems: &mut Problems) -> Value {
    let Value::Object(given) = config else {
        problems.add("config", if config.is_null() { "can't be blank" } else { "must be an object" });
        return Value::Null;
    };
    let mut checked = built_in();
    for name in ["title", "body"] {
        match text(given, "config", name, problems) {
            Some(text) => checked[name] = text.into(),
            None => continue,
        }
    }
    match given.get("show_account_name") {
        None | Some(Value::Null) => {}
        Some(flag @ Value::Bool(_)) => checked["show_account_name"] = flag.clone(),
        Some(_) => problems.add("config.show_account_name", "must be true or false"),
    }
    match given.get("rows") {
        None | Some(Value::Null) => {}
        Some(Value::Array(rows)) if rows.len() <= ROWS_MAX => {
            let mut list: Vec<Value> =
                rows.iter().enumerate().map(|(n, given)| row(given, n, problems)).collect();
            match list.iter().filter(|row| row["type"] == COMMERCIAL).count() {
                0 => list.push(commercial_row()),
                1 => {}
                _ => problems.add("config.rows", "must have exactly one commercial_subscribed row"),
            }
            checked["rows"] = list.into();
        }
        Some(Value::Array(_)) => {
            problems.add("config.rows", format!("should have at most {ROWS_MAX} item(s)"));
        }
        Some(_) => problems.add("config.rows", "must be a list"),
    }
    checked
}

fn row(given: &Value, n: usize, problems: &mut Problems) -> Value {
    let field = format!("config.rows[{n}]");
    let Value::Object(given) = given else {
        problems.add(field, "must be an object");
        return Value::Null;
    };
    let mut row = Map::new();
    let kind = given.get("type").and_then(Value::as_str).unwrap_or_default();
    if !TYPES.contains(&kind) {
        problems.add(format!("{field}.type"), format!("must be one of {}", TYPES.join(", ")));
    }
    row.insert("type".into(), kind.into());
    match text(given, &field, "name", problems) {
        Some(name) => drop(row.insert("name".into(), name.into())),
        None if given.get("name").is_none_or(Value::is_null) => {
            problems.add(format!("{field}.name"), "can't be blank");
        }
        None => {}
    }
    if let Some(description) = text(given, &field, "description", problems) {
        row.insert("description".into(), description.into());
    }
    if matches!(kind, "workflow" | "channel" | "category") {
        let path = format!("{field}.identifier");
        match given.get("identifier") {
            Some(Value::String(id)) if kind == "channel" => match Uuid::try_parse(id) {
                Ok(id) => drop(row.insert("identifier".into(), id.to_string().into())),
                Err(_) => problems.add(path, "is not a channel id"),
            },
            Some(Value::String(id)) if id.trim().is_empty() => problems.add(path, "can't be blank"),
            Some(Value::String(id)) if id.chars().count() > KEY_CHARS_MAX || id.contains('\0') => {
                problems.add(path, "is invalid");
            }
            Some(Value::String(id)) => drop(row.insert("identifier".into(), id.as_str().into())),
            None | Some(Value::Null) => problems.add(path, "can't be blank"),
            Some(_) => problems.add(path, "must be a string"),
        }
    }
    if matches!(kind, "workflow" | "category" | "channel_types") {
        let types = given.get("channel_types").unwrap_or(&Value::Null);
        let is_known = |name: &Value| name.as_str().is_some_and(|name| CHANNEL_TYPES.contains(&name));
        match types {
            Value::Null => {}
            Value::Array(list) if list.len() <= CHANNEL_TYPES.len() && list.iter().all(is_known) => {}
            _ => problems.add(format!("{field}.channel_types"), "must be a list of channel types"),
        }
        row.insert("channel_types".into(), types.clone());
    }
    Value::Object(row)
}

fn text<'m>(
    map: &'m Map<String, Value>,
    field: &str,
    name: &str,
    problems: &mut Problems,
) -> Option<&'m str> {
    let path = format!("{field}.{name}");
    match map.get(name)? {
        Value::Null => {}
        Value::String(text) if text.chars().count() > TEXT_CHARS_MAX => {
            problems.add(path, format!("should be at most {TEXT_CHARS_MAX} character(s)"));
        }
        Value::String(text) if text.contains('\0') => problems.add(path, "must not contain a NUL character"),
        Value::String(text) => return Some(text),
        _ => problems.add(path, "must be a string"),
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(config: Value) -> Result<Value, Vec<String>> {
        let mut problems = Problems::default();
        let checked = check(&config, &mut problems);
        problems.into_result(checked).map_err(|found| found.into_iter().map(|p| p.field).collect())
    }

    #[test]
    fn a_configuration_is_completed() {
        assert_eq!(checked(json!({})), Ok(built_in()));
        let channel = "2F641633-95D3-4555-9222-9F1EB7888A80";
        let found = checked(json!({"title": "T", "other": 1, "rows": [
            {"type": "category", "name": "News", "identifier": "news", "channel_types": ["email"], "other": 1},
            {"type": "channel", "name": "Mail", "identifier": channel, "description": null},
        ]}));
        let rows = json!([
            {"type": "category", "name": "News", "identifier": "news", "channel_types": ["email"]},
            {"type": "channel", "name": "Mail", "identifier": channel.to_lowercase()},
            commercial_row(),
        ]);
        assert_eq!(
            found.map(|config| (config["title"].clone(), config["rows"].clone())),
            Ok((json!("T"), rows))
        );
    }

    #[test]
    fn refuses_with_every_field() {
        let commercial = json!({"type": "commercial_subscribed", "name": "C"});
        for (config, fields) in [
            (json!(null), vec!["config"]),
            (json!([]), vec!["config"]),
            (
                json!({"title": 1, "body": {}, "show_account_name": 1, "rows": 1}),
                vec!["config.body", "config.rows", "config.show_account_name", "config.title"],
            ),
            (
                json!({"rows": [1, {}, {"type": "workflow", "name": "W"}]}),
                vec![
                    "config.rows[0]",
                    "config.rows[1].name",
                    "config.rows[1].type",
                    "config.rows[2].identifier",
                ],
            ),
            (
                json!({"rows": [{"type": "channel", "name": "M", "identifier": "email"}]}),
                vec!["config.rows[0].identifier"],
            ),
            (
                json!({"rows": [{"type": "channel_types", "name": "M", "channel_types": ["fax"]}]}),
                vec!["config.rows[0].channel_types"],
            ),
            (json!({"rows": [commercial, commercial]}), vec!["config.rows"]),
        ] {
            assert_eq!(
                checked(config.clone()),
                Err(fields.iter().map(|f| (*f).to_owned()).collect()),
                "{config}"
            );
        }
    }
}
