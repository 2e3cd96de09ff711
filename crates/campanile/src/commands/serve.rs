//! `campanile serve`.

use super::say;
use crate::bootstrap::{FirstStart, credentials};
use crate::cli::ServeArgs;
use crate::config::Config;
use crate::logging;
use crate::server::Server;

/// Starts, waits for a signal, stops.
pub async fn run(args: &ServeArgs) -> Result<(), String> {
    let config = Config::resolve(args)?;
    logging::init(&config.log);
    let database = if config.database_url.is_some() { "PostgreSQL" } else { "SQLite" };
    let virtual_time = config.virtual_time;
    let asked_to_stop = stop_signal()?;
    let server = Server::start(config, credentials()).await?;
    if let Some(made) = &server.first_start {
        greet(made);
    }
    tracing::info!(address = %server.address, database, virtual_time, "campanile is ready");
    say(format_args!("campanile listens on http://{}", server.address));
    asked_to_stop.await;
    tracing::info!("stopping: accepted work is finished or stays on disk");
    server.stop().await;
    Ok(())
}

fn greet(made: &FirstStart) {
    say("First start. These keys of the development environment are shown once:");
    say(format_args!("  secret key     {}", made.development.secret));
    say(format_args!("  public key     {}", made.development.public));
    say(format_args!("  service token  {}", made.service_token));
    say("More keys: campanile keys create --environment production");
}

/// Takes over SIGTERM and Ctrl-C at once, not only when it is awaited: a signal during the start is not lost.
fn stop_signal() -> Result<impl Future<Output = ()>, String> {
    use tokio::signal::unix::{SignalKind, signal};
    let listen = |kind| signal(kind).map_err(|error| format!("cannot take over the stop signals: {error}"));
    let (mut terminate, mut interrupt) = (listen(SignalKind::terminate())?, listen(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
