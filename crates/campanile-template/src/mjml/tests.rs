//! MJML as authors write it.

use super::*;

fn page(body: &str) -> String {
    format!("<mjml><mj-body>{body}</mj-body></mjml>")
}

#[test]
fn compiles_what_authors_write() {
    for (source, parts) in [
        (page("<mj-section><mj-column><mj-text>Hi <b>there</b></mj-text></mj-column></mj-section>"), vec!["Hi <b>there</b>"]),
        // Loose HTML, one wrapper for neighbours.
        (page("<p>a</p><p>b</p>"), vec!["<p>a</p><p>b</p>"]),
        (page("<mj-section><mj-column><tr><td>x</td></tr></mj-column></mj-section>"), vec!["<tr><td>x</td></tr>"]),
        // Inside of text elements HTML may be broken.
        (page("<mj-section><mj-column><mj-text><p>a<br>b & c <b>d</mj-text></mj-column></mj-section>"), vec!["<p>a<br>b & c <b>d"]),
        (page("<mj-section><mj-column><mj-table><tr><td>1<td>2</table></mj-table></mj-column></mj-section>"), vec!["<tr><td>1<td>2</table>"]),
        (page("<mjml-raw><i>raw</i></mjml-raw><mj-raw><u>too</u></mj-raw>"), vec!["<i>raw</i>", "<u>too</u>"]),
        (page("<mj-section><mj-column><mj-button href=\"https://x.test?a=1&b=2\">Go</mj-button></mj-column></mj-section>"), vec!["https://x.test?a=1&b=2", "Go"]),
        (
            "<?xml version=\"1.0\"?><!doctype mjml>\n<!-- note --><mjml lang=\"he\" dir=\"rtl\"><mj-head><mj-title>T & t</mj-title><mj-preview>P</mj-preview>\
             <mj-style inline=\"inline\">p > a{color:red}</mj-style><mj-html-attributes><mj-selector path=\".x\"></mj-selector></mj-html-attributes></mj-head>\
             <mj-body><mj-section><mj-column><mj-text>שלום</mj-text></mj-column></mj-section></mj-body></mjml>".to_owned(),
            vec!["T & t", "p > a{color:red}", "שלום", "dir=\"rtl\""],
        ),
        (page("<!-- gone --><mj-raw>a</mj-raw><!--[if mso]><b><![endif]-->"), vec!["<!--[if mso]><b><![endif]-->"]),
        (page("lqm0z<mj-raw>lqm1z</mj-raw>"), vec!["lqm0z", "lqm1z"]),
    ] {
        let html = compile(&source).unwrap_or_else(|error| panic!("{source}: {error}"));
        for part in parts {
            assert!(html.contains(part), "{part} in {html}");
        }
        assert!(html.starts_with("<!doctype html>") || html.starts_with("<!DOCTYPE html>"), "{html}");
    }
}

#[test]
fn tells_what_is_broken_and_where() {
    for (source, line) in [
        (page("\n<mj-section>\n<mj-column>\n</mj-section>"), 4),
        (page("\n<mj-text>never closed"), 2),
        (page("\n\n</mj-column>"), 3),
        ("<mjml>\n<mj-body>".to_owned(), 2),
        (page("\n<mj-include path=\"./a.mjml\" />"), 2),
        ("<p>none</p>".to_owned(), 1),
        (page(&"<mj-wrapper>".repeat(40)), 1),
    ] {
        let error = compile(&source).expect_err(&source);
        assert_eq!(error.line, line, "{source}: {error}");
        assert!(error.message.starts_with("invalid MJML: "), "{error}");
    }
}

#[test]
fn is_checked_before_there_is_data() {
    for (source, is_fragment, fits) in [
        ("<mj-section><mj-column><mj-text>{{ a }}</mj-text></mj-column></mj-section>", true, true),
        ("<mj-section><mj-column>", true, false),
        ("<mj-section>{% if a %}</mj-section>{% endif %}", true, true),
        ("<mjml><mj-body>{{ content }}</mj-body></mjml>", false, true),
        ("<mjml><mj-body>{{ content }}</mjml>", false, false),
        ("<mj-text color=\"{{ 'a' | append: '\"' }}\">x</mj-text>", true, true),
    ] {
        assert_eq!(check(source, is_fragment).is_ok(), fits, "{source}");
    }
    let error = check("<mj-section>\n{{ a\n}}<mj-column>\n</mj-section>", true).unwrap_err();
    assert_eq!((error.line, error.column), (4, 1));
}

#[test]
fn knows_the_place_of_sections() {
    for (layout, takes) in [
        ("<mjml><mj-body>{{", true),
        ("<mjml><mj-body><mj-wrapper><mj-section></mj-section>{{", true),
        ("<mjml><mj-body><mj-section><mj-column>{{", false),
        ("<mjml><mj-body><mj-raw>{{", false),
    ] {
        assert_eq!(takes_sections(&format!("{layout} content }}}}"), layout.len() - 2), takes, "{layout}");
    }
}

#[test]
fn styles_go_to_the_head() {
    for (source, want) in [
        (
            "<mjml><mj-head><mj-title>t</mj-title></mj-head><mj-body></mj-body></mjml>",
            "<mjml><mj-head><mj-style>a{}</mj-style><mj-title>",
        ),
        ("<mjml><mj-body></mj-body></mjml>", "<mjml><mj-head><mj-style>a{}</mj-style></mj-head><mj-body>"),
    ] {
        let mut mjml = source.to_owned();
        put_into_head(&mut mjml, &["a{}"]);
        assert!(mjml.starts_with(want), "{mjml}");
        assert!(compile(&mjml).unwrap().contains("a{}"));
    }
}
