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
    let project = config.project.clone();
    let virtual_time = config.virtual_time;
    let server = Server::start(config, credentials()).await?;
    if let Some(made) = &server.first_start {
        greet(made);
    }
    if let Some(dir) = project {
        server.load_project(&dir).await?;
    }
    tracing::info!(address = %server.address, database, virtual_time, "campanile is ready");
    say(format_args!("campanile listens on http://{}", server.address));
    signal().await;
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

async fn signal() {
    let mut terminate = match tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()) {
        Ok(stream) => stream,
        Err(error) => {
            tracing::warn!(%error, "only Ctrl-C stops this server");
            let _ = tokio::signal::ctrl_c().await;
            return;
        }
    };
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminate.recv() => {}
    }
}
