//! Message lists with all their filters (delivery.md 15.1). Texts are assembled from constants only; every value is a
//! parameter.

use campanile_core::ids::{ChannelId, EnvId, Ksuid};
use campanile_core::time::Timestamp;
use serde_json::{Map, Value};
use uuid::Uuid;

use super::{COLUMNS, MessageView, view};
use crate::db::{Cost, Param, Store};
use crate::error::StoreError;
use crate::page::{Page, PageRequest};

/// Filters of a message list; all given ones must hold.
#[derive(Debug, Clone, Default)]
pub struct MessageFilter {
    /// Key of the recipient.
    pub recipient: Option<String>,
    /// Exact tenant.
    pub tenant: Option<String>,
    /// One channel.
    pub channel: Option<ChannelId>,
    /// Key of the workflow.
    pub source: Option<String>,
    /// Any of these delivery status codes; empty is all.
    pub statuses: Vec<i64>,
    /// Engagement bits that must be set.
    pub engaged: i64,
    /// Engagement bits that must not be set.
    pub not_engaged: i64,
    /// Any of these ids.
    pub ids: Option<Vec<Ksuid>>,
    /// Keys of workflows that have one of the wanted categories.
    pub workflows: Option<Vec<String>>,
    /// One workflow run.
    pub run: Option<Uuid>,
    /// One recipient run, as workflow run and recipient.
    pub recipient_run: Option<(Uuid, String)>,
    /// Stored pairs that must be present.
    pub trigger_data: Map<String, Value>,
    /// Not older than this.
    pub from: Option<Timestamp>,
    /// Older than this.
    pub until: Option<Timestamp>,
    /// Messages of other channels than these in-app ones are invisible before this instant (retention, R12.1).
    pub retained_from: Option<Timestamp>,
}

/// Messages that a partial index may hold for its walk to be shorter than a search by trigger data.
const FEW: i64 = 2_000;

/// The data that a filter asks for, in the form in which messages keep theirs: texts cut, without NUL characters.
fn stored_form(wanted: &Map<String, Value>) -> Map<String, Value> {
    wanted
        .iter()
        .map(|(key, value)| {
            let value = match value {
                Value::String(text) => {
                    text.chars().filter(|c| *c != '\0').take(256).collect::<String>().into()
                }
                other => other.clone(),
            };
            (key.replace('\0', ""), value)
        })
        .collect()
}

/// What the stored text of data with this member contains: comparing it is ten times as fast as reading JSON.
fn trace(key: &str, value: &Value) -> Option<String> {
    let value = match value {
        Value::Number(number) => match number.as_f64() {
            // A whole number may be stored with a fraction of zero.
            Some(float) if float.fract() == 0.0 && float != 0.0 && float.abs() < 1e15 => {
                format!("{}", float as i64)
            }
            Some(float) if float.fract() != 0.0 => number.to_string(),
            _ => return None,
        },
        other => other.to_string(),
    };
    Some(format!("{}:{value}", Value::from(key)))
}

/// Collects conditions and their parameters.
#[derive(Clone)]
pub(super) struct Where {
    pub(super) text: String,
    /// SQLite keeps no statistics: without this it walks all messages by id to find those of one recipient.
    pub(super) by_recipient: bool,
    pub(super) params: Vec<Param<'static>>,
}

impl Where {
    pub(super) fn new(env: EnvId) -> Self {
        Self { text: "m.env = $1".into(), by_recipient: false, params: vec![env.into()] }
    }

    /// Adds a parameter and answers its place.
    pub(super) fn param(&mut self, value: impl Into<Param<'static>>) -> String {
        self.params.push(value.into());
        format!("${}", self.params.len())
    }

    pub(super) fn and(&mut self, condition: &str) {
        self.text.push_str(" AND ");
        self.text.push_str(condition);
    }

    pub(super) fn and_param(&mut self, left: &str, value: impl Into<Param<'static>>) {
        let place = self.param(value);
        self.and(&format!("{left} {place}"));
    }

    /// Every pair equals the stored pair, type-strict (15.3). Strings are cut as the stored ones were.
    pub(super) fn and_trigger_data(&mut self, wanted: &Map<String, Value>, shared: bool) {
        if wanted.is_empty() {
            return;
        }
        let wanted = stored_form(wanted);
        if shared {
            let place = self.param(Value::Object(wanted).to_string());
            return self.and(&format!("m.trigger_data @> {place}::text::jsonb"));
        }
        for (key, value) in wanted {
            if let Some(trace) = trace(&key, &value) {
                let place = self.param(trace);
                self.and(&format!("instr(m.trigger_data, {place})"));
            }
            // The member is found by comparison, not by a JSON path, which could not name every key.
            let key_place = self.param(key);
            let value_place = self.param(value.to_string());
            self.and(&format!(
                "EXISTS (SELECT 1 FROM json_each(m.trigger_data) j, json_each(json_array(json({value_place}))) w \
                 WHERE j.key = {key_place} AND j.value IS w.value \
                 AND (j.type = w.type OR (j.type IN ('integer', 'real') AND w.type IN ('integer', 'real'))))"
            ));
        }
    }
}

impl Store {
    /// One page of messages, newest first.
    pub async fn list_messages(
        &self,
        env: EnvId,
        filter: &MessageFilter,
        page: &PageRequest,
    ) -> Result<Page<MessageView>, StoreError> {
        let mut wanted = Where::new(env);
        if let Some(recipient) = &filter.recipient {
            wanted.and_param("m.recipient =", recipient.clone());
            wanted.by_recipient = true;
        }
        if let Some(tenant) = &filter.tenant {
            wanted.and_param("m.tenant =", tenant.clone());
        }
        if let Some(channel) = filter.channel {
            wanted.and_param("m.channel =", channel);
        }
        if let Some(source) = &filter.source {
            wanted.and_param("m.workflow =", source.clone());
        }
        if !filter.statuses.is_empty() {
            let list = filter.statuses.iter().map(i64::to_string).collect::<Vec<_>>().join(", ");
            wanted.and(&format!("m.status IN ({list})"));
        }
        // Conditions of partial indexes: few messages of many were not sent, or were ever touched.
        let unsent = !filter.statuses.is_empty() && filter.statuses.iter().all(|status| *status < 6);
        if unsent {
            wanted.and("m.status < 6");
        }
        if filter.engaged != 0 {
            wanted.and("m.flags <> 0");
            wanted.and(&format!("m.flags & {0} = {0}", filter.engaged));
        }
        if filter.not_engaged != 0 {
            wanted.and(&format!("m.flags & {} = 0", filter.not_engaged));
        }
        if let Some(ids) = &filter.ids {
            let place = wanted.param(Param::Blobs(ids.iter().map(|id| id.0.to_vec()).collect()));
            wanted.and(&format!("m.id IN {}", self.blobs_in(&place)));
        }
        if let Some(workflows) = &filter.workflows {
            let place = wanted.param(Param::Texts(workflows.clone()));
            wanted.and(&format!("m.workflow IN {}", self.texts_in(&place)));
        }
        if let Some(run) = filter.run {
            wanted.and_param("m.run =", run);
        }
        if let Some((run, recipient)) = &filter.recipient_run {
            wanted.and_param("m.run =", *run);
            wanted.and_param("m.recipient =", recipient.clone());
        }
        wanted.and_trigger_data(&filter.trigger_data, self.is_shared());
        let is_narrow = filter.recipient.is_some()
            || filter.run.is_some()
            || filter.recipient_run.is_some()
            || filter.ids.is_some()
            || filter.trigger_data.is_empty()
            || unsent && self.are_few(env, "status < 6").await?
            || filter.engaged != 0 && self.are_few(env, "flags <> 0").await?;
        let (from, until) = (filter.from.max(filter.retained_from), filter.until);
        if !is_narrow {
            let data = stored_form(&filter.trigger_data);
            return self.search_messages(env, wanted, &data, (from, until), page).await;
        }
        // SQLite walks by one bound of each side, whichever it meets first: a cursor within makes the other one needless.
        let (after, before) = if page.is_backward() { (page.key(), None) } else { (None, page.key()) };
        let from = from.map(Ksuid::floor).filter(|from| after.is_none_or(|key| key < &from.0[..]));
        let until = until.map(Ksuid::floor).filter(|until| before.is_none_or(|key| key > &until.0[..]));
        if let Some(from) = from {
            wanted.and_param("m.id >=", from);
        }
        if let Some(until) = until {
            wanted.and_param("m.id <", until);
        }
        self.message_page(wanted, Cost::Scan, page).await
    }

    /// Whether a partial index holds few messages.
    async fn are_few(&self, env: EnvId, condition: &str) -> Result<bool, StoreError> {
        let sql =
            format!("SELECT id FROM messages WHERE env = $1 AND {condition} ORDER BY id LIMIT 1 OFFSET $2");
        Ok(self.query_one(&sql, &[env.into(), Param::Int(FEW)]).await?.is_none())
    }

    /// One page, newest first, of the messages that meet the conditions.
    pub(super) async fn message_page(
        &self,
        mut wanted: Where,
        cost: Cost,
        page: &PageRequest,
    ) -> Result<Page<MessageView>, StoreError> {
        let (compare, order) = if page.is_backward() { (">", "ASC") } else { ("<", "DESC") };
        if let Some(key) = page.key() {
            wanted.and_param(&format!("m.id {compare}"), Param::Blob(key.to_vec().into()));
        }
        let limit = wanted.param(Param::Int(page.size as i64 + 1));
        let index =
            if wanted.by_recipient && !self.is_shared() { "INDEXED BY messages_by_recipient" } else { "" };
        let sql = format!(
            "SELECT {COLUMNS} FROM messages m {index} WHERE {} ORDER BY m.id {order} LIMIT {limit}",
            wanted.text
        );
        let rows = self.query(cost, &sql, &wanted.params).await?;
        let rows = rows.into_iter().map(view).collect::<Result<Vec<_>, _>>()?;
        Ok(page.page(rows, |message| message.row.id.0.to_vec()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_way_to_store_a_member_has_its_trace() {
        for (value, stored) in [
            (json!("a\"\n\u{1}é"), json!("a\"\n\u{1}é")),
            (json!(7), json!(7.0)),
            (json!(7.0), json!(7)),
            (json!(-7), json!(-7.0)),
            (json!(1.25), json!(1.25)),
            (json!(1e-9), json!(1e-9)),
            (json!(1e300), json!(1e300)),
            (json!(0), json!(-0.0)),
            (json!(u64::MAX), json!(u64::MAX)),
            (json!(true), json!(true)),
            (json!(null), json!(null)),
        ] {
            let text = json!({"z": 1, "k\"é": stored, "a": 1}).to_string();
            if let Some(trace) = trace("k\"é", &value) {
                assert!(text.contains(&trace), "{text} {trace}");
            }
        }
        assert_eq!(trace("k", &json!("x")).as_deref(), Some(r#""k":"x""#));
    }

    #[test]
    fn wanted_data_is_cut_as_stored_data_is() {
        let wanted = json!({"a\0b": "x\0".repeat(300), "n": 1});
        let form = stored_form(wanted.as_object().unwrap());
        assert_eq!(Value::Object(form), json!({"ab": "x".repeat(256), "n": 1}));
    }
}
