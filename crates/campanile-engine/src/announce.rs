//! The one place where changes that open sockets want to hear of are told, after they are on disk: whoever hears of
//! one and asks sees it (in-app.md corner 7).
//!
//! A listener that is too slow loses the oldest announcements and is told how many it lost; it should then treat
//! everything as changed. Announcements of other nodes arrive as [`Announcement::Elsewhere`].

use campanile_core::ids::{ChannelId, EnvId, Ksuid};
use tokio::sync::broadcast;

/// Announcements kept for the slowest listener.
const BACKLOG: usize = 4_096;

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Announcement {
    /// A guide was published, switched, archived or otherwise changed in an environment. What it is now is in
    /// [`crate::Engine::guide_set`]; one that is not there is gone.
    Guide {
        /// Where.
        env: EnvId,
        /// Its key.
        key: String,
    },
    /// The order or the throttle of an environment's guides was saved.
    GuideGroup {
        /// Where.
        env: EnvId,
    },
    /// A feed has a new message.
    FeedMessage {
        /// Where.
        env: EnvId,
        /// Which feed.
        channel: ChannelId,
        /// Key of the user.
        user: String,
        /// The message.
        message: Ksuid,
    },
    /// Another node changed something; nobody knows what.
    Elsewhere,
}

/// Tells whoever listens.
#[derive(Debug)]
pub(crate) struct Announcer(broadcast::Sender<Announcement>);

impl Default for Announcer {
    fn default() -> Self {
        Self(broadcast::channel(BACKLOG).0)
    }
}

impl Announcer {
    /// True when somebody listens: nothing needs to be put together otherwise.
    pub(crate) fn has_listeners(&self) -> bool {
        self.0.receiver_count() > 0
    }

    pub(crate) fn announce(&self, announcement: Announcement) {
        // Nobody listening is no error.
        let _ = self.0.send(announcement);
    }

    pub(crate) fn listen(&self) -> broadcast::Receiver<Announcement> {
        self.0.subscribe()
    }
}
