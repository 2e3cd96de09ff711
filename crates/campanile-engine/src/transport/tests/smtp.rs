use std::sync::Arc;

use campanile_channels::email::{Security, SmtpAccount, SmtpMail, SmtpStage};
use campanile_channels::exchange::TransportError;
use parking_lot::Mutex;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;

use super::{acceptor, hasty, patient, trusting};
use crate::transport::{Roots, SmtpTransport};

/// What the server does instead of obeying.
#[derive(Debug, Clone, Copy)]
enum Reaction {
    /// Answers with this line.
    Say(&'static str),
    /// Hangs up.
    Close,
    /// Keeps silent.
    Hang,
}

/// A mail server that is obliging except where `exceptions` name the beginning of a command; `""` is the greeting
/// and `.` the end of the message. It notes what it was told.
async fn server(exceptions: &'static [(&'static str, Reaction)]) -> (u16, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let noted = heard.clone();
    tokio::spawn(async move {
        while let Ok((socket, _)) = listener.accept().await {
            noted.lock().push("connected".to_owned());
            tokio::spawn(serve(socket, exceptions, noted.clone(), true));
        }
    });
    (port, heard)
}

async fn serve(
    socket: impl AsyncRead + AsyncWrite + Unpin,
    exceptions: &'static [(&'static str, Reaction)],
    heard: Arc<Mutex<Vec<String>>>,
    greets: bool,
) -> Option<()> {
    let mut socket = BufReader::new(socket);
    let exception = |line: &str| {
        exceptions
            .iter()
            .find(|(start, _)| if start.is_empty() { line.is_empty() } else { line.starts_with(start) })
            .map(|(_, reaction)| *reaction)
    };
    // Before its first command the client waits for a greeting, but not where TLS came in between.
    let mut line = String::new();
    if !greets {
        socket.read_line(&mut line).await.ok()?;
        line.truncate(line.trim_end().len());
    }
    let mut in_data = false;
    loop {
        let usual = match line.get(..4).unwrap_or(&line) {
            _ if in_data && line != "." => None,
            "" => Some("220 hello"),
            "EHLO" => Some("250-hello\r\n250 AUTH PLAIN LOGIN"),
            "AUTH" => Some("235 welcome"),
            "DATA" => Some("354 go on"),
            "." => Some("250 2.0.0 queued as 1"),
            _ => Some("250 fine"),
        };
        in_data = (in_data && line != ".") || line == "DATA";
        match (exception(&line), usual) {
            (Some(Reaction::Close), _) => return None,
            (Some(Reaction::Hang), _) => return std::future::pending().await,
            (Some(Reaction::Say(answer)), _) | (None, Some(answer)) => {
                if answer.starts_with('5') && line == "DATA" {
                    in_data = false;
                }
                socket.write_all(format!("{answer}\r\n").as_bytes()).await.ok()?;
            }
            (None, None) => {}
        }
        line.clear();
        if socket.read_line(&mut line).await.ok()? == 0 {
            return None;
        }
        line.truncate(line.trim_end().len());
        heard.lock().push(line.clone());
    }
}

fn transport() -> SmtpTransport {
    SmtpTransport::new(Roots::new(None).unwrap())
}

fn mail(port: u16) -> SmtpMail {
    SmtpMail {
        headers: Vec::new(),
        account: SmtpAccount {
            host: "127.0.0.1".into(),
            port,
            security: Security::None,
            credentials: Some(("u".into(), "p".into())),
        },
        message_id: "m1@x.io".into(),
        from: "a@x.io".parse().unwrap(),
        to: "b@y.io".parse().unwrap(),
        copies: vec!["c@y.io".parse().unwrap()],
        bytes: b"Subject: S\r\n\r\nHi\r\n.dot\r\n".to_vec(),
        attachments: 0,
    }
}

#[tokio::test]
async fn hands_over_and_keeps_the_connection() {
    let (port, heard) = server(&[]).await;
    let transport = transport();
    for _ in 0..2 {
        let reply = transport.send(&mail(port), patient()).await.unwrap();
        assert_eq!((reply.code, reply.stage), (250, SmtpStage::Data));
        assert!(reply.text.contains("queued as 1") && reply.refused_copies.is_empty());
    }
    let heard = heard.lock().clone();
    for (line, times) in [
        ("connected", 1),
        ("AUTH PLAIN AHUAcA==", 1),
        ("MAIL FROM:<a@x.io>", 2),
        ("RCPT TO:<b@y.io>", 2),
        ("RCPT TO:<c@y.io>", 2),
        ("NOOP", 1),
        ("..dot", 2),
    ] {
        assert_eq!(heard.iter().filter(|told| *told == line).count(), times, "{line} in {heard:?}");
    }
}

#[tokio::test]
async fn refusals_say_at_which_command() {
    for (exceptions, code, stage) in [
        (&[("RCPT TO:<b@", Reaction::Say("550 5.1.1 unknown"))][..], 550, SmtpStage::Recipient),
        (&[("", Reaction::Say("421 busy"))], 421, SmtpStage::Connect),
        (&[("EHLO", Reaction::Say("550 go away"))], 550, SmtpStage::Connect),
        (&[("AUTH", Reaction::Say("535 5.7.8 wrong"))], 535, SmtpStage::Auth),
        (&[("MAIL", Reaction::Say("530 log in"))], 530, SmtpStage::From),
        (&[("DATA", Reaction::Say("554 no"))], 554, SmtpStage::Data),
        (&[(".", Reaction::Say("552 too big"))], 552, SmtpStage::Data),
    ] {
        let (port, _) = server(exceptions).await;
        let reply = transport().send(&mail(port), patient()).await.unwrap();
        assert_eq!((reply.code, reply.stage), (code, stage), "{exceptions:?}");
    }
}

#[tokio::test]
async fn a_refused_copy_does_not_stop_the_mail() {
    let (port, _) = server(&[("RCPT TO:<c@", Reaction::Say("550 unknown"))]).await;
    let reply = transport().send(&mail(port), patient()).await.unwrap();
    assert_eq!(reply.code, 250);
    assert_eq!(reply.refused_copies, ["c@y.io"]);
}

#[tokio::test]
async fn a_connection_serves_again_after_a_refusal() {
    let (port, heard) = server(&[("RCPT TO:<b@", Reaction::Say("550 unknown"))]).await;
    let transport = transport();
    for _ in 0..2 {
        assert_eq!(transport.send(&mail(port), patient()).await.unwrap().code, 550);
    }
    assert_eq!(heard.lock().iter().filter(|told| *told == "connected").count(), 1);
    assert_eq!(heard.lock().iter().filter(|told| *told == "RSET").count(), 2);
}

#[tokio::test]
async fn silence_ends_in_time_and_says_whether_the_mail_may_have_arrived() {
    for (exceptions, may_have_arrived) in [
        (&[("", Reaction::Hang)][..], false),
        (&[("EHLO", Reaction::Hang)], false),
        (&[("RCPT", Reaction::Hang)], false),
        (&[(".", Reaction::Hang)], true),
    ] {
        let (port, _) = server(exceptions).await;
        let started = std::time::Instant::now();
        let error = transport().send(&mail(port), hasty()).await.unwrap_err();
        assert_eq!(error, TransportError::Timeout { may_have_arrived }, "{exceptions:?}");
        assert!(started.elapsed() < std::time::Duration::from_secs(2), "{exceptions:?}");
    }
}

#[tokio::test]
async fn a_connection_that_breaks_is_an_error() {
    for (exceptions, want, may_have_arrived) in [
        (&[("", Reaction::Close)][..], "connection_broken", false),
        (&[("MAIL", Reaction::Close)], "connection_broken", false),
        (&[("Subject", Reaction::Close)], "connection_broken", true),
        (&[(".", Reaction::Close)], "connection_broken", true),
        (&[("", Reaction::Say("HTTP/1.1 400"))], "connection_broken", false),
    ] {
        let (port, _) = server(exceptions).await;
        let error = transport().send(&mail(port), patient()).await.unwrap_err();
        assert_eq!(error.code(), want, "{exceptions:?}: {error:?}");
        assert_eq!(error.may_have_arrived(), may_have_arrived, "{exceptions:?}");
    }
}

#[tokio::test]
async fn a_server_without_what_we_need_is_impossible() {
    let (plain, _) = server(&[("EHLO", Reaction::Say("250 hello"))]).await;
    let error = transport().send(&mail(plain), patient()).await.unwrap_err();
    assert_eq!(error.code(), "not_sendable", "no AUTH: {error:?}");

    let mut upgraded = mail(plain);
    upgraded.account.security = Security::StartTls;
    let error = transport().send(&upgraded, patient()).await.unwrap_err();
    assert_eq!(error.code(), "not_sendable", "no STARTTLS: {error:?}");

    let mut wrapped = mail(plain);
    wrapped.account.security = Security::Tls;
    let error = transport().send(&wrapped, patient()).await.unwrap_err();
    assert_eq!(error.code(), "tls_error", "no TLS: {error:?}");
}

#[tokio::test]
async fn hosts_that_do_not_exist_and_ports_that_are_closed() {
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let error = transport().send(&mail(closed), patient()).await.unwrap_err();
    assert_eq!(error.code(), "connect_error", "{error:?}");
    let mut nowhere = mail(25);
    nowhere.account.host = "nowhere.invalid".into();
    let error = transport().send(&nowhere, patient()).await.unwrap_err();
    assert_eq!(error.code(), "dns_error", "{error:?}");
}

#[tokio::test]
async fn speaks_tls_from_the_first_byte_or_after_starttls() {
    for security in [Security::Tls, Security::StartTls] {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let noted = heard.clone();
        tokio::spawn(async move {
            while let Ok((mut socket, _)) = listener.accept().await {
                if security == Security::StartTls {
                    let mut plain = BufReader::new(&mut socket);
                    for answer in ["220 hello", "250-hello\r\n250 STARTTLS", "220 go on"] {
                        let _ = plain.write_all(format!("{answer}\r\n").as_bytes()).await;
                        if answer != "220 go on" {
                            let _ = plain.read_line(&mut String::new()).await;
                        }
                    }
                }
                if let Ok(socket) = acceptor().accept(socket).await {
                    serve(socket, &[], noted.clone(), security == Security::Tls).await;
                }
            }
        });
        let mut mail = mail(port);
        mail.account.security = security;
        let reply = SmtpTransport::new(trusting()).send(&mail, patient()).await.unwrap();
        assert_eq!(reply.code, 250, "{security:?}");
        assert!(heard.lock().iter().any(|told| told.starts_with("AUTH PLAIN")), "{security:?}");
        let error = transport().send(&mail, patient()).await.unwrap_err();
        assert_eq!(error.code(), "tls_error", "a stranger's certificate, {security:?}: {error:?}");
    }
}
