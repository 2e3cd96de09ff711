//! Base64 and URL encoding.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{Filter, FilterFn};
use crate::liquid::value::Value;

/// Padding is written, and not asked for when reading.
const LENIENT: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, LENIENT);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, LENIENT);

const BASE64_DECODE: FilterFn = |input, _, _| decode(&STANDARD, &input);
const BASE64_URL_DECODE: FilterFn = |input, _, _| decode(&URL_SAFE, &input);

pub(super) const FILTERS: &[Filter] = &[
    Filter::new("base64_decode", 0, 0, BASE64_DECODE),
    Filter::new("base64_encode", 0, 0, |input, _, _| Ok(STANDARD.encode(&*input.to_text()).into())),
    Filter::new("base64_url_safe_decode", 0, 0, BASE64_URL_DECODE),
    Filter::new("base64_url_safe_encode", 0, 0, |input, _, _| Ok(URL_SAFE.encode(&*input.to_text()).into())),
    Filter::new("url_decode", 0, 0, |input, _, _| Ok(url_decode(&input.to_text()).into())),
    Filter::new("url_encode", 0, 0, |input, _, _| Ok(url_encode(&input.to_text()).into())),
];

fn decode<'a>(engine: &GeneralPurpose, input: &Value<'a>) -> Result<Value<'a>, String> {
    let bytes = engine.decode(input.to_text().trim()).map_err(|_| "input is not base64".to_owned())?;
    Ok(String::from_utf8_lossy(&bytes).into_owned().into())
}

/// Form encoding: space is `+`.
fn url_encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + text.len() / 4);
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte as char),
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn url_decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let hex = |at: usize| bytes.get(at).and_then(|b| (*b as char).to_digit(16));
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at += 1;
        match (byte, hex(at), hex(at + 1)) {
            (b'%', Some(high), Some(low)) => {
                out.push((high * 16 + low) as u8);
                at += 2;
            }
            (b'+', ..) => out.push(b' '),
            _ => out.push(*byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}
