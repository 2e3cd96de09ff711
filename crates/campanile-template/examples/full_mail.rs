//! Times a whole mail: a layout of some 20 kB with its styles, blocks, inlining, the text part. Prints a line of JSON:
//! `cargo run --release -p campanile-template --example full_mail`.

use std::fmt::Write as _;
use std::hint::black_box;
use std::io::Write as _;
use std::time::{Duration, Instant};

use campanile_core::time::Timestamp;
use campanile_template::tracking::Links;
use campanile_template::{EmailSource, EmailTemplate, Layout, LayoutSource, RenderOptions, Tracking};
use serde_json::{Value, json};

/// 2023-12-31T14:30:45Z
const NOW: Timestamp = Timestamp(1_704_033_045_000_000);
const ROUNDS: usize = 200;

fn layout() -> Value {
    let (mut css, mut rows) = (String::new(), String::new());
    for n in 0..70 {
        let _ =
            writeln!(css, ".row{n} td{{padding:{n}px 8px;color:#26282c;font-size:14px;line-height:20px}}");
        let _ = writeln!(
            rows,
            "<table class=\"row{n}\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\"><tbody><tr><td class=\"cell\">\
             {{{{ vars.app_name }}}} <a class=\"link\" href=\"https://acme.test/{n}\">Part {n}</a></td><td>&nbsp;</td></tr>\
             </tbody></table>"
        );
    }
    let html = format!(
        "<!DOCTYPE html><html><head><style>body{{margin:0}}.cell{{border:0}}.link{{color:#3355ff}}\n{css}\
         @media (prefers-color-scheme:dark){{td{{color:#fff!important}}}}</style></head><body>\
         <table class=\"page\"><tbody><tr><td>{{{{ content }}}}</td></tr></tbody></table>{rows}</body></html>"
    );
    json!({"html_layout": html, "text_layout": "Acme\n\n{{ content }}\n--"})
}

/// Sorted; the fastest and the middle count, for a busy machine only ever adds time.
fn timed(work: impl Fn()) -> Vec<Duration> {
    let mut rounds: Vec<Duration> = (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            work();
            start.elapsed()
        })
        .collect();
    rounds.sort_unstable();
    rounds
}

fn main() -> std::io::Result<()> {
    let document = layout();
    let template = json!({"subject": "Hi {{ recipient.name }}", "visual_blocks": [
        {"type": "markdown", "content": "# Hi {{ recipient.name }}\n\nYou have **{{ data.items.size }}** new items:\n{% for item in data.items %}\n- {{ item }}\n{% endfor %}"},
        {"type": "divider"},
        {"type": "button_set", "buttons": [{"label": "Open", "action": "{{ data.url }}", "variant": "solid"}]},
    ]});
    let scope = json!({"recipient": {"name": "Ada"}, "vars": {"app_name": "Acme"},
        "data": {"url": "https://acme.test/a", "items": ["one", "two", "three"]}});
    let layout = Layout::compile(&LayoutSource::from_json(&document)).map_err(std::io::Error::other)?;
    let mail = EmailTemplate::compile(&EmailSource::from_json(&template), Some(&layout))
        .map_err(|errors| std::io::Error::other(format!("{errors:?}")))?;
    let options = RenderOptions::at(NOW);
    let made = mail.render(&scope, &options).map_err(std::io::Error::other)?;
    let rounds = timed(|| drop(black_box(mail.render(black_box(&scope), &options))));
    let tracked = timed(|| {
        let mut make =
            |link: usize, target: &str| Some(format!("https://t.test/l/{link:0200}{}", target.len()));
        let mut links = Links::new(&mut make, &[]);
        let tracking = Tracking { links: Some(&mut links), open_image: Some("https://t.test/o/1") };
        drop(black_box(mail.render_tracked(black_box(&scope), &options, tracking)));
    });
    let micros = |time: Duration| (time.as_secs_f64() * 1e7).round() / 10.0;
    let layout_bytes = document["html_layout"].as_str().unwrap_or_default().len();
    let report = json!({"layout_bytes": layout_bytes, "html_bytes": made.html.len(), "text_bytes": made.text.len(),
        "fastest_us": micros(rounds[0]), "median_us": micros(rounds[ROUNDS / 2]), "tracked_fastest_us": micros(tracked[0]),
        "tracked_median_us": micros(tracked[ROUNDS / 2])});
    writeln!(std::io::stdout(), "{report}")
}
