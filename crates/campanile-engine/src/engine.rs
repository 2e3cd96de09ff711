//! The engine's shared state.

use std::collections::HashMap;
use std::sync::Arc;

use campanile_channels::push::AccessToken;
use campanile_core::clock::Clock;
use campanile_core::ids::{ChannelId, EnvId};
use campanile_core::time::Micros;
use campanile_store::{GuideGroupRow, ResourceKind, Store, StoreError};
use parking_lot::{Mutex, RwLock};
use serde_json::Value;

use crate::announce::{Announcement, Announcer};
use crate::catalog::Catalog;
use crate::guides::GuideSets;
use crate::links::Links;
use crate::metrics::Metrics;
use crate::programs::Programs;
use crate::scheduler::Work;
use crate::tracking::{Recorder, Tracker};
use crate::translations::Translations;
use crate::transport::{HttpOptions, Roots, Transport};
use crate::vault::Vault;

/// How the engine behaves.
#[derive(Debug, Clone)]
pub struct EngineOptions {
    /// User-configured requests may reach loopback and private addresses.
    pub allow_private_addresses: bool,
    /// More certificate authorities for outgoing TLS, PEM.
    pub extra_roots: Option<Vec<u8>>,
    /// How long a claimed job stays this node's. Longer than any provider may take (delivery.md R7.8), or the job is
    /// done twice; whoever waits for the jobs of a node that died waits as long.
    pub lease: Micros,
    /// How long messages can be read, in days, where an environment does not say otherwise; in-app messages stay in
    /// their feeds for ever.
    pub retention_days: u32,
    /// How clients reach this server, for links in messages and absolute URLs in answers.
    pub public_url: String,
}

impl Default for EngineOptions {
    fn default() -> Self {
        Self {
            allow_private_addresses: false,
            extra_roots: None,
            lease: Micros::seconds(90),
            retention_days: 90,
            public_url: "http://127.0.0.1:4000".into(),
        }
    }
}

/// Channel, environment and a mark of the settings that a token was made with.
type TokenKey = (ChannelId, EnvId, usize);

/// Setting that counts changes of versioned resources and channels, so that other nodes notice them.
const CHANGES: &str = "changes";

/// A handle on the engine; cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: Clock,
    vault: Vault,
    catalog: RwLock<Arc<Catalog>>,
    metrics: Metrics,
    options: EngineOptions,
    links: Arc<Links>,
    tracker: Arc<Tracker>,
    recorder: Recorder,
    programs: Programs,
    guide_sets: GuideSets,
    translations: Translations,
    announcer: Announcer,
    work: Work,
    transport: Transport,
    tokens: Mutex<HashMap<TokenKey, AccessToken>>,
    node: i64,
    empty: Arc<Value>,
}

impl Engine {
    /// Loads what the engine keeps in memory.
    pub async fn new(
        store: Store,
        clock: Clock,
        vault: Vault,
        options: EngineOptions,
    ) -> Result<Self, StoreError> {
        let catalog = Catalog::load(&store, &vault).await?;
        let roots = Roots::new(options.extra_roots.as_deref())
            .map_err(|error| StoreError::Corrupt(error.to_string().into()))?;
        let http = HttpOptions {
            allow_private_addresses: options.allow_private_addresses,
            ..HttpOptions::default()
        };
        // Positive and never 0, which is nobody.
        let node = (uuid::Uuid::new_v4().as_u128() as i64) & i64::MAX | 1;
        // Made with the database, so that links outlive restarts and are good on every node.
        let secret = store.setting("cursor_key").await?;
        let secret = secret
            .ok_or_else(|| StoreError::Corrupt("the installation has no key that signs its links".into()))?;
        let links = Arc::new(Links::new(&options.public_url, secret.as_bytes()));
        let inner = Inner {
            store,
            clock,
            vault,
            catalog: RwLock::new(Arc::new(catalog)),
            metrics: Metrics::default(),
            options,
            tracker: Arc::new(Tracker::new(&links)),
            recorder: Recorder::default(),
            links,
            programs: Programs::default(),
            guide_sets: GuideSets::default(),
            translations: Translations::default(),
            announcer: Announcer::default(),
            work: Work::default(),
            transport: Transport::new(&roots, http),
            tokens: Mutex::default(),
            node,
            empty: Arc::new(Value::Object(serde_json::Map::new())),
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The database.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The clock.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Encrypts and decrypts credentials.
    pub fn vault(&self) -> &Vault {
        &self.inner.vault
    }

    /// How the engine behaves.
    pub fn options(&self) -> &EngineOptions {
        &self.inner.options
    }

    /// Our address, and what signs links to it.
    pub fn links(&self) -> &Links {
        &self.inner.links
    }

    /// The same, for what outlives a borrow.
    pub(crate) fn shared_links(&self) -> Arc<Links> {
        Arc::clone(&self.inner.links)
    }

    /// Makes and reads tracked links.
    pub(crate) fn tracker(&self) -> &Arc<Tracker> {
        &self.inner.tracker
    }

    /// Takes clicks and opens.
    pub(crate) fn recorder(&self) -> &Recorder {
        &self.inner.recorder
    }

    /// The numbers.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// The present snapshot of environments and channels.
    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.inner.catalog.read())
    }

    /// Reads environments and channels again, after one was changed; tells the other nodes.
    pub async fn reload_catalog(&self) -> Result<(), StoreError> {
        self.reload_catalog_here().await?;
        self.note_change().await
    }

    async fn reload_catalog_here(&self) -> Result<(), StoreError> {
        let catalog = Catalog::load(&self.inner.store, &self.inner.vault).await?;
        *self.inner.catalog.write() = Arc::new(catalog);
        // Guides are compiled with their channels.
        self.guide_sets().forget_all();
        Ok(())
    }

    pub(crate) fn programs(&self) -> &Programs {
        &self.inner.programs
    }

    pub(crate) fn guide_sets(&self) -> &GuideSets {
        &self.inner.guide_sets
    }

    pub(crate) fn translation_cache(&self) -> &Translations {
        &self.inner.translations
    }

    pub(crate) fn announcer(&self) -> &Announcer {
        &self.inner.announcer
    }

    /// Hears of everything that happens from now on (see [`Announcement`]).
    pub fn listen(&self) -> tokio::sync::broadcast::Receiver<Announcement> {
        self.announcer().listen()
    }

    pub(crate) fn work(&self) -> &Work {
        &self.inner.work
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.inner.transport
    }

    pub(crate) fn tokens(&self) -> &Mutex<HashMap<TokenKey, AccessToken>> {
        &self.inner.tokens
    }

    /// The token under which this node claims jobs.
    pub fn node(&self) -> i64 {
        self.inner.node
    }

    pub(crate) fn empty_data(&self) -> Arc<Value> {
        Arc::clone(&self.inner.empty)
    }

    /// Forgets what is cached of a versioned resource, on this node at once and on the others soon: after commit,
    /// promotion, activation and archiving.
    pub async fn invalidate(&self, env: EnvId, kind: ResourceKind, key: &str) {
        self.programs().forget(env, kind, key);
        if matches!(kind, ResourceKind::Guide | ResourceKind::MessageType | ResourceKind::Partial) {
            self.guide_sets().forget(env);
        }
        if kind == ResourceKind::Translation {
            self.translation_cache().forget(env);
        }
        if let Err(error) = self.note_change().await {
            tracing::warn!(%error, "other nodes may see this change late");
        }
        if kind == ResourceKind::Guide {
            self.announcer().announce(Announcement::Guide { env, key: key.to_owned() });
        }
    }

    /// Saves the order and the throttle of an environment's guides, at once and without a commit.
    pub async fn set_guide_group(&self, env: EnvId, group: GuideGroupRow) -> Result<(), StoreError> {
        self.store().set_guide_group(env, group).await?;
        self.guide_sets().forget(env);
        self.note_change().await?;
        self.announcer().announce(Announcement::GuideGroup { env });
        Ok(())
    }

    /// Counts a change that other nodes should notice, and the server when a command of this machine made it.
    pub async fn note_change(&self) -> Result<(), StoreError> {
        let mark = uuid::Uuid::new_v4().to_string();
        self.store().transact(move |tx| Box::pin(async move { tx.set_setting(CHANGES, &mark).await })).await
    }

    /// Watches for changes that other nodes or commands made, until the engine stops.
    pub async fn watch_changes(&self) {
        let stop = self.stopping();
        let mut seen = self.store().setting(CHANGES).await.ok().flatten();
        // An embedded database has no other nodes, only commands, which people type.
        let every = std::time::Duration::from_millis(if self.store().is_shared() { 250 } else { 1_000 });
        while !stop.is_cancelled() {
            tokio::select! {
                () = tokio::time::sleep(every) => {}
                () = stop.cancelled() => return,
            }
            let Ok(now) = self.store().setting(CHANGES).await else { continue };
            if now != seen {
                seen = now;
                self.programs().forget_all();
                self.guide_sets().forget_all();
                self.translation_cache().forget_all();
                if let Err(error) = self.reload_catalog_here().await {
                    tracing::warn!(%error, "cannot read the channels again");
                }
                self.announcer().announce(Announcement::Elsewhere);
            }
        }
    }

    /// Brings the figures that live in the database up to date.
    pub async fn refresh_metrics(&self) {
        let now = self.clock().now();
        if let Ok(stats) = self.store().job_stats(now).await {
            self.metrics().set_queue(stats.due, stats.oldest.map_or(0, |at| (now - at).0));
        }
        let (transactions, writes) = self.store().commit_stats();
        self.metrics().set_commits(transactions, writes);
    }
}
