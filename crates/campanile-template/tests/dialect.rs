//! The worked examples of templates.md section 2, as the specification writes them.

use campanile_core::time::Timestamp;
use campanile_template::{RenderOptions, Template};
use serde_json::{Value as Json, json};

/// 2023-12-31T14:30:45Z
const NOW: Timestamp = Timestamp(1_704_033_045_000_000);

fn scope() -> Json {
    json!({
        "data": {
            "tags": ["a", "b"], "x": "<b>", "object": {"b": 1, "a": [true]}, "nested": [1, [2, [3]]],
            "people": [{"id": 1}, {"x": 2}], "on": [{"on": true, "n": 1}, {"on": false, "n": 2}, {"n": 3}],
            "empty_text": "", "spaces": " ", "zero": 0, "none": null, "first-name": "Ada",
            "sized": {"size": 9, "first": 8}, "a b": "spaced", "price": 183.357, "actor": "x",
            "page_name": "Home", "large": 18446744073709551615u64, "whole": 1234.0,
        },
        "actor": {"name": "Bo"},
        "vars": {"flag": true},
    })
}

fn render(source: &str) -> Result<String, String> {
    let template = Template::parse(source).map_err(|error| error.message)?;
    template.render(&scope(), &RenderOptions::at(NOW)).map_err(|error| error.message)
}

fn check(cases: &[(&str, &str)]) {
    for (source, want) in cases {
        assert_eq!(render(source).as_deref(), Ok(*want), "{source}");
    }
}

#[test]
fn values_print_as_documented() {
    check(&[
        ("{{ x }}", "<b>"),
        ("{{ 1.50 }} {{ 2.0 }} {{ -3 }} {{ data.whole }}", "1.5 2.0 -3 1234.0"),
        ("{{ true }}{{ nil }}{{ null }}", "true"),
        ("{{ data.tags }}{{ data.nested }}", "ab123"),
        ("{{ data.object }}", r#"{"a":[true],"b":1}"#),
        ("{{ (1..3) }}", "1..3"),
        ("{{ data.large }}", "18446744073709551615.0"),
        ("{{ data.tags[0] }}{{ data.tags[-1] }}{{ data.tags.first }}{{ data.tags.last }}", "abab"),
        ("{{ data.tags.size }} {{ \"abc\" | size }} {{ data.sized.size }} {{ data.sized.first }}", "2 3 9 8"),
        ("{{ data['a b'] }} {{ data.first-name }}", "spaced Ada"),
        ("{% assign k = 'page_name' %}{{ data[k] }}", "Home"),
        ("[{{ nope }}{{ nope.a.b }}{{ data.none.x }}]", "[]"),
    ]);
}

#[test]
fn data_is_readable_at_top_level_and_shadows_nothing() {
    check(&[
        ("{{ page_name }}={{ data.page_name }}", "Home=Home"),
        ("{{ actor.name }} {{ data.actor }}", "Bo x"),
        ("[{{ tenant }}]", "[]"),
    ]);
}

#[test]
fn tags_behave_as_documented() {
    check(&[
        ("a\n{% if true %}\nb\n{% endif %}", "a\n\nb\n"),
        ("{% if true or false and false %}y{% endif %}", "y"),
        ("{% if false and false or true %}y{% else %}n{% endif %}", "n"),
        ("{% case 2 %}dropped{% when 1, 2 %}a{% when 2 or 3 %}b{% else %}c{% endcase %}", "ab"),
        ("{% case 9 %}{% when 1 %}a{% else %}c{% endcase %}", "c"),
        ("{% for p in data.object %}{{ p[0] }}:{{ p[1] }};{% endfor %}", "a:true;b:1;"),
        ("{% for i in (1..5) limit:2 offset:1 reversed %}{{ i }}{% endfor %}", "32"),
        (
            "{% for i in (1..5) limit:2 %}{{ i }}{% endfor %}-{% for i in (1..5) offset: continue %}{{ i }}{% endfor %}",
            "12-345",
        ),
        ("{% for i in nope %}x{% else %}none{% endfor %}", "none"),
        ("{% for i in (1..3) %}{% if i == 2 %}{% continue %}{% endif %}{{ i }}{% endfor %}", "13"),
        ("{% for i in (1..3) %}{% if i == 2 %}{% break %}{% endif %}{{ i }}{% endfor %}", "1"),
        (
            "{% for i in (1..2) %}{{ forloop.index }}{{ forloop.rindex0 }}{{ forloop.last }} {% endfor %}",
            "11false 20true ",
        ),
        (
            "{% for i in (1..2) %}{% for j in (1..2) %}{{ forloop.parentloop.index }}{% endfor %}{% endfor %}",
            "1122",
        ),
        ("{% if true %}{% assign a = 1 %}{% capture b %}c{% endcapture %}{% endif %}{{ a }}{{ b }}", "1c"),
        ("{% increment n %}{% increment n %}{% decrement m %}", "01-1"),
        ("{% for i in (1..3) %}{% cycle 'a', 'b' %}{% endfor %}", "aba"),
        (
            "{% raw %}{{ x }}{% endraw %}{% comment %}a{% comment %}b{% endcomment %}c{% endcomment %}{% # no %}",
            "{{ x }}",
        ),
        ("{% echo 'a' | upcase %}", "A"),
        ("<!-- {{ 1 | plus: 1 }} -->", "<!-- 2 -->"),
    ]);
}

#[test]
fn truth_and_comparison() {
    check(&[
        ("{% if \"\" %}y{% endif %}{% if data.zero %}y{% endif %}{% if data.none %}n{% endif %}", "yy"),
        ("{% if 1 == '1' %}y{% else %}n{% endif %}{% if 1 == 1.0 %}y{% endif %}", "ny"),
        ("{% if vars.flag == true %}y{% endif %}{% if vars.flag == 'true' %}n{% endif %}", "y"),
        ("{% if nope > 1 or nope < 1 %}n{% else %}y{% endif %}", "y"),
        ("{% if data.tags contains 'a' and 'abc' contains 'b' %}y{% endif %}", "y"),
        ("{% if nope contains 'a' %}n{% endif %}", ""),
        (
            "{% if data.empty_text == empty %}y{% endif %}{% if data.spaces == blank and nope == blank %}y{% endif %}",
            "yy",
        ),
        ("{% if data.page_name != blank %}y{% endif %}", "y"),
        ("{% if data.tags | size > 1 %}y{% endif %}", "y"),
    ]);
}

#[test]
fn standard_filters() {
    check(&[
        (r#"{{ "a,,b" | split: "," | size }}{{ "" | split: "," | size }}"#, "20"),
        (r#"{{ false | default: "x" }} {{ false | default: "x", allow_false: true }}"#, "x false"),
        (r#"{{ 0 | default: "x" }}[{{ " " | default: "x" }}]{{ nope | default: "d" }}"#, "0[ ]d"),
        (
            "{{ 5 | divided_by: 3 }} {{ -5 | divided_by: 3 }} {{ 5 | divided_by: 3.0 }}",
            "1 -1 1.6666666666666667",
        ),
        (r#"{{ "4" | plus: 2 }} {{ "x" | plus: 2 }}"#, "6 2"),
        ("{{ 183.357 | times: 12 }} {{ price | times: 12 }} {{ 1.1 | plus: 2.2 }}", "2200.284 2200.284 3.3"),
        ("{{ 1.5 | round }} {{ 2.5 | round }} {{ 1.005 | round: 2 }}", "2 3 1.01"),
        (r#"{{ "hello world" | capitalize }}{{ "MY title" | capitalize }}"#, "Hello worldMy title"),
        (r#"{{ "Ground control to Major Tom." | truncate: 20 }}"#, "Ground control to..."),
        (r#"{{ "John Hammond" | split: " " | first }}"#, "John"),
        (r#"{{ "<b>&'" | escape }}{{ '"' | escape }}"#, "&lt;b&gt;&amp;&#39;&quot;"),
        (r#"{{ "a b@c" | url_encode }}"#, "a+b%40c"),
        (r#"{{ people | map: "id" | join: ", " }}"#, "1, "),
        (r#"{{ on | where: "on" | map: "n" }}"#, "1"),
        ("[{{ nil | upcase }}]{{ nil | size }}", "[]0"),
    ]);
}

#[test]
fn product_filters() {
    check(&[
        (r#"{{ "2024-01-01T00:30:00Z" | timezone: "America/New_York" }}"#, "2023-12-31T19:30:00-05:00"),
        (r#"{{ "2024-01-01T00:30:00.120Z" | timezone: "UTC" }}"#, "2024-01-01T00:30:00.120+00:00"),
        (r#"{{ "2024-01-01T00:30:00Z" | timezone: "Nowhere" }}"#, "2024-01-01T00:30:00Z"),
        (r#"{{ "2024-01-01T19:30:00Z" | date: "%-I:%M %p %Z", "America/New_York" }}"#, "2:30 PM EST"),
        (r#"{{ "2024-01-01T19:30:00Z" | timezone: "America/New_York" | date: "%H %Z %z" }}"#, "14 EST -0500"),
        (r#"[{{ "2024-01-01" | date: "%e" }}{{ "2024-01-01" | date: "%l" }}]"#, "[]"),
        (
            r#"{{ "2024-01-05T09:08:07Z" | date: "%a %^a %B %d %-d %_d %j %q %u %y %5d %P %%" }}"#,
            "Fri FRI January 05 5  5 005 1 5 24 00005 am %",
        ),
        (
            r#"{{ "yesterday" | date: "%Y" }} {{ 0 | date: "%Y" }} {{ "86400" | date: "%s %Z" }}"#,
            "yesterday 1970 86400 UTC",
        ),
        (r#"{{ "now" | date: "%Y-%m-%d" }} {{ "2024-01-01" | date: "" }}"#, "2023-12-31 2024-01-01"),
        ("{{ object | json }} {{ x | json }} {{ nil | json }}", r#"{"a":[true],"b":1} "<b>" null"#),
        (
            r#"{% assign v = "false" | from_json %}{% if v %}n{% else %}y{% endif %}[{{ "{" | from_json }}]"#,
            "y[]",
        ),
        (
            r#"{% assign o = '{"b":[1,2],"a":{"c":3}}' | from_json %}{{ o.a.c }}{{ o.b.last }}{{ o }}"#,
            r#"32{"a":{"c":3},"b":[1,2]}"#,
        ),
        (
            r#"{{ 2 | pluralize: "user", "users" }} {{ 1 | pluralize: "user", "users" }} {{ "0" | pluralize: "a", "b" }}"#,
            "users user b",
        ),
        (r#"{{ "my project name" | titlecase }}{{ "x  ÉTÉ-a" | titlecase }}"#, "My Project NameX  Été-a"),
        (r#"{{ "a b c a" | split: " " | intersect: data.tags }}[{{ nil | intersect: data.tags }}]"#, "ab[]"),
        (r##"{{ "# Hello" | from_markdown }}"##, "<h1>Hello</h1>"),
        (r#"{{ "1.0.0" | compare_versions: "2.0.0" }}{{ "1.0.0-a" | compare_versions: "1.0.0" }}"#, "-1-1"),
        (r#"{{ "1.0.0+x" | compare_versions: "1.0.0+y" }}[{{ "1.0" | compare_versions: "1.0.0" }}]"#, "0[]"),
    ]);
}

#[test]
fn errors_name_what_is_wrong() {
    for (source, want) in [
        ("{{ x | nope }}", "unknown filter \"nope\""),
        ("{% include 'a' %}", "unknown tag \"include\""),
        ("{% liquid echo 1 %}", "unknown tag \"liquid\""),
        ("{% t %}a", "t is not closed with endt"),
        ("{% t x %}a{% endt %}", "expected the end of the markup, found \"x\""),
        ("{% t %}{% t %}a{% endt %}{% endt %}", "t cannot stand inside a translation"),
        ("{{ 'a' | upcase | t }}", "t must be the first filter"),
        ("{{ 'u' | user }}", "stored data cannot be read here"),
        ("{% if true %}", "if is not closed with endif"),
        ("{% endif %}", "endif closes nothing that is open here"),
        ("{% if a %}{% endfor %}", "endfor closes nothing that is open here"),
        ("{{ x", "output is not closed with }}"),
        ("{{ 1 | divided_by: 0 }}", "divided_by: division by zero"),
        ("{{ 1 | modulo: 0 }}", "modulo: modulo by zero"),
        ("{{ 'x' | upcase: 1 }}", "upcase: takes at most 0 arguments, 1 given"),
        ("{{ '#' | base64_decode }}", "base64_decode: input is not base64"),
        ("{% if 1 > 'a' %}{% endif %}", "cannot order a number and a text"),
        ("{{ data. }}", "expected a property name after the dot, found nothing"),
    ] {
        assert_eq!(render(source), Err(want.to_owned()), "{source}");
    }
}

#[test]
fn strict_renders_refuse_missing_names() {
    let strict = RenderOptions::at(NOW).strict();
    for (source, want) in [
        ("{{ data.nope }}", Err("data.nope is not defined")),
        ("{{ data.nope | default: 'd' }}", Ok("d")),
        ("{{ data.nope | upcase | default: 'd' }}", Ok("d")),
        ("{{ data.none }}", Ok("")),
        ("{{ data.tags[7] }}", Err("data.tags[7] is not defined")),
        ("{% assign a = nope %}", Err("nope is not defined")),
    ] {
        let got = Template::parse(source).unwrap().render(&scope(), &strict).map_err(|error| error.message);
        assert_eq!(got.as_deref().map_err(String::as_str), want, "{source}");
    }
}

#[test]
fn a_single_output_keeps_its_type() {
    for (source, want) in [
        ("{{ data.tags }}", Some(json!(["a", "b"]))),
        ("{{ data.tags | size }}", Some(json!(2))),
        ("{{ price | times: 2 }}", Some(json!(366.714))),
        ("{{ data.large }}", Some(json!(18446744073709551615u64))),
        ("{{ nope }}", Some(Json::Null)),
        (" {{ data.tags }}", None),
        ("{{ 1 }}{{ 2 }}", None),
    ] {
        let got = Template::parse(source).unwrap().evaluate_single(&scope(), &RenderOptions::at(NOW));
        assert_eq!(got, Ok(want), "{source}");
    }
}

#[test]
fn knows_what_it_reads() {
    for (source, root, want) in [
        ("{{ data.x }}", "data", true),
        ("{{ page_name }}", "data", true),
        ("{{ recipient.name }}", "data", false),
        ("{% if a contains tenant.id %}{% endif %}", "tenant", true),
        ("{{ x | append: vars.y }}", "vars", true),
        ("{{ [x] }}", "actor", true),
        ("text", "data", false),
        ("{{ vars.a }}", "vars.a", true),
        ("{{ vars['a'].b | upcase }}", "vars.a", true),
        ("{% if x == vars.a %}{% endif %}", "vars.a", true),
        ("{{ vars.b }}{{ x.vars.a }}", "vars.a", false),
        ("{{ vars[x] }}", "vars.a", true),
        ("{% assign all = vars %}", "vars.a", true),
        ("{{ [x].a }}", "vars.a", true),
        ("{% t %}a{% endt %}", "vars.a", true),
        ("{{ a }}", "vars.a", false),
        ("{{ vars.a }}", "data", false),
    ] {
        assert_eq!(Template::parse(source).unwrap().mentions(root), want, "{source} {root}");
    }
    assert_eq!(Template::parse("plain { text }").unwrap().is_static(), Some("plain { text }"));
    assert_eq!(Template::parse("").unwrap().is_static(), Some(""));
    assert_eq!(Template::parse("{{ x }}").unwrap().is_static(), None);
}

#[test]
fn digests_are_hex() {
    check(&[
        ("{{ 'user_1' | md5 }}", "3f49044c1469c6990a665f46ec6c0a41"),
        ("{{ 'user_1' | sha256 }}", "79b0aa0042b3c05617c378046a6553ec2cd81e9995959a6012f9b497a18ec82b"),
        (
            "{{ 'user_1' | hmac_sha256: 'some-key' }}",
            "a1b00f225460fef16138bc33ff5ae556fc59bb52b10d2e9e93aba1a00a5ca353",
        ),
    ]);
}

#[test]
fn numbers_and_money_are_written_as_the_locale_does() {
    check(&[
        ("{{ 10000 | format_number: 'en' }} {{ 10000 | format_number: 'de' }}", "10,000 10.000"),
        ("{{ 10 | currency }} {{ 10 | currency: 'GBP', 'en' }}", "$10.00 £10.00"),
        ("{{ 1234.5 | currency: 'EUR', 'de' }}", "1.234,50\u{a0}€"),
        ("{{ 10.99 | rounded_currency: 'GBP', 'en' }}", "£11"),
        ("{{ nil | currency | default: 'free' }}", "free"),
        ("{{ '12.5' | currency: 'JPY', 'ja_JP' }}", "￥12"),
    ]);
    assert!(render("{{ 1 | currency: 'dollars' }}").is_err());
}

#[test]
fn dates_are_written_as_the_locale_does() {
    let new_york = "'2023-12-31T19:30:45Z' | timezone: 'America/New_York'";
    let london = "'2023-12-31T14:30:45Z' | timezone: 'Europe/London'";
    for (locale, zone, date, want_date, want_time) in [
        ("en-US", new_york, "short", "12/31/23", "2:30 PM"),
        ("en-US", new_york, "medium", "Dec 31, 2023", "2:30:45 PM"),
        ("en-US", new_york, "long", "December 31, 2023", "2:30:45 PM EST"),
        ("en-US", new_york, "full", "Sunday, December 31, 2023", "2:30:45 PM Eastern Standard Time"),
        ("en-GB", london, "short", "31/12/2023", "14:30"),
        ("en-GB", london, "medium", "31 Dec 2023", "14:30:45"),
        ("en-GB", london, "long", "31 December 2023", "14:30:45 GMT"),
        ("en-GB", london, "full", "Sunday, 31 December 2023", "14:30:45 Greenwich Mean Time"),
    ] {
        let date_only = format!("{{{{ {zone} | format_date_in_locale: '{locale}', '{date}' }}}}");
        assert_eq!(render(&date_only).as_deref(), Ok(want_date), "{date_only}");
        let with_time =
            format!("{{{{ {zone} | format_datetime_in_locale: '{locale}', 'short', '{date}' }}}}");
        let got = render(&with_time).expect("it renders");
        assert!(got.ends_with(&format!(", {want_time}")), "{with_time}: {got}");
    }
    check(&[
        ("{{ '2023-12-31T14:30:45Z' | format_date_in_locale: 'en-GB', 'long' }}", "31 December 2023"),
        (
            "{{ '2023-12-31T14:30:45Z' | format_datetime_in_locale: 'en-GB', 'medium', 'short' }}",
            "31 Dec 2023, 14:30",
        ),
        (
            "{{ '2023-12-31T14:30:45Z' | format_datetime_in_locale: 'en', 'long', 'short' }}",
            "December 31, 2023 at 2:30 PM",
        ),
        (
            "{{ '2023-12-31T14:30:45Z' | format_datetime_in_locale: 'en', 'short', 'full' }}",
            "12/31/23, 2:30:45 PM Coordinated Universal Time",
        ),
        (
            "{{ '2023-12-31T14:30:45Z' | format_datetime_in_locale: 'en', 'short', 'long' }}",
            "12/31/23, 2:30:45 PM UTC",
        ),
        (
            "{{ '2023-12-31T14:30:45+05:30' | format_datetime_in_locale: 'en', 'short', 'long' }}",
            "12/31/23, 2:30:45 PM GMT+5:30",
        ),
        (
            "{{ '2023-07-01T12:00:00Z' | timezone: 'Europe/London' | format_datetime_in_locale: 'en-GB', 'short', 'full' }}",
            "01/07/2023, 13:00:00 British Summer Time",
        ),
        (
            "{{ '2023-12-31T14:30:45Z' | format_date_in_locale: 'de-AT', 'full' }}",
            "Sonntag, 31. Dezember 2023",
        ),
        ("{{ 'soon' | format_date_in_locale: 'de' }}", "soon"),
    ]);
}
