//! The engine's shared state.

use std::sync::Arc;

use campanile_core::clock::Clock;
use campanile_store::{Store, StoreError};
use parking_lot::RwLock;

use crate::catalog::Catalog;
use crate::metrics::Metrics;
use crate::vault::Vault;

/// How the engine behaves.
#[derive(Debug, Clone, Default)]
pub struct EngineOptions {
    /// User-configured requests may reach loopback and private addresses.
    pub allow_private_addresses: bool,
}

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
        let inner = Inner {
            store,
            clock,
            vault,
            catalog: RwLock::new(Arc::new(catalog)),
            metrics: Metrics::default(),
            options,
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

    /// The numbers.
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// The present snapshot of environments and channels.
    pub fn catalog(&self) -> Arc<Catalog> {
        Arc::clone(&self.inner.catalog.read())
    }

    /// Reads environments and channels again, after one was changed.
    pub async fn reload_catalog(&self) -> Result<(), StoreError> {
        let catalog = Catalog::load(&self.inner.store, &self.inner.vault).await?;
        *self.inner.catalog.write() = Arc::new(catalog);
        Ok(())
    }

    /// Forgets what is cached of a versioned resource, on this node at once and on the others soon: after commit,
    /// promotion, activation and archiving.
    pub async fn invalidate(
        &self,
        _env: campanile_core::ids::EnvId,
        _kind: campanile_store::ResourceKind,
        _key: &str,
    ) {
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
