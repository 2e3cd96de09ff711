//! What was triggered, what was answered, and whether the world agrees.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::receivers::Receivers;
use super::{Node, leftovers};

/// Users of the load: more than are expanded at once.
pub const USERS: usize = 300;

/// What became of a trigger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    /// Sent, and no 2xx: it may exist or not, whole or not at all.
    Cut,
    /// 2xx.
    Accepted,
}

struct Entry {
    to: Vec<usize>,
    fate: Fate,
}

/// Every trigger of a test; its number is its `data.n`.
#[derive(Default)]
pub struct Ledger {
    entries: Mutex<Vec<Entry>>,
    problems: Mutex<Vec<String>>,
    expected: AtomicUsize,
    accepted: AtomicUsize,
}

/// Number of the trigger and of the user.
type Pair = (usize, usize);

/// Ids by pair, with the life in which each arrived.
type Seen = HashMap<Pair, Vec<(String, u64)>>;

/// What the world has.
pub struct World {
    feed: Seen,
    mails: Seen,
    hooks: Seen,
}

/// Figures for people.
#[derive(Debug)]
#[allow(dead_code, reason = "read through Debug")]
pub struct Figures {
    triggers: usize,
    accepted: usize,
    cut: usize,
    cut_and_delivered: usize,
    feed_items: usize,
    mails_twice: usize,
    hooks_twice: usize,
}

impl Ledger {
    /// Notes a trigger that is about to be sent.
    pub fn begin(&self, to: Vec<usize>) -> usize {
        let mut entries = self.entries.lock();
        entries.push(Entry { to, fate: Fate::Cut });
        entries.len() - 1
    }

    /// Notes a 2xx.
    pub fn accepted(&self, n: usize) {
        let mut entries = self.entries.lock();
        entries[n].fate = Fate::Accepted;
        self.expected.fetch_add(entries[n].to.len(), Ordering::SeqCst);
        self.accepted.fetch_add(1, Ordering::SeqCst);
    }

    /// Notes an answer that should not have been given.
    pub fn problem(&self, what: String) {
        self.problems.lock().push(what);
    }

    /// Deliveries per channel that the accepted triggers ask for.
    pub fn expected(&self) -> usize {
        self.expected.load(Ordering::SeqCst)
    }

    /// Triggers answered 2xx so far.
    pub fn count(&self) -> usize {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Waits until everything accepted is everywhere, and checks that nothing is anywhere twice under two ids.
    pub async fn settle(&self, node: &Node, receivers: &Receivers, seconds: u64) -> Figures {
        let feed_id = node.client.channel_id("in-app-feed").await;
        node.wait("everything accepted was mailed and posted", seconds, || async {
            let world = World { feed: Seen::new(), mails: mails(receivers), hooks: calls(receivers) };
            self.missing(&world, false)
        })
        .await;
        leftovers::none_soon(node, seconds).await;
        let world = node
            .wait("everything accepted is delivered, everything else whole or absent", seconds, || async {
                let feed = feeds(node, &feed_id).await?;
                let world = World { feed, mails: mails(receivers), hooks: calls(receivers) };
                self.missing(&world, true).map(|()| world)
            })
            .await;
        self.check(&world)
    }

    /// What should be there and is not.
    fn missing(&self, world: &World, with_feed: bool) -> Result<(), String> {
        let there = world.numbers();
        let mut lacking = Vec::new();
        let mut count = 0;
        for (n, entry) in self.entries.lock().iter().enumerate() {
            if entry.fate == Fate::Cut && !there.contains(&n) {
                continue;
            }
            for &user in &entry.to {
                let pair = (n, user);
                for (place, seen) in [("feed", &world.feed), ("mail", &world.mails), ("hook", &world.hooks)] {
                    if (with_feed || place != "feed") && !seen.contains_key(&pair) {
                        count += 1;
                        if lacking.len() < 8 {
                            lacking.push(format!("n={n} u{user} {place} ({:?})", entry.fate));
                        }
                    }
                }
            }
        }
        if count == 0 { Ok(()) } else { Err(format!("{count} are missing, among them {lacking:?}")) }
    }

    /// Nothing that nobody asked for, nothing twice in a feed, one id for each message, repeats only across lives.
    fn check(&self, world: &World) -> Figures {
        assert_eq!(*self.problems.lock(), Vec::<String>::new(), "answers that should not have been given");
        let entries = self.entries.lock();
        for seen in [&world.feed, &world.mails, &world.hooks] {
            for (n, user) in seen.keys() {
                let asked = entries.get(*n).is_some_and(|entry| entry.to.contains(user));
                assert!(asked, "u{user} has n={n}, which was never triggered for it");
            }
        }
        let mut ids = HashSet::new();
        for (pair, items) in &world.feed {
            assert_eq!(items.len(), 1, "the feed has {pair:?} more than once: {items:?}");
            assert!(ids.insert(items[0].0.clone()), "two feed items share the id {}", items[0].0);
        }
        let mut twice = [0, 0];
        for (k, seen) in [&world.mails, &world.hooks].into_iter().enumerate() {
            for (pair, arrivals) in seen {
                let (first, life) = &arrivals[0];
                assert!(!first.is_empty(), "{pair:?} came without an id");
                assert!(ids.insert(first.clone()), "{first} is the id of two messages");
                twice[k] += arrivals.len() - 1;
                for (nth, (id, again)) in arrivals.iter().enumerate().skip(1) {
                    assert_eq!(id, first, "{pair:?} came under two ids");
                    let before = if nth == 1 { life } else { &arrivals[nth - 1].1 };
                    assert!(again > before, "{pair:?} came twice without a kill in between: {arrivals:?}");
                }
            }
        }
        let there = world.numbers();
        let cut: Vec<usize> =
            entries.iter().enumerate().filter(|(_, e)| e.fate == Fate::Cut).map(|(n, _)| n).collect();
        Figures {
            triggers: entries.len(),
            accepted: entries.len() - cut.len(),
            cut: cut.len(),
            cut_and_delivered: cut.iter().filter(|n| there.contains(n)).count(),
            feed_items: world.feed.len(),
            mails_twice: twice[0],
            hooks_twice: twice[1],
        }
    }
}

impl World {
    fn numbers(&self) -> HashSet<usize> {
        [&self.feed, &self.mails, &self.hooks]
            .into_iter()
            .flat_map(|seen| seen.keys().map(|(n, _)| *n))
            .collect()
    }
}

/// `u17` → 17.
fn user(text: &str) -> Option<usize> {
    text.strip_prefix('u')?.parse().ok()
}

fn mails(receivers: &Receivers) -> Seen {
    let mut seen = Seen::new();
    for mail in receivers.mail.taken() {
        let parts = mail.subject.strip_prefix("n=").and_then(|rest| rest.split_once(" to="));
        let pair = parts.and_then(|(n, to)| Some((n.parse().ok()?, user(to)?)));
        let pair = pair.unwrap_or_else(|| panic!("a mail that nobody sent: {mail:?}"));
        seen.entry(pair).or_default().push((mail.id, mail.life));
    }
    seen
}

fn calls(receivers: &Receivers) -> Seen {
    let mut seen = Seen::new();
    for call in receivers.hooks.calls() {
        let pair = call.body["n"].as_u64().zip(call.body["to"].as_str().and_then(user));
        let (n, user) = pair.unwrap_or_else(|| panic!("a webhook that nobody sent: {call:?}"));
        seen.entry((n as usize, user)).or_default().push((call.id, call.life));
    }
    seen
}

async fn feeds(node: &Node, feed_id: &str) -> Result<Seen, String> {
    let mut seen = Seen::new();
    for user in 0..USERS {
        for item in node.client.all(&format!("/v1/users/u{user}/feeds/{feed_id}"), "entries").await? {
            let n = item["data"]["n"].as_u64().ok_or_else(|| format!("an item without a number: {item}"))?;
            let rendered = item["blocks"][0]["rendered"].as_str().unwrap_or_default();
            if !rendered.contains(&format!("number {n}<")) {
                return Err(format!("item {n} shows something else: {item}"));
            }
            let id = item["id"].as_str().unwrap_or_default().to_owned();
            seen.entry((n as usize, user)).or_default().push((id, 0));
        }
    }
    Ok(seen)
}
