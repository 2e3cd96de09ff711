//! What a feed's answers show of variables, actors, recipients and data (in-app.md IA6.1). Pure.

use serde_json::{Map, Value};

use crate::setting::Settings;

/// Longest list of paths, and most parts of one path.
const PATHS_MAX: usize = 100;
const PARTS_MAX: usize = 16;

/// The filter of one channel in one environment. Everything is shown until it says otherwise.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct ResponseFilter {
    /// The environment's public variables.
    pub vars: Shown,
    /// Actors, of items and of activities.
    pub actor: Shown,
    /// Recipients of activities.
    pub recipient: Shown,
    /// Trigger data, of items and of activities.
    pub data: Shown,
}

/// How much of a value is shown.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub enum Shown {
    /// All of it.
    #[default]
    Whole,
    /// Nothing.
    Nothing,
    /// What these dotted paths lead to.
    Only(Vec<Path>),
    /// Everything but that.
    Except(Vec<Path>),
}

type Path = Vec<String>;

impl ResponseFilter {
    /// The filter among a channel's settings. A part that cannot be read shows nothing: what was to be hidden stays so.
    pub fn of(settings: &Settings) -> Self {
        let part =
            |name| settings.get(name).map_or(Shown::Whole, |v| Shown::read(v).unwrap_or(Shown::Nothing));
        Self { vars: part("vars"), actor: part("actor"), recipient: part("recipient"), data: part("data") }
    }
}

impl Shown {
    /// Reads a boolean, `{"only": [paths]}` or `{"except": [paths]}`.
    pub fn read(value: &Value) -> Result<Self, &'static str> {
        let map = match value {
            Value::Null | Value::Bool(true) => return Ok(Self::Whole),
            Value::Bool(false) => return Ok(Self::Nothing),
            Value::Object(map) => map,
            _ => return Err("must be true, false, or an object with only or except"),
        };
        match (map.get("only"), map.get("except")) {
            (Some(_), Some(_)) => Err("must not have both only and except"),
            _ if map.len() != 1 => Err("must have only or except"),
            (Some(list), None) => paths(list).map(Self::Only),
            (None, Some(list)) => paths(list).map(Self::Except),
            (None, None) => Err("must have only or except"),
        }
    }

    /// What is left of a value; `None` when it is not shown at all.
    pub fn of(&self, mut value: Value) -> Option<Value> {
        match self {
            Self::Whole => Some(value),
            Self::Nothing => None,
            Self::Only(paths) => {
                let paths: Vec<&[String]> = paths.iter().map(Vec::as_slice).collect();
                Some(only(value, &paths))
            }
            Self::Except(paths) => {
                paths.iter().for_each(|path| remove_path(&mut value, path));
                Some(value)
            }
        }
    }
}

fn paths(list: &Value) -> Result<Vec<Path>, &'static str> {
    const WRONG: &str = "only and except must be lists of paths";
    let list = list.as_array().filter(|list| list.len() <= PATHS_MAX).ok_or(WRONG)?;
    list.iter()
        .map(|path| {
            let parts: Path = path.as_str()?.split('.').map(|part| part.trim().to_owned()).collect();
            (parts.len() <= PARTS_MAX && parts.iter().all(|part| !part.is_empty())).then_some(parts)
        })
        .collect::<Option<_>>()
        .ok_or(WRONG)
}

/// Lists are entered; what no path leads to is gone.
fn only(value: Value, paths: &[&[String]]) -> Value {
    if paths.iter().any(|path| path.is_empty()) {
        return value;
    }
    match value {
        Value::Array(items) => items.into_iter().map(|item| only(item, paths)).collect(),
        Value::Object(map) => {
            let mut kept = Map::new();
            for (key, inner) in map {
                let rest: Vec<&[String]> =
                    paths.iter().filter(|path| path[0] == key).map(|path| &path[1..]).collect();
                if !rest.is_empty() {
                    kept.insert(key, only(inner, &rest));
                }
            }
            Value::Object(kept)
        }
        // The path leads on, the value does not: there is nothing at its end.
        _ => Value::Null,
    }
}

/// Removes what a path leads to; lists are entered, an unknown path is ignored.
pub fn remove_path(value: &mut Value, path: &[String]) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| remove_path(item, path)),
        Value::Object(map) => match path {
            [] => {}
            [last] => drop(map.remove(last)),
            [first, rest @ ..] => {
                if let Some(inner) = map.get_mut(first) {
                    remove_path(inner, rest);
                }
            }
        },
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn shows_what_is_asked_for() {
        let actor = json!({"id":"u2","name":"Bo","email":"b@x.io","card":{"last4":"4242","brand":"visa"},
            "teams":[{"id":1,"secret":2},{"id":3}]});
        for (filter, want) in [
            (json!(true), Some(actor.clone())),
            (json!(null), Some(actor.clone())),
            (json!(false), None),
            (json!({"only":["id","name"]}), Some(json!({"id":"u2","name":"Bo"}))),
            (
                json!({"except":["email","card.last4","teams.secret","no.such"]}),
                Some(json!({"id":"u2","name":"Bo","card":{"brand":"visa"},"teams":[{"id":1},{"id":3}]})),
            ),
            (
                json!({"only":["card.brand","teams.id","name.deep"]}),
                Some(json!({"card":{"brand":"visa"},"teams":[{"id":1},{"id":3}],"name":null})),
            ),
            (json!({"only":["card","card.brand"]}), Some(json!({"card":actor["card"]}))),
            (json!({"only":[]}), Some(json!({}))),
        ] {
            assert_eq!(Shown::read(&filter).unwrap().of(actor.clone()), want, "{filter}");
        }
    }

    #[test]
    fn refuses_what_it_cannot_read_and_then_shows_nothing() {
        for wrong in [
            json!("all"),
            json!(1),
            json!([]),
            json!({}),
            json!({"only":["a"],"except":["b"]}),
            json!({"only":["a"],"more":1}),
            json!({"only":"a"}),
            json!({"only":["a..b"]}),
            json!({"except":[1]}),
            json!({"except":[vec!["a"; 17].join(".")]}),
            json!({"except":vec!["a"; 101]}),
        ] {
            assert!(Shown::read(&wrong).is_err(), "{wrong}");
            let settings = json!({"data": wrong}).as_object().cloned().unwrap();
            assert_eq!(ResponseFilter::of(&settings).data, Shown::Nothing);
        }
        assert_eq!(ResponseFilter::of(&Settings::new()), ResponseFilter::default());
    }
}
