//! Writing what a request said: one merge, then channel data, inside the caller's transaction.

use campanile_core::ids::EnvId;
use campanile_core::problem::FieldProblem;
use campanile_core::time::Timestamp;
use campanile_store::{RecipientRow, StoreError, Tx, merge_json};

use super::Upsert;

/// Largest properties after merging, as compact JSON (RC6.3).
pub const PROPERTIES_BYTES_MAX: usize = 256 * 1024;

/// Merges into the stored recipient, which is made when missing, and replaces the listed channel data. `Ok(Err(_))`
/// when the result is too large: nothing of this upsert was written. The problem's field is empty; the caller knows
/// where in its request the recipient stood.
pub async fn apply(
    tx: &mut Tx<'_>,
    env: EnvId,
    upsert: Upsert,
    now: Timestamp,
) -> Result<Result<RecipientRow, FieldProblem>, StoreError> {
    let Upsert { reference, properties, created_at, channel_data, trigger_data: _ } = upsert;
    let merged =
        tx.upsert_recipient(env, &reference, properties, created_at, now, PROPERTIES_BYTES_MAX).await?;
    let Ok(row) = merged else {
        let message = format!("must not exceed {PROPERTIES_BYTES_MAX} bytes of properties");
        return Ok(Err(FieldProblem::new("", message)));
    };
    for (channel, data) in channel_data {
        tx.set_channel_data(env, &reference, channel, &data.to_string(), now).await?;
    }
    Ok(Ok(row))
}

/// False when applying would leave the stored recipient as it is, so that the browser's `PUT {}` and the trigger that
/// repeats what is known cost a read and no write.
pub fn changes(row: &RecipientRow, upsert: &Upsert) -> bool {
    if !upsert.channel_data.is_empty() || upsert.created_at.is_some_and(|at| at != row.created_at) {
        return true;
    }
    if upsert.properties.is_empty() {
        return false;
    }
    let Ok(stored) = serde_json::from_str::<serde_json::Map<_, _>>(&row.properties) else { return true };
    let mut merged = stored.clone();
    merge_json(&mut merged, upsert.properties.clone());
    merged != stored
}
