//! How many parts a text message travels in, which is what carriers charge for. A text of the GSM 7-bit alphabet has 160
//! units in one part and 153 in each of several; any other character turns the whole text into UCS-2, with 70 and 67.

use std::fmt;

/// The basic table of GSM 03.38, without the escape.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?\
                     ¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà";
/// The extension table: an escape and one more unit each.
const EXTENSION: &str = "\u{c}^{}\\[~]|€";

/// How the characters of a text message are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// Seven bits a character.
    Gsm7,
    /// Sixteen bits a character, 32 beyond the basic plane.
    Ucs2,
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Gsm7 => "GSM-7",
            Self::Ucs2 => "UCS-2",
        })
    }
}

/// What a text costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segments {
    /// The alphabet that holds all of it.
    pub encoding: Encoding,
    /// Units of that alphabet.
    pub units: usize,
    /// Parts; an empty text still is one.
    pub count: usize,
}

/// Counts the segments of a text as it is sent, tracked links included (delivery.md corner 13).
pub fn segments(text: &str) -> Segments {
    let gsm = || text.chars().map(gsm_units);
    let encoding = if gsm().all(|units| units > 0) { Encoding::Gsm7 } else { Encoding::Ucs2 };
    let (units, count) = match encoding {
        Encoding::Gsm7 => pack(gsm(), 160, 153),
        Encoding::Ucs2 => pack(text.chars().map(char::len_utf16), 70, 67),
    };
    Segments { encoding, units, count }
}

/// Units of a character in the 7-bit alphabet; 0 where it has none.
fn gsm_units(c: char) -> usize {
    if c.is_ascii_alphanumeric() || c == ' ' {
        return 1;
    }
    match c {
        _ if BASIC.contains(c) => 1,
        _ if EXTENSION.contains(c) => 2,
        _ => 0,
    }
}

/// Units and parts. A character of two units never lies across two parts.
fn pack(sizes: impl Iterator<Item = usize>, single: usize, each: usize) -> (usize, usize) {
    let (mut units, mut parts, mut filled) = (0, 1, 0);
    for size in sizes {
        units += size;
        if filled + size > each {
            parts += 1;
            filled = 0;
        }
        filled += size;
    }
    (units, if units <= single { 1 } else { parts })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_units_and_parts() {
        let a = |count| "a".repeat(count);
        for (text, encoding, units, count) in [
            (String::new(), Encoding::Gsm7, 0, 1),
            (a(160), Encoding::Gsm7, 160, 1),
            (a(161), Encoding::Gsm7, 161, 2),
            (a(306), Encoding::Gsm7, 306, 2),
            (a(307), Encoding::Gsm7, 307, 3),
            // The extension table counts double.
            ("€".repeat(80), Encoding::Gsm7, 160, 1),
            ("€".repeat(81), Encoding::Gsm7, 162, 2),
            // An escape and its character stay together: 152 units, then the pair begins the next part.
            (a(152) + "€" + &a(10), Encoding::Gsm7, 164, 2),
            ("[".repeat(153), Encoding::Gsm7, 306, 3),
            ("{}\\|~^\u{c}".to_owned(), Encoding::Gsm7, 14, 1),
            ("äöüÄÖÜßñΔΩ@£\n\r".to_owned(), Encoding::Gsm7, 14, 1),
            // `ç` is no character of the alphabet, `Ç` is.
            ("ç".to_owned(), Encoding::Ucs2, 1, 1),
            ("Ç".to_owned(), Encoding::Gsm7, 1, 1),
            ("я".repeat(70), Encoding::Ucs2, 70, 1),
            ("я".repeat(71), Encoding::Ucs2, 71, 2),
            ("я".repeat(134), Encoding::Ucs2, 134, 2),
            ("я".repeat(135), Encoding::Ucs2, 135, 3),
            // Two halves of one character stay together, too.
            ("я".repeat(66) + "😀" + &"я".repeat(10), Encoding::Ucs2, 78, 2),
            ("😀".repeat(35), Encoding::Ucs2, 70, 1),
            ("😀".repeat(67), Encoding::Ucs2, 134, 3),
            (a(159) + "’", Encoding::Ucs2, 160, 3),
        ] {
            assert_eq!(segments(&text), Segments { encoding, units, count }, "{text}");
        }
    }

    #[test]
    fn the_alphabet_is_whole() {
        // 128 places, without the escape.
        assert_eq!(BASIC.chars().count(), 127);
        assert_eq!(EXTENSION.chars().count(), 10);
    }
}
