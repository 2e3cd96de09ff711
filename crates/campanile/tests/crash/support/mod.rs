//! The real server as a child process, the receivers that it delivers to, and what a test knows about both.

pub mod client;
pub mod database;
pub mod hooks;
pub mod ledger;
pub mod leftovers;
pub mod load;
pub mod mail;
pub mod random;
pub mod receivers;
pub mod server;
pub mod workflows;

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

pub use client::Client;
pub use database::{Database, databases};
pub use server::{Node, Server};

/// Asks until the answer is `Ok`; after `seconds` the test ends with the last reason and what `tail` says.
pub async fn eventually<T, F>(
    what: &str,
    seconds: u64,
    tail: impl Fn() -> String,
    mut probe: impl FnMut() -> F,
) -> T
where
    F: Future<Output = Result<T, String>>,
{
    let end = Instant::now() + Duration::from_secs(seconds);
    loop {
        match probe().await {
            Ok(value) => return value,
            Err(reason) if Instant::now() > end => {
                panic!("after {seconds} s there is still not: {what}\n{reason}\n{}", tail())
            }
            Err(_) => pause(5).await,
        }
    }
}

/// The beat of polling.
pub async fn pause(millis: u64) {
    tokio::time::sleep(Duration::from_millis(millis)).await;
}

/// Counts the lives of the server under test, so that receivers can tell what arrived in which.
#[derive(Clone, Default)]
pub struct Lives {
    now: Arc<AtomicU64>,
    open: Arc<AtomicUsize>,
}

/// A connection of the present life.
pub struct Connected(Lives);

impl Lives {
    /// The present life, from 0.
    pub fn now(&self) -> u64 {
        self.now.load(Ordering::SeqCst)
    }

    /// Notes a connection that was accepted.
    pub fn connected(&self) -> Connected {
        self.open.fetch_add(1, Ordering::SeqCst);
        Connected(self.clone())
    }

    /// Begins the next life at once: connections of a server that goes on stay open.
    pub fn interrupt(&self) {
        self.now.fetch_add(1, Ordering::SeqCst);
    }

    /// Begins the next life, when everything that the last one sent has been read.
    pub async fn next(&self) {
        let mut quiet = 0;
        let end = Instant::now() + Duration::from_secs(10);
        while quiet < 4 {
            quiet = if self.open.load(Ordering::SeqCst) == 0 { quiet + 1 } else { 0 };
            assert!(Instant::now() < end, "connections of a dead server stay open");
            pause(5).await;
        }
        self.interrupt();
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// A free port below those that the kernel gives to outgoing connections: while the server is down, a client's own
/// connection must not take its place.
pub fn free_port() -> u16 {
    for _ in 0..1_000 {
        let port = 12_000 + (uuid::Uuid::new_v4().as_u128() % 18_000) as u16;
        if std::net::TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port between 12000 and 30000");
}
