//! Audiences (section 11). Their members belong to the public API (M11.4).

use axum::Json;
use axum::extract::State;
use campanile_store::ResourceKind;
use serde_json::{Map, Value};

use super::annotation;
use super::request::environment;
use super::versioned::{self, Versioned};
use crate::app::App;
use crate::auth::ServiceToken;
use crate::error::ApiResult;
use crate::public::segments::Segments;
use crate::query::Query;

/// Audiences in this API.
pub(super) struct Audiences;

impl Versioned for Audiences {
    const KIND: ResourceKind = ResourceKind::Audience;
    const OPERATIONS: [&'static str; 4] =
        ["listAudiences", "getAudience", "upsertAudience", "validateAudience"];

    fn annotate(view: &mut Map<String, Value>) {
        annotation::audience(view);
    }
}

/// Archives an audience in every environment, although one is named (corner 6).
pub(super) async fn archive(
    token: ServiceToken,
    State(app): State<App>,
    key: Segments<String>,
    query: Query,
) -> ApiResult<Json<Value>> {
    environment(&app.engine().catalog(), &query)?;
    versioned::archive::<Audiences>(token, State(app), key).await
}
