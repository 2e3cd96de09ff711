//! The page's examples, and what mails are made of.

use super::*;

fn with_links<T>(exempt: &[&str], work: impl FnOnce(&mut Links<'_>) -> T) -> T {
    let exempt: Vec<_> = exempt.iter().map(|text| text.to_string()).collect();
    let mut make = |number: usize, _: &str| format!("https://t.test/{number}");
    work(&mut Links::new(&mut make, &exempt))
}

const MAIL: &str = r#"<a href="https://a.io/1">x</a> <a data-knock-no-track href="https://a.io/p">p</a> <a href="mailto:h@a.io">m</a> <img src="https://a.io/i.png">"#;

#[test]
fn links_of_html() {
    for (html, want) in [
        (
            MAIL,
            r#"<a href="https://t.test/0">x</a> <a href="https://a.io/p">p</a> <a href="mailto:h@a.io">m</a> <img src="https://a.io/i.png">"#,
        ),
        (r#"<A HREF='https://a.io?x=1&amp;y=2'>x</A>"#, r#"<A HREF="https://t.test/0">x</A>"#),
        (
            r##"<a href="http://a.io">a</a><a href="/r">b</a><a href="#s">c</a><a>d</a>"##,
            r##"<a href="http://a.io">a</a><a href="/r">b</a><a href="#s">c</a><a>d</a>"##,
        ),
        (
            r#"<a href="https://u.test/x">a</a><a href="https://t.test/1">b</a>"#,
            r#"<a href="https://u.test/x">a</a><a href="https://t.test/1">b</a>"#,
        ),
        (
            r#"<a href="https://a.io">1</a><a href="https://b.io">2</a><a href="https://a.io">3</a>"#,
            r#"<a href="https://t.test/0">1</a><a href="https://t.test/1">2</a><a href="https://t.test/0">3</a>"#,
        ),
        (
            r#"<link href="https://a.io"><area href="https://a.io">"#,
            r#"<link href="https://a.io"><area href="https://a.io">"#,
        ),
        ("<p>broken <a href=https://a.io <b>", "<p>broken <a href=\"https://t.test/0\" <b>"),
        ("<p>never closed <a href=\"https://a.io", "<p>never closed <a href=\"https://a.io"),
    ] {
        let got = with_links(&["https://t.test/", "https://u.test/x"], |links| {
            rewrite_html(html, Some(links)).into_owned()
        });
        assert_eq!(got, want, "{html}");
    }
}

#[test]
fn without_tracking_only_the_mark_goes() {
    assert_eq!(rewrite_html(MAIL, None), MAIL.replace(" data-knock-no-track", ""));
    assert_eq!(rewrite_html("<a Data-Knock-No-Track=\"x\" href=y>z</a>", None), "<a href=y>z</a>");
    assert!(matches!(rewrite_html("<a href=y data-x>z</a>", None), std::borrow::Cow::Borrowed(_)));
}

#[test]
fn the_text_has_the_links_of_the_html() {
    let got = with_links(&["https://u.test/"], |links| {
        rewrite_html(MAIL, Some(links));
        rewrite_text(
            "x (https://a.io/1) p (https://a.io/p), https://b.io/w_(x). See https://b.io! http://c.io https://u.test/1 https://",
            links,
        )
    });
    assert_eq!(
        got,
        "x (https://t.test/0) p (https://a.io/p), https://t.test/1. See https://t.test/2! http://c.io https://u.test/1 https://"
    );
}

#[test]
fn the_image_stands_before_the_end_of_the_body() {
    for (html, want) in [
        ("<body>a</body></html>", "<body>a<IMG></body></html>"),
        ("<pre></body></pre>b</BODY >", "<pre></body></pre>b<IMG></BODY >"),
        ("a", "a<IMG>"),
        ("", "<IMG>"),
        ("é</body>", "é<IMG></body>"),
    ] {
        let mut got = html.to_owned();
        append_open_image(&mut got, "https://o.test/1");
        let image = r#"<img src="https://o.test/1" alt="" width="1" height="1">"#;
        assert_eq!(got, want.replace("<IMG>", image), "{html}");
    }
}
