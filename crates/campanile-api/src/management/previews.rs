//! Previews of steps, templates, layouts and partials (templates.md section 16).

use axum::Json;
use axum::extract::State;
use campanile_channels::sms::Segments;
use campanile_core::fields::{BLANK, Fields, INVALID};
use campanile_core::ids::EnvId;
use campanile_core::problem::Problems;
use campanile_core::recipient::{RecipientRef, collection_problem, id_problem};
use campanile_core::workflow::ChannelType;
use campanile_engine::preview::{LayoutChoice, Preview, Situation, WorkflowFacts};
use campanile_template::TemplateError;
use serde_json::{Map, Value, json};

use super::request::environment;
use crate::app::App;
use crate::auth::ServiceToken;
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};
use crate::public::segments::Segments as Path;
use crate::query::Query;

/// Channels whose templates can be handed in; `http` is only for steps (T16.4).
const CHANNELS: [ChannelType; 5] =
    [ChannelType::Email, ChannelType::Sms, ChannelType::Push, ChannelType::Chat, ChannelType::InAppFeed];

/// The saved template of a channel step.
pub(super) async fn step(
    _: ServiceToken,
    State(app): State<App>,
    Path((workflow, step)): Path<(String, String)>,
    query: Query,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let env = env(&app, query)?;
    let mut problems = Problems::default();
    let situation = situation(env, &body, &mut problems);
    let situation = problems.into_result(situation).map_err(ApiError::invalid)?;
    let preview = app.engine().preview_step(&situation, &workflow, &step).await?;
    Ok(Json(shown(&preview)))
}

/// A template that comes with the request.
pub(super) async fn template(
    _: ServiceToken,
    State(app): State<App>,
    query: Query,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let env = env(&app, query)?;
    let mut problems = Problems::default();
    let mut situation = situation(env, &body, &mut problems);
    situation.workflow = workflow(&body, &mut problems);
    let channel = match body.get("channel_type") {
        None | Some(Value::Null) => Err(BLANK),
        Some(name) => {
            let named = name.as_str().and_then(ChannelType::from_wire);
            named.filter(|named| CHANNELS.contains(named)).ok_or(INVALID)
        }
    };
    if let Err(why) = channel {
        problems.add("channel_type", why);
    }
    let template = body.get("template").filter(|template| !template.is_null());
    if template.is_none() {
        problems.add("template", BLANK);
    }
    let layout = layout(&body, &mut problems);
    let found = channel.ok().zip(template);
    let found = problems.into_result(found).map_err(ApiError::invalid)?;
    let (channel, template) = found.ok_or_else(ApiError::missing)?;
    let preview = app.engine().preview_template(&situation, channel, template, layout).await?;
    Ok(Json(shown(&preview)))
}

/// A layout around nothing.
pub(super) async fn email_layout(
    _: ServiceToken,
    State(app): State<App>,
    query: Query,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let env = env(&app, query)?;
    let mut problems = Problems::default();
    let mut situation = situation(env, &body, &mut problems);
    // Whoever writes a layout wants to see all of its links (T16.6).
    situation.workflow = WorkflowFacts { is_commercial: true, ..workflow(&body, &mut problems) };
    let document = document(&body, "email_layout", &mut problems);
    let document = problems.into_result(document).map_err(ApiError::invalid)?;
    Ok(Json(match app.engine().preview_layout(&situation, &document).await? {
        Ok(mail) => json!({
            "result": "success",
            "layout": {"html_body": mail.html, "text_body": mail.text},
            "errors": [],
        }),
        Err(errors) => json!({"result": "error", "layout": null, "errors": problems_of(&errors)}),
    }))
}

/// A partial by itself, or inside a layout.
pub(super) async fn partial(
    _: ServiceToken,
    State(app): State<App>,
    query: Query,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let env = env(&app, query)?;
    let mut problems = Problems::default();
    let data = data(&body, &mut problems);
    let document = document(&body, "partial", &mut problems);
    let layout = match layout(&body, &mut problems) {
        LayoutChoice::Key(key) => Some(key),
        LayoutChoice::Inline { .. } => {
            problems.add("layout", "must name a layout by its key");
            None
        }
        LayoutChoice::Default | LayoutChoice::Without => None,
    };
    let document = problems.into_result(document).map_err(ApiError::invalid)?;
    let preview = app.engine().preview_partial(env, &document, &data, layout).await?;
    let result = if preview.errors.is_empty() { "success" } else { "error" };
    // Checked by now, unless its Liquid is broken.
    let kind = document["type"].as_str().filter(|kind| ["html", "text", "json", "markdown"].contains(kind));
    Ok(Json(json!({
        "result": result,
        "type": kind.unwrap_or("html"),
        "content": preview.content,
        "errors": problems_of(&preview.errors),
    })))
}

fn env(app: &App, query: Query) -> ApiResult<EnvId> {
    let env = environment(&app.engine().catalog(), &query)?.id;
    query.finish()?;
    Ok(env)
}

/// Recipient, actor, tenant and data. Problems are told by the caller, so the answer may be of nobody.
fn situation(env: EnvId, body: &Map<String, Value>, problems: &mut Problems) -> Situation {
    let recipient = reference(body, "recipient", problems);
    if body.get("recipient").is_none_or(Value::is_null) {
        problems.add("recipient", BLANK);
    }
    let tenant = match body.get("tenant") {
        None | Some(Value::Null) => None,
        Some(Value::String(id)) if id.is_empty() || id.contains(char::is_whitespace) => {
            problems.add("tenant", "must be an id without whitespace");
            None
        }
        Some(Value::String(id)) if id_problem(id).is_some() => {
            problems.add("tenant", id_problem(id).unwrap_or(INVALID));
            None
        }
        Some(Value::String(id)) => Some(id.clone()),
        Some(_) => {
            problems.add("tenant", INVALID);
            None
        }
    };
    Situation {
        env,
        recipient: recipient.unwrap_or_else(|| RecipientRef::user("")),
        actor: reference(body, "actor", problems),
        tenant,
        data: data(body, problems),
        workflow: WorkflowFacts::default(),
    }
}

/// A user's id, or `{id, collection}`; nothing else identifies anybody here (T16.2).
fn reference(body: &Map<String, Value>, name: &str, problems: &mut Problems) -> Option<RecipientRef> {
    let found = match body.get(name)? {
        Value::Null => return None,
        Value::String(id) => match id_problem(id) {
            None => return Some(RecipientRef::user(id.as_str())),
            Some(why) => why,
        },
        Value::Object(object) => {
            let text = |name: &str| object.get(name).and_then(Value::as_str);
            match (text("id"), text("collection")) {
                (Some(id), Some(collection)) if object.len() == 2 => {
                    match id_problem(id).or_else(|| collection_problem(collection)) {
                        None => return Some(RecipientRef::object(collection, id)),
                        Some(why) => why,
                    }
                }
                _ => "must be a user id or an object of id and collection",
            }
        }
        _ => "must be a user id or an object of id and collection",
    };
    problems.add(name, found);
    None
}

fn data(body: &Map<String, Value>, problems: &mut Problems) -> Map<String, Value> {
    match body.get("data") {
        None | Some(Value::Null) => Map::new(),
        Some(Value::Object(data)) => data.clone(),
        Some(_) => {
            problems.add("data", INVALID);
            Map::new()
        }
    }
}

fn document(body: &Map<String, Value>, name: &str, problems: &mut Problems) -> Value {
    let document = body.get(name).cloned().unwrap_or_default();
    match &document {
        Value::Object(_) => {}
        Value::Null => problems.add(name, BLANK),
        _ => problems.add(name, INVALID),
    }
    document
}

fn workflow(body: &Map<String, Value>, problems: &mut Problems) -> WorkflowFacts {
    let Some(value) = body.get("workflow").filter(|value| !value.is_null()) else {
        return WorkflowFacts::default();
    };
    let Some(fields) = Fields::of(value, "workflow", problems) else { return WorkflowFacts::default() };
    let key = fields.text_required("key", problems).map(str::to_owned);
    WorkflowFacts {
        id: None,
        key,
        categories: fields.texts("categories", problems),
        is_commercial: fields.flag("commercial", problems).unwrap_or_default(),
        override_preferences: fields.flag("override_preferences", problems).unwrap_or_default(),
    }
}

/// `layout`: a key, or the sources; `{"key": null}` is none, nothing at all the default one.
fn layout<'b>(body: &'b Map<String, Value>, problems: &mut Problems) -> LayoutChoice<'b> {
    let Some(value) = body.get("layout").filter(|value| !value.is_null()) else {
        return LayoutChoice::Default;
    };
    let Some(fields) = Fields::of(value, "layout", problems) else { return LayoutChoice::Default };
    let key = fields.text("key", problems);
    let html = fields.text("html_content", problems);
    let text = fields.text("text_content", problems);
    match (key, html, text) {
        (Some(_), Some(_), _) | (Some(_), _, Some(_)) => {
            problems.add("layout", "must have either a key or contents");
            LayoutChoice::Default
        }
        (Some(key), None, None) => LayoutChoice::Key(key),
        (None, Some(html), text) => LayoutChoice::Inline { html, text: text.unwrap_or("{{ content }}") },
        (None, None, Some(_)) => {
            problems.add("layout.html_content", BLANK);
            LayoutChoice::Default
        }
        (None, None, None) => LayoutChoice::Without,
    }
}

fn shown(preview: &Preview) -> Value {
    let result = if preview.errors.is_empty() { "success" } else { "error" };
    let mut shown = json!({
        "result": result,
        "content_type": preview.content_type.as_str(),
        "template": preview.template,
        "errors": problems_of(&preview.errors),
    });
    if let Some(Segments { encoding, units, count }) = &preview.segments {
        shown["segments"] = json!({"encoding": encoding.to_string(), "units": units, "count": count});
    }
    shown
}

/// A place that is none is null.
fn problems_of(errors: &[TemplateError]) -> Value {
    let number = |number: usize| (number > 0).then_some(number);
    let shown = |error: &TemplateError| {
        json!({
            "field": error.field,
            "line": number(error.line),
            "column": number(error.column),
            "message": error.message,
        })
    };
    errors.iter().map(shown).collect()
}
