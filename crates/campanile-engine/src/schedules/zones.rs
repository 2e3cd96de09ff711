//! Recurring schedules follow their recipient's zone (S46).

use std::collections::HashMap;

use campanile_core::ids::EnvId;
use campanile_core::time::Timestamp;
use campanile_core::window::{is_zone, zone_named};
use campanile_store::{RecipientRow, StoreError, Tx};
use serde::Deserialize;
use uuid::Uuid;

use super::recurrence;

/// Zone of recipients that name none, or one that nobody knows (R6.4).
const ZONE: &str = "Etc/UTC";

#[derive(Deserialize)]
struct Zoned {
    timezone: Option<String>,
}

/// The zone of a recipient.
pub(super) fn zone_in(row: &RecipientRow) -> String {
    let zoned = serde_json::from_str::<Zoned>(&row.properties).ok();
    let named = zoned.and_then(|zoned| zoned.timezone).filter(|name| is_zone(name));
    named.unwrap_or_else(|| ZONE.to_owned())
}

/// The zones of those recipients that exist, by key.
pub(super) async fn known(
    tx: &mut Tx<'_>,
    env: EnvId,
    keys: Vec<String>,
) -> Result<HashMap<String, String>, StoreError> {
    let rows = tx.recipients(env, keys).await?;
    Ok(rows.iter().map(|row| (row.reference.key(), zone_in(row))).collect())
}

/// The zone of somebody who may not exist yet.
pub(super) fn zone_of<'z>(known: &'z HashMap<String, String>, recipient: &str) -> &'z str {
    known.get(recipient).map_or(ZONE, String::as_str)
}

/// Computes the occurrences ahead anew, for recipients whose zone is no longer the one they were computed in. Part of
/// the transaction that writes the recipients.
pub(crate) async fn follow_zones(
    tx: &mut Tx<'_>,
    env: EnvId,
    recipients: &[&RecipientRow],
    now: Timestamp,
) -> Result<(), StoreError> {
    let zones: HashMap<String, String> =
        recipients.iter().map(|row| (row.reference.key(), zone_in(row))).collect();
    let found = tx.schedule_zones(env, zones.keys().cloned().collect()).await?;
    let moved: Vec<Uuid> = found
        .into_iter()
        .filter(|(_, recipient, zone)| zones.get(recipient).is_some_and(|now| now != zone))
        .map(|(id, ..)| id)
        .collect();
    if moved.is_empty() {
        return Ok(());
    }
    let mut rows = tx.take_schedules(env, &moved).await?;
    for row in &mut rows {
        zone_of(&zones, &row.recipient).clone_into(&mut row.zone);
        let recurrence = recurrence(row)?;
        // One that is due already fires as it was, and the one after it follows the new zone.
        if !recurrence.rules.is_empty() && row.next_at.is_some_and(|at| at > now) {
            row.next_at = recurrence.first(now, &zone_named(&row.zone));
        }
    }
    tx.save_schedules(&rows).await
}
