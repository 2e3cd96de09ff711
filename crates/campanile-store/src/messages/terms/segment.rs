//! How a segment of the term index is written: sorted terms with the instants of their messages, packed into pages.
//! Pure.
//!
//! A term is 32 bits of a hash of one member of the data. It may stand for another member too, since whoever finds a
//! message through it compares the data itself. An instant stands for all messages that were made in its microsecond.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::error::StoreError;

/// One member of trigger data as the index knows it.
pub(super) type Term = u32;

/// The term of data that is too wide to be indexed: its messages are candidates of every search.
pub(super) const WIDE: Term = 0;
/// Members of one message's data that are indexed at the most.
const TERMS_MAX: usize = 128;
/// Bytes of lists in one page; a longer list has a page of its own.
const PAGE_BYTES: usize = 1_600;

/// That `messages` messages of instant `at`, microseconds, have a term. Sorts by term, then newest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) term: Term,
    pub(super) at: i64,
    pub(super) messages: u32,
}

/// A page as it is stored: several whole lists, or one long list.
#[derive(Debug)]
pub(super) struct PageRow {
    pub(super) first: Term,
    pub(super) last: Term,
    pub(super) lists: Vec<u8>,
}

/// The term of one member; `value` is a scalar. Equal numbers have one term, however they are written.
pub(super) fn term(key: &str, value: &Value) -> Term {
    let mut hash = Hash(0xcbf2_9ce4_8422_2325);
    hash.add(key.as_bytes());
    match value {
        Value::Null => hash.add(b"\0z"),
        Value::Bool(value) => hash.add(&[0, b'b', u8::from(*value)]),
        Value::Number(number) => {
            hash.add(b"\0n");
            // Negative zero equals zero.
            hash.add(&(number.as_f64().unwrap_or(f64::MAX) + 0.0).to_bits().to_be_bytes());
        }
        Value::String(text) => {
            hash.add(b"\0s");
            hash.add(text.as_bytes());
        }
        Value::Array(_) | Value::Object(_) => hash.add(b"\0x"),
    }
    (hash.0 ^ (hash.0 >> 32)) as u32 | 1
}

/// FNV-1a: stored pages depend on it, so it is ours and never changes.
struct Hash(u64);

impl Hash {
    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// The terms of stored trigger data.
pub(super) fn terms(data: &str) -> BTreeSet<Term> {
    match serde_json::from_str::<Map<String, Value>>(data) {
        Ok(map) if map.len() <= TERMS_MAX => map.iter().map(|(key, value)| term(key, value)).collect(),
        _ => BTreeSet::from([WIDE]),
    }
}

/// Sorts entries and adds up those of one term and instant.
pub(super) fn sort(entries: &mut Vec<Entry>) {
    entries.sort_unstable_by_key(|entry| (entry.term, std::cmp::Reverse(entry.at)));
    entries.dedup_by(|next, kept| {
        let same = (next.term, next.at) == (kept.term, kept.at);
        kept.messages = kept.messages.saturating_add(if same { next.messages } else { 0 });
        same
    });
}

/// Packs sorted entries; `until` is an instant after all of them.
pub(super) fn pack(entries: &[Entry], until: i64) -> Vec<PageRow> {
    let mut pages: Vec<PageRow> = Vec::new();
    let mut list = Vec::new();
    for same in entries.chunk_by(|a, b| a.term == b.term) {
        let term = same[0].term;
        list.clear();
        put(&mut list, same.len() as u64);
        let mut last = until;
        for entry in same {
            let several = entry.messages != 1;
            put(&mut list, ((last - entry.at) as u64) << 1 | u64::from(several));
            if several {
                put(&mut list, entry.messages.into());
            }
            last = entry.at;
        }
        match pages.last_mut() {
            Some(page) if page.lists.len() + list.len() <= PAGE_BYTES => {
                put(&mut page.lists, (term - page.last).into());
                page.last = term;
                page.lists.extend_from_slice(&list);
            }
            _ => {
                let mut lists = Vec::with_capacity(list.len() + 1);
                put(&mut lists, 0);
                lists.extend_from_slice(&list);
                pages.push(PageRow { first: term, last: term, lists });
            }
        }
    }
    pages
}

/// Reads the entries of a page, those of one term when it is named, newest first within a term.
pub(super) fn unpack(
    first: Term,
    lists: &[u8],
    until: i64,
    only: Option<Term>,
    entries: &mut Vec<Entry>,
) -> Result<(), StoreError> {
    let broken = || StoreError::corrupt("a page of the term index cannot be read");
    let mut rest = lists;
    let mut term = first;
    while !rest.is_empty() {
        let step = take(&mut rest).and_then(|step| Term::try_from(step).ok()).ok_or_else(broken)?;
        term = term.checked_add(step).ok_or_else(broken)?;
        let wanted = only.is_none_or(|only| only == term);
        let mut at = until;
        for _ in 0..take(&mut rest).ok_or_else(broken)? {
            let step = take(&mut rest).ok_or_else(broken)?;
            let messages = if step & 1 == 1 { take(&mut rest).ok_or_else(broken)? } else { 1 };
            at = at.checked_sub((step >> 1) as i64).ok_or_else(broken)?;
            if wanted {
                entries.push(Entry { term, at, messages: u32::try_from(messages).unwrap_or(u32::MAX) });
            }
        }
        if only.is_some_and(|only| only <= term) {
            break;
        }
    }
    Ok(())
}

/// Appends a number, seven bits a byte, lowest first.
fn put(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn equal_members_have_one_term_and_others_differ() {
        let term = |key: &str, value: Value| super::term(key, &value);
        for (a, b) in [(json!(7), json!(7.0)), (json!(0), json!(-0.0)), (json!("é"), json!("é"))] {
            assert_eq!(term("k", a), term("k", b));
        }
        let all = [
            term("k", json!(1)),
            term("k", json!("1")),
            term("k", json!(true)),
            term("k", json!(null)),
            term("k", json!("")),
            term("l", json!(1)),
            term("k", json!(1.5)),
            term("k", json!(false)),
        ];
        assert_eq!(BTreeSet::from(all).len(), all.len());
        assert!(all.iter().all(|term| *term != WIDE));
    }

    #[test]
    fn stored_terms_never_move() {
        // Pages of every released version hold these.
        assert_eq!(
            [term("plan", &json!("pro")), term("n", &json!(3)), term("b", &json!(true))],
            [2_712_823_437, 892_244_523, 2_607_952_009]
        );
    }

    #[test]
    fn wide_or_unreadable_data_is_a_candidate_always() {
        let wide: Map<String, Value> = (0..=TERMS_MAX).map(|n| (n.to_string(), json!(n))).collect();
        assert_eq!(terms(&Value::Object(wide).to_string()), BTreeSet::from([WIDE]));
        assert_eq!(terms("[]"), BTreeSet::from([WIDE]));
        assert_eq!(terms("{}"), BTreeSet::new());
        assert_eq!(terms(r#"{"a":1,"b":"x"}"#).len(), 2);
    }

    #[test]
    fn pages_give_back_what_was_packed() {
        let mut state = 7u64;
        let mut next = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let until = 1_770_000_000_000_000;
        let mut entries = Vec::new();
        for n in 0..20_000 {
            // One term of many messages, some of several, many of one; instants far apart and the same.
            let term = match n % 4 {
                0 => 5,
                1 => 100 + next(50) as u32,
                2 => u32::MAX - next(3) as u32,
                _ => next(u64::from(u32::MAX)) as u32,
            };
            entries.push(Entry { term, at: until - 1 - next(1 << (10 + n % 40)) as i64, messages: 1 });
        }
        let total = entries.len() as u32;
        sort(&mut entries);
        assert_eq!(entries.iter().map(|entry| entry.messages).sum::<u32>(), total);
        let pages = pack(&entries, until);
        assert!(pages.is_sorted_by(|a, b| a.last < b.first));
        assert!(pages.iter().all(|page| page.lists.len() <= PAGE_BYTES + 5 || page.first == page.last));
        let mut read = Vec::new();
        for page in &pages {
            unpack(page.first, &page.lists, until, None, &mut read).unwrap();
        }
        assert_eq!(read, entries);
        for wanted in [5, 120, u32::MAX, 4] {
            let mut read = Vec::new();
            let page = pages.iter().rev().find(|page| page.first <= wanted && wanted <= page.last);
            if let Some(page) = page {
                unpack(page.first, &page.lists, until, Some(wanted), &mut read).unwrap();
            }
            let same: Vec<Entry> = entries.iter().filter(|entry| entry.term == wanted).copied().collect();
            assert_eq!(read, same, "{wanted}");
        }
    }

    #[test]
    fn a_broken_page_is_an_error() {
        let page = &pack(&[Entry { term: 9, at: 5, messages: 3 }], 10)[0];
        for len in 1..page.lists.len() {
            assert!(unpack(page.first, &page.lists[..len], 10, None, &mut Vec::new()).is_err(), "{len}");
        }
        assert!(unpack(1, &[0xff; 40], 10, None, &mut Vec::new()).is_err());
    }
}
