//! Everything that makes a running server, in order, and its end in the reverse.

use std::net::SocketAddr;
use std::time::Duration;

use axum::serve::ListenerExt as _;
use campanile_api::{ApiLogOptions, App, AppOptions};
use campanile_core::clock::Clock;
use campanile_core::time::{Micros, Timestamp};
use campanile_engine::{Engine, EngineOptions, Vault};
use campanile_store::{Store, StoreOptions, TermIndexer};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::bootstrap::{self, FirstStart};
use crate::config::Config;
use crate::node::NodeMark;

/// How long open requests and deliveries may take when the server stops.
const STOP_WITHIN: Duration = Duration::from_secs(20);
/// How often old rows are looked for.
const CLEAN_EVERY: Duration = Duration::from_secs(600);
/// How often new messages are looked for that want indexing, and at the least after so many times without a write.
const INDEX_EVERY: Duration = Duration::from_millis(500);
const INDEX_IDLE_TICKS: u32 = 60;

/// A server that answers.
pub struct Server {
    /// Where it listens.
    pub address: SocketAddr,
    /// Its engine, for tests that wait.
    pub engine: Engine,
    /// Keys, when this was the first start.
    pub first_start: Option<FirstStart>,
    stop: CancellationToken,
    tasks: JoinSet<()>,
    /// Held to the end.
    _mark: Option<NodeMark>,
}

/// Opens the database and makes what a first start makes.
pub async fn open(config: &Config, keys: FirstStart) -> Result<(Engine, Option<FirstStart>), String> {
    let options =
        StoreOptions { database_url: config.database_url.clone(), data_dir: config.data_dir.clone() };
    let store = Store::open(&options).await.map_err(|error| format!("cannot open the database: {error}"))?;
    let vault = Vault::new(&config.secret_key()?);
    let made = bootstrap::first_start(&store, &vault, keys, Clock::System.now())
        .await
        .map_err(|error| format!("cannot prepare the database: {error}"))?;
    let clock = clock(config, &store).await?;
    let extra_roots = match &config.extra_ca_file {
        Some(path) => {
            Some(std::fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?)
        }
        None => None,
    };
    let options = EngineOptions {
        allow_private_addresses: config.allow_private_addresses,
        extra_roots,
        lease: Micros::seconds(i64::from(config.lease_seconds)),
        retention_days: config.retention_days,
        public_url: config.public_url.clone().unwrap_or_else(|| format!("http://{}", config.listen)),
    };
    let engine = Engine::new(store, clock, vault, options).await.map_err(|error| error.to_string())?;
    campanile_engine::resources::ensure_builtin(&engine).await.map_err(|error| error.to_string())?;
    Ok((engine, made))
}

/// A virtual clock starts at the wall clock's now, or where it stood when the server stopped.
async fn clock(config: &Config, store: &Store) -> Result<Clock, String> {
    if !config.virtual_time {
        return Ok(Clock::System);
    }
    let stood = store.setting("virtual_now").await.map_err(|error| error.to_string())?;
    let at = stood.and_then(|text| text.parse().ok()).map_or_else(|| Clock::System.now(), Timestamp);
    Ok(Clock::standing_at(at))
}

impl Server {
    /// Starts everything; answers when requests are answered.
    pub async fn start(mut config: Config, keys: FirstStart) -> Result<Self, String> {
        // The port first: a taken one should not leave a half-started server behind.
        let listener = TcpListener::bind(&config.listen)
            .await
            .map_err(|error| listen_problem(&config.listen, &error))?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        // Port 0 was any port, and names do not tell which address.
        config.public_url.get_or_insert_with(|| format!("http://{address}"));
        let (engine, first_start) = open(&config, keys).await?;
        let mark = free_predecessor(&engine, &config.data_dir).await?;
        let cursor_key = engine.store().setting("cursor_key").await.map_err(|error| error.to_string())?;
        let app = App::new(
            engine.clone(),
            cursor_key.unwrap_or_default().as_bytes(),
            AppOptions {
                rate_limits: config.rate_limits,
                api_logs: ApiLogOptions { per_second_max: config.api_logs },
            },
        );
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        if let Some(dir) = &config.project {
            // Before the first answer: a client that saw `readyz` may trigger what the folder holds.
            load_project(&engine, dir).await?;
            tasks.spawn(campanile_engine::project::watch(engine.clone(), dir.clone(), stop.clone()));
        }
        let router = campanile_api::router(app.clone());
        tasks.spawn(app.write_api_logs(stop.clone()));
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let stopped = stop.clone();
        tasks.spawn(async move {
            let serve = axum::serve(listener, router).with_graceful_shutdown(stopped.cancelled_owned());
            if let Err(error) = serve.await {
                tracing::error!(%error, "the listener failed");
            }
        });
        let scheduler = engine.clone();
        tasks.spawn(async move { scheduler.run_scheduler().await });
        let recorder = engine.clone();
        tasks.spawn(async move { recorder.record_tracked().await });
        let watcher = engine.clone();
        tasks.spawn(async move { watcher.watch_changes().await });
        tasks.spawn(index_trigger_data(engine.clone(), stop.clone()));
        tasks.spawn(clean(
            engine.clone(),
            config.retention_days,
            config.api_log_retention_days,
            stop.clone(),
        ));
        Ok(Self { address, engine, first_start, stop, tasks, _mark: mark })
    }

    /// Stops taking requests, finishes or hands back what is in progress, closes the database.
    pub async fn stop(mut self) {
        self.stop.cancel();
        let ended = async {
            self.engine.stop(STOP_WITHIN).await;
            while self.tasks.join_next().await.is_some() {}
        };
        if tokio::time::timeout(STOP_WITHIN + Duration::from_secs(2), ended).await.is_err() {
            tracing::warn!("some connections were cut");
        }
        self.tasks.abort_all();
        self.engine.store().close().await;
    }
}

/// Gives back what the process before this one held when it died.
async fn free_predecessor(engine: &Engine, data_dir: &std::path::Path) -> Result<Option<NodeMark>, String> {
    if !engine.store().is_shared() {
        // The only node there can be.
        engine.store().release_leases().await.map_err(|error| error.to_string())?;
        return Ok(None);
    }
    let Some(mut mark) = NodeMark::take(data_dir) else {
        tracing::info!(
            "another process uses this data directory, so what this node leaves waits for its lease"
        );
        return Ok(None);
    };
    if let Some(token) = mark.predecessor() {
        let freed = engine.store().release_claims(token).await.map_err(|error| error.to_string())?;
        tracing::info!(freed, "jobs of the process before this one");
    }
    mark.write(engine.node()).map_err(|error| format!("cannot write in {}: {error}", data_dir.display()))?;
    Ok(Some(mark))
}

/// Loads a project folder into the development environment; what it refuses is logged and the rest is served.
async fn load_project(engine: &Engine, dir: &std::path::Path) -> Result<(), String> {
    let report = campanile_engine::project::load(engine, dir).await.map_err(|error| error.to_string())?;
    let (saved, unchanged, refused) = report.counts();
    tracing::info!(dir = %dir.display(), saved, unchanged, refused, "project loaded");
    for problem in report.problems() {
        tracing::error!("{problem}");
    }
    Ok(())
}

fn listen_problem(listen: &str, error: &std::io::Error) -> String {
    if error.kind() == std::io::ErrorKind::AddrInUse {
        return format!(
            "{listen} is taken by another program: stop it, or choose another address with --listen or CAMPANILE_LISTEN"
        );
    }
    format!("cannot listen on {listen}: {error}")
}

/// Indexes the trigger data of new messages, for lists that are filtered by it, until the server stops.
async fn index_trigger_data(engine: Engine, stop: CancellationToken) {
    let mut indexer = TermIndexer::new(engine.store().clone());
    let mut commits = None;
    let mut idle = 0;
    while !stop.is_cancelled() {
        tokio::select! {
            () = tokio::time::sleep(INDEX_EVERY) => {}
            () = stop.cancelled() => return,
        }
        // A node that writes nothing looks seldom: what others wrote, they index.
        let seen = Some(engine.store().commit_stats().1);
        if seen == commits && idle < INDEX_IDLE_TICKS {
            idle += 1;
            continue;
        }
        let mut is_done = true;
        let environments: Vec<_> = engine.catalog().environments.iter().map(|env| env.id).collect();
        for env in environments {
            loop {
                match indexer.step(env, engine.clock().now()).await {
                    Ok(true) if !stop.is_cancelled() => is_done = false,
                    Ok(_) => break,
                    Err(error) => {
                        // Most likely another node was faster.
                        tracing::debug!(%error, "a step of the trigger data index is left for later");
                        is_done = false;
                        break;
                    }
                }
            }
        }
        idle = 0;
        commits = seen.filter(|_| is_done);
    }
}

/// Deletes what is past its time, slice by slice, until the server stops.
async fn clean(engine: Engine, retention_days: u32, api_log_days: u32, stop: CancellationToken) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(CLEAN_EVERY) => {}
            () = stop.cancelled() => return,
        }
        let now = engine.clock().now();
        let until = now + Micros::seconds(-i64::from(retention_days) * 86_400);
        while let Ok(1..) = engine.store().prune_messages(until).await {
            if stop.is_cancelled() {
                return;
            }
        }
        let indexer = TermIndexer::new(engine.store().clone());
        while let Ok(true) = indexer.trim(until, now).await {
            if stop.is_cancelled() {
                return;
            }
        }
        let until = now + Micros::seconds(-i64::from(api_log_days) * 86_400);
        while let Ok(1..) = engine.store().prune_api_logs(until).await {
            if stop.is_cancelled() {
                return;
            }
        }
        while let Ok(1..) = engine.store().prune_bulk_operations(now).await {}
        while let Ok(1..) = engine.store().prune_idempotency(now).await {
            if stop.is_cancelled() {
                return;
            }
        }
    }
}
