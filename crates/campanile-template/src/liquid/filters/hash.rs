//! Digests as lower-case hex.

use hmac::{Hmac, KeyInit, Mac};
use md5::Md5;
use sha2::{Digest, Sha256};

use super::Filter;
use crate::liquid::value::Value;

pub(super) const FILTERS: &[Filter] = &[
    Filter::new("hmac_sha256", 1, 1, |input, args, _| {
        // The error cannot happen: HMAC takes keys of any length.
        let mut mac =
            Hmac::<Sha256>::new_from_slice(args.text(0).as_bytes()).map_err(|error| error.to_string())?;
        mac.update(input.to_text().as_bytes());
        Ok(hex(&mac.finalize().into_bytes()))
    }),
    Filter::new("md5", 0, 0, |input, _, _| Ok(hex(&Md5::digest(input.to_text().as_bytes())))),
    Filter::new("sha256", 0, 0, |input, _, _| Ok(hex(&Sha256::digest(input.to_text().as_bytes())))),
];

fn hex<'a>(bytes: &[u8]) -> Value<'a> {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into()
}
