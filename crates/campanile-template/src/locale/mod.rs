//! Numbers, money and dates as people of a locale write them, from Unicode CLDR (templates.md 2.7).
//!
//! The data is text (`locales.tsv`, made by `generate.py`): a locale is read when it is first asked for, and kept.

mod date;
mod number;

use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde::Deserialize;

pub(crate) use date::Style;
pub(crate) use number::{Fraction, decimal, money};

const LOCALES: &str = include_str!("locales.tsv");
const ZONES: &str = include_str!("zones.tsv");
/// The line with currencies whose number of fraction digits is not 2.
const CURRENCIES: &str = "*";
/// What an unknown language is written in (S11).
const FALLBACK: &str = "en";

/// Standard and daylight name of a zone.
type Names = [Option<String>; 2];

/// One locale's words and patterns, named as in `generate.py`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Locale {
    months: Vec<String>,
    mon: Vec<String>,
    days: Vec<String>,
    ampm: Vec<String>,
    era: String,
    /// Patterns by style: short, medium, long, full.
    date: Vec<String>,
    time: Vec<String>,
    join: Vec<String>,
    /// Ten digits, or nothing for the Latin ones.
    digits: String,
    decimal: String,
    group: String,
    minus: String,
    mingroup: usize,
    number: String,
    money: String,
    moneyalpha: String,
    signs: BTreeMap<String, String>,
    gmt: String,
    /// Long and short.
    utc: Names,
    bst: Names,
    zl: BTreeMap<String, Names>,
    zs: BTreeMap<String, Names>,
}

impl Locale {
    /// The locale of a tag; an unlisted region falls back to its language, an unknown language to English (T2.18).
    pub(crate) fn of(tag: &str) -> &'static Self {
        static KNOWN: OnceLock<Vec<(&str, &str, OnceLock<Locale>)>> = OnceLock::new();
        let known = KNOWN.get_or_init(|| {
            let lines = LOCALES.lines().filter_map(|line| line.split_once('\t'));
            lines.map(|(tag, fields)| (tag, fields, OnceLock::new())).collect()
        });
        let tag = tag.trim().replace('_', "-");
        let language = tag.split('-').next().unwrap_or_default();
        let names = [tag.as_str(), language, FALLBACK];
        let find = |name: &&str| known.iter().find(|(listed, ..)| listed.eq_ignore_ascii_case(name));
        static EMPTY: OnceLock<Locale> = OnceLock::new();
        match names.iter().filter(|name| **name != CURRENCIES).find_map(find) {
            // A test reads every line; should one ever be wrong, its patterns are empty.
            Some((_, fields, read)) => read.get_or_init(|| serde_json::from_str(fields).unwrap_or_default()),
            None => EMPTY.get_or_init(Self::default),
        }
    }

    /// Digits of the locale in place of the Latin ones.
    fn digits(&self, text: &str) -> String {
        if self.digits.is_empty() {
            return text.to_owned();
        }
        let own: Vec<char> = self.digits.chars().collect();
        let digit = |c: char| c.to_digit(10).and_then(|n| own.get(n as usize).copied()).unwrap_or(c);
        text.chars().map(digit).collect()
    }
}

/// Fraction digits of a currency (T2.19).
fn fraction_digits(currency: &str) -> u32 {
    static KNOWN: OnceLock<BTreeMap<String, u32>> = OnceLock::new();
    let known = KNOWN.get_or_init(|| {
        let lines = LOCALES.lines().filter_map(|line| line.split_once('\t'));
        let found = lines.filter(|(tag, _)| *tag == CURRENCIES).map(|(_, fields)| fields).next();
        found.and_then(|fields| serde_json::from_str(fields).ok()).unwrap_or_default()
    });
    known.get(currency).copied().unwrap_or(2)
}

/// The group of zones that share their names today, `America_Eastern`.
fn metazone(zone: &str) -> Option<&'static str> {
    let lines = ZONES.lines().filter_map(|line| line.split_once('\t'));
    lines.into_iter().find(|(name, _)| *name == zone).map(|(_, metazone)| metazone)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_locale_is_whole() {
        for (tag, fields) in LOCALES.lines().filter_map(|line| line.split_once('\t')).skip(1) {
            let locale: Locale =
                serde_json::from_str(fields).unwrap_or_else(|error| panic!("{tag}: {error}"));
            assert_eq!((locale.months.len(), locale.mon.len(), locale.days.len()), (12, 12, 7), "{tag}");
            assert_eq!((locale.date.len(), locale.time.len(), locale.join.len()), (4, 4, 4), "{tag}");
            assert!([0, 10].contains(&locale.digits.chars().count()), "{tag}");
            assert!(locale.number.contains('0') && locale.money.contains('¤'), "{tag}");
        }
    }

    #[test]
    fn tags_fall_back_region_by_region() {
        let same = |a: &str, b: &str| std::ptr::eq(Locale::of(a), Locale::of(b));
        for (asked, given) in [
            ("de-AT", "de"),
            ("de_DE", "de"),
            ("EN-us", "en"),
            ("en-gb", "en-GB"),
            ("xx", "en"),
            ("", "en"),
            ("*", "en"),
            ("zh-CN", "zh"),
            ("zh-Hans", "zh"),
            ("zh_Hant", "zh-Hant"),
        ] {
            assert!(same(asked, given), "{asked}");
        }
        assert!(!same("en", "en-GB"));
    }
}
