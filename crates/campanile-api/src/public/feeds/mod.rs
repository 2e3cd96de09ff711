//! In-app feeds (in-app.md sections 4 to 6).

mod exclude;
mod filter;
mod item;

use std::collections::HashSet;

use axum::Json;
use axum::extract::State;
use campanile_channels::response_filter::ResponseFilter;
use campanile_core::ids::{ChannelId, EnvId};
use campanile_core::recipient::RecipientRef;
use campanile_core::workflow::ChannelType;
use campanile_store::{Cursor, MessageView};
use serde_json::{Value, json};
use uuid::Uuid;

use super::people::People;
use super::recipients::{PAGE_SIZE_MAX, page_info};
use super::segments::Segments;
use super::sources::Sources;
use crate::app::App;
use crate::auth::{AnyKey, ClientKey};
use crate::error::{ApiError, ApiResult};
use crate::query::Query;
use filter::Request;
use item::Mode;

/// Cursors of this list are the items' own.
const LIST: &str = "feed";

/// A page of a user's feed with its badge counts. An unknown user's is empty (IA4.4).
pub(super) async fn list(
    key: ClientKey,
    State(app): State<App>,
    Segments((user, channel)): Segments<(String, String)>,
    mut query: Query,
) -> ApiResult<Json<Value>> {
    let env = key.env;
    let channel = feed_channel(&app, &channel)?;
    let page = query.page(LIST, "page_size", PAGE_SIZE_MAX, app.cursor_key());
    let Request { mut filter, mode, excluded } = filter::read(&app, env, query).await?;
    filter.tenant = key.narrowed(filter.tenant)?;
    let user = RecipientRef::user(user).key();
    let (found, counts) = tokio::try_join!(
        app.store().feed(env, &user, channel, &filter, &page),
        app.store().feed_counts(env, &user, channel, &filter),
    )?;
    let shows = response_filter(&app, env, channel);
    let entries = entries(&app, env, &found.items, mode, &shows).await?;
    let mut body = json!({
        "entries": entries,
        "meta": {
            "__typename": "FeedMetadata",
            "total_count": counts.total,
            "unread_count": counts.unread,
            "unseen_count": counts.unseen,
        },
        "page_info": page_info(&app, LIST, &found, &page),
        // Variables come with the management API; until then none is public.
        "vars": {},
    });
    excluded.remove_from(&mut body);
    Ok(Json(body))
}

/// What the feed component asks before it shows itself.
pub(super) async fn settings(
    AnyKey(_): AnyKey,
    State(app): State<App>,
    Segments((_, channel)): Segments<(String, String)>,
) -> ApiResult<Json<Value>> {
    feed_channel(&app, &channel)?;
    Ok(Json(json!({"features": {"branding_required": false}})))
}

/// What the channel's answers leave out in this environment (IA6.1).
fn response_filter(app: &App, env: EnvId, channel: ChannelId) -> ResponseFilter {
    let catalog = app.engine().catalog();
    let settings = catalog.channel(channel).and_then(|entry| entry.settings.get(&env));
    settings.map(|settings| ResponseFilter::of(&settings.channel_settings)).unwrap_or_default()
}

/// The in-app feed channel of the path.
fn feed_channel(app: &App, text: &str) -> ApiResult<ChannelId> {
    let uuid = Uuid::parse_str(text).map_err(|_| ApiError::missing())?;
    let catalog = app.engine().catalog();
    let found = catalog.channel_by_uuid(uuid).filter(|entry| entry.kind == ChannelType::InAppFeed);
    found
        .map(|entry| entry.channel.id)
        .ok_or_else(|| ApiError::refused("channel_invalid", "The channel is not an in-app feed"))
}

/// Items with everything they show, in as many reads for a page as for one item.
async fn entries(
    app: &App,
    env: EnvId,
    messages: &[MessageView],
    mode: Mode,
    shows: &ResponseFilter,
) -> ApiResult<Vec<Value>> {
    let sources = Sources::of(app, messages).await?;
    let actors = messages.iter().filter_map(|message| sources.run(message)?.actor.clone());
    let mut keys: HashSet<String> = actors.collect();
    if mode == Mode::Rich {
        keys.extend(messages.iter().map(|message| message.row.recipient.clone()));
    }
    let people = People::of(app, env, keys).await?;
    Ok(messages
        .iter()
        .map(|message| {
            let cursor = Cursor(message.row.id.0.to_vec()).encode(LIST, app.cursor_key());
            item::item(message, cursor, &sources, &people, mode, shows)
        })
        .collect())
}
