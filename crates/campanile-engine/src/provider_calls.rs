//! Calls of providers on behalf of API clients, outside deliveries: channel pickers ask what there is
//! (channels.md 12.8).

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use campanile_channels::chat::{Refusal, ms_teams_directory};
use campanile_channels::delivery::Delivery;
use campanile_channels::exchange::{HttpAnswer, HttpRequest, TransportError};
use campanile_channels::push;
use campanile_core::ids::{ChannelId, EnvId};

use crate::engine::Engine;
use crate::transport::{Guard, Timeouts};

/// A person waits for these.
const SECONDS_MAX: u32 = 15;
/// Tokens of customers' tenants kept at the most.
const TOKENS_MAX: usize = 10_000;

impl Engine {
    /// Sends one request to a provider. Private addresses are refused wherever the URL comes from, unless the
    /// operator allows them.
    pub async fn ask_provider(&self, request: HttpRequest) -> Result<HttpAnswer, TransportError> {
        self.transport().http.send(request, Timeouts::total_seconds(SECONDS_MAX), Guard::Guarded).await
    }

    /// Microsoft Graph's token for a customer's tenant, kept until it runs out; `fresh` asks for another, which tells
    /// whether the tenant still lets us in.
    pub async fn graph_token(
        &self,
        env: EnvId,
        channel: ChannelId,
        tenant: &str,
        delivery: &Delivery<'_>,
        fresh: bool,
    ) -> Result<String, Refusal> {
        let now = self.clock().now();
        let mut hasher = DefaultHasher::new();
        ("graph", tenant, delivery.setting("graph_api_client_id"), delivery.setting("bot_id"))
            .hash(&mut hasher);
        let key = (channel, env, hasher.finish() as usize);
        if !fresh
            && let Some(found) = self.tokens().lock().get(&key)
            && found.use_until > now
        {
            return Ok(found.token.clone());
        }
        let request = ms_teams_directory::token_request(tenant, delivery)
            .map_err(|error| Refusal::Refused(error.to_string()))?;
        let answer = self.ask_provider(request).await;
        ms_teams_directory::read(answer.as_ref())?;
        let token = answer.ok().and_then(|answer| push::read_token(&answer, now));
        let token = token.ok_or_else(|| Refusal::Unavailable("no token in the answer".into()))?;
        let text = token.token.clone();
        let mut tokens = self.tokens().lock();
        if tokens.len() >= TOKENS_MAX {
            tokens.clear();
        }
        tokens.insert(key, token);
        Ok(text)
    }
}
