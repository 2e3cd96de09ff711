//! Mail submission. The dialogue is ours on top of lettre's connection, because the verdict depends on which
//! command was refused, and a refused copy must not stop the mail (channels.md 9.14).

mod pool;

use std::error::Error as StdError;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use campanile_channels::email::{Security, SmtpAccount, SmtpMail, SmtpReply, SmtpStage};
use campanile_channels::exchange::TransportError;
use lettre::Address;
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, CertificateStore, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailParameter};
use tokio::time::timeout;

use self::pool::Pool;
use super::cause::tls_error;
use super::{Roots, Timeouts};

/// How long a server may take to clean up a refused mail before we hang up instead.
const RESET_WAIT: Duration = Duration::from_secs(1);

/// Submits mails. Clones share their connections.
#[derive(Clone)]
pub struct SmtpTransport {
    roots: Roots,
    pool: Arc<Pool>,
}

impl fmt::Debug for SmtpTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SmtpTransport").finish_non_exhaustive()
    }
}

/// Why a dialogue ended before the mail was taken.
enum Stop {
    /// The server said no.
    Refused(SmtpReply),
    /// There is no answer.
    Failed(TransportError),
}

impl SmtpTransport {
    /// A transport that trusts `roots`.
    pub fn new(roots: Roots) -> Self {
        Self { roots, pool: Arc::default() }
    }

    /// Submits one mail: the reply that decided, or why there is none, within `timeouts.total`. After a refusal the
    /// server gets a second more to clean up.
    pub async fn send(&self, mail: &SmtpMail, timeouts: Timeouts) -> Result<SmtpReply, TransportError> {
        let handed_over = AtomicBool::new(false);
        let attempt = self.attempt(mail, timeouts, &handed_over);
        let (ended, connection) = timeout(timeouts.total, attempt).await.unwrap_or_else(|_| {
            let may_have_arrived = handed_over.load(Ordering::Relaxed);
            (Err(Stop::Failed(TransportError::Timeout { may_have_arrived })), None)
        });
        if let Some(connection) = connection {
            self.recycle(&mail.account, connection, ended.is_ok()).await;
        }
        match ended {
            Ok(reply) | Err(Stop::Refused(reply)) => Ok(reply),
            Err(Stop::Failed(error)) => Err(error),
        }
    }

    async fn attempt(
        &self,
        mail: &SmtpMail,
        timeouts: Timeouts,
        handed_over: &AtomicBool,
    ) -> (Result<SmtpReply, Stop>, Option<AsyncSmtpConnection>) {
        let mut connection = match self.connection(&mail.account, timeouts.connect).await {
            Ok(connection) => connection,
            Err(stop) => return (Err(stop), None),
        };
        let ended = submit(&mut connection, mail, handed_over).await;
        let usable = !connection.has_broken() && !matches!(ended, Err(Stop::Failed(_)));
        (ended, usable.then_some(connection))
    }

    /// A living connection: one of the pool that still answers, else a new one.
    async fn connection(&self, account: &SmtpAccount, wait: Duration) -> Result<AsyncSmtpConnection, Stop> {
        while let Some(mut idle) = self.pool.take(account) {
            if timeout(RESET_WAIT.min(wait), idle.test_connected()).await == Ok(true) {
                return Ok(idle);
            }
        }
        match timeout(wait, self.connect(account, wait)).await {
            Ok(result) => result,
            Err(_) => Err(Stop::Failed(TransportError::Timeout { may_have_arrived: false })),
        }
    }

    async fn connect(&self, account: &SmtpAccount, wait: Duration) -> Result<AsyncSmtpConnection, Stop> {
        let addresses: Vec<SocketAddr> = tokio::net::lookup_host((account.host.as_str(), account.port))
            .await
            .map_err(|error| Stop::Failed(TransportError::Dns(error.to_string())))?
            .collect();
        let at_connect = |error| stop(error, SmtpStage::Connect, false);
        let tls = match account.security {
            Security::None => None,
            _ => Some(self.tls(&account.host).map_err(at_connect)?),
        };
        let hello = ClientId::default();
        let wrapped = if account.security == Security::Tls { tls.clone() } else { None };
        let mut connection =
            AsyncSmtpConnection::connect_tokio1(&addresses[..], Some(wait), &hello, wrapped, None)
                .await
                .map_err(at_connect)?;
        if let (Security::StartTls, Some(tls)) = (account.security, tls) {
            connection.starttls(tls, &hello).await.map_err(at_connect)?;
        }
        if let Some((user, password)) = &account.credentials {
            let credentials = Credentials::new(user.clone(), password.clone());
            connection
                .auth(&[Mechanism::Plain, Mechanism::Login], &credentials)
                .await
                .map_err(|error| stop(error, SmtpStage::Auth, false))?;
        }
        Ok(connection)
    }

    fn tls(&self, host: &str) -> Result<TlsParameters, SmtpError> {
        let mut builder =
            TlsParameters::builder(host.to_owned()).certificate_store(CertificateStore::WebpkiRoots);
        for certificate in self.roots.extra() {
            builder = builder.add_root_certificate(Certificate::from_der(certificate.to_vec())?);
        }
        builder.build()
    }

    async fn recycle(&self, account: &SmtpAccount, mut connection: AsyncSmtpConnection, clean: bool) {
        let clean = clean || matches!(timeout(RESET_WAIT, connection.command(Rset)).await, Ok(Ok(_)));
        if clean {
            self.pool.put(account, connection);
        }
    }
}

/// MAIL, RCPT for everyone, DATA. Only the to-address must be accepted.
async fn submit(
    connection: &mut AsyncSmtpConnection,
    mail: &SmtpMail,
    handed_over: &AtomicBool,
) -> Result<SmtpReply, Stop> {
    let international = std::iter::once(&mail.from)
        .chain(std::iter::once(&mail.to))
        .chain(&mail.copies)
        .any(|address| !AsRef::<str>::as_ref(address).is_ascii());
    let mut parameters = Vec::new();
    if international {
        if !connection.server_info().supports_feature(Extension::SmtpUtfEight) {
            let text = "the server does not take international addresses".to_owned();
            return Err(Stop::Failed(TransportError::Impossible(text)));
        }
        parameters.push(MailParameter::SmtpUtfEight);
    }
    let from = Mail::new(Some(mail.from.clone()), parameters);
    connection.command(from).await.map_err(|error| stop(error, SmtpStage::From, false))?;
    recipient(connection, &mail.to).await?;
    let mut refused_copies = Vec::new();
    for copy in &mail.copies {
        match recipient(connection, copy).await {
            Ok(()) => {}
            Err(Stop::Refused(_)) => refused_copies.push(copy.to_string()),
            Err(failed) => return Err(failed),
        }
    }
    connection.command(Data).await.map_err(|error| stop(error, SmtpStage::Data, false))?;
    handed_over.store(true, Ordering::Relaxed);
    let response =
        connection.message(&mail.bytes).await.map_err(|error| stop(error, SmtpStage::Data, true))?;
    let text = response.message().collect::<Vec<_>>().join(" ");
    Ok(SmtpReply { code: response.code().into(), text, stage: SmtpStage::Data, refused_copies })
}

async fn recipient(connection: &mut AsyncSmtpConnection, address: &Address) -> Result<(), Stop> {
    let command = Rcpt::new(address.clone(), Vec::new());
    connection.command(command).await.map(|_| ()).map_err(|error| stop(error, SmtpStage::Recipient, false))
}

fn stop(error: SmtpError, stage: SmtpStage, may_have_arrived: bool) -> Stop {
    let detail = error.source().map_or_else(|| error.to_string(), ToString::to_string);
    if let Some(code) = error.status() {
        let refused_copies = Vec::new();
        return Stop::Refused(SmtpReply { code: code.into(), text: detail, stage, refused_copies });
    }
    Stop::Failed(if error.is_timeout() {
        TransportError::Timeout { may_have_arrived }
    } else if let Some(tls) = tls_error(&error) {
        TransportError::Tls(tls)
    } else if error.is_tls() {
        TransportError::Tls(detail)
    } else if error.is_client() {
        // No STARTTLS, no AUTH that we speak: the server will not change its mind.
        TransportError::Impossible(detail)
    } else if stage == SmtpStage::Connect && !error.is_response() {
        TransportError::Connect(detail)
    } else {
        TransportError::Broken { detail, may_have_arrived }
    })
}
