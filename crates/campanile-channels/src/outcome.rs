//! What an answer means for the message (channels.md section 8).

use campanile_core::time::{Micros, Timestamp};

use crate::exchange::{HttpAnswer, TransportError};

/// An answer, or why there is none, and when it came.
#[derive(Debug, Clone, Copy)]
pub struct Reply<'a> {
    /// What the transport brought.
    pub result: Result<&'a HttpAnswer, &'a TransportError>,
    /// The present, for `Retry-After` dates.
    pub now: Timestamp,
}

/// The judgement of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The provider took the message.
    Sent {
        /// The provider's id for it.
        external_id: Option<String>,
    },
    /// The recipient has it: webhook 2xx, in-app.
    Delivered {
        /// The provider's id for it.
        external_id: Option<String>,
    },
    /// Worth another attempt.
    Retry {
        /// For people.
        reason: String,
        /// How long the provider asks us to wait.
        retry_after: Option<Micros>,
    },
    /// No attempt will ever succeed.
    Fatal {
        /// For people.
        reason: String,
    },
    /// Bad recipient data (R8.7).
    Bounce {
        /// For people.
        reason: String,
        /// The device token to deregister.
        token: Option<String>,
    },
}

impl Outcome {
    /// [`Outcome::Sent`] with an id.
    pub fn sent(id: impl Into<String>) -> Self {
        Self::Sent { external_id: Some(id.into()) }
    }

    /// [`Outcome::Fatal`].
    pub fn fatal(reason: impl Into<String>) -> Self {
        Self::Fatal { reason: reason.into() }
    }

    /// [`Outcome::Retry`] without a wish of the provider.
    pub fn retry(reason: impl Into<String>) -> Self {
        Self::Retry { reason: reason.into(), retry_after: None }
    }

    /// [`Outcome::Bounce`] without a token.
    pub fn bounce(reason: impl Into<String>) -> Self {
        Self::Bounce { reason: reason.into(), token: None }
    }
}

/// The classification that holds wherever a provider says nothing else (D0).
pub fn by_default(reply: Reply<'_>) -> Outcome {
    match reply.result {
        Err(error) => without_answer(error),
        Ok(answer) => match answer.status {
            200..=299 => Outcome::Sent { external_id: None },
            408 | 425 | 429 | 500..=599 => {
                Outcome::Retry { reason: status_reason(answer), retry_after: retry_after(answer, reply.now) }
            }
            _ => Outcome::Fatal { reason: status_reason(answer) },
        },
    }
}

/// D0 for exchanges that brought no answer.
pub fn without_answer(error: &TransportError) -> Outcome {
    match error {
        TransportError::Blocked(_) | TransportError::Impossible(_) => Outcome::fatal(error.to_string()),
        _ => Outcome::retry(error.to_string()),
    }
}

/// `HTTP 503`, for reasons.
pub fn status_reason(answer: &HttpAnswer) -> String {
    format!("HTTP {}", answer.status)
}

/// The wait that `Retry-After` asks for, in seconds or as an HTTP date; an instant in the past is no wait.
pub fn retry_after(answer: &HttpAnswer, now: Timestamp) -> Option<Micros> {
    let text = answer.header("retry-after")?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(Micros::seconds(i64::from(seconds)));
    }
    let at = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Micros((Timestamp::from(at) - now).0.max(0)))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// An answer for tables.
    pub(crate) fn answer(status: u16, body: &str) -> HttpAnswer {
        HttpAnswer { status, headers: Vec::new(), body: body.into() }
    }

    /// One word per outcome, for tables: `sent`, `delivered`, `retry`, `fatal`, `bounce`.
    pub(crate) fn word(outcome: &Outcome) -> &'static str {
        match outcome {
            Outcome::Sent { .. } => "sent",
            Outcome::Delivered { .. } => "delivered",
            Outcome::Retry { .. } => "retry",
            Outcome::Fatal { .. } => "fatal",
            Outcome::Bounce { .. } => "bounce",
        }
    }

    /// Every kind of missing answer.
    pub(crate) fn transport_errors() -> Vec<TransportError> {
        vec![
            TransportError::Timeout { may_have_arrived: true },
            TransportError::Dns("x".into()),
            TransportError::Connect("x".into()),
            TransportError::Tls("x".into()),
            TransportError::Broken { detail: "x".into(), may_have_arrived: true },
            TransportError::Blocked("127.0.0.1".into()),
            TransportError::Impossible("x".into()),
        ]
    }

    #[test]
    fn default_classification_follows_the_page() {
        for (status, want) in [
            (200, "sent"),
            (204, "sent"),
            (301, "fatal"),
            (308, "fatal"),
            (400, "fatal"),
            (401, "fatal"),
            (403, "fatal"),
            (404, "fatal"),
            (408, "retry"),
            (422, "fatal"),
            (425, "retry"),
            (429, "retry"),
            (500, "retry"),
            (503, "retry"),
            (599, "retry"),
        ] {
            let reply = Reply { result: Ok(&answer(status, "")), now: Timestamp(0) };
            assert_eq!(word(&by_default(reply)), want, "{status}");
        }
        for error in transport_errors() {
            let never = matches!(error, TransportError::Blocked(_) | TransportError::Impossible(_));
            let want = if never { "fatal" } else { "retry" };
            assert_eq!(word(&by_default(Reply { result: Err(&error), now: Timestamp(0) })), want, "{error}");
        }
    }

    #[test]
    fn retry_after_reads_seconds_and_dates() {
        let now = Timestamp::parse("1994-11-06T08:49:07Z").unwrap();
        for (text, want) in [
            ("120", Some(Micros::seconds(120))),
            (" 0 ", Some(Micros(0))),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(Micros::seconds(30))),
            ("Sun, 06 Nov 1994 08:48:37 GMT", Some(Micros(0))),
            ("-5", None),
            ("soon", None),
            ("", None),
        ] {
            let mut answer = answer(429, "");
            answer.headers.push(("Retry-After".into(), text.into()));
            assert_eq!(retry_after(&answer, now), want, "{text}");
        }
    }
}
