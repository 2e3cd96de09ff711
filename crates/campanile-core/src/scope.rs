//! What templates and conditions can read.

use serde_json::Value;

/// Named roots (`data`, `recipient`, `actor`, `tenant`, `vars`, `workflow`, `run`, `refs`, …) of one run.
/// Borrowed, never copied: an implementation may build a root when it is first asked for.
pub trait Scope {
    /// The value of a root, or `None` when this run has none by that name.
    fn root(&self, name: &str) -> Option<&Value>;
}

/// A JSON object whose members are the roots: for tests, previews and validation.
impl Scope for Value {
    fn root(&self, name: &str) -> Option<&Value> {
        self.get(name)
    }
}

/// Follows a dotted path (`data.items.0.name`) from the roots. `None` means absent, which is not null.
pub fn lookup<'s>(scope: &'s dyn Scope, path: &str) -> Option<&'s Value> {
    let mut parts = path.split('.');
    let mut value = scope.root(parts.next()?)?;
    for part in parts {
        value = match value {
            Value::Object(map) => map.get(part)?,
            Value::Array(list) => list.get(part.parse::<usize>().ok()?)?,
            _ => return None,
        };
    }
    Some(value)
}
