//! E-mails from their sources to what is sent.

use campanile_core::time::Timestamp;

use super::*;
use crate::layout::{FooterLink, Layout, LayoutSource};

const LINKS: [FooterLink<'static>; 2] = [
    FooterLink { text: "Help", url: "https://{{ vars.app_name }}.test" },
    FooterLink { text: "{{ name }}", url: "/a" },
];

fn render(source: EmailSource<'_>, layout: Option<(&str, &str)>) -> Result<RenderedEmail, TemplateError> {
    let source_of =
        |(html, text)| LayoutSource { html, text, footer_links: LINKS.to_vec(), ..LayoutSource::default() };
    let layout = layout.map(|sources| Layout::compile(&source_of(sources))).transpose()?;
    let scope = json!({"data": {"name": "Ada"}, "vars": {"app_name": "Acme"}});
    let template = EmailTemplate::compile(&source, layout.as_ref()).map_err(|mut errors| errors.remove(0))?;
    template.render(&scope, &RenderOptions::at(Timestamp(0)))
}

#[test]
fn composes_before_rendering() {
    let layout = (
        "<html><head><title>{{ t }}</title></head><body>{{ content }}<i>{{ price }}</i></body></html>",
        "{{ vars.app_name }}\n\n{{ content }}\n--",
    );
    let source = EmailSource {
        subject: " Hi\n{{ name }} ",
        body: EmailBody::Html(r#"{% assign price = "9" %}<b>x</b>"#),
        pre_content: Some(r#"{% assign t = "T" %}"#),
        ..EmailSource::default()
    };
    let email = render(source, Some(layout)).unwrap();
    assert_eq!(email.subject, "Hi Ada");
    let html = email.html.replace(&format!("<style>{BASE_CSS}</style>"), "");
    assert_eq!(html, "<html><head><title>T</title></head><body><b>x</b><i>9</i></body></html>");
    assert_eq!(email.text, "Acme\n\nx\n--");
}

#[test]
fn text_is_written_generated_or_empty() {
    let html = r#"<p>Hi {{ name }}</p><a href="https://x.test">Open</a>"#;
    for (text_body, want) in [
        (None, "[Hi Ada\n\nOpen (https://x.test)]"),
        (Some("Hello {{ name }}"), "[Hello Ada]"),
        (Some(""), "[]"),
    ] {
        let source = EmailSource { body: EmailBody::Html(html), text_body, ..EmailSource::default() };
        assert_eq!(render(source, Some(("{{ content }}", "[{{ content }}]"))).unwrap().text, want);
    }
    let source = EmailSource { body: EmailBody::Html(html), ..EmailSource::default() };
    assert_eq!(render(source, None).unwrap().text, "Hi Ada\n\nOpen (https://x.test)");
}

#[test]
fn preview_text_hides_itself_in_html_only() {
    let source = EmailSource { preview_text: Some("see {{ name }}"), ..EmailSource::default() };
    let layout =
        ("{{ preview_text }}{% if content %}y{% endif %}{{ content }}", "[{{ preview_text }}]{{ content }}");
    let email = render(source, Some(layout)).unwrap();
    assert_eq!(email.html, r#"<div style="display:none;max-height:0px;overflow:hidden">see Ada</div>y"#);
    assert_eq!(email.text, "[]");
    let plain = render(EmailSource::default(), Some(layout)).unwrap();
    assert_eq!(plain.html, "y");
}

#[test]
fn footer_links_print_and_iterate() {
    let layout = (
        "{{ content }}{{ footer_links }}{% for l in footer_links %}[{{ l.text }}]{% endfor %}",
        "{{ content }}--\n{{ footer_links }}",
    );
    let email = render(EmailSource::default(), Some(layout)).unwrap();
    assert_eq!(email.html, r#"<a href="https://Acme.test">Help</a> <a href="/a">Ada</a>[Help][Ada]"#);
    assert_eq!(email.text, "--\nHelp (https://Acme.test)\nAda (/a)");
}

#[test]
fn errors_name_their_field_and_its_line() {
    let none = EmailSource::default();
    let layout = ("<b>\n{{ content }}\n{{ vars.app_name | divided_by: 0 }}", "{{ content }}");
    for (source, layout, want) in [
        (EmailSource { subject: "{{", ..none }, None, ("subject", "output is not closed with }}", 1)),
        (
            EmailSource { is_mjml: true, body: EmailBody::Html("<mj-text>"), ..none },
            None,
            ("html_body", "must be an MJML document when there is no layout", 1),
        ),
        (
            EmailSource {
                body: EmailBody::Html("a\n\n{{ 1 | divided_by: 0 }}"),
                pre_content: Some("x\n"),
                ..none
            },
            Some(layout),
            ("html_body", "divided_by: division by zero", 3),
        ),
        (
            EmailSource { body: EmailBody::Html("1\n2\n3"), ..none },
            Some(layout),
            ("html_layout", "divided_by: division by zero", 3),
        ),
        (
            EmailSource { text_body: Some("{{ a | b }}"), ..none },
            None,
            ("text_body", "unknown filter \"b\"", 1),
        ),
        (
            EmailSource { body: EmailBody::Html("{% if a %}"), text_body: Some("{% endif %}"), ..none },
            None,
            ("html_body", "if is not closed with endif", 1),
        ),
    ] {
        let error = render(source, layout).unwrap_err();
        assert_eq!((&*error.field, &*error.message, error.line), want);
    }
}
