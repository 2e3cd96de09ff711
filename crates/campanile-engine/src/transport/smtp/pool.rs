//! Idle connections to mail servers: a few per account, for a short time, for a bounded number of accounts.

use std::collections::HashMap;
use std::time::Duration;

use campanile_channels::email::SmtpAccount;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use parking_lot::Mutex;
use tokio::time::Instant;

const PER_ACCOUNT_MAX: usize = 8;
const ACCOUNTS_MAX: usize = 64;
const IDLE_MAX: Duration = Duration::from_secs(60);

struct Idle {
    connection: AsyncSmtpConnection,
    since: Instant,
}

/// Connections that wait for the next mail. Changed credentials are another account, so they never share one.
#[derive(Default)]
pub(super) struct Pool {
    accounts: Mutex<HashMap<SmtpAccount, Vec<Idle>>>,
}

impl Pool {
    /// The connection that was used last, if it is not too old.
    pub(super) fn take(&self, account: &SmtpAccount) -> Option<AsyncSmtpConnection> {
        let mut accounts = self.accounts.lock();
        let list = accounts.get_mut(account)?;
        let idle = list.pop().filter(|idle| idle.since.elapsed() < IDLE_MAX);
        if idle.is_none() || list.is_empty() {
            // The newest is too old or was the last one: nothing below it is worth keeping.
            accounts.remove(account);
        }
        idle.map(|idle| idle.connection)
    }

    /// Keeps a connection; when there is no room it is closed.
    pub(super) fn put(&self, account: &SmtpAccount, connection: AsyncSmtpConnection) {
        let mut accounts = self.accounts.lock();
        if accounts.len() >= ACCOUNTS_MAX && !accounts.contains_key(account) {
            accounts.retain(|_, list| list.iter().any(|idle| idle.since.elapsed() < IDLE_MAX));
            if accounts.len() >= ACCOUNTS_MAX {
                return;
            }
        }
        let list = accounts.entry(account.clone()).or_default();
        list.retain(|idle| idle.since.elapsed() < IDLE_MAX);
        if list.len() < PER_ACCOUNT_MAX {
            list.push(Idle { connection, since: Instant::now() });
        }
    }
}
