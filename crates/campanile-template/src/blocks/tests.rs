//! Blocks of every type, from JSON to the HTML that a recipient gets.

use campanile_core::time::Timestamp;
use serde_json::{Value as Json, json};

use crate::{EmailSource, EmailTemplate, Partial, PartialKind, Partials, RenderOptions, TemplateError};

fn partials() -> Partials {
    let mut partials = Partials::default();
    let field = |key: &str, kind: &str, settings: Json| json!({"key": key, "type": kind, "label": "L", "settings": settings});
    let schema = json!([
        field("title", "text", json!({"required": true})),
        field("items", "list", json!({})),
        field("cta", "button", json!({})),
        field("on", "boolean", json!({})),
        field("n", "number", json!({"default": 5})),
    ]);
    let card = "<b>{{ title }}</b>{% for i in items %}[{{ i }}]{% endfor %}{{ cta.text }}>{{ cta.action }}|{% if on %}on{% else %}off{% endif %}|{{ n | plus: 1 }}|{{ recipient.name }}";
    partials.insert("card", Partial::compile(PartialKind::Html, card, &schema).unwrap());
    partials
}

fn render(blocks: Json) -> Result<String, TemplateError> {
    let template = json!({"subject": "s", "visual_blocks": blocks});
    let compiled =
        EmailTemplate::compile(&EmailSource::from_json(&template), None).map_err(|mut e| e.remove(0))?;
    let scope = json!({
        "recipient": {"name": "Ada"}, "vars": {"branding": {"primary_color": "#123456"}},
        "data": {"url": "https://x.test/a", "items": ["a", "b"], "on": false},
    });
    let partials = partials();
    let options = RenderOptions::at(Timestamp(0)).with_partials(&partials);
    compiled.render(&scope, &options).map(|email| email.html)
}

fn row(name: &str, style: &str, content: &str) -> String {
    format!(
        "<table class=\"block-row block-row--{name}-v1\" cellspacing=\"0\" cellpadding=\"0\" width=\"100%\"><tbody>\
         <tr class=\"block-row__row\"><td class=\"block-row__cell\" style=\"{style}\">{content}</td></tr></tbody></table>\n"
    )
}

const CLEAR: &str = "padding-top:8px;padding-right:4px;padding-bottom:8px;padding-left:4px";

#[test]
fn every_type_has_its_shape() {
    for (block, want) in [
        (
            json!({"type": "markdown", "content": "# Hi {{ recipient.name }}\n\n{% if data.on %}no{% endif %}*x*"}),
            row(
                "markdown",
                CLEAR,
                "<table cellspacing=\"0\" cellpadding=\"0\" width=\"100%\"><tbody><tr><td class=\"block-markdown\"><h1>Hi Ada</h1>\n<p><em>x</em></p></td></tr></tbody></table>",
            ),
        ),
        (json!({"type": "html", "content": "<i>{{ recipient.name }}</i>"}), row("html", CLEAR, "<i>Ada</i>")),
        (
            json!({"type": "divider", "layout_attrs": {"padding_top": 20, "padding_left": 0}}),
            row(
                "divider",
                "padding-top:20px;padding-right:4px;padding-bottom:8px;padding-left:0px",
                "<div class=\"block-divider\"></div>",
            ),
        ),
        (
            json!({"type": "image", "url": "https://x.test/{{ recipient.name }}.png", "alt": "a \"b\" {{ \"c\" }}", "action": "{{ data.url }}",
                   "style_attrs": {"width": "50%"}, "layout_attrs": {"horizontal_align": "right"}}),
            row(
                "image",
                "text-align:right;padding-top:4px;padding-right:0px;padding-bottom:4px;padding-left:0px",
                "<a href=\"https://x.test/a\"><div class=\"block-image\"><img src=\"https://x.test/Ada.png\" alt=\"a &quot;b&quot; c\" style=\"width:50%\"></div></a>",
            ),
        ),
        (
            json!({"type": "image", "url": "u"}),
            row(
                "image",
                "text-align:center;padding-top:4px;padding-right:0px;padding-bottom:4px;padding-left:0px",
                "<div class=\"block-image\"><img src=\"u\" alt=\"\" style=\"width:100%\"></div>",
            ),
        ),
        (
            json!({"type": "button_set", "layout_attrs": {"column_gap": 12}, "buttons": [
                {"label": "Open {{ recipient.name }}", "action": "{{ data.url }}", "variant": "solid",
                 "size_attrs": {"size": "lg"},
                 "style_attrs": {"background_color": "primary_color", "text_color": "{% if data.on %}#000{% else %}#FFF{% endif %}", "border_radius": 2}},
                {"label": "No", "action": "/no", "variant": "outline", "size_attrs": {"is_fullwidth": true},
                 "style_attrs": {"border_color": "#abc", "border_width": 1}},
            ]}),
            row(
                "button_set",
                &format!("text-align:left;{CLEAR}"),
                "<table cellspacing=\"0\" cellpadding=\"0\" align=\"left\" width=\"100%\"><tbody><tr>\
                 <td style=\"padding-right:12px\"><a class=\"block-button block-button--solid block-button--lg\" href=\"https://x.test/a\" \
                 style=\"background-color:#123456;color:#FFF;border-radius:2px\" target=\"_blank\">Open Ada</a></td>\
                 <td><a class=\"block-button block-button--outline block-button--sm\" href=\"/no\" \
                 style=\"background-color:transparent;border-color:#abc;border-radius:6px;border-width:1px;width:100%;text-align:center\" target=\"_blank\">No</a></td>\
                 </tr></tbody></table>",
            ),
        ),
    ] {
        assert_eq!(render(json!([block])).unwrap(), want, "{block}");
    }
}

#[test]
fn partials_get_their_attributes() {
    let card =
        |attrs: Json| render(json!([{"type": "partial", "key": "card", "name": "Card", "attrs": attrs}]));
    for (attrs, want) in [
        (json!({"title": "T"}), "<b>T</b>>|off|6|\n"),
        (
            json!({"title": "{{ recipient.name }}!", "items": "{{ data.items }}", "on": "{{ data.on }}"}),
            "<b>Ada!</b>[a][b]>|off|6|\n",
        ),
        (
            json!({"title": "{{ 'x' | upcase }}", "items": ["{{ recipient.name }}", 2, "a\"b"], "on": true, "n": 1.5,
                   "cta": {"text": "Go", "action": "{{ data.url }}?q={% if data.on %}1{% else %}2{% endif %}"}}),
            "<b>X</b>[Ada][2][a\"b]Go>https://x.test/a?q=2|on|2.5|\n",
        ),
        (json!({"title": "T", "n": null, "items": []}), "<b>T</b>>|off|6|\n"),
    ] {
        assert_eq!(card(attrs.clone()).unwrap(), want, "{attrs}");
    }
    for attrs in [json!({}), json!({"title": " "}), json!({"title": "{{ data.none }}"})] {
        let error = card(attrs).unwrap_err();
        assert_eq!((&*error.field, &*error.message), ("visual_blocks[0]", "attrs.title: is required"));
    }
    assert_eq!(
        card(json!({"a b": 1, "title": "T"})).unwrap_err().to_string(),
        "visual_blocks[0].attrs.a b: is invalid"
    );
    assert_eq!(
        card(json!({"title": {"x": {"{{ y }}": 1}}})).unwrap_err().field,
        "visual_blocks[0].attrs.title.x.{{ y }}"
    );
}

#[test]
fn blocks_render_in_one_pass() {
    let html = render(json!([
        {"type": "html", "content": "{% assign x = 'set above' %}"},
        {"type": "html", "content": "{{ x }}"},
    ]));
    assert!(html.unwrap().contains("set above</td>"));
}

#[test]
fn every_broken_text_is_told_with_its_place() {
    let template = json!({"subject": "{{", "visual_blocks": [
        {"type": "markdown", "content": "a\n\n{{ b"},
        {"type": "html", "content": "{% if a %}"},
        {"type": "html", "content": "{% endif %}"},
        {"type": "image", "url": "{{ x | nope }}", "alt": "{{"},
        {"type": "button_set", "buttons": [{"label": "{%", "action": "a", "variant": "solid"}]},
        {"type": "partial", "key": "p", "name": "P", "attrs": {"list": ["ok", "{{ | }}"]}},
    ]});
    let errors = EmailTemplate::compile(&EmailSource::from_json(&template), None).unwrap_err();
    let told: Vec<_> = errors.iter().map(|error| (&*error.field, error.line)).collect();
    assert_eq!(
        told,
        [
            ("subject", 1),
            ("visual_blocks[0].content", 3),
            ("visual_blocks[1].content", 1),
            ("visual_blocks[2].content", 1),
            ("visual_blocks[3].url", 1),
            ("visual_blocks[3].alt", 1),
            ("visual_blocks[4].buttons[0].label", 1),
            ("visual_blocks[5].attrs.list[1]", 1),
        ]
    );
    let error =
        render(json!([{"type": "divider"}, {"type": "html", "content": "x\n{{ 1 | divided_by: 0 }}"}]))
            .unwrap_err();
    assert_eq!((&*error.field, error.line), ("visual_blocks[1].content", 2));
}
