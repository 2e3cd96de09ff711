//! Who belongs to which audience (recipients.md section 14, workflows.md section 23).
//!
//! Static members come and go by request ([`requests`]). Dynamic ones follow their users: the transaction that changes a
//! user also decides about its memberships ([`follow`]), by the definitions that are published at that moment, so that
//! nobody ever sees a user without its memberships. A new definition is applied to everybody by a job, as is what the
//! passing of time changes ([`work`]). Whoever enters runs the workflows that wait for members ([`entry`]), written in
//! the same transaction.

mod entry;
mod follow;
mod requests;
mod work;

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use campanile_core::audience::{self, Membership};
use campanile_core::ids::EnvId;
use campanile_store::{StoreError, Tx};
use quick_cache::sync::Cache;
use uuid::Uuid;

pub(crate) use follow::Following;
pub use requests::{MEMBERS_MAX, MembershipError, NewMember};

use crate::engine::Engine;

/// Definitions by version. A version never changes, so what was read once stays true.
static DEFINITIONS: LazyLock<Cache<Uuid, Arc<Membership>>> = LazyLock::new(|| Cache::new(1_000));

/// What a version of an audience says. Content that cannot be read any more has no members.
async fn definition(tx: &mut Tx<'_>, version: Uuid) -> Result<Arc<Membership>, StoreError> {
    if let Some(known) = DEFINITIONS.get(&version) {
        return Ok(known);
    }
    let row = tx.version(version).await?;
    let document = row.and_then(|row| serde_json::from_str(&row.content).ok());
    let parsed = document.and_then(|document| audience::parse(&document).ok());
    let membership = Arc::new(parsed.map_or(Membership::Static, |(_, membership)| membership));
    DEFINITIONS.insert(version, Arc::clone(&membership));
    Ok(membership)
}

impl Engine {
    /// The audiences of users under the tenant of a run, by user (R23.7): what conditions ask.
    pub(crate) async fn audiences_under(
        &self,
        env: EnvId,
        users: Vec<String>,
        tenant: Option<&str>,
    ) -> Result<HashMap<String, HashSet<String>>, StoreError> {
        let mut found: HashMap<String, HashSet<String>> = HashMap::new();
        for (user, audience) in self.store().memberships_under(env, users, tenant).await? {
            found.entry(user).or_default().insert(audience);
        }
        Ok(found)
    }
}
