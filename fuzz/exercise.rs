//! What the fuzz targets do with an input, and what must hold for every input. The stable test
//! `crates/campanile-template/tests/corpus.rs` does the same with the inputs that are kept.
#![allow(dead_code)] // Each target uses one of the two.

use campanile_core::time::Timestamp;
use campanile_template::{
    JsonTemplate, Limits, Load, Loaded, Notes, Partial, PartialKind, Partials, RenderOptions, Template,
    TemplateError, TranslationCatalog, TranslationFile,
};
use serde_json::{Value as Json, json};

/// Divides an input into its texts.
const DIVIDER: char = '\u{1}';
/// 2023-12-31T14:30:45Z
const NOW: Timestamp = Timestamp(1_704_033_045_000_000);
/// Small, so that no input takes long and limits are met often.
const LIMITS: Limits = Limits { output_bytes_max: 64 << 10, loop_steps_max: 2_000, work_max: 2 << 20 };

/// A template, and JSON that is laid over the usual `data`.
pub fn render(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let (source, given) = text.split_once(DIVIDER).unwrap_or((&text, ""));
    let scope = scope(given);
    let options = RenderOptions { limits: LIMITS, ..RenderOptions::at(NOW) };
    match Template::parse(source) {
        Err(error) => check_error(source, &error),
        Ok(template) => check_render(&template, &scope, &options),
    }
    if let Ok(template) = JsonTemplate::parse(source) {
        let _ = template.render_any(&scope, &options);
    }
}

/// A template, partials, and translations.
pub fn composed(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut texts = text.split(DIVIDER);
    let source = texts.next().unwrap_or_default();
    let mut partials = Partials::default();
    let kinds = [("p1", PartialKind::Html), ("p2", PartialKind::Markdown), ("p3", PartialKind::Text)];
    let schema = json!([
        {"key": "n", "type": "number"}, {"key": "on", "type": "boolean"}, {"key": "list", "type": "list"},
        {"key": "md", "type": "markdown"}, {"key": "t", "type": "text", "settings": {"default": "d"}},
    ]);
    for (key, kind) in kinds {
        let content = texts.next().unwrap_or_default();
        match Partial::compile(kind, content, &schema) {
            Ok(partial) => partials.insert(key, partial),
            Err(error) => check_error(content, &error),
        }
    }
    let given: Json = texts.next().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    let own = json!({"hello": "Hello {{ name }}", "deep": {"one": "one", "other": "{{ count }} {{ 'hello' | t }}"}});
    let file = |tenant, content| TranslationFile { locale: "en", namespace: None, tenant, content };
    let catalog = TranslationCatalog::new("en", [file(None, &own), file(Some("acme"), &given)]);
    let translations = catalog.under(Some("acme")).of(Some("en"));
    let mut loaded = Loaded::default();
    loaded.insert(Load::User("u1".to_owned()), json!({"id": "u1", "name": "Ann"}));
    loaded.insert(Load::Subscriptions("u1".to_owned()), json!([{"object": {"id": "o"}, "properties": {}}]));
    let notes = Notes::default();
    let scope = scope("");
    let options = RenderOptions { limits: LIMITS, markdown_to_html: true, ..RenderOptions::at(NOW) }
        .with_partials(&partials)
        .with_translations(Some(&translations))
        .with_data(&loaded, &notes);
    match Template::parse(source) {
        Err(error) => check_error(source, &error),
        Ok(template) => check_render(&template, &scope, &options),
    }
}

fn scope(given: &str) -> Json {
    let mut scope = json!({
        "recipient": {"id": "u1", "name": "Ann Ö", "plan": null},
        "vars": {"app_name": "Acme", "flag": true},
        "data": {
            "a": "x y", "b": [1, "2", null, {"c": 3.5}, [true]], "d": {"e": -1, "f": {"g": "g"}}, "n": 42,
            "at": "2024-02-29T23:59:60.123456+14:00", "xs": [{"id": 2, "on": true}, {"id": 1}], "huge": 1e300,
        },
    });
    if let Ok(Json::Object(given)) = serde_json::from_str::<Json>(given)
        && let Some(data) = scope["data"].as_object_mut()
    {
        data.extend(given);
    }
    scope
}

/// An error names a place that exists.
fn check_error(source: &str, error: &TemplateError) {
    assert!(!error.message.is_empty());
    let line = source.split('\n').nth(error.line - 1).expect("the line exists");
    assert!(error.column >= 1 && error.column <= line.chars().count() + 1, "{error}");
    let _ = error.to_string();
}

/// Bounded output, and the same again.
fn check_render(template: &Template, scope: &Json, options: &RenderOptions<'_>) {
    let first = template.render(scope, options);
    match &first {
        Ok(text) => assert!(text.len() <= LIMITS.output_bytes_max, "{} bytes", text.len()),
        Err(error) => check_error(template.source(), error),
    }
    assert_eq!(first, template.render(scope, options), "a render has no memory");
    let strict = template.render(scope, &options.strict());
    if let (Ok(loose), Ok(strict)) = (&first, &strict) {
        assert_eq!(loose, strict, "strictness only adds errors");
    }
    let _ = template.evaluate_single(scope, options);
}
