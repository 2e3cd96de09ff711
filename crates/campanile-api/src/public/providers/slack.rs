//! `/v1/providers/slack`.

use axum::Json;
use axum::extract::State;
use campanile_channels::chat::Refusal;
use campanile_channels::chat::slack_directory::{self, ChannelQuery};
use campanile_channels::exchange::HttpRequest;
use serde_json::{Value, json};

use super::{Asked, connection, number, refuse};
use crate::app::App;
use crate::auth::ClientKey;
use crate::error::{ApiError, ApiResult};
use crate::public::segments::Segments;
use crate::query::Query;

const PROVIDER: &str = "chat_slack";
const NAME: &str = "Slack";
const OBJECT: &str = "access_token_object";
/// Channels in one page that Slack gives at the most.
const LIMIT_MAX: u32 = 1_000;

/// Whether the object's token works.
pub(in crate::public) async fn auth_check(
    key: ClientKey,
    State(app): State<App>,
    Segments(channel): Segments<String>,
    query: Query,
) -> ApiResult<Json<Value>> {
    let asked = Asked::read(app, key, PROVIDER, &channel, OBJECT, query).await?;
    let token = token(&asked)?;
    let settings = asked.settings()?;
    let works = ask(&asked, slack_directory::auth_test(token, &asked.delivery(settings))).await;
    Ok(Json(json!({"connection": connection(works.map(drop))})))
}

/// A page of the workspace's channels.
pub(in crate::public) async fn channels(
    key: ClientKey,
    State(app): State<App>,
    Segments(channel): Segments<String>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let text = |query: &Query, name: &str| query.text(&format!("query_options.{name}")).map(str::to_owned);
    let usual = ChannelQuery::default();
    let wanted = ChannelQuery {
        cursor: text(&query, "cursor"),
        limit: number(&mut query, "query_options.limit", LIMIT_MAX).unwrap_or(usual.limit),
        exclude_archived: query.bool("query_options.exclude_archived").unwrap_or(usual.exclude_archived),
        types: text(&query, "types").unwrap_or(usual.types),
        team_id: text(&query, "team_id"),
    };
    let asked = Asked::read(app, key, PROVIDER, &channel, OBJECT, query).await?;
    let token = token(&asked)?;
    let settings = asked.settings()?;
    let request = slack_directory::list_channels(&wanted, token, &asked.delivery(settings));
    let body = ask(&asked, request).await.map_err(|refusal| refuse(NAME, refusal))?;
    let (channels, cursor) = slack_directory::channels(&body);
    Ok(Json(json!({"slack_channels": channels, "next_cursor": cursor})))
}

/// Has Slack forget the token, and forgets it. When Slack cannot be asked the token stays, so that the caller can
/// try again: a token that nobody remembers would live on.
pub(in crate::public) async fn revoke_access(
    key: ClientKey,
    State(app): State<App>,
    Segments(channel): Segments<String>,
    query: Query,
) -> ApiResult<Json<Value>> {
    let asked = Asked::read(app, key, PROVIDER, &channel, OBJECT, query).await?;
    let token = token(&asked)?;
    let settings = asked.settings()?;
    match ask(&asked, slack_directory::auth_revoke(token, &asked.delivery(settings))).await {
        Ok(_) => {}
        Err(Refusal::Refused(error)) if slack_directory::is_dead(&error) => {}
        Err(refusal) => return Err(refuse(NAME, refusal)),
    }
    asked.forget("token").await?;
    // The picker compares the whole body with this text (R12.10).
    Ok(Json("ok".into()))
}

/// The object's token; clients compare the message (R12.11).
fn token(asked: &Asked) -> ApiResult<&str> {
    let token = asked.data.pointer("/token/access_token").and_then(Value::as_str);
    token
        .filter(|token| !token.is_empty())
        .ok_or_else(|| ApiError::authorization("Access token not set.".into()))
}

async fn ask(asked: &Asked, request: HttpRequest) -> Result<Value, Refusal> {
    let answer = asked.app.engine().ask_provider(request).await;
    slack_directory::read(answer.as_ref())
}
