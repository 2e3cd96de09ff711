//! Forward-only migrations: one text per change, with the few words that differ between the engines filled in.

mod m0001;
mod m0002;
mod m0003;
mod m0004;
mod m0005;
mod m0006;
mod m0007;
mod m0008;
mod m0009;
mod m0010;
mod m0011;
mod m0012;

use crate::error::StoreError;

/// Every change ever made, oldest first. A released text never changes; the next change is a new file.
const MIGRATIONS: &[&str] = &[
    m0001::SQL,
    m0002::SQL,
    m0003::SQL,
    m0004::SQL,
    m0005::SQL,
    m0006::SQL,
    m0007::SQL,
    m0008::SQL,
    m0009::SQL,
    m0010::SQL,
    m0011::SQL,
    m0012::SQL,
];

/// The version that this binary needs.
pub const LATEST: i64 = MIGRATIONS.len() as i64;

/// Key of the advisory lock that lets one node migrate while others wait ("campanil" in ASCII).
const LOCK: i64 = 0x6361_6d70_616e_696c;

struct Words {
    blob: &'static str,
    json: &'static str,
    /// Text compared by bytes, so that both engines sort keys the same way.
    key: &'static str,
    /// Rows stored inside the primary key.
    clustered: &'static str,
}

const SQLITE: Words = Words { blob: "BLOB", json: "TEXT", key: "TEXT", clustered: "WITHOUT ROWID" };
const POSTGRES: Words = Words { blob: "BYTEA", json: "JSONB", key: "TEXT COLLATE \"C\"", clustered: "" };

fn text(template: &str, words: &Words) -> String {
    template
        .replace("{BLOB}", words.blob)
        .replace("{JSON}", words.json)
        .replace("{KEY}", words.key)
        .replace("{CLUSTERED}", words.clustered)
}

fn newer(found: i64) -> StoreError {
    StoreError::corrupt(format_args!(
        "its schema is version {found}, this binary knows {LATEST}: run the newer binary that made it"
    ))
}

pub(crate) fn migrate_sqlite(db: &mut rusqlite::Connection) -> Result<(), StoreError> {
    let tx = db.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let found: i64 = tx.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    if found > LATEST {
        return Err(newer(found));
    }
    for (n, template) in MIGRATIONS.iter().enumerate().skip(found as usize) {
        tx.execute_batch(&text(template, &SQLITE))?;
        tx.pragma_update(None, "user_version", n as i64 + 1)?;
    }
    tx.commit()?;
    Ok(())
}

pub(crate) async fn migrate_postgres(client: &mut deadpool_postgres::Client) -> Result<(), StoreError> {
    let tx = client.transaction().await?;
    tx.execute("SELECT pg_advisory_xact_lock($1)", &[&LOCK]).await?;
    tx.batch_execute("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT PRIMARY KEY)").await?;
    let found: i64 = tx.query_one("SELECT COALESCE(MAX(version), 0) FROM schema_version", &[]).await?.get(0);
    if found > LATEST {
        return Err(newer(found));
    }
    for (n, template) in MIGRATIONS.iter().enumerate().skip(found as usize) {
        tx.batch_execute(&text(template, &POSTGRES)).await?;
        tx.execute("INSERT INTO schema_version VALUES ($1)", &[&(n as i64 + 1)]).await?;
    }
    tx.commit().await?;
    Ok(())
}
