//! The two databases.

use campanile::config::Config;
use campanile_core::time::Timestamp;
use campanile_store::{Store, StoreOptions};

use super::Kit;
pub use fresh::FreshDatabase;

#[path = "../../../../campanile-store/tests/support/fresh.rs"]
mod fresh;

/// Where a test's server keeps its data.
#[derive(Debug, Clone)]
pub enum Db {
    /// A file in the data directory.
    Sqlite,
    /// A new database of the server with this URL.
    Postgres(String),
}

impl Db {
    /// SQLite, and PostgreSQL when CAMPANILE_TEST_DATABASE_URL names a server.
    pub fn all() -> Vec<Self> {
        match std::env::var("CAMPANILE_TEST_DATABASE_URL") {
            Ok(url) if !url.is_empty() => vec![Self::Sqlite, Self::Postgres(url)],
            _ => {
                eprintln!("CAMPANILE_TEST_DATABASE_URL is not set: PostgreSQL was not tested");
                vec![Self::Sqlite]
            }
        }
    }

    /// An empty database; `None` for SQLite.
    pub async fn fresh(&self) -> Option<FreshDatabase> {
        let Self::Postgres(url) = self else { return None };
        Some(FreshDatabase::create(url, "http").await)
    }
}

/// Has the server's virtual clock start at `at`.
pub async fn stop_the_clock(config: &Config, at: Timestamp) {
    let options =
        StoreOptions { database_url: config.database_url.clone(), data_dir: config.data_dir.clone() };
    let store = Store::open(&options).await.expect("the database opens");
    store
        .transact(move |tx| Box::pin(async move { tx.set_setting("virtual_now", &at.0.to_string()).await }))
        .await
        .expect("the clock can be set");
    store.close().await;
}

/// Runs the same test on every database.
pub fn on_both(test: impl AsyncFn(&mut Kit)) {
    for_each(async |db| {
        let mut kit = Kit::new(db).await;
        test(&mut kit).await;
        kit.close().await;
    });
}

/// Runs something for every database, for tests that make their own servers.
pub fn for_each(test: impl AsyncFn(Db)) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("threads can be started");
    runtime.block_on(async {
        for db in Db::all() {
            let name = if matches!(db, Db::Sqlite) { "SQLite" } else { "PostgreSQL" };
            // Shown when the test fails.
            eprintln!("on {name}");
            test(db).await;
        }
    });
}
