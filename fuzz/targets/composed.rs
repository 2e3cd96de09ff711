//! Several texts that meet in one render, divided by byte 1: template, partials `p1` to `p3`, translations as JSON.
#![no_main]

#[path = "../exercise.rs"]
mod exercise;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| exercise::composed(bytes));
