//! `PUT /v1/workflows/{key}/run`: a test run of the committed version (workflows.md section 25).

use axum::Json;
use axum::extract::State;
use campanile_engine::{Accepted, TriggerError};
use campanile_store::RunRow;
use serde_json::{Value, json};

use crate::app::App;
use crate::auth::ServiceToken;
use crate::body::RawBody;
use crate::error::{ApiError, ApiResult};
use crate::public::segments::Segments;
use crate::public::trigger;
use crate::query::Query;

/// Recipients of one test run at the most (R25.1).
const RECIPIENTS_MAX: usize = 5;

/// Starts a run whose origin is a rehearsal.
pub(super) async fn run(
    _: ServiceToken,
    State(app): State<App>,
    Segments(key): Segments<String>,
    query: Query,
    RawBody(bytes): RawBody,
) -> ApiResult<Json<Value>> {
    let catalog = app.engine().catalog();
    let slug = query.text("environment").ok_or_else(|| ApiError::field("environment", "can't be blank"))?;
    let env = catalog.environment(slug).ok_or_else(ApiError::missing)?.id;
    let mut trigger = trigger::read(&app, env, key, &bytes)?;
    if trigger.recipients.len() > RECIPIENTS_MAX {
        return Err(ApiError::field("recipients", format!("should have at most {RECIPIENTS_MAX} item(s)")));
    }
    trigger.flags |= RunRow::REHEARSAL;
    match app.engine().trigger(trigger).await {
        Ok(Accepted::Run(id)) => Ok(Json(json!({"workflow_run_id": id.to_string()}))),
        Ok(Accepted::Repeated(_)) => Err(ApiError::in_progress()),
        Err(TriggerError::WorkflowMissing) => Err(ApiError::missing()),
        Err(error) => Err(trigger::refuse(error)),
    }
}
