//! A fresh database of each kind for one test.

use std::future::Future;

use campanile_store::{Store, StoreOptions};

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
                let url = fresh_database(&url).await;
                let options = StoreOptions { database_url: Some(url), data_dir: dir };
                test(Store::open(&options).await.unwrap()).await;
            }
            _ => eprintln!("CAMPANILE_TEST_DATABASE_URL is not set: PostgreSQL was not tested"),
        }
    });
}

/// Makes an empty database on the server and answers its URL.
pub async fn fresh_database(url: &str) -> String {
    let (client, connection) = tokio_postgres::connect(url, tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let name = format!("t{}", uuid::Uuid::new_v4().simple());
    client.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    let mut parts = url.splitn(2, '?');
    let base = parts.next().unwrap_or_default();
    let query = parts.next().map(|q| format!("?{q}")).unwrap_or_default();
    let (server, _) = base.rsplit_once('/').unwrap();
    format!("{server}/{name}{query}")
}
