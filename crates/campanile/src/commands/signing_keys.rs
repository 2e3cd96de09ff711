//! `campanile signing-keys`: works on the database, with or without a running server, which notices within a second.

use campanile_core::clock::Clock;
use campanile_engine::signing_keys::{SIGNING_KEYS_MAX, base64_pem, generate, public_pem, read_public};
use campanile_store::SigningKey;
use serde_json::json;
use uuid::Uuid;

use super::say;
use crate::bootstrap::credentials;
use crate::cli::{SigningKeysAction, SigningKeysArgs};
use crate::config::Config;
use crate::server;

/// Lists, makes, uploads or revokes.
pub async fn run(args: SigningKeysArgs) -> Result<(), String> {
    let config = Config::resolve(&args.serve)?;
    let (engine, _) = server::open(&config, credentials()).await?;
    let store = engine.store();
    let now = Clock::System.now();
    let failed = |error: campanile_store::StoreError| error.to_string();
    let catalog = engine.catalog();
    match args.action.unwrap_or(SigningKeysAction::List) {
        SigningKeysAction::List => {
            for key in store.signing_keys().await.map_err(failed)? {
                let slug = catalog.environment_by_id(key.env).map_or("?", |env| env.slug.as_str());
                if args.json {
                    say(json!({
                        "id": key.id.to_string(), "environment": slug, "description": key.description,
                        "public_key": public_pem(&key.public_key), "created_at": key.created_at,
                        "revoked_at": key.revoked_at,
                    }));
                } else {
                    let state = if key.revoked_at.is_some() { "revoked" } else { "active" };
                    say(format_args!("{} {slug:<12} {state:<8} {}", key.id, key.created_at));
                }
            }
        }
        SigningKeysAction::Create { environment, public_key, description } => {
            let env = catalog
                .environment(&environment)
                .ok_or_else(|| format!("there is no environment {environment}"))?
                .id;
            let (public_key, private_pem) = match &public_key {
                Some(path) => {
                    let text = std::fs::read_to_string(path)
                        .map_err(|error| format!("cannot read {}: {error}", path.display()))?;
                    let key = read_public(&text).map_err(|why| format!("{}: {why}", path.display()))?;
                    (key, None)
                }
                None => {
                    let fresh = generate().ok_or("a signing key could not be made")?;
                    (fresh.public_key, Some(fresh.private_pem))
                }
            };
            let id = Uuid::new_v4();
            let key = SigningKey { id, env, public_key, description, created_at: now, revoked_at: None };
            let added = store
                .transact(move |tx| {
                    Box::pin(async move { tx.insert_signing_key(&key, SIGNING_KEYS_MAX).await })
                })
                .await
                .map_err(failed)?;
            if !added {
                return Err(format!(
                    "{environment} has {SIGNING_KEYS_MAX} signing keys already; revoke one first"
                ));
            }
            engine.note_change().await.map_err(failed)?;
            match (private_pem, args.json) {
                (Some(pem), true) => say(json!({
                    "id": id.to_string(), "private_key": pem, "private_key_base64": base64_pem(&pem),
                })),
                (Some(pem), false) => {
                    say(pem.trim_end());
                    say("Keep it now: only its public half is stored. As one line, for KNOCK_SIGNING_KEY:");
                    say(base64_pem(&pem));
                }
                (None, true) => say(json!({"id": id.to_string()})),
                (None, false) => say(format_args!("stored as {id}")),
            }
        }
        SigningKeysAction::Revoke { id } => {
            let uuid = Uuid::parse_str(&id).map_err(|_| format!("{id} is not the id of a signing key"))?;
            if !store.revoke_signing_key(uuid, now).await.map_err(failed)? {
                return Err(format!("no active signing key has the id {id}"));
            }
            engine.note_change().await.map_err(failed)?;
            say(if args.json { json!({"revoked": 1}).to_string() } else { format!("revoked {id}") });
        }
    }
    store.close().await;
    Ok(())
}
