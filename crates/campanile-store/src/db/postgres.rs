//! PostgreSQL: a pool for reads and lone transactions, committers that write groups by UNNEST.

use std::collections::HashMap;
use std::str::FromStr;
use std::sync::Arc;

use deadpool_postgres::{Manager, ManagerConfig, Pool, RecyclingMethod, Runtime, Transaction};
use parking_lot::Mutex;
use tokio::sync::{mpsc, oneshot};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::param::{Param, Row};
use super::{CommitStats, Tx, TxInner, WorkFn, Write};
use crate::error::{StoreError, WRITES_MAX};
use crate::schema;
use crate::unit::{Outcome, Unit, write_units};

const QUEUE_LEN: usize = 4_096;
const GROUP_MAX: usize = 512;
/// Two groups overlap, so that one fills while the other waits for its flush.
const COMMITTERS: usize = 2;
/// Look-ups gathered into one query.
const LOOKUPS_MAX: usize = 256;
const POOL_MAX: usize = 16;
/// Longest wait for a connection before the caller hears that the database is away.
const WAIT_SECS: u64 = 5;

type Waiting = (Box<Unit>, oneshot::Sender<Result<Outcome, StoreError>>);

/// One recipient asked for: environment, key, tenant of the run, where the answer goes.
type LookUp = (i64, String, String, oneshot::Sender<Result<Option<Row>, StoreError>>);

pub(super) struct Postgres {
    pool: Pool,
    queue: mpsc::Sender<Waiting>,
    lookups: mpsc::Sender<LookUp>,
    pub(super) stats: Arc<CommitStats>,
}

impl Postgres {
    pub(super) async fn open(url: &str) -> Result<Self, StoreError> {
        let mut config = tokio_postgres::Config::from_str(url).map_err(StoreError::unavailable)?;
        config.application_name("campanile").connect_timeout(std::time::Duration::from_secs(WAIT_SECS));
        let roots = rustls::RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(StoreError::unavailable)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let manager = Manager::from_config(
            config,
            MakeRustlsConnect::new(tls),
            ManagerConfig { recycling_method: RecyclingMethod::Fast },
        );
        let wait = Some(std::time::Duration::from_secs(WAIT_SECS));
        let pool = Pool::builder(manager)
            .max_size(POOL_MAX)
            .wait_timeout(wait)
            .create_timeout(wait)
            .runtime(Runtime::Tokio1)
            .build()
            .map_err(StoreError::unavailable)?;
        let mut client = pool.get().await?;
        schema::migrate_postgres(&mut client).await?;
        drop(client);
        let (queue, waiting) = mpsc::channel(QUEUE_LEN);
        let waiting = Arc::new(tokio::sync::Mutex::new(waiting));
        let stats = Arc::new(CommitStats::default());
        for _ in 0..COMMITTERS {
            tokio::spawn(write_groups(pool.clone(), Arc::clone(&waiting), Arc::clone(&stats)));
        }
        let (lookups, asked) = mpsc::channel(QUEUE_LEN);
        tokio::spawn(look_up_groups(pool.clone(), asked));
        Ok(Self { pool, queue, lookups, stats })
    }

    pub(super) async fn submit(&self, write: Write) -> Result<(), StoreError> {
        match write {
            Write::Unit(unit, reply) => self
                .queue
                .send((unit, reply))
                .await
                .map_err(|_| StoreError::unavailable("the committers stopped")),
            Write::Work(work, reply) => {
                let result = self.alone(work).await;
                let _ = reply.send(result);
                Ok(())
            }
        }
    }

    /// A transaction of its own.
    async fn alone(&self, work: WorkFn) -> Result<(), StoreError> {
        let mut client = self.pool.get().await?;
        let transaction = client.transaction().await?;
        let mut tx = Tx { inner: TxInner::Postgres(&transaction) };
        work(&mut tx).await?;
        transaction.commit().await?;
        Ok(())
    }

    /// Rows of the recipients that exist, in no order.
    pub(super) async fn look_up(
        &self,
        env: i64,
        keys: &[String],
        tenant: &str,
    ) -> Result<Vec<Row>, StoreError> {
        let mut answers = Vec::with_capacity(keys.len());
        for key in keys {
            let (reply, answer) = oneshot::channel();
            let asked = self.lookups.send((env, key.clone(), tenant.to_owned(), reply)).await;
            asked.map_err(|_| StoreError::unavailable("the look-ups stopped"))?;
            answers.push(answer);
        }
        let mut found = Vec::with_capacity(answers.len());
        for answer in answers {
            found.extend(answer.await.map_err(|_| StoreError::unavailable("the look-ups stopped"))??);
        }
        Ok(found)
    }

    pub(super) async fn query(&self, sql: &str, params: &[Param<'_>]) -> Result<Vec<Row>, StoreError> {
        let client = self.pool.get().await?;
        let statement = client.prepare_cached(sql).await?;
        rows(client.query(&statement, &refs(params)).await?)
    }
}

fn refs<'p>(params: &'p [Param<'_>]) -> Vec<&'p (dyn postgres_types::ToSql + Sync)> {
    params.iter().map(|p| p as &(dyn postgres_types::ToSql + Sync)).collect()
}

fn rows(found: Vec<tokio_postgres::Row>) -> Result<Vec<Row>, StoreError> {
    found
        .iter()
        .map(|row| {
            let values = (0..row.len()).map(|column| row.try_get(column).map_err(StoreError::from));
            Ok(Row(values.collect::<Result<_, _>>()?))
        })
        .collect()
}

pub(super) async fn query_in(
    tx: &Transaction<'_>,
    sql: &str,
    params: &[Param<'_>],
) -> Result<Vec<Row>, StoreError> {
    let statement = tx.prepare_cached(sql).await?;
    rows(tx.query(&statement, &refs(params)).await?)
}

pub(super) async fn execute_in(
    tx: &Transaction<'_>,
    sql: &str,
    params: &[Param<'_>],
) -> Result<u64, StoreError> {
    let statement = tx.prepare_cached(sql).await?;
    Ok(tx.execute(&statement, &refs(params)).await?)
}

async fn write_groups(
    pool: Pool,
    waiting: Arc<tokio::sync::Mutex<mpsc::Receiver<Waiting>>>,
    stats: Arc<CommitStats>,
) {
    loop {
        let mut group = Vec::with_capacity(64);
        if waiting.lock().await.recv_many(&mut group, GROUP_MAX).await == 0 {
            return;
        }
        stats.note(group.len());
        let (units, replies): (Vec<Unit>, Vec<_>) =
            group.into_iter().map(|(unit, reply)| (*unit, reply)).unzip();
        match write_group(&pool, &units).await {
            Ok(outcomes) => {
                for (reply, outcome) in replies.into_iter().zip(outcomes) {
                    let _ = reply.send(Ok(outcome));
                }
            }
            Err(error) if units.len() == 1 || matches!(error, StoreError::Unavailable(_)) => {
                tracing::error!(%error, units = units.len(), "commit failed; nothing of the group was written");
                for reply in replies {
                    let _ = reply.send(Err(error.clone()));
                }
            }
            // One unit that cannot be written must not take the others with it.
            Err(_) => {
                for (unit, reply) in units.into_iter().zip(replies) {
                    let result = write_group(&pool, std::slice::from_ref(&unit)).await;
                    let _ = reply.send(
                        result.and_then(|mut one| one.pop().ok_or_else(|| StoreError::corrupt("no outcome"))),
                    );
                }
            }
        }
    }
}

/// Answers look-ups, as many in one query as wait when the last query ended.
async fn look_up_groups(pool: Pool, mut asked: mpsc::Receiver<LookUp>) {
    loop {
        let mut group = Vec::with_capacity(64);
        if asked.recv_many(&mut group, LOOKUPS_MAX).await == 0 {
            return;
        }
        match look_up_group(&pool, &group).await {
            Ok(mut found) => {
                for (n, (.., reply)) in group.into_iter().enumerate() {
                    let _ = reply.send(Ok(found.remove(&(n as i64 + 1))));
                }
            }
            Err(error) => {
                for (.., reply) in group {
                    let _ = reply.send(Err(error.clone()));
                }
            }
        }
    }
}

/// Rows by the 1-based position of their look-up.
async fn look_up_group(pool: &Pool, group: &[LookUp]) -> Result<HashMap<i64, Row>, StoreError> {
    let envs = Param::Ints(group.iter().map(|(env, ..)| *env).collect());
    let keys = Param::Texts(group.iter().map(|(_, key, ..)| key.clone()).collect());
    let tenants = Param::Texts(group.iter().map(|(_, _, tenant, _)| tenant.clone()).collect());
    let client = pool.get().await?;
    let statement = client.prepare_cached(crate::recipients::LOOK_UP).await?;
    let found = rows(client.query(&statement, &refs(&[envs, keys, tenants])).await?)?;
    found
        .into_iter()
        .map(|mut row| {
            let position = row.int(0)?;
            row.0.remove(0);
            Ok((position, row))
        })
        .collect()
}

/// Writes a group; again when a deadlock undid it.
async fn write_group(pool: &Pool, units: &[Unit]) -> Result<Vec<Outcome>, StoreError> {
    let mut result = write_group_once(pool, units).await;
    for _ in 1..WRITES_MAX {
        let Err(StoreError::Contended(cause)) = &result else { break };
        tracing::warn!(%cause, units = units.len(), "a group is written again");
        result = write_group_once(pool, units).await;
    }
    result
}

async fn write_group_once(pool: &Pool, units: &[Unit]) -> Result<Vec<Outcome>, StoreError> {
    let mut client = pool.get().await?;
    let transaction = client.transaction().await?;
    let mut tx = Tx { inner: TxInner::Postgres(&transaction) };
    let outcomes = write_units(&mut tx, units).await?;
    transaction.commit().await?;
    Ok(outcomes)
}

// The lock type of the SQLite side is not used here, but both engines share `Tx`.
const _: fn() = || {
    fn both_ways<T: Send>() {}
    both_ways::<&Mutex<rusqlite::Connection>>();
};
