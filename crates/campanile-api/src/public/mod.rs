//! The public API.

mod cancel;
pub(crate) mod trigger;

use crate::router::Routes;

/// Its handlers.
pub(crate) fn routes() -> Routes {
    Routes::default().on("triggerWorkflow", trigger::trigger).on("cancelWorkflow (2)", cancel::cancel)
}
