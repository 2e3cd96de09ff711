//! The links in `vars` (templates.md T4.1): what each kind of run has, and that they open the recipient's own pages.

use serde_json::{Value, json};

use super::{one_click, path_of};
use crate::kit::{Kit, on_both, steps};

const BOTH: &str = "{{ vars.commercial_unsubscribe_url }} {{ vars.manage_preferences_url }}";

async fn enable_center(kit: &Kit, is_enabled: bool) {
    let path = "/v1/preference_center?environment=development";
    kit.service.put(path, json!({"config": {}, "enabled": is_enabled})).await.ok();
}

async fn workflow(kit: &Kit, is_commercial: bool, list: Value) {
    let settings = json!({"is_commercial": is_commercial});
    kit.workflow_with("links", json!({"steps": list, "settings": settings})).await;
}

/// Which links a message to a recipient shows, in order, by the first letter of their path.
async fn shown(kit: &Kit, recipient: Value) -> (String, Vec<String>) {
    kit.advance("PT1S").await;
    let run = kit.trigger("links", json!({"recipients": [recipient]})).await;
    let message = kit.messages(&run).await.remove(0);
    let id = message["id"].as_str().expect("an id").to_owned();
    let content = kit.get(&format!("/v1/messages/{id}/content")).await.ok().to_string();
    let base = format!("http://{}", kit.server().address);
    let links: Vec<String> = content
        .split(&base)
        .skip(1)
        .map(|rest| {
            rest.split(|c: char| !c.is_ascii_alphanumeric() && !"-_./".contains(c)).next().unwrap_or_default()
        })
        .map(|path| path.trim_end_matches('.').to_owned())
        .collect();
    (links.iter().filter_map(|link| link.chars().nth(1)).collect(), links)
}

#[test]
fn each_run_has_the_links_that_are_its_own() {
    on_both(async |kit| {
        let user = || json!({"id": "ada", "phone_number": "+15551234567", "email": "ada@acme.test"});
        let team = || json!({"id": "t1", "collection": "teams", "phone_number": "+15551234567"});
        let text = || json!([steps::sms("text", BOTH)]);
        for (has_center, is_commercial, of_user, of_object) in
            [(false, false, "", ""), (false, true, "u", "u"), (true, true, "up", "u"), (true, false, "p", "")]
        {
            enable_center(kit, has_center).await;
            workflow(kit, is_commercial, text()).await;
            assert_eq!(
                shown(kit, user()).await.0,
                of_user,
                "center {has_center}, commercial {is_commercial}"
            );
            assert_eq!(
                shown(kit, team()).await.0,
                of_object,
                "center {has_center}, commercial {is_commercial}"
            );
        }
        // They open what is the recipient's own, also of who was identified by this very trigger.
        workflow(kit, true, text()).await;
        let (_, links) = shown(kit, json!({"id": "new", "phone_number": "+15551234567"})).await;
        let page = kit.nobody.get(&links[1]).await;
        assert_eq!((page.status, page.text.contains("<form")), (200, true), "{}", links[1]);
        let signed = kit.post("/v1/users/new/preference_center/signed_url", json!({})).await.ok();
        assert_eq!(path_of(signed["url"].as_str().expect("a URL")), links[1]);
        one_click(kit, &links[0]).await.ok();
        let set = kit.get("/v1/users/new/preferences/default").await.ok();
        assert_eq!(set["commercial_subscribed"], false);
        // Switched off, it is gone at once.
        enable_center(kit, false).await;
        assert_eq!(shown(kit, user()).await.0, "u");
    });
}

#[test]
fn wherever_vars_are_read() {
    on_both(async |kit| {
        enable_center(kit, true).await;
        let partial = json!({"partial": {"name": "Leave", "type": "text", "content": BOTH}});
        kit.service.put("/v1/partials/leave?environment=development&commit=true", partial).await.ok();
        let layout = json!({"name": "Frame", "text_layout": "{{ content }}",
            "html_layout": "<body>{{ content }}<a href=\"{{ vars.commercial_unsubscribe_url }}\">x</a></body>",
            "branding_overrides": {"primary_color": "#123456"}});
        let path = "/v1/email_layouts/frame?environment=development&commit=true";
        kit.service.put(path, json!({"email_layout": layout})).await.ok();
        let ada = || json!({"id": "ada", "phone_number": "+15551234567", "email": "ada@acme.test"});
        let email = |html: &str, layout: Value| {
            json!({"ref": "mail", "type": "channel", "channel_key": "email", "template":
                {"subject": "S", "html_body": html, "text_body": "T", "settings": {"layout_key": layout}}})
        };
        let in_layout = email("{{ vars.branding.primary_color }}", "frame".into());
        for (step, want) in [
            (steps::sms("s", "{% render 'leave' %}"), "up"),
            (steps::sms("s", "{% assign name = 'manage_preferences_url' %}{{ vars[name] }}"), "p"),
            (steps::sms("s", "{{ vars.app_name }}"), ""),
            (in_layout, "u"),
            // A bare address in Markdown is a link: its target and its text.
            (steps::feed("f", BOTH), "uupp"),
        ] {
            workflow(kit, true, json!([step])).await;
            let (found, _) = shown(kit, ada()).await;
            assert_eq!(found, want, "{step}");
        }
        // Conditions read them by name, and a step's own variables do not stay for the next one's conditions.
        for (is_commercial, want) in [(true, vec!["a", "b"]), (false, vec!["a"])] {
            let b = steps::when(
                steps::sms("b", "B"),
                &[("vars.commercial_unsubscribe_url", "exists", Value::Null)],
            );
            workflow(kit, is_commercial, json!([steps::sms("a", BOTH), b])).await;
            kit.advance("PT1S").await;
            let run = kit.trigger("links", json!({"recipients": [ada()]})).await;
            assert_eq!(kit.steps(&run).await, want, "{is_commercial}");
        }
    });
}
