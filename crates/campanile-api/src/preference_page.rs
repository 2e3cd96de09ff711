//! The hosted preference page: what a link of [`PreferenceLink`] opens (preferences.md section 11): one form
//! without scripts.

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use campanile_core::ids::EnvId;
use campanile_core::preference::{CHANNEL_TYPES, Change, DEFAULT, Strategy, resolve};
use campanile_core::problem::Problems;
use campanile_core::recipient::RecipientRef;
use campanile_engine::links::PreferenceLink;
use campanile_store::PreferenceEdit;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::error::{ApiError, ApiResult};
use crate::hosted_page::{escaped, missing, page};
use crate::preference_center::{self, Center};
use crate::query::Query;

pub(crate) fn routes() -> Router<App> {
    Router::new().route("/p/{token}", get(show).post(save))
}

/// One switch of the page.
#[derive(Debug, Clone, PartialEq)]
struct Toggle {
    /// Name of its field.
    field: String,
    /// What it is about, within its row.
    label: String,
    is_on: bool,
    /// Conditions are shown, never written (PF11.2).
    is_editable: bool,
    /// The row's member of the set, the identifier in it, and a channel type.
    target: (&'static str, Option<String>, Option<&'static str>),
}

/// A row with its switches.
#[derive(Debug, PartialEq)]
struct Shown {
    name: String,
    description: String,
    toggles: Vec<Toggle>,
}

struct Visit {
    env: EnvId,
    user: RecipientRef,
    center: Center,
    rows: Vec<Shown>,
}

async fn show(State(app): State<App>, Path(token): Path<String>, query: Query) -> Response {
    match visit(&app, &token).await {
        Ok(Some(visit)) => page(StatusCode::OK, &form(&visit, query.text("saved").is_some())),
        Ok(None) => missing(),
        Err(error) => error.into_response(),
    }
}

/// Writes what was switched, and nothing else (PF5.7).
async fn save(State(app): State<App>, Path(token): Path<String>, body: Bytes) -> Response {
    let result = async {
        let Some(visit) = visit(&app, &token).await? else { return Ok(missing()) };
        let form = Query::parse(&String::from_utf8_lossy(&body));
        if let Some(set) = edited(&visit.rows, |field| form.text(field).is_some()) {
            write(&app, &visit, set).await?;
        }
        // The page again, by a request that can be repeated.
        let to = HeaderValue::try_from(format!("/p/{token}?saved=1")).map_err(ApiError::internal)?;
        Ok::<_, ApiError>((StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response())
    };
    result.await.unwrap_or_else(IntoResponse::into_response)
}

/// Whose page it is; `None` when the token is not ours, or its user is gone or is somebody else by now.
async fn visit(app: &App, token: &str) -> ApiResult<Option<Visit>> {
    let Some(link) = PreferenceLink::verify(app.engine().links(), token) else { return Ok(None) };
    let (env, user) = (link.env(), RecipientRef::user(&link.user));
    let row = app.store().recipient(env, &user).await?.filter(|row| row.inserted_at == link.since());
    if row.is_none() {
        return Ok(None);
    }
    let stored = app.store().preference_set(env, &user, DEFAULT).await?;
    let own: Option<Value> = stored.and_then(|text| serde_json::from_str(&text).ok());
    let catalog = app.engine().catalog();
    let low = catalog.preference_default(env).map(|set| Value::Object(set.json().clone()));
    let resolved = resolve(own.as_ref(), low.as_ref());
    let center = preference_center::read(app, env).await?;
    let rows = rows(&center, &resolved);
    Ok(Some(Visit { env, user, center, rows }))
}

async fn write(app: &App, visit: &Visit, set: Value) -> ApiResult<()> {
    let mut problems = Problems::default();
    let change = Change::parse(&set, Strategy::Merge, "", &mut problems);
    let change = problems.into_result(change).map_err(ApiError::invalid)?;
    let change = change.ok_or_else(|| ApiError::internal("a refused set named no problem"))?;
    let (env, now, reference) = (visit.env, app.now(), visit.user.clone());
    let edit = PreferenceEdit { reference: reference.clone(), id: DEFAULT.to_owned(), change };
    let written = app
        .store()
        .transact(move |tx| {
            Box::pin(async move {
                tx.lock_recipients(env, &[reference], now).await?;
                tx.edit_preferences(env, vec![edit], now).await
            })
        })
        .await?;
    match written.into_iter().next() {
        Some(Ok(_)) => Ok(()),
        _ => Err(ApiError::field("", "the preferences are too large")),
    }
}

/// The rows of the hosted page; those for channel types alone are for custom pages.
fn rows(center: &Center, resolved: &Value) -> Vec<Shown> {
    let list = center.config["rows"].as_array().map(Vec::as_slice).unwrap_or_default();
    let mut shown = Vec::with_capacity(list.len());
    for (n, row) in list.iter().enumerate() {
        let text = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        let section = match row["type"].as_str() {
            Some("workflow") => "workflows",
            Some("category") => "categories",
            Some("channel") => "channels",
            Some("commercial_subscribed") => "commercial_subscribed",
            _ => continue,
        };
        let is_commercial = section == "commercial_subscribed";
        let id = (!is_commercial).then(|| text("identifier"));
        let value = id.as_ref().map_or(&resolved[section], |id| &resolved[section][id]);
        let named = row["channel_types"].as_array().map(Vec::as_slice).unwrap_or_default();
        let types: Vec<&'static str> =
            CHANNEL_TYPES.into_iter().filter(|kind| named.iter().any(|name| name == kind)).collect();
        let toggle = |kind: Option<&'static str>| {
            let (is_on, is_plain) = state(value, kind);
            Toggle {
                field: kind.map_or_else(|| format!("row.{n}"), |kind| format!("row.{n}.{kind}")),
                label: kind.map(|kind| kind.replace('_', " ")).unwrap_or_default(),
                is_on,
                is_editable: is_plain && (center.is_enabled || is_commercial),
                target: (section, id.clone(), kind),
            }
        };
        let toggles = match types.is_empty() {
            true => vec![toggle(None)],
            false => types.into_iter().map(|kind| toggle(Some(kind))).collect(),
        };
        shown.push(Shown { name: text("name"), description: text("description"), toggles });
    }
    shown
}

/// Whether a switch is on, and whether its value is one that a switch can show.
fn state(value: &Value, kind: Option<&'static str>) -> (bool, bool) {
    let asks = |value: &Value| value["conditions"].as_array().is_some_and(|list| !list.is_empty());
    match (value, kind) {
        (Value::Bool(is_on), _) => (*is_on, true),
        (value, _) if asks(value) => (true, false),
        (Value::Object(_), Some(kind)) => state(&value["channel_types"][kind], None),
        _ => (true, true),
    }
}

/// The set to merge, or `None` when nothing was switched. Where a boolean stood for all types of a row, all of them are
/// written: the others must not change with the one.
fn edited(rows: &[Shown], is_checked: impl Fn(&str) -> bool) -> Option<Value> {
    let mut set = Map::new();
    for row in rows {
        let is_switched = |toggle: &&Toggle| toggle.is_editable && is_checked(&toggle.field) != toggle.is_on;
        if !row.toggles.iter().any(|toggle| is_switched(&toggle)) {
            continue;
        }
        for toggle in row.toggles.iter().filter(|toggle| toggle.is_editable) {
            let value = Value::Bool(is_checked(&toggle.field));
            let (section, id, kind) = &toggle.target;
            let Some(id) = id else {
                set.insert((*section).into(), value);
                continue;
            };
            let entries = set.entry(*section).or_insert_with(|| json!({}));
            match kind {
                None => entries[id] = value,
                Some(kind) => entries[id]["channel_types"][*kind] = value,
            }
        }
    }
    (!set.is_empty()).then_some(Value::Object(set))
}

fn form(visit: &Visit, is_saved: bool) -> String {
    let config = |name: &str| escaped(visit.center.config[name].as_str().unwrap_or_default());
    let mut html = format!("<h1>{}</h1><p>{}</p>", config("title"), config("body"));
    if is_saved {
        html.push_str("<p role=\"status\">Saved.</p>");
    }
    html.push_str("<form method=\"post\">");
    for row in &visit.rows {
        let (name, description) = (escaped(&row.name), escaped(&row.description));
        html.push_str(&format!("<fieldset><legend>{name}</legend><p>{description}</p>"));
        for toggle in &row.toggles {
            let checked = if toggle.is_on { " checked" } else { "" };
            let disabled = if toggle.is_editable { "" } else { " disabled" };
            let label = if toggle.label.is_empty() { name.clone() } else { escaped(&toggle.label) };
            html.push_str(&format!(
                "<label><input type=\"checkbox\" name=\"{}\"{checked}{disabled}> {label}</label>",
                toggle.field
            ));
        }
        html.push_str("</fieldset>");
    }
    html.push_str("<button>Save</button></form>");
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    fn center(is_enabled: bool) -> Center {
        let rows = json!([
            {"type": "category", "name": "News", "identifier": "news", "channel_types": null},
            {"type": "workflow", "name": "Bills", "identifier": "bills", "channel_types": ["sms", "email", "in_app"]},
            {"type": "channel", "name": "Mail", "identifier": "11111111-1111-4111-8111-111111111111"},
            {"type": "channel_types", "name": "Ways", "channel_types": ["email"]},
            {"type": "commercial_subscribed", "name": "Offers"},
        ]);
        Center { is_enabled, config: json!({"rows": rows}) }
    }

    fn switched(resolved: Value, checked: &[&str]) -> Option<Value> {
        edited(&rows(&center(true), &resolved), |field| checked.contains(&field))
    }

    #[test]
    fn only_what_was_switched_is_written() {
        let all = ["row.0", "row.1.email", "row.1.sms", "row.2", "row.4"];
        assert_eq!(switched(json!({}), &all), None, "on when unset");
        assert_eq!(switched(json!({}), &all[1..]), Some(json!({"categories": {"news": false}})));
        let without_sms = ["row.0", "row.1.email", "row.2", "row.4"];
        let bills = |email: bool, sms: bool| json!({"workflows": {"bills": {"channel_types": {"email": email, "sms": sms}}}});
        assert_eq!(switched(json!({}), &without_sms), Some(bills(true, false)));
        // A boolean becomes an object that says the same of the other types.
        assert_eq!(switched(json!({"workflows": {"bills": false}}), &without_sms), Some(bills(true, false)));
        assert_eq!(switched(json!({}), &all[..4]), Some(json!({"commercial_subscribed": false})));
    }

    #[test]
    fn conditions_and_switched_off_centers_are_shown_read_only() {
        let conditions = json!({"conditions": [{"variable": "data.x", "operator": "exists"}]});
        let set = json!({"categories": {"news": conditions}, "workflows": {"bills": {"channel_types": {"sms": conditions}}}});
        let editable = |is_enabled: bool| -> Vec<String> {
            let rows = rows(&center(is_enabled), &set);
            let toggles = rows.into_iter().flat_map(|row| row.toggles);
            toggles.filter(|toggle| toggle.is_editable).map(|toggle| toggle.field).collect()
        };
        assert_eq!(editable(true), ["row.1.email", "row.2", "row.4"]);
        assert_eq!(editable(false), ["row.4"]);
    }
}
