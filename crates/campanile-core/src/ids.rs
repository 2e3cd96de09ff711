//! Identifiers: what they look like is fixed by the wire, how they sort is ours.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use aws_lc_rs::digest;
use uuid::Uuid;

use crate::time::Timestamp;

/// An environment inside this installation; small, because it leads every index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EnvId(pub i64);

/// A channel inside this installation; its UUID is for the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChannelId(pub i64);

/// Seconds between 1970 and the KSUID epoch.
const KSUID_EPOCH: i64 = 1_400_000_000;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// A K-sortable id: 32 bits of seconds, then 128 bits that we split into 20 bits of microseconds and 108 bits
/// of a hash, so that ids sort as their instants do and one id serves as list cursor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ksuid(pub [u8; 20]);

impl Ksuid {
    /// The smallest id of an instant: the bound for `inserted_at` filters.
    pub fn floor(at: Timestamp) -> Self {
        let mut id = [0u8; 20];
        let seconds = (at.0.div_euclid(1_000_000) - KSUID_EPOCH).clamp(0, i64::from(u32::MAX)) as u32;
        let micros = at.0.rem_euclid(1_000_000) as u32;
        id[..4].copy_from_slice(&seconds.to_be_bytes());
        id[4..7].copy_from_slice(&(micros << 4).to_be_bytes()[1..]);
        Self(id)
    }

    /// The id of the thing named by `parts` made at `at`: the same parts and instant give the same id, which is
    /// how a step executed twice meets the unique key instead of making a twin (promise P2).
    pub fn derived(at: Timestamp, parts: &[&[u8]]) -> Self {
        let mut hash = digest::Context::new(&digest::SHA256);
        for part in parts {
            hash.update(&(part.len() as u32).to_be_bytes());
            hash.update(part);
        }
        let hash = hash.finish();
        let mut id = Self::floor(at);
        id.0[6] |= hash.as_ref()[0] & 0x0f;
        id.0[7..].copy_from_slice(&hash.as_ref()[1..14]);
        id
    }

    /// A fresh id at `at`.
    pub fn random(at: Timestamp) -> Self {
        let noise = Uuid::new_v4();
        Self::derived(at, &[noise.as_bytes()])
    }

    /// The instant in the id, to the microsecond.
    pub fn at(&self) -> Timestamp {
        let seconds = u32::from_be_bytes([self.0[0], self.0[1], self.0[2], self.0[3]]);
        let micros = u32::from_be_bytes([0, self.0[4], self.0[5], self.0[6]]) >> 4;
        Timestamp((i64::from(seconds) + KSUID_EPOCH) * 1_000_000 + i64::from(micros))
    }
}

impl fmt::Display for Ksuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Base 62 by repeated division of five 32-bit limbs; 27 digits hold 160 bits.
        let mut limbs = [0u32; 5];
        for (limb, bytes) in limbs.iter_mut().zip(self.0.chunks_exact(4)) {
            *limb = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]);
        }
        let mut digits = [b'0'; 27];
        for digit in digits.iter_mut().rev() {
            let mut rest = 0u64;
            for limb in &mut limbs {
                let value = (rest << 32) | u64::from(*limb);
                *limb = (value / 62) as u32;
                rest = value % 62;
            }
            *digit = BASE62[rest as usize];
        }
        f.write_str(std::str::from_utf8(&digits).expect("base 62 digits are ASCII"))
    }
}

impl fmt::Debug for Ksuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not an id of the expected form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("is not a valid id")]
pub struct InvalidId;

impl FromStr for Ksuid {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.len() != 27 {
            return Err(InvalidId);
        }
        let mut limbs = [0u32; 5];
        for byte in text.bytes() {
            let digit = match byte {
                b'0'..=b'9' => byte - b'0',
                b'A'..=b'Z' => byte - b'A' + 10,
                b'a'..=b'z' => byte - b'a' + 36,
                _ => return Err(InvalidId),
            };
            let mut carry = u64::from(digit);
            for limb in limbs.iter_mut().rev() {
                let value = u64::from(*limb) * 62 + carry;
                *limb = value as u32;
                carry = value >> 32;
            }
            if carry != 0 {
                return Err(InvalidId);
            }
        }
        let mut id = [0u8; 20];
        for (bytes, limb) in id.chunks_exact_mut(4).zip(limbs) {
            bytes.copy_from_slice(&limb.to_be_bytes());
        }
        Ok(Self(id))
    }
}

impl serde::Serialize for Ksuid {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Keeps ids that one process makes within a millisecond in the order of their making.
static RUN_SEQUENCE: AtomicU64 = AtomicU64::new(0);

/// A fresh workflow run id: a UUID of version 4 as the wire demands, whose first 60 bits are the clock (48 bits of
/// milliseconds, 12 of a counter), so that rows land at the end of their index and list in order.
pub fn new_run_id(at: Timestamp) -> Uuid {
    let now = (at.millis().max(0) as u64) << 12;
    let mut last = RUN_SEQUENCE.load(Ordering::Relaxed);
    let sequence = loop {
        let next = now.max(last + 1);
        match RUN_SEQUENCE.compare_exchange_weak(last, next, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => break next,
            Err(seen) => last = seen,
        }
    };
    let mut bytes = *Uuid::new_v4().as_bytes();
    let ms = sequence >> 12;
    let counter = (sequence & 0xfff) as u16;
    bytes[..6].copy_from_slice(&ms.to_be_bytes()[2..]);
    bytes[6] = 0x40 | (counter >> 8) as u8;
    bytes[7] = counter as u8;
    bytes[8] = (bytes[8] & 0x3f) | 0x80;
    Uuid::from_bytes(bytes)
}

/// The id of the run named by `parts` that begins at `at`: looks like a fresh one and sorts like one, but the same
/// parts and instant give the same id.
pub fn derived_run_id(at: Timestamp, parts: &[&[u8]]) -> Uuid {
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&(at.millis().max(0) as u64).to_be_bytes()[2..]);
    bytes[6..].copy_from_slice(&Ksuid::derived(at, parts).0[10..]);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    Uuid::from_bytes(bytes)
}

/// The id of one recipient's run (workflows.md S1): UUIDv5 of the run id and the recipient's GID.
pub fn recipient_run_id(run: Uuid, gid: &str) -> Uuid {
    Uuid::new_v5(&run, gid.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ksuid_prints_and_reads() {
        let at = Timestamp(1_700_000_000_123_456);
        let id = Ksuid::derived(at, &[b"run", b"step"]);
        let text = id.to_string();
        assert_eq!(text.len(), 27);
        assert_eq!(text.parse::<Ksuid>(), Ok(id));
        assert_eq!(id.at(), at);
        assert_eq!(id, Ksuid::derived(at, &[b"run", b"step"]));
        assert_ne!(id, Ksuid::derived(at, &[b"runs", b"tep"]));
        assert!(Ksuid::floor(at) <= id && id < Ksuid::floor(Timestamp(at.0 + 1)));
    }

    #[test]
    fn ksuid_refuses_foreign_text() {
        for text in ["", "abc", "1jNaXzB2RZX3LY8wVQnfCKyPnv!", "zzzzzzzzzzzzzzzzzzzzzzzzzzz"] {
            assert_eq!(text.parse::<Ksuid>(), Err(InvalidId), "{text}");
        }
    }

    #[test]
    fn run_ids_are_version_4_and_sort_by_making() {
        let at = Timestamp(1_700_000_000_000_000);
        let ids: Vec<Uuid> = (0..10_000).map(|_| new_run_id(at)).collect();
        assert!(ids.is_sorted());
        assert!(ids.iter().all(|id| id.get_version_num() == 4));
    }

    #[test]
    fn derived_run_ids_look_and_sort_like_fresh_ones() {
        let at = Timestamp(1_700_000_000_000_000);
        let id = derived_run_id(at, &[b"schedule"]);
        assert_eq!(id, derived_run_id(at, &[b"schedule"]));
        assert_ne!(id, derived_run_id(at, &[b"another"]));
        assert_eq!(id.get_version_num(), 4);
        assert!(
            id < new_run_id(Timestamp(at.0 + 1_000_000))
                && id > derived_run_id(Timestamp(at.0 - 1_000), &[b"x"])
        );
    }

    #[test]
    fn recipient_run_id_matches_the_page() {
        let run = Uuid::parse_str("05f8a70d-e42a-46dc-86fa-aada5752f6cf").unwrap();
        let id = recipient_run_id(run, "gid://Object/$users/jhammond");
        assert_eq!(id.to_string(), "54396adb-829f-5d25-aacb-48dde501f0f9");
    }
}
