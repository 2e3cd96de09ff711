//! The page's examples, and what mails are made of.

use super::*;

fn with_links<T>(exempt: &[&str], work: impl FnOnce(&mut Links<'_>) -> T) -> T {
    let exempt: Vec<_> = exempt.iter().map(|text| text.to_string()).collect();
    let mut make = |number: usize, _: &str| Some(format!("https://t.test/{number}"));
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
            "x (https://a.io/1) p (https://a.io/p), https://b.io/w_(x). See https://b.io! http://c.io https://u.test/1 https:// http://c.io/?to=https://b.io",
            links,
        )
    });
    assert_eq!(
        got,
        "x (https://t.test/0) p (https://a.io/p), https://t.test/1. See https://t.test/2! http://c.io https://u.test/1 https:// http://c.io/?to=https://b.io"
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

#[test]
fn links_of_markdown() {
    for (markdown, want) in [
        // The page's own example (section 10.1).
        (
            "See https://a.io/x and [b](https://b.io), <http://c.io>",
            "See [https://a.io/x](T0) and [b](T1), <http://c.io>",
        ),
        ("<https://a.io> and <https://b.io|b>", "[https://a.io](T0) and <T1|b>"),
        (
            "(see https://a.io/w_(x)). **https://b.io**!",
            "(see [https://a.io/w_(x)](T0)). **[https://b.io](T1)**!",
        ),
        (
            "![i](https://a.io/i.png) [![i](https://a.io/i.png)](https://a.io)",
            "![i](https://a.io/i.png) [![i](https://a.io/i.png)](T0)",
        ),
        ("[a](<https://a.io/x y> \"t\") [b]( https://b.io 't' )", "[a](<T0> \"t\") [b]( T1 't' )"),
        ("[https://a.io](https://b.io)", "[https://a.io](T0)"),
        ("[x [y] z](https://a.io/\\(b\\)?a=1&amp;b)", "[x [y] z](T0)"),
        ("[a][r] and [b][r]\n\n[r]: https://a.io 'T'", "[a][r] and [b][r]\n\n[r]: T0 'T'"),
        (
            "`https://a.io` ``x` https://a.io`` \\[a](https://a.io)",
            "`https://a.io` ``x` https://a.io`` \\[a]([https://a.io](T0))",
        ),
        ("```\nhttps://a.io\n```\nhttps://b.io", "```\nhttps://a.io\n```\n[https://b.io](T0)"),
        ("~~~\nhttps://a.io", "~~~\nhttps://a.io"),
        ("`a https://a.io", "`a [https://a.io](T0)"),
        (
            "http://a.io/?to=https://b.io and <a href=\"https://c.io\">",
            "http://a.io/?to=https://b.io and <a href=\"https://c.io\">",
        ),
        (
            "mailto:x@a.io /rel #a https:// [a](mailto:x@a.io) [b](/c)",
            "mailto:x@a.io /rel #a https:// [a](mailto:x@a.io) [b](/c)",
        ),
        ("[a](https://a.io \"open", "[a]([https://a.io](T0) \"open"),
        ("é https://a.io/ü [", "é [https://a.io/ü](T0) ["),
        ("https://u.test/1 [u](https://u.test/1)", "https://u.test/1 [u](https://u.test/1)"),
        ("", ""),
    ] {
        let got = with_links(&["https://u.test/"], |links| rewrite_markdown(markdown, links));
        assert_eq!(got.replace("https://t.test/", "T"), want, "{markdown}");
    }
}

#[test]
fn targets_are_what_a_reader_would_reach() {
    for (markdown, want) in [
        ("[a](https://a.io/\\(b\\)?a=1&amp;b=2)", "https://a.io/(b)?a=1&b=2"),
        ("<https://a.io/?a=1&amp;b=2|c>", "https://a.io/?a=1&b=2"),
        ("https://a.io/?a=1&b=2.", "https://a.io/?a=1&b=2"),
    ] {
        with_links(&[], |links| {
            rewrite_markdown(markdown, links);
            assert_eq!(links.made().map(|(target, _)| target.to_owned()).collect::<Vec<_>>(), [want]);
        });
    }
}

#[test]
fn hostile_markdown_ends() {
    for piece in [
        "[",
        "[a](",
        "[a](b \"",
        "`",
        "``a`",
        "<a",
        "<https://",
        "https://",
        "![",
        "]",
        "\\",
        "~~~\n",
        "h://https://",
    ] {
        let markdown = piece.repeat(8_000);
        assert!(with_links(&[], |links| rewrite_markdown(&markdown, links)).len() >= 8_000, "{piece}");
    }
}

#[test]
fn links_of_json() {
    use serde_json::json;
    for (mut given, want) in [
        (
            json!({"blocks": [
                {"type": "section", "text": {"type": "mrkdwn", "text": "Go <https://a.io|there> or <https://b.io>, <!here>, https://bare.io"},
                 "accessory": {"type": "image", "image_url": "https://a.io/i.png", "alt_text": "x"}},
                {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "<https://a.io|no>"}, "url": "https://a.io", "value": "https://v.io"}]},
                {"type": "markdown", "text": "[c](https://c.io) https://d.io"},
                {"type": "rich_text", "elements": [{"type": "link", "url": "https://a.io", "text": "a"}]},
                {"type": "image", "slack_file": {"url": "https://a.io/f.png"}},
            ], "attachments": [{"title_link": "https://e.io", "thumb_url": "https://a.io/t.png", "fallback": "<https://e.io|e>"}],
                "metadata": {"event_payload": {"url": "https://a.io"}}}),
            json!({"blocks": [
                {"type": "section", "text": {"type": "mrkdwn", "text": "Go <T|there> or <T|https://b.io>, <!here>, https://bare.io"},
                 "accessory": {"type": "image", "image_url": "https://a.io/i.png", "alt_text": "x"}},
                {"type": "actions", "elements": [{"type": "button", "text": {"type": "plain_text", "text": "<https://a.io|no>"}, "url": "T", "value": "https://v.io"}]},
                {"type": "markdown", "text": "[c](T) [https://d.io](T)"},
                {"type": "rich_text", "elements": [{"type": "link", "url": "T", "text": "a"}]},
                {"type": "image", "slack_file": {"url": "https://a.io/f.png"}},
            ], "attachments": [{"title_link": "T", "thumb_url": "https://a.io/t.png", "fallback": "<T|e>"}],
                "metadata": {"event_payload": {"url": "https://a.io"}}}),
        ),
        (
            json!({"type": "message", "attachments": [{"content": {"type": "AdaptiveCard", "backgroundImage": {"url": "https://a.io/b.png"},
                "body": [{"type": "TextBlock", "text": "[a](https://a.io)"}, {"type": "Image", "url": "https://a.io/i.png", "selectAction": {"type": "Action.OpenUrl", "url": "https://a.io"}}],
                "actions": [{"type": "Action.OpenUrl", "url": "https://a.io"}]}}],
                "potentialAction": [{"targets": [{"os": "default", "uri": "https://a.io"}]}], "text": "[x](https://a.io \"t\") ![i](http://a.io)", "action_url": "https://a.io", "n": 1}),
            json!({"type": "message", "attachments": [{"content": {"type": "AdaptiveCard", "backgroundImage": {"url": "https://a.io/b.png"},
                "body": [{"type": "TextBlock", "text": "[a](T)"}, {"type": "Image", "url": "https://a.io/i.png", "selectAction": {"type": "Action.OpenUrl", "url": "T"}}],
                "actions": [{"type": "Action.OpenUrl", "url": "T"}]}}],
                "potentialAction": [{"targets": [{"os": "default", "uri": "T"}]}], "text": "[x](T \"t\") ![i](http://a.io)", "action_url": "T", "n": 1}),
        ),
        (json!("<https://a.io|a> <https://a.io"), json!("<T|a> <https://a.io")),
        (
            json!([{"url": "http://a.io"}, {"url": "https://u.test/1"}, {"url": 7}]),
            json!([{"url": "http://a.io"}, {"url": "https://u.test/1"}, {"url": 7}]),
        ),
    ] {
        let mut make = |_: usize, _: &str| Some("T".to_owned());
        rewrite_json(&mut given, &mut Links::new(&mut make, &["https://u.test/".to_owned()]));
        assert_eq!(given, want);
    }
}

#[test]
fn what_cannot_be_tracked_stays() {
    let mut make = |_: usize, target: &str| target.ends_with('x').then(|| "T".to_owned());
    let text = rewrite_text("https://a.io/x https://a.io/y https://z.io/x", &mut Links::new(&mut make, &[]));
    assert_eq!(text, "T https://a.io/y T");
}

/// Addresses of the links that a reader of Markdown sees, in their order, and the text.
fn read(markdown: &str) -> (Vec<String>, String) {
    use comrak::nodes::NodeValue;
    let mut options = comrak::Options::default();
    options.extension.autolink = true;
    let arena = comrak::Arena::new();
    let (mut links, mut text) = (Vec::new(), String::new());
    for node in comrak::parse_document(&arena, markdown, &options).descendants() {
        match &node.data.borrow().value {
            NodeValue::Link(link) => links.push(link.url.clone()),
            NodeValue::Text(part) => text.push_str(part),
            NodeValue::Code(code) => text.push_str(&code.literal),
            _ => {}
        }
    }
    (links, text)
}

// Without brackets that stay open: readers differ in what they make of addresses behind them.
proptest::proptest! {
    #[test]
    fn readers_see_the_same_text_and_our_links(pieces in proptest::collection::vec(proptest::sample::select(vec![
        "word", "https://a.io/x", "https://a.io/(y).", "[b](https://b.io)", "<http://c.io>", "`https://d.io`",
        "![i](https://e.io)", "(", ")", "*", "**", "\\[", "\\", "\n", "\n\n", "\n- ", "\n> ",
        "[https://f.io](<https://g.io> 't')", "<https://h.io>", "**https://i.io**", "[![i](https://j.io)](https://k.io)",
        "http://l.io/?to=https://m.io", "<b>", "\n```\nhttps://n.io\n```\n", "ü", "# ",
    ]), 0..12)) {
        let markdown = pieces.join(" ");
        let (rewritten, made) = with_links(&[], |links| {
            let rewritten = rewrite_markdown(&markdown, links);
            (rewritten, links.made().map(|(a, b)| (a.to_owned(), b.to_owned())).collect::<HashMap<_, _>>())
        });
        let (links, text) = read(&markdown);
        let tracked = links.into_iter().map(|link| made.get(&link).cloned().unwrap_or(link)).collect::<Vec<_>>();
        proptest::prop_assert_eq!(read(&rewritten), (tracked, text), "{}", rewritten);
    }
}

proptest::proptest! {
    #[test]
    fn any_text_is_rewritten(parts in proptest::collection::vec(proptest::sample::select(vec![
        "https://", "a.io", "<", ">", "|", "[", "]", "(", ")", "\"", "'", "\\", "`", "~", "!", "&amp;", " ", "\n", "\0",
        "ü", "<a href=", "data-knock-no-track", "</a>", "<!--", "*", "http://", ".", ":",
    ]), 0..40)) {
        let text = parts.concat();
        let kept = with_links(&["https://"], |links| {
            let mut json = serde_json::json!({"url": text, "text": text, "a": [{"type": "mrkdwn", "text": text}]});
            let before = json.clone();
            rewrite_json(&mut json, links);
            (rewrite_text(&text, links), rewrite_markdown(&text, links), json == before)
        });
        proptest::prop_assert_eq!(kept, (text.clone(), text.clone(), true), "what is exempt stays byte by byte");
        with_links(&[], |links| {
            let mut json = serde_json::json!({"url": text, "text": text, "a": [{"type": "markdown", "text": text}]});
            rewrite_json(&mut json, links);
            rewrite_html(&text, Some(links));
            rewrite_text(&text, links);
            rewrite_markdown(&text, links);
        });
    }
}
