//! `POST /v1/channels/{channel_id}/messages/bulk/{action}` (delivery.md 15.2, in-app.md section 8).

use axum::Json;
use axum::extract::State;
use campanile_core::message::{DeliveryStatus, Engagement, EngagementSet};
use campanile_core::problem::Problems;
use campanile_core::time::Timestamp;
use campanile_core::workflow::ChannelType;
use campanile_engine::engagement::Action;
use campanile_engine::{BULK_ROWS_MAX, BulkSubmission, MessageSweep, SweepAction};
use campanile_store::{SweepFilter, SweptTenants};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::access::TenantScope;
use crate::app::App;
use crate::auth::{ClientKey, SecretKey};
use crate::body::JsonObject;
use crate::error::{ApiError, ApiResult};
use crate::public::bulk::submit;
use crate::public::segments::Segments;

/// Messages counted before the answer at the most; the estimate grows while the operation runs.
const ESTIMATE_MAX: i64 = 10_000;

/// Changes or deletes the channel's messages that match.
pub(in crate::public) async fn update(
    key: ClientKey,
    secret: Result<SecretKey, ApiError>,
    State(app): State<App>,
    Segments((channel, action)): Segments<(String, String)>,
    JsonObject(body): JsonObject,
) -> ApiResult<Json<Value>> {
    let catalog = app.engine().catalog();
    let uuid = Uuid::parse_str(&channel).map_err(|_| ApiError::missing())?;
    let channel = catalog.channel_by_uuid(uuid).ok_or_else(ApiError::missing)?;
    let (action, name) = match (Action::from_wire(&action), action.as_str()) {
        (Some(engage), "archive") => (SweepAction::Engage(engage), "archived"),
        (Some(engage), "unarchive") => (SweepAction::Engage(engage), "unarchived"),
        (Some(engage), name) => (SweepAction::Engage(engage), name),
        (None, "delete") => (SweepAction::Delete, "delete"),
        (None, _) => return Err(ApiError::field("action", format!("must be one of {ACTIONS}"))),
    };
    let is_in_app = matches!(channel.kind, ChannelType::InAppFeed | ChannelType::InAppGuide);
    let mut filter = read(&body, is_in_app)?;
    let env = key.env;
    if let Some(confined) = &key.confined {
        // Whatever the body says (IA2.5).
        filter.recipients = key.only_user().map(str::to_owned).into_iter().collect();
        filter.tenants = narrowed(filter.tenants, &confined.tenants)?;
    }
    // A public key sees one user's messages at a time, so it must say whose.
    if secret.is_err() && filter.recipients.is_empty() {
        return Err(ApiError::field("recipient_ids", "can't be blank"));
    }
    filter.channel = channel.channel.id.0;
    if !is_in_app {
        // Others can be changed inside their retention only (IA8.8).
        filter.from = filter.from.max(Some(app.engine().readable_since(env).0));
    }
    let sweep = MessageSweep::new(filter, action);
    let rows_estimated = match sweep.filter.recipients.is_empty() {
        true => 0,
        false => app.store().count_swept(env, &sweep.filter, ESTIMATE_MAX).await?,
    };
    let submission = BulkSubmission {
        env,
        kind: "messages",
        name: Some(format!("messages.{name}")),
        scope: None,
        input: sweep.into_input(),
        rows_estimated: rows_estimated as usize,
    };
    submit(&app, submission).await
}

/// Leaves out the tenants that a user token does not name; naming one of them is refused (in-app.md IA3.6).
fn narrowed(asked: SweptTenants, scope: &TenantScope) -> ApiResult<SweptTenants> {
    let TenantScope::Only { tenants, untenanted } = scope else { return Ok(asked) };
    let check = |asked: &[String]| match asked.iter().all(|tenant| scope.allows(Some(tenant))) {
        true => Ok(()),
        false => Err(ApiError::access_denied()),
    };
    Ok(match (asked, untenanted) {
        (SweptTenants::All, true) => SweptTenants::OrNone(tenants.clone()),
        (SweptTenants::All, false) | (SweptTenants::Some, _) => SweptTenants::Only(tenants.clone()),
        (SweptTenants::None, true) => SweptTenants::None,
        (SweptTenants::None, false) => return Err(ApiError::access_denied()),
        (SweptTenants::OrNone(asked), true) => {
            check(&asked)?;
            SweptTenants::OrNone(asked)
        }
        (SweptTenants::OrNone(asked), false) | (SweptTenants::Only(asked), _) => {
            check(&asked)?;
            SweptTenants::Only(asked)
        }
    })
}

const ACTIONS: &str =
    "seen, unseen, read, unread, archived, unarchived, interacted, archive, unarchive, delete";

fn read(body: &Map<String, Value>, is_in_app: bool) -> ApiResult<SweepFilter> {
    let mut body = Filters { body, problems: Problems::default() };
    let mut filter = SweepFilter { shown_only: is_in_app, ..SweepFilter::default() };
    // One name in the document, another in every client SDK.
    filter.recipients = body.texts("recipient_ids");
    for user in body.texts("user_ids") {
        if !filter.recipients.contains(&user) {
            filter.recipients.push(user);
        }
    }
    if let Some(name) = body.text("delivery_status") {
        match DeliveryStatus::from_wire(&name) {
            Some(status) => filter.statuses.push(status.code()),
            None => {
                let known = DeliveryStatus::ALL.map(DeliveryStatus::as_str).join(", ");
                body.problems.add("delivery_status", format!("must be one of {known}"));
            }
        }
    }
    body.engagement(&mut filter);
    match body.text("archived").as_deref() {
        None | Some("include") => {}
        Some("exclude") => filter.not_engaged |= bit(Engagement::Archived),
        Some("only") => filter.engaged |= bit(Engagement::Archived),
        Some(_) => body.problems.add("archived", "must be one of exclude, include, only"),
    }
    let tenants = body.texts("tenants");
    let has_tenant = body.flag("has_tenant");
    filter.tenants = match (tenants.is_empty(), has_tenant) {
        (true, None) => SweptTenants::All,
        (true, Some(true)) => SweptTenants::Some,
        (_, Some(false)) => SweptTenants::None,
        // S17: "mark all" means what the feed shows.
        (false, None) if is_in_app => SweptTenants::OrNone(tenants),
        (false, _) => SweptTenants::Only(tenants),
    };
    filter.workflows = body.texts("workflows");
    filter.trigger_data = body.trigger_data();
    // Both bounds are exclusive; instants are microseconds.
    filter.from = body.datetime("newer_than").map(|at| at.0.saturating_add(1));
    filter.until = body.datetime("older_than").map(|at| at.0);
    body.problems.into_result(filter).map_err(ApiError::invalid)
}

fn bit(engagement: Engagement) -> i64 {
    EngagementSet::EMPTY.with(engagement).bits()
}

/// A body whose empty texts count as absent, for a mobile SDK sends them (IA8.7).
struct Filters<'b> {
    body: &'b Map<String, Value>,
    problems: Problems,
}

impl Filters<'_> {
    fn get(&self, name: &str) -> Option<&Value> {
        self.body.get(name).filter(|value| !value.is_null() && value.as_str() != Some(""))
    }

    fn text(&mut self, name: &str) -> Option<String> {
        let text = self.get(name)?.as_str().map(str::to_owned);
        if text.is_none() {
            self.problems.add(name, "must be a string");
        }
        text
    }

    fn flag(&mut self, name: &str) -> Option<bool> {
        let flag = self.get(name)?.as_bool();
        if flag.is_none() {
            self.problems.add(name, "must be true or false");
        }
        flag
    }

    /// A list of texts; one text is a list of one.
    fn texts(&mut self, name: &str) -> Vec<String> {
        let list: Vec<&Value> = match self.get(name) {
            None => return Vec::new(),
            Some(Value::Array(list)) => list.iter().collect(),
            Some(one @ Value::String(_)) => vec![one],
            Some(_) => {
                self.problems.add(name, "must be a list");
                return Vec::new();
            }
        };
        if list.len() > BULK_ROWS_MAX {
            self.problems.add(name, format!("should have at most {BULK_ROWS_MAX} item(s)"));
            return Vec::new();
        }
        let mut texts = Vec::with_capacity(list.len());
        let mut problems = Problems::default();
        for (n, value) in list.into_iter().enumerate() {
            match value.as_str() {
                Some("") => {}
                Some(text) if text.contains('\0') => {
                    problems.add(format!("{name}[{n}]"), "must not contain a NUL character");
                }
                Some(text) if texts.iter().any(|known| known == text) => {}
                Some(text) => texts.push(text.to_owned()),
                None => problems.add(format!("{name}[{n}]"), "must be a string"),
            }
        }
        if let Err(found) = problems.into_result(()) {
            self.problems.extend(found);
        }
        texts
    }

    fn datetime(&mut self, name: &str) -> Option<Timestamp> {
        let at = Timestamp::parse(&self.text(name)?);
        if at.is_none() {
            self.problems.add(name, "is not an ISO 8601 datetime");
        }
        at
    }

    fn engagement(&mut self, filter: &mut SweepFilter) {
        let Some(name) = self.text("engagement_status") else { return };
        match (Engagement::from_wire(&name), name.as_str()) {
            (Some(engagement), _) => filter.engaged |= bit(engagement),
            (None, "unseen") => filter.not_engaged |= bit(Engagement::Seen),
            (None, "unread") => filter.not_engaged |= bit(Engagement::Read),
            (None, "unarchived") => filter.not_engaged |= bit(Engagement::Archived),
            _ => self.problems.add(
                "engagement_status",
                "must be one of seen, unseen, read, unread, archived, unarchived, link_clicked, interacted",
            ),
        }
    }

    /// JSON text as documented, or the object itself.
    fn trigger_data(&mut self) -> Map<String, Value> {
        let parsed = match self.get("trigger_data") {
            None => return Map::new(),
            Some(Value::String(text)) => serde_json::from_str(text).unwrap_or_default(),
            Some(value) => value.clone(),
        };
        match parsed {
            Value::Object(map) if map.values().any(|value| value.is_object() || value.is_array()) => {
                self.problems.add("trigger_data", "must not hold nested values");
            }
            Value::Object(map) => return map.into_iter().map(crate::public::filters::without_nul).collect(),
            _ => self.problems.add("trigger_data", "must be a JSON object"),
        }
        Map::new()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn parsed(body: Value, is_in_app: bool) -> Result<SweepFilter, Vec<String>> {
        let Value::Object(body) = body else { unreachable!() };
        read(&body, is_in_app).map_err(|error| error.errors.into_iter().map(|one| one.field).collect())
    }

    #[test]
    fn tenants_mean_what_the_feed_shows() {
        let acme = || vec!["acme".to_owned()];
        for (body, in_app, other) in [
            (json!({}), SweptTenants::All, SweptTenants::All),
            (json!({"tenants": "", "has_tenant": ""}), SweptTenants::All, SweptTenants::All),
            (json!({"has_tenant": true}), SweptTenants::Some, SweptTenants::Some),
            (json!({"has_tenant": false, "tenants": ["acme"]}), SweptTenants::None, SweptTenants::None),
            (json!({"tenants": ["acme"]}), SweptTenants::OrNone(acme()), SweptTenants::Only(acme())),
            (
                json!({"tenants": ["acme"], "has_tenant": true}),
                SweptTenants::Only(acme()),
                SweptTenants::Only(acme()),
            ),
        ] {
            assert_eq!(parsed(body.clone(), true).expect("it is sound").tenants, in_app, "{body}");
            assert_eq!(parsed(body.clone(), false).expect("it is sound").tenants, other, "{body}");
        }
    }

    #[test]
    fn a_token_narrows_the_tenants() {
        let texts = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let scope = |untenanted| TenantScope::Only { tenants: texts(&["a", "b"]), untenanted };
        for (asked, untenanted, want) in [
            (SweptTenants::All, true, Some(SweptTenants::OrNone(texts(&["a", "b"])))),
            (SweptTenants::All, false, Some(SweptTenants::Only(texts(&["a", "b"])))),
            (SweptTenants::Some, true, Some(SweptTenants::Only(texts(&["a", "b"])))),
            (SweptTenants::None, true, Some(SweptTenants::None)),
            (SweptTenants::None, false, None),
            (SweptTenants::OrNone(texts(&["a"])), true, Some(SweptTenants::OrNone(texts(&["a"])))),
            (SweptTenants::OrNone(texts(&["a"])), false, Some(SweptTenants::Only(texts(&["a"])))),
            (SweptTenants::OrNone(texts(&["a", "c"])), true, None),
            (SweptTenants::Only(texts(&["c"])), true, None),
        ] {
            assert_eq!(narrowed(asked.clone(), &scope(untenanted)).ok(), want, "{asked:?} {untenanted}");
            assert_eq!(narrowed(asked.clone(), &TenantScope::Any).ok(), Some(asked));
        }
    }

    #[test]
    fn every_problem_is_named() {
        let body = json!({
            "recipient_ids": [7], "user_ids": {}, "delivery_status": "gone", "engagement_status": "opened",
            "archived": "yes", "tenants": 1, "has_tenant": "true", "workflows": [[]], "trigger_data": "[]",
            "older_than": "yesterday", "newer_than": 5,
        });
        let mut fields = parsed(body, true).expect_err("nothing of it is sound");
        fields.sort();
        assert_eq!(
            fields,
            [
                "archived",
                "delivery_status",
                "engagement_status",
                "has_tenant",
                "newer_than",
                "older_than",
                "recipient_ids[0]",
                "tenants",
                "trigger_data",
                "user_ids",
                "workflows[0]",
            ]
        );
    }

    #[test]
    fn both_names_of_recipients_unite() {
        let filter = parsed(json!({"recipient_ids": ["a", "b"], "user_ids": ["b", "c", ""]}), true);
        assert_eq!(filter.expect("it is sound").recipients, ["a", "b", "c"]);
    }
}
