//! A mail server as small as SMTP allows, that can misbehave.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

use super::Lives;

/// How it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// Takes every mail.
    Polite,
    /// Does not know the recipient.
    RefusesRecipient,
    /// Does not want the mail after having read it.
    RefusesMail,
    /// Accepts the connection and says nothing.
    Silent,
    /// Closes while the mail is being sent.
    ClosesInData,
}

/// A mail that was taken.
#[derive(Debug, Clone)]
pub struct Mail {
    /// `Message-ID` up to the `@`.
    pub id: String,
    /// Its subject.
    pub subject: String,
    /// The server's life in which it came.
    pub life: u64,
}

struct Shared {
    manner: Mutex<Manner>,
    taken: Mutex<Vec<Mail>>,
    /// Ids of mails that were read and then refused or dropped.
    dropped: Mutex<Vec<String>>,
    connections: AtomicUsize,
    lives: Lives,
}

/// Runs until the test ends.
#[derive(Clone)]
pub struct MailServer {
    /// Where it listens.
    pub port: u16,
    shared: Arc<Shared>,
}

impl MailServer {
    /// Starts one.
    pub async fn start(manner: Manner, lives: &Lives) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port for mail");
        let port = listener.local_addr().expect("it has an address").port();
        let shared = Arc::new(Shared {
            manner: Mutex::new(manner),
            taken: Mutex::default(),
            dropped: Mutex::default(),
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
                    let _ = session(stream, &shared).await;
                    drop(connected);
                });
            }
        });
        server
    }

    /// Behaves differently from now on.
    pub fn set(&self, manner: Manner) {
        *self.shared.manner.lock() = manner;
    }

    /// What it took so far.
    pub fn taken(&self) -> Vec<Mail> {
        self.shared.taken.lock().clone()
    }

    /// Ids of what it read and did not take.
    pub fn dropped(&self) -> Vec<String> {
        self.shared.dropped.lock().clone()
    }

    /// How many connections it saw.
    pub fn connections(&self) -> usize {
        self.shared.connections.load(Ordering::SeqCst)
    }
}

async fn session(stream: TcpStream, shared: &Shared) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut stream = BufReader::new(stream);
    let manner = || *shared.manner.lock();
    let mut line = String::new();
    if manner() == Manner::Silent {
        // Ends when the other side gives up.
        while stream.read_line(&mut line).await? > 0 {}
        return Ok(());
    }
    stream.write_all(b"220 crash.example ESMTP\r\n").await?;
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let verb = line.trim_end().to_ascii_uppercase();
        let reply: &[u8] = match verb.split([' ', ':']).next().unwrap_or_default() {
            "EHLO" | "HELO" => b"250-crash.example\r\n250 8BITMIME\r\n",
            "RCPT" if manner() == Manner::RefusesRecipient => b"550 no such mailbox\r\n",
            "DATA" => {
                stream.write_all(b"354 go on\r\n").await?;
                match data(&mut stream, shared, manner()).await? {
                    Some(reply) => reply,
                    None => return Ok(()),
                }
            }
            "QUIT" => {
                stream.write_all(b"221 bye\r\n").await?;
                return Ok(());
            }
            _ => b"250 fine\r\n",
        };
        stream.write_all(reply).await?;
    }
}

/// Reads a mail; answers what to say, or `None` to close without a word.
async fn data(
    stream: &mut BufReader<TcpStream>,
    shared: &Shared,
    manner: Manner,
) -> std::io::Result<Option<&'static [u8]>> {
    let mut mail = Mail { id: String::new(), subject: String::new(), life: shared.lives.now() };
    let mut line = Vec::new();
    loop {
        line.clear();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if text == "." {
            break;
        }
        let header = |name: &str| text.strip_prefix(name).map(str::trim);
        if let Some(id) = header("Message-ID: <") {
            mail.id = id.split('@').next().unwrap_or_default().to_owned();
            if manner == Manner::ClosesInData {
                shared.dropped.lock().push(mail.id);
                return Ok(None);
            }
        }
        if let Some(subject) = header("Subject: ") {
            mail.subject = subject.to_owned();
        }
    }
    if manner == Manner::RefusesMail {
        shared.dropped.lock().push(mail.id);
        return Ok(Some(b"554 not this one\r\n"));
    }
    shared.taken.lock().push(mail);
    Ok(Some(b"250 taken\r\n"))
}
