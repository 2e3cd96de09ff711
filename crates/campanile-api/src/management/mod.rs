//! The management API: what the CLI and the management SDK speak (management.md).

mod activation;
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
mod partials;
mod preference_categories;
mod preference_center;
mod previews;
mod request;
mod run;
#[cfg(test)]
mod tests;
mod translations;
mod variables;
mod versioned;
mod whoami;
mod workflows;

pub(crate) use api_keys::fresh_key;
pub(crate) use channels::view as channel_view;
pub(crate) use paging::{number_key, page_of};
pub(crate) use variables::view as variable_view;

use crate::router::Routes;
use audiences::Audiences;
use email_layouts::EmailLayouts;
use guides::Guides;
use message_types::MessageTypes;
use partials::Partials;
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
        .on("previewWorkflowTemplate", previews::step)
        .on("previewTemplate", previews::template)
        .on("previewEmailLayout", previews::email_layout)
        .on("previewPartial", previews::partial)
        .on("listVariables", variables::list)
        .on("getVariable", variables::get)
        .and(versioned::routes::<Workflows>())
        .on("activateWorkflow", activation::activate::<Workflows>)
        .on("runWorkflow", run::run)
        .and(versioned::routes::<EmailLayouts>())
        .and(versioned::routes::<Partials>())
        .and(translations::routes())
        .and(versioned::routes::<Audiences>())
        .on("archiveAudience", audiences::archive)
        .on("listBroadcasts", broadcasts::list)
        .on("getBroadcast", broadcasts::get)
        .on("upsertBroadcast", broadcasts::upsert)
        .on("validateBroadcast", broadcasts::validate)
        .on("sendBroadcast", broadcasts::send)
        .on("cancelBroadcast", broadcasts::cancel)
        .and(versioned::routes::<MessageTypes>())
        .and(versioned::routes::<Guides>())
        // In place of the list that every kind has: this one knows schemas.
        .on("listGuides", guides::list)
        .on("activateGuide", activation::activate::<Guides>)
        .on("archiveGuide", versioned::archive::<Guides>)
        .on("listCommits", commits::list)
        .on("getCommit", commits::get)
        .on("commitAllChanges", commits::commit_all)
        .on("promoteAllCommits", commits::promote_all)
        .on("promoteOneCommit", commits::promote_one)
}
