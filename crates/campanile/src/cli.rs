//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

use crate::commands::bench::BenchArgs;
use crate::commands::render::RenderArgs;

/// Notifications for your product: one server, Knock's API, your machines.
#[derive(Parser)]
#[command(name = "campanile", version, about)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What can be done.
#[derive(Subcommand)]
// One value per process: its size does not matter.
#[allow(clippy::large_enum_variant)]
pub enum Command {
    /// Start the server.
    Serve(ServeArgs),
    /// Check configuration and database without starting.
    Check(ServeArgs),
    /// Bring the database's schema up to date and stop.
    Migrate(ServeArgs),
    /// Make, list and revoke API keys in the database.
    Keys(KeysArgs),
    /// Make, upload, list and revoke the keys that sign user tokens, in the database.
    SigningKeys(SigningKeysArgs),
    /// Show and set channels of a running server.
    Channels(ChannelsArgs),
    /// Render a template file, without a server.
    Render(RenderArgs),
    /// Measure a running server.
    Bench(BenchArgs),
}

/// Where the data is and how the server behaves. Flags win over the environment, both win over the file.
#[derive(Debug, Clone, Default, Args)]
pub struct ServeArgs {
    /// TOML file with the same names (listen, data_dir, …).
    #[arg(long, env = "CAMPANILE_CONFIG")]
    pub config: Option<PathBuf>,
    /// Address and port [default: 127.0.0.1:4000].
    #[arg(long, env = "CAMPANILE_LISTEN")]
    pub listen: Option<String>,
    /// Directory for the SQLite database and the key that encrypts credentials [default: ./data].
    #[arg(long, env = "CAMPANILE_DATA_DIR")]
    pub data_dir: Option<PathBuf>,
    /// postgres://… instead of SQLite.
    #[arg(long, env = "CAMPANILE_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
    /// Folder with workflows and layouts, loaded and watched.
    #[arg(long, env = "CAMPANILE_PROJECT")]
    pub project: Option<PathBuf>,
    /// The clock stands still; POST /v1/admin/clock moves it.
    #[arg(long, env = "CAMPANILE_VIRTUAL_TIME", value_parser = clap::builder::BoolishValueParser::new(),
          num_args = 0..=1, default_missing_value = "true")]
    pub virtual_time: Option<bool>,
    /// Webhooks may reach loopback and private addresses.
    #[arg(long, env = "CAMPANILE_ALLOW_PRIVATE_ADDRESSES", value_parser = clap::builder::BoolishValueParser::new(),
          num_args = 0..=1, default_missing_value = "true")]
    pub allow_private_addresses: Option<bool>,
    /// How clients and recipients reach this server: the beginning of links in messages and of absolute URLs in answers.
    #[arg(long, env = "CAMPANILE_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Days that messages other than in-app ones are kept [default: 90].
    #[arg(long, env = "CAMPANILE_RETENTION_DAYS")]
    pub retention_days: Option<u32>,
    /// Seconds until another node takes up the work of one that died [default: 90]. Deliveries that take longer are
    /// made twice, and a webhook may take 50.
    #[arg(long, env = "CAMPANILE_LEASE_SECONDS")]
    pub lease_seconds: Option<u32>,
    /// PEM file with more certificate authorities for outgoing TLS.
    #[arg(long, env = "CAMPANILE_EXTRA_CA_FILE")]
    pub extra_ca_file: Option<PathBuf>,
    /// Requests per second by tier: on, off, or the documented limits with some changed, like 2=50,5=0
    /// [default: off].
    #[arg(long, env = "CAMPANILE_RATE_LIMITS", num_args = 0..=1, default_missing_value = "on")]
    pub rate_limits: Option<String>,
    /// Successful API requests logged per second, averaged over ten, and as many failed ones; 0 logs none
    /// [default: 200].
    #[arg(long, env = "CAMPANILE_API_LOGS")]
    pub api_logs: Option<u32>,
    /// Days that API logs are kept [default: 30].
    #[arg(long, env = "CAMPANILE_API_LOG_RETENTION_DAYS")]
    pub api_log_retention_days: Option<u32>,
    /// error, warn, info, debug or a filter like campanile_engine=debug [default: info].
    #[arg(long, env = "CAMPANILE_LOG")]
    pub log: Option<String>,
}

/// `campanile keys`.
#[derive(Debug, Args)]
pub struct KeysArgs {
    /// What to do; without it, the keys are listed.
    #[command(subcommand)]
    pub action: Option<KeysAction>,
    /// Where the data is.
    #[command(flatten)]
    pub serve: ServeArgs,
    /// Print JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

/// What can be done with keys.
#[derive(Debug, Subcommand)]
pub enum KeysAction {
    /// Show every key's hint; the keys themselves are not kept.
    List,
    /// Make a key and show it, once.
    Create {
        /// Slug of the environment.
        #[arg(long, default_value = "development")]
        environment: String,
        /// secret, public or service-token.
        #[arg(long, default_value = "secret", value_parser = ["secret", "public", "service-token"])]
        kind: String,
        /// For people.
        #[arg(long)]
        description: Option<String>,
    },
    /// Refuse a key from now on.
    Revoke {
        /// The hint that `list` shows.
        hint: String,
    },
}

/// `campanile signing-keys`.
#[derive(Debug, Args)]
pub struct SigningKeysArgs {
    /// What to do; without it, the keys are listed.
    #[command(subcommand)]
    pub action: Option<SigningKeysAction>,
    /// Where the data is.
    #[command(flatten)]
    pub serve: ServeArgs,
    /// Print JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

/// What can be done with signing keys.
#[derive(Debug, Subcommand)]
pub enum SigningKeysAction {
    /// Show every key's id and state.
    List,
    /// Make a key pair and show its private half, once.
    Create {
        /// Slug of the environment.
        #[arg(long, default_value = "development")]
        environment: String,
        /// Store this public key (PEM) instead; its private half stays where it is.
        #[arg(long, value_name = "FILE")]
        public_key: Option<PathBuf>,
        /// For people.
        #[arg(long)]
        description: Option<String>,
    },
    /// Refuse a key's tokens from now on.
    Revoke {
        /// The id that `list` shows.
        id: String,
    },
}

/// `campanile channels`.
#[derive(Debug, Args)]
pub struct ChannelsArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: ChannelsAction,
    /// The running server.
    #[arg(long, env = "CAMPANILE_BASE_URL", default_value = "http://127.0.0.1:4000", global = true)]
    pub base_url: String,
    /// A service token (st_…).
    #[arg(long, env = "CAMPANILE_SERVICE_TOKEN", hide_env_values = true, global = true)]
    pub service_token: Option<String>,
    /// Print JSON.
    #[arg(long, global = true)]
    pub json: bool,
}

/// What can be done with channels.
#[derive(Debug, Subcommand)]
pub enum ChannelsAction {
    /// Show every channel with its settings; secrets are obfuscated.
    List,
    /// Change settings of a channel, or make it when --type and --provider are given.
    Set {
        /// The channel's key.
        key: String,
        /// Slug of the environment.
        #[arg(long, default_value = "development")]
        environment: String,
        /// name=value, of the channel's type or of its provider; an empty value clears it.
        #[arg(long = "setting", value_name = "NAME=VALUE")]
        settings: Vec<String>,
        /// Keep messages instead of sending them.
        #[arg(long)]
        sandbox: Option<bool>,
        /// Provider id, like email_smtp.
        #[arg(long)]
        provider: Option<String>,
        /// Channel type, for a new channel.
        #[arg(long = "type")]
        kind: Option<String>,
        /// For people.
        #[arg(long)]
        name: Option<String>,
    },
}
