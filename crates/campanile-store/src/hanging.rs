//! What hangs on a recipient: the one list that deleting and merging go through (recipients.md sections 11 and 12).
//!
//! A table whose rows belong to a recipient has a line in [`EVERYTHING_THAT_HANGS_ON`]. What goes with its owner has a
//! `delete`; what a merged user leaves to the other has a `merge` too, which runs first: whatever it does not move goes
//! with the secondary.

use campanile_core::ids::EnvId;
use campanile_core::recipient::{RecipientRef, TENANTS};

use crate::db::{Param, Store, Tx};
use crate::error::StoreError;

/// On whom rows hang.
#[allow(dead_code, reason = "the list has no line for tenants alone yet")]
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
    delete(On::Anybody, "DELETE FROM frequency_marks WHERE env = $1 AND recipient IN {keys}"),
    // Subscriptions, whichever side goes.
    delete(On::Anybody, "DELETE FROM subscriptions WHERE env = $1 AND recipient IN {keys}"),
    delete(On::Objects, "DELETE FROM subscriptions WHERE env = $1 AND object IN {keys}"),
    // Runs that wait end without sending (RC12.3).
    delete(
        On::Anybody,
        "DELETE FROM jobs WHERE kind = 2 AND target IN \
         (SELECT id FROM recipient_runs WHERE env = $1 AND recipient IN {keys} AND status = 2)",
    ),
    delete(On::Users, "DELETE FROM recipient_runs WHERE env = $1 AND recipient IN {keys} AND status = 2"),
    delete(
        On::Objects,
        "UPDATE recipient_runs SET status = 4 WHERE env = $1 AND recipient IN {keys} AND status = 2",
    ),
    // A user's messages with everything about them; an object's stay until their retention ends (S24).
    delete(
        On::Users,
        "DELETE FROM recipient_runs WHERE env = $1 AND (run, recipient) IN \
         (SELECT run, recipient FROM messages WHERE env = $1 AND recipient IN {keys})",
    ),
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
