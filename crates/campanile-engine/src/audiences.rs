//! Who is a member of which audience: the one question that guides ask.

use std::collections::{HashMap, HashSet};

use campanile_core::ids::EnvId;
use campanile_core::recipient::RecipientRef;
use campanile_store::StoreError;

use crate::engine::Engine;

impl Engine {
    /// The tenants under which a user is a member of each of these audiences; `None` is a member without a tenant,
    /// and audiences without this user are absent.
    pub(crate) async fn audience_memberships(
        &self,
        env: EnvId,
        user: &RecipientRef,
        audiences: HashSet<String>,
    ) -> Result<HashMap<String, Vec<Option<String>>>, StoreError> {
        let audiences = audiences.into_iter().collect();
        let mut found: HashMap<String, Vec<Option<String>>> = HashMap::new();
        for (audience, tenant) in self.store().audience_memberships(env, &user.key(), audiences).await? {
            found.entry(audience).or_default().push(tenant);
        }
        Ok(found)
    }
}
