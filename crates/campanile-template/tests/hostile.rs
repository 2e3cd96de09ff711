//! Nothing that a customer writes panics, overflows the stack or runs away.

use campanile_core::time::Timestamp;
use campanile_template::{JsonTemplate, RenderOptions, Template, markdown, text};
use proptest::prelude::*;
use serde_json::json;

fn render(source: &str) -> Result<String, String> {
    let scope = json!({"data": {"a": "x", "b": [1, "2", null, {"c": 3.5}], "d": {"e": -1}}});
    let options = RenderOptions::at(Timestamp::default());
    let rendered = Template::parse(source).and_then(|template| template.render(&scope, &options));
    rendered.map_err(|error| error.to_string())
}

/// Pieces that mean something to the engine, so that random sequences reach deep into it.
fn markup() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{{",
        "}}",
        "{%",
        "%}",
        "{%-",
        "-%}",
        "{{-",
        "-}}",
        " ",
        "a",
        "b",
        "d",
        ".",
        "[",
        "]",
        "(",
        ")",
        "..",
        "0",
        "-1",
        "1.5",
        "9999999999999999999",
        "'",
        "\"",
        "|",
        ":",
        ",",
        "=",
        "==",
        "<",
        "contains",
        "and",
        "or",
        "if",
        "elsif",
        "else",
        "endif",
        "for",
        "in",
        "endfor",
        "limit",
        "offset",
        "reversed",
        "case",
        "when",
        "endcase",
        "assign",
        "capture",
        "endcapture",
        "raw",
        "endraw",
        "comment",
        "endcomment",
        "cycle",
        "tablerow",
        "endtablerow",
        "break",
        "date",
        "'%s %Y'",
        "slice",
        "split",
        "truncate",
        "round",
        "divided_by",
        "json",
        "from_json",
        "sort",
        "map",
        "where",
        "first",
        "size",
        "é",
        "\u{200d}",
        "\n",
        "{% for i in b %}",
        "{{ i | ",
        "{{ b | ",
        "{{ a | ",
        "{{ d.e | ",
        " }}",
        "{% if b contains a %}",
        "{% endif %}",
        "{% endfor %}",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_markup_never_panics(source in markup()) {
        let _ = render(&source);
        let _ = JsonTemplate::parse(&source);
    }

    #[test]
    fn text_without_markup_is_itself(source in "[^{]*") {
        prop_assert_eq!(render(&source), Ok(source.clone()));
    }

    #[test]
    fn arbitrary_filters_never_panic(
        name in prop::sample::select(vec![
            "abs", "at_least", "capitalize", "ceil", "date", "divided_by", "escape_once", "floor", "modulo", "round",
            "slice", "split", "strip_html", "times", "truncate", "truncatewords", "url_decode", "timezone", "plus",
            "base64_decode", "compare_versions", "pluralize", "titlecase", "from_json", "replace", "from_markdown",
        ]),
        input in any::<String>(), first in any::<String>(), number in any::<i64>(),
    ) {
        let scope = json!({"data": {"input": input, "first": first, "n": number, "m": (number as f64) / 7.0}});
        let options = RenderOptions::at(Timestamp(number));
        for args in ["", ": first", ": n", ": m", ": n, first", ": first, n", ": n, n"] {
            for value in ["input", "n", "m", "nope"] {
                let source = format!("{{{{ {value} | {name}{args} }}}}");
                let _ = Template::parse(&source).and_then(|template| template.render(&scope, &options));
            }
        }
    }

    #[test]
    fn arbitrary_html_never_panics(html in "[<>a-c/!\\-\" =&;#\\[\\]]{0,200}") {
        prop_assert!(text::from_html(&html).is_ok());
    }
}

#[test]
fn hostile_nesting_is_an_error() {
    for (open, close, depth) in
        [("{% if a %}", "{% endif %}", 100_000), ("{% for i in b %}", "{% endfor %}", 1_000)]
    {
        let source = format!("{}{}", open.repeat(depth), close.repeat(depth));
        assert!(render(&source).is_err_and(|error| error.contains("nested deeper than")), "{open}");
    }
    for source in [
        format!("{{{{ {}1{} }}}}", "(".repeat(100_000), "..2)".repeat(100_000)),
        format!("{{{{ a{}0{} }}}}", "[a".repeat(100_000), "]".repeat(100_000)),
    ] {
        assert!(render(&source).is_err_and(|error| error.contains("nested deeper than")));
    }
    let chain = format!("{{% if a{} %}}y{{% endif %}}", " and a".repeat(100_000));
    assert_eq!(render(&chain), Ok("y".to_owned()));
    assert!(render(&"{% comment %}".repeat(100_000)).is_err());
}

#[test]
fn runaway_templates_hit_a_limit() {
    for (source, want) in [
        ("{% for i in (1..9999999999) %}{% endfor %}", "loop iterations"),
        ("{{ (1..9999999999) | join: ',' }}", "range is too long"),
        (
            "{% assign s = 'xxxxxxxx' %}{% for i in (1..99) %}{% assign s = s | append: s %}{% endfor %}",
            "larger than",
        ),
        (
            "{% assign s = 'xxxxxxxx' %}{% for i in (1..99) %}{% capture s %}{{ s }}{{ s }}{% endcapture %}{% endfor %}",
            "larger than",
        ),
        (
            "{% assign s = '1,2' | split: ',' %}{% for i in (1..99) %}{% assign s = s | concat: s %}{% endfor %}",
            "more data than",
        ),
        (
            "{% assign s = 'a' %}{% for i in (1..20) %}{% assign s = s | append: s %}{% endfor %}\
          {{ s | replace: 'a', s }}",
            "larger than",
        ),
        (
            "{% for i in (1..99999) %}{{ b }}{{ d }}{{ 'some text of forty characters, more or less' }}{% endfor %}",
            "output is larger",
        ),
    ] {
        let error = render(source).unwrap_err();
        assert!(error.contains(want), "{source}: {error}");
    }
}

#[test]
fn hostile_documents_convert() {
    for piece in [
        ">",
        "[",
        "*a ",
        "- ",
        "`",
        "<div>",
        "1. ",
        "![",
        "_a*",
        "<a href=x>",
        "<a href=x><p>a",
        "<ul><li>",
        "<table><tr><td>",
        "&",
    ] {
        let source = piece.repeat(20_000);
        assert!(!markdown::to_html(&source).is_empty(), "{piece}");
        assert!(text::from_html(&source).is_ok(), "{piece}");
    }
}
