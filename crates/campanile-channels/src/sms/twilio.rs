//! Twilio SMS: a form with basic authentication; errors carry a code of their own beside the status.

use campanile_core::workflow::ChannelType;
use serde_json::Value;

use crate::delivery::{BuildError, Delivery};
use crate::exchange::{HttpRequest, path_segment};
use crate::message::SmsMessage;
use crate::outcome::{self, Outcome, Reply};
use crate::overrides;
use crate::registry::{Connector, Provider};
use crate::setting::{Kind, Required, Setting};

const BASE: &str = "https://api.twilio.com";
/// Each sender type, which is also the name of the setting with the sender itself.
const FROM_TYPES: &[&str] = &["phone_number", "short_code", "messaging_service_sid"];

/// See the module.
pub const PROVIDER: Provider = Provider {
    key: "sms_twilio",
    name: "Twilio",
    channel_type: ChannelType::Sms,
    settings: &[
        Setting::text("account_id"),
        Setting::secret("auth_token"),
        Setting::text("from_type").kind(Kind::OneOf(FROM_TYPES)),
        Setting::text("phone_number").required(Required::When("from_type", "phone_number")),
        Setting::text("short_code").required(Required::When("from_type", "short_code")),
        Setting::text("messaging_service_sid").required(Required::When("from_type", "messaging_service_sid")),
    ],
    timeout_seconds: 30,
    connector: Connector::Sms { build, classify },
};

fn build(sms: &SmsMessage, delivery: &Delivery<'_>) -> Result<HttpRequest, BuildError> {
    let account = delivery.required("account_id")?;
    let token = delivery.required("auth_token")?;
    let (field, sender) = match delivery.setting("from_type").as_deref() {
        Some("messaging_service_sid") => ("MessagingServiceSid", delivery.required("messaging_service_sid")?),
        Some("short_code") => ("From", delivery.required("short_code")?),
        Some("phone_number") => ("From", delivery.required("phone_number")?),
        Some(_) => return Err(BuildError::invalid("from_type", "it is none of the sender types")),
        None => ("From", delivery.placeholder("from_type").and(delivery.placeholder("phone_number"))?),
    };
    let mut fields: Vec<(String, String)> =
        vec![("To".into(), sms.to.clone()), ("Body".into(), sms.body.clone()), (field.into(), sender)];
    if let Some(url) = delivery.status_callback {
        fields.push(("StatusCallback".into(), url.into()));
    }
    overrides::merge_form(&mut fields, &overrides::object(delivery.overrides)?);

    let url = delivery.url(BASE, &format!("/2010-04-01/Accounts/{}/Messages.json", path_segment(&account)));
    Ok(HttpRequest::post(url).with_basic(&account, &token).with_form(&fields))
}

fn classify(_: &SmsMessage, reply: Reply<'_>) -> Outcome {
    let Ok(answer) = reply.result else { return outcome::by_default(reply) };
    let body = answer.json();
    if answer.is_success() {
        return Outcome::Sent { external_id: body["sid"].as_str().map(str::to_owned) };
    }
    let text = body["message"].as_str().unwrap_or_default();
    match body["code"].as_u64() {
        Some(20429) => Outcome::Retry {
            reason: format!("Twilio 20429: {text}"),
            retry_after: outcome::retry_after(answer, reply.now),
        },
        Some(code @ (21211 | 21610 | 21614)) => Outcome::bounce(format!("Twilio {code}: {text}")),
        code => match (outcome::by_default(reply), code) {
            (Outcome::Fatal { .. }, Some(code)) => Outcome::fatal(format!("Twilio {code}: {text}")),
            (other, _) => other,
        },
    }
}

/// The final status in Twilio's status callbacks and polls, once known (channels.md 10.2).
pub fn final_status(answer: &Value) -> Option<&'static str> {
    match answer["status"].as_str().or(answer["MessageStatus"].as_str())? {
        "delivered" => Some("delivered"),
        "failed" => Some("bounced"),
        "undelivered" => Some("undelivered"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::outcome::tests::{answer, transport_errors, word};
    use crate::setting::Settings;
    use campanile_core::time::Timestamp;
    use serde_json::json;

    fn request(settings: Value, sandbox: bool, over: Option<Value>) -> Result<HttpRequest, BuildError> {
        let settings: Settings = settings.as_object().cloned().unwrap();
        let sms = SmsMessage { to: "+4915112345".into(), body: "Grüße & 1+1".into() };
        let delivery =
            Delivery { sandbox, overrides: over.as_ref(), ..Delivery::new("m1", &settings, Timestamp(0)) };
        build(&sms, &delivery)
    }

    #[test]
    fn builds() {
        let own =
            json!({"account_id":"AC1","auth_token":"s","from_type":"phone_number","phone_number":"+1555"});
        let service = json!({"account_id":"AC1","auth_token":"s","from_type":"messaging_service_sid","messaging_service_sid":"MG1","base_url":"http://127.0.0.1:9/twilio/"});
        for (settings, sandbox, over, url, body) in [
            (
                own.clone(),
                false,
                None,
                "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json",
                "To=%2B4915112345&Body=Gr%C3%BC%C3%9Fe+%26+1%2B1&From=%2B1555",
            ),
            (
                service,
                false,
                None,
                "http://127.0.0.1:9/twilio/2010-04-01/Accounts/AC1/Messages.json",
                "To=%2B4915112345&Body=Gr%C3%BC%C3%9Fe+%26+1%2B1&MessagingServiceSid=MG1",
            ),
            (
                own,
                false,
                Some(json!({"ContentSid":"HX1","Body":null})),
                "https://api.twilio.com/2010-04-01/Accounts/AC1/Messages.json",
                "To=%2B4915112345&From=%2B1555&ContentSid=HX1",
            ),
            (
                json!({}),
                true,
                None,
                "https://api.twilio.com/2010-04-01/Accounts/ACCOUNT_ID/Messages.json",
                "To=%2B4915112345&Body=Gr%C3%BC%C3%9Fe+%26+1%2B1&From=PHONE_NUMBER",
            ),
        ] {
            let request = request(settings, sandbox, over).unwrap();
            assert_eq!((request.method.as_str(), request.url.as_str()), ("POST", url));
            assert_eq!(String::from_utf8_lossy(&request.body), body);
            assert_eq!(request.header("content-type"), Some("application/x-www-form-urlencoded"));
        }
        let basic = request(
            json!({"account_id":"AC1","auth_token":"s","from_type":"short_code","short_code":"1"}),
            false,
            None,
        );
        assert_eq!(basic.unwrap().header("authorization"), Some("Basic QUMxOnM="));
    }

    #[test]
    fn cannot_build_without_settings() {
        for (settings, missing) in [
            (json!({}), "account_id"),
            (json!({"account_id":"AC1"}), "auth_token"),
            (json!({"account_id":"AC1","auth_token":"s"}), "from_type"),
            (json!({"account_id":"AC1","auth_token":"s","from_type":"short_code"}), "short_code"),
        ] {
            assert_eq!(request(settings, false, None), Err(BuildError::MissingSetting(missing)));
        }
    }

    #[test]
    fn classifies() {
        for (status, body, want) in [
            (201, r#"{"sid":"SM1"}"#, Outcome::sent("SM1")),
            (201, "<html>", Outcome::Sent { external_id: None }),
            (400, r#"{"code":21211,"message":"no"}"#, Outcome::bounce("Twilio 21211: no")),
            (400, r#"{"code":21610,"message":"no"}"#, Outcome::bounce("Twilio 21610: no")),
            (400, r#"{"code":21614,"message":"no"}"#, Outcome::bounce("Twilio 21614: no")),
            (401, r#"{"code":20003,"message":"no"}"#, Outcome::fatal("Twilio 20003: no")),
            (400, r#"{"code":21408,"message":"no"}"#, Outcome::fatal("Twilio 21408: no")),
            (429, r#"{"code":20429,"message":"slow"}"#, Outcome::retry("Twilio 20429: slow")),
            (429, "", Outcome::retry("HTTP 429")),
            (503, r#"{"code":20503}"#, Outcome::retry("HTTP 503")),
            (404, "", Outcome::fatal("HTTP 404")),
        ] {
            let answer = answer(status, body);
            let reply = Reply { result: Ok(&answer), now: Timestamp(0) };
            assert_eq!(classify(&SmsMessage::default(), reply), want, "{status} {body}");
        }
        for error in transport_errors() {
            let reply = Reply { result: Err(&error), now: Timestamp(0) };
            assert!(matches!(word(&classify(&SmsMessage::default(), reply)), "retry" | "fatal"));
        }
    }

    #[test]
    fn failed_means_bounced() {
        for (status, want) in [
            ("delivered", Some("delivered")),
            ("failed", Some("bounced")),
            ("undelivered", Some("undelivered")),
            ("sent", None),
        ] {
            assert_eq!(final_status(&json!({"status": status})), want);
        }
    }
}
