//! A webhook receiver that can misbehave.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::Lives;

/// How it behaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Manner {
    /// Answers with this status.
    Answers(u16),
    /// Reads the request and closes without an answer.
    Closes,
    /// Reads the request and does nothing until its manner changes; then it closes.
    Hangs,
    /// Sends elsewhere.
    Redirects(String),
}

/// A request that was read whole.
#[derive(Debug, Clone)]
pub struct Call {
    /// `Idempotency-Key`.
    pub id: String,
    /// JSON, or null.
    pub body: Value,
    /// The server's life in which it came.
    pub life: u64,
}

struct Shared {
    manner: watch::Sender<Manner>,
    calls: Mutex<Vec<Call>>,
    connections: AtomicUsize,
    lives: Lives,
}

/// Runs until the test ends.
#[derive(Clone)]
pub struct HookServer {
    /// Where it listens.
    pub port: u16,
    shared: Arc<Shared>,
}

impl HookServer {
    /// Starts one.
    pub async fn start(manner: Manner, lives: &Lives) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port for webhooks");
        let port = listener.local_addr().expect("it has an address").port();
        let manner = watch::Sender::new(manner);
        let shared = Arc::new(Shared {
            manner,
            calls: Mutex::default(),
            connections: AtomicUsize::new(0),
            lives: lives.clone(),
        });
        let server = Self { port, shared: Arc::clone(&shared) };
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let connected = shared.lives.connected();
                tokio::spawn(async move {
                    // A client that goes away in the middle is what these tests are about.
                    let _ = connection(stream, &shared).await;
                    drop(connected);
                });
            }
        });
        server
    }

    /// Its URL.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    /// Behaves differently from now on; whoever hangs is cut.
    pub fn set(&self, manner: Manner) {
        self.shared.manner.send_replace(manner);
    }

    /// How many connections it saw.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }

    /// How many requests it read.
    pub fn count(&self) -> usize {
        self.shared.calls.lock().len()
    }

    /// What it read so far.
    pub fn calls(&self) -> Vec<Call> {
        self.shared.calls.lock().clone()
    }
}

async fn connection(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let mut manner = shared.manner.subscribe();
    while let Some(call) = request(&mut stream, shared).await? {
        shared.calls.lock().push(call);
        let now = manner.borrow_and_update().clone();
        let reply = match now {
            Manner::Answers(status) => format!("HTTP/1.1 {status} so\r\ncontent-length: 0\r\n\r\n"),
            Manner::Redirects(to) => {
                format!("HTTP/1.1 302 there\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
            }
            Manner::Closes => return Ok(()),
            Manner::Hangs => {
                let mut rest = [0];
                tokio::select! {
                    _ = manner.changed() => {}
                    _ = stream.read(&mut rest) => {}
                }
                return Ok(());
            }
        };
        stream.write_all(reply.as_bytes()).await?;
    }
    Ok(())
}

/// Reads one request; `None` at the end of the connection.
async fn request(stream: &mut BufReader<TcpStream>, shared: &Shared) -> std::io::Result<Option<Call>> {
    let mut call = Call { id: String::new(), body: Value::Null, life: 0 };
    let mut length = 0;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(None);
        }
        let Some((name, value)) = line.trim_end().split_once(':') else {
            if line.trim_end().is_empty() {
                break;
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "idempotency-key" => call.id = value.trim().to_owned(),
            "content-length" => length = value.trim().parse().unwrap_or(0),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    stream.read_exact(&mut body).await?;
    call.body = serde_json::from_slice(&body).unwrap_or_default();
    call.life = shared.lives.now();
    Ok(Some(call))
}
