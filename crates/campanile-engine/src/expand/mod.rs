//! From a workflow run to recipient runs: what the recipients share is built once, the rest per recipient, without a
//! query in the loop.

mod activate;
mod context;
mod frequency;
mod resume;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use campanile_core::ids::recipient_run_id;
use campanile_core::recipient::RecipientRef;
use campanile_core::time::Timestamp;
use campanile_core::workflow::ChannelType;
use campanile_store::{RecipientRow, RecipientRunRow, RunRow, StoreError, Unit};
use campanile_template::Loaded;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(crate) use context::{RunContext, SharedPreferences, filterable, own_have_conditions};

use crate::engine::Engine;
use crate::fan_out::{Parents, Via};
use crate::interpreter::Activation;
use crate::state::{RunLog, RunState};
use crate::stored_data::ROUNDS_MAX;
use activate::{Facts, missing, overloaded, start, state_text, stopped};
use context::needs_channel_data;

/// Recipients in one transaction, when a run is expanded in pieces.
pub(crate) const CHUNK: usize = 250;

/// A recipient that has no run yet.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Pending {
    /// Key of the recipient.
    #[serde(rename = "r")]
    pub(crate) recipient: String,
    /// Its own trigger data, merged over the run's for it alone.
    #[serde(rename = "d", default, skip_serializing_if = "Option::is_none")]
    pub(crate) trigger_data: Option<Map<String, Value>>,
    /// How it was reached, when the trigger does not name it itself; such entries are never stored.
    #[serde(skip)]
    pub(crate) via: Option<Via>,
    /// Cancelled before its turn came (P6).
    #[serde(skip)]
    pub(crate) is_cancelled: bool,
}

/// A recipient's first activation, before it is written.
struct Started {
    recipient: String,
    trigger_data: Option<Arc<str>>,
    activation: Activation,
}

impl Engine {
    /// Recipients by key, with the preferences that this run asks.
    pub(crate) async fn recipients_by_key(
        &self,
        run: &RunRow,
        keys: Vec<String>,
    ) -> Result<HashMap<String, RecipientRow>, StoreError> {
        let rows = self.store().recipients_of_run(run.env, keys, run.tenant.as_deref()).await?;
        Ok(rows.into_iter().map(|row| (row.reference.key(), row)).collect())
    }

    /// Makes the recipient runs of `pending` and everything they do before they end or wait.
    pub(crate) async fn expand(
        &self,
        context: &RunContext,
        pending: Vec<Pending>,
        rows: &HashMap<String, RecipientRow>,
        now: Timestamp,
        unit: &mut Unit,
    ) -> Result<(), StoreError> {
        let channel_data = if needs_channel_data(&context.program) {
            self.channel_data(context.env, pending.iter().map(|p| p.recipient.clone()).collect()).await?
        } else {
            HashMap::new()
        };
        let no_channel_data = HashMap::new();
        let parents = match context.reads_recipient() {
            true => Parents::of(pending.iter().filter_map(|p| p.via.as_ref()), rows),
            false => Parents::default(),
        };
        let memberships = self.audiences_of(context, pending.iter().map(|p| p.recipient.as_str())).await?;
        let no_audiences = HashSet::new();
        let mut started = Vec::with_capacity(pending.len());
        let (mut pending, mut loaded, mut round) = (pending, Loaded::default(), 1);
        loop {
            let (mut again, mut wanted) = (Vec::new(), BTreeSet::new());
            for mut one in pending {
                let (trigger_data, activation) = match rows.get(&one.recipient) {
                    _ if one.is_cancelled => {
                        (None, Ok(stopped(RunState::default(), RunLog::new(), now, "cancelled")))
                    }
                    None => (None, Ok(missing(now))),
                    Some(row) => {
                        let facts = Facts {
                            row,
                            channel_data: channel_data.get(&one.recipient).unwrap_or(&no_channel_data),
                            audiences: memberships.get(&one.recipient).unwrap_or(&no_audiences),
                            parents: &parents,
                            loaded: &loaded,
                        };
                        start(context, &mut one, facts, now)
                    }
                };
                let activation = match activation {
                    Ok(activation) => activation,
                    Err(unloaded) if round == ROUNDS_MAX => overloaded(now, *unloaded),
                    Err(unloaded) => {
                        wanted.extend(unloaded.missing);
                        one.via = unloaded.state.via.map(|via| *via);
                        again.push(one);
                        continue;
                    }
                };
                started.push(Started { recipient: one.recipient, trigger_data, activation });
            }
            if again.is_empty() {
                break;
            }
            // Everybody's at once: a query per kind and round, not per recipient.
            self.load(context.env, wanted, &mut loaded).await?;
            (pending, round) = (again, round + 1);
        }
        self.enforce_frequency(context, &mut started, now).await?;
        self.metrics().recipient_runs.inc_by(started.len() as u64);
        for Started { recipient, trigger_data, activation } in started {
            let reference = RecipientRef::from_key(&recipient);
            self.count(&activation);
            unit.recipient_runs.push(RecipientRunRow {
                env: context.env,
                run: context.run.id,
                id: recipient_run_id(context.run.id, &reference.gid()),
                recipient,
                status: activation.status,
                error_count: activation.log.errors(),
                state: state_text(&activation),
                log: activation.log.into_text(),
                trigger_data,
                inserted_at: now,
            });
            unit.messages.extend(activation.messages);
            unit.short_links.extend(activation.short_links);
            unit.events.extend(activation.events);
            unit.jobs.extend(activation.jobs);
        }
        Ok(())
    }

    /// The audiences of a run's recipients, by key, for programs that ask (workflows.md R23.7).
    async fn audiences_of(
        &self,
        context: &RunContext,
        recipients: impl Iterator<Item = &str>,
    ) -> Result<HashMap<String, HashSet<String>>, StoreError> {
        if !context.program.asks_audiences {
            return Ok(HashMap::new());
        }
        let users = recipients.map(str::to_owned).collect();
        self.audiences_under(context.env, users, context.run.tenant.as_deref()).await
    }

    fn count(&self, activation: &Activation) {
        for kind in &activation.made {
            self.metrics().messages_made(kind, 1);
            if *kind == ChannelType::InAppFeed.as_str() {
                self.metrics().messages_delivered.inc();
            }
        }
    }
}
