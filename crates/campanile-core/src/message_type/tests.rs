use serde_json::json;

use super::*;

fn document(fields: Value) -> Value {
    json!({"name": "Banner", "description": null, "preview": "<b>",
        "variants": [{"key": "default", "name": "Default", "fields": fields}]})
}

fn problems(document: &Value) -> Vec<String> {
    let found = check(document, &|_| None).err().unwrap_or_default();
    found.into_iter().map(|problem| format!("{} {}", problem.field, problem.message)).collect()
}

fn text(key: &str, settings: Value) -> Value {
    json!({"type": "text", "key": key, "label": key, "settings": settings})
}

#[test]
fn documents_are_checked_all_at_once() {
    let field = || text("title", json!({}));
    for (change, want) in [
        (json!({}), vec![]),
        (json!({"preview": ""}), vec![]),
        (
            json!({"name": null, "preview": null, "description": "x".repeat(281)}),
            vec![
                "description should be at most 280 character(s)",
                "name can't be blank",
                "preview can't be blank",
            ],
        ),
        (json!({"variants": null}), vec!["variants must include a variant with key \"default\""]),
        (json!({"variants": []}), vec!["variants must include a variant with key \"default\""]),
        (
            json!({"variants": 7}),
            vec!["variants is invalid", "variants must include a variant with key \"default\""],
        ),
        (
            json!({"variants": [{"key": "default", "name": "D", "fields": [field()]}, {"key": "default", "name": "D", "fields": []}]}),
            vec!["variants[1].fields can't be blank", "variants[1].key has already been taken"],
        ),
        (
            json!({"variants": [{"key": "default", "name": "D", "fields": [field(), field(), {"type": "dance", "key": "x"}]}]}),
            vec!["variants[0].fields[1].key has already been taken", "variants[0].fields[2].type is invalid"],
        ),
    ] {
        let mut whole = document(json!([field()]));
        whole.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        assert_eq!(problems(&whole), want, "{change}");
    }
}

#[test]
fn settings_are_checked() {
    const DEFAULT: &str = "variants[0].fields[0].settings.default";
    let at = |place: &str, why: &str| vec![format!("variants[0].fields[0].{place} {why}")];
    let button = |text_key: &str| {
        json!({"type": "button", "key": "b", "label": "B",
            "text": text(text_key, json!({})), "action": text("action", json!({}))})
    };
    for (field, want) in [
        // The worked example of section 18.
        (
            json!({"type": "number", "key": "n", "label": "N", "settings": {"min": 0, "max": 5, "default": 9}}),
            vec![format!("{DEFAULT} must be less than or equal to 5")],
        ),
        (
            json!({"type": "number", "key": "n", "settings": {"min": null, "default": "4", "unitLabel": "px"}}),
            vec![],
        ),
        (
            json!({"type": "number", "key": "n", "settings": {"min": 3, "max": 1}}),
            at("settings.max", "must be greater than or equal to min"),
        ),
        (
            json!({"type": "text", "key": "t", "settings": {"maxLength": 2, "default": "abc"}}),
            vec![format!("{DEFAULT} should be at most 2 character(s)")],
        ),
        (
            json!({"type": "text", "key": "t", "settings": {"max_length": 2, "default": "{{ data.x }}"}}),
            vec![],
        ),
        (
            json!({"type": "text", "key": "t", "settings": {"min_length": -1}}),
            at("settings.min_length", "is invalid"),
        ),
        (
            json!({"type": "text", "key": "t", "settings": {"required": "yes"}}),
            at("settings.required", "is invalid"),
        ),
        (
            json!({"type": "select", "key": "s", "settings": {"options": []}}),
            at("settings.options", "can't be blank"),
        ),
        (
            json!({"type": "select", "key": "s", "settings": {"options": [{"value": "a"}, {"value": "a"}, {}], "default": "b"}}),
            vec![
                format!("{DEFAULT} is invalid"),
                "variants[0].fields[0].settings.options[1].value has already been taken".to_owned(),
                "variants[0].fields[0].settings.options[2].value can't be blank".to_owned(),
            ],
        ),
        (
            json!({"type": "color", "key": "c", "settings": {"default": "#12345"}}),
            vec![format!("{DEFAULT} has invalid format")],
        ),
        (
            json!({"type": "json", "key": "j", "settings": {"schema": {"type": "object"}, "default": {"a": 1}}}),
            vec![],
        ),
        (button("text"), vec![]),
        (button("label"), at("text.key", "is invalid")),
        (
            json!({"type": "image", "key": "i", "url": text("url", json!({})), "alt": null}),
            vec![
                "variants[0].fields[0].action can't be blank".to_owned(),
                "variants[0].fields[0].alt can't be blank".to_owned(),
                "variants[0].fields[0].url.type is invalid".to_owned(),
            ],
        ),
    ] {
        assert_eq!(problems(&document(json!([field]))), want, "{field}");
    }
    let list = json!({"type": "list", "key": "l", "settings": {"itemSchema": {"type": 7}}});
    assert!(
        problems(&document(json!([list])))[0]
            .starts_with("variants[0].fields[0].settings.item_schema is not")
    );
}

#[test]
fn content_is_written_in_one_spelling_and_stays() {
    let written = document(
        json!([{"$schema": "x", "type": "text", "key": "t", "settings": {"minLength": 1, "maxLength": null}}]),
    );
    let content = check(&written, &|_| None).unwrap();
    assert_eq!(
        content["variants"][0]["fields"],
        json!([{"type": "text", "key": "t", "label": null, "settings": {"min_length": 1}}])
    );
    assert!(content.get("description").is_none());
    assert_eq!(check(&content, &|_| None).unwrap(), content);
    assert!(MessageType::read(&content).is_some());
    for key in BUILTIN {
        let content = check(&builtin(key).unwrap(), &|_| None).unwrap();
        assert_eq!(check(&content, &|_| None).unwrap(), content, "{key}");
        let read = MessageType::read(&content).unwrap();
        assert!(
            ["default", "single-action", "multi-action"].iter().all(|key| read.variant(key).is_some()),
            "{key}"
        );
        let mut problems = Problems::default();
        read.variants[2].check(&json!({"title": "T", "body": "B"}), "values", &mut problems);
        assert!(problems.is_empty(), "{key}: buttons have defaults");
    }
}

#[test]
fn values_follow_their_fields() {
    let options = json!({"options": [{"value": "a"}, {"value": "b"}]});
    let item = json!({"type": "object", "required": ["q"]});
    let content = document(json!([
        text("title", json!({"required": true, "max_length": 3})),
        {"type": "boolean", "key": "flag", "settings": {"required": true, "default": true}},
        {"type": "number", "key": "n", "settings": {"min": 0, "max": 5}},
        {"type": "color", "key": "c"},
        {"type": "url", "key": "u"},
        {"type": "select", "key": "s", "settings": options},
        {"type": "multi_select", "key": "m", "settings": options},
        {"type": "json", "key": "j", "settings": {"schema": {"type": "object"}}},
        {"type": "list", "key": "l", "settings": {"item_schema": item}},
        {"type": "button", "key": "b", "text": text("text", json!({"required": true})), "action": text("action", json!({}))},
    ]));
    let kept = check(&content, &|_| None).unwrap();
    let read = MessageType::read(&kept).unwrap();
    let variant = read.variant("default").unwrap();
    for (values, want) in [
        (json!({"title": "abc"}), vec![]),
        (json!({"title": "e\u{301}e\u{301}e\u{301}"}), vec![]),
        (json!({"title": "abcd"}), vec!["title should be at most 3 character(s)"]),
        (json!({"title": "{{ recipient.name }}"}), vec![]),
        (json!(null), vec!["title is required"]),
        (json!({"title": ""}), vec!["title is required"]),
        (json!({"title": 7}), vec!["title is invalid"]),
        (
            json!({"title": "a", "flag": "false", "n": "5", "c": "#fff", "u": "/a?b=c", "s": "a", "m": ["a", "b"]}),
            vec![],
        ),
        (
            json!({"title": "a", "flag": "yes", "n": 5.5, "c": "red", "u": "a b", "s": "x", "m": ["a", "x"]}),
            vec![
                "c has invalid format",
                "flag is invalid",
                "m[1] is invalid",
                "n must be less than or equal to 5",
                "s is invalid",
                "u has invalid format",
            ],
        ),
        (json!({"title": "a", "c": "{{ vars.branding.primary_color }}", "u": "{{ data.url }}"}), vec![]),
        (json!({"title": "a", "j": {"x": 1}, "l": [{"q": 1}], "b": {"text": "Go"}}), vec![]),
        (json!({"title": "a", "j": "{\"x\": 1}", "l": "[{\"q\": \"{{ data.q }}\"}]"}), vec![]),
        (
            json!({"title": "a", "j": [], "l": [{}], "b": {"action": "/", "size": 1}}),
            vec!["b.size is invalid", "b.text is required", "l[0] \"q\" is a required property"],
        ),
        (
            json!({"title": "a", "j": [1], "l": {}, "b": "Go"}),
            vec!["b is invalid", "j [1] is not of type \"object\"", "l is invalid"],
        ),
        (json!({"title": "a", "j": "{"}), vec!["j is not valid JSON"]),
        (json!({"title": "a", "title@": "x", "unknown": 1}), vec![]),
    ] {
        let mut problems = Problems::default();
        variant.check(&values, "", &mut problems);
        let found = problems.into_result(()).err().unwrap_or_default();
        let found: Vec<_> =
            found.iter().map(|p| format!("{} {}", p.field.trim_start_matches('.'), p.message)).collect();
        assert_eq!(found, want, "{values}");
    }
    let known = variant.known(&json!({"title": "a", "x@": "y", "b": {"text": "t", "__annotation": {}}}));
    assert_eq!(Value::Object(known), json!({"title": "a", "b": {"text": "t"}}));
    let schema = variant.json_schema();
    assert_eq!(schema["required"], json!(["title", "flag"]));
    assert_eq!(schema["properties"]["s"], json!({"type": "string", "enum": ["a", "b"]}));
    assert_eq!(schema["properties"]["b"]["required"], json!(["text"]));
    assert_eq!(schema["properties"]["l"], json!({"type": "array", "items": item}));
}
