//! Makes and reads tracked links and open images.

use campanile_core::ids::{EnvId, Ksuid};
use campanile_core::workflow::ChannelType;
use campanile_store::ShortLinkRow;
use campanile_template::tracking::Links as Rewriter;

use super::token::{self, LinkToken};
use super::{LINK_PATH, OPEN_PATH, SHORT_LINK_PATH, short};
use crate::catalog::ChannelEntry;
use crate::links::{Links, Signer};

/// Longer targets stay as they are: with its token the address would be longer than what we read.
const TARGET_BYTES_MAX: usize = 4_096;
/// More links of one message stay as they are.
const LINKS_MAX: usize = 1_000;
/// A provider of chat whose messages are read like text messages.
const WHATSAPP: &str = "chat_whatsapp";

/// How the tracked links of a channel look (section 10.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    /// All that is needed is in the link.
    Standard,
    /// A key under which the rest is stored.
    Short,
}

impl Form {
    pub(crate) fn of(entry: &ChannelEntry) -> Self {
        let is_short = entry.kind == ChannelType::Sms || entry.channel.provider == WHATSAPP;
        if is_short { Self::Short } else { Self::Standard }
    }
}

/// Our tracking addresses, and what signs them.
pub(crate) struct Tracker {
    public_url: String,
    links: Signer,
    short_links: Signer,
    opens: Signer,
    /// Pages of ours that are never tracked (R10.7).
    exempt: Vec<String>,
}

impl Tracker {
    pub(crate) fn new(links: &Links) -> Self {
        let public_url = links.public_url().to_owned();
        // Unsubscribe and preference pages, and what is tracked already.
        let exempt = ["/u/", "/p/", LINK_PATH, SHORT_LINK_PATH, OPEN_PATH];
        Self {
            links: links.signer(b"tracked link"),
            short_links: links.signer(b"short link"),
            opens: links.signer(b"open image"),
            exempt: exempt.iter().map(|path| format!("{public_url}{path}")).collect(),
            public_url,
        }
    }

    /// Hands `work` the links of one message to rewrite with; answers the rows of its short links too.
    pub(crate) fn rewrite<T>(
        &self,
        env: EnvId,
        message: Ksuid,
        form: Form,
        work: impl FnOnce(&mut Rewriter<'_>) -> T,
    ) -> (T, Vec<ShortLinkRow>) {
        let mut rows = Vec::new();
        let mut make = |link: usize, target: &str| {
            // No address has control characters, and PostgreSQL takes no NUL.
            if link >= LINKS_MAX || target.len() > TARGET_BYTES_MAX || target.contains(char::is_control) {
                return None;
            }
            let link = link as u64;
            Some(match form {
                Form::Standard => {
                    let token = LinkToken { env, message, link, target: target.to_owned() };
                    self.url(LINK_PATH, &token.sign(&self.links))
                }
                Form::Short => {
                    let key = short::key(message, link, &self.short_links);
                    let url = self.url(SHORT_LINK_PATH, &key);
                    rows.push(ShortLinkRow {
                        key,
                        message,
                        link: link as i64,
                        env,
                        target: target.to_owned(),
                    });
                    url
                }
            })
        };
        let done = work(&mut Rewriter::new(&mut make, &self.exempt));
        (done, rows)
    }

    /// Address of a message's open image.
    pub(crate) fn open_image(&self, env: EnvId, message: Ksuid) -> String {
        self.url(OPEN_PATH, &token::sign_message(env, message, &self.opens))
    }

    fn url(&self, path: &str, token: &str) -> String {
        format!("{}{path}{token}", self.public_url)
    }

    pub(crate) fn read_link(&self, token: &str) -> Option<LinkToken> {
        LinkToken::verify(token, &self.links)
    }

    pub(crate) fn read_open(&self, token: &str) -> Option<(EnvId, Ksuid)> {
        token::verify_message(token, &self.opens)
    }
}

#[cfg(test)]
mod tests {
    use campanile_core::time::Timestamp;
    use campanile_template::tracking::rewrite_text;

    use super::*;

    #[test]
    fn links_lead_back_to_their_message() {
        let tracker = Tracker::new(&Links::new("https://n.test", b"secret"));
        let (env, message) = (EnvId(1), Ksuid::random(Timestamp(1_767_258_000_000_000)));
        let long = format!("https://a.io/{}", "x".repeat(TARGET_BYTES_MAX));
        let nul = "https://a.io/\0x";
        let text = format!(
            "https://a.io/1 https://n.test/u/t https://n.test/p/t https://n.test/l/t https://n.test/x {long} {nul}"
        );
        for form in [Form::Standard, Form::Short] {
            let (text, rows) = tracker.rewrite(env, message, form, |links| rewrite_text(&text, links));
            let words: Vec<&str> = text.split(' ').collect();
            assert_eq!(words[1..4], ["https://n.test/u/t", "https://n.test/p/t", "https://n.test/l/t"]);
            assert_eq!(words[5..], [&long, nul]);
            if form == Form::Short {
                assert_eq!(rows.len(), 2);
                assert_eq!(words[0], format!("https://n.test/s/{}", rows[0].key));
                assert_eq!((&*rows[1].target, rows[1].link), ("https://n.test/x", 1));
            } else {
                let token = tracker.read_link(words[0].strip_prefix("https://n.test/l/").unwrap()).unwrap();
                assert_eq!((token.message, &*token.target, rows.len()), (message, "https://a.io/1", 0));
            }
        }
        let open = tracker.open_image(env, message);
        assert_eq!(tracker.read_open(open.strip_prefix("https://n.test/o/").unwrap()), Some((env, message)));
    }
}
