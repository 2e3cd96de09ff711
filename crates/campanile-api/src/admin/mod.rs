//! The admin API.

mod clock;

use crate::router::Routes;

/// Its handlers.
pub(crate) fn routes() -> Routes {
    Routes::default().on("adminGetClock", clock::get).on("adminMoveClock", clock::advance)
}
