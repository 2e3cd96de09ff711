//! One file per command.

pub mod bench;
mod channels;
mod check;
mod keys;
mod serve;
mod signing_keys;

use crate::cli::{Cli, Command};

/// Runs a command; an error is one sentence for a person.
pub async fn run(cli: Cli) -> Result<(), String> {
    match cli.command {
        Command::Serve(args) => serve::run(&args).await,
        Command::Check(args) => check::check(&args).await,
        Command::Migrate(args) => check::migrate(&args).await,
        Command::Keys(args) => keys::run(args).await,
        Command::SigningKeys(args) => signing_keys::run(args).await,
        Command::Channels(args) => channels::run(args).await,
        Command::Bench(args) => bench::run(args).await.map_err(|error| error.to_string()),
    }
}

/// Prints a line of a command's answer: the one place that writes to stdout.
#[allow(clippy::print_stdout)]
fn say(line: impl std::fmt::Display) {
    println!("{line}");
}
