//! Cursor pagination: rows by value, never by position (api-conventions.md section 6).

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Which way a page reads from its cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Older rows, in list order.
    After,
    /// The rows nearest before the cursor, in list order.
    Before,
}

/// The sort key of one row of one list, as bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub Vec<u8>);

/// A page as asked for.
#[derive(Debug, Clone)]
pub struct PageRequest {
    /// Where to start, or the beginning.
    pub cursor: Option<(Direction, Cursor)>,
    /// Rows wanted.
    pub size: usize,
}

/// A page as answered: rows in list order and the cursors that lead on.
#[derive(Debug, Clone)]
pub struct Page<T> {
    /// In list order.
    pub items: Vec<T>,
    /// Leads to older rows, when there are any.
    pub after: Option<Cursor>,
    /// Leads to newer rows.
    pub before: Option<Cursor>,
}

impl PageRequest {
    /// The first page.
    pub fn first(size: usize) -> Self {
        Self { cursor: None, size }
    }

    /// True when rows must be read in the order opposite to the list.
    pub(crate) fn is_backward(&self) -> bool {
        matches!(self.cursor, Some((Direction::Before, _)))
    }

    pub(crate) fn key(&self) -> Option<&[u8]> {
        self.cursor.as_ref().map(|(_, cursor)| cursor.0.as_slice())
    }

    /// Makes a page of `rows`, which were read in this request's reading order with one row more than `size`, by the
    /// null rules of A6.6.
    pub(crate) fn page<T>(&self, mut rows: Vec<T>, key: impl Fn(&T) -> Vec<u8>) -> Page<T> {
        let more = rows.len() > self.size;
        rows.truncate(self.size);
        if self.is_backward() {
            rows.reverse();
        }
        let first = rows.first().map(|row| Cursor(key(row)));
        let last = rows.last().map(|row| Cursor(key(row)));
        let (before, after) = match self.cursor {
            None => (None, last.filter(|_| more)),
            Some((Direction::After, _)) => (first, last.filter(|_| more)),
            Some((Direction::Before, _)) => (first.filter(|_| more), last),
        };
        Page { items: rows, after, before }
    }
}

impl Cursor {
    const TAG_LEN: usize = 8;

    /// The text for the wire: bound to its list, so that a cursor of another list or a forged one is refused.
    pub fn encode(&self, list: &str, key: &hmac::Key) -> String {
        let mut bytes = Self::tag(list, &self.0, key);
        bytes.extend_from_slice(&self.0);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads a text made by [`Cursor::encode`] for the same list.
    pub fn decode(text: &str, list: &str, key: &hmac::Key) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (tag, value) = bytes.split_at_checked(Self::TAG_LEN)?;
        (Self::tag(list, value, key) == tag).then(|| Self(value.to_vec()))
    }

    fn tag(list: &str, value: &[u8], key: &hmac::Key) -> Vec<u8> {
        let mut context = hmac::Context::with_key(key);
        context.update(list.as_bytes());
        context.update(&[0]);
        context.update(value);
        context.sign().as_ref()[..Self::TAG_LEN].to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cursor(n: u8) -> Option<Cursor> {
        Some(Cursor(vec![n]))
    }

    /// What a list 1…5 answers, in the reading order that a statement would give.
    fn list(request: &PageRequest) -> Page<u8> {
        let all = [1u8, 2, 3, 4, 5];
        let rows: Vec<u8> = match &request.cursor {
            None => all.to_vec(),
            Some((Direction::After, c)) => all.into_iter().filter(|n| *n > c.0[0]).collect(),
            Some((Direction::Before, c)) => all.into_iter().filter(|n| *n < c.0[0]).rev().collect(),
        };
        request.page(rows.into_iter().take(request.size + 1).collect(), |n| vec![*n])
    }

    #[test]
    fn follows_the_null_rules() {
        let at = |direction, n| Some((direction, Cursor(vec![n])));
        for (cursor_in, items, before, after) in [
            (None, vec![1, 2], None, cursor(2)),
            (at(Direction::After, 2), vec![3, 4], cursor(3), cursor(4)),
            (at(Direction::After, 4), vec![5], cursor(5), None),
            (at(Direction::After, 5), vec![], None, None),
            (at(Direction::Before, 5), vec![3, 4], cursor(3), cursor(4)),
            (at(Direction::Before, 3), vec![1, 2], None, cursor(2)),
            (at(Direction::Before, 2), vec![1], None, cursor(1)),
        ] {
            let page = list(&PageRequest { cursor: cursor_in.clone(), size: 2 });
            assert_eq!((page.items, page.before, page.after), (items, before, after), "{cursor_in:?}");
        }
    }

    #[test]
    fn refuses_foreign_cursors() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"k");
        let text = Cursor(vec![1, 2, 3]).encode("users", &key);
        assert_eq!(Cursor::decode(&text, "users", &key), Some(Cursor(vec![1, 2, 3])));
        assert_eq!(Cursor::decode(&text, "tenants", &key), None);
        assert_eq!(Cursor::decode("AAAA", "users", &key), None);
        assert_eq!(Cursor::decode("!", "users", &key), None);
    }
}
