//! Request ids (api-conventions.md A4.2): 20 URL-safe characters that begin with the instant, so that the log of a
//! request is found by its id alone and the newest logs lie together.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use campanile_core::time::Timestamp;
use campanile_store::LOG_ID_BYTES;

/// Tells the ids of nodes apart that were made in the same microsecond.
static NODE: LazyLock<[u8; 5]> = LazyLock::new(|| {
    let mut node = [0u8; 5];
    node.copy_from_slice(&uuid::Uuid::new_v4().as_bytes()[..5]);
    node
});
/// Tells the ids of one node apart; goes around after sixteen million.
static COUNTER: AtomicU32 = AtomicU32::new(0);

/// A new id.
pub(crate) fn fresh(now: Timestamp) -> String {
    let mut id = [0u8; LOG_ID_BYTES];
    id[..7].copy_from_slice(&now.0.max(0).to_be_bytes()[1..]);
    id[7..10].copy_from_slice(&COUNTER.fetch_add(1, Ordering::Relaxed).to_be_bytes()[1..]);
    id[10..].copy_from_slice(&*NODE);
    URL_SAFE_NO_PAD.encode(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_instant_differ_and_sort_as_they_came() {
        let ids: Vec<_> = (0..1_000)
            .map(|_| URL_SAFE_NO_PAD.decode(fresh(Timestamp(1_772_442_000_000_000))).unwrap())
            .collect();
        // The counter may go around once.
        assert!(ids.windows(2).filter(|pair| pair[0] >= pair[1]).count() <= 1);
        assert_eq!(fresh(Timestamp(0)).len(), 20);
    }
}
