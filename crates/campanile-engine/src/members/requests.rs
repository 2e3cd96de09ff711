//! Members by request: `POST` and `DELETE /v1/audiences/{key}/members` (RC14.1 to RC14.3).

use std::collections::HashMap;

use campanile_core::ids::EnvId;
use campanile_core::problem::FieldProblem;
use campanile_core::time::Timestamp;
use campanile_store::{Member, ResourceKind, StoreError, merge_json};
use serde_json::{Map, Value, json};

use super::entry::run_for_entered;
use crate::engine::Engine;
use crate::identify::{PROPERTIES_BYTES_MAX, Upsert, apply_all};
use crate::resources::{self, Author, Publish, Refusal};

/// Members in one request.
pub const MEMBERS_MAX: usize = 1_000;
/// Members in one transaction: short enough that a trigger never waits noticeably for an import.
const MEMBERS_AT_ONCE: usize = 200;
/// A transaction is tried this often when another one is in the way.
const TRIES_MAX: usize = 8;

/// A member to add: the user is identified first (RC14.3).
#[derive(Debug, Clone)]
pub struct NewMember {
    /// What is said about the user.
    pub user: Upsert,
    /// Id of the tenant.
    pub tenant: Option<String>,
}

/// Why memberships were not changed.
#[derive(Debug, Clone)]
pub enum MembershipError {
    /// There is no published audience of this key (RC14.2).
    Missing,
    /// Its members follow conditions.
    Dynamic,
    /// Fields that could only be checked against what is stored.
    Invalid(Vec<FieldProblem>),
    /// The database could not.
    Store(StoreError),
}

impl From<StoreError> for MembershipError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

impl Engine {
    /// Adds members to a static audience, which is made when it is missing and `create` is set. Members are written in
    /// pieces; each is complete, and repeating the request after a failure adds what is left.
    pub async fn add_audience_members(
        &self,
        env: EnvId,
        key: &str,
        create: bool,
        members: Vec<NewMember>,
    ) -> Result<(), MembershipError> {
        match self.store().audience(env, key).await? {
            Some(audience) if audience.is_dynamic => return Err(MembershipError::Dynamic),
            Some(_) => {}
            None if create => self.create_static_audience(env, key).await?,
            None => return Err(MembershipError::Missing),
        }
        self.check_sizes(env, &members).await?;
        let now = self.clock().now();
        for piece in members.chunks(MEMBERS_AT_ONCE) {
            let mut tries = 0;
            loop {
                match self.add_piece(env, key, piece.to_vec(), now).await {
                    Err(MembershipError::Store(StoreError::Contended(_))) if tries < TRIES_MAX => tries += 1,
                    outcome => break outcome?,
                }
            }
        }
        self.wake();
        Ok(())
    }

    async fn add_piece(
        &self,
        env: EnvId,
        key: &str,
        piece: Vec<NewMember>,
        now: Timestamp,
    ) -> Result<(), MembershipError> {
        let key = key.to_owned();
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    // Archived or replaced meanwhile.
                    let Some(audience) = tx.audience(env, &key).await? else {
                        return Ok(Err(MembershipError::Missing));
                    };
                    if audience.is_dynamic {
                        return Ok(Err(MembershipError::Dynamic));
                    }
                    let pairs = piece
                        .iter()
                        .map(|one| Member { tenant: one.tenant.clone(), user: one.user.reference.id.clone() })
                        .collect();
                    let upserts = piece.into_iter().map(|one| one.user).collect();
                    for written in apply_all(tx, env, upserts, now).await? {
                        if written.is_err() {
                            // Somebody made the user larger since the sizes were checked.
                            return Err(StoreError::Contended("a user grew meanwhile".into()));
                        }
                    }
                    let entered = tx.add_audience_members(env, audience.id, pairs, now).await?;
                    run_for_entered(tx, env, &key, &entered, now).await?;
                    Ok(Ok(()))
                })
            })
            .await?
    }

    /// Removes members of a static audience; those that are none are ignored.
    pub async fn remove_audience_members(
        &self,
        env: EnvId,
        key: &str,
        members: Vec<Member>,
    ) -> Result<(), MembershipError> {
        let key = key.to_owned();
        self.store()
            .transact(move |tx| {
                Box::pin(async move {
                    let Some(audience) = tx.audience(env, &key).await? else {
                        return Ok(Err(MembershipError::Missing));
                    };
                    if audience.is_dynamic {
                        return Ok(Err(MembershipError::Dynamic));
                    }
                    tx.remove_audience_members(env, audience.id, &members).await?;
                    Ok(Ok(()))
                })
            })
            .await?
    }

    /// A static audience whose name is its key (RC14.2). One that is saved and was never committed stays its author's.
    async fn create_static_audience(&self, env: EnvId, key: &str) -> Result<(), MembershipError> {
        if self.store().resource(env, ResourceKind::Audience, key, false).await?.is_some() {
            return Err(MembershipError::Missing);
        }
        let upsert = resources::Upsert {
            env,
            kind: ResourceKind::Audience,
            key: key.to_owned(),
            document: json!({"type": "static", "name": key}),
            force: true,
            publish: Some(Publish::default()),
            author: Author::without_email("API"),
        };
        match resources::upsert(self, upsert).await {
            Ok(_) => Ok(()),
            Err(Refusal::Missing) => Err(MembershipError::Missing),
            Err(Refusal::Invalid(problems)) => Err(MembershipError::Invalid(problems)),
            Err(Refusal::Store(error)) => Err(error.into()),
        }
    }

    /// Refuses users that would become too large, before anything is written.
    async fn check_sizes(&self, env: EnvId, members: &[NewMember]) -> Result<(), MembershipError> {
        let saying: Vec<(usize, &Upsert)> = members
            .iter()
            .map(|one| &one.user)
            .enumerate()
            .filter(|(_, user)| !user.properties.is_empty())
            .collect();
        if saying.is_empty() {
            return Ok(());
        }
        let keys = saying.iter().map(|(_, user)| user.reference.key()).collect();
        let rows = self.store().recipients(env, keys).await?;
        let mut known: HashMap<String, Map<String, Value>> = rows
            .into_iter()
            .map(|row| (row.reference.key(), serde_json::from_str(&row.properties).unwrap_or_default()))
            .collect();
        let mut problems = Vec::new();
        for (at, user) in saying {
            let merged = known.entry(user.reference.key()).or_default();
            merge_json(merged, user.properties.clone());
            let size = serde_json::to_string(merged).map_or(0, |text| text.len());
            if size > PROPERTIES_BYTES_MAX {
                let why = format!("must not exceed {PROPERTIES_BYTES_MAX} bytes of properties");
                problems.push(FieldProblem::new(format!("members[{at}].user"), why));
            }
        }
        if problems.is_empty() { Ok(()) } else { Err(MembershipError::Invalid(problems)) }
    }
}
