//! Runs of the workflows that wait for members of an audience (workflows.md R23.6).

use std::collections::BTreeMap;

use campanile_core::ids::{EnvId, new_run_id};
use campanile_core::recipient::{RecipientRef, TENANTS};
use campanile_core::time::Timestamp;
use campanile_store::{JobKind, JobRow, Member, RunRow, StoreError, Tx, Unit};

use crate::expand::Pending;
use crate::origin::Origin;

/// Makes a run for every workflow and tenant, with all who entered under that tenant as its recipients. They are
/// expanded by the run's job, so that whoever changes a user never waits for templates.
pub(super) async fn run_for_entered(
    tx: &mut Tx<'_>,
    env: EnvId,
    audience: &str,
    entered: &[Member],
    now: Timestamp,
) -> Result<(), StoreError> {
    if entered.is_empty() {
        return Ok(());
    }
    let workflows = tx.audience_workflows(env, audience).await?;
    if workflows.is_empty() {
        return Ok(());
    }
    let mut by_tenant: BTreeMap<Option<&str>, Vec<Pending>> = BTreeMap::new();
    for member in entered {
        let pending = Pending { recipient: member.user.clone(), ..Pending::default() };
        by_tenant.entry(member.tenant.as_deref()).or_default().push(pending);
    }
    // As with any trigger, a tenant that is only named exists from now on (R5.8).
    let tenants = by_tenant.keys().flatten().map(|id| RecipientRef::object(TENANTS, *id)).collect();
    tx.touch_recipients(env, tenants, now).await?;
    let origin = Origin::Audience { key: audience.to_owned() }.stored();
    let mut unit = Unit::default();
    for (workflow, version) in workflows {
        for (tenant, pending) in &by_tenant {
            let id = new_run_id(now);
            unit.runs.push(RunRow {
                id,
                env,
                workflow: workflow.clone(),
                version,
                tenant: tenant.map(str::to_owned),
                actor: None,
                data: None,
                cancellation_key: None,
                flags: 0,
                pending: Some(serde_json::to_string(pending).unwrap_or_default()),
                origin: origin.clone(),
                inserted_at: now,
            });
            unit.jobs.push(JobRow {
                target: id.as_bytes().to_vec(),
                kind: JobKind::Expand,
                env,
                due_at: now,
                run_at: now,
                claim: 0,
                attempt: 0,
                first_at: None,
                payload: None,
            });
        }
    }
    tx.write(&unit).await
}
