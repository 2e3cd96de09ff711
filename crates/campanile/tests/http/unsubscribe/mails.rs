//! What messages of commercial workflows carry, from the mail that arrives to the mails that come no more.

use serde_json::{Value, json};

use super::{one_click, path_of};
use crate::kit::db::for_each;
use crate::kit::mailbox::Mailbox;
use crate::kit::{Kit, on_both, steps};

async fn mail_server(kit: &Kit) -> Mailbox {
    let mailbox = Mailbox::start().await;
    let server = json!({"host": "127.0.0.1", "port": mailbox.port, "security": "none"});
    let sender = json!({"from_address": "news@acme.test"});
    let channel = json!({"is_sandbox": false, "provider_settings": server, "channel_settings": sender});
    kit.channel("email", channel).await;
    mailbox
}

/// A header of a mail, which is on one line.
fn header<'m>(mail: &'m str, name: &str) -> Option<&'m str> {
    let (head, _) = mail.split_once("\r\n\r\n").unwrap_or((mail, ""));
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn push(step: &str) -> Value {
    json!({"ref": step, "type": "channel", "channel_key": "push", "template": {"title": "T", "text_body": "B"}})
}

const COMMERCIAL: &str = r#"{"is_commercial": true}"#;

async fn workflow(kit: &Kit, key: &str, is_commercial: bool, list: Value) {
    let settings: Value = serde_json::from_str(if is_commercial { COMMERCIAL } else { "{}" }).expect("JSON");
    kit.workflow_with(key, json!({"steps": list, "settings": settings})).await;
}

async fn skipped(kit: &Kit, run: &str, user: &str) -> Vec<(String, Value)> {
    let log = kit.log_of_run(run, user).await.into_iter();
    let skipped = log.filter(|event| event.event == "step_skipped");
    skipped.map(|event| (event.step.unwrap_or_default(), event.data["reason"].clone())).collect()
}

/// The worked example of delivery.md section 14.
#[test]
fn a_mail_s_own_token_ends_commercial_messages_and_no_others() {
    on_both(async |kit| {
        let mailbox = mail_server(kit).await;
        let push_channel = kit.channel_id("push").await;
        let device = json!({push_channel: {"tokens": ["device"]}});
        kit.put("/v1/users/u1", json!({"email": "u1@acme.test", "channel_data": device})).await.ok();
        let audience = json!({"audience": {"type": "static", "name": "All"}});
        kit.service.put("/v1/audiences/all?environment=development&commit=true", audience).await.ok();
        kit.post("/v1/audiences/all/members", json!({"members": [{"user": {"id": "u1"}}]})).await.ok();
        let broadcast =
            json!({"name": "News", "steps": [steps::email("mail", "News")], "target_audience_key": "all"});
        let path = "/v1/broadcasts/news?environment=development";
        kit.service.put(path, json!({"broadcast": broadcast})).await.ok();
        kit.service.put("/v1/broadcasts/news/send?environment=development", json!({})).await.ok();
        kit.idle().await;

        let mails = mailbox.mails();
        assert_eq!(mails.len(), 1);
        let link = header(&mails[0], "List-Unsubscribe").expect("a commercial mail has one");
        let link = link.strip_prefix('<').and_then(|link| link.strip_suffix('>')).expect("one address");
        let base = format!("http://{}", kit.server().address);
        let path = link.strip_prefix(&base).expect("it leads to us");
        assert!(path.starts_with("/u/") && path.len() < 60, "{path}");
        assert_eq!(header(&mails[0], "List-Unsubscribe-Post"), Some("List-Unsubscribe=One-Click"));

        for _ in 0..2 {
            assert_eq!(one_click(kit, path).await.status, 200);
            let set = kit.get("/v1/users/u1/preferences/default").await.ok();
            assert_eq!(set, crate::preferences::full("default", json!({"commercial_subscribed": false})));
        }
        workflow(kit, "offers", true, json!([steps::email("mail", "Offers"), push("push")])).await;
        let run = kit.trigger("offers", json!({"recipients": ["u1"]})).await;
        let why = json!("preferences_opted_out");
        assert_eq!(skipped(kit, &run, "u1").await, [("mail".into(), why.clone()), ("push".into(), why)]);
        workflow(kit, "password-reset", false, json!([steps::email("mail", "Your password")])).await;
        kit.trigger("password-reset", json!({"recipients": ["u1"]})).await;
        let mails = mailbox.mails();
        assert_eq!(mails.len(), 2);
        assert_eq!(header(&mails[1], "Subject"), Some("Your password"));
        assert!(!mails[1].contains("List-Unsubscribe"), "{}", mails[1]);
    });
}

#[test]
fn objects_are_recipients_like_users() {
    on_both(async |kit| {
        let mailbox = mail_server(kit).await;
        kit.put("/v1/objects/teams/t%201", json!({"email": "team@acme.test"})).await.ok();
        workflow(kit, "offers", true, json!([steps::email("mail", "Offers")])).await;
        let team = json!({"recipients": [{"id": "t 1", "collection": "teams"}]});
        kit.trigger("offers", team.clone()).await;
        let mails = mailbox.mails();
        one_click(kit, &path_of(header(&mails[0], "List-Unsubscribe").expect("a header"))).await.ok();
        let set = kit.get("/v1/objects/teams/t%201/preferences/default").await.ok();
        assert_eq!(set["commercial_subscribed"], false);
        kit.trigger("offers", team).await;
        assert_eq!(mailbox.mails().len(), 1);
    });
}

/// delivery.md R10.7.
#[test]
fn tracking_leaves_the_links_as_they_are() {
    for_each(async |db| {
        let kit = Kit::with(db, |config| config.public_url = Some("https://n.test/".into())).await;
        let center = json!({"config": {}, "enabled": true});
        kit.service.put("/v1/preference_center?environment=development", center).await.ok();
        kit.channel("email", json!({"channel_settings": {"link_tracking": true}})).await;
        let html = "<a href=\"{{ vars.commercial_unsubscribe_url }}\">u</a>\
            <a href=\"{{ vars.manage_preferences_url }}\">p</a><a href=\"https://acme.test\">x</a>";
        let mut step = steps::email("mail", "Offers");
        step["template"]["html_body"] = html.into();
        workflow(&kit, "offers", true, json!([step])).await;
        let run = kit.trigger("offers", json!({"recipients": [{"id": "u1", "email": "u1@acme.test"}]})).await;
        let message = kit.messages(&run).await.remove(0);
        let id = message["id"].as_str().expect("an id");
        let content = kit.get(&format!("/v1/messages/{id}/content")).await.ok();
        let html = content["data"]["html_body"].as_str().unwrap_or_default();
        for part in ["href=\"https://n.test/u/", "href=\"https://n.test/p/", "href=\"https://n.test/l/"] {
            assert_eq!(html.matches(part).count(), 1, "{part} in {html}");
        }
        kit.close().await;
    });
}

#[test]
fn overrides_replace_the_headers_and_logs_show_them() {
    on_both(async |kit| {
        let mailbox = mail_server(kit).await;
        let u1 = json!({"id": "u1", "email": "u1@acme.test"});
        let mut step = steps::email("mail", "Offers");
        step["channel_overrides"] = json!({"json_overrides": json!({"headers": {
            "List-Unsubscribe": "<mailto:leave@acme.test>",
            "List-Unsubscribe-Post": null,
            "X-Leave": "{{ vars.commercial_unsubscribe_url }}",
        }}).to_string()});
        workflow(kit, "offers", true, json!([step])).await;
        kit.trigger("offers", json!({"recipients": [u1]})).await;
        let mail = mailbox.mails().remove(0);
        assert_eq!(header(&mail, "List-Unsubscribe"), Some("<mailto:leave@acme.test>"));
        assert_eq!(header(&mail, "List-Unsubscribe-Post"), None);
        one_click(kit, &path_of(header(&mail, "X-Leave").expect("an override"))).await.ok();

        // The sandbox shows what a mail would carry.
        kit.channel("email", json!({"is_sandbox": true})).await;
        workflow(kit, "more", true, json!([steps::email("mail", "More")])).await;
        let run = kit.trigger("more", json!({"recipients": [{"id": "u2", "email": "u2@acme.test"}]})).await;
        let message = kit.messages(&run).await.remove(0);
        let logs = kit.delivery_logs(message["id"].as_str().expect("an id")).await;
        let headers = &logs[0]["request"]["headers"];
        assert!(headers["List-Unsubscribe"].as_str().is_some_and(|link| link.contains("/u/")), "{headers}");
        assert_eq!(headers["List-Unsubscribe-Post"], "List-Unsubscribe=One-Click");
    });
}
