//! The `campanile` binary: configuration, wiring, start and graceful stop.

use std::process::ExitCode;

use campanile::commands::CommandError;
use campanile::{cli, commands};
use clap::Parser;

#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    // One TLS provider for every connection, in and out.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("campanile: cannot start threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(commands::run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(CommandError::Failed(why)) => {
            eprintln!("campanile: {why}");
            ExitCode::FAILURE
        }
        Err(CommandError::Given(why)) => {
            eprintln!("campanile: {why}");
            ExitCode::from(2)
        }
    }
}
