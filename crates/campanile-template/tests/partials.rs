//! Partials (templates.md section 6).

use campanile_core::time::Timestamp;
use campanile_template::{
    EmailBody, EmailSource, EmailTemplate, Layout, LayoutSource, Partial, PartialKind, Partials,
    RenderOptions, Template,
};
use serde_json::{Value as Json, json};

fn partials(list: &[(&str, PartialKind, &str, Json)]) -> Partials {
    let mut partials = Partials::default();
    for (key, kind, content, schema) in list {
        let partial =
            Partial::compile(*kind, content, schema).unwrap_or_else(|error| panic!("{key}: {error}"));
        partials.insert(*key, partial);
    }
    partials
}

fn scope() -> Json {
    json!({
        "recipient": {"name": "Ada"}, "vars": {"app_name": "Acme"},
        "data": {"flag": false, "list": [1, 2], "name": "Bo", "none": null},
    })
}

fn render(source: &str, partials: &Partials) -> Result<String, String> {
    let template = Template::parse(source).map_err(|error| error.message)?;
    let options = RenderOptions::at(Timestamp(0)).with_partials(partials);
    template.render(&scope(), &options).map_err(|error| error.message)
}

#[test]
fn a_partial_sees_its_arguments_and_vars_only() {
    let text = PartialKind::Text;
    let known = partials(&[
        ("greet", text, "Hi {{ name }} of {{ vars.app_name }}[{{ recipient.name }}]", Json::Null),
        ("leak", text, "{% assign x = 1 %}{{ x }}", Json::Null),
        ("flag", text, "{% if on %}on{% else %}off{% endif %}", Json::Null),
        ("json", text, "{% assign list = items | from_json %}{{ list | size }}{{ items }}", Json::Null),
        ("default", text, "{{ x | default: 'd' }}", Json::Null),
    ]);
    for (source, want) in [
        ("{% render 'greet', name: data.name %}", "Hi Bo of Acme[]"),
        ("{% render \"greet\" name: 'x' %}", "Hi x of Acme[]"),
        ("{% render 'leak' %}[{{ x }}]", "1[]"),
        // Without a field every argument is a text, and texts are truthy.
        ("{% render 'flag', on: data.flag %}", "on"),
        ("{% render 'json', items: data.list %}", "2[1,2]"),
        ("{% render 'default' %}{% render 'default', x: data.none %}", "dd"),
        ("[{% render 'unpublished' %}]", "[]"),
        ("{% for n in data.list %}{% render 'greet', name: n %}{% endfor %}", "Hi 1 of Acme[]Hi 2 of Acme[]"),
    ] {
        assert_eq!(render(source, &known).as_deref(), Ok(want), "{source}");
    }
}

#[test]
fn fields_give_arguments_their_type() {
    let schema = json!([
        {"type": "boolean", "key": "on", "label": null},
        {"type": "list", "key": "items", "label": null},
        {"type": "number", "key": "n", "label": null, "settings": {"default": 3}},
        {"type": "markdown", "key": "body", "label": null},
        {"type": "button", "key": "button", "label": null},
        {"type": "text", "key": "title", "label": null, "settings": {"default": "T"}},
    ]);
    let content = "{% if on %}on{% else %}off{% endif %} {{ items | size }} {{ n | plus: 1 }} {{ body }}|{{ button.text }}|{{ title }}";
    let known = partials(&[("p", PartialKind::Html, content, schema)]);
    for (source, want) in [
        ("{% render 'p' %}", "off 0 4 ||T"),
        (
            "{% render 'p', on: true, items: data.list, n: '7', body: '**x**', title: 5 %}",
            "on 2 8 <p><strong>x</strong></p>||5",
        ),
        ("{% render 'p', on: data.flag, button: '{\"text\":\"Go\"}' %}", "off 0 4 |Go|T"),
        ("{% render 'p', on: 'false', items: '[1]' %}", "off 1 4 ||T"),
    ] {
        assert_eq!(render(source, &known).as_deref(), Ok(want), "{source}");
    }
}

#[test]
fn nesting_ends_after_five() {
    let chain = |n: usize| format!("{n}{{% render 'p{}' %}}", n + 1);
    let mut list: Vec<(String, String)> = (1..=4).map(|n| (format!("p{n}"), chain(n))).collect();
    list.push(("p5".into(), "5".into()));
    let mut known = Partials::default();
    for (key, content) in &list {
        known.insert(key, Partial::compile(PartialKind::Text, content, &Json::Null).expect("it parses"));
    }
    assert_eq!(render("{% render 'p1' %}", &known).as_deref(), Ok("12345"));
    known.insert(
        "p5",
        Partial::compile(PartialKind::Text, "{% render 'p6' %}", &Json::Null).expect("it parses"),
    );
    known.insert("p6", Partial::compile(PartialKind::Text, "6", &Json::Null).expect("it parses"));
    let error = render("{% render 'p1' %}", &known).expect_err("p6 is too deep");
    assert!(error.contains("\"p6\" is nested deeper than 5"), "{error}");
    let own = partials(&[("self", PartialKind::Text, "x{% render 'self' %}", Json::Null)]);
    assert!(render("{% render 'self' %}", &own).is_err());
}

#[test]
fn modifiers_and_computed_keys_are_refused() {
    for (source, want) in [
        ("{% render 'p' for data.list %}", "modifier"),
        ("{% render 'p' with data.list as x %}", "modifier"),
        ("{% render key %}", "the key of a partial in quotes"),
        ("{% render %}", "the key of a partial in quotes"),
    ] {
        let error = Template::parse(source).expect_err(source);
        assert!(error.message.contains(want), "{source}: {}", error.message);
    }
    let template =
        Template::parse("{% render 'b' %}{% if x %}{% render 'a', y: z %}{% endif %}").expect("it parses");
    assert_eq!(template.partial_keys().collect::<Vec<_>>(), ["a", "b"]);
    assert!(template.mentions("vars"));
}

#[test]
fn errors_inside_are_told_at_the_tag() {
    let known = partials(&[("p", PartialKind::Text, "a\n{{ 1 | divided_by: 0 }}", Json::Null)]);
    let error = Template::parse("x\n\n{% render 'p' %}")
        .and_then(|t| t.render(&scope(), &RenderOptions::at(Timestamp(0)).with_partials(&known)))
        .expect_err("it divides by zero");
    assert_eq!(error.line, 3);
    assert_eq!(error.message, "in partial \"p\", line 2: divided_by: division by zero");
}

#[test]
fn styles_go_to_the_head_of_the_layout() {
    let button = "{% assign c = '#F00' %}<style>.h{color:{{ c }}}</style><style>.b{color:{{ color }}}</style><b>{{ color }}</b>";
    let known = partials(&[
        ("button", PartialKind::Html, button, Json::Null),
        ("note", PartialKind::Markdown, "**{{ text }}**", Json::Null),
    ]);
    let source = EmailSource {
        subject: "s",
        body: EmailBody::Html(
            "{% render 'button', color: 'red' %}{% render 'button', color: 'red' %}{% render 'button', color: 'blue' %}{% render 'note', text: 'n' %}",
        ),
        ..EmailSource::default()
    };
    let options = RenderOptions::at(Timestamp(0)).with_partials(&known);
    let layout = Layout::compile(&LayoutSource {
        html: "<html><head ><style>.own{}</style></head><body>{{ content }}</body></html>",
        text: "{{ content }}",
        ..LayoutSource::default()
    })
    .expect("it is right");
    let email = EmailTemplate::compile(&source, Some(&layout)).expect("it compiles");
    let html = email.render(&scope(), &options).expect("it renders").html;
    let (base, html) = html.split_once("</style>").expect("base CSS comes first");
    assert!(base.starts_with("<html><head><style>.block-row."), "{base}");
    assert_eq!(
        html,
        "<style>.h{color:}</style><style>.b{color:red}</style><style>.b{color:blue}</style>\
         <style>.own{}</style></head><body><b>red</b><b>red</b><b>blue</b><p><strong>n</strong></p></body></html>"
    );
    let bare = EmailTemplate::compile(&source, None).expect("it compiles");
    let html = bare.render(&scope(), &options).expect("it renders").html;
    assert_eq!(html, "<b>red</b><b>red</b><b>blue</b><p><strong>n</strong></p>");
    let mut keys: Vec<_> = bare.partial_keys().collect();
    keys.sort_unstable();
    keys.dedup();
    assert_eq!(keys, ["button", "note"]);
}
