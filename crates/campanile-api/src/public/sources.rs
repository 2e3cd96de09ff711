//! What messages were made from: their workflow runs and the versions that these ran, read once per page.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use campanile_core::ids::recipient_run_id;
use campanile_core::recipient::RecipientRef;
use campanile_store::{MessageView, RunRow};
use quick_cache::sync::Cache;
use serde::Deserialize;
use serde_json::Value;
use uuid::Uuid;

use crate::app::App;
use crate::error::ApiResult;

/// Categories by version. A version never changes, so what was read once stays true.
static CATEGORIES: LazyLock<Cache<Uuid, Arc<[String]>>> = LazyLock::new(|| Cache::new(1_000));

/// The workflow runs behind a page of messages.
pub(super) struct Sources {
    runs: HashMap<Uuid, RunRow>,
    categories: HashMap<Uuid, Arc<[String]>>,
    /// Trigger data of recipients that brought their own (RC6.6), by recipient run.
    own: HashMap<Uuid, String>,
}

impl Sources {
    /// Reads the runs of all these messages at once, then each version that was not seen before.
    pub(super) async fn of(app: &App, messages: &[MessageView]) -> ApiResult<Self> {
        let runs: HashSet<Uuid> = messages.iter().map(|message| message.row.run).collect();
        let runs: Vec<Uuid> = runs.into_iter().collect();
        let recipient_runs: HashSet<Uuid> = messages.iter().map(recipient_run).collect();
        let recipient_runs: Vec<Uuid> = recipient_runs.into_iter().collect();
        let (runs, own) = tokio::try_join!(
            app.store().workflow_runs(&runs),
            app.store().own_trigger_data(&recipient_runs),
        )?;
        let runs: HashMap<Uuid, RunRow> = runs.into_iter().map(|run| (run.id, run)).collect();
        let mut categories = HashMap::new();
        for run in runs.values() {
            if categories.contains_key(&run.version) {
                continue;
            }
            let known = match CATEGORIES.get(&run.version) {
                Some(known) => known,
                None => {
                    let version = app.store().version(run.version).await?;
                    let read: Arc<[String]> =
                        version.map_or_else(Vec::new, |(_, _, row)| categories_in(&row.content)).into();
                    CATEGORIES.insert(run.version, Arc::clone(&read));
                    read
                }
            };
            categories.insert(run.version, known);
        }
        Ok(Self { runs, categories, own: own.into_iter().collect() })
    }

    /// The run of a message.
    pub(super) fn run(&self, message: &MessageView) -> Option<&RunRow> {
        self.runs.get(&message.row.run)
    }

    /// What made a message, as `source.type` says it.
    pub(super) fn kind(&self, message: &MessageView) -> &'static str {
        match self.run(message) {
            Some(run) if run.flags & RunRow::BROADCAST != 0 => "broadcast",
            _ => "workflow",
        }
    }

    /// The version that made a message; nil when its run is gone.
    pub(super) fn version(&self, message: &MessageView) -> Uuid {
        self.run(message).map_or(Uuid::nil(), |run| run.version)
    }

    /// The categories of that version.
    pub(super) fn categories(&self, message: &MessageView) -> &[String] {
        self.categories.get(&self.version(message)).map_or(&[], |categories| categories)
    }

    /// What the recipient's run was triggered with.
    pub(super) fn trigger_data(&self, message: &MessageView) -> Value {
        let own = self.own.get(&recipient_run(message)).map(String::as_str);
        without_attachments(parsed(own.or_else(|| self.run(message)?.data.as_deref())))
    }

    /// The run's data when the message was made.
    pub(super) fn data(&self, message: &MessageView) -> Value {
        match &message.row.data {
            Some(data) => without_attachments(parsed(Some(data))),
            None => self.trigger_data(message),
        }
    }
}

/// Data without the files that came with it: attachments are sent, never echoed (channels.md R9.10, in-app.md IA4.5).
fn without_attachments(mut data: Value) -> Value {
    let is_file =
        |value: &Value| ["name", "content_type", "content"].iter().all(|key| value[key].is_string());
    if let Value::Object(map) = &mut data {
        map.retain(|_, value| match value {
            Value::Array(list) => list.is_empty() || !list.iter().all(is_file),
            other => !is_file(other),
        });
    }
    data
}

/// The recipient run that made a message.
pub(super) fn recipient_run(message: &MessageView) -> Uuid {
    recipient_run_id(message.row.run, &RecipientRef::from_key(&message.row.recipient).gid())
}

/// The categories in a workflow's content.
pub(super) fn categories_in(content: &str) -> Vec<String> {
    #[derive(Deserialize)]
    struct Categorized {
        categories: Option<Vec<String>>,
    }
    serde_json::from_str::<Categorized>(content).ok().and_then(|found| found.categories).unwrap_or_default()
}

/// A stored JSON text; null when absent.
pub(super) fn parsed(text: Option<&str>) -> Value {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn files_are_not_data() {
        let file = json!({"name": "a.pdf", "content_type": "application/pdf", "content": "JVBERg=="});
        let data = json!({"attachments": [file], "one": file, "name": "x", "list": [], "mixed": [file, 1]});
        assert_eq!(without_attachments(data), json!({"name": "x", "list": [], "mixed": [file, 1]}));
    }
}
