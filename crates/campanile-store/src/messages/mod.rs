//! Messages and their events. An id sorts as its instant does, so ids are list cursors and time bounds alike.

mod feed;
mod filter;
mod status;
mod sweep;
mod terms;

use std::sync::LazyLock;

use campanile_core::ids::{ChannelId, EnvId, Ksuid};
use campanile_core::time::Timestamp;
use uuid::Uuid;

pub use feed::{FeedCounts, FeedFilter, TenantFilter};
pub use filter::MessageFilter;
pub use status::{Engaged, Engagement};
pub use sweep::{Slice, SweepFilter, Swept, SweptTenants};
pub use terms::TermIndexer;

use crate::db::{Bulk, Column, Cost, Param, Row, Store, Tx};
use crate::error::StoreError;
use crate::page::{Page, PageRequest};

/// A message as it is first written.
#[derive(Debug, Clone)]
pub struct MessageRow {
    /// Where.
    pub env: EnvId,
    /// Derived from run, step and destination (promise P2).
    pub id: Ksuid,
    /// Over what.
    pub channel: ChannelId,
    /// Key of the recipient.
    pub recipient: String,
    /// The workflow run.
    pub run: Uuid,
    /// Key of the workflow.
    pub workflow: String,
    /// Ref of the step.
    pub step: String,
    /// Tenant id.
    pub tenant: Option<String>,
    /// Code of the delivery status.
    pub status: i64,
    /// When its send window opens.
    pub scheduled_at: Option<Timestamp>,
    /// Rendered content, JSON.
    pub content: String,
    /// The run's data when it differs from the trigger's, JSON.
    pub data: Option<String>,
    /// Top-level scalars of the data, JSON as `serde_json` writes it (api-conventions.md A12.1).
    pub trigger_data: Option<String>,
    /// Engine's own, JSON.
    pub metadata: Option<String>,
}

/// A message as it is read.
#[derive(Debug, Clone)]
pub struct MessageView {
    /// What was written first, with today's status.
    pub row: MessageRow,
    /// Bits of the engagement statuses.
    pub flags: i64,
    /// Latest action of each kind.
    pub seen_at: Option<Timestamp>,
    /// See `seen_at`.
    pub read_at: Option<Timestamp>,
    /// See `seen_at`.
    pub interacted_at: Option<Timestamp>,
    /// See `seen_at`.
    pub archived_at: Option<Timestamp>,
    /// See `seen_at`.
    pub clicked_at: Option<Timestamp>,
    /// Last change of status or timestamps.
    pub updated_at: Timestamp,
    /// Destination at send time, JSON.
    pub snapshot: Option<String>,
}

/// Only what conditions on earlier steps need.
#[derive(Debug, Clone, Copy)]
pub struct MessageStatusRow {
    /// Which message.
    pub id: Ksuid,
    /// Code of the delivery status.
    pub status: i64,
    /// Bits of the engagement statuses.
    pub flags: i64,
}

/// A message event. Immutable; ordered by `seq` (delivery.md R4.6).
#[derive(Debug, Clone)]
pub struct EventRow {
    /// Of which message.
    pub message: Ksuid,
    /// Position among the message's events.
    pub seq: i64,
    /// Code of the type.
    pub kind: i64,
    /// Event data, JSON.
    pub data: Option<String>,
    /// When.
    pub inserted_at: Timestamp,
}

/// The wire id of an event.
pub fn event_id(event: &EventRow) -> Ksuid {
    Ksuid::derived(event.inserted_at, &[b"event", &event.message.0, &event.seq.to_be_bytes()])
}

/// Bit of `flags` beside the engagement: the message waits for its send window, so no feed shows it yet.
pub(crate) const HELD: i64 = 32;

static MESSAGES: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "messages",
        &[
            ("env", Column::Int),
            ("id", Column::Blob),
            ("channel", Column::Int),
            ("recipient", Column::Text),
            ("run", Column::Blob),
            ("workflow", Column::Text),
            ("step", Column::Text),
            ("tenant", Column::Text),
            ("status", Column::Int),
            ("flags", Column::Int),
            ("scheduled_at", Column::Int),
            ("updated_at", Column::Int),
            ("content", Column::Text),
            ("data", Column::Text),
            ("trigger_data", Column::Json),
            ("metadata", Column::Text),
        ],
        "ON CONFLICT DO NOTHING",
    )
});

static EVENTS: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "message_events",
        &[
            ("message", Column::Blob),
            ("seq", Column::Int),
            ("type", Column::Int),
            ("data", Column::Text),
            ("inserted_at", Column::Int),
        ],
        "ON CONFLICT DO NOTHING",
    )
});

pub(crate) async fn insert_messages(
    tx: &Tx<'_>,
    rows: impl Iterator<Item = &MessageRow>,
) -> Result<(), StoreError> {
    let mut values = Vec::new();
    let mut made = Vec::new();
    for row in rows {
        if row.trigger_data.is_some() {
            made.push((row.env.0, row.id));
        }
        values.extend([
            row.env.into(),
            Param::Blob(row.id.0.as_slice().into()),
            row.channel.into(),
            Param::from(row.recipient.as_str()),
            Param::Blob(row.run.as_bytes().as_slice().into()),
            Param::from(row.workflow.as_str()),
            Param::from(row.step.as_str()),
            Param::opt(row.tenant.as_deref()),
            Param::Int(row.status),
            Param::Int(if row.scheduled_at.is_some() { HELD } else { 0 }),
            Param::opt_int(row.scheduled_at.map(|at| at.0)),
            row.id.at().into(),
            Param::from(row.content.as_str()),
            Param::opt(row.data.as_deref()),
            Param::opt(row.trigger_data.as_deref()),
            Param::opt(row.metadata.as_deref()),
        ]);
    }
    tx.insert(&MESSAGES, &values).await?;
    // Not beside the insert: the indexer relies on this order.
    terms::note_late(tx, made).await
}

pub(crate) async fn insert_events(
    tx: &Tx<'_>,
    rows: impl Iterator<Item = &EventRow>,
) -> Result<(), StoreError> {
    let mut values = Vec::new();
    for row in rows {
        values.extend([
            Param::Blob(row.message.0.as_slice().into()),
            Param::Int(row.seq),
            Param::Int(row.kind),
            Param::opt(row.data.as_deref()),
            row.inserted_at.into(),
        ]);
    }
    tx.insert(&EVENTS, &values).await.map(drop)
}

/// Adds events after those that the message has.
pub(crate) async fn append_events(
    tx: &mut Tx<'_>,
    message: Ksuid,
    events: &[(i64, Option<String>)],
    now: Timestamp,
) -> Result<(), StoreError> {
    let sql = "SELECT COALESCE(MAX(seq), -1) FROM message_events WHERE message = $1";
    let last = tx.query_one(sql, &[message.into()]).await?.map_or(Ok(-1), |row| row.int(0))?;
    let rows: Vec<EventRow> = events
        .iter()
        .enumerate()
        .map(|(n, (kind, data))| EventRow {
            message,
            seq: last + 1 + n as i64,
            kind: *kind,
            data: data.clone(),
            inserted_at: now,
        })
        .collect();
    insert_events(tx, rows.iter()).await
}

pub(crate) const COLUMNS: &str = "m.env, m.id, m.channel, m.recipient, m.run, m.workflow, m.step, m.tenant, m.status, \
     m.flags, m.seen_at, m.read_at, m.interacted_at, m.archived_at, m.clicked_at, m.scheduled_at, m.updated_at, \
     m.content, m.data, m.trigger_data, m.metadata, m.snapshot";

pub(crate) fn view(mut row: Row) -> Result<MessageView, StoreError> {
    Ok(MessageView {
        row: MessageRow {
            env: EnvId(row.int(0)?),
            id: row.ksuid(1)?,
            channel: ChannelId(row.int(2)?),
            recipient: row.text(3)?,
            run: row.uuid(4)?,
            workflow: row.text(5)?,
            step: row.text(6)?,
            tenant: row.opt_text(7)?,
            status: row.int(8)?,
            scheduled_at: row.opt_at(15)?,
            content: row.text(17)?,
            data: row.opt_text(18)?,
            trigger_data: row.opt_text(19)?,
            metadata: row.opt_text(20)?,
        },
        flags: row.int(9)?,
        seen_at: row.opt_at(10)?,
        read_at: row.opt_at(11)?,
        interacted_at: row.opt_at(12)?,
        archived_at: row.opt_at(13)?,
        clicked_at: row.opt_at(14)?,
        updated_at: row.at(16)?,
        snapshot: row.opt_text(21)?,
    })
}

impl Store {
    /// One message.
    pub async fn message(&self, env: EnvId, id: Ksuid) -> Result<Option<MessageView>, StoreError> {
        let sql = format!("SELECT {COLUMNS} FROM messages m WHERE m.env = $1 AND m.id = $2");
        self.query_one(&sql, &[env.into(), id.into()]).await?.map(view).transpose()
    }

    /// Many messages, in no order.
    pub async fn messages(&self, env: EnvId, ids: &[Ksuid]) -> Result<Vec<MessageView>, StoreError> {
        let list = Param::Blobs(ids.iter().map(|id| id.0.to_vec()).collect());
        let sql =
            format!("SELECT {COLUMNS} FROM messages m WHERE m.env = $1 AND m.id IN {}", self.blobs_in("$2"));
        self.query(Cost::Point, &sql, &[env.into(), list]).await?.into_iter().map(view).collect()
    }

    /// The statuses of many messages, in no order; ids past retention are absent.
    pub async fn message_statuses(
        &self,
        env: EnvId,
        ids: &[Ksuid],
    ) -> Result<Vec<MessageStatusRow>, StoreError> {
        let list = Param::Blobs(ids.iter().map(|id| id.0.to_vec()).collect());
        let sql = format!(
            "SELECT id, status, flags FROM messages WHERE env = $1 AND id IN {}",
            self.blobs_in("$2")
        );
        let rows = self.query(Cost::Point, &sql, &[env.into(), list]).await?;
        rows.into_iter()
            .map(|row| Ok(MessageStatusRow { id: row.ksuid(0)?, status: row.int(1)?, flags: row.int(2)? }))
            .collect()
    }

    /// A message's events, newest first.
    pub async fn message_events(
        &self,
        message: Ksuid,
        page: &PageRequest,
    ) -> Result<Page<EventRow>, StoreError> {
        let (compare, order) = if page.is_backward() { (">", "ASC") } else { ("<", "DESC") };
        let mut params = vec![message.into(), Param::Int(page.size as i64 + 1)];
        let mut bound = String::new();
        if let Some(key) = page.key() {
            params.push(Param::Int(i64::from_be_bytes(key.try_into().map_err(StoreError::corrupt)?)));
            bound = format!("AND seq {compare} $3");
        }
        let sql = format!(
            "SELECT message, seq, type, data, inserted_at FROM message_events WHERE message = $1 {bound} \
             ORDER BY seq {order} LIMIT $2"
        );
        let rows = self.query(Cost::Point, &sql, &params).await?;
        let rows = rows
            .into_iter()
            .map(|mut row| {
                Ok(EventRow {
                    message: row.ksuid(0)?,
                    seq: row.int(1)?,
                    kind: row.int(2)?,
                    data: row.opt_text(3)?,
                    inserted_at: row.at(4)?,
                })
            })
            .collect::<Result<Vec<_>, StoreError>>()?;
        Ok(page.page(rows, |event| event.seq.to_be_bytes().to_vec()))
    }
}
