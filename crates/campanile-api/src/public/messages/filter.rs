//! The query parameters of message lists (delivery.md 15.1); all of them must hold.

use campanile_core::ids::{EnvId, Ksuid};
use campanile_core::message::{DeliveryStatus, Engagement, EngagementSet};
use campanile_core::problem::Problems;
use campanile_core::recipient::RecipientRef;
use campanile_store::MessageFilter;
use uuid::Uuid;

use crate::app::App;
use crate::error::ApiResult;
use crate::public::filters::{inserted_at, trigger_data, workflow_categories, workflows_of_categories};
use crate::query::Query;

/// Ids in one filter.
pub(super) const IDS_MAX: usize = 50;

/// The filter, or `None` when it names something that does not exist, so that nothing can match.
pub(super) async fn read(
    app: &App,
    env: EnvId,
    recipient: Option<RecipientRef>,
    mut query: Query,
) -> ApiResult<Option<MessageFilter>> {
    let (from, until) = inserted_at(&mut query);
    let mut problems = Problems::default();
    let statuses = statuses(&query.list("status"), &mut problems);
    let (engaged, not_engaged) = engagements(&query.list("engagement_status"), &mut problems);
    let ids = message_ids(&query.list("message_ids"), &mut problems);
    let run = uuid(&query, "workflow_run_id", &mut problems);
    let recipient_run = uuid(&query, "workflow_recipient_run_id", &mut problems);
    let wanted_data = trigger_data(&mut query);
    let categories = workflow_categories(&query);
    let channel = query.text("channel_id").map(|text| Uuid::parse_str(text).ok());
    let tenant = query.text("tenant").map(str::to_owned);
    let source = query.text("source").map(str::to_owned);
    if let Err(found) = problems.into_result(()) {
        query.problems.extend(found);
    }
    query.finish()?;

    let channel = match channel {
        None => None,
        Some(uuid) => {
            let catalog = app.engine().catalog();
            match uuid.and_then(|uuid| catalog.channel_by_uuid(uuid)) {
                Some(entry) => Some(entry.channel.id),
                None => return Ok(None),
            }
        }
    };
    let recipient_run = match recipient_run {
        None => None,
        Some(id) => match app.store().recipient_run(id).await? {
            Some(stored) if stored.run.env == env => Some((stored.run.id, stored.recipient_run.recipient)),
            _ => return Ok(None),
        },
    };
    Ok(Some(MessageFilter {
        recipient: recipient.map(|recipient| recipient.key()),
        tenant,
        channel,
        source,
        statuses,
        engaged: engaged.bits(),
        not_engaged: not_engaged.bits(),
        ids,
        workflows: workflows_of_categories(app, env, &categories).await?,
        run,
        recipient_run,
        trigger_data: wanted_data,
        from,
        until,
        retained_from: Some(app.engine().readable_since(env)),
    }))
}

fn statuses(names: &[&str], problems: &mut Problems) -> Vec<i64> {
    let mut codes = Vec::with_capacity(names.len());
    for name in names {
        match DeliveryStatus::from_wire(name) {
            Some(status) => codes.push(status.code()),
            None => {
                let known = DeliveryStatus::ALL.map(DeliveryStatus::as_str).join(", ");
                problems.add("status", format!("must be one of {known}"));
            }
        }
    }
    codes
}

/// What must be set and what must not be.
fn engagements(names: &[&str], problems: &mut Problems) -> (EngagementSet, EngagementSet) {
    let (mut engaged, mut not_engaged) = (EngagementSet::EMPTY, EngagementSet::EMPTY);
    for name in names {
        match (Engagement::from_wire(name), *name) {
            (Some(engagement), _) => engaged = engaged.with(engagement),
            (None, "unseen") => not_engaged = not_engaged.with(Engagement::Seen),
            (None, "unread") => not_engaged = not_engaged.with(Engagement::Read),
            (None, "unarchived") => not_engaged = not_engaged.with(Engagement::Archived),
            _ => problems.add(
                "engagement_status",
                "must be one of seen, unseen, read, unread, archived, unarchived, link_clicked, interacted",
            ),
        }
    }
    (engaged, not_engaged)
}

/// The ids that could exist; those of another form match nothing.
pub(super) fn message_ids(texts: &[&str], problems: &mut Problems) -> Option<Vec<Ksuid>> {
    if texts.len() > IDS_MAX {
        problems.add("message_ids", format!("should have at most {IDS_MAX} item(s)"));
    }
    (!texts.is_empty()).then(|| texts.iter().filter_map(|text| text.parse().ok()).collect())
}

fn uuid(query: &Query, name: &str, problems: &mut Problems) -> Option<Uuid> {
    let found = Uuid::parse_str(query.text(name)?).ok();
    if found.is_none() {
        problems.add(name, "is not a UUID");
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_statuses_and_engagements() {
        let mut problems = Problems::default();
        assert_eq!(statuses(&["sent", "bounced"], &mut problems), [6, 2]);
        let (engaged, not_engaged) = engagements(&["seen", "unread", "link_clicked"], &mut problems);
        assert_eq!((engaged.bits(), not_engaged.bits()), (1 | 8, 2));
        assert!(problems.is_empty());
        statuses(&["opened"], &mut problems);
        engagements(&["opened"], &mut problems);
        let refused = problems.into_result(()).unwrap_err();
        assert_eq!(
            refused.iter().map(|problem| problem.field.as_str()).collect::<Vec<_>>(),
            ["engagement_status", "status"]
        );
    }

    #[test]
    fn counts_message_ids() {
        let mut problems = Problems::default();
        assert_eq!(message_ids(&[], &mut problems), None);
        assert_eq!(message_ids(&["x"], &mut problems), Some(vec![]));
        assert!(problems.is_empty());
        message_ids(&["x"; 51], &mut problems);
        assert!(!problems.is_empty());
    }
}
