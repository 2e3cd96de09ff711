//! `POST /v1/integrations/hightouch/embedded-destination`: the methods of a Hightouch embedded destination.

use axum::Json;
use axum::extract::State;
use campanile_core::ids::EnvId;
use serde_json::{Map, Value, json};

use super::{Call, CallError, ROWS_MAX, Target, rows, upsert};
use crate::app::App;
use crate::auth::SecretKey;
use crate::body::JsonObject;
use crate::error::ApiResult;

/// Answers one call.
pub(in crate::public) async fn call(
    SecretKey(env): SecretKey,
    State(app): State<App>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let Call { id, method, params } = Call::read(body)?;
    let result = run(&app, env, &method, params).await;
    Ok(Call::answer(id, result))
}

async fn run(app: &App, env: EnvId, method: &str, params: Map<String, Value>) -> Result<Value, CallError> {
    match method {
        "test_connection" => Ok(json!({"success": true})),
        "list_objects" => {
            let objects = Target::ALL.map(|(_, name, label)| json!({"id": name, "label": label}));
            Ok(json!({"objects": objects}))
        }
        "list_modes" => {
            let description = "Makes new recipients and updates those that exist.";
            Ok(json!({"modes": [{"id": "upsert", "label": "Upsert", "description": description}]}))
        }
        "list_fields" => {
            let fields: Vec<Value> = target(params.get("object"))?
                .attributes()
                .into_iter()
                .map(|one| {
                    let kind = if one.is_datetime { "DATETIME" } else { "STRING" };
                    json!({"id": one.name, "label": one.label, "type": kind, "identifier": one.name == "id"})
                })
                .collect();
            Ok(json!({"fields": fields}))
        }
        "list_options" => Ok(json!({"options": null})),
        "validate" => {
            let refused = Mapping::read(&params).err().map(|error| error.message);
            Ok(json!({"errors": refused.into_iter().collect::<Vec<_>>()}))
        }
        "behavior" => Ok(json!({
            "batchSize": ROWS_MAX, "operations": {"add": true, "change": true, "remove": true},
            "skipInitialRun": false,
        })),
        "add" | "change" => write(app, env, params).await,
        "remove" => remove(app, env, params).await,
        _ => Err(CallError::unknown_method(method)),
    }
}

/// The object's id, alone or in a map.
fn target(object: Option<&Value>) -> Result<Target, CallError> {
    let name = object.and_then(|object| object.as_str().or(object["id"].as_str()));
    Target::named(name.ok_or_else(|| CallError::params("object must be a string"))?)
}

/// Which column goes where.
struct Mapping {
    target: Target,
    /// From a column to an attribute; the identifier is among them.
    columns: Vec<(String, String)>,
}

impl Mapping {
    fn read(params: &Map<String, Value>) -> Result<Self, CallError> {
        let configuration = params.get("configuration");
        let member = |name: &str| configuration.and_then(|configuration| configuration.get(name));
        let target = target(member("object"))?;
        let pair = |one: &Value| Some((one["from"].as_str()?.to_owned(), one["to"].as_str()?.to_owned()));
        let identifier = member("identifierMapping").and_then(pair);
        let (column, _) = identifier
            .filter(|(_, attribute)| attribute == "id")
            .ok_or_else(|| CallError::params("configuration.identifierMapping must map a column to id"))?;
        let mut columns = vec![(column, "id".to_owned())];
        match member("mappings") {
            None | Some(Value::Null) => {}
            Some(Value::Array(list)) => columns.extend(list.iter().filter_map(pair)),
            Some(_) => return Err(CallError::params("configuration.mappings must be a list")),
        }
        Ok(Self { target, columns })
    }

    /// A row of columns as one of attributes.
    fn apply(&self, row: &Map<String, Value>) -> Map<String, Value> {
        let mapped = self.columns.iter().filter_map(|(from, to)| Some((to.clone(), row.get(from)?.clone())));
        mapped.collect()
    }
}

async fn write(app: &App, env: EnvId, mut params: Map<String, Value>) -> Result<Value, CallError> {
    let mapping = Mapping::read(&params)?;
    let rows = rows(&mut params, "rows")?;
    let results =
        upsert(app, env, mapping.target, rows.iter().map(|row| mapping.apply(row)).collect()).await?;
    let rejected: Vec<Value> = rows
        .into_iter()
        .zip(results)
        .filter_map(|(row, result)| Some(json!({"row": row, "reason": result.err()?})))
        .collect();
    Ok(json!({"rejectedRows": rejected}))
}

async fn remove(app: &App, env: EnvId, mut params: Map<String, Value>) -> Result<Value, CallError> {
    let mapping = Mapping::read(&params)?;
    let mut references = Vec::new();
    let mut rejected = Vec::new();
    for row in rows(&mut params, "rows")? {
        match mapping.target.reference(&mapping.apply(&row)) {
            Some(reference) => references.push(reference),
            None => rejected.push(json!({"row": row, "reason": "does not say who it is"})),
        }
    }
    app.store()
        .transact(move |tx| Box::pin(async move { tx.delete_recipients(env, &references).await }))
        .await?;
    Ok(json!({"rejectedRows": rejected}))
}
