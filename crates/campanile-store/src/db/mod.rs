//! One face for both engines: parameters, rows, reads, transactions and the group commit.

mod bulk;
mod param;
mod postgres;
mod sets;
mod sqlite;

use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::sync::oneshot;

pub(crate) use bulk::{Bulk, Column};
pub use param::{Param, Row};
pub(crate) use sets::texts_in;

use crate::error::StoreError;
use crate::unit::{Outcome, Unit};

/// Where the data lives.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// `postgres://…`, or `None` for SQLite in `data_dir`.
    pub database_url: Option<String>,
    /// Holds `campanile.db` when SQLite is used; made when missing.
    pub data_dir: PathBuf,
}

/// How long a read may take: decides whether SQLite runs it on the caller's thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cost {
    /// A few rows by key: microseconds.
    Point,
    /// Lists and counts.
    Scan,
}

/// A handle on the database; cheap to clone.
#[derive(Clone)]
pub struct Store {
    engine: Arc<Engine>,
}

enum Engine {
    Sqlite(sqlite::Sqlite),
    Postgres(postgres::Postgres),
}

/// One transaction. Statements use `$n` placeholders and the common subset of both engines.
pub struct Tx<'c> {
    inner: TxInner<'c>,
}

enum TxInner<'c> {
    Sqlite(&'c Mutex<rusqlite::Connection>),
    Postgres(&'c deadpool_postgres::Transaction<'c>),
}

type WorkFn = Box<dyn for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<(), StoreError>> + Send>;

/// What waits for the next transaction.
pub(crate) enum Write {
    /// Engine work, grouped with whatever else waits.
    Unit(Box<Unit>, oneshot::Sender<Result<Outcome, StoreError>>),
    /// Anything else; it must stand alone: a failure undoes only itself.
    Work(WorkFn, oneshot::Sender<Result<(), StoreError>>),
}

impl Store {
    /// Opens the database and brings its schema up to date, under a lock when others start too.
    pub async fn open(options: &StoreOptions) -> Result<Self, StoreError> {
        let engine = match &options.database_url {
            Some(url) => Engine::Postgres(postgres::Postgres::open(url).await?),
            None => Engine::Sqlite(sqlite::Sqlite::open(&options.data_dir)?),
        };
        Ok(Self { engine: Arc::new(engine) })
    }

    /// True on PostgreSQL, where other nodes may share the database.
    pub fn is_shared(&self) -> bool {
        matches!(*self.engine, Engine::Postgres(_))
    }

    /// Reads rows.
    pub async fn query(&self, cost: Cost, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        match &*self.engine {
            Engine::Sqlite(db) => db.query(cost, sql, params).await,
            Engine::Postgres(db) => db.query(sql, params).await,
        }
    }

    /// Reads recipients of runs by key in one query with whatever look-ups wait; `None` on SQLite, where a look-up costs less
    /// than waiting for company.
    pub(crate) async fn look_up(
        &self,
        env: i64,
        keys: &[String],
        tenant: &str,
    ) -> Option<Result<Vec<Row>, StoreError>> {
        match &*self.engine {
            Engine::Sqlite(_) => None,
            Engine::Postgres(db) => Some(db.look_up(env, keys, tenant).await),
        }
    }

    /// Reads at most one row by key.
    pub async fn query_one(&self, sql: &str, params: &[Param<'_>]) -> Result<Option<Row>, StoreError> {
        Ok(self.query(Cost::Point, sql, params).await?.into_iter().next())
    }

    /// Writes engine work with the next group; answers when it is durable, or says that its guard had gone.
    pub async fn commit(&self, unit: Unit) -> Result<Outcome, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.submit(Write::Unit(Box::new(unit), reply)).await?;
        answer.await.map_err(|_| StoreError::unavailable("the writer stopped"))?
    }

    /// Runs `work` in a transaction of its own. When another transaction got in the way, the caller hears
    /// [`StoreError::Contended`] and may call again; nothing was written.
    pub async fn transact<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: for<'t> FnOnce(&'t mut Tx<'_>) -> BoxFuture<'t, Result<T, StoreError>> + Send + 'static,
    {
        let result = Arc::new(Mutex::new(None));
        let slot = Arc::clone(&result);
        let boxed: WorkFn = Box::new(move |tx| {
            Box::pin(async move {
                let value = work(tx).await?;
                *slot.lock() = Some(value);
                Ok(())
            })
        });
        let (reply, answer) = oneshot::channel();
        self.submit(Write::Work(boxed, reply)).await?;
        answer.await.map_err(|_| StoreError::unavailable("the writer stopped"))??;
        result.lock().take().ok_or_else(|| StoreError::corrupt("a transaction left no result"))
    }

    async fn submit(&self, write: Write) -> Result<(), StoreError> {
        match &*self.engine {
            Engine::Sqlite(db) => db.submit(write).await,
            Engine::Postgres(db) => db.submit(write).await,
        }
    }

    /// Transactions and units written so far: for metrics.
    pub fn commit_stats(&self) -> (u64, u64) {
        match &*self.engine {
            Engine::Sqlite(db) => db.stats.read(),
            Engine::Postgres(db) => db.stats.read(),
        }
    }

    /// Waits until everything submitted so far is written, then stops the writer.
    pub async fn close(&self) {
        // A transaction that does nothing is answered only after all before it.
        let _ = self.transact(|_| Box::pin(async { Ok(()) })).await;
    }
}

impl Tx<'_> {
    /// Reads rows inside the transaction.
    pub async fn query(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        self.query_shared(sql, params).await
    }

    /// As [`Tx::query`], while other statements of the transaction are on their way.
    pub(crate) async fn query_shared(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        match self.inner {
            TxInner::Sqlite(db) => sqlite::query(&db.lock(), sql, params),
            TxInner::Postgres(tx) => postgres::query_in(tx, sql, params).await,
        }
    }

    /// Reads at most one row.
    pub async fn query_one(&mut self, sql: &str, params: &[Param<'_>]) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    /// Writes; answers how many rows were touched.
    pub async fn execute(&mut self, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        self.execute_shared(sql, params).await
    }

    /// As [`Tx::execute`], while other statements of the transaction are on their way.
    pub(crate) async fn execute_shared(&self, sql: &str, params: &[Param<'_>]) -> Result<u64, StoreError> {
        match self.inner {
            TxInner::Sqlite(db) => sqlite::execute(&db.lock(), sql, params),
            TxInner::Postgres(tx) => postgres::execute_in(tx, sql, params).await,
        }
    }

    /// Inserts many rows of one table: a cached statement per row on SQLite, one UNNEST on PostgreSQL.
    pub(crate) async fn insert(&self, bulk: &Bulk, values: &[Param<'_>]) -> Result<u64, StoreError> {
        if values.is_empty() {
            return Ok(0);
        }
        match self.inner {
            TxInner::Sqlite(db) => {
                let db = db.lock();
                let mut statement = db.prepare_cached(bulk.sqlite())?;
                let mut count = 0;
                for row in values.chunks_exact(bulk.width()) {
                    count += statement.execute(rusqlite::params_from_iter(row))? as u64;
                }
                Ok(count)
            }
            TxInner::Postgres(tx) => {
                let columns = bulk.columns(values);
                let params: Vec<&(dyn postgres_types::ToSql + Sync)> =
                    columns.iter().map(|c| c as &(dyn postgres_types::ToSql + Sync)).collect();
                let statement = tx.prepare_cached(bulk.postgres()).await?;
                Ok(tx.execute(&statement, &params).await?)
            }
        }
    }

    /// True on PostgreSQL: for the few statements that have two forms.
    pub(crate) fn is_postgres(&self) -> bool {
        matches!(self.inner, TxInner::Postgres(_))
    }
}

/// Counts transactions and the units in them.
#[derive(Default)]
pub(crate) struct CommitStats {
    transactions: std::sync::atomic::AtomicU64,
    units: std::sync::atomic::AtomicU64,
}

impl CommitStats {
    fn note(&self, units: usize) {
        use std::sync::atomic::Ordering::Relaxed;
        self.transactions.fetch_add(1, Relaxed);
        self.units.fetch_add(units as u64, Relaxed);
    }
    fn read(&self) -> (u64, u64) {
        use std::sync::atomic::Ordering::Relaxed;
        (self.transactions.load(Relaxed), self.units.load(Relaxed))
    }
}
