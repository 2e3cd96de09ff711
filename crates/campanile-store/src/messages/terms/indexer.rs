//! Making segments: sealing, indexing, merging, trimming. Every step is one short transaction that may be lost or done
//! by two nodes at once.

use std::collections::{BTreeSet, HashMap};

use campanile_core::ids::{EnvId, Ksuid};
use campanile_core::time::{Micros, Timestamp};

use super::segment::{Entry, Term, pack, sort, terms, unpack};
use crate::db::{Bulk, Column, Cost, Param, Store, Tx};
use crate::error::StoreError;

/// Fewer new messages are left to walking.
const MESSAGES_MIN: i64 = 512;
/// Age of the youngest message that is sealed: younger ones are often still to be committed.
const AGE_MIN: Micros = Micros::seconds(1);
/// Entries after which a segment is closed.
const ENTRIES_MAX: usize = 65_536;
/// Messages of which a segment holds all data, however few entries it has.
const SEGMENT_MESSAGES_MAX: usize = 65_536;
/// Messages in one read.
const SLICE: i64 = 4_096;
/// Segments of one level that are merged into one of the next.
const MERGED: usize = 8;
/// Segments of this level are not merged any more.
const LEVEL_MAX: i64 = 2;
/// Late messages are put into their segments when there are so many, or the oldest one has waited so long.
const LATE_MAX: usize = 64;
const LATE_FOR_MAX: Micros = Micros::seconds(600);
/// A segment of messages past their retention is read again so often, because in-app messages in it stay.
const TRIM_EVERY: Micros = Micros::seconds(30 * 86_400);

/// Indexes the trigger data of messages. One for each node; several at once do no harm.
pub struct TermIndexer {
    store: Store,
    /// The seal that waits for older transactions to end, and a transaction's number that is larger than all of theirs.
    waiting: HashMap<i64, (Timestamp, i64)>,
}

/// A stored segment: the messages from `since` until before `until`.
#[derive(Debug, Clone, Copy)]
struct Segment {
    id: i64,
    since: Timestamp,
    until: Timestamp,
    level: i64,
}

/// What was read of a stretch.
struct Stretch {
    entries: Vec<Entry>,
    until: Timestamp,
    messages: usize,
    /// Late messages that were noted before the messages were read.
    late: Vec<Ksuid>,
}

impl TermIndexer {
    /// An indexer of this store.
    pub fn new(store: Store) -> Self {
        Self { store, waiting: HashMap::new() }
    }

    /// One step for one environment; true when there is more to do at once.
    pub async fn step(&mut self, env: EnvId, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "SELECT sealed_until, indexed_until FROM term_marks WHERE env = $1";
        let marks = self.store.query_one(sql, &[env.into()]).await?;
        let (sealed, indexed) = match marks {
            Some(row) => (row.at(0)?, row.at(1)?),
            None => (Timestamp(0), Timestamp(0)),
        };
        if sealed > indexed {
            return Ok(self.is_settled(env, sealed).await? && self.index(env, indexed, sealed).await?);
        }
        Ok(self.seal(env, indexed, now).await? || self.fold_late(env, now).await? || self.merge(env).await?)
    }

    /// Whether there is something to index that must wait for older transactions.
    pub async fn is_waiting(&self, env: EnvId) -> Result<bool, StoreError> {
        let sql = "SELECT 1 FROM term_marks WHERE env = $1 AND sealed_until > indexed_until";
        Ok(self.store.query_one(sql, &[env.into()]).await?.is_some())
    }

    /// Trims one segment that is older than `until`; true when there may be more.
    pub async fn trim(&self, until: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "SELECT id, since_at, until_at, level, env FROM term_segments WHERE until_at <= $1 \
                   AND (trimmed_at IS NULL OR trimmed_at < $2) LIMIT 1";
        let params = [until.into(), Param::Int(now.0 - TRIM_EVERY.0)];
        let Some(row) = self.store.query_one(sql, &params).await? else { return Ok(false) };
        let env = EnvId(row.int(4)?);
        self.read_again(env, segment(&row)?, Some(now)).await
    }

    /// Seals what is old enough when it is worth a segment.
    async fn seal(&self, env: EnvId, indexed: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        let until = now + Micros(-AGE_MIN.0);
        let sql =
            "SELECT id FROM messages WHERE env = $1 AND id >= $2 AND id < $3 ORDER BY id LIMIT 1 OFFSET $4";
        let bounds = [
            env.into(),
            Ksuid::floor(indexed).into(),
            Ksuid::floor(until).into(),
            Param::Int(MESSAGES_MIN - 1),
        ];
        if self.store.query_one(sql, &bounds).await?.is_none() {
            return Ok(false);
        }
        self.store
            .transact(move |tx| {
                Box::pin(async move {
                    let sql = "INSERT INTO term_marks (env, sealed_until, indexed_until, last_segment) \
                               VALUES ($1, $2, 0, 0) \
                               ON CONFLICT (env) DO UPDATE SET sealed_until = excluded.sealed_until \
                               WHERE term_marks.sealed_until < excluded.sealed_until";
                    tx.execute(sql, &[env.into(), until.into()]).await
                })
            })
            .await?;
        Ok(true)
    }

    /// Whether every transaction that may not have seen the seal is over.
    async fn is_settled(&mut self, env: EnvId, sealed: Timestamp) -> Result<bool, StoreError> {
        if !self.store.is_shared() {
            // One writer: whoever came before the seal was written before it.
            return Ok(true);
        }
        if self.waiting.get(&env.0).is_none_or(|(of, _)| *of != sealed) {
            // A new number: whoever has a smaller one may not have seen the seal. The end of a snapshot would not do,
            // since transactions behind it may be under way.
            let sql = "SELECT pg_current_xact_id()::text::bigint";
            let Some(row) = self.store.query_one(sql, &[]).await? else { return Ok(false) };
            self.waiting.insert(env.0, (sealed, row.int(0)?));
        }
        let sql = "SELECT pg_snapshot_xmin(pg_current_snapshot())::text::bigint";
        let oldest = self.store.query_one(sql, &[]).await?.map_or(Ok(0), |row| row.int(0))?;
        Ok(self.waiting.get(&env.0).is_some_and(|(_, number)| oldest >= *number))
    }

    /// Writes the next segment of a sealed stretch.
    async fn index(&self, env: EnvId, since: Timestamp, sealed: Timestamp) -> Result<bool, StoreError> {
        let stretch = self.read(env, since, sealed).await?;
        let level = match stretch.messages as i64 / MESSAGES_MIN {
            _ if stretch.entries.len() >= ENTRIES_MAX => LEVEL_MAX,
            0..8 => 0,
            8..64 => 1,
            _ => LEVEL_MAX,
        };
        self.store
            .transact(move |tx| {
                Box::pin(async move {
                    let sql =
                        "UPDATE term_marks SET indexed_until = $3 WHERE env = $1 AND indexed_until = $2";
                    let moved = tx.execute(sql, &[env.into(), since.into(), stretch.until.into()]).await?;
                    // Otherwise another node was faster.
                    if moved == 1 {
                        let new = Segment { id: 0, since, until: stretch.until, level };
                        write_segment(tx, env, new, &stretch.entries, None).await?;
                        forget_late(tx, env, &stretch.late).await?;
                    }
                    Ok(true)
                })
            })
            .await
    }

    /// Reads the data of the messages from `since` on, as many as make a segment.
    async fn read(&self, env: EnvId, since: Timestamp, until: Timestamp) -> Result<Stretch, StoreError> {
        let sql = "SELECT message FROM term_late WHERE env = $1 AND message >= $2 AND message < $3";
        let bounds = [env.into(), Ksuid::floor(since).into(), Ksuid::floor(until).into()];
        let late = self.store.query(Cost::Point, sql, &bounds).await?;
        let late = late.iter().map(|row| row.ksuid(0)).collect::<Result<Vec<_>, _>>()?;
        let mut stretch = Stretch { entries: Vec::new(), until, messages: 0, late };
        let sql = "SELECT id, trigger_data FROM messages WHERE env = $1 AND id >= $2 AND id < $3 \
                   ORDER BY id LIMIT $4";
        let mut from = Ksuid::floor(since);
        let (mut seen, mut found) = (String::new(), BTreeSet::new());
        let mut last = since;
        loop {
            let params = [env.into(), from.into(), Ksuid::floor(until).into(), Param::Int(SLICE)];
            let rows = self.store.query(Cost::Scan, sql, &params).await?;
            let is_last = (rows.len() as i64) < SLICE;
            stretch.messages += rows.len();
            for mut row in rows {
                let id = row.ksuid(0)?;
                (from, last) = (successor(id), id.at());
                let Some(data) = row.opt_text(1)? else { continue };
                // Messages of one run follow each other and have the same data.
                if data != seen {
                    found = terms(&data);
                    seen = data;
                }
                let at = last.0;
                stretch.entries.extend(found.iter().map(|term| Entry { term: *term, at, messages: 1 }));
            }
            sort_if_long(&mut stretch.entries);
            if is_last {
                break;
            }
            let is_full = stretch.entries.len() >= ENTRIES_MAX || stretch.messages >= SEGMENT_MESSAGES_MAX;
            // A segment ends between two instants; the last one may go on behind this slice.
            if is_full && last > since {
                stretch.entries.retain(|entry| entry.at < last.0);
                stretch.late.retain(|id| id.at() < last);
                stretch.until = last;
                break;
            }
        }
        sort(&mut stretch.entries);
        Ok(stretch)
    }

    /// Reads the messages of a segment again and writes it anew; its late messages are in it then.
    async fn read_again(
        &self,
        env: EnvId,
        old: Segment,
        trimmed_at: Option<Timestamp>,
    ) -> Result<bool, StoreError> {
        let mut stretches = Vec::new();
        let mut since = old.since;
        while since < old.until {
            let stretch = self.read(env, since, old.until).await?;
            let new = Segment { since, until: stretch.until, ..old };
            since = stretch.until;
            stretches.push((new, stretch));
        }
        self.store
            .transact(move |tx| {
                Box::pin(async move {
                    // Otherwise another node was faster.
                    if delete_segments(tx, env, &[old.id]).await? == 1 {
                        for (new, stretch) in stretches {
                            write_segment(tx, env, new, &stretch.entries, trimmed_at).await?;
                            forget_late(tx, env, &stretch.late).await?;
                        }
                    }
                    Ok(true)
                })
            })
            .await
    }

    /// Puts late messages into the segment that they belong to.
    async fn fold_late(&self, env: EnvId, now: Timestamp) -> Result<bool, StoreError> {
        let sql = "SELECT message FROM term_late WHERE env = $1 ORDER BY message LIMIT $2";
        let late = self.store.query(Cost::Point, sql, &[env.into(), Param::Int(LATE_MAX as i64)]).await?;
        let Some(oldest) = late.first().map(|row| row.ksuid(0)).transpose()? else { return Ok(false) };
        let oldest = oldest.at();
        if late.len() < LATE_MAX && now < oldest + LATE_FOR_MAX {
            return Ok(false);
        }
        let sql = "SELECT id, since_at, until_at, level FROM term_segments \
                   WHERE env = $1 AND until_at > $2 ORDER BY until_at LIMIT 1";
        let found = self.store.query_one(sql, &[env.into(), oldest.into()]).await?;
        let found = found.as_ref().map(segment).transpose()?.filter(|segment| segment.since <= oldest);
        match found {
            Some(segment) => self.read_again(env, segment, None).await,
            // Nothing was there when its time was indexed, or nothing is left of it: it gets a segment of its own.
            None => {
                let until = oldest + Micros(1);
                let stretch = self.read(env, oldest, until).await?;
                self.store
                    .transact(move |tx| {
                        Box::pin(async move {
                            let new = Segment { id: 0, since: oldest, until, level: LEVEL_MAX };
                            write_segment(tx, env, new, &stretch.entries, None).await?;
                            forget_late(tx, env, &stretch.late).await?;
                            Ok(true)
                        })
                    })
                    .await
            }
        }
    }

    /// Merges neighbours of one level.
    async fn merge(&self, env: EnvId) -> Result<bool, StoreError> {
        let sql = "SELECT id, since_at, until_at, level FROM term_segments WHERE env = $1 \
                   ORDER BY until_at DESC LIMIT 64";
        let rows = self.store.query(Cost::Point, sql, &[env.into()]).await?;
        let mut newest = rows.iter().map(segment).collect::<Result<Vec<_>, _>>()?;
        newest.reverse();
        let is_mergeable = |group: &&[Segment]| {
            group[0].level < LEVEL_MAX && group.iter().all(|one| one.level == group[0].level)
        };
        let Some(group) = newest.windows(MERGED).find(is_mergeable) else { return Ok(false) };
        let mut entries = Vec::new();
        for one in group {
            let sql = "SELECT first_term, lists FROM term_pages WHERE env = $1 AND segment = $2";
            for page in self.store.query(Cost::Scan, sql, &[env.into(), Param::Int(one.id)]).await? {
                unpack(page.int(0)? as Term, page.blob(1)?, one.until.0, None, &mut entries)?;
            }
        }
        sort(&mut entries);
        let ids: Vec<i64> = group.iter().map(|one| one.id).collect();
        let (oldest, youngest) = (group[0], group[MERGED - 1]);
        let level = if entries.len() >= ENTRIES_MAX { LEVEL_MAX } else { oldest.level + 1 };
        let new = Segment { id: 0, since: oldest.since, until: youngest.until, level };
        self.store
            .transact(move |tx| {
                Box::pin(async move {
                    if delete_segments(tx, env, &ids).await? != MERGED as u64 {
                        // Another node was faster: an error takes back what was deleted.
                        return Err(StoreError::Conflict("a segment was merged by another node".into()));
                    }
                    write_segment(tx, env, new, &entries, None).await?;
                    Ok(true)
                })
            })
            .await
    }
}

/// The smallest id after this one.
pub(super) fn successor(id: Ksuid) -> Ksuid {
    let mut next = id;
    for byte in next.0.iter_mut().rev() {
        *byte = byte.wrapping_add(1);
        if *byte != 0 {
            break;
        }
    }
    next
}

/// Keeps memory bounded where many messages share an instant and their data.
fn sort_if_long(entries: &mut Vec<Entry>) {
    if entries.len() >= ENTRIES_MAX {
        sort(entries);
    }
}

fn segment(row: &crate::db::Row) -> Result<Segment, StoreError> {
    Ok(Segment { id: row.int(0)?, since: row.at(1)?, until: row.at(2)?, level: row.int(3)? })
}

static PAGES: std::sync::LazyLock<Bulk> = std::sync::LazyLock::new(|| {
    Bulk::new(
        "term_pages",
        &[
            ("env", Column::Int),
            ("segment", Column::Int),
            ("first_term", Column::Int),
            ("last_term", Column::Int),
            ("lists", Column::Blob),
        ],
        "",
    )
});

/// Writes a segment under a number of its own; one without entries is left out.
async fn write_segment(
    tx: &mut Tx<'_>,
    env: EnvId,
    segment: Segment,
    entries: &[Entry],
    trimmed_at: Option<Timestamp>,
) -> Result<(), StoreError> {
    if entries.is_empty() {
        return Ok(());
    }
    // A number that was never used: another node may still hold the one of a segment that is gone.
    let sql = "UPDATE term_marks SET last_segment = last_segment + 1 WHERE env = $1 RETURNING last_segment";
    let row = tx.query_one(sql, &[env.into()]).await?;
    let id = row.ok_or_else(|| StoreError::corrupt("segments without a mark"))?.int(0)?;
    let sql = "INSERT INTO term_segments (env, id, since_at, until_at, level, trimmed_at) \
               VALUES ($1, $2, $3, $4, $5, $6)";
    let params = [
        env.into(),
        Param::Int(id),
        segment.since.into(),
        segment.until.into(),
        Param::Int(segment.level),
        Param::opt_int(trimmed_at.map(|at| at.0)),
    ];
    tx.execute(sql, &params).await?;
    let pages = pack(entries, segment.until.0);
    let values: Vec<Param<'_>> = pages
        .iter()
        .flat_map(|page| {
            [
                env.into(),
                Param::Int(id),
                Param::Int(page.first.into()),
                Param::Int(page.last.into()),
                page.lists.as_slice().into(),
            ]
        })
        .collect();
    tx.insert(&PAGES, &values).await.map(drop)
}

/// Answers how many of the segments were still there.
async fn delete_segments(tx: &mut Tx<'_>, env: EnvId, ids: &[i64]) -> Result<u64, StoreError> {
    let mut deleted = 0;
    for id in ids {
        let params = [env.into(), Param::Int(*id)];
        deleted += tx.execute("DELETE FROM term_segments WHERE env = $1 AND id = $2", &params).await?;
        tx.execute("DELETE FROM term_pages WHERE env = $1 AND segment = $2", &params).await?;
    }
    Ok(deleted)
}

async fn forget_late(tx: &mut Tx<'_>, env: EnvId, messages: &[Ksuid]) -> Result<(), StoreError> {
    for id in messages {
        let sql = "DELETE FROM term_late WHERE env = $1 AND message = $2";
        tx.execute(sql, &[env.into(), (*id).into()]).await?;
    }
    Ok(())
}
