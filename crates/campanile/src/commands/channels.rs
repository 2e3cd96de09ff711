//! `campanile channels`: asks a running server.

use campanile_channels::channel_settings::of_type;
use campanile_channels::registry::provider_by_key;
use campanile_channels::setting::Setting;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use serde_json::{Map, Value, json};

use super::say;
use crate::cli::{ChannelsAction, ChannelsArgs};

/// Lists or sets.
pub async fn run(args: ChannelsArgs) -> Result<(), String> {
    let token = args
        .service_token
        .clone()
        .or_else(|| std::env::var("CAMPANILE_BOOTSTRAP_SERVICE_TOKEN").ok())
        .ok_or("give a service token with --service-token or CAMPANILE_SERVICE_TOKEN")?;
    let base = args.base_url.trim_end_matches('/').to_owned();
    match args.action {
        ChannelsAction::List => {
            let body = call(Method::GET, &format!("{base}/v1/admin/channels"), &token, None).await?;
            if args.json {
                say(body);
            } else {
                body["entries"].as_array().into_iter().flatten().for_each(show);
            }
        }
        ChannelsAction::Set { key, environment, settings, sandbox, provider, kind, name } => {
            let known = call(Method::GET, &format!("{base}/v1/admin/channels"), &token, None).await?;
            let stored = known["entries"].as_array().into_iter().flatten().find(|c| c["key"] == key.as_str());
            let provider_id =
                provider.clone().or_else(|| stored.and_then(|c| c["provider"].as_str().map(str::to_owned)));
            let (mut of_type, mut of_provider) = (Map::new(), Map::new());
            for setting in &settings {
                let (name, value) = setting
                    .split_once('=')
                    .ok_or_else(|| format!("--setting {setting} is not of the form name=value"))?;
                let target = if belongs_to_provider(provider_id.as_deref(), name) {
                    &mut of_provider
                } else {
                    &mut of_type
                };
                target.insert(name.to_owned(), parse(value));
            }
            let mut body = json!({
                "environment": environment, "channel_settings": of_type, "provider_settings": of_provider,
            });
            for (field, value) in [
                ("provider", provider.map(Value::from)),
                ("type", kind.map(Value::from)),
                ("name", name.map(Value::from)),
                ("is_sandbox", sandbox.map(Value::from)),
            ] {
                if let Some(value) = value {
                    body[field] = value;
                }
            }
            let url = format!("{base}/v1/admin/channels/{key}");
            let answer = call(Method::PUT, &url, &token, Some(body)).await?;
            if args.json {
                say(answer);
            } else {
                show(answer.get("channel").unwrap_or(&answer));
            }
        }
    }
    Ok(())
}

/// A name that both have is the channel's own: `link_tracking` asks us to track, not the provider (channels.md R2.5).
fn belongs_to_provider(provider: Option<&str>, name: &str) -> bool {
    let Some(provider) = provider.and_then(provider_by_key) else { return name == "base_url" };
    let has = |declared: &[Setting]| declared.iter().any(|setting| setting.name == name);
    name == "base_url" || has(provider.settings) && !has(of_type(provider.channel_type))
}

/// Numbers and booleans are taken as such, an empty value clears, the rest is text.
fn parse(value: &str) -> Value {
    match value {
        "" => Value::Null,
        "true" | "false" => Value::Bool(value == "true"),
        text => match text.parse::<i64>() {
            Ok(number) if number.to_string() == text => number.into(),
            _ => text.into(),
        },
    }
}

fn show(channel: &Value) {
    let text = |name: &str| channel[name].as_str().unwrap_or_default();
    say(format_args!("{:<16} {:<13} {}", text("key"), text("type"), text("provider")));
    for (slug, settings) in channel["environment_settings"].as_object().into_iter().flatten() {
        let mode =
            if settings["is_sandbox"] == true || settings["is_valid"] == false { "sandbox" } else { "live" };
        say(format_args!(
            "  {slug:<14} {mode:<8} {} {}",
            settings["channel_settings"], settings["provider_settings"]
        ));
    }
}

async fn call(method: Method, url: &str, token: &str, body: Option<Value>) -> Result<Value, String> {
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let request = Request::builder()
        .method(method)
        .uri(url)
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "application/json")
        .body(Full::from(body))
        .map_err(|error| format!("{url} is not a URL: {error}"))?;
    let answer = client.request(request).await.map_err(|error| format!("cannot reach {url}: {error}"))?;
    let status = answer.status();
    let bytes = answer.into_body().collect().await.map_err(|error| error.to_string())?.to_bytes();
    let value: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    if status.is_success() {
        return Ok(value);
    }
    let problems: Vec<String> = value["errors"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|e| {
            format!(
                "\n  {} {}",
                e["field"].as_str().unwrap_or_default(),
                e["message"].as_str().unwrap_or_default()
            )
        })
        .collect();
    Err(format!(
        "{} ({status}){}",
        value["message"].as_str().unwrap_or("the server refused"),
        problems.concat()
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_find_their_place() {
        for (provider, name, want) in [
            (Some("email_smtp"), "host", true),
            (Some("email_smtp"), "from_address", false),
            (Some("chat_slack"), "client_id", true),
            (Some("chat_slack"), "link_tracking", false),
            (Some("chat_slack"), "base_url", true),
            (None, "base_url", true),
            (None, "link_tracking", false),
        ] {
            assert_eq!(belongs_to_provider(provider, name), want, "{provider:?} {name}");
        }
    }
}
