//! Times the mail template of `benches/templates`, about 1 kB, and prints a line of JSON. `benches/templates/run.mjs` runs
//! it beside liquidjs; alone: `cargo run --release -p campanile-template --example speed`.

use std::hint::black_box;
use std::io::Write as _;
use std::time::{Duration, Instant};

use campanile_core::time::Timestamp;
use campanile_template::{RenderOptions, Template};
use serde_json::{Value, json};

const SOURCE: &str = include_str!("../../../benches/templates/mail.liquid");
const DATA: &str = include_str!("../../../benches/templates/mail.json");
/// 2023-12-31T14:30:45Z
const NOW: Timestamp = Timestamp(1_704_033_045_000_000);
const ROUNDS: usize = 400;
const TIMES: u32 = 50;

/// The fastest and the middle of many rounds: a busy machine only ever adds time.
fn measure(mut work: impl FnMut()) -> Value {
    let mut rounds = Vec::with_capacity(ROUNDS);
    for _ in 0..ROUNDS {
        let start = Instant::now();
        for _ in 0..TIMES {
            work();
        }
        rounds.push(start.elapsed() / TIMES);
    }
    rounds.sort_unstable();
    let micros = |time: Duration| (time.as_secs_f64() * 1e8).round() / 100.0;
    json!({"fastest_us": micros(rounds[0]), "median_us": micros(rounds[ROUNDS / 2])})
}

fn main() -> std::io::Result<()> {
    let scope: Value = serde_json::from_str(DATA)?;
    let options = RenderOptions::at(NOW);
    let template = Template::parse(SOURCE).map_err(std::io::Error::other)?;
    let text = template.render(&scope, &options).map_err(std::io::Error::other)?;
    let parse = measure(|| drop(black_box(Template::parse(black_box(SOURCE)))));
    let render = measure(|| drop(black_box(template.render(black_box(&scope), &options))));
    let report = json!({"source_bytes": SOURCE.len(), "text": text, "parse": parse, "render": render});
    writeln!(std::io::stdout(), "{report}")
}
