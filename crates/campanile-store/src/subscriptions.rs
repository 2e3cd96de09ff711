//! Who subscribes to which object (recipients.md section 10), read in both directions and, for a fan-out, oldest first
//! in pieces.

use std::sync::LazyLock;

use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;
use uuid::Uuid;

use crate::db::{Bulk, Column, Cost, Param, Row, Store, Tx};
use crate::error::StoreError;
use crate::page::{Page, PageRequest};

/// A stored subscription; one per object and recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriptionRow {
    /// Key of the object that is subscribed to.
    pub object: String,
    /// Key of the subscriber.
    pub recipient: String,
    /// JSON object, if any was given.
    pub properties: Option<String>,
    /// When it was made; its place in lists and fan-outs.
    pub inserted_at: Timestamp,
    /// When it was last written.
    pub updated_at: Timestamp,
}

/// Where a subscription stands among those of its object: the order of a fan-out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct SubscriberMark {
    /// When it was made.
    pub inserted_at: Timestamp,
    /// Key of the subscriber.
    pub recipient: String,
}

/// A subscriber as a fan-out meets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscriber {
    /// Who, and where in the order.
    pub mark: SubscriberMark,
    /// JSON object, if any was given.
    pub properties: Option<String>,
    /// It has its run of this workflow run already.
    pub has_run: bool,
}

/// Which way a list looks at subscriptions, and of whom.
#[derive(Debug, Clone)]
pub enum SubscriptionSide {
    /// Who subscribes to this object, perhaps only some of them.
    Object(String, Option<Vec<String>>),
    /// What this recipient subscribes to, perhaps only some of it.
    Recipient(String, Option<Vec<String>>),
}

const COLUMNS: &str = "object, recipient, properties, inserted_at, updated_at";

// Absent properties leave the stored ones (S11).
static SUBSCRIPTIONS: LazyLock<Bulk> = LazyLock::new(|| {
    Bulk::new(
        "subscriptions",
        &[
            ("env", Column::Int),
            ("object", Column::Text),
            ("recipient", Column::Text),
            ("is_object", Column::Int),
            ("properties", Column::Text),
            ("inserted_at", Column::Int),
            ("updated_at", Column::Int),
        ],
        "ON CONFLICT (env, object, recipient) DO UPDATE SET \
         properties = COALESCE(excluded.properties, subscriptions.properties), updated_at = excluded.updated_at",
    )
});

fn subscription(mut row: Row) -> Result<SubscriptionRow, StoreError> {
    Ok(SubscriptionRow {
        object: row.text(0)?,
        recipient: row.text(1)?,
        properties: row.opt_text(2)?,
        inserted_at: row.at(3)?,
        updated_at: row.at(4)?,
    })
}

/// Given a named few of an object's subscribers, SQLite would walk past everybody else.
const BY_PAIR: &str = "INDEXED BY subscriptions_by_pair";

impl Tx<'_> {
    fn pair_hint(&self) -> &'static str {
        if self.is_postgres() { "" } else { BY_PAIR }
    }

    /// Those of the keys that are recipients; they cannot be deleted until the transaction ends.
    pub async fn existing_recipients(
        &mut self,
        env: EnvId,
        mut keys: Vec<String>,
    ) -> Result<Vec<String>, StoreError> {
        keys.sort_unstable();
        let (set, lock) = (self.texts_in("$2"), if self.is_postgres() { "FOR KEY SHARE" } else { "" });
        let sql = format!("SELECT key FROM recipients WHERE env = $1 AND key IN {set} ORDER BY key {lock}");
        let rows = self.query(&sql, &[env.into(), Param::Texts(keys)]).await?;
        rows.into_iter().map(|mut row| row.text(0)).collect()
    }

    /// Subscribes recipients to an object, or writes their subscriptions again (RC10.2). Both sides must exist. Answers
    /// the subscriptions in no order.
    pub async fn upsert_subscriptions(
        &mut self,
        env: EnvId,
        object: &str,
        mut recipients: Vec<String>,
        properties: Option<&str>,
        now: Timestamp,
    ) -> Result<Vec<SubscriptionRow>, StoreError> {
        // PostgreSQL writes a row once per statement, and rows in one order everywhere.
        recipients.sort_unstable();
        recipients.dedup();
        let mut values = Vec::with_capacity(recipients.len() * 7);
        for recipient in &recipients {
            values.extend([
                env.into(),
                object.into(),
                Param::from(recipient.as_str()),
                Param::Int(recipient.contains('/').into()),
                Param::opt(properties),
                now.into(),
                now.into(),
            ]);
        }
        self.insert(&SUBSCRIPTIONS, &values).await?;
        let (hint, set) = (self.pair_hint(), self.texts_in("$3"));
        let sql = format!(
            "SELECT {COLUMNS} FROM subscriptions {hint} WHERE env = $1 AND object = $2 AND recipient IN {set}"
        );
        let rows = self.query(&sql, &[env.into(), object.into(), Param::Texts(recipients)]).await?;
        rows.into_iter().map(subscription).collect()
    }

    /// Ends subscriptions; answers those that were there, in no order.
    pub async fn delete_subscriptions(
        &mut self,
        env: EnvId,
        object: &str,
        recipients: Vec<String>,
    ) -> Result<Vec<SubscriptionRow>, StoreError> {
        let (hint, set) = (self.pair_hint(), self.texts_in("$3"));
        let sql = format!(
            "DELETE FROM subscriptions {hint} WHERE env = $1 AND object = $2 AND recipient IN {set} RETURNING {COLUMNS}"
        );
        let rows = self.query(&sql, &[env.into(), object.into(), Param::Texts(recipients)]).await?;
        rows.into_iter().map(subscription).collect()
    }
}

impl Store {
    /// Subscriptions of one side, newest first.
    pub async fn list_subscriptions(
        &self,
        env: EnvId,
        side: &SubscriptionSide,
        page: &PageRequest,
    ) -> Result<Page<SubscriptionRow>, StoreError> {
        let (fixed, listed, of, only) = match side {
            SubscriptionSide::Object(object, only) => ("object", "recipient", object, only),
            SubscriptionSide::Recipient(recipient, only) => ("recipient", "object", recipient, only),
        };
        let (compare, order) = if page.is_backward() { (">", "ASC") } else { ("<", "DESC") };
        let mut params: Vec<Param<'_>> =
            vec![env.into(), of.as_str().into(), Param::Int(page.size as i64 + 1)];
        let mut bound = String::new();
        if let Some(only) = only {
            params.push(Param::Texts(only.clone()));
            bound.push_str(&format!(" AND {listed} IN {}", self.texts_in(&format!("${}", params.len()))));
        }
        if let Some(key) = page.key() {
            let (at, key) = key.split_at_checked(8).ok_or_else(|| StoreError::corrupt("a short cursor"))?;
            params.push(Param::Int(i64::from_be_bytes(at.try_into().map_err(StoreError::corrupt)?)));
            params.push(String::from_utf8_lossy(key).into_owned().into());
            let place = params.len();
            bound.push_str(&format!(" AND (inserted_at, {listed}) {compare} (${}, ${place})", place - 1));
        }
        let hint = match only {
            Some(_) if !self.is_shared() => BY_PAIR,
            _ => "",
        };
        let sql = format!(
            "SELECT {COLUMNS} FROM subscriptions {hint} WHERE env = $1 AND {fixed} = $2{bound} \
             ORDER BY inserted_at {order}, {listed} {order} LIMIT $3"
        );
        let rows = self.query(Cost::Scan, &sql, &params).await?;
        let rows = rows.into_iter().map(subscription).collect::<Result<Vec<_>, _>>()?;
        let is_object = matches!(side, SubscriptionSide::Object(..));
        Ok(page.page(rows, |row| {
            let mut key = row.inserted_at.0.to_be_bytes().to_vec();
            key.extend_from_slice(if is_object { &row.recipient } else { &row.object }.as_bytes());
            key
        }))
    }

    /// Subscriptions of any of the objects in no order, at most `limit`: as many as were asked for means that there
    /// may be more, and which ones came is chance.
    pub async fn some_subscriptions(
        &self,
        env: EnvId,
        objects: Vec<String>,
        limit: usize,
    ) -> Result<Vec<SubscriptionRow>, StoreError> {
        let sql = format!(
            "SELECT {COLUMNS} FROM subscriptions WHERE env = $1 AND object IN {} LIMIT $3",
            self.texts_in("$2")
        );
        let params = [env.into(), Param::Texts(objects), Param::Int(limit as i64)];
        self.query(Cost::Point, &sql, &params).await?.into_iter().map(subscription).collect()
    }

    /// The newest subscriptions of each of the recipients, at most `each`; those of one recipient newest first.
    pub async fn newest_subscriptions(
        &self,
        env: EnvId,
        recipients: Vec<String>,
        each: i64,
    ) -> Result<Vec<SubscriptionRow>, StoreError> {
        let sql = if self.is_shared() {
            "SELECT s.object, s.recipient, s.properties, s.inserted_at, s.updated_at \
             FROM unnest($2::text[]) AS u(key) CROSS JOIN LATERAL (SELECT * FROM subscriptions n \
             WHERE n.env = $1 AND n.recipient = u.key ORDER BY n.inserted_at DESC, n.object DESC LIMIT $3) s \
             ORDER BY s.recipient, s.inserted_at DESC, s.object DESC"
        } else {
            "SELECT s.object, s.recipient, s.properties, s.inserted_at, s.updated_at \
             FROM json_each($2) u CROSS JOIN subscriptions s WHERE s.env = $1 AND s.recipient = u.value \
             AND s.object IN (SELECT n.object FROM subscriptions n WHERE n.env = $1 AND n.recipient = u.value \
             ORDER BY n.inserted_at DESC, n.object DESC LIMIT $3) \
             ORDER BY s.recipient, s.inserted_at DESC, s.object DESC"
        };
        let params = [env.into(), Param::Texts(recipients), Param::Int(each)];
        self.query(Cost::Point, sql, &params).await?.into_iter().map(subscription).collect()
    }

    /// The next subscribers of an object after a mark, oldest first, made at `until` or before; which of them have
    /// their recipient run of `run` is said beside.
    pub async fn subscribers_after(
        &self,
        env: EnvId,
        object: &str,
        after: Option<&SubscriberMark>,
        until: Timestamp,
        run: Uuid,
        limit: usize,
    ) -> Result<Vec<Subscriber>, StoreError> {
        // Counted one by one: for EXISTS PostgreSQL may read every run that the expansion has made so far, each time.
        let sql = "SELECT s.inserted_at, s.recipient, s.properties, \
                   (SELECT COUNT(*) FROM recipient_runs r \
                   WHERE r.env = $1 AND r.run = $6 AND r.recipient = s.recipient) \
                   FROM subscriptions s WHERE s.env = $1 AND s.object = $2 \
                   AND (s.inserted_at, s.recipient) > ($3, $4) AND s.inserted_at <= $5 \
                   ORDER BY s.inserted_at, s.recipient LIMIT $7";
        let (at, key) = bounds(after);
        let params = [
            env.into(),
            object.into(),
            Param::Int(at),
            key.into(),
            until.into(),
            run.into(),
            Param::Int(limit as i64),
        ];
        let rows = self.query(Cost::Scan, sql, &params).await?;
        rows.into_iter()
            .map(|mut row| {
                Ok(Subscriber {
                    mark: SubscriberMark { inserted_at: row.at(0)?, recipient: row.text(1)? },
                    properties: row.opt_text(2)?,
                    has_run: row.int(3)? != 0,
                })
            })
            .collect()
    }

    /// The next objects among the subscribers of an object after a mark, oldest first, made at `until` or before.
    /// Those that subscribe to one of `others` too are left out.
    pub async fn subscribed_objects_after(
        &self,
        env: EnvId,
        object: &str,
        after: Option<&SubscriberMark>,
        until: Timestamp,
        others: Vec<String>,
        limit: usize,
    ) -> Result<Vec<SubscriberMark>, StoreError> {
        // SQLite would walk past every user.
        let hint = if self.is_shared() { "" } else { "INDEXED BY subscriptions_of_objects" };
        let sql = format!(
            "SELECT s.inserted_at, s.recipient FROM subscriptions s {hint} \
             WHERE s.env = $1 AND s.object = $2 AND s.is_object = 1 \
             AND (s.inserted_at, s.recipient) > ($3, $4) AND s.inserted_at <= $5 \
             AND (SELECT COUNT(*) FROM subscriptions o WHERE o.env = $1 AND o.recipient = s.recipient \
             AND o.object IN {} AND o.inserted_at <= $5) = 0 \
             ORDER BY s.inserted_at, s.recipient LIMIT $7",
            self.texts_in("$6")
        );
        let (at, key) = bounds(after);
        let params = [
            env.into(),
            object.into(),
            Param::Int(at),
            key.into(),
            until.into(),
            Param::Texts(others),
            Param::Int(limit as i64),
        ];
        let rows = self.query(Cost::Scan, &sql, &params).await?;
        rows.into_iter()
            .map(|mut row| Ok(SubscriberMark { inserted_at: row.at(0)?, recipient: row.text(1)? }))
            .collect()
    }
}

/// A mark as parameters; nobody comes before the earliest instant.
fn bounds(after: Option<&SubscriberMark>) -> (i64, &str) {
    after.map_or((i64::MIN, ""), |mark| (mark.inserted_at.0, mark.recipient.as_str()))
}
