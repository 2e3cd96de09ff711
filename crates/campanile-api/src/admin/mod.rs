//! The admin API: what the peer's API lacks but a self-hoster needs.

mod branding;
mod channel_change;
mod channels;
mod clock;
mod environments;
mod guide_group;
mod keys;
mod logs;
mod preference_defaults;
mod signing_keys;
mod variables;

use crate::router::Routes;

/// Its handlers.
pub(crate) fn routes() -> Routes {
    Routes::default()
        .on("adminGetClock", clock::get)
        .on("adminMoveClock", clock::advance)
        .on("adminListChannels", channels::list)
        .on("adminSetChannel", channels::set)
        .on("adminGetGuideGroup", guide_group::get)
        .on("adminSetGuideGroup", guide_group::set)
        .on("adminListKeys", keys::list)
        .on("adminCreateKey", keys::create)
        .on("adminRevokeKey", keys::revoke)
        .on("adminGetPreferenceDefaults", preference_defaults::get)
        .on("adminSetPreferenceDefaults", preference_defaults::set)
        .on("adminGetPreferenceDefaults (2)", preference_defaults::get_of_slug)
        .on("adminSetPreferenceDefaults (2)", preference_defaults::set_of_slug)
        .on("adminListEnvironments", environments::list)
        .on("adminSetEnvironment", environments::set)
        .on("adminListSigningKeys", signing_keys::list)
        .on("adminCreateSigningKey", signing_keys::create)
        .on("adminRevokeSigningKey", signing_keys::revoke)
        .on("adminGetBranding", branding::get)
        .on("adminSetBranding", branding::set)
        .on("adminSetVariable", variables::set)
        .on("adminDeleteVariable", variables::delete)
        .on("adminListLogs", logs::list)
        .on("adminGetLog", logs::get)
}
