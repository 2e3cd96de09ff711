//! Work that waits for an instant: expansions, resumed runs, deliveries. One row per target and kind.
//!
//! Claiming moves `run_at` to the end of the lease, so that one index answers both "what is due" and "whose lease
//! ran out". `due_at` stays what it was: the instant that the work sees as now.

use std::collections::HashSet;
use std::sync::LazyLock;

use campanile_core::ids::EnvId;
use campanile_core::time::{Micros, Timestamp};

use crate::db::{Bulk, Column, Cost, Param, Row, Store, Tx};
use crate::error::StoreError;
use crate::unit::{Guard, GuardAction, GuardKey};

/// What a job does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum JobKind {
    /// Makes recipient runs of a workflow run; the target is the run id.
    Expand = 1,
    /// Goes on with a recipient run; the target is its id.
    Resume = 2,
    /// Hands a message to its provider; the target is the message id.
    Deliver = 3,
    /// Works on a bulk operation; the target is its id.
    Bulk = 4,
    /// Applies the definition of an audience, or deletes its members; the target is its id.
    Audience = 6,
    /// Sends a broadcast; the target is the version that is sent.
    Broadcast = 7,
    /// Fires an occurrence of a schedule; the target is its id.
    Schedule = 5,
}

/// Kinds that work through lists of any length, and their codes as statements have them: partial indexes want literals.
const LONG_KINDS: [JobKind; 4] = [JobKind::Expand, JobKind::Bulk, JobKind::Audience, JobKind::Broadcast];
const LONG: &str = "(1, 4, 6, 7)";

impl JobKind {
    /// Whether one such job may go on for minutes: a node keeps places free for the others.
    pub fn is_long(self) -> bool {
        LONG_KINDS.contains(&self)
    }

    fn from_code(code: i64) -> Result<Self, StoreError> {
        match code {
            1 => Ok(Self::Expand),
            2 => Ok(Self::Resume),
            3 => Ok(Self::Deliver),
            4 => Ok(Self::Bulk),
            6 => Ok(Self::Audience),
            7 => Ok(Self::Broadcast),
            5 => Ok(Self::Schedule),
            _ => Err(StoreError::corrupt(format_args!("unknown job kind {code}"))),
        }
    }
}

/// A job as it is first written.
#[derive(Debug, Clone)]
pub struct JobRow {
    /// What it is about.
    pub target: Vec<u8>,
    /// What it does.
    pub kind: JobKind,
    /// Where.
    pub env: EnvId,
    /// The instant the work sees as now.
    pub due_at: Timestamp,
    /// When it may be claimed; later than `due_at` when the writing node keeps it for itself at once.
    pub run_at: Timestamp,
    /// Who holds it; 0 is nobody.
    pub claim: i64,
    /// Attempts counted so far, a held one included.
    pub attempt: i64,
    /// Instant of the first attempt.
    pub first_at: Option<Timestamp>,
    /// Free for the kind.
    pub payload: Option<String>,
}

/// A job that this node holds until its lease ends.
#[derive(Debug, Clone)]
pub struct Claim {
    /// What it is about.
    pub target: Vec<u8>,
    /// What it does.
    pub kind: JobKind,
    /// Where.
    pub env: EnvId,
    /// The instant the work sees as now.
    pub due_at: Timestamp,
    /// Token of the holder.
    pub token: i64,
    /// This attempt's number, from 1.
    pub attempt: i64,
    /// Instant of the first attempt.
    pub first_at: Option<Timestamp>,
    /// Free for the kind.
    pub payload: Option<String>,
}

impl Claim {
    /// The attempt is part of it: a node that claims a job of its own again, after the lease or because the claim was
    /// taken back, must not let its earlier claim write.
    pub(crate) fn key(&self) -> GuardKey {
        (self.target.clone(), self.kind, self.token, self.attempt)
    }
}

impl JobRow {
    /// The claim of a job that its writer kept.
    pub fn claimed(&self) -> Claim {
        Claim {
            target: self.target.clone(),
            kind: self.kind,
            env: self.env,
            due_at: self.due_at,
            token: self.claim,
            attempt: self.attempt,
            first_at: self.first_at,
            payload: self.payload.clone(),
        }
    }
}

/// How much waits, for metrics.
#[derive(Debug, Clone, Copy, Default)]
pub struct JobStats {
    /// Jobs that are due and not held.
    pub due: i64,
    /// Instant at which the oldest of them fell due.
    pub oldest: Option<Timestamp>,
}

static JOBS: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "jobs",
        &[
            ("target", Column::Blob),
            ("kind", Column::Int),
            ("env", Column::Int),
            ("due_at", Column::Int),
            ("run_at", Column::Int),
            ("claim", Column::Int),
            ("attempt", Column::Int),
            ("first_at", Column::Int),
            ("payload", Column::Text),
        ],
        "ON CONFLICT DO NOTHING",
    )
});

pub(crate) async fn insert_jobs(tx: &Tx<'_>, rows: impl Iterator<Item = &JobRow>) -> Result<(), StoreError> {
    let mut values = Vec::new();
    for row in rows {
        values.extend([
            Param::from(row.target.as_slice()),
            Param::Int(row.kind as i64),
            row.env.into(),
            row.due_at.into(),
            row.run_at.into(),
            Param::Int(row.claim),
            Param::Int(row.attempt),
            Param::opt_int(row.first_at.map(|at| at.0)),
            Param::opt(row.payload.as_deref()),
        ]);
    }
    tx.insert(&JOBS, &values).await.map(drop)
}

/// Finishes or puts off the guards' jobs where their claims still hold; answers which did.
pub(crate) async fn settle_guards<'g>(
    tx: &mut Tx<'_>,
    guards: impl Iterator<Item = &'g Guard>,
) -> Result<HashSet<GuardKey>, StoreError> {
    let mut held = HashSet::new();
    let mut finished: Vec<&Claim> = Vec::new();
    for guard in guards {
        let claim = &guard.claim;
        match &guard.action {
            GuardAction::Finish => finished.push(claim),
            GuardAction::Continue { run_at, payload } => {
                let touched = tx
                    .execute(
                        "UPDATE jobs SET run_at = $5, payload = $6 \
                         WHERE target = $1 AND kind = $2 AND claim = $3 AND attempt = $4",
                        &[
                            claim.target.as_slice().into(),
                            Param::Int(claim.kind as i64),
                            Param::Int(claim.token),
                            Param::Int(claim.attempt),
                            (*run_at).into(),
                            Param::opt(payload.as_deref()),
                        ],
                    )
                    .await?;
                if touched == 1 {
                    held.insert(claim.key());
                }
            }
            GuardAction::PutOff { due_at, payload } => {
                let touched = tx
                    .execute(
                        "UPDATE jobs SET due_at = $5, run_at = $5, claim = 0, payload = $6 \
                         WHERE target = $1 AND kind = $2 AND claim = $3 AND attempt = $4",
                        &[
                            claim.target.as_slice().into(),
                            Param::Int(claim.kind as i64),
                            Param::Int(claim.token),
                            Param::Int(claim.attempt),
                            (*due_at).into(),
                            Param::opt(payload.as_deref()),
                        ],
                    )
                    .await?;
                if touched == 1 {
                    held.insert(claim.key());
                }
            }
        }
    }
    if tx.is_postgres() && finished.len() > 1 {
        let targets = Param::Blobs(finished.iter().map(|c| c.target.clone()).collect());
        // The numbers travel as text so that one array parameter type serves.
        let rest = finished.iter().map(|c| format!("{}:{}:{}", c.kind as i64, c.token, c.attempt));
        let rest = Param::Texts(rest.collect());
        let rows = tx
            .query(
                "DELETE FROM jobs USING unnest($1::bytea[], $2::text[]) AS held(target, rest) \
                 WHERE jobs.target = held.target AND jobs.kind || ':' || jobs.claim || ':' || jobs.attempt = held.rest \
                 RETURNING jobs.target, jobs.kind, jobs.claim, jobs.attempt",
                &[targets, rest],
            )
            .await?;
        for row in rows {
            let kind = JobKind::from_code(row.int(1)?)?;
            held.insert((row.blob(0)?.to_vec(), kind, row.int(2)?, row.int(3)?));
        }
        return Ok(held);
    }
    for claim in finished {
        let touched = tx
            .execute(
                "DELETE FROM jobs WHERE target = $1 AND kind = $2 AND claim = $3 AND attempt = $4",
                &[
                    claim.target.as_slice().into(),
                    Param::Int(claim.kind as i64),
                    Param::Int(claim.token),
                    Param::Int(claim.attempt),
                ],
            )
            .await?;
        if touched == 1 {
            held.insert(claim.key());
        }
    }
    Ok(held)
}

const COLUMNS: &str = "target, kind, env, due_at, claim, attempt, first_at, payload";

fn claim(mut row: Row) -> Result<Claim, StoreError> {
    Ok(Claim {
        target: row.blob(0)?.to_vec(),
        kind: JobKind::from_code(row.int(1)?)?,
        env: EnvId(row.int(2)?),
        due_at: row.at(3)?,
        token: row.int(4)?,
        attempt: row.int(5)?,
        first_at: row.opt_at(6)?,
        payload: row.opt_text(7)?,
    })
}

impl Store {
    /// Leases up to `limit` jobs that are due, of whatever kind: see [`Store::claim_within`].
    pub async fn claim_due(
        &self,
        now: Timestamp,
        lease: Micros,
        token: i64,
        limit: i64,
    ) -> Result<Vec<Claim>, StoreError> {
        self.claim_within(now, lease, token, limit, limit).await
    }

    /// Leases jobs that are due, the oldest first: up to `short` of those that end soon and up to `long` of the others
    /// ([`JobKind::is_long`]). A job leased by a living node is skipped; counting the attempt here means that a crash in
    /// the middle of a request does not grant a free one.
    pub async fn claim_within(
        &self,
        now: Timestamp,
        lease: Micros,
        token: i64,
        short: i64,
        long: i64,
    ) -> Result<Vec<Claim>, StoreError> {
        // Most polls find nothing: ask a reader first and leave the writer alone.
        if self.next_run_at().await?.is_none_or(|at| at > now) {
            return Ok(Vec::new());
        }
        let mut claims = self
            .transact(move |tx| {
                Box::pin(async move {
                    let skip = if tx.is_postgres() { "FOR UPDATE SKIP LOCKED" } else { "" };
                    let mut claims = Vec::new();
                    // One after the other: both in one statement are a scan of all timers on SQLite.
                    for (which, limit) in [("NOT IN", short), ("IN", long)] {
                        if limit == 0 {
                            continue;
                        }
                        let sql = format!(
                            "UPDATE jobs SET run_at = $2, claim = $3, attempt = attempt + 1, \
                             first_at = COALESCE(first_at, $1) WHERE (target, kind) IN \
                             (SELECT target, kind FROM jobs WHERE run_at <= $1 AND kind {which} {LONG} \
                             ORDER BY run_at LIMIT $4 {skip}) RETURNING {COLUMNS}"
                        );
                        let params = [now.into(), (now + lease).into(), Param::Int(token), Param::Int(limit)];
                        for row in tx.query(&sql, &params).await? {
                            claims.push(claim(row)?);
                        }
                    }
                    Ok(claims)
                })
            })
            .await?;
        claims.sort_by(|a, b| (a.due_at, &a.target).cmp(&(b.due_at, &b.target)));
        Ok(claims)
    }

    /// The instant at which the next job may be claimed.
    pub async fn next_run_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let row = self.query_one("SELECT MIN(run_at) FROM jobs", &[]).await?;
        row.map_or(Ok(None), |row| row.opt_at(0))
    }

    /// The instant at which the next job that ends soon may be claimed.
    pub async fn next_short_run_at(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = format!("SELECT run_at FROM jobs WHERE kind NOT IN {LONG} ORDER BY run_at LIMIT 1");
        self.query_one(&sql, &[]).await?.map(|row| row.at(0)).transpose()
    }

    /// Gives back every lease: for the single node of a SQLite database that starts again.
    pub async fn release_leases(&self) -> Result<u64, StoreError> {
        self.transact(|tx| {
            Box::pin(async move {
                tx.execute("UPDATE jobs SET run_at = due_at, claim = 0 WHERE claim <> 0", &[]).await
            })
        })
        .await
    }

    /// Gives back the leases of one node that stops.
    pub async fn release_claims(&self, token: i64) -> Result<u64, StoreError> {
        self.transact(move |tx| {
            Box::pin(async move {
                tx.execute(
                    "UPDATE jobs SET run_at = due_at, claim = 0 WHERE claim = $1",
                    &[Param::Int(token)],
                )
                .await
            })
        })
        .await
    }

    /// Gives back one lease before its end, so that the job may be claimed again at once.
    pub async fn release_claim(&self, claim: &Claim) -> Result<(), StoreError> {
        let (target, kind, token) = (claim.target.clone(), claim.kind as i64, claim.token);
        let attempt = claim.attempt;
        self.transact(move |tx| {
            Box::pin(async move {
                tx.execute(
                    "UPDATE jobs SET run_at = due_at, claim = 0 \
                     WHERE target = $1 AND kind = $2 AND claim = $3 AND attempt = $4",
                    &[target.as_slice().into(), Param::Int(kind), Param::Int(token), Param::Int(attempt)],
                )
                .await
                .map(drop)
            })
        })
        .await
    }

    /// What is due and not held.
    pub async fn job_stats(&self, now: Timestamp) -> Result<JobStats, StoreError> {
        let rows = self
            .query(Cost::Scan, "SELECT COUNT(*), MIN(due_at) FROM jobs WHERE run_at <= $1", &[now.into()])
            .await?;
        let Some(row) = rows.first() else { return Ok(JobStats::default()) };
        Ok(JobStats { due: row.int(0)?, oldest: row.opt_at(1)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_name_the_long_kinds() {
        let codes: Vec<String> = LONG_KINDS.iter().map(|kind| (*kind as i64).to_string()).collect();
        assert_eq!(LONG, format!("({})", codes.join(", ")));
        for code in 1..=7 {
            let kind = JobKind::from_code(code).unwrap();
            assert_eq!((kind as i64, kind.is_long()), (code, LONG_KINDS.contains(&kind)));
        }
    }
}
