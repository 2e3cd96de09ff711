//! The management API: what the CLI and the management SDK speak (management.md).

mod annotation;
mod api_keys;
mod audiences;
mod broadcasts;
mod channels;
mod commits;
mod email_layouts;
mod environments;
mod guides;
mod message_types;
mod paging;
mod preference_categories;
mod preference_center;
mod request;
mod run;
#[cfg(test)]
mod tests;
mod versioned;
mod whoami;
mod workflows;

pub(crate) use api_keys::fresh_key;
pub(crate) use channels::view as channel_view;
pub(crate) use paging::{number_key, page_of};

use crate::router::Routes;
use audiences::Audiences;
use email_layouts::EmailLayouts;
use guides::Guides;
use message_types::MessageTypes;
use workflows::Workflows;

/// Its handlers.
pub(crate) fn routes() -> Routes {
    Routes::default()
        .on("getWhoami", whoami::get)
        .on("exchangeForApiKey", api_keys::exchange)
        .on("listEnvironments", environments::list)
        .on("getEnvironment", environments::get)
        .on("listPreferenceCategories", preference_categories::list)
        .on("upsertPreferenceCategory", preference_categories::upsert)
        .on("deletePreferenceCategory", preference_categories::archive)
        .on("getPreferenceCenter", preference_center::get)
        .on("upsertPreferenceCenter", preference_center::upsert)
        .on("resetPreferenceCenter", preference_center::reset)
        .on("listChannels", channels::list)
        .on("getChannel", channels::get)
        .on("listWorkflows", versioned::list::<Workflows>)
        .on("getWorkflow", versioned::get::<Workflows>)
        .on("upsertWorkflow", versioned::upsert::<Workflows>)
        .on("validateWorkflow", versioned::validate::<Workflows>)
        .on("activateWorkflow", workflows::activate)
        .on("runWorkflow", run::run)
        .on("listEmailLayouts", versioned::list::<EmailLayouts>)
        .on("getEmailLayout", versioned::get::<EmailLayouts>)
        .on("upsertEmailLayout", versioned::upsert::<EmailLayouts>)
        .on("validateEmailLayout", versioned::validate::<EmailLayouts>)
        .on("listAudiences", versioned::list::<Audiences>)
        .on("getAudience", versioned::get::<Audiences>)
        .on("upsertAudience", versioned::upsert::<Audiences>)
        .on("validateAudience", versioned::validate::<Audiences>)
        .on("archiveAudience", audiences::archive)
        .on("listBroadcasts", broadcasts::list)
        .on("getBroadcast", broadcasts::get)
        .on("upsertBroadcast", broadcasts::upsert)
        .on("validateBroadcast", broadcasts::validate)
        .on("sendBroadcast", broadcasts::send)
        .on("cancelBroadcast", broadcasts::cancel)
        .on("listMessageTypes", versioned::list::<MessageTypes>)
        .on("getMessageType", versioned::get::<MessageTypes>)
        .on("upsertMessageType", versioned::upsert::<MessageTypes>)
        .on("validateMessageType", versioned::validate::<MessageTypes>)
        .on("listGuides", guides::list)
        .on("getGuide", versioned::get::<Guides>)
        .on("upsertGuide", versioned::upsert::<Guides>)
        .on("validateGuide", versioned::validate::<Guides>)
        .on("activateGuide", guides::activate)
        .on("archiveGuide", versioned::archive::<Guides>)
        .on("listCommits", commits::list)
        .on("getCommit", commits::get)
        .on("commitAllChanges", commits::commit_all)
        .on("promoteAllCommits", commits::promote_all)
        .on("promoteOneCommit", commits::promote_one)
}
