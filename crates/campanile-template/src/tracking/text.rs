//! Links of plain text.

use super::{HTTPS, Links};

/// Replaces bare `https` addresses in place, but for those that the HTML keeps out of tracking.
pub fn rewrite_text(text: &str, links: &mut Links<'_>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(HTTPS) {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let end = from.find(ends_word).unwrap_or(from.len());
        if is_inside_address(before) {
            out.push_str(&from[..end]);
            rest = &from[end..];
            continue;
        }
        let address = address_of(&from[..end]);
        let is_kept = links.opted_out.contains(address);
        match if is_kept { None } else { links.tracked(address) } {
            Some(tracked) => out.push_str(&tracked),
            None => out.push_str(address),
        }
        rest = &from[address.len()..];
    }
    out.push_str(rest);
    out
}

fn ends_word(c: char) -> bool {
    c.is_whitespace() || matches!(c, '<' | '>' | '"')
}

/// Whether what follows belongs to another address, as in `http://a.io/?to=https://b.io`.
pub(super) fn is_inside_address(before: &str) -> bool {
    let word = before.rfind(ends_word).map_or(before, |at| &before[at..]);
    word.contains("://")
}

/// Without the punctuation of the sentence around it (R10.9). A bracket that was opened inside belongs to it.
pub(super) fn address_of(word: &str) -> &str {
    // Nobody ends a sentence with more than this.
    const MARKS_MAX: usize = 8;
    let mut address = word;
    for _ in 0..MARKS_MAX {
        let inside =
            |open: char, close: char| address.matches(open).count() >= address.matches(close).count();
        let shorter = match address.chars().next_back() {
            Some('.' | ',' | '!') => &address[..address.len() - 1],
            Some(')') if !inside('(', ')') => &address[..address.len() - 1],
            Some(']') if !inside('[', ']') => &address[..address.len() - 1],
            _ => return address,
        };
        address = shorter;
    }
    address
}
