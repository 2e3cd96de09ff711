//! `exclude`: paths that are left out of the answer (IA6.2).

use campanile_channels::response_filter::remove_path;
use serde_json::Value;

const PARTS_MAX: usize = 3;

/// Paths to leave out.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Excluded(Vec<Vec<String>>);

impl Excluded {
    /// Reads a comma-separated list; `None` when a path is too deep.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut paths = Vec::new();
        for path in text.split(',').map(str::trim).filter(|path| !path.is_empty()) {
            let parts: Vec<String> = path.split('.').map(str::to_owned).collect();
            if parts.len() > PARTS_MAX {
                return None;
            }
            paths.push(parts);
        }
        Some(Self(paths))
    }

    /// Removes them; lists are entered, unknown paths ignored.
    pub(super) fn remove_from(&self, body: &mut Value) {
        for path in &self.0 {
            remove_path(body, path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn leaves_paths_out() {
        let body =
            json!({"meta":{"n":1},"entries":[{"id":"a","source":{"key":"k","v":1}},{"id":"b","x":null}]});
        for (text, want) in [
            ("", body.clone()),
            ("nothing,meta.n.deep", body.clone()),
            ("meta,entries.id", json!({"entries":[{"source":{"key":"k","v":1}},{"x":null}]})),
            (
                " entries.source.key , meta.n",
                json!({"meta":{},"entries":[{"id":"a","source":{"v":1}},{"id":"b","x":null}]}),
            ),
        ] {
            let mut left = body.clone();
            Excluded::parse(text).unwrap().remove_from(&mut left);
            assert_eq!(left, want, "{text}");
        }
        assert_eq!(Excluded::parse("a.b.c.d"), None);
    }
}
