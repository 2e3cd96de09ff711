//! HTML to the text part of an email (templates.md section 12).
//!
//! Built on the HTML tokenizer alone: no tree means no recursion, one pass means linear time, and the documented
//! layout of headings and links is ours to draw. (html2text can draw neither, and lays tables out itself.)

mod writer;

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer};

use self::writer::Writer;
use crate::liquid::TemplateError;

/// Larger documents are refused.
const HTML_BYTES_MAX: usize = 5 << 20;

/// The text of an HTML body.
pub fn from_html(html: &str) -> Result<String, TemplateError> {
    let refuse = |why: &str| Err(TemplateError::locate("", 0, format!("cannot make a text body: {why}")));
    if html.len() > HTML_BYTES_MAX {
        return refuse("the HTML is too large");
    }
    // The tokenizer is foreign code fed with what customers write: a bug in it must stay one failed render.
    let text = catch_unwind(AssertUnwindSafe(|| {
        let tokenizer = Tokenizer::new(Sink(RefCell::new(Writer::default())), Default::default());
        let input = BufferQueue::default();
        input.push_back(StrTendril::from_slice(html));
        let _ = tokenizer.feed(&input);
        tokenizer.end();
        tokenizer.sink.0.borrow_mut().finish()
    }));
    match text {
        Ok(text) => Ok(text.trim().to_owned()),
        Err(_) => refuse("the HTML cannot be read"),
    }
}

struct Sink(RefCell<Writer>);

impl TokenSink for Sink {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut writer = self.0.borrow_mut();
        match token {
            Token::CharacterTokens(text) => writer.text(&text),
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => {
                writer.open(&tag);
                return match &*tag.name {
                    "script" => TokenSinkResult::RawData(RawKind::ScriptData),
                    "style" => TokenSinkResult::RawData(RawKind::Rawtext),
                    "title" => TokenSinkResult::RawData(RawKind::Rcdata),
                    _ => TokenSinkResult::Continue,
                };
            }
            Token::TagToken(tag) => writer.close(&tag.name),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_table_of_rules() {
        let long = "word ".repeat(20);
        let wrapped = format!("{}\n{}", "word ".repeat(13).trim(), "word ".repeat(7).trim());
        let rule = "-".repeat(65);
        for (html, want) in [
            ("a &amp;\n  b&nbsp;c", "a & b c".to_owned()),
            (&*long, wrapped),
            ("x<h1>Title</h1>y", "x\n\n*****\nTitle\n*****\n\ny".to_owned()),
            ("<h2>Ti</h2>", "--\nTi\n--".to_owned()),
            ("<h3>Tit</h3>", "Tit\n---".to_owned()),
            (r#"<a href="https://x.test">Open</a>!"#, "Open (https://x.test)!".to_owned()),
            (r#"<a href="https://x.test">HTTPS://X.test</a>"#, "https://x.test".to_owned()),
            (r#"<a href="https://x.test"> </a>z"#, "z".to_owned()),
            (r#"<a href="mailto:a@b.c">write</a>"#, "write (a@b.c)".to_owned()),
            (r#"a <img src="x" alt="pic"><img src="y">"#, "a pic".to_owned()),
            ("a<br>b", "a\nb".to_owned()),
            ("<p>a</p><p>b</p>c", "a\n\nb\n\nc".to_owned()),
            ("a<hr>b", format!("a\n{rule}\n\nb")),
            ("<ul><li>a</li><li>b</li></ul>", "* a\n* b".to_owned()),
            ("<ol><li>a<li>b</ol>c", "1. a\n2. b\n\nc".to_owned()),
            ("<ul><li><p>a</p></li><li>b<ol><li>c</li></ol></li></ul>d", "* a\n\n* b\n1. c\n\nd".to_owned()),
            ("<ul><li></li></ul>a", "a".to_owned()),
            ("<a href=u><p>a</p></a><a href=v>b<a href=w>c</a>", "a\n\nb (v)c (w)".to_owned()),
            ("<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc".to_owned()),
            ("a<!-- no -->b<![if !mso]>c<![endif]>", "abc".to_owned()),
            ("a<br><br><br><br>b", "a\n\nb".to_owned()),
            ("<head><title>no</title><style>p{}</style></head>a<script>if(a<b){}</script>b", "ab".to_owned()),
            (
                "<mjml><mj-head><mj-title>no</mj-title><mj-style>p>a{}</mj-style></mj-head><mj-body><mj-section><mj-column>\
                 <mj-text>Hi<br>you</mj-text><mj-button href=\"https://x.test\">Go</mj-button><mj-image src=\"a\" alt=\"pic\" />\
                 <mj-divider /><mj-spacer height=\"1px\" /><p>loose</p></mj-column></mj-section></mj-body></mjml>",
                format!("Hi\nyou\nGo (https://x.test)\npic\n{rule}\n\nloose"),
            ),
            (
                "<table class=\"block-row\"><tbody><tr><td><table><tbody><tr><td><a href=\"https://x.test\">Open</a></td><td>b</td></tr></tbody></table></td></tr></tbody></table>c",
                "Open (https://x.test) b\nc".to_owned(),
            ),
            ("<div dir=\"rtl\">שלום <b>עולם</b></div>", "שלום עולם".to_owned()),
            ("", String::new()),
        ] {
            assert_eq!(from_html(html), Ok(want), "{html}");
        }
    }
}
