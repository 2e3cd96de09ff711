//! Writing what requests said: one merge, then channel data and preferences, inside the caller's transaction.

use std::collections::HashMap;

use campanile_core::ids::{ChannelId, EnvId};
use campanile_core::preference::{Change, SET_BYTES_MAX, SETS_MAX};
use campanile_core::problem::FieldProblem;
use campanile_core::recipient::RecipientRef;
use campanile_core::time::Timestamp;
use campanile_store::{
    PreferenceEdit, PreferenceLimit, RecipientChange, RecipientRow, StoreError, Tx, merge_properties,
};
use serde_json::Value;

use super::Upsert;
use crate::members::Following;
use crate::schedules::follow_zones;

/// Largest properties after merging, as compact JSON (RC6.3).
pub const PROPERTIES_BYTES_MAX: usize = 256 * 1024;

/// Merges into the stored recipient, which is made when missing, and into its listed preference sets, and replaces the
/// listed channel data. `Ok(Err(_))` when a result is too large: nothing of this upsert was written. The problem's field
/// begins at the recipient; the caller knows where in its request that stood.
pub async fn apply(
    tx: &mut Tx<'_>,
    env: EnvId,
    upsert: Upsert,
    now: Timestamp,
) -> Result<Result<RecipientRow, FieldProblem>, StoreError> {
    let names_zone = names_zone(&upsert);
    let (change, rest) = parted(upsert);
    let RecipientChange { reference, properties, created_at } = change;
    let following = match reference.is_user() {
        true => Some(Following::begin(tx, env).await?),
        false => None,
    };
    let mut before = HashMap::new();
    if following.as_ref().is_some_and(Following::asks_before) {
        before.extend(tx.recipient(env, &reference).await?.map(|row| (reference.key(), row)));
    }
    // A preference set shows that it grew too large only when the rest is written.
    let can_fail_late = !rest.preferences.is_empty();
    if can_fail_late {
        tx.execute("SAVEPOINT recipient", &[]).await?;
    }
    let merged =
        tx.upsert_recipient(env, &reference, properties, created_at, now, PROPERTIES_BYTES_MAX).await?;
    let Ok(row) = merged else { return Ok(Err(too_large())) };
    if let Err(problem) = write_rest(tx, env, vec![(row.reference.clone(), rest)], now).await? {
        tx.execute("ROLLBACK TO recipient", &[]).await?;
        return Ok(Err(problem));
    }
    if can_fail_late {
        tx.execute("RELEASE recipient", &[]).await?;
    }
    // Whom this did not change keeps its memberships.
    if let Some(following) = following.filter(|_| row.updated_at == now) {
        following.changed(tx, env, &[&row], &before, now).await?;
    }
    if names_zone && row.updated_at == now {
        follow_zones(tx, env, &[&row], now).await?;
    }
    Ok(Ok(row))
}

/// Many upserts in their order, each as [`apply`] does it, with one read and two writes for all of their properties.
/// An upsert that would make a recipient too large is left out; the others stand. [`StoreError::Refused`] when a
/// preference set grows too large: the caller undoes everything and goes one by one.
pub async fn apply_all(
    tx: &mut Tx<'_>,
    env: EnvId,
    upserts: Vec<Upsert>,
    now: Timestamp,
) -> Result<Vec<Result<RecipientRow, FieldProblem>>, StoreError> {
    let zoned: Vec<bool> = upserts.iter().map(names_zone).collect();
    let (changes, rests): (Vec<_>, Vec<_>) = upserts.into_iter().map(parted).unzip();
    let following = match changes.iter().any(|change| change.reference.is_user()) {
        true => Some(Following::begin(tx, env).await?),
        false => None,
    };
    let mut before = HashMap::new();
    if following.as_ref().is_some_and(Following::asks_before) {
        let keys = changes.iter().map(|change| change.reference.key()).collect();
        before
            .extend(tx.locked_recipients(env, keys).await?.into_iter().map(|row| (row.reference.key(), row)));
    }
    let merged = tx.upsert_recipients(env, changes, now, PROPERTIES_BYTES_MAX).await?;
    let sound = merged.iter().zip(rests).filter_map(|(merged, rest)| Some((merged.as_ref().ok()?, rest)));
    let rests = sound.map(|(row, rest)| (row.reference.clone(), rest)).collect();
    if let Err(problem) = write_rest(tx, env, rests, now).await? {
        return Err(StoreError::Refused { field: problem.field.into(), message: problem.message.into() });
    }
    let rows: Vec<_> = merged.into_iter().map(|merged| merged.map_err(|_| too_large())).collect();
    if let Some(following) = following {
        // The last entry of a user says how it stands.
        let changed: HashMap<&str, &RecipientRow> = rows
            .iter()
            .flatten()
            .filter(|row| row.reference.is_user() && row.updated_at == now)
            .map(|row| (row.reference.id.as_str(), row))
            .collect();
        let users: Vec<&RecipientRow> = changed.into_values().collect();
        following.changed(tx, env, &users, &before, now).await?;
    }
    let moved: Vec<&RecipientRow> = rows
        .iter()
        .zip(zoned)
        .filter_map(|(row, zoned)| row.as_ref().ok().filter(|row| zoned && row.updated_at == now))
        .collect();
    if !moved.is_empty() {
        follow_zones(tx, env, &moved, now).await?;
    }
    Ok(rows)
}

/// True when schedules might have to follow; whether the zone is another one, only they know.
fn names_zone(upsert: &Upsert) -> bool {
    upsert.properties.contains_key("timezone")
}

/// What an upsert says beside properties; empty for most.
struct Rest {
    channel_data: Vec<(ChannelId, Value)>,
    preferences: Vec<(String, Change)>,
}

fn parted(upsert: Upsert) -> (RecipientChange, Rest) {
    let Upsert { reference, properties, created_at, channel_data, preferences, trigger_data: _ } = upsert;
    (RecipientChange { reference, properties, created_at }, Rest { channel_data, preferences })
}

/// Writes the sub-resources of recipients that were just written themselves.
async fn write_rest(
    tx: &mut Tx<'_>,
    env: EnvId,
    rests: Vec<(RecipientRef, Rest)>,
    now: Timestamp,
) -> Result<Result<(), FieldProblem>, StoreError> {
    let mut edits = Vec::new();
    for (reference, rest) in rests {
        for (channel, data) in rest.channel_data {
            tx.set_channel_data(env, &reference, channel, &data.to_string(), now).await?;
        }
        for (id, change) in rest.preferences {
            edits.push(PreferenceEdit { reference: reference.clone(), id, change });
        }
    }
    let ids: Vec<String> = edits.iter().map(|edit| edit.id.clone()).collect();
    let written = tx.edit_preferences(env, edits, now).await?;
    let refused = ids.into_iter().zip(written).find_map(|(id, result)| Some((id, result.err()?)));
    Ok(match refused {
        Some((id, limit)) => Err(FieldProblem::new(format!("preferences.{id}"), limit_message(limit))),
        None => Ok(()),
    })
}

/// Why a preference set was not written, for people.
pub fn limit_message(limit: PreferenceLimit) -> String {
    match limit {
        PreferenceLimit::TooLarge => format!("must not exceed {SET_BYTES_MAX} bytes"),
        PreferenceLimit::TooMany => format!("would be one of more than {SETS_MAX} preference sets"),
    }
}

fn too_large() -> FieldProblem {
    FieldProblem::new("", format!("must not exceed {PROPERTIES_BYTES_MAX} bytes of properties"))
}

/// False when applying would leave the stored recipient as it is, so that the browser's `PUT {}` and the trigger that
/// repeats what is known cost a read and no write.
pub fn changes(row: &RecipientRow, upsert: &Upsert) -> bool {
    if !upsert.channel_data.is_empty() || !upsert.preferences.is_empty() {
        return true;
    }
    if upsert.created_at.is_some_and(|at| at != row.created_at) {
        return true;
    }
    if upsert.properties.is_empty() {
        return false;
    }
    let Ok(stored) = serde_json::from_str::<serde_json::Map<_, _>>(&row.properties) else { return true };
    let mut merged = stored.clone();
    merge_properties(&row.reference, &mut merged, upsert.properties.clone());
    merged != stored
}
