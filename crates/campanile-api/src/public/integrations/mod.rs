//! Warehouses that push recipients here by JSON-RPC 2.0 (api-conventions.md section 14). What goes wrong inside a call
//! is an error of the call, answered with 200; only a body that is no call at all is refused.

pub(super) mod census;
pub(super) mod hightouch;

use axum::Json;
use campanile_core::ids::EnvId;
use campanile_core::problem::Problems;
use campanile_core::recipient::{RecipientRef, TENANTS};
use campanile_engine::identify::{Upsert, apply_all, parse_object, parse_tenant_body, parse_user};
use campanile_store::StoreError;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::error::{ApiError, ApiResult};

/// Rows of one call at the most; both services are told so.
const ROWS_MAX: usize = 1_000;
/// A call is tried this often when other transactions are in the way.
const TRIES_MAX: usize = 4;

/// A call whose envelope is sound.
struct Call {
    id: Value,
    method: String,
    params: Map<String, Value>,
}

/// Why a call failed: a code of JSON-RPC 2.0 and a text.
struct CallError {
    code: i64,
    message: String,
}

impl CallError {
    fn unknown_method(method: &str) -> Self {
        Self { code: -32601, message: format!("There is no method {method}") }
    }

    fn params(message: impl Into<String>) -> Self {
        Self { code: -32602, message: message.into() }
    }
}

impl From<StoreError> for CallError {
    fn from(error: StoreError) -> Self {
        tracing::warn!(%error, "a warehouse's rows could not be written");
        Self { code: -32603, message: "The rows could not be written; nothing was changed".into() }
    }
}

impl Call {
    fn read(mut body: Map<String, Value>) -> ApiResult<Self> {
        let mut problems = Problems::default();
        if body.get("jsonrpc").and_then(Value::as_str) != Some("2.0") {
            problems.add("jsonrpc", "must be 2.0");
        }
        let id = body.remove("id").unwrap_or_default();
        if !(id.is_string() || id.is_number()) {
            problems.add("id", "must be a string");
        }
        let method = match body.remove("method") {
            Some(Value::String(method)) if !method.is_empty() => method,
            _ => {
                problems.add("method", "can't be blank");
                String::new()
            }
        };
        let params = match body.remove("params") {
            None | Some(Value::Null) => Map::new(),
            Some(Value::Object(params)) => params,
            Some(_) => {
                problems.add("params", "must be an object");
                Map::new()
            }
        };
        problems.into_result(Self { id, method, params }).map_err(ApiError::invalid)
    }

    fn answer(id: Value, result: Result<Value, CallError>) -> Json<Value> {
        Json(match result {
            Ok(result) => json!({"jsonrpc": "2.0", "id": id, "result": result}),
            Err(CallError { code, message }) => {
                json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
            }
        })
    }
}

/// What a warehouse can write to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Target {
    User,
    Tenant,
    /// Of the collection that each row names.
    Object,
}

/// An attribute that is offered for mapping; others are mapped by their names.
struct Attribute {
    name: &'static str,
    label: &'static str,
    required: bool,
    is_datetime: bool,
}

const fn attribute(name: &'static str, label: &'static str) -> Attribute {
    Attribute { name, label, required: false, is_datetime: false }
}

const ID: Attribute = Attribute { required: true, ..attribute("id", "ID") };
const COLLECTION: Attribute = Attribute { required: true, ..attribute("collection", "Collection") };
const CREATED_AT: Attribute = Attribute { is_datetime: true, ..attribute("created_at", "Created at") };

impl Target {
    const ALL: [(Self, &'static str, &'static str); 3] = [
        (Self::User, "user", "Users"),
        (Self::Tenant, "tenant", "Tenants"),
        (Self::Object, "object", "Objects"),
    ];

    fn named(name: &str) -> Result<Self, CallError> {
        let found = Self::ALL.iter().find(|(_, known, _)| *known == name);
        found
            .map(|(target, ..)| *target)
            .ok_or_else(|| CallError::params(format!("There is no object {name}")))
    }

    fn attributes(self) -> Vec<Attribute> {
        match self {
            Self::User => vec![
                ID,
                attribute("name", "Name"),
                attribute("email", "E-mail address"),
                attribute("phone_number", "Phone number"),
                attribute("avatar", "Avatar URL"),
                attribute("timezone", "Time zone"),
                attribute("locale", "Locale"),
                CREATED_AT,
            ],
            Self::Tenant => vec![ID, attribute("name", "Name")],
            Self::Object => vec![ID, COLLECTION, attribute("name", "Name"), CREATED_AT],
        }
    }

    /// The row as an upsert, or why it is none.
    fn parse(self, app: &App, env: EnvId, row: Map<String, Value>) -> Result<Upsert, String> {
        let text = |name: &str| match row.get(name) {
            Some(Value::String(text)) if text.contains('\0') => {
                Err(format!("{name} must not contain a NUL character"))
            }
            Some(Value::String(text)) => Ok(text.clone()),
            None | Some(Value::Null) => Err(format!("{name} can't be blank")),
            Some(_) => Err(format!("{name} must be a string")),
        };
        let id = text("id")?;
        let catalog = app.engine().catalog();
        let mut problems = Problems::default();
        let upsert = match self {
            Self::User => parse_user(&id, row, "", &catalog, env, &mut problems),
            Self::Tenant => parse_tenant_body(&id, row, "", &catalog, env, &mut problems),
            Self::Object => {
                let collection = text("collection")?;
                parse_object(&collection, &id, row, "", &catalog, env, &mut problems)
            }
        };
        let upsert = problems.into_result(upsert).map_err(|found| {
            found.iter().map(|one| format!("{} {}", one.field, one.message)).collect::<Vec<_>>().join("; ")
        })?;
        upsert.ok_or_else(|| "cannot be written".into())
    }

    /// Who a row is about.
    fn reference(self, row: &Map<String, Value>) -> Option<RecipientRef> {
        let text = |name: &str| row.get(name)?.as_str().filter(|text| !text.contains('\0'));
        let id = text("id")?;
        Some(match self {
            Self::User => RecipientRef::user(id),
            Self::Tenant => RecipientRef::object(TENANTS, id),
            Self::Object => RecipientRef::object(text("collection")?, id),
        })
    }
}

/// Writes rows in their order; what became of each.
async fn upsert(
    app: &App,
    env: EnvId,
    target: Target,
    rows: Vec<Map<String, Value>>,
) -> Result<Vec<Result<(), String>>, CallError> {
    let parsed: Vec<Result<Upsert, String>> =
        rows.into_iter().map(|row| target.parse(app, env, row)).collect();
    let sound: Vec<Upsert> = parsed.iter().filter_map(|row| row.as_ref().ok()).cloned().collect();
    let now = app.now();
    let mut tries = 0;
    let written = loop {
        let sound = sound.clone();
        let written = app
            .store()
            .transact(move |tx| Box::pin(async move { apply_all(tx, env, sound, now).await }))
            .await;
        match written {
            Err(StoreError::Contended(_)) if tries < TRIES_MAX => tries += 1,
            written => break written?,
        }
    };
    let mut written = written.into_iter();
    Ok(parsed
        .into_iter()
        .map(|row| {
            row?;
            match written.next() {
                Some(Ok(_)) => Ok(()),
                Some(Err(problem)) => Err(problem.message),
                None => Err("was not written".into()),
            }
        })
        .collect())
}

/// The rows of a call: a list of maps, not too many.
fn rows(params: &mut Map<String, Value>, name: &str) -> Result<Vec<Map<String, Value>>, CallError> {
    let Some(Value::Array(list)) = params.remove(name) else {
        return Err(CallError::params(format!("{name} must be a list")));
    };
    if list.len() > ROWS_MAX {
        return Err(CallError::params(format!("{name} should have at most {ROWS_MAX} item(s)")));
    }
    list.into_iter()
        .map(|row| match row {
            Value::Object(row) => Ok(row),
            _ => Err(CallError::params(format!("{name} must hold objects"))),
        })
        .collect()
}
