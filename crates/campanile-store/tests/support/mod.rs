//! A fresh database of each kind for one test.

use std::future::Future;

use campanile_store::{Store, StoreOptions};
use fresh::FreshDatabase;

mod fresh;

/// Runs the same test on SQLite and, when a server is named, on PostgreSQL.
pub fn on_both<F: Future<Output = ()>>(test: impl Fn(Store) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let dir = std::env::temp_dir().join(format!("campanile-store-{}", uuid::Uuid::new_v4()));
        let options = StoreOptions { database_url: None, data_dir: dir.clone() };
        let store = Store::open(&options).await.unwrap();
        test(store.clone()).await;
        store.close().await;
        std::fs::remove_dir_all(&dir).unwrap();
        match std::env::var("CAMPANILE_TEST_DATABASE_URL") {
            Ok(url) if !url.is_empty() => {
                let fresh = FreshDatabase::create(&url, "store").await;
                let options = StoreOptions { database_url: Some(fresh.url()), data_dir: dir };
                test(Store::open(&options).await.unwrap()).await;
            }
            _ => eprintln!("CAMPANILE_TEST_DATABASE_URL is not set: PostgreSQL was not tested"),
        }
    });
}
