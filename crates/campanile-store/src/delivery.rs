//! What an attempt left behind: status, events, log. Written with the fate of its job in one unit.

use campanile_core::ids::{EnvId, Ksuid};
use campanile_core::time::Timestamp;

use crate::db::{Cost, Param, Store, Tx};
use crate::error::StoreError;
use crate::messages::{HELD, append_events};
use crate::page::{Page, PageRequest};

/// The outcome of one attempt as it is recorded.
#[derive(Debug, Clone)]
pub struct DeliveryResult {
    /// Where.
    pub env: EnvId,
    /// Which message.
    pub message: Ksuid,
    /// Code of the delivery status that it rests in; `None` leaves it.
    pub status: Option<i64>,
    /// The send window of an in-app message opened: feeds show it from now on.
    pub shows: bool,
    /// Events as code and JSON data, in order.
    pub events: Vec<(i64, Option<String>)>,
    /// The exchange, when there was one.
    pub log: Option<DeliveryLog>,
    /// Replaces the message's metadata, JSON.
    pub metadata: Option<String>,
    /// Destination as addressed, JSON.
    pub snapshot: Option<String>,
    /// When.
    pub at: Timestamp,
}

/// One exchange with a provider (delivery.md section 6).
#[derive(Debug, Clone)]
pub struct DeliveryLog {
    /// Its wire id.
    pub id: Ksuid,
    /// Display name of the provider.
    pub service: String,
    /// JSON, redacted.
    pub request: String,
    /// JSON.
    pub response: String,
    /// When.
    pub inserted_at: Timestamp,
}

pub(crate) async fn record(tx: &mut Tx<'_>, result: &DeliveryResult) -> Result<(), StoreError> {
    // Named only where it changes: the feed's index holds it.
    let flags = if result.shows { format!("flags = flags & ~{HELD}, ") } else { String::new() };
    tx.execute(
        &format!(
            "UPDATE messages SET {flags}status = COALESCE($3, status), metadata = COALESCE($4, metadata), \
             snapshot = COALESCE($5, snapshot), updated_at = $6 WHERE env = $1 AND id = $2"
        ),
        &[
            result.env.into(),
            result.message.into(),
            Param::opt_int(result.status),
            Param::opt(result.metadata.as_deref()),
            Param::opt(result.snapshot.as_deref()),
            result.at.into(),
        ],
    )
    .await?;
    append_events(tx, result.message, &result.events, result.at).await?;
    if let Some(log) = &result.log {
        tx.execute(
            "INSERT INTO delivery_logs (message, id, env, service, request, response, inserted_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
            &[
                result.message.into(),
                log.id.into(),
                result.env.into(),
                log.service.as_str().into(),
                log.request.as_str().into(),
                log.response.as_str().into(),
                log.inserted_at.into(),
            ],
        )
        .await?;
    }
    Ok(())
}

impl Store {
    /// A message's exchanges, newest first.
    pub async fn delivery_logs(
        &self,
        message: Ksuid,
        page: &PageRequest,
    ) -> Result<Page<DeliveryLog>, StoreError> {
        let (compare, order) = if page.is_backward() { (">", "ASC") } else { ("<", "DESC") };
        let mut params = vec![message.into(), Param::Int(page.size as i64 + 1)];
        let mut bound = String::new();
        if let Some(key) = page.key() {
            params.push(Param::Blob(key.into()));
            bound = format!("AND id {compare} $3");
        }
        let sql = format!(
            "SELECT id, service, request, response, inserted_at FROM delivery_logs WHERE message = $1 {bound} \
             ORDER BY id {order} LIMIT $2"
        );
        let rows = self.query(Cost::Point, &sql, &params).await?;
        let rows = rows
            .into_iter()
            .map(|mut row| {
                Ok(DeliveryLog {
                    id: row.ksuid(0)?,
                    service: row.text(1)?,
                    request: row.text(2)?,
                    response: row.text(3)?,
                    inserted_at: row.at(4)?,
                })
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        Ok(page.page(rows, |log| log.id.0.to_vec()))
    }
}
