//! The admin API: what the peer's API lacks but a self-hoster needs.

mod channel_change;
mod channels;
mod clock;
mod keys;
mod preference_defaults;

use crate::router::Routes;

/// Its handlers.
pub(crate) fn routes() -> Routes {
    Routes::default()
        .on("adminGetClock", clock::get)
        .on("adminMoveClock", clock::advance)
        .on("adminListChannels", channels::list)
        .on("adminSetChannel", channels::set)
        .on("adminListKeys", keys::list)
        .on("adminCreateKey", keys::create)
        .on("adminRevokeKey", keys::revoke)
        .on("adminGetPreferenceDefaults", preference_defaults::get)
        .on("adminSetPreferenceDefaults", preference_defaults::set)
        .on("adminGetPreferenceDefaults (2)", preference_defaults::get_of_slug)
        .on("adminSetPreferenceDefaults (2)", preference_defaults::set_of_slug)
}
