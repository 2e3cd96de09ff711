//! Engagement: what the recipient did (delivery.md section 3).

use campanile_core::ids::{EnvId, Ksuid};
use campanile_core::time::Timestamp;

use super::{COLUMNS, MessageView, append_events, view};
use crate::db::{Param, Store, Tx};
use crate::error::StoreError;

/// One kind of change to one message.
#[derive(Debug, Clone)]
pub struct Engagement {
    /// Columns that get the instant, with their bits.
    pub set: Vec<(&'static str, i64)>,
    /// Only when its bit is not set yet: the column, its bit and the event that goes first (interacted → read).
    pub also: Option<(&'static str, i64, i64)>,
    /// Code of an event that goes first, also when its bit is set already (link clicked → read).
    pub first: Option<i64>,
    /// Columns that are cleared, with their bits.
    pub clear: Vec<(&'static str, i64)>,
    /// Code of the event.
    pub event: i64,
    /// Data of the event, JSON.
    pub event_data: Option<String>,
}

/// What one recipient did with one message, and when.
#[derive(Debug, Clone)]
pub struct Engaged {
    /// Where.
    pub env: EnvId,
    /// With which message.
    pub message: Ksuid,
    /// What changes.
    pub change: Engagement,
    /// When it happened.
    pub at: Timestamp,
}

impl Store {
    /// Applies many changes in one transaction. Messages that do not exist are passed over.
    pub async fn engage_all(&self, mut happened: Vec<Engaged>) -> Result<(), StoreError> {
        // The same order everywhere, so that two nodes do not wait for each other. What happened to one message stays
        // in its order.
        happened.sort_by_key(|one| one.message);
        self.transact(move |tx| {
            Box::pin(async move {
                for one in &happened {
                    tx.engage(one.env, &[one.message], &one.change, one.at).await?;
                }
                Ok(())
            })
        })
        .await
    }

    /// Applies a change to each message that exists, in a transaction of its own.
    pub async fn engage(
        &self,
        env: EnvId,
        ids: Vec<Ksuid>,
        change: Engagement,
        now: Timestamp,
    ) -> Result<Vec<MessageView>, StoreError> {
        self.transact(move |tx| Box::pin(async move { tx.engage(env, &ids, &change, now).await })).await
    }
}

impl Tx<'_> {
    /// Applies a change to each message that exists; answers them as they are afterwards. Setting again moves the
    /// timestamp and adds an event; clearing what is not set does nothing (R3.5).
    pub(crate) async fn engage(
        &mut self,
        env: EnvId,
        ids: &[Ksuid],
        change: &Engagement,
        now: Timestamp,
    ) -> Result<Vec<MessageView>, StoreError> {
        let mut changed = Vec::with_capacity(ids.len());
        let lock = if self.is_postgres() { "FOR UPDATE" } else { "" };
        let select = format!("SELECT {COLUMNS} FROM messages m WHERE m.env = $1 AND m.id = $2 {lock}");
        for id in ids {
            let Some(row) = self.query_one(&select, &[env.into(), (*id).into()]).await? else { continue };
            let before = view(row)?;
            let cleared: i64 = change.clear.iter().map(|(_, bit)| bit).sum();
            if change.set.is_empty() && before.flags & cleared == 0 {
                changed.push(before);
                continue;
            }
            let mut flags = before.flags & !cleared;
            let mut columns = String::new();
            let mut events: Vec<_> = change.first.map(|event| (event, None)).into_iter().collect();
            if let Some((column, bit, event)) = change.also.filter(|(_, bit, _)| flags & bit == 0) {
                flags |= bit;
                columns.push_str(&format!("{column} = $3, "));
                events.push((event, None));
            }
            for (column, bit) in &change.set {
                flags |= bit;
                columns.push_str(&format!("{column} = $3, "));
            }
            for (column, _) in &change.clear {
                columns.push_str(&format!("{column} = NULL, "));
            }
            events.push((change.event, change.event_data.clone()));
            let update = format!(
                "UPDATE messages SET {columns} flags = $4, updated_at = $3 WHERE env = $1 AND id = $2"
            );
            self.execute(&update, &[env.into(), (*id).into(), now.into(), Param::Int(flags)]).await?;
            append_events(self, *id, &events, now).await?;
            if let Some(row) = self.query_one(&select, &[env.into(), (*id).into()]).await? {
                changed.push(view(row)?);
            }
        }
        Ok(changed)
    }
}
