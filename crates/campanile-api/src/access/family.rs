//! Which grants let a user token call which operation (api-conventions.md 2.3, in-app.md section 3).

use crate::operations::{Access, Api, Operation};

/// A set of operations that are granted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    UserRead,
    UserWrite,
    FeedRead,
    FeedWrite,
    GuideRead,
    GuideWrite,
    PreferencesRead,
    PreferencesWrite,
    ChannelDataRead,
    ChannelDataWrite,
    SlackChannels,
    MsTeamsChannels,
}

/// Every spelling of every grant (C3).
const NAMES: [(&str, Family); 20] = [
    ("user/read", Family::UserRead),
    ("user/write", Family::UserWrite),
    ("user/feed_read", Family::FeedRead),
    ("user_feed/read", Family::FeedRead),
    ("feed/read", Family::FeedRead),
    ("user/feed_write", Family::FeedWrite),
    ("user_feed/write", Family::FeedWrite),
    ("feed/write", Family::FeedWrite),
    ("user/guide_read", Family::GuideRead),
    ("user_guide/read", Family::GuideRead),
    ("guide/read", Family::GuideRead),
    ("user/guide_write", Family::GuideWrite),
    ("user_guide/write", Family::GuideWrite),
    ("guide/write", Family::GuideWrite),
    ("preferences/read", Family::PreferencesRead),
    ("preferences/write", Family::PreferencesWrite),
    ("channel_data/read", Family::ChannelDataRead),
    ("channel_data/write", Family::ChannelDataWrite),
    ("slack/channels_read", Family::SlackChannels),
    ("ms_teams/channels_read", Family::MsTeamsChannels),
];

impl Family {
    /// The family of a grant's name.
    pub(crate) fn from_grant(name: &str) -> Option<Self> {
        NAMES.iter().find(|(known, _)| *known == name).map(|(_, family)| *family)
    }

    /// Its place in a set of families.
    pub(crate) const fn bit(self) -> u16 {
        1 << self as u16
    }

    /// True for the families that tenant grants restrict (A2.11, IA3.5).
    pub(crate) const fn is_tenanted(self) -> bool {
        matches!(self, Self::FeedRead | Self::FeedWrite | Self::PreferencesRead | Self::PreferencesWrite)
    }
}

/// How a user token is kept to its user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Confinement {
    /// The user in the path must be the token's.
    UserInPath,
    /// The object in the path must be granted.
    ObjectInPath,
    /// Only the handler can tell: it takes [`crate::auth::ClientKey`]. Handlers that do not are closed to user
    /// tokens.
    ByHandler,
}

/// What a client-safe operation wants of a user token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct ClientRule {
    pub(crate) family: Family,
    pub(crate) confinement: Confinement,
    /// Calls of these families are about one tenant, named by the query or by the id of a preference set.
    pub(crate) has_tenant_scope: bool,
    /// A public key alone is never enough, whatever the mode: the operation reaches credentials of a tenant
    /// (channels.md R12.13 and corner 29).
    pub(crate) needs_token: bool,
}

/// The rule of an operation; `None` for those that no public key may call.
pub(crate) fn client_rule(operation: &Operation) -> Option<ClientRule> {
    if operation.api != Api::Public || operation.access != Access::Client {
        return None;
    }
    let path: Vec<&str> = operation.path.trim_start_matches("/v1/").split('/').collect();
    let is_read = operation.method == "GET";
    let either = |read, write| if is_read { read } else { write };
    let by_user = |family| (family, Confinement::UserInPath, false, false);
    let (family, confinement, has_tenant_scope, needs_token) = match path.as_slice() {
        ["users", _] => by_user(either(Family::UserRead, Family::UserWrite)),
        // The settings say nothing of anybody, and clients ask them without a tenant.
        ["users", _, "feeds", _, "settings"] => by_user(Family::FeedRead),
        ["users", _, "feeds", _] => (Family::FeedRead, Confinement::UserInPath, true, false),
        ["users", _, "guides", ..] => by_user(either(Family::GuideRead, Family::GuideWrite)),
        ["users", _, "preferences" | "preference_center", ..] => {
            let family = either(Family::PreferencesRead, Family::PreferencesWrite);
            (family, Confinement::UserInPath, true, false)
        }
        ["users", _, "channel_data", _] => by_user(either(Family::ChannelDataRead, Family::ChannelDataWrite)),
        ["objects", _, _, "channel_data", _] => {
            let family = either(Family::ChannelDataRead, Family::ChannelDataWrite);
            (family, Confinement::ObjectInPath, false, true)
        }
        ["messages", ..] => {
            (either(Family::FeedRead, Family::FeedWrite), Confinement::ByHandler, false, false)
        }
        ["channels", _, "messages", ..] => (Family::FeedWrite, Confinement::ByHandler, false, false),
        ["providers", "slack", ..] => (Family::SlackChannels, Confinement::ByHandler, false, true),
        ["providers", "ms-teams", ..] => (Family::MsTeamsChannels, Confinement::ByHandler, false, true),
        _ => return None,
    };
    Some(ClientRule { family, confinement, has_tenant_scope, needs_token })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::operations;

    #[test]
    fn every_client_operation_has_a_rule_and_no_other_has_one() {
        for operation in operations::all() {
            let is_client = operation.access == Access::Client;
            assert_eq!(
                client_rule(operation).is_some(),
                is_client,
                "{} {}",
                operation.method,
                operation.path
            );
        }
    }

    #[test]
    fn families_follow_the_table() {
        for (id, family, confinement) in [
            ("getUser", Family::UserRead, Confinement::UserInPath),
            ("identifyUser", Family::UserWrite, Confinement::UserInPath),
            ("listUserInAppFeedItems", Family::FeedRead, Confinement::UserInPath),
            ("getUserInAppFeedSettings", Family::FeedRead, Confinement::UserInPath),
            ("getMessage", Family::FeedRead, Confinement::ByHandler),
            ("markMessageSeen", Family::FeedWrite, Confinement::ByHandler),
            ("batchMarkMessagesAsSeen", Family::FeedWrite, Confinement::ByHandler),
            ("bulkUpdateMessagesForChannel", Family::FeedWrite, Confinement::ByHandler),
            ("listUserGuides", Family::GuideRead, Confinement::UserInPath),
            ("markUserGuideAsSeen", Family::GuideWrite, Confinement::UserInPath),
            ("resetUserGuideEngagement", Family::GuideWrite, Confinement::UserInPath),
            ("listUserPreferenceSets", Family::PreferencesRead, Confinement::UserInPath),
            ("getPreferenceCenterConfig", Family::PreferencesRead, Confinement::UserInPath),
            ("updateUserPreferenceCategory", Family::PreferencesWrite, Confinement::UserInPath),
            ("getUserChannelData", Family::ChannelDataRead, Confinement::UserInPath),
            ("unsetUserChannelData", Family::ChannelDataWrite, Confinement::UserInPath),
            ("setObjectChannelData", Family::ChannelDataWrite, Confinement::ObjectInPath),
            ("slackProviderRevokeAccess", Family::SlackChannels, Confinement::ByHandler),
            ("listTeamsForMsTeamsProvider", Family::MsTeamsChannels, Confinement::ByHandler),
        ] {
            let operation = operations::all().find(|operation| operation.id == id).unwrap();
            let rule = client_rule(operation).unwrap();
            assert_eq!((rule.family, rule.confinement), (family, confinement), "{id}");
        }
    }

    #[test]
    fn bits_are_distinct() {
        let bits = NAMES.iter().fold(0u16, |bits, (_, family)| bits | family.bit());
        assert_eq!(bits.count_ones(), 12);
    }
}
