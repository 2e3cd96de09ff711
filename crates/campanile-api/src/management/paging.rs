//! Pages of lists that are in memory as a whole, by the rules of A6.6.

use campanile_store::{Cursor, Direction, Page, PageRequest};

/// One page of `all`, which ascends by `key`.
pub(crate) fn page_of<T: Clone>(all: &[T], request: &PageRequest, key: impl Fn(&T) -> Vec<u8>) -> Page<T> {
    let (from, until) = match &request.cursor {
        None => (0, request.size),
        Some((Direction::After, cursor)) => {
            let from = all.partition_point(|item| key(item) <= cursor.0);
            (from, from.saturating_add(request.size))
        }
        Some((Direction::Before, cursor)) => {
            let until = all.partition_point(|item| key(item) < cursor.0);
            (until.saturating_sub(request.size), until)
        }
    };
    let until = until.min(all.len());
    let items = all[from..until].to_vec();
    let first = items.first().map(|item| Cursor(key(item)));
    let last = items.last().map(|item| Cursor(key(item)));
    let (before, after) = match &request.cursor {
        None => (None, last.filter(|_| until < all.len())),
        Some((Direction::After, _)) => (first, last.filter(|_| until < all.len())),
        Some((Direction::Before, _)) => (first.filter(|_| from > 0), last),
    };
    Page { items, after, before }
}

/// A number as a key that sorts like it.
pub(crate) fn number_key(number: i64) -> Vec<u8> {
    (number ^ i64::MIN).to_be_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_the_null_rules() {
        let all = [-1i64, 2, 3, 4, 5];
        let at = |direction, n| Some((direction, Cursor(number_key(n))));
        let (after, before) = (Direction::After, Direction::Before);
        for (cursor, items, want_before, want_after) in [
            (None, vec![-1, 2], None, Some(2)),
            (at(after, 2), vec![3, 4], Some(3), Some(4)),
            (at(after, 4), vec![5], Some(5), None),
            (at(after, 5), vec![], None, None),
            (at(before, 5), vec![3, 4], Some(3), Some(4)),
            (at(before, 3), vec![-1, 2], None, Some(2)),
            (at(before, 2), vec![-1], None, Some(-1)),
            (at(before, -1), vec![], None, None),
        ] {
            let page = page_of(&all, &PageRequest { cursor: cursor.clone(), size: 2 }, |n| number_key(*n));
            assert_eq!(page.items, items, "{cursor:?}");
            assert_eq!(page.before, want_before.map(|n| Cursor(number_key(n))), "{cursor:?}");
            assert_eq!(page.after, want_after.map(|n| Cursor(number_key(n))), "{cursor:?}");
        }
        assert!(page_of(&[], &PageRequest::first(5), |n: &i64| number_key(*n)).items.is_empty());
    }
}
