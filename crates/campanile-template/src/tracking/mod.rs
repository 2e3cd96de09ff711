//! Tracked links and the open image of one message (templates.md section 14, delivery.md section 10). Pure: what a
//! tracked link looks like is the caller's business.

mod html;
mod json;
mod markdown;
mod text;

use std::collections::{HashMap, HashSet};

pub use self::html::{append_open_image, rewrite_html};
pub use self::json::rewrite_json;
pub use self::markdown::rewrite_markdown;
pub use self::text::rewrite_text;

/// What every tracked target begins with (R10.3).
const HTTPS: &str = "https://";

/// Links of one message that were rewritten. The same target has the same link in the HTML and in the text (R10.8).
pub struct Links<'l> {
    make: &'l mut dyn FnMut(usize, &str) -> Option<String>,
    /// Addresses that are never tracked: unsubscribe and preference center pages, tracking domains (R10.7).
    exempt: &'l [String],
    made: HashMap<String, String>,
    /// Targets that carry `data-knock-no-track`.
    opted_out: HashSet<String>,
}

impl std::fmt::Debug for Links<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Links").field("made", &self.made).finish_non_exhaustive()
    }
}

impl<'l> Links<'l> {
    /// `make` answers the tracked form of the n-th target of the message, or nothing for one that it cannot track. What
    /// begins with one of `exempt` is left.
    pub fn new(make: &'l mut dyn FnMut(usize, &str) -> Option<String>, exempt: &'l [String]) -> Self {
        Self { make, exempt, made: HashMap::new(), opted_out: HashSet::new() }
    }

    /// The tracked form of a target; `None` for one that stays. Only absolute `https` addresses are tracked.
    fn tracked(&mut self, target: &str) -> Option<String> {
        let is_https = target.get(..HTTPS.len()).is_some_and(|start| start.eq_ignore_ascii_case(HTTPS));
        let is_exempt =
            || self.exempt.iter().any(|prefix| !prefix.is_empty() && target.starts_with(&**prefix));
        if !is_https || target.len() == HTTPS.len() || is_exempt() {
            return None;
        }
        if let Some(made) = self.made.get(target) {
            return Some(made.clone());
        }
        let made = (self.make)(self.made.len(), target)?;
        self.made.insert(target.to_owned(), made.clone());
        Some(made)
    }

    /// Targets and their links, in no order.
    pub fn made(&self) -> impl Iterator<Item = (&str, &str)> {
        self.made.iter().map(|(target, link)| (&**target, &**link))
    }
}

#[cfg(test)]
mod tests;
