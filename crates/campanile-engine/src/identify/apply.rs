//! Writing what requests said: one merge, then channel data, inside the caller's transaction.

use campanile_core::ids::EnvId;
use campanile_core::problem::FieldProblem;
use campanile_core::time::Timestamp;
use campanile_store::{RecipientChange, RecipientRow, StoreError, Tx, merge_json};

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
    let (change, rest) = parted(upsert);
    let RecipientChange { reference, properties, created_at } = change;
    let merged =
        tx.upsert_recipient(env, &reference, properties, created_at, now, PROPERTIES_BYTES_MAX).await?;
    match merged {
        Ok(row) => {
            write_rest(tx, env, &row, rest, now).await?;
            Ok(Ok(row))
        }
        Err(_) => Ok(Err(too_large())),
    }
}

/// Many upserts in their order, each as [`apply`] does it, with one read and two writes for all of their properties.
/// An upsert that would make a recipient too large is left out; the others stand.
pub async fn apply_all(
    tx: &mut Tx<'_>,
    env: EnvId,
    upserts: Vec<Upsert>,
    now: Timestamp,
) -> Result<Vec<Result<RecipientRow, FieldProblem>>, StoreError> {
    let (changes, rests): (Vec<_>, Vec<_>) = upserts.into_iter().map(parted).unzip();
    let merged = tx.upsert_recipients(env, changes, now, PROPERTIES_BYTES_MAX).await?;
    let mut rows = Vec::with_capacity(merged.len());
    for (merged, rest) in merged.into_iter().zip(rests) {
        rows.push(match merged {
            Ok(row) => {
                write_rest(tx, env, &row, rest, now).await?;
                Ok(row)
            }
            Err(_) => Err(too_large()),
        });
    }
    Ok(rows)
}

/// What an upsert says beside properties; empty for most.
struct Rest {
    channel_data: Vec<(campanile_core::ids::ChannelId, serde_json::Value)>,
}

fn parted(upsert: Upsert) -> (RecipientChange, Rest) {
    let Upsert { reference, properties, created_at, channel_data, trigger_data: _ } = upsert;
    (RecipientChange { reference, properties, created_at }, Rest { channel_data })
}

/// Writes the sub-resources of one recipient.
async fn write_rest(
    tx: &mut Tx<'_>,
    env: EnvId,
    row: &RecipientRow,
    rest: Rest,
    now: Timestamp,
) -> Result<(), StoreError> {
    for (channel, data) in rest.channel_data {
        tx.set_channel_data(env, &row.reference, channel, &data.to_string(), now).await?;
    }
    Ok(())
}

fn too_large() -> FieldProblem {
    FieldProblem::new("", format!("must not exceed {PROPERTIES_BYTES_MAX} bytes of properties"))
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
