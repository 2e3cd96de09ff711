//! `campanile check` and `campanile migrate`: what a start would need, without starting.

use campanile_store::{SCHEMA_VERSION, Store, StoreOptions};

use super::say;
use crate::cli::ServeArgs;
use crate::config::Config;

async fn open(config: &Config) -> Result<Store, String> {
    let options =
        StoreOptions { database_url: config.database_url.clone(), data_dir: config.data_dir.clone() };
    Store::open(&options).await.map_err(|error| format!("cannot open the database: {error}"))
}

/// Configuration, secret key, database, project folder.
pub async fn check(args: &ServeArgs) -> Result<(), String> {
    let config = Config::resolve(args)?;
    config.listen.parse::<std::net::SocketAddr>().map_err(|_| {
        format!("listen = {:?} is not an address with a port, like 127.0.0.1:4000", config.listen)
    })?;
    let store = open(&config).await?;
    config.secret_key()?;
    store.next_run_at().await.map_err(|error| format!("the database does not answer: {error}"))?;
    if let Some(dir) = &config.project
        && !dir.is_dir()
    {
        return Err(format!("the project folder {} does not exist", dir.display()));
    }
    let engine = if store.is_shared() { "PostgreSQL" } else { "SQLite" };
    say(format_args!("ok: {engine}, schema version {SCHEMA_VERSION}, would listen on {}", config.listen));
    Ok(())
}

/// Opening brings the schema up to date.
pub async fn migrate(args: &ServeArgs) -> Result<(), String> {
    let config = Config::resolve(args)?;
    open(&config).await?;
    say(format_args!("the schema is at version {SCHEMA_VERSION}"));
    Ok(())
}
