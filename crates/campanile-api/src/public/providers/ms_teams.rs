//! `/v1/providers/ms-teams`.

use axum::Json;
use axum::extract::State;
use campanile_channels::chat::Refusal;
use campanile_channels::chat::ms_teams_directory::{self, ListQuery};
use campanile_channels::exchange::HttpRequest;
use serde_json::{Value, json};

use super::{Asked, connection, number, refuse};
use crate::app::App;
use crate::auth::ClientKey;
use crate::error::{ApiError, ApiResult};
use crate::public::segments::Segments;
use crate::query::Query;

const PROVIDER: &str = "chat_ms_teams";
const NAME: &str = "Microsoft Teams";
const OBJECT: &str = "ms_teams_tenant_object";
const TENANT: &str = "ms_teams_tenant_id";
/// Entries in one page that Graph gives at the most.
const TOP_MAX: u32 = 999;

/// Whether the object's tenant lets us in.
pub(in crate::public) async fn auth_check(
    key: ClientKey,
    State(app): State<App>,
    Segments(channel): Segments<String>,
    query: Query,
) -> ApiResult<Json<Value>> {
    let asked = Asked::read(app, key, PROVIDER, &channel, OBJECT, query).await?;
    let tenant = tenant(&asked)?;
    let works = graph_token(&asked, tenant, true).await;
    let mut shown = connection(works.map(drop));
    shown[TENANT] = tenant.into();
    Ok(Json(json!({"connection": shown})))
}

/// A page of the tenant's teams.
pub(in crate::public) async fn teams(
    key: ClientKey,
    State(app): State<App>,
    Segments(channel): Segments<String>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let wanted = list_query(&mut query);
    let asked = Asked::read(app, key, PROVIDER, &channel, OBJECT, query).await?;
    let body = list(&asked, |token, asked| {
        let settings = asked.settings()?;
        Ok(ms_teams_directory::list_teams(&wanted, token, &asked.delivery(settings)))
    })
    .await?;
    let (teams, next) = ms_teams_directory::teams(&body);
    Ok(Json(json!({"ms_teams_teams": teams, "skip_token": next})))
}

/// The channels of a team.
pub(in crate::public) async fn channels(
    key: ClientKey,
    State(app): State<App>,
    Segments(channel): Segments<String>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let mut wanted = list_query(&mut query);
    // Graph's channels come in one page.
    wanted.top = None;
    wanted.skip_token = None;
    let team = query.text("team_id").map(str::to_owned);
    if team.is_none() {
        query.problems.add("team_id", "can't be blank");
    }
    let asked = Asked::read(app, key, PROVIDER, &channel, OBJECT, query).await?;
    let team = team.unwrap_or_default();
    let body = list(&asked, |token, asked| {
        let settings = asked.settings()?;
        Ok(ms_teams_directory::list_channels(&team, &wanted, token, &asked.delivery(settings)))
    })
    .await?;
    Ok(Json(json!({"ms_teams_channels": ms_teams_directory::channels(&body, &wanted)})))
}

/// Forgets the tenant. Its administrator's consent can only be taken back in the tenant itself.
pub(in crate::public) async fn revoke_access(
    key: ClientKey,
    State(app): State<App>,
    Segments(channel): Segments<String>,
    query: Query,
) -> ApiResult<Json<Value>> {
    let asked = Asked::read(app, key, PROVIDER, &channel, OBJECT, query).await?;
    tenant(&asked)?;
    asked.forget(TENANT).await?;
    // The picker compares the whole body with this text (R12.10).
    Ok(Json("ok".into()))
}

fn list_query(query: &mut Query) -> ListQuery {
    let text = |query: &Query, name: &str| query.text(&format!("query_options.{name}")).map(str::to_owned);
    ListQuery {
        filter: text(query, "$filter"),
        select: text(query, "$select"),
        top: number(query, "query_options.$top", TOP_MAX),
        skip_token: text(query, "$skiptoken"),
    }
}

/// The object's tenant; clients compare the message (R12.11).
fn tenant(asked: &Asked) -> ApiResult<&str> {
    let tenant = asked.data[TENANT].as_str().filter(|tenant| !tenant.is_empty());
    tenant.ok_or_else(|| ApiError::authorization("Microsoft Teams tenant ID not set.".into()))
}

async fn graph_token(asked: &Asked, tenant: &str, fresh: bool) -> Result<String, Refusal> {
    let Ok(settings) = asked.settings() else {
        return Err(Refusal::Refused("the channel is not set up".into()));
    };
    let (env, channel) = (asked.key.env, asked.entry.channel.id);
    asked.app.engine().graph_token(env, channel, tenant, &asked.delivery(settings), fresh).await
}

/// Asks Graph; once more with a fresh token when a kept one is refused.
async fn list(asked: &Asked, request: impl Fn(&str, &Asked) -> ApiResult<HttpRequest>) -> ApiResult<Value> {
    let tenant = tenant(asked)?;
    let mut fresh = false;
    loop {
        let token = graph_token(asked, tenant, fresh).await.map_err(|refusal| refuse(NAME, refusal))?;
        let answer = asked.app.engine().ask_provider(request(&token, asked)?).await;
        if answer.as_ref().is_ok_and(|answer| answer.status == 401) && !fresh {
            fresh = true;
            continue;
        }
        return ms_teams_directory::read(answer.as_ref()).map_err(|refusal| refuse(NAME, refusal));
    }
}
