//! In-app channels: no provider stands behind them, the commit itself delivers (channels.md section 14).

use campanile_core::workflow::ChannelType;

use crate::registry::{Connector, Provider};

/// The feed.
pub const FEED: Provider = Provider {
    key: "in_app_feed_knock",
    name: "In-app feed",
    channel_type: ChannelType::InAppFeed,
    settings: &[],
    timeout_seconds: 0,
    connector: Connector::InApp,
};

/// Guides.
pub const GUIDE: Provider = Provider {
    key: "in_app_guide_knock",
    name: "In-app guide",
    channel_type: ChannelType::InAppGuide,
    settings: &[],
    timeout_seconds: 0,
    connector: Connector::InApp,
};
