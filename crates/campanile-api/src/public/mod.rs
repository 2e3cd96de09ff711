//! The public API.

mod audiences;
mod bulk;
mod cancel;
mod channel_data;
mod feeds;
pub(crate) mod filters;
mod guides;
mod integrations;
mod merge;
mod messages;
mod notify;
mod objects;
mod people;
mod preferences;
mod providers;
mod recipient_runs;
mod recipients;
mod references;
mod schedules;
pub(crate) mod segments;
mod sources;
mod subscriptions;
mod tenants;
pub(crate) mod trigger;
mod users;

use crate::router::Routes;

use messages::engage;

/// Its handlers.
pub(crate) fn routes() -> Routes {
    Routes::default()
        .on("triggerWorkflow", trigger::trigger)
        .on("cancelWorkflow (2)", cancel::cancel)
        .on("triggerWorkflow (2)", notify::notify)
        .on("cancelWorkflow", notify::stop)
        .on("processCensusRpcRequest", integrations::census::call)
        .on("processHightouchRpcRequest", integrations::hightouch::call)
        .and(recipient_routes())
        .and(bulk_routes())
        .and(schedule_routes())
        .and(preferences::routes())
        .and(message_routes())
        .and(engagement_routes())
        .and(guide_routes())
        .and(provider_routes())
}

fn provider_routes() -> Routes {
    Routes::default()
        .on("slackProviderAuthCheck", providers::slack::auth_check)
        .on("listChannelsForSlackProvider", providers::slack::channels)
        .on("slackProviderRevokeAccess", providers::slack::revoke_access)
        .on("msTeamsProviderAuthCheck", providers::ms_teams::auth_check)
        .on("listTeamsForMsTeamsProvider", providers::ms_teams::teams)
        .on("listChannelsForMsTeamsProvider", providers::ms_teams::channels)
        .on("msTeamsProviderRevokeAccess", providers::ms_teams::revoke_access)
}

fn guide_routes() -> Routes {
    Routes::default()
        .on("listUserGuides", guides::list)
        .on("markUserGuideAsSeen", guides::seen_by_message)
        .on("markUserGuideAsSeen (2)", guides::seen)
        .on("markUserGuideAsInteracted", guides::interacted_by_message)
        .on("markUserGuideAsInteracted (2)", guides::interacted)
        .on("markUserGuideAsArchived", guides::archived_by_message)
        .on("markUserGuideAsArchived (2)", guides::archived)
        .on("markUserGuideAsUnarchived", guides::unarchived)
        .on("resetUserGuideEngagement", guides::reset)
}

fn recipient_routes() -> Routes {
    Routes::default()
        .on("listAudienceMembers", audiences::list)
        .on("addAudienceMembers", audiences::add)
        .on("removeAudienceMembers", audiences::remove)
        .on("listUsers", users::list)
        .on("getUser", users::get)
        .on("identifyUser", users::identify)
        .on("deleteUser", users::delete)
        .on("mergeUser", merge::merge)
        .on("listObjects", objects::list)
        .on("getObject", objects::get)
        .on("setObject", objects::set)
        .on("deleteObject", objects::delete)
        .on("listSubscriptionsForUser", subscriptions::list_of_user)
        .on("listSubscriptionsForObject", subscriptions::list_of_object)
        .on("addSubscriptionsForObject", subscriptions::add)
        .on("deleteSubscriptionsForObject", subscriptions::remove)
        .on("listTenants", tenants::list)
        .on("getTenant", tenants::get)
        .on("setTenant", tenants::set)
        .on("deleteTenant", tenants::delete)
        .on("getUserChannelData", channel_data::get_of_user)
        .on("setUserChannelData", channel_data::set_of_user)
        .on("unsetUserChannelData", channel_data::unset_of_user)
        .on("getObjectChannelData", channel_data::get_of_object)
        .on("setObjectChannelData", channel_data::set_of_object)
        .on("unsetObjectChannelData", channel_data::unset_of_object)
}

fn bulk_routes() -> Routes {
    Routes::default()
        .on("getBulkOperation", bulk::get)
        .on("bulkIdentifyUsers", bulk::identify_users)
        .on("bulkDeleteUsers", bulk::delete_users)
        .on("bulkSetObjects", bulk::set_objects)
        .on("bulkDeleteObjects", bulk::delete_objects)
        .on("bulkAddSubscriptions", subscriptions::bulk_add)
        .on("bulkDeleteSubscriptions", subscriptions::bulk_remove)
        .on("bulkSetTenants", bulk::set_tenants)
        .on("bulkDeleteTenants", bulk::delete_tenants)
        .on("bulkUpdateMessagesForChannel", messages::bulk::update)
}

fn schedule_routes() -> Routes {
    Routes::default()
        .on("createSchedules", schedules::create)
        .on("updateSchedules", schedules::update)
        .on("deleteSchedules", schedules::delete)
        .on("listSchedules", schedules::list)
        .on("listUserSchedules", schedules::list_of_user)
        .on("listObjectSchedules", schedules::list_of_object)
        .on("bulkCreateSchedules", schedules::bulk_create)
        .on("listWorkflowRecipientRuns", recipient_runs::list)
        .on("getWorkflowRecipientRun", recipient_runs::get)
}

fn message_routes() -> Routes {
    Routes::default()
        .on("listMessages", messages::list)
        .on("listMessagesForUser", messages::list_of_user)
        .on("listMessagesForObject", messages::list_of_object)
        .on("getMessage", messages::get)
        .on("getMessageContents", messages::content::get)
        .on("batchGetMessageContents", messages::content::batch)
        .on("listMessageEvents", messages::history::events)
        .on("listMessageDeliveryLogs", messages::history::delivery_logs)
        .on("listMessageActivities", messages::activities::list)
        .on("listUserInAppFeedItems", feeds::list)
        .on("getUserInAppFeedSettings", feeds::settings)
}

fn engagement_routes() -> Routes {
    Routes::default()
        .on("markMessageSeen", engage::seen)
        .on("markMessageUnseen", engage::unseen)
        .on("markMessageUnseen (2)", engage::unseen)
        .on("markMessageRead", engage::read)
        .on("markMessageUnread", engage::unread)
        .on("markMessageUnread (2)", engage::unread)
        .on("markMessageInteracted", engage::interacted)
        .on("archiveMessage", engage::archived)
        .on("unarchiveMessage", engage::unarchived)
        .on("unarchiveMessage (2)", engage::unarchived)
        .on("batchMarkMessagesAsSeen", engage::batch_seen)
        .on("batchMarkMessagesAsUnseen", engage::batch_unseen)
        .on("batchMarkMessagesAsRead", engage::batch_read)
        .on("batchMarkMessagesAsUnread", engage::batch_unread)
        .on("batchMarkMessagesAsInteracted", engage::batch_interacted)
        .on("batchMarkMessagesAsArchived", engage::batch_archived)
        .on("batchMarkMessagesAsUnarchived", engage::batch_unarchived)
}
