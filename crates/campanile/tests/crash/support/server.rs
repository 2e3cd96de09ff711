//! The binary under test as a child process that can be killed, stopped and started again on the same data.

use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::json;
use uuid::Uuid;

use super::client::{SECRET_KEY, SERVICE_TOKEN};
use super::{Client, Database, Lives, eventually, free_port, pause};

/// Seconds of a lease in these tests; the shortest that the server takes.
pub const LEASE_SECONDS: u64 = 5;
/// Encrypts the credentials: nodes that share a database share it.
const VAULT_KEY: &str = "Y3Jhc2gtdGVzdHMtc2hhcmUtdGhpcy1rZXktMzItYnk=";
/// How long a debug build on a busy machine may take to start.
const START_SECONDS: u64 = 60;

/// How to start one.
pub struct Server {
    database: Database,
    lease_seconds: u64,
    flags: Vec<String>,
    dir: Option<PathBuf>,
}

impl Server {
    /// On this database, with webhooks allowed to reach the test's receivers.
    pub fn on(database: &Database) -> Self {
        let flags = vec!["--allow-private-addresses".to_owned()];
        Self { database: database.clone(), lease_seconds: LEASE_SECONDS, flags, dir: None }
    }

    /// With another lease.
    pub fn lease_seconds(mut self, seconds: u64) -> Self {
        self.lease_seconds = seconds;
        self
    }

    /// One more flag.
    pub fn flag(mut self, flag: &str) -> Self {
        self.flags.push(flag.to_owned());
        self
    }

    /// Webhooks may not reach private addresses.
    pub fn guarded(mut self) -> Self {
        self.flags.retain(|flag| flag != "--allow-private-addresses");
        self
    }

    /// Keeps its data here instead of in a directory of its own.
    pub fn in_dir(mut self, dir: PathBuf) -> Self {
        self.dir = Some(dir);
        self
    }

    /// Starts and waits until it is ready.
    pub async fn start(self) -> Node {
        let own = self.dir.is_none();
        let dir = self.dir.unwrap_or_else(|| {
            std::env::temp_dir().join(format!("campanile-crash-{}", Uuid::new_v4().simple()))
        });
        fs::create_dir_all(&dir).expect("a directory for the data");
        let log = std::env::temp_dir().join(format!("campanile-crash-{}.log", Uuid::new_v4().simple()));
        let port = free_port();
        let client = Client::new(port);
        let mut node = Node {
            child: None,
            database: self.database,
            lease_seconds: self.lease_seconds,
            flags: self.flags,
            dir,
            own,
            log,
            port,
            client,
        };
        node.start().await;
        node
    }
}

/// A server that was started; it dies with this value.
pub struct Node {
    child: Option<Child>,
    database: Database,
    lease_seconds: u64,
    flags: Vec<String>,
    dir: PathBuf,
    own: bool,
    log: PathBuf,
    port: u16,
    /// Speaks to it.
    pub client: Client,
}

impl Node {
    /// Starts the process and does not wait for it.
    pub fn spawn(&mut self) {
        let log = File::options().append(true).create(true).open(&self.log).expect("a log file");
        let mut command = Command::new(env!("CARGO_BIN_EXE_campanile"));
        command
            .arg("serve")
            .args(["--listen", &format!("127.0.0.1:{}", self.port), "--data-dir"])
            .arg(&self.dir);
        command.args(&self.flags);
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("CAMPANILE_")) {
            command.env_remove(name);
        }
        if let Some(url) = &self.database.url {
            command.env("CAMPANILE_DATABASE_URL", url);
        }
        command
            .env("CAMPANILE_BOOTSTRAP_SECRET_KEY", SECRET_KEY)
            .env("CAMPANILE_BOOTSTRAP_SERVICE_TOKEN", SERVICE_TOKEN)
            .env("CAMPANILE_SECRET_KEY", VAULT_KEY)
            .env("CAMPANILE_LEASE_SECONDS", self.lease_seconds.to_string())
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log);
        self.child = Some(command.spawn().expect("the binary starts"));
    }

    /// Starts the process and waits until it is ready.
    pub async fn start(&mut self) {
        self.spawn();
        self.ready().await;
    }

    /// Waits until the process is ready.
    pub async fn ready(&mut self) {
        let end = Instant::now() + Duration::from_secs(START_SECONDS);
        loop {
            if let Some(status) = self.exited() {
                panic!("the server ended before it was ready: {status}\n{}", self.log_tail());
            }
            let answer = self.client.send(Method::GET, "/readyz", None, &[]).await;
            if answer.is_ok_and(|answer| answer.status == 200) {
                return;
            }
            assert!(Instant::now() < end, "not ready after {START_SECONDS} s\n{}", self.log_tail());
            pause(5).await;
        }
    }

    fn exited(&mut self) -> Option<ExitStatus> {
        self.child.as_mut().and_then(|child| child.try_wait().expect("a child can be waited for"))
    }

    /// `kill -9`; returns when the process is gone.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill().expect("a child can be killed");
            child.wait().expect("a child can be waited for");
        }
    }

    /// SIGTERM; answers how the process ended and how long that took.
    pub async fn terminate(&mut self, within: Duration) -> (ExitStatus, Duration) {
        let pid = self.child.as_ref().expect("the server runs").id();
        let begun = Instant::now();
        let sent = Command::new("sh").args(["-c", &format!("kill -TERM {pid}")]).status();
        assert!(sent.is_ok_and(|status| status.success()), "the signal could not be sent");
        loop {
            if let Some(status) = self.exited() {
                self.child = None;
                return (status, begun.elapsed());
            }
            let tail = || self.log_tail();
            assert!(begun.elapsed() < within, "SIGTERM did not end it in {within:?}\n{}", tail());
            pause(5).await;
        }
    }

    /// Ends gracefully, and insists.
    pub async fn stop(&mut self) {
        let (status, _) = self.terminate(Duration::from_secs(25)).await;
        assert!(status.success(), "SIGTERM should end it with 0, not {status}\n{}", self.log_tail());
    }

    /// The end of what it said.
    pub fn log_tail(&self) -> String {
        let text = fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text).into_owned();
        let lines: Vec<&str> = text.lines().rev().take(40).collect();
        let lines: Vec<&str> = lines.into_iter().rev().collect();
        format!("--- end of {}\n{}", self.log.display(), lines.join("\n"))
    }

    /// Waits for something that this server should make true.
    pub async fn wait<T, F>(&self, what: &str, seconds: u64, probe: impl FnMut() -> F) -> T
    where
        F: Future<Output = Result<T, String>>,
    {
        eventually(what, seconds, || self.log_tail(), probe).await
    }

    /// `Ok` when no message waits for an attempt or its record.
    pub async fn nothing_on_its_way(&self) -> Result<(), String> {
        let left =
            self.client.all("/v1/messages?status[]=queued&status[]=delivery_attempted", "items").await?;
        if left.is_empty() { Ok(()) } else { Err(format!("{} messages are on their way", left.len())) }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where its data is.
    pub fn place(&self) -> (Option<String>, PathBuf) {
        (self.database.url.clone(), self.dir.clone())
    }

    /// Points the e-mail channel at a mail server on this machine.
    pub async fn mail_goes_to(&self, port: u16) {
        let body = json!({
            "environment": "development", "is_sandbox": false,
            "channel_settings": {"from_address": "bell@crash.example"},
            "provider_settings": {"host": "127.0.0.1", "port": port, "security": "none"},
        });
        self.client.must(Method::PUT, "/v1/admin/channels/email", Some(&body)).await;
    }

    /// Kills, waits until the receivers have read everything, and begins the next life without starting it.
    pub async fn crash(&mut self, lives: &Lives) {
        self.kill();
        lives.next().await;
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("the server's log is kept: {}", self.log.display());
            return;
        }
        let _ = fs::remove_file(&self.log);
        if self.own {
            let _ = fs::remove_dir_all(&self.dir);
        }
    }
}
