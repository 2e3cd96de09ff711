//! What a render may look up beyond its scope, and what it noted on the way (templates.md 2.8, S4, S16).
//!
//! Rendering does no I/O: a data filter that meets something not loaded yet writes it down and fails. The caller loads
//! everything that was written down with one query per kind and renders again.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::{Mutex, PoisonError};

use serde_json::Value as Json;

/// Distinct things that one render may load (T2.22).
pub const LOADS_MAX: usize = 50;
/// Warnings kept of one activation.
const WARNINGS_MAX: usize = 50;

/// One thing that a data filter asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Load {
    /// `id | user`
    User(String),
    /// `id | object: "collection"`
    Object {
        /// Name of the collection.
        collection: String,
        /// Id within it.
        id: String,
    },
    /// `id | tenant`
    Tenant(String),
    /// `user_id | subscriptions`
    Subscriptions(String),
}

/// What was loaded so far, in the shape that templates see.
#[derive(Debug, Default)]
pub struct Loaded {
    found: HashMap<Load, Json>,
}

impl Loaded {
    /// Adds an answer: an object, an array of subscriptions, or null for what does not exist (T2.20).
    pub fn insert(&mut self, load: Load, answer: Json) {
        self.found.insert(load, answer);
    }

    /// True when this was loaded, be it as something that does not exist.
    pub fn contains(&self, load: &Load) -> bool {
        self.found.contains_key(load)
    }

    pub(crate) fn get(&self, load: &Load) -> Option<&Json> {
        self.found.get(load)
    }
}

/// Something a template named that is not there; the render went on without it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Warning {
    /// A partial that was deleted or never published (S4).
    MissingPartial(String),
    /// A translation that is in no file of the recipient's locale (S16).
    MissingTranslation(String),
}

impl Warning {
    /// The reason, as events name it.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::MissingPartial(_) => "partial_missing",
            Self::MissingTranslation(_) => "translation_missing",
        }
    }

    /// Key of what is missing.
    pub fn key(&self) -> &str {
        match self {
            Self::MissingPartial(key) | Self::MissingTranslation(key) => key,
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingPartial(key) => write!(f, "partial {key:?} is not published"),
            Self::MissingTranslation(key) => write!(f, "translation {key:?} is in no file"),
        }
    }
}

/// What renders wrote down. Shared by all templates of one activation; empty ones cost nothing.
#[derive(Debug, Default)]
pub struct Notes {
    missing: Mutex<BTreeSet<Load>>,
    warnings: Mutex<Vec<Warning>>,
}

impl Notes {
    /// Takes what must be loaded before the renders count. When it is not empty, everything rendered since is void.
    pub fn take_missing(&self) -> BTreeSet<Load> {
        std::mem::take(&mut self.missing.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes the warnings since the last time, each once, in order.
    pub fn take_warnings(&self) -> Vec<Warning> {
        std::mem::take(&mut self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn miss(&self, load: Load) {
        let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
        // What does not fit is asked for in the next round.
        if missing.len() < LOADS_MAX {
            missing.insert(load);
        }
    }

    pub(crate) fn warn(&self, warning: Warning) {
        let mut warnings = self.warnings.lock().unwrap_or_else(PoisonError::into_inner);
        if warnings.len() < WARNINGS_MAX && !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
}
