//! What every handler reaches.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;
use campanile_engine::Engine;
use campanile_store::{Credential, Store};
use parking_lot::{Mutex, RwLock};
use tokio_util::sync::CancellationToken;

use crate::access::{RateLimiter, RateLimits};
use crate::api_logs::{ApiLogOptions, ApiLogs};
use crate::batch_updates::BatchUpdates;
use crate::error::ApiResult;

/// Keys remembered at the most.
const CREDENTIALS_MAX: usize = 10_000;
/// How long another node's revocation may go unnoticed.
const CREDENTIAL_AGE_MAX: Duration = Duration::from_secs(1);

/// How the surface behaves.
#[derive(Debug, Clone, Copy, Default)]
pub struct AppOptions {
    /// Requests per second by tier.
    pub rate_limits: RateLimits,
    /// How many requests are logged.
    pub api_logs: ApiLogOptions,
}

/// Shared by all handlers; cheap to clone.
#[derive(Clone)]
pub struct App {
    inner: Arc<Inner>,
}

struct Inner {
    engine: Engine,
    cursor_key: hmac::Key,
    credentials: RwLock<HashMap<Vec<u8>, (Instant, Credential)>>,
    batch_updates: BatchUpdates,
    rate_limiter: RateLimiter,
    api_logs: ApiLogs,
    /// Idempotency keys whose first request is still being worked on, on this node.
    in_progress: Mutex<HashSet<(EnvId, String)>>,
}

/// An idempotency key at work; it is free again when this is dropped.
pub(crate) struct InProgress {
    app: App,
    key: Option<(EnvId, String)>,
}

impl Drop for InProgress {
    fn drop(&mut self) {
        if let Some(key) = self.key.take() {
            self.app.inner.in_progress.lock().remove(&key);
        }
    }
}

impl App {
    /// `cursor_key` signs list cursors and is shared by all nodes.
    pub fn new(engine: Engine, cursor_key: &[u8], options: AppOptions) -> Self {
        let inner = Inner {
            engine,
            cursor_key: hmac::Key::new(hmac::HMAC_SHA256, cursor_key),
            credentials: RwLock::default(),
            rate_limiter: RateLimiter::new(options.rate_limits),
            api_logs: ApiLogs::new(options.api_logs),
            in_progress: Mutex::default(),
            batch_updates: BatchUpdates::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Writes API logs until told to stop.
    pub async fn write_api_logs(self, stop: CancellationToken) {
        crate::api_logs::run(self, stop).await;
    }

    pub(crate) fn rate_limiter(&self) -> &RateLimiter {
        &self.inner.rate_limiter
    }

    pub(crate) fn api_logs(&self) -> &ApiLogs {
        &self.inner.api_logs
    }

    /// Takes an idempotency key; `None` while another request holds it.
    pub(crate) fn take_idempotency_key(&self, env: EnvId, key: &str) -> Option<InProgress> {
        let key = (env, key.to_owned());
        let is_first = self.inner.in_progress.lock().insert(key.clone());
        is_first.then(|| InProgress { app: self.clone(), key: Some(key) })
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.inner.engine
    }

    /// The database.
    pub fn store(&self) -> &Store {
        self.inner.engine.store()
    }

    /// Now.
    pub fn now(&self) -> Timestamp {
        self.inner.engine.clock().now()
    }

    /// Signs and checks list cursors.
    pub fn cursor_key(&self) -> &hmac::Key {
        &self.inner.cursor_key
    }

    /// Limits changes by batch endpoints.
    pub(crate) fn batch_updates(&self) -> &BatchUpdates {
        &self.inner.batch_updates
    }

    /// Origin for absolute URLs in answers, without a slash at the end.
    pub fn public_url(&self) -> &str {
        self.inner.engine.links().public_url()
    }

    /// What a presented secret is. Known ones are remembered for a second: this is on the hot path.
    pub async fn credential(&self, hash: &[u8]) -> ApiResult<Option<Credential>> {
        if let Some((at, found)) = self.inner.credentials.read().get(hash)
            && at.elapsed() < CREDENTIAL_AGE_MAX
        {
            return Ok(Some(found.clone()));
        }
        let found = self.store().credential(hash).await?;
        let mut known = self.inner.credentials.write();
        if known.len() >= CREDENTIALS_MAX {
            known.clear();
        }
        match &found {
            Some(credential) => drop(known.insert(hash.to_vec(), (Instant::now(), credential.clone()))),
            None => drop(known.remove(hash)),
        }
        Ok(found)
    }

    /// Makes a revocation on this node effective at once.
    pub fn forget_credentials(&self) {
        self.inner.credentials.write().clear();
    }
}
