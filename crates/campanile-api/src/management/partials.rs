//! Partials (section 9, templates.md section 6).

use campanile_store::ResourceKind;
use serde_json::{Map, Value};

use super::annotation;
use super::versioned::{Facts, Versioned};

/// Partials in this API.
pub(super) struct Partials;

impl Versioned for Partials {
    const KIND: ResourceKind = ResourceKind::Partial;
    const OPERATIONS: [&'static str; 4] = ["listPartials", "getPartial", "upsertPartial", "validatePartial"];

    fn complete(view: &mut Map<String, Value>, facts: &Facts<'_>) {
        view.insert("valid".into(), facts.valid.into());
        // The document of the API has this name, the CLI the other (C4).
        view.insert("inserted_at".into(), facts.created_at.to_string().into());
    }

    fn annotate(view: &mut Map<String, Value>) {
        annotation::partial(view);
    }
}
