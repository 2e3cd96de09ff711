//! `campanile keys`: works on the database, with or without a running server.

use campanile_core::clock::Clock;
use campanile_store::{KeyKind, NewKey};
use serde_json::json;

use super::say;
use crate::bootstrap::{credentials, random_text};
use crate::cli::{KeysAction, KeysArgs};
use crate::config::Config;
use crate::server;

/// Lists, makes or revokes.
pub async fn run(args: KeysArgs) -> Result<(), String> {
    let config = Config::resolve(&args.serve)?;
    let (engine, _) = server::open(&config, credentials()).await?;
    let store = engine.store();
    let now = Clock::System.now();
    let failed = |error: campanile_store::StoreError| error.to_string();
    match args.action.unwrap_or(KeysAction::List) {
        KeysAction::List => {
            let catalog = engine.catalog();
            for key in store.api_keys().await.map_err(failed)? {
                let kind = if key.kind == KeyKind::Secret { "secret" } else { "public" };
                let slug = catalog.environment_by_id(key.env).map_or("?", |env| env.slug.as_str());
                if args.json {
                    say(json!({
                        "hint": key.hint, "kind": kind, "environment": slug, "description": key.description,
                        "created_at": key.created_at, "revoked_at": key.revoked_at,
                    }));
                } else {
                    let state = if key.revoked_at.is_some() { "revoked" } else { "active" };
                    say(format_args!("{:<20} {kind:<7} {slug:<12} {state:<8} {}", key.hint, key.created_at));
                }
            }
        }
        KeysAction::Create { environment, kind, description } => {
            let catalog = engine.catalog();
            let env = catalog
                .environment(&environment)
                .ok_or_else(|| format!("there is no environment {environment}"))?
                .id;
            let mode = if environment == "production" { "live" } else { "test" };
            let secret = match kind.as_str() {
                "public" => format!("pk_{mode}_{}", random_text()),
                "service-token" => format!("st_{}", random_text()),
                _ => format!("sk_{mode}_{}", random_text()),
            };
            let written = secret.clone();
            store
                .transact(move |tx| {
                    Box::pin(async move {
                        if kind == "service-token" {
                            return tx.insert_service_token(&written, "command line", now).await;
                        }
                        let kind = if kind == "public" { KeyKind::Public } else { KeyKind::Secret };
                        tx.insert_key(&NewKey { env, kind, secret: written, description }, now).await
                    })
                })
                .await
                .map_err(failed)?;
            if args.json {
                say(json!({"key": secret}));
            } else {
                say(format_args!("{secret}"));
                say("Keep it now: only its hash is stored.");
            }
        }
        KeysAction::Revoke { hint } => {
            let count = store.revoke_key(&hint, now).await.map_err(failed)?;
            if count == 0 {
                return Err(format!("no active key shows the hint {hint}"));
            }
            say(if args.json { json!({"revoked": count}).to_string() } else { format!("revoked {hint}") });
        }
    }
    store.close().await;
    Ok(())
}
