//! E-mail layouts (section 8).

use campanile_store::ResourceKind;
use serde_json::{Map, Value};

use super::annotation;
use super::versioned::Versioned;

/// E-mail layouts in this API.
pub(super) struct EmailLayouts;

impl Versioned for EmailLayouts {
    const KIND: ResourceKind = ResourceKind::EmailLayout;
    const OPERATIONS: [&'static str; 4] =
        ["listEmailLayouts", "getEmailLayout", "upsertEmailLayout", "validateEmailLayout"];

    fn annotate(view: &mut Map<String, Value>) {
        annotation::email_layout(view);
    }
}
