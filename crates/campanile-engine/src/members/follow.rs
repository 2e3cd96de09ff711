//! Dynamic members follow their users (workflows.md R23.5).

use std::collections::HashMap;
use std::sync::Arc;

use campanile_core::audience::Membership;
use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;
use campanile_store::{AudienceRow, Member, RecipientRow, StoreError, Tx};
use serde_json::{Value, json};

use super::definition;
use super::entry::run_for_entered;
use crate::identify::scope_value;

/// The dynamic audiences of an environment, as they stay until the transaction ends. Made before users are changed.
pub(crate) struct Following {
    audiences: Vec<(AudienceRow, Arc<Membership>)>,
}

/// Who counts as entering when memberships are brought up to date.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Entering {
    /// Nobody: the definition changed, not the users (S49).
    Nobody,
    /// Whoever had not been a member.
    Everybody,
}

fn scope(row: &RecipientRow) -> Value {
    json!({"recipient": scope_value(row)})
}

impl Following {
    /// Reads which audiences there are.
    pub(crate) async fn begin(tx: &mut Tx<'_>, env: EnvId) -> Result<Self, StoreError> {
        let mut audiences = Vec::new();
        for row in tx.dynamic_audiences(env).await? {
            let membership = definition(tx, row.version).await?;
            audiences.push((row, membership));
        }
        Ok(Self { audiences })
    }

    /// One audience alone, for the job that works on it.
    pub(super) fn only(audience: AudienceRow, membership: Arc<Membership>) -> Self {
        Self { audiences: vec![(audience, membership)] }
    }

    /// True when [`Following::changed`] wants to know how the users were: while a new definition is still being applied,
    /// what is stored does not tell whether a user belonged before.
    pub(crate) fn asks_before(&self) -> bool {
        self.audiences.iter().any(|(audience, _)| audience.is_building)
    }

    /// Decides about the memberships of users that this transaction wrote. `before` has them as they were, by key.
    pub(crate) async fn changed(
        &self,
        tx: &mut Tx<'_>,
        env: EnvId,
        users: &[&RecipientRow],
        before: &HashMap<String, RecipientRow>,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        self.bring_up_to_date(tx, env, users, before, Entering::Everybody, now).await
    }

    pub(super) async fn bring_up_to_date(
        &self,
        tx: &mut Tx<'_>,
        env: EnvId,
        users: &[&RecipientRow],
        before: &HashMap<String, RecipientRow>,
        entering: Entering,
        now: Timestamp,
    ) -> Result<(), StoreError> {
        if users.is_empty() || self.audiences.is_empty() {
            return Ok(());
        }
        let ids = users.iter().map(|row| row.reference.id.clone()).collect();
        let stored = tx.tenantless_memberships(env, ids).await?;
        let scopes: Vec<Value> = users.iter().map(|row| scope(row)).collect();
        for (audience, membership) in &self.audiences {
            let (mut enter, mut leave) = (Vec::new(), Vec::new());
            let mut old_acquaintances = Vec::new();
            for (row, scope_now) in users.iter().zip(&scopes) {
                let id = &row.reference.id;
                let belongs = membership.holds(scope_now, now);
                let is_member = stored.contains(&(audience.id, id.clone()));
                let member = Member { tenant: None, user: id.clone() };
                match (belongs, is_member) {
                    (true, false) => {
                        if audience.is_building
                            && before.get(id).is_some_and(|row| membership.holds(&scope(row), now))
                        {
                            old_acquaintances.push(id.clone());
                        }
                        enter.push(member);
                    }
                    (false, true) => leave.push(member),
                    (true, true) | (false, false) => {}
                }
            }
            if !leave.is_empty() {
                tx.remove_audience_members(env, audience.id, &leave).await?;
            }
            if !enter.is_empty() {
                let mut entered = tx.add_audience_members(env, audience.id, enter, now).await?;
                entered.retain(|member| !old_acquaintances.contains(&member.user));
                if entering == Entering::Everybody {
                    run_for_entered(tx, env, &audience.key, &entered, now).await?;
                }
            }
        }
        Ok(())
    }
}
