//! Templates that are broken, hostile or merely odd: refused with field and place at upsert, or a defined result, and the
//! run's events say which (templates.md 2.4, T2.12, T6.8).

use serde_json::{Value, json};

use crate::kit::{Kit, on_both, steps};

/// Why the only step of a run failed.
async fn failure(kit: &Kit, template: &str, data: Value) -> String {
    kit.workflow("broken", json!([steps::feed("feed_1", template)])).await;
    kit.advance("PT1S").await;
    let run = kit.trigger("broken", json!({"recipients": ["ada"], "data": data})).await;
    let log = kit.log_of_run(&run, "ada").await;
    let failed = log.iter().find(|event| event.event == "step_failed");
    let reason = failed.and_then(|event| event.data["reason"].as_str()).unwrap_or_default();
    assert!(failed.is_some_and(|event| event.is_error), "{template}: {log:?}");
    assert_eq!(kit.messages(&run).await.len(), 0, "{template}");
    reason.to_owned()
}

#[test]
fn syntax_is_refused_at_upsert_with_field_and_line() {
    on_both(async |kit| {
        for (template, message) in [
            ("a\n{% if data.a %}b", "if is not closed with endif (line 2)"),
            (
                "{% for i in data.list %}{% if i %}{% endfor %}",
                "endfor closes nothing that is open here (line 1)",
            ),
            ("a\n\nb {{ data.a", "output is not closed with }} (line 3)"),
            ("{% if data.a", "tag is not closed with %} (line 1)"),
            ("{{ data.a | upcase | shout }}", "unknown filter \"shout\" (line 1)"),
            ("\n{% include 'a' %}", "unknown tag \"include\" (line 2)"),
            ("{% render data.key %}", "expected the key of a partial in quotes, found \"data\" (line 1)"),
            ("{% t %}{% t %}a{% endt %}{% endt %}", "t cannot stand inside a translation (line 1)"),
        ] {
            let workflow = json!({"workflow": {"name": "B", "steps": [steps::feed("feed_1", template)]}});
            let answer = kit.service.put("/v1/workflows/broken?environment=development", workflow).await;
            let fields = answer.refused(422, "invalid_params");
            assert_eq!(fields, ["steps[0].template.markdown_body"], "{template}");
            let told = answer.json["errors"][0]["message"].as_str().unwrap_or_default();
            assert!(
                told.starts_with("has invalid Liquid syntax") && told.contains(message),
                "{template}: {told}"
            );
        }
    });
}

#[test]
fn what_runs_away_is_stopped_and_the_run_says_where() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        let doubled = "{% assign s = 'xxxxxxxx' %}{% for i in (1..23) %}{% capture s %}{{ s }}{{ s }}{% endcapture %}{% endfor %}{{ s | size }}";
        for (template, message, place) in [
            (
                "{% for i in (1..1000000000) %}{% endfor %}",
                "more than 100000 loop iterations",
                "line 1, column 8",
            ),
            (
                "a\n{% for i in (1..99999) %}{% for j in (1..99999) %}{% endfor %}{% endfor %}",
                "loop iterations",
                "line 2",
            ),
            // 8 bytes doubled 23 times would be 64 MB.
            (doubled, "output is larger than 5242880 bytes", "line 1"),
            ("{{ 1 | divided_by: data.zero }}", "division by zero", "line 1, column 8"),
            ("{% if 'a' > data.one %}{% endif %}", "cannot order a text and a number", "line 1"),
        ] {
            let reason = failure(kit, template, json!({"zero": 0, "one": 1})).await;
            assert!(reason.contains(message) && reason.contains(place), "{template}: {reason}");
            assert!(reason.contains("markdown_body"), "the field is named: {reason}");
        }
    });
}

#[test]
fn partials_that_render_each_other_end_at_the_depth() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        let save = async |key: &str, content: &str| {
            let path = format!("/v1/partials/{key}?environment=development&commit=true");
            let body = json!({"partial": {"name": key, "type": "text", "content": content}});
            kit.service.put(&path, body).await.ok();
        };
        save("ping", "ping").await;
        save("pong", "{% render 'ping' %}").await;
        save("ping", "{% render 'pong' %}").await;
        save("self", "not yet").await;
        save("self", "{% render 'self' %}").await;
        for (template, key) in [("{% render 'ping' %}", "pong"), ("{% render 'self' %}", "self")] {
            let reason = failure(kit, template, json!({})).await;
            assert!(reason.contains("is nested deeper than 5") && reason.contains(key), "{reason}");
            // However deep it is, it is told at the tag of the template.
            assert!(reason.contains("line 1, column 4"), "{reason}");
        }
    });
}

#[test]
fn odd_text_is_passed_on_as_it_is() {
    on_both(async |kit| {
        kit.users(&["ada"]).await;
        for (template, data, want) in [
            // Right to left, with its marks; a family of one grapheme; a flag.
            ("{{ data.a }}", json!({"a": "\u{202e}שלום\u{202c} مرحبا"}), "\u{202e}שלום\u{202c} مرحبا"),
            ("{{ data.a | slice: 0, 3 }}", json!({"a": "שלום"}), "שלו"),
            ("{{ data.a | truncate: 2, '' }}", json!({"a": "👨‍👩‍👧🇩🇪x"}), "👨‍👩‍👧🇩🇪"),
            // Half a surrogate is no text: JSON with one is refused at the door, and inside a text it parses to nothing.
            (r#"[{{ '"\ud800"' | from_json }}]"#, json!({}), "[]"),
            (r"\ud800 {{ data.a }}", json!({"a": "\\ud800"}), r"\ud800 \ud800"),
            ("{{ data.a | size }}", json!({"a": "\u{fffd}"}), "1"),
        ] {
            kit.workflow("odd", json!([steps::sms("sms_1", template)])).await;
            kit.put("/v1/users/ada", json!({"phone_number": "+15550100"})).await.ok();
            kit.advance("PT1S").await;
            let run = kit.trigger("odd", json!({"recipients": ["ada"], "data": data})).await;
            let messages = kit.messages(&run).await;
            let id = messages[0]["id"].as_str().unwrap_or_default();
            let content = kit.get(&format!("/v1/messages/{id}/content")).await.ok();
            assert_eq!(content["data"]["body"], want, "{template}");
        }
    });
}

#[test]
fn broken_html_still_makes_a_mail() {
    on_both(async |kit| {
        kit.put("/v1/users/ada", json!({"email": "ada@example.com"})).await.ok();
        for html in [
            "<p>Hi <b>there",
            "</div></p>x<",
            "<table><tr><td>a<table>",
            "<!-- open",
            "<p <p>a</p",
            "<style>p{",
            "&#xD800;&nope;",
        ] {
            let mut step = steps::email("email_1", "Hi");
            step["template"]["html_body"] = html.into();
            kit.workflow("html", json!([step])).await;
            kit.advance("PT1S").await;
            let run = kit.trigger("html", json!({"recipients": ["ada"]})).await;
            let events = kit.events_of_run(&run, "ada").await;
            assert!(events.contains(&"message_enqueued".to_owned()), "{html}: {events:?}");
        }
    });
}

#[test]
fn a_text_message_says_how_many_segments_it_takes() {
    on_both(async |kit| {
        kit.put("/v1/users/ada", json!({"phone_number": "+15550100"})).await.ok();
        kit.workflow("text", json!([steps::sms("sms_1", "{{ data.text }}")])).await;
        for (text, want) in [
            ("a".repeat(160), json!({"encoding": "GSM-7", "units": 160, "count": 1})),
            ("€".repeat(81), json!({"encoding": "GSM-7", "units": 162, "count": 2})),
            ("я".repeat(71), json!({"encoding": "UCS-2", "units": 71, "count": 2})),
        ] {
            kit.advance("PT1S").await;
            let run = kit.trigger("text", json!({"recipients": ["ada"], "data": {"text": text}})).await;
            let log = kit.log_of_run(&run, "ada").await;
            let enqueued = log.iter().find(|event| event.event == "message_enqueued").expect("it was made");
            assert_eq!(enqueued.data["segments"], want);
        }
    });
}
