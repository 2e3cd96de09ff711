//! Where everything is: flags, environment, file, defaults, in that order.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use campanile_api::{ApiLogOptions, RateLimits};
use serde::Deserialize;

use crate::cli::ServeArgs;

/// Shorter leases than this run out while their jobs are being done.
const LEASE_SECONDS_MIN: u32 = 5;

/// How long API logs are kept unless said otherwise (api-conventions.md A13.1).
const API_LOG_DAYS: u32 = 30;

/// What the server runs with.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address and port.
    pub listen: String,
    /// Directory of the data.
    pub data_dir: PathBuf,
    /// PostgreSQL, or `None` for SQLite.
    pub database_url: Option<String>,
    /// Project folder.
    pub project: Option<PathBuf>,
    /// The clock stands still.
    pub virtual_time: bool,
    /// Webhooks may reach private addresses.
    pub allow_private_addresses: bool,
    /// Origin for absolute URLs.
    pub public_url: Option<String>,
    /// Retention of messages.
    pub retention_days: u32,
    /// Seconds that a claimed job stays its node's.
    pub lease_seconds: u32,
    /// More certificate authorities, PEM.
    pub extra_ca_file: Option<PathBuf>,
    /// Requests per second by tier.
    pub rate_limits: RateLimits,
    /// Requests of either outcome logged per second; 0 logs none.
    pub api_logs: u32,
    /// Days that API logs are kept.
    pub api_log_retention_days: u32,
    /// Log filter.
    pub log: String,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    listen: Option<String>,
    data_dir: Option<PathBuf>,
    database_url: Option<String>,
    project: Option<PathBuf>,
    virtual_time: Option<bool>,
    allow_private_addresses: Option<bool>,
    public_url: Option<String>,
    retention_days: Option<u32>,
    lease_seconds: Option<u32>,
    extra_ca_file: Option<PathBuf>,
    rate_limits: Option<String>,
    api_logs: Option<u32>,
    api_log_retention_days: Option<u32>,
    log: Option<String>,
}

impl Config {
    /// Reads the file, if one is named, and fills what the flags leave open.
    pub fn resolve(args: &ServeArgs) -> Result<Self, String> {
        let file: File = match &args.config {
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| format!("cannot read the configuration {}: {error}", path.display()))?;
                toml::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))?
            }
            None => File::default(),
        };
        let retention_days = args.retention_days.or(file.retention_days).unwrap_or(90);
        if retention_days == 0 {
            return Err("retention_days must be at least 1".into());
        }
        let lease_seconds = args.lease_seconds.or(file.lease_seconds).unwrap_or(90);
        if lease_seconds < LEASE_SECONDS_MIN {
            return Err(format!("lease_seconds must be at least {LEASE_SECONDS_MIN}"));
        }
        let api_log_retention_days =
            args.api_log_retention_days.or(file.api_log_retention_days).unwrap_or(API_LOG_DAYS);
        if api_log_retention_days == 0 {
            return Err("api_log_retention_days must be at least 1; api_logs = 0 keeps none".into());
        }
        let rate_limits = args.rate_limits.clone().or(file.rate_limits);
        Ok(Self {
            listen: args.listen.clone().or(file.listen).unwrap_or_else(|| "127.0.0.1:4000".into()),
            data_dir: args.data_dir.clone().or(file.data_dir).unwrap_or_else(|| "./data".into()),
            database_url: args.database_url.clone().or(file.database_url).filter(|url| !url.is_empty()),
            project: args.project.clone().or(file.project),
            virtual_time: args.virtual_time.or(file.virtual_time).unwrap_or(false),
            allow_private_addresses: args
                .allow_private_addresses
                .or(file.allow_private_addresses)
                .unwrap_or(false),
            public_url: args.public_url.clone().or(file.public_url),
            retention_days,
            lease_seconds,
            extra_ca_file: args.extra_ca_file.clone().or(file.extra_ca_file),
            rate_limits: rate_limits.as_deref().unwrap_or("off").parse()?,
            api_logs: args.api_logs.or(file.api_logs).unwrap_or(ApiLogOptions::default().per_second_max),
            // Never longer than the messages they are about (delivery.md section 12).
            api_log_retention_days: api_log_retention_days.min(retention_days),
            log: args.log.clone().or(file.log).unwrap_or_else(|| "info".into()),
        })
    }

    /// The key that encrypts provider credentials: CAMPANILE_SECRET_KEY (base64 of 32 bytes), or the data dir's
    /// `secret.key`, which is made at first start. Nodes that share a database must share the key.
    pub fn secret_key(&self) -> Result<[u8; 32], String> {
        let base64 = &base64::engine::general_purpose::STANDARD;
        let decode = |text: &str, what: &str| -> Result<[u8; 32], String> {
            let bytes = base64.decode(text.trim()).map_err(|_| format!("{what} is not base64"))?;
            bytes.try_into().map_err(|_| format!("{what} must hold exactly 32 bytes"))
        };
        if let Ok(text) = std::env::var("CAMPANILE_SECRET_KEY") {
            return decode(&text, "CAMPANILE_SECRET_KEY");
        }
        let path = self.data_dir.join("secret.key");
        match std::fs::read_to_string(&path) {
            Ok(text) => decode(&text, &path.display().to_string()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut key = [0u8; 32];
                key[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
                key[16..].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
                aws_lc_rs::rand::fill(&mut key).map_err(|_| "no randomness for a key".to_owned())?;
                write_private(&path, &base64.encode(key))?;
                Ok(key)
            }
            Err(error) => Err(format!("cannot read {}: {error}", path.display())),
        }
    }
}

/// Writes a file that only its owner can read.
fn write_private(path: &Path, text: &str) -> Result<(), String> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt as _;
    let failed = |error: std::io::Error| format!("cannot write {}: {error}", path.display());
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir).map_err(failed)?;
    }
    let mut file =
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_win_over_the_file_and_unknown_names_are_refused() {
        let dir = std::env::temp_dir().join(format!("campanile-config-{}", uuid::Uuid::new_v4()));
        std::fs::create_dir_all(&dir).unwrap();
        let path = dir.join("c.toml");
        std::fs::write(&path, "listen = \"1.2.3.4:5\"\nretention_days = 7\n").unwrap();
        let args = ServeArgs {
            config: Some(path.clone()),
            listen: Some("127.0.0.1:1".into()),
            ..ServeArgs::default()
        };
        let config = Config::resolve(&args).unwrap();
        assert_eq!((config.listen.as_str(), config.retention_days), ("127.0.0.1:1", 7));
        let short = ServeArgs { lease_seconds: Some(4), ..args.clone() };
        assert!(Config::resolve(&short).unwrap_err().contains("lease_seconds"));
        let limited = ServeArgs { rate_limits: Some("2=50".into()), ..args.clone() };
        assert_eq!(Config::resolve(&limited).unwrap().rate_limits.of_tier(2), 50);
        assert_eq!(config.rate_limits, RateLimits::OFF);
        let wrong = ServeArgs { rate_limits: Some("9=1".into()), ..args.clone() };
        assert!(Config::resolve(&wrong).unwrap_err().contains("rate_limits"));
        // Retention of messages is 7 days here.
        assert_eq!((config.api_logs, config.api_log_retention_days), (200, 7));
        std::fs::write(&path, "lisen = \"x\"\n").unwrap();
        assert!(Config::resolve(&args).unwrap_err().contains("lisen"));
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
