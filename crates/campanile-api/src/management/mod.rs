//! The management API: what the CLI and the management SDK speak (management.md).

mod annotation;
mod api_keys;
mod channels;
mod commits;
mod email_layouts;
mod environments;
mod paging;
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

/// Its handlers.
pub(crate) fn routes() -> Routes {
    Routes::default()
        .on("getWhoami", whoami::get)
        .on("exchangeForApiKey", api_keys::exchange)
        .on("listEnvironments", environments::list)
        .on("getEnvironment", environments::get)
        .on("listChannels", channels::list)
        .on("getChannel", channels::get)
        .on("listWorkflows", workflows::list)
        .on("getWorkflow", workflows::get)
        .on("upsertWorkflow", workflows::upsert)
        .on("validateWorkflow", workflows::validate)
        .on("activateWorkflow", workflows::activate)
        .on("runWorkflow", run::run)
        .on("listEmailLayouts", email_layouts::list)
        .on("getEmailLayout", email_layouts::get)
        .on("upsertEmailLayout", email_layouts::upsert)
        .on("validateEmailLayout", email_layouts::validate)
        .on("listCommits", commits::list)
        .on("getCommit", commits::get)
        .on("commitAllChanges", commits::commit_all)
        .on("promoteAllCommits", commits::promote_all)
        .on("promoteOneCommit", commits::promote_one)
}
