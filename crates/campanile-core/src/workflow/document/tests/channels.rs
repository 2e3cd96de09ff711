//! Channel steps, their templates and send windows.

use serde_json::{Value, json};

use super::{check_step, read, sms};
use crate::workflow::{SendWindow, StepKind};

#[test]
fn judges_channels() {
    let step = |extra: Value| {
        let mut step = json!({"type": "channel", "ref": "c", "template": {"text_body": "Hi"}});
        step.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        step
    };
    check_step(step(json!({"channel_key": "sms", "channel_type": "sms"})), &[]);
    check_step(step(json!({})), &["channel_key can't be blank"]);
    check_step(step(json!({"channel_key": 1})), &["channel_key is invalid"]);
    check_step(step(json!({"channel_key": "pigeon"})), &["channel_key does not exist"]);
    check_step(
        step(json!({"channel_group_key": "all"})),
        &["channel_group_key is not available in this version"],
    );
    check_step(
        step(json!({"channel_key": "sms", "channel_group_key": "all"})),
        &["channel_group_key cannot be set together with channel_key"],
    );
    check_step(step(json!({"channel_key": "sms", "channel_type": "pigeon"})), &["channel_type is invalid"]);
    check_step(
        step(json!({"channel_key": "sms", "channel_type": "push"})),
        &["channel_type does not match the type of the channel", "template.title can't be blank"],
    );
    check_step(
        step(json!({"channel_key": "in-app-guide", "guide_key": "tour"})),
        &["channel_type is not available in this version"],
    );
    check_step(
        step(json!({"channel_key": "sms", "channel_overrides": {"link_tracking": "yes"}})),
        &["channel_overrides.link_tracking is invalid"],
    );
}

#[test]
fn judges_templates() {
    let check = |channel: &str, template: Value, want: &[&str]| {
        let want: Vec<_> = want.iter().map(|problem| format!("template.{problem}")).collect();
        check_step(
            json!({"type": "channel", "ref": "c", "channel_key": channel, "template": template}),
            &want.iter().map(String::as_str).collect::<Vec<_>>(),
        );
    };
    check("email", json!({}), &["html_body can't be blank", "subject can't be blank"]);
    for (bodies, want) in [
        (json!({"html_body": "<p>", "visual_blocks": []}), None),
        (json!({"html_body": "", "visual_blocks": [{"type": "divider"}]}), None),
        (json!({"html_body": null, "visual_blocks": [1]}), None),
        (json!({"visual_blocks": []}), Some("html_body can't be blank")),
        (json!({"visual_blocks": "x", "html_body": "<p>"}), Some("visual_blocks is invalid")),
        (
            json!({"html_body": "<p>", "visual_blocks": [{}]}),
            Some("html_body cannot be set together with visual_blocks"),
        ),
    ] {
        let mut template = bodies;
        template["subject"] = "Hi".into();
        check("email", template, want.as_slice());
    }
    check(
        "email",
        json!({"subject": 1, "markdown_body": "Hi", "is_mjml": "no", "settings": {"layout_key": "fancy"}}),
        &[
            "html_body can't be blank",
            "is_mjml is invalid",
            "markdown_body is not available in this version",
            "settings.layout_key does not exist",
            "subject is invalid",
        ],
    );
    check("email", json!({"subject": "Hi", "html_body": "<p>", "settings": {"layout_key": null}}), &[]);
    check("sms", json!({"text_body": " "}), &["text_body can't be blank"]);
    check("push", json!({"title": "", "text_body": "Hi"}), &["title can't be blank"]);
    check("push", json!({"title": "", "text_body": "", "settings": {"delivery_type": "silent"}}), &[]);
    check(
        "push",
        json!({"title": "A", "text_body": "B", "settings": {"delivery_type": "loud", "payload_overrides": 1}}),
        &["settings.delivery_type is invalid", "settings.payload_overrides is invalid"],
    );
    check("chat", json!({"summary": "Hi"}), &["markdown_body can't be blank"]);
    check("chat", json!({"json_body": "{}"}), &[]);
    check(
        "in-app-feed",
        json!({"action_buttons": [{"label": "A", "action": "/a"}, {"label": "B"}, {"label": "C", "action": "/c"}]}),
        &[
            "action_buttons should have at most 2 item(s)",
            "action_buttons[1].action can't be blank",
            "markdown_body can't be blank",
        ],
    );
    check("webhook", json!({}), &["method can't be blank", "url can't be blank"]);
    check(
        "webhook",
        json!({"method": "POST", "url": "https://a.test", "headers": [{"value": 1}], "query_params": "{{ data.q }}"}),
        &["headers[0].key can't be blank", "headers[0].value is invalid", "method is invalid"],
    );
    check_step(json!({"type": "channel", "ref": "c", "channel_key": "sms"}), &["template can't be blank"]);
}

#[test]
fn judges_send_windows() {
    let days = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];
    let week = |edit: &dyn Fn(&mut Vec<Value>)| {
        let mut week: Vec<_> = days
            .iter()
            .map(|day| match *day {
                "saturday" | "sunday" => json!({"day": day, "type": "do_not_send", "from": null}),
                day => json!({"day": day, "type": "send", "from": "09:00", "until": "17:00:30"}),
            })
            .collect();
        edit(&mut week);
        let mut step = sms("s");
        step["send_windows"] = week.into();
        step
    };
    let workflow = read(json!([week(&|_| {})]));
    let StepKind::Channel(step) = &workflow.steps[0].kind else { panic!("a channel step") };
    let windows = step.send_windows.unwrap();
    assert_eq!(windows[0], SendWindow::Open { from: 9 * 3_600, until: 17 * 3_600 + 30 });
    assert_eq!((windows[5], windows[6]), (SendWindow::Closed, SendWindow::Closed));

    check_step(week(&|week| week[1] = json!({"day": "monday", "type": "send"})), &[]);
    check_step(
        week(&|week| {
            week.pop();
        }),
        &["send_windows must have one entry for each day of the week"],
    );
    check_step(
        week(&|week| {
            week[1]["day"] = "sunday".into();
            week[2] = json!({"day": "tuesday", "type": "send", "from": "17:00", "until": "17:00"});
            week[3] = json!({"day": "someday", "type": "maybe"});
            week[4] = json!({"day": "thursday", "type": "send", "from": "9", "until": 17});
            week[6]["until"] = "12:00".into();
        }),
        &[
            "send_windows[1].day has already been taken",
            "send_windows[2].until must be later than from",
            "send_windows[3].day is invalid",
            "send_windows[3].type is invalid",
            "send_windows[4].from is invalid",
            "send_windows[4].until is invalid",
            "send_windows[6].until is only allowed with type send",
        ],
    );
    check_step(
        week(&|week| {
            for entry in week.iter_mut() {
                *entry = json!({"day": entry["day"], "type": "do_not_send"});
            }
        }),
        &["send_windows must have a day of type send"],
    );
}
