//! One template: parse, then render against fixed data. Input: the source, then optionally byte 1 and JSON for `data`.
#![no_main]

#[path = "../exercise.rs"]
mod exercise;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exercise::render(bytes));
