//! Lists of messages filtered by trigger data: the newest messages by walking, the others through their segments.

use campanile_core::ids::{EnvId, Ksuid};
use campanile_core::time::Timestamp;
use serde_json::{Map, Value};

use super::indexer::successor;
use super::segment::{Entry, Term, WIDE, term, unpack};
use crate::db::{Cost, Param, Store};
use crate::error::StoreError;
use crate::messages::filter::Where;
use crate::messages::{COLUMNS, MessageView, view};
use crate::page::{Page, PageRequest};

/// Terms that are looked up; the other members are compared only.
const TERMS_MAX: usize = 8;
/// Segments asked in one statement, at first and later.
const SEGMENTS_FIRST: i64 = 16;
const SEGMENTS_MAX: i64 = 128;
/// Instants compared in one statement at the most.
const INSTANTS_MAX: usize = 1_024;
/// Digits that make the smallest id of an instant its largest: 108 bits.
const NOISE: &str = "FFFFFFFFFFFFFFFFFFFFFFFFFFF";

/// A list in the making.
struct Search<'s> {
    store: &'s Store,
    env: EnvId,
    /// Everything but the bounds of the ids: SQLite walks by one bound of each side, whichever it meets first.
    wanted: Where,
    bounds: Bounds,
    is_backward: bool,
    rows: Vec<MessageView>,
    rows_max: usize,
    /// Instants to be looked at, in reading order.
    candidates: Vec<Entry>,
    /// How many candidates a missing row is worth: more when most of them turned out to be others.
    effort: usize,
}

/// What limits the ids of a page, besides the place where it is looked for.
#[derive(Debug, Clone, Copy, Default)]
struct Bounds {
    /// From this on.
    from: Option<Ksuid>,
    /// Before this.
    until: Option<Ksuid>,
}

impl Store {
    /// One page of the messages that meet the conditions, `data` among them and bounds of the id not, and lie between the
    /// two instants.
    pub(in crate::messages) async fn search_messages(
        &self,
        env: EnvId,
        wanted: Where,
        data: &Map<String, Value>,
        (from, until): (Option<Timestamp>, Option<Timestamp>),
        page: &PageRequest,
    ) -> Result<Page<MessageView>, StoreError> {
        let terms: Vec<Term> = data.iter().map(|(key, value)| term(key, value)).take(TERMS_MAX).collect();
        let cursor =
            page.key().map(|key| key.try_into().map(Ksuid).map_err(StoreError::corrupt)).transpose()?;
        let is_backward = page.is_backward();
        let mut search = Search {
            store: self,
            env,
            wanted,
            bounds: Bounds { from: from.map(Ksuid::floor), until: until.map(Ksuid::floor) },
            is_backward,
            rows: Vec::new(),
            rows_max: page.size + 1,
            candidates: Vec::new(),
            effort: 1,
        };
        let (mut low, mut high) = (from.map_or(0, |at| at.0), until.map_or(i64::MAX, |at| at.0));
        if let Some(cursor) = cursor {
            match is_backward {
                true => {
                    low = low.max(cursor.at().0);
                    search.bounds.from = search.bounds.from.max(Some(successor(cursor)));
                }
                false => {
                    high = high.min(cursor.at().0.saturating_add(1));
                    search.bounds.until = Some(search.bounds.until.map_or(cursor, |until| until.min(cursor)));
                }
            }
        }
        // Late instants are read before the segments that they may go into meanwhile.
        let (indexed, mut late) = self.term_marks(env).await?;
        late.retain(|at| (low..high.min(indexed)).contains(at));
        if !is_backward && high > indexed {
            search.walk(indexed).await?;
        }
        search.in_segments(&terms, low, high.min(indexed), late).await?;
        if is_backward && high > indexed {
            search.walk(indexed).await?;
        }
        Ok(page.page(search.rows, |message| message.row.id.0.to_vec()))
    }

    /// Until when the segments reach, and the instants of late messages, in one snapshot.
    async fn term_marks(&self, env: EnvId) -> Result<(i64, Vec<i64>), StoreError> {
        let sql = "SELECT indexed_until, NULL FROM term_marks WHERE env = $1 \
                   UNION ALL SELECT NULL, message FROM term_late WHERE env = $1";
        let (mut indexed, mut late) = (0, Vec::new());
        for row in self.query(Cost::Point, sql, &[env.into()]).await? {
            match row.opt_int(0)? {
                Some(until) => indexed = until,
                None => late.push(row.ksuid(1)?.at().0),
            }
        }
        Ok((indexed, late))
    }
}

impl Search<'_> {
    fn missing(&self) -> usize {
        self.rows_max - self.rows.len()
    }

    /// Walks what has no segment yet.
    async fn walk(&mut self, from: i64) -> Result<(), StoreError> {
        if self.missing() == 0 {
            return Ok(());
        }
        let order = if self.is_backward { "ASC" } else { "DESC" };
        let mut wanted = self.wanted.clone();
        let from = Ksuid::floor(Timestamp(from));
        wanted.and_param("m.id >=", self.bounds.from.map_or(from, |bound| bound.max(from)));
        if let Some(until) = self.bounds.until {
            wanted.and_param("m.id <", until);
        }
        let limit = wanted.param(Param::Int(self.missing() as i64));
        let sql = format!(
            "SELECT {COLUMNS} FROM messages m WHERE {} ORDER BY m.id {order} LIMIT {limit}",
            wanted.text
        );
        for row in self.store.query(Cost::Scan, &sql, &wanted.params).await? {
            self.rows.push(view(row)?);
        }
        Ok(())
    }

    /// Asks the segments between two instants, in reading order, until the page is full.
    async fn in_segments(
        &mut self,
        terms: &[Term],
        mut low: i64,
        mut high: i64,
        mut late: Vec<i64>,
    ) -> Result<(), StoreError> {
        // The next late instant in reading order is the last.
        late.sort_unstable();
        if self.is_backward {
            late.reverse();
        }
        let sql = self.segments_sql(terms.len());
        let mut segments_max = SEGMENTS_FIRST;
        while self.missing() > 0 && low < high {
            let mut params = vec![
                self.env.into(),
                Param::Int(low),
                Param::Int(high),
                Param::Int(segments_max),
                Param::Int(WIDE.into()),
            ];
            params.extend(terms.iter().map(|term| Param::Int((*term).into())));
            let found = self.store.query(Cost::Scan, &sql, &params).await?;
            let is_last = (found.len() as i64) < segments_max;
            for row in found {
                let (since, until) = (row.int(0)?, row.int(1)?);
                let mut entries = candidates(&row, terms, until)?;
                entries.retain(|entry| (low..high).contains(&entry.at));
                match self.is_backward {
                    true => {
                        late_until(&mut late, &mut entries, |at| at < until);
                        low = low.max(until);
                        entries.sort_unstable_by_key(|entry| entry.at);
                    }
                    false => {
                        late_until(&mut late, &mut entries, |at| at >= since);
                        high = high.min(since);
                        entries.sort_unstable_by_key(|entry| std::cmp::Reverse(entry.at));
                    }
                }
                entries.dedup_by_key(|entry| entry.at);
                self.candidates.extend(entries);
                self.compare(false).await?;
                if self.missing() == 0 {
                    return Ok(());
                }
            }
            if is_last {
                break;
            }
            segments_max = SEGMENTS_MAX;
        }
        late_until(&mut late, &mut self.candidates, |_| true);
        self.compare(true).await
    }

    /// Asks for the segments in reading order, with the page of each term and the one of wide data.
    fn segments_sql(&self, terms: usize) -> String {
        let (order, pages) = (if self.is_backward { "ASC" } else { "DESC" }, 5..=5 + terms);
        let pages: String = pages
            .map(|place| {
                // The last page that begins before the term; a long list of another term is not read.
                format!(
                    ", (SELECT p.first_term FROM term_pages p WHERE p.env = s.env AND p.segment = s.id \
                     AND p.first_term <= ${place} ORDER BY p.first_term DESC LIMIT 1), \
                     (SELECT CASE WHEN p.last_term >= ${place} THEN p.lists END FROM term_pages p \
                     WHERE p.env = s.env AND p.segment = s.id AND p.first_term <= ${place} \
                     ORDER BY p.first_term DESC LIMIT 1)"
                )
            })
            .collect();
        format!(
            "SELECT s.since_at, s.until_at{pages} FROM term_segments s WHERE s.env = $1 AND s.until_at > $2 \
             AND s.since_at < $3 ORDER BY s.until_at {order} LIMIT $4"
        )
    }

    /// Reads the messages of the candidates when they may fill the page, and of all of them at the end.
    async fn compare(&mut self, is_end: bool) -> Result<(), StoreError> {
        while self.missing() > 0 && !self.candidates.is_empty() {
            let needed = self.missing() * self.effort;
            let (mut count, mut messages) = (0, 0);
            while count < self.candidates.len().min(INSTANTS_MAX) && messages < needed {
                messages += self.candidates[count].messages as usize;
                count += 1;
            }
            if messages < needed && count < INSTANTS_MAX && !is_end {
                break;
            }
            let before = self.rows.len();
            self.read(count).await?;
            self.candidates.drain(..count);
            if self.rows.len() - before < messages / 2 {
                self.effort = (self.effort * 4).min(INSTANTS_MAX);
            }
        }
        Ok(())
    }

    /// Reads those messages of the first candidates that meet all conditions.
    async fn read(&mut self, count: usize) -> Result<(), StoreError> {
        let order = if self.is_backward { "ASC" } else { "DESC" };
        let mut wanted = self.wanted.clone();
        // The instants bound the walk; these only compare.
        let id = if self.store.is_shared() { "m.id" } else { "+m.id" };
        if let Some(from) = self.bounds.from {
            wanted.and_param(&format!("{id} >="), from);
        }
        if let Some(until) = self.bounds.until {
            wanted.and_param(&format!("{id} <"), until);
        }
        let lows = self.candidates[..count].iter().map(|entry| Ksuid::floor(Timestamp(entry.at)));
        let limit = wanted.param(Param::Int(self.missing() as i64));
        let sql = if self.store.is_shared() {
            let highs = lows.clone().map(|low| ceiling(low).0.to_vec()).collect();
            let low = wanted.param(Param::Blobs(lows.map(|low| low.0.to_vec()).collect()));
            let high = wanted.param(Param::Blobs(highs));
            format!(
                "SELECT m.* FROM unnest({low}::bytea[], {high}::bytea[]) AS c (low, high) CROSS JOIN LATERAL \
                 (SELECT {COLUMNS} FROM messages m WHERE {} AND m.id >= c.low AND m.id <= c.high \
                 ORDER BY m.id {order} LIMIT {limit}) m ORDER BY m.id {order} LIMIT {limit}",
                wanted.text
            )
        } else {
            // The instant is the first 13 hexadecimal digits of an id.
            let place = wanted.param(Param::Blobs(lows.map(|low| low.0.to_vec()).collect()));
            format!(
                "SELECT {COLUMNS} FROM json_each({place}) c CROSS JOIN messages m WHERE m.env = $1 AND m.id IN \
                 (SELECT m.id FROM messages m WHERE {} AND m.id >= unhex(c.value) \
                 AND m.id <= unhex(substr(c.value, 1, 13) || '{NOISE}') ORDER BY m.id {order} LIMIT {limit}) \
                 ORDER BY m.id {order} LIMIT {limit}",
                wanted.text
            )
        };
        for row in self.store.query(Cost::Scan, &sql, &wanted.params).await? {
            self.rows.push(view(row)?);
        }
        Ok(())
    }
}

/// The largest id of the instant whose smallest one is given.
fn ceiling(mut low: Ksuid) -> Ksuid {
    low.0[6] |= 0x0f;
    low.0[7..].fill(0xff);
    low
}

/// The instants of one segment that have all terms, and those of wide data.
fn candidates(row: &crate::db::Row, terms: &[Term], until: i64) -> Result<Vec<Entry>, StoreError> {
    let list = |n: usize, term: Term| -> Result<Vec<Entry>, StoreError> {
        let mut entries = Vec::new();
        if !row.is_null(3 + 2 * n) {
            unpack(row.int(2 + 2 * n)? as Term, row.blob(3 + 2 * n)?, until, Some(term), &mut entries)?;
        }
        Ok(entries)
    };
    let mut common: Option<Vec<Entry>> = None;
    for (n, term) in terms.iter().enumerate() {
        let entries = list(n + 1, *term)?;
        common = Some(match common {
            Some(before) => intersection(before, &entries),
            None => entries,
        });
    }
    let mut all = common.unwrap_or_default();
    all.extend(list(0, WIDE)?);
    Ok(all)
}

/// Entries of instants that are in both; both are sorted, newest first.
fn intersection(mut one: Vec<Entry>, other: &[Entry]) -> Vec<Entry> {
    let mut rest = other.iter().peekable();
    one.retain_mut(|entry| {
        while rest.next_if(|next| next.at > entry.at).is_some() {}
        match rest.peek() {
            Some(next) if next.at == entry.at => {
                entry.messages = entry.messages.min(next.messages);
                true
            }
            _ => false,
        }
    });
    one
}

/// Moves late instants over while they come before the end of a segment.
fn late_until(late: &mut Vec<i64>, entries: &mut Vec<Entry>, is_before: impl Fn(i64) -> bool) {
    while let Some(at) = late.pop_if(|at| is_before(*at)) {
        entries.push(Entry { term: WIDE, at, messages: 1 });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_covers_its_ids() {
        let at = Timestamp(1_770_000_000_123_456);
        let (low, high) = (Ksuid::floor(at), ceiling(Ksuid::floor(at)));
        let next = Ksuid::floor(Timestamp(at.0 + 1));
        for n in 0..100u8 {
            let id = Ksuid::derived(at, &[&[n]]);
            assert!(low <= id && id <= high && high < next);
        }
        assert_eq!(high.at(), at);
        // As the statement makes it from hexadecimal digits.
        let digits: String = low.0.iter().map(|byte| format!("{byte:02X}")).collect();
        let made = format!("{}{NOISE}", &digits[..13]);
        assert_eq!(made, high.0.iter().map(|byte| format!("{byte:02X}")).collect::<String>());
    }

    #[test]
    fn intersections_keep_order_and_the_smaller_count() {
        let entries = |list: &[(i64, u32)]| -> Vec<Entry> {
            list.iter().map(|&(at, messages)| Entry { term: 1, at, messages }).collect()
        };
        let one = entries(&[(9, 3), (7, 1), (5, 1), (1, 2)]);
        let other = entries(&[(10, 1), (9, 1), (6, 1), (5, 4)]);
        assert_eq!(intersection(one, &other), entries(&[(9, 1), (5, 1)]));
    }
}
