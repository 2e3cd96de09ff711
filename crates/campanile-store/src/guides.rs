//! Guides as users meet them: what each of them did with which step, when a group was last shown, and how an
//! environment orders its guides (in-app.md sections 12 to 14).

use campanile_core::ids::{EnvId, Ksuid};
use campanile_core::time::Timestamp;

use crate::db::{Cost, Param, Row, Store, Tx};
use crate::error::StoreError;
use crate::messages::{self, Engagement, EventRow, MessageRow};

/// Whose engagement with which guide.
#[derive(Debug, Clone)]
pub struct GuideScope {
    /// Where.
    pub env: EnvId,
    /// Key of the user.
    pub user: String,
    /// Id of the tenant where engagement is kept per tenant (IA12.7), else empty.
    pub tenant: String,
    /// Key of the guide.
    pub guide: String,
}

/// What a user did with one step.
#[derive(Debug, Clone)]
pub struct GuideState {
    /// Key of the guide.
    pub guide: String,
    /// Ref of the step.
    pub step: String,
    /// Archiving the step put the whole guide away (S23).
    pub is_final: bool,
    /// The step's message.
    pub message: Ksuid,
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
}

/// One engagement with one step.
#[derive(Debug, Clone)]
pub struct GuideEngagement {
    /// Whose and with what.
    pub scope: GuideScope,
    /// The step's message, should this be the first engagement; its id becomes the step's until a reset.
    pub message: MessageRow,
    /// Codes of the events with which that message begins.
    pub first_events: Vec<i64>,
    /// What happened.
    pub change: Engagement,
    /// Puts the whole guide away.
    pub is_final: bool,
    /// The group whose throttle window opens now (IA14.3).
    pub displays: Option<String>,
}

/// Order and throttle of an environment's guides. Not versioned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuideGroupRow {
    /// `default` is the only one so far.
    pub key: String,
    /// Guide keys in the order of display; those that are missing follow, oldest first.
    pub sequence: Vec<String>,
    /// Guide keys that the throttle leaves alone.
    pub unthrottled: Vec<String>,
    /// Seconds between two throttled guides; `None` is no throttle.
    pub display_interval: Option<i64>,
    /// When it was first saved.
    pub inserted_at: Timestamp,
    /// Last change.
    pub updated_at: Timestamp,
}

impl Store {
    /// Everything that a user did with guides, whatever became of these since.
    pub async fn guide_states(
        &self,
        env: EnvId,
        user: &str,
        tenant: &str,
    ) -> Result<Vec<GuideState>, StoreError> {
        let sql = "SELECT e.guide, e.step, e.is_final, e.message, m.seen_at, m.read_at, m.interacted_at, \
                   m.archived_at, m.clicked_at FROM guide_engagements e \
                   JOIN messages m ON m.env = e.env AND m.id = e.message \
                   WHERE e.env = $1 AND e.recipient = $2 AND e.tenant = $3";
        let rows = self.query(Cost::Point, sql, &[env.into(), user.into(), tenant.into()]).await?;
        rows.into_iter()
            .map(|mut row| {
                Ok(GuideState {
                    guide: row.text(0)?,
                    step: row.text(1)?,
                    is_final: row.int(2)? != 0,
                    message: row.ksuid(3)?,
                    seen_at: row.opt_at(4)?,
                    read_at: row.opt_at(5)?,
                    interacted_at: row.opt_at(6)?,
                    archived_at: row.opt_at(7)?,
                    clicked_at: row.opt_at(8)?,
                })
            })
            .collect()
    }

    /// When a throttled guide of each group was last archived by a user.
    pub async fn guide_displays(
        &self,
        env: EnvId,
        user: &str,
        tenant: &str,
    ) -> Result<Vec<(String, Timestamp)>, StoreError> {
        let sql = "SELECT guide_group, shown_at FROM guide_displays WHERE env = $1 AND recipient = $2 AND tenant = $3";
        let rows = self.query(Cost::Point, sql, &[env.into(), user.into(), tenant.into()]).await?;
        rows.into_iter().map(|mut row| Ok((row.text(0)?, row.at(1)?))).collect()
    }

    /// Records an engagement; the first one with a step makes its message (IA14.1). Two first ones at once make one.
    pub async fn engage_guide(&self, engagement: GuideEngagement, now: Timestamp) -> Result<(), StoreError> {
        self.transact(move |tx| Box::pin(async move { tx.engage_guide(&engagement, now).await })).await
    }

    /// Takes the archiving of all steps of a guide back (IA14.4).
    pub async fn unarchive_guide(
        &self,
        scope: GuideScope,
        change: Engagement,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.transact(move |tx| {
            Box::pin(async move {
                let sql = "UPDATE guide_engagements SET is_final = 0 WHERE env = $1 AND recipient = $2 \
                           AND tenant = $3 AND guide = $4 RETURNING message";
                let rows = tx.query(sql, &scope.params()).await?;
                let ids = rows.iter().map(|row| row.ksuid(0)).collect::<Result<Vec<_>, _>>()?;
                tx.engage(scope.env, &ids, &change, now).await.map(drop)
            })
        })
        .await
    }

    /// Forgets what a user did with a guide; its messages stay (IA14.4).
    pub async fn reset_guide(&self, scope: GuideScope) -> Result<(), StoreError> {
        self.transact(move |tx| {
            Box::pin(async move {
                let sql = "DELETE FROM guide_engagements WHERE env = $1 AND recipient = $2 AND tenant = $3 \
                           AND guide = $4";
                tx.execute(sql, &scope.params()).await.map(drop)
            })
        })
        .await
    }

    /// A group as it was saved, if it ever was.
    pub async fn guide_group(&self, env: EnvId, key: &str) -> Result<Option<GuideGroupRow>, StoreError> {
        let sql = "SELECT key, sequence, unthrottled, display_interval, inserted_at, updated_at \
                   FROM guide_groups WHERE env = $1 AND key = $2";
        self.query_one(sql, &[env.into(), key.into()]).await?.map(group).transpose()
    }

    /// Saves a group. The instant of its first save stays.
    pub async fn set_guide_group(&self, env: EnvId, group: GuideGroupRow) -> Result<(), StoreError> {
        self.transact(move |tx| {
            Box::pin(async move {
                let texts = |list: &[String]| serde_json::json!(list).to_string();
                tx.execute(
                    "INSERT INTO guide_groups \
                     (env, key, sequence, unthrottled, display_interval, inserted_at, updated_at) \
                     VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (env, key) DO UPDATE SET \
                     sequence = excluded.sequence, unthrottled = excluded.unthrottled, \
                     display_interval = excluded.display_interval, updated_at = excluded.updated_at",
                    &[
                        env.into(),
                        group.key.as_str().into(),
                        texts(&group.sequence).into(),
                        texts(&group.unthrottled).into(),
                        Param::opt_int(group.display_interval),
                        group.inserted_at.into(),
                        group.updated_at.into(),
                    ],
                )
                .await
                .map(drop)
            })
        })
        .await
    }
}

impl GuideScope {
    fn params(&self) -> [Param<'_>; 4] {
        [self.env.into(), self.user.as_str().into(), self.tenant.as_str().into(), self.guide.as_str().into()]
    }
}

impl Tx<'_> {
    async fn engage_guide(&mut self, engagement: &GuideEngagement, now: Timestamp) -> Result<(), StoreError> {
        let GuideEngagement { scope, message, .. } = engagement;
        let [env, user, tenant, guide] = scope.params();
        let step = || Param::from(message.step.as_str());
        // Whoever makes the row makes the message; another first engagement waits here and then finds it.
        let made = self
            .execute(
                "INSERT INTO guide_engagements (env, recipient, tenant, guide, step, message, is_final) \
                 VALUES ($1, $2, $3, $4, $5, $6, 0) ON CONFLICT DO NOTHING",
                &[env, user, tenant, guide, step(), message.id.into()],
            )
            .await?;
        if made == 1 {
            messages::insert_messages(self, std::iter::once(message)).await?;
            let events = engagement.first_events.iter().enumerate().map(|(seq, kind)| EventRow {
                message: message.id,
                seq: seq as i64,
                kind: *kind,
                data: None,
                inserted_at: now,
            });
            let events: Vec<_> = events.collect();
            messages::insert_events(self, events.iter()).await?;
        }
        let [env, user, tenant, guide] = scope.params();
        let sql = "UPDATE guide_engagements SET is_final = CASE WHEN $6 = 1 THEN 1 ELSE is_final END \
                   WHERE env = $1 AND recipient = $2 AND tenant = $3 AND guide = $4 AND step = $5 RETURNING message";
        let params = [env, user, tenant, guide, step(), engagement.is_final.into()];
        let Some(row) = self.query_one(sql, &params).await? else {
            return Err(StoreError::corrupt("an engagement that was just made is missing"));
        };
        self.engage(scope.env, &[row.ksuid(0)?], &engagement.change, now).await?;
        if let Some(group) = &engagement.displays {
            let [env, user, tenant, _] = scope.params();
            self.execute(
                "INSERT INTO guide_displays (env, recipient, tenant, guide_group, shown_at) \
                 VALUES ($1, $2, $3, $4, $5) \
                 ON CONFLICT (env, recipient, tenant, guide_group) DO UPDATE SET shown_at = excluded.shown_at",
                &[env, user, tenant, group.as_str().into(), now.into()],
            )
            .await?;
        }
        Ok(())
    }
}

fn group(mut row: Row) -> Result<GuideGroupRow, StoreError> {
    let texts = |text: String| serde_json::from_str(&text).map_err(StoreError::corrupt);
    Ok(GuideGroupRow {
        key: row.text(0)?,
        sequence: texts(row.text(1)?)?,
        unthrottled: texts(row.text(2)?)?,
        display_interval: if row.is_null(3) { None } else { Some(row.int(3)?) },
        inserted_at: row.at(4)?,
        updated_at: row.at(5)?,
    })
}
