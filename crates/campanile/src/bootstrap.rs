//! The first start: environments, keys, channels. Later starts change nothing.

use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use campanile_core::ids::{ChannelId, EnvId};
use campanile_core::time::Timestamp;
use campanile_engine::Vault;
use campanile_store::{Channel, ChannelSettings, Environment, KeyKind, NewKey, Store, StoreError};
use serde_json::json;
use uuid::Uuid;

/// Keys, type, provider and name of the channels that every installation starts with.
const CHANNELS: [(&str, &str, &str, &str); 7] = [
    ("in-app-feed", "in_app_feed", "in_app_feed_knock", "In-app feed"),
    ("in-app-guide", "in_app_guide", "in_app_guide_knock", "In-app guide"),
    ("email", "email", "email_smtp", "E-mail"),
    ("sms", "sms", "sms_twilio", "SMS"),
    ("push", "push", "push_fcm", "Push"),
    ("chat", "chat", "chat_slack", "Chat"),
    ("webhook", "http", "http_knock_webhook", "Webhook"),
];

/// Keys of one environment, shown once.
#[derive(Debug, Clone)]
pub struct Keys {
    /// `sk_…`.
    pub secret: String,
    /// `pk_…`.
    pub public: String,
}

/// What a first start made.
#[derive(Debug, Clone)]
pub struct FirstStart {
    /// Of the development environment.
    pub development: Keys,
    /// Of the production environment.
    pub production: Keys,
    /// Reaches the management API.
    pub service_token: String,
}

/// 32 random bytes as text.
pub fn random_text() -> String {
    let mut bytes = [0u8; 32];
    // The generator of the operating system; its failure would be the machine's end.
    rand::fill(&mut bytes).expect("the operating system gives randomness");
    URL_SAFE_NO_PAD.encode(bytes)
}

fn pinned(name: &str, prefix: &str) -> String {
    std::env::var(name).ok().filter(|v| !v.is_empty()).unwrap_or_else(|| format!("{prefix}{}", random_text()))
}

/// Credentials from the environment, or new ones.
pub fn credentials() -> FirstStart {
    FirstStart {
        development: Keys {
            secret: pinned("CAMPANILE_BOOTSTRAP_SECRET_KEY", "sk_test_"),
            public: pinned("CAMPANILE_BOOTSTRAP_PUBLIC_KEY", "pk_test_"),
        },
        production: Keys {
            secret: pinned("CAMPANILE_BOOTSTRAP_SECRET_KEY_PRODUCTION", "sk_live_"),
            public: pinned("CAMPANILE_BOOTSTRAP_PUBLIC_KEY_PRODUCTION", "pk_live_"),
        },
        service_token: pinned("CAMPANILE_BOOTSTRAP_SERVICE_TOKEN", "st_"),
    }
}

/// Makes what a new installation needs; `None` when it was made before.
pub async fn first_start(
    store: &Store,
    vault: &Vault,
    keys: FirstStart,
    now: Timestamp,
) -> Result<Option<FirstStart>, StoreError> {
    let empty = vault.seal("{}");
    store
        .transact(move |tx| {
            Box::pin(async move {
                tx.lock_installation().await?;
                if tx.setting("account_name").await?.is_some() {
                    return Ok(None);
                }
                let slugs = [("development", "Development", 0), ("production", "Production", 1_000)];
                for (n, (slug, name, position)) in slugs.into_iter().enumerate() {
                    let env = Environment {
                        id: EnvId(n as i64 + 1),
                        uuid: Uuid::new_v4(),
                        slug: slug.into(),
                        name: name.into(),
                        position,
                        owner: "system".into(),
                        settings: "{}".into(),
                        created_at: now,
                    };
                    tx.insert_environment(&env).await?;
                    let own = if n == 0 { &keys.development } else { &keys.production };
                    for (kind, secret) in [(KeyKind::Secret, &own.secret), (KeyKind::Public, &own.public)] {
                        let key = NewKey {
                            env: env.id,
                            kind,
                            secret: secret.clone(),
                            description: Some("Made at first start".into()),
                        };
                        tx.insert_key(&key, now).await?;
                    }
                }
                tx.insert_service_token(&keys.service_token, "bootstrap", now).await?;
                for (key, kind, provider, name) in CHANNELS {
                    let channel = Channel {
                        id: ChannelId(0),
                        uuid: Uuid::new_v4(),
                        key: key.into(),
                        name: name.into(),
                        kind: kind.into(),
                        provider: provider.into(),
                        description: None,
                        created_at: now,
                        updated_at: now,
                        archived_at: None,
                    };
                    let id = tx.insert_channel(&channel).await?;
                    for env in [EnvId(1), EnvId(2)] {
                        let settings = ChannelSettings {
                            channel: id,
                            env,
                            uuid: Uuid::new_v4(),
                            // Slack's token comes with each connection, so nothing else would keep it quiet.
                            is_sandbox: kind == "chat",
                            channel_settings: json!({}).to_string(),
                            provider_settings: empty.clone(),
                            updated_at: now,
                        };
                        tx.set_channel_settings(&settings).await?;
                    }
                }
                tx.set_setting("cursor_key", &random_text()).await?;
                tx.set_setting("account_name", "Campanile").await?;
                Ok(Some(keys))
            })
        })
        .await
}
