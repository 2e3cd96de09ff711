//! Message statuses (7.4).

use serde_json::json;

use super::{Steps, verdict_with};
use crate::condition::{MessageStatus, StepOutcome};
use crate::message::{DeliveryStatus, Engagement};

#[test]
fn asks_message_statuses() {
    use DeliveryStatus as D;
    let messages = |list: &[(D, &[Engagement])]| {
        let status = |&(delivery, members): &(D, &[Engagement])| MessageStatus {
            delivery,
            engagement: members.iter().copied().collect(),
        };
        StepOutcome::Messages(list.iter().map(status).collect())
    };
    const SENT: (&str, &str, &str) = ("delivery_status", "greater_than_or_equal_to", "$message.sent");
    const NOT_SENT: (&str, &str, &str) = ("delivery_status", "less_than", "$message.sent");
    const DELIVERED: (&str, &str, &str) =
        ("delivery_status", "greater_than_or_equal_to", "$message.delivered");
    const BOUNCED: (&str, &str, &str) = ("delivery_status", "equal_to", "$message.bounced");
    const FAILED: (&str, &str, &str) = ("delivery_status", "equal_to", "$message.undelivered");
    const SKIPPED: (&str, &str, &str) = ("delivery_status", "equal_to", "$message.skipped");
    const NOT_SKIPPED: (&str, &str, &str) = ("delivery_status", "not_equal_to", "$message.skipped");
    const SEEN: (&str, &str, &str) = ("engagement_status", "contains", "$message.seen");
    const NOT_SEEN: (&str, &str, &str) = ("engagement_status", "not_contains", "$message.seen");
    const SEEN_UNREAD: (&str, &str, &str) = ("engagement_status", "contains", "$message.seen_not_read");
    const READ_NO_CLICK: (&str, &str, &str) =
        ("engagement_status", "contains", "$message.read_not_link_clicked");
    let check = |outcome: StepOutcome, wants: &[((&str, &str, &str), bool)]| {
        let steps = Steps(vec![("email_1", outcome.clone())]);
        for ((property, operator, argument), want) in wants {
            let variable = format!("refs.email_1.{property}");
            let document =
                json!({"all": [{"variable": variable, "operator": operator, "argument": argument}]});
            let verdict = verdict_with(&json!({}), &document, &steps);
            assert_eq!(verdict.holds, *want, "{outcome:?} {property} {operator} {argument}");
        }
    };
    // The table below R7.13.
    check(
        messages(&[(D::Queued, &[])]),
        &[(SENT, false), (NOT_SENT, true), (BOUNCED, false), (SKIPPED, false), (NOT_SEEN, true)],
    );
    check(
        messages(&[(D::Bounced, &[])]),
        &[(SENT, false), (NOT_SENT, true), (BOUNCED, true), (SKIPPED, false), (NOT_SEEN, true)],
    );
    check(
        messages(&[(D::Delivered, &[Engagement::Read])]),
        &[(SENT, true), (NOT_SENT, false), (BOUNCED, false), (SKIPPED, false), (NOT_SEEN, true)],
    );
    check(
        StepOutcome::Skipped,
        &[(SENT, false), (NOT_SENT, true), (BOUNCED, false), (SKIPPED, true), (NOT_SEEN, true)],
    );
    check(messages(&[]), &[(SKIPPED, true), (NOT_SKIPPED, false)]);
    check(messages(&[(D::NotSent, &[])]), &[(SENT, false), (NOT_SENT, true)]);
    check(messages(&[(D::Undelivered, &[])]), &[(FAILED, true), (NOT_SKIPPED, true)]);
    check(messages(&[(D::Delivered, &[])]), &[(DELIVERED, true), (SENT, true)]);
    // R7.11 and the worked example of delivery.md 2.2.
    check(
        messages(&[(D::Delivered, &[]), (D::Sent, &[Engagement::Seen])]),
        &[(DELIVERED, false), (SEEN, true), (SEEN_UNREAD, true)],
    );
    check(messages(&[(D::Bounced, &[]), (D::Sent, &[])]), &[(SENT, true), (BOUNCED, false)]);
    check(
        messages(&[(D::Sent, &[Engagement::Seen, Engagement::Read])]),
        &[(SEEN_UNREAD, false), (READ_NO_CLICK, true)],
    );
    check(messages(&[(D::Sent, &[Engagement::Read, Engagement::LinkClicked])]), &[(READ_NO_CLICK, false)]);
    // R7.12
    check(
        StepOutcome::Expired,
        &[
            (SENT, false),
            (NOT_SENT, false),
            (SKIPPED, false),
            (NOT_SKIPPED, false),
            (SEEN, false),
            (NOT_SEEN, false),
        ],
    );
}
