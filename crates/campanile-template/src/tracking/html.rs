//! Links of HTML.

use std::borrow::Cow;
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};

use lol_html::{RewriteStrSettings, element, rewrite_str};

use super::Links;

/// Keeps an `<a>` out of tracking; never part of what is sent (R10.6).
const NO_TRACK: &str = "data-knock-no-track";

/// Rewrites the `href` of every `<a>`. Without `links` only the marks of authors are taken out.
pub fn rewrite_html<'h>(html: &'h str, links: Option<&mut Links<'_>>) -> Cow<'h, str> {
    if links.is_none() && !has_mark(html) {
        return Cow::Borrowed(html);
    }
    let links = RefCell::new(links);
    let anchors = element!("a", |anchor| {
        let is_marked = anchor.has_attribute(NO_TRACK);
        anchor.remove_attribute(NO_TRACK);
        let (Some(href), Some(links)) = (anchor.get_attribute("href"), &mut *links.borrow_mut()) else {
            return Ok(());
        };
        let target = decoded(href.trim());
        if is_marked {
            links.opted_out.insert(target);
        } else if let Some(tracked) = links.tracked(&target) {
            anchor.set_attribute("href", &tracked)?;
        }
        Ok(())
    });
    let settings = RewriteStrSettings::new().append_element_content_handler(anchors);
    // Foreign code fed with what customers write: a bug in it must stay one mail without tracking.
    match catch_unwind(AssertUnwindSafe(|| rewrite_str(html, settings))) {
        Ok(Ok(rewritten)) => Cow::Owned(rewritten),
        _ => Cow::Borrowed(html),
    }
}

fn has_mark(html: &str) -> bool {
    html.match_indices('-').any(|(at, _)| {
        let start = at.checked_sub(4).and_then(|start| html.get(start..start + NO_TRACK.len()));
        start.is_some_and(|text| text.eq_ignore_ascii_case(NO_TRACK))
    })
}

/// An attribute's value without the references that addresses have in HTML.
pub(super) fn decoded(value: &str) -> String {
    if !value.contains('&') {
        return value.to_owned();
    }
    value.replace("&quot;", "\"").replace("&#39;", "'").replace("&#38;", "&").replace("&amp;", "&")
}

/// Puts the open image in front of `</body>`, or at the end of a document without one (R10.15).
pub fn append_open_image(html: &mut String, address: &str) {
    let image = format!(r#"<img src="{}" alt="" width="1" height="1">"#, address.replace('"', "&quot;"));
    let end = html.len().saturating_sub("</body>".len());
    let at = (0..=end)
        .rev()
        .find(|at| html.as_bytes().get(*at..at + 6).is_some_and(|text| text.eq_ignore_ascii_case(b"</body")));
    html.insert_str(at.unwrap_or(html.len()), &image);
}
