//! The stored form.

use serde_json::json;

use super::{Shelf, branch_step, sms};
use crate::workflow::normalize;

#[test]
fn normalizes_to_the_stored_form() {
    let pushed = json!({
        "$schema": "x", "key": "w", "__readonly": {}, "active": true, "sha": "1", "custom": 1,
        "name": "W", "description": null, "categories": [], "tags": ["t"], "conditions": {},
        "settings": {"is_commercial": false, "override_preferences": null, "other": 1},
        "trigger_data_json_schema": {"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"a@": {}}},
        "steps": [
            {"ref": "email_1", "type": "channel", "channel_key": "email", "conditions": null, "__annotation": {},
             "template": {"subject": "", "html_body@": "a.html", "html_body": "a\r\n",
                          "settings": {"layout_key": null, "__annotation": {}}}},
            branch_step("fork", json!([{"name": "only", "steps": [sms("sms_1")], "terminates": false}])),
            {"ref": "email_2", "type": "channel", "channel_key": "email",
             "template": {"settings": {"attachment_key": "files"}}},
        ],
    });
    let want = json!({
        "name": "W", "tags": ["t"], "settings": {"is_commercial": false}, "trigger_frequency": "every_trigger",
        "trigger_data_json_schema": {"$schema": "http://json-schema.org/draft-07/schema#", "properties": {"a@": {}}},
        "steps": [
            {"ref": "email_1", "type": "channel", "channel_key": "email", "channel_type": "email", "conditions": null,
             "template": {"subject": "", "html_body": "a\r\n",
                          "settings": {"attachment_key": "attachments", "layout_key": null}}},
            {"ref": "fork", "type": "branch", "branches": [{"name": "only", "terminates": false, "steps": [
                {"ref": "sms_1", "type": "channel", "channel_key": "sms", "channel_type": "sms",
                 "template": {"text_body": "Hi"}},
            ]}]},
            {"ref": "email_2", "type": "channel", "channel_key": "email", "channel_type": "email",
             "template": {"settings": {"attachment_key": "files"}}},
        ],
    });
    let stored = normalize(&pushed, &Shelf);
    assert_eq!(stored, want);
    assert_eq!(normalize(&stored, &Shelf), stored);
    assert_eq!(normalize(&json!("no object"), &Shelf), json!({"trigger_frequency": "every_trigger"}));
}
