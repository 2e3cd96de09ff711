//! What hangs on a recipient: the one list that deleting and merging go through (recipients.md sections 11 and 12).
//!
//! A table whose rows belong to a recipient has a line in [`EVERYTHING_THAT_HANGS_ON`], which says how they go with
//! their owner. What a merged user leaves to the other has a line in [`WHAT_A_MERGE_MOVES`] too; whatever that does not
//! move goes with the secondary.

use campanile_core::ids::EnvId;
use campanile_core::recipient::{RecipientRef, TENANTS};

use crate::db::{Param, Store, Tx};
use crate::error::StoreError;

/// On whom rows hang.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum On {
    /// Every recipient.
    Anybody,
    /// Users only.
    Users,
    /// Objects, tenants included.
    Objects,
    /// Tenants only.
    Tenants,
}

/// Rows of one table and what becomes of them.
struct Hanging {
    on: On,
    /// Deletes or ends the rows of many recipients: `$1` is the environment, `{keys}` the set of their keys, `{ids}`
    /// the set of their ids without the collection. Use one of the two sets, as often as needed.
    delete: &'static str,
}

const fn delete(on: On, delete: &'static str) -> Hanging {
    Hanging { on, delete }
}

/// In the order in which it is carried out: who is looked up through another table goes before that table.
const EVERYTHING_THAT_HANGS_ON: &[Hanging] = &[
    // Channel data and marks.
    delete(On::Anybody, "DELETE FROM channel_data WHERE env = $1 AND key IN {keys}"),
    // Preferences; of a tenant also what users set for it (S25).
    delete(On::Anybody, "DELETE FROM preference_sets WHERE env = $1 AND key IN {keys}"),
    delete(On::Tenants, "DELETE FROM preference_sets WHERE env = $1 AND id IN {ids} AND id <> 'default'"),
    delete(On::Anybody, "DELETE FROM frequency_marks WHERE env = $1 AND recipient IN {keys}"),
    delete(On::Users, "DELETE FROM audience_members WHERE env = $1 AND user_id IN {keys}"),
    // Subscriptions, whichever side goes.
    delete(On::Anybody, "DELETE FROM subscriptions WHERE env = $1 AND recipient IN {keys}"),
    delete(On::Objects, "DELETE FROM subscriptions WHERE env = $1 AND object IN {keys}"),
    // Runs that wait end without sending (RC12.3).
    delete(
        On::Anybody,
        "DELETE FROM jobs WHERE kind = 2 AND target IN \
         (SELECT id FROM recipient_runs WHERE env = $1 AND recipient IN {keys} AND status = 2)",
    ),
    delete(
        On::Objects,
        "UPDATE recipient_runs SET status = 4 WHERE env = $1 AND recipient IN {keys} AND status = 2",
    ),
    // What a user did with guides.
    delete(On::Users, "DELETE FROM guide_engagements WHERE env = $1 AND recipient IN {keys}"),
    delete(On::Users, "DELETE FROM guide_displays WHERE env = $1 AND recipient IN {keys}"),
    // Schedules: the job before the row, as everywhere.
    delete(
        On::Anybody,
        "DELETE FROM jobs WHERE kind = 5 AND target IN \
         (SELECT id FROM schedules WHERE env = $1 AND recipient IN {keys})",
    ),
    delete(On::Anybody, "DELETE FROM schedules WHERE env = $1 AND recipient IN {keys}"),
    // A user's run logs, and messages with everything about them; an object's stay until their retention ends (S24).
    delete(On::Users, "DELETE FROM recipient_runs WHERE env = $1 AND recipient IN {keys}"),
    delete(
        On::Users,
        "DELETE FROM message_events WHERE message IN \
         (SELECT id FROM messages WHERE env = $1 AND recipient IN {keys})",
    ),
    delete(
        On::Users,
        "DELETE FROM delivery_logs WHERE message IN \
         (SELECT id FROM messages WHERE env = $1 AND recipient IN {keys})",
    ),
    delete(
        On::Users,
        "DELETE FROM jobs WHERE kind = 3 AND target IN \
         (SELECT id FROM messages WHERE env = $1 AND recipient IN {keys})",
    ),
    delete(On::Users, "DELETE FROM messages WHERE env = $1 AND recipient IN {keys}"),
    // The recipients themselves.
    delete(On::Anybody, "DELETE FROM recipients WHERE env = $1 AND key IN {keys}"),
];

/// Copied or moved from a user to the one that it is merged into, in this order: `$1` is the environment, `$2` the
/// secondary's key, `$3` the primary's and, where it is used, `$4` the smallest id of a message that moves.
pub(crate) const WHAT_A_MERGE_MOVES: &[&str] = &[
    // Whole channels that the primary has nothing for.
    "INSERT INTO channel_data (env, key, channel, data, updated_at) \
     SELECT env, CAST($3 AS TEXT), channel, data, updated_at FROM channel_data WHERE env = $1 AND key = $2 \
     ON CONFLICT DO NOTHING",
    // Whole sets that the primary has nothing of.
    "INSERT INTO preference_sets (env, key, id, content, updated_at) \
     SELECT env, CAST($3 AS TEXT), id, content, updated_at FROM preference_sets WHERE env = $1 AND key = $2 \
     ON CONFLICT DO NOTHING",
    // What the primary did with a guide stands; otherwise engagement goes with its message.
    "INSERT INTO guide_engagements (env, recipient, tenant, guide, step, message, is_final) \
     SELECT env, CAST($3 AS TEXT), tenant, guide, step, message, is_final FROM guide_engagements \
     WHERE env = $1 AND recipient = $2 AND message >= $4 ON CONFLICT DO NOTHING",
    "UPDATE messages SET recipient = $3 WHERE env = $1 AND recipient = $2 AND id >= $4",
];

impl On {
    fn covers(self, reference: &RecipientRef) -> bool {
        match self {
            Self::Anybody => true,
            Self::Users => reference.is_user(),
            Self::Objects => !reference.is_user(),
            Self::Tenants => reference.collection == TENANTS,
        }
    }
}

impl Tx<'_> {
    /// Deletes recipients with everything that hangs on them; those that do not exist too (RC13.4). Who is identified
    /// again under the same id starts empty (RC12.2).
    pub async fn delete_recipients(
        &mut self,
        env: EnvId,
        references: &[RecipientRef],
    ) -> Result<(), StoreError> {
        let set = self.texts_in("$2");
        for hanging in EVERYTHING_THAT_HANGS_ON {
            let by_id = hanging.delete.contains("{ids}");
            let concerned = references.iter().filter(|reference| hanging.on.covers(reference));
            let names: Vec<String> = concerned
                .map(|reference| if by_id { reference.id.clone() } else { reference.key() })
                .collect();
            if !names.is_empty() {
                let sql = hanging.delete.replace("{keys}", &set).replace("{ids}", &set);
                self.execute(&sql, &[env.into(), Param::Texts(names)]).await?;
            }
        }
        Ok(())
    }
}

impl Store {
    /// Deletes one recipient with everything that hangs on it.
    pub async fn delete_recipient(&self, env: EnvId, reference: &RecipientRef) -> Result<(), StoreError> {
        let reference = reference.clone();
        self.transact(move |tx| Box::pin(async move { tx.delete_recipients(env, &[reference]).await })).await
    }
}
