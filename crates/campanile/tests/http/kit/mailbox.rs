//! A mail server that takes every mail and keeps it, with its parts decoded.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// Listens on this machine; gone when dropped.
pub struct Mailbox {
    pub port: u16,
    mails: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Mailbox {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let port = listener.local_addr().expect("a bound listener has an address").port();
        let mails = Arc::new(Mutex::default());
        let taken = Arc::clone(&mails);
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(session(stream, Arc::clone(&taken)));
            }
        });
        Self { port, mails, task }
    }

    /// Every mail that came so far: headers and parts, quoted-printable undone.
    pub fn mails(&self) -> Vec<String> {
        self.mails.lock().expect("no test panicked in between").clone()
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn session(stream: TcpStream, mails: Arc<Mutex<Vec<String>>>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    stream.write_all(b"220 kit.example ESMTP\r\n").await?;
    let mut line = String::new();
    loop {
        line.clear();
        if stream.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        if verb == "DATA" {
            stream.write_all(b"354 go on\r\n").await?;
            let mut mail = String::new();
            loop {
                line.clear();
                if stream.read_line(&mut line).await? == 0 {
                    return Ok(());
                }
                match line.trim_end() {
                    "." => break,
                    text => mail.push_str(&line.replacen(text, text.strip_prefix('.').unwrap_or(text), 1)),
                }
            }
            mails.lock().expect("no test panicked in between").push(decoded(&mail));
        }
        let reply: &[u8] = match &*verb {
            "EHLO" => b"250-kit.example\r\n250 8BITMIME\r\n",
            "QUIT" => b"221 bye\r\n",
            _ => b"250 fine\r\n",
        };
        stream.write_all(reply).await?;
    }
}

/// Undoes quoted-printable, which is all that our texts are sent with.
fn decoded(mail: &str) -> String {
    let joined = mail.replace("=\r\n", "");
    let mut bytes = Vec::with_capacity(joined.len());
    let mut rest = joined.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let code =
            after.get(..2).and_then(|code| u8::from_str_radix(std::str::from_utf8(code).ok()?, 16).ok());
        match code.filter(|_| *first == b'=') {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
