//! An engine with environments and channels, for tests.

use std::path::PathBuf;

use campanile_core::clock::Clock;
use campanile_core::ids::{ChannelId, EnvId};
use campanile_core::time::Timestamp;
use campanile_store::{Channel, Environment, Store, StoreOptions};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{Engine, EngineOptions, Vault};

/// An engine on a database of its own, which goes with it. The clock stands still.
pub(crate) struct Bench {
    pub engine: Engine,
    /// Removed at the end.
    pub folder: PathBuf,
}

impl Drop for Bench {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.folder));
    }
}

impl Bench {
    /// Environments 1 `development`, 2 `staging`, 3 `production`; one channel of each type.
    pub(crate) async fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("campanile-{}", Uuid::new_v4()));
        std::fs::create_dir_all(&folder).unwrap();
        let options = StoreOptions { database_url: None, data_dir: folder.clone() };
        let store = Store::open(&options).await.unwrap();
        let now = Timestamp(1_000_000);
        store
            .transact(move |tx| {
                Box::pin(async move {
                    for (id, slug) in [(1, "development"), (2, "staging"), (3, "production")] {
                        tx.insert_environment(&environment(id, slug, now)).await?;
                    }
                    for (key, kind, provider) in [
                        ("in-app-feed", "in_app_feed", "in_app_feed_knock"),
                        ("in-app-guide", "in_app_guide", "in_app_guide_knock"),
                        ("email", "email", "email_smtp"),
                        ("sms", "sms", "sms_twilio"),
                        ("push", "push", "push_fcm"),
                        ("chat", "chat", "chat_slack"),
                        ("webhook", "http", "http_knock_webhook"),
                    ] {
                        tx.insert_channel(&channel(key, kind, provider, now)).await?;
                    }
                    tx.set_setting("cursor_key", "test").await
                })
            })
            .await
            .unwrap();
        let clock = Clock::standing_at(now);
        let engine = Engine::new(store, clock, Vault::new(&[1; 32]), EngineOptions::default()).await.unwrap();
        Self { engine, folder }
    }
}

/// A workflow of one feed step.
pub(crate) fn workflow(body: &str) -> Value {
    json!({"name": "W", "steps": [{"ref": "feed_1", "type": "channel", "channel_key": "in-app-feed",
        "template": {"markdown_body": body}}]})
}

fn environment(id: i64, slug: &str, now: Timestamp) -> Environment {
    Environment {
        id: EnvId(id),
        uuid: Uuid::new_v4(),
        slug: slug.into(),
        name: slug.into(),
        position: id * 10,
        owner: "system".into(),
        settings: "{}".into(),
        created_at: now,
    }
}

fn channel(key: &str, kind: &str, provider: &str, now: Timestamp) -> Channel {
    Channel {
        id: ChannelId(0),
        uuid: Uuid::new_v4(),
        key: key.into(),
        name: key.into(),
        kind: kind.into(),
        provider: provider.into(),
        description: None,
        created_at: now,
        updated_at: now,
        archived_at: None,
    }
}
