//! Times one mail template of about 1 kB: `cargo run --release -p campanile-template --example speed`.

use std::hint::black_box;
use std::io::Write as _;
use std::time::{Duration, Instant};

use campanile_core::time::Timestamp;
use campanile_template::{RenderOptions, Template};
use serde_json::json;

const SOURCE: &str = r#"<html><body style="font-family: sans-serif">
<h1>Hello {{ recipient.name | default: "there" | capitalize }}</h1>
{% if data.items.size > 0 %}<p>Your order {{ data.order_id | upcase }} of {{ data.placed_at | date: "%B %-d, %Y" }}
has {{ data.items.size | pluralize: "one item", "several items" }}:</p>
<table>{% for item in data.items %}
<tr class="{% cycle 'odd', 'even' %}"><td>{{ forloop.index }}</td><td>{{ item.name | escape }}</td>
<td>{{ item.quantity }}</td><td>{{ item.price | times: item.quantity | round: 2 }}</td></tr>{% endfor %}</table>
{% assign total = data.items | map: "price" | sum %}<p>Total: <b>{{ total }}</b></p>
{% else %}<p>Your order is empty.</p>{% endif %}
{% unless recipient.plan == "premium" %}<p>Go <a href="{{ vars.app_url }}/upgrade?u={{ recipient.id | url_encode }}">
premium</a> and save.</p>{% endunless %}
{% case data.shipping %}{% when "express" %}<p>It arrives tomorrow.</p>{% when "standard", "economy" %}
<p>It arrives within a week.</p>{% endcase %}
<p>{{ data.note | strip | truncate: 60 | newline_to_br }}</p>
<footer>{{ vars.app_name }} · {{ "now" | date: "%Y" }}</footer></body></html>
"#;

/// The fastest of many rounds: a busy machine only ever adds time.
fn fastest(mut work: impl FnMut()) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..200 {
        let start = Instant::now();
        for _ in 0..50 {
            work();
        }
        best = best.min(start.elapsed() / 50);
    }
    best
}

fn main() -> std::io::Result<()> {
    let item = |name: &str, price: f64| json!({"name": name, "quantity": 2, "price": price});
    let scope = json!({
        "recipient": {"id": "user 1", "name": "ada", "plan": "free"},
        "vars": {"app_url": "https://acme.test", "app_name": "Acme"},
        "data": {
            "order_id": "a-17", "placed_at": "2024-01-01T19:30:00Z", "shipping": "standard",
            "items": [item("Tea & cup", 12.5), item("Pot", 30.0), item("Tray", 8.25), item("Spoon", 1.99)],
            "note": "  Please leave it with the neighbours at number 12, they are always at home.\n  ",
        },
    });
    let options = RenderOptions::at(Timestamp(1_704_033_045_000_000));
    let template = Template::parse(SOURCE).map_err(std::io::Error::other)?;
    let text = template.render(&scope, &options).map_err(std::io::Error::other)?;
    let parse = fastest(|| drop(black_box(Template::parse(black_box(SOURCE)))));
    let render = fastest(|| drop(black_box(template.render(&scope, &options))));
    let mut out = std::io::stdout();
    writeln!(out, "{} bytes to {} bytes: parse {parse:?}, render {render:?}", SOURCE.len(), text.len())
}
