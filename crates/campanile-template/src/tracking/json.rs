//! Links of chat messages that are JSON: cards and blocks in the provider's own form (R10.5).

use serde_json::Value;

use super::html::decoded;
use super::{HTTPS, Links, rewrite_markdown};

/// Deeper is left as it is; no provider reads so deep.
const DEPTH_MAX: usize = 100;
/// How far a link in a text reaches.
const LOOK_AHEAD_BYTES: usize = 4_096;

/// Keys whose address somebody follows by a click.
const LINK_KEYS: &[&str] = &["url", "uri", "link", "href"];
/// Keys whose address somebody follows by a click end so, unless they name something to show.
const LINK_SUFFIXES: &[&str] = &["_url", "_link"];
const SHOWN_KEYS: &[&str] = &[
    "image_url",
    "icon_url",
    "thumb_url",
    "thumbnail_url",
    "avatar_url",
    "video_url",
    "proxy_url",
    "response_url",
];
/// Things to show, whose `url` is no link.
const SHOWN_OBJECTS: &[&str] =
    &["image", "thumbnail", "icon", "video", "audio", "media", "slack_file", "backgroundimage", "avatar"];
/// What no reader sees: it comes back to who sent it.
const HIDDEN_KEYS: &[&str] = &["metadata", "action_id", "block_id", "callback_id"];

/// Rewrites targets of buttons and cards, and links in texts.
pub fn rewrite_json(json: &mut Value, links: &mut Links<'_>) {
    rewrite(json, None, Text::Any, links, 0);
}

/// How links in texts look.
#[derive(Clone, Copy, PartialEq)]
enum Text {
    /// `<https://…|label>`.
    Slack,
    Markdown,
    /// Both; nobody said.
    Any,
    Plain,
}

fn rewrite(json: &mut Value, key: Option<&str>, text: Text, links: &mut Links<'_>, depth: usize) {
    if depth > DEPTH_MAX {
        return;
    }
    match json {
        Value::String(value) => {
            let rewritten = match key {
                Some(key) if is_link(key) => links.tracked(value.trim()),
                _ => value.contains(HTTPS).then(|| rewrite_in(value, text, links)),
            };
            if let Some(rewritten) = rewritten {
                *value = rewritten;
            }
        }
        Value::Array(list) => list.iter_mut().for_each(|item| rewrite(item, key, text, links, depth + 1)),
        Value::Object(members) => {
            let kind = members.get("type").and_then(Value::as_str).unwrap_or_default().to_ascii_lowercase();
            let is_shown = [kind.as_str(), &key.unwrap_or_default().to_ascii_lowercase()]
                .iter()
                .any(|name| SHOWN_OBJECTS.contains(name));
            let text = match kind.as_str() {
                "mrkdwn" => Text::Slack,
                "markdown" | "textblock" => Text::Markdown,
                "plain_text" => Text::Plain,
                _ => text,
            };
            for (key, value) in members {
                let is_left = SHOWN_KEYS.contains(&&**key)
                    || HIDDEN_KEYS.contains(&&**key)
                    || is_shown && value.is_string() && key.eq_ignore_ascii_case("url");
                if !is_left {
                    rewrite(value, Some(key), text, links, depth + 1);
                }
            }
        }
        _ => {}
    }
}

fn is_link(key: &str) -> bool {
    LINK_KEYS.contains(&key) || LINK_SUFFIXES.iter().any(|suffix| key.ends_with(suffix))
}

fn rewrite_in(value: &str, text: Text, links: &mut Links<'_>) -> String {
    match text {
        Text::Plain => value.to_owned(),
        Text::Markdown => rewrite_markdown(value, links),
        Text::Slack => rewrite_marked(value, &[("<", &['|', '>'])], links),
        Text::Any => rewrite_marked(value, &[("<", &['|', '>']), ("](", &[')', ' '])], links),
    }
}

/// Rewrites addresses that stand behind an opening mark and before one of its ends.
fn rewrite_marked(value: &str, marks: &[(&str, &[char])], links: &mut Links<'_>) -> String {
    let mut out = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(start) = rest.find(HTTPS) {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let near = &from[..from.floor_char_boundary(LOOK_AHEAD_BYTES)];
        let found = marks.iter().find(|(open, _)| before.ends_with(open)).and_then(|(open, ends)| {
            let end = near.find(|c: char| c.is_whitespace() || ends.contains(&c))?;
            let closes = near[end..].starts_with(*ends);
            closes.then_some((*open, &near[..end]))
        });
        let Some((open, address)) = found else {
            out.push_str(HTTPS);
            rest = &from[HTTPS.len()..];
            continue;
        };
        match links.tracked(&decoded(address)) {
            // What had no text of its own shows what it showed before.
            Some(link) if open == "<" && near[address.len()..].starts_with('>') => {
                out.push_str(&format!("{link}|{address}"));
            }
            Some(link) => out.push_str(&link),
            None => out.push_str(address),
        }
        rest = &from[address.len()..];
    }
    out.push_str(rest);
    out
}
