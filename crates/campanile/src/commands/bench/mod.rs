//! `campanile bench`: drives a running server over HTTP and prints the figures of docs/performance.md.
//!
//! The generator usually shares its cores with the server, so a slot only clones a prepared request,
//! sends it and notes the time.

mod client;
mod delivered;
mod error;
mod histogram;
mod load;
mod memory;
mod probe;
mod progress;
mod reads;
mod report;
mod setup;
mod subscribers;
mod suites;

use std::io::Write;

pub use error::BenchError;

/// What to measure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Suite {
    /// Single-recipient triggers as fast as they are accepted.
    Triggers,
    /// Many recipients a trigger (1,000 unless --recipients says otherwise).
    Fanout,
    /// Triggers at a fixed rate; without --rate at half of what a short closed loop reaches.
    Latency,
    /// Every list page, after --messages messages are stored; --duration is shared among them.
    Reads,
}

/// Measure a running server: throughput, latency from trigger to feed, memory.
#[derive(clap::Args)]
pub struct BenchArgs {
    /// Where the server listens.
    #[arg(long, env = "CAMPANILE_BENCH_BASE_URL", default_value = "http://127.0.0.1:4000")]
    pub base_url: String,
    /// Secret key of the development environment.
    #[arg(long, env = "CAMPANILE_BOOTSTRAP_SECRET_KEY", hide_env_values = true)]
    pub secret_key: String,
    /// Service token, to create the benchmark's workflow and find the feed channel.
    #[arg(long, env = "CAMPANILE_BOOTSTRAP_SERVICE_TOKEN", hide_env_values = true)]
    pub service_token: String,
    /// What to measure.
    #[arg(long, value_enum, default_value = "triggers")]
    pub suite: Suite,
    /// Connections that send at the same time [default: 64; fanout 4; reads 1].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub concurrency: Option<u32>,
    /// Recipients in each trigger [default: 1; fanout and seeding of reads 1000].
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    pub recipients: Option<u32>,
    /// Fanout to this many subscribers of one object, which the trigger names instead of users.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    pub subscribers: Option<u32>,
    /// Distinct users; raised to the number of recipients where it is smaller.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub users: u32,
    /// Seconds of load.
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=86_400))]
    pub duration: u32,
    /// Triggers per second (open loop) instead of as fast as possible.
    #[arg(long, value_parser = positive)]
    pub rate: Option<f64>,
    /// Probes per second that time trigger → feed beside the load; 0 leaves them out.
    #[arg(long, default_value_t = 40)]
    pub probe_rate: u32,
    /// Messages that must be stored before reads are measured.
    #[arg(long, default_value_t = 1_000_000)]
    pub messages: u64,
    /// Process id of the server on this machine, to report its memory.
    #[arg(long)]
    pub server_pid: Option<u32>,
    /// Print one JSON object instead of text.
    #[arg(long)]
    pub json: bool,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err("must be a number above 0".to_owned()),
    }
}

/// Runs the suite and prints its report to standard output.
///
/// Fails when the server cannot be driven at all, and also, after the report, when something that was
/// accepted did not arrive.
pub async fn run(args: BenchArgs) -> Result<(), BenchError> {
    let report = suites::measure(&args).await?;
    let mut out = std::io::stdout().lock();
    let written = if args.json { writeln!(out, "{}", report.to_json()) } else { report.write_text(&mut out) };
    // A closed pipe (`campanile bench | head`) is the reader's wish, not a failure.
    let _ = written;
    if report.is_clean() {
        return Ok(());
    }
    Err(BenchError::Unexpected("not everything was accepted and delivered; see the report above".to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Cli {
        #[command(flatten)]
        bench: BenchArgs,
    }

    fn parse(options: &[&str]) -> Result<BenchArgs, String> {
        let credentials = ["bench", "--secret-key", "sk", "--service-token", "st"];
        Cli::try_parse_from(credentials.iter().chain(options)).map(|cli| cli.bench).map_err(|e| e.to_string())
    }

    #[test]
    fn options_are_checked() {
        let defaults = parse(&[]).expect("credentials are enough");
        assert_eq!((defaults.users, defaults.duration, defaults.suite), (1_000, 20, Suite::Triggers));
        assert!(parse(&["--suite", "fanout", "--recipients", "1000", "--rate", "2.5"]).is_ok());
        for bad in [
            ["--recipients", "1001"],
            ["--recipients", "0"],
            ["--rate", "0"],
            ["--rate", "NaN"],
            ["--users", "0"],
            ["--duration", "0"],
            ["--subscribers", "0"],
            ["--suite", "everything"],
        ] {
            assert!(parse(&bad).is_err(), "{bad:?}");
        }
    }
}
