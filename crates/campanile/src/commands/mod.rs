//! One file per command.

pub mod bench;
mod channels;
mod check;
mod keys;
pub mod render;
mod serve;
mod signing_keys;

use crate::cli::{Cli, Command};

/// Why a command did not do what it was asked to. The text is for a person.
#[derive(Debug)]
pub enum CommandError {
    /// What was given is wrong: exit code 2, as for unknown options.
    Given(String),
    /// The command or the machine failed: exit code 1.
    Failed(String),
}

impl From<String> for CommandError {
    fn from(why: String) -> Self {
        Self::Failed(why)
    }
}

/// Runs a command.
pub async fn run(cli: Cli) -> Result<(), CommandError> {
    match cli.command {
        Command::Serve(args) => serve::run(&args).await?,
        Command::Check(args) => check::check(&args).await?,
        Command::Migrate(args) => check::migrate(&args).await?,
        Command::Keys(args) => keys::run(args).await?,
        Command::SigningKeys(args) => signing_keys::run(args).await?,
        Command::Channels(args) => channels::run(args).await?,
        Command::Render(args) => render::run(&args)?,
        Command::Bench(args) => bench::run(args).await.map_err(|error| error.to_string())?,
    }
    Ok(())
}

/// Prints a line of a command's answer: the one place that writes to stdout.
#[allow(clippy::print_stdout)]
fn say(line: impl std::fmt::Display) {
    println!("{line}");
}
