//! SQLite: one writer thread that commits groups, a pool of readers.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use tokio::sync::mpsc;

use super::param::{Param, Row};
use super::{CommitStats, Cost, Tx, TxInner, Write};
use crate::error::StoreError;
use crate::{schema, unit};

/// Writes waiting for the writer; more make their callers wait.
const QUEUE_LEN: usize = 4_096;
/// Most writes in one transaction: bounds its length and the wait of whoever comes next.
const GROUP_MAX: usize = 1_024;
const READERS_MAX: usize = 8;
/// Log pages that the writer moves into the database file at once, about 8 MB: a commit behind them waits some ten
/// milliseconds. Four times as many made the 99th percentile miss its budget; a thread of its own for checkpoints cost
/// a fifth of the throughput, because both flush the same disk.
const CHECKPOINT_PAGES: i64 = 1_000;

pub(super) struct Sqlite {
    queue: mpsc::Sender<Write>,
    readers: Arc<Readers>,
    pub(super) stats: Arc<CommitStats>,
}

struct Readers {
    path: std::path::PathBuf,
    idle: Mutex<Vec<Connection>>,
}

impl Sqlite {
    pub(super) fn open(dir: &Path) -> Result<Self, StoreError> {
        std::fs::create_dir_all(dir).map_err(|error| {
            StoreError::unavailable(format_args!("cannot create {}: {error}", dir.display()))
        })?;
        let path = dir.join("campanile.db");
        let mut writer = connect(&path, false)?;
        schema::migrate_sqlite(&mut writer)?;
        let (queue, waiting) = mpsc::channel(QUEUE_LEN);
        let stats = Arc::new(CommitStats::default());
        let noted = Arc::clone(&stats);
        thread::Builder::new()
            .name("campanile-writer".into())
            .spawn(move || write_groups(&Mutex::new(writer), waiting, &noted))
            .map_err(StoreError::unavailable)?;
        let readers = Arc::new(Readers { path, idle: Mutex::new(Vec::new()) });
        Ok(Self { queue, readers, stats })
    }

    pub(super) async fn submit(&self, write: Write) -> Result<(), StoreError> {
        self.queue.send(write).await.map_err(|_| StoreError::unavailable("the writer stopped"))
    }

    pub(super) async fn query(
        &self,
        cost: Cost,
        sql: &str,
        params: &[Param<'_>],
    ) -> Result<Vec<Row>, StoreError> {
        match cost {
            // Cheaper here than handing it to another thread and back.
            Cost::Point => self.readers.with(|db| query(db, sql, params)),
            Cost::Scan => {
                let readers = Arc::clone(&self.readers);
                let sql = sql.to_owned();
                let params: Vec<Param<'static>> = params.iter().map(owned).collect();
                tokio::task::spawn_blocking(move || readers.with(|db| query(db, &sql, &params)))
                    .await
                    .map_err(StoreError::unavailable)?
            }
        }
    }
}

fn owned(param: &Param<'_>) -> Param<'static> {
    match param {
        Param::Null => Param::Null,
        Param::Int(value) => Param::Int(*value),
        Param::Text(text) => Param::Text(text.clone().into_owned().into()),
        Param::Blob(bytes) => Param::Blob(bytes.clone().into_owned().into()),
        Param::Texts(list) => Param::Texts(list.clone()),
        Param::Ints(list) => Param::Ints(list.clone()),
        Param::Blobs(list) => Param::Blobs(list.clone()),
    }
}

impl Readers {
    fn with<T>(&self, read: impl FnOnce(&Connection) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let idle = self.idle.lock().pop();
        let db = match idle {
            Some(db) => db,
            None => connect(&self.path, true)?,
        };
        let result = read(&db);
        let mut idle = self.idle.lock();
        if idle.len() < READERS_MAX {
            idle.push(db);
        }
        result
    }
}

fn connect(path: &Path, read_only: bool) -> Result<Connection, StoreError> {
    let flags = if read_only {
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX
    } else {
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX
    };
    let db = Connection::open_with_flags(path, flags)?;
    db.set_prepared_statement_cache_capacity(256);
    db.busy_timeout(std::time::Duration::from_secs(5))?;
    if !read_only {
        db.pragma_update(None, "page_size", 8192)?;
        db.pragma_update(None, "journal_mode", "wal")?;
        db.pragma_update(None, "synchronous", "full")?;
        db.pragma_update(None, "wal_autocheckpoint", CHECKPOINT_PAGES)?;
        db.pragma_update(None, "journal_size_limit", 64 << 20)?;
        db.pragma_update(None, "cache_size", -64_000)?;
    } else {
        db.pragma_update(None, "cache_size", -8_000)?;
    }
    db.pragma_update(None, "temp_store", "memory")?;
    // Without this the planner looks at bound values, and a kept statement is prepared anew at each use: a sixth of all
    // work under load. Every partial index is asked for by the literal in its condition.
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    db.pragma_update(None, "foreign_keys", false)?;
    Ok(db)
}

/// The writer's life: wait for one write, take all that wait with it, write them in one transaction, answer.
fn write_groups(db: &Mutex<Connection>, mut waiting: mpsc::Receiver<Write>, stats: &CommitStats) {
    let mut group = Vec::with_capacity(GROUP_MAX);
    while waiting.blocking_recv_many(&mut group, GROUP_MAX) > 0 {
        stats.note(group.len());
        write_group(db, &mut group);
    }
}

/// Answers one write; given the error when its transaction was not committed.
type Answer = Box<dyn FnOnce(Option<&StoreError>)>;
type Reply<T> = tokio::sync::oneshot::Sender<Result<T, StoreError>>;

/// One transaction in the making.
struct Group<'d> {
    db: &'d Mutex<Connection>,
    /// Whether the transaction is open.
    begun: Result<u64, StoreError>,
    answers: Vec<Answer>,
}

fn write_group(db: &Mutex<Connection>, writes: &mut Vec<Write>) {
    let begun = execute(&db.lock(), "BEGIN IMMEDIATE", &[]);
    let mut group = Group { db, begun, answers: Vec::with_capacity(writes.len()) };
    let (mut units, mut replies) = (Vec::new(), Vec::new());
    for write in writes.drain(..) {
        match write {
            Write::Unit(unit, reply) => {
                units.push(*unit);
                replies.push(reply);
            }
            Write::Work(work, reply) => {
                group.write_units(&mut units, &mut replies);
                group.write_work(work, reply);
            }
        }
    }
    group.write_units(&mut units, &mut replies);
    group.commit();
}

impl Group<'_> {
    /// Writes units together, table by table; when that fails, one by one, so that a unit that cannot be written
    /// undoes only itself.
    fn write_units(&mut self, units: &mut Vec<unit::Unit>, replies: &mut Vec<Reply<unit::Outcome>>) {
        if units.is_empty() {
            return;
        }
        if let Err(error) = &self.begun {
            units.clear();
            return replies.drain(..).for_each(|reply| drop(reply.send(Err(error.clone()))));
        }
        let results: Vec<Result<unit::Outcome, StoreError>> = match self.try_units(units) {
            Ok(outcomes) => outcomes.into_iter().map(Ok).collect(),
            // The transaction is gone: there is nothing left to write them in.
            Err(error) if units.len() == 1 || self.db.lock().is_autocommit() => {
                units.iter().map(|_| Err(error.clone())).collect()
            }
            Err(_) => units
                .chunks(1)
                .map(|one| self.try_units(one)?.pop().ok_or_else(|| StoreError::corrupt("no outcome")))
                .collect(),
        };
        units.clear();
        for (result, reply) in results.into_iter().zip(replies.drain(..)) {
            self.answer(result, reply);
        }
        self.check();
    }

    fn try_units(&self, units: &[unit::Unit]) -> Result<Vec<unit::Outcome>, StoreError> {
        let mut tx = Tx { inner: TxInner::Sqlite(self.db) };
        alone(self.db, || futures_util::FutureExt::now_or_never(unit::write_units(&mut tx, units)))
    }

    fn write_work(&mut self, work: super::WorkFn, reply: Reply<()>) {
        if let Err(error) = &self.begun {
            let _ = reply.send(Err(error.clone()));
            return;
        }
        let mut tx = Tx { inner: TxInner::Sqlite(self.db) };
        let result = alone(self.db, || futures_util::FutureExt::now_or_never(work(&mut tx)));
        self.answer(result, reply);
        self.check();
    }

    fn answer<T: 'static>(&mut self, result: Result<T, StoreError>, reply: Reply<T>) {
        self.answers.push(Box::new(move |failed| drop(reply.send(failed.cloned().map_or(result, Err)))));
    }

    /// After some errors, a full disk among them, SQLite has undone the whole transaction and not just one write.
    fn check(&mut self) {
        if self.db.lock().is_autocommit() {
            let lost =
                StoreError::unavailable("the transaction was undone, perhaps because the disk is full");
            self.answers.drain(..).for_each(|answer| answer(Some(&lost)));
            self.begun = execute(&self.db.lock(), "BEGIN IMMEDIATE", &[]);
        }
    }

    fn commit(self) {
        if self.begun.is_err() {
            return;
        }
        let committed = execute(&self.db.lock(), "COMMIT", &[]);
        if let Err(error) = &committed {
            tracing::error!(%error, "commit failed; nothing of the group was written");
            let _ = execute(&self.db.lock(), "ROLLBACK", &[]);
        }
        for answer in self.answers {
            answer(committed.as_ref().err());
        }
    }
}

/// Runs one write inside a savepoint. SQLite futures never wait, so they are ready at the first poll.
fn alone<T>(
    db: &Mutex<Connection>,
    write: impl FnOnce() -> Option<Result<T, StoreError>>,
) -> Result<T, StoreError> {
    execute(&db.lock(), "SAVEPOINT one", &[])?;
    let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(write))
        .unwrap_or_else(|_| Some(Err(StoreError::corrupt("a write panicked"))))
        .unwrap_or_else(|| {
            Err(StoreError::corrupt("a transaction waited for something else than the database"))
        });
    let db = db.lock();
    if db.is_autocommit() {
        // There is no savepoint any more; the caller sees that the transaction is gone.
        let error = result.err().unwrap_or_else(|| StoreError::unavailable("the transaction was undone"));
        tracing::error!(%error, "SQLite undid a whole transaction");
        return Err(error);
    }
    if result.is_err() {
        let _ = execute(&db, "ROLLBACK TO one", &[]);
    }
    execute(&db, "RELEASE one", &[])?;
    result
}

thread_local! {
    /// `$n` texts rewritten to `?n`, since SQLite numbers `$n` by appearance and not by n.
    static REWRITTEN: std::cell::RefCell<HashMap<String, Arc<str>>> = std::cell::RefCell::default();
}

fn rewritten(sql: &str) -> Option<Arc<str>> {
    if !sql.contains('$') {
        return None;
    }
    REWRITTEN.with_borrow_mut(|known| {
        if let Some(text) = known.get(sql) {
            return Some(Arc::clone(text));
        }
        let text: Arc<str> = sql.replace('$', "?").into();
        if known.len() < 1_024 {
            known.insert(sql.to_owned(), Arc::clone(&text));
        }
        Some(text)
    })
}

pub(super) fn query(db: &Connection, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
    let text = rewritten(sql);
    let mut statement = db.prepare_cached(text.as_deref().unwrap_or(sql))?;
    let width = statement.column_count();
    let mut rows = statement.query(rusqlite::params_from_iter(params))?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let mut values = Vec::with_capacity(width);
        for column in 0..width {
            use rusqlite::types::ValueRef;
            values.push(match row.get_ref(column)? {
                ValueRef::Null => Param::Null,
                ValueRef::Integer(value) => Param::Int(value),
                ValueRef::Real(value) => Param::Int(value as i64),
                ValueRef::Text(text) => {
                    Param::Text(String::from_utf8(text.to_vec()).map_err(StoreError::corrupt)?.into())
                }
                ValueRef::Blob(bytes) => Param::Blob(bytes.to_vec().into()),
            });
        }
        found.push(Row(values));
    }
    Ok(found)
}

pub(super) fn execute(db: &Connection, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
    let text = rewritten(sql);
    let mut statement = db.prepare_cached(text.as_deref().unwrap_or(sql))?;
    if statement.column_count() == 0 {
        return Ok(statement.execute(rusqlite::params_from_iter(params))? as u64);
    }
    let mut rows = statement.query(rusqlite::params_from_iter(params))?;
    let mut count = 0;
    while rows.next()?.is_some() {
        count += 1;
    }
    Ok(count)
}
