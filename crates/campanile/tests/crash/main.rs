//! What survives a crash and what a fault leaves behind, tried on the real binary: promises P1, P2, P3, P5 and P6 of
//! docs/ARCHITECTURE.md, two nodes on one database, a graceful stop, and neighbours that misbehave (mail servers,
//! webhook receivers, the disk, PostgreSQL).
//!
//! Everything runs on SQLite, and on PostgreSQL too when `CAMPANILE_TEST_DATABASE_URL` names a server.
//!
//! - `CAMPANILE_CRASH_KILLS=50` makes the kill loop as long as the promise wants it (default 8).
//! - `CAMPANILE_CRASH_SEED=n` repeats the random decisions of a run; each run prints its seed.

mod bulk;
mod cancel;
mod contention;
mod database_away;
mod fan_out;
mod full_disk;
mod kill_loop;
mod mail_faults;
mod schedules;
mod stop;
mod support;
mod timers;
mod two_nodes;
mod webhook_faults;
