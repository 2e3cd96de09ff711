//! Subscriptions on both engines: one per pair, listed both ways, walked along in a stable order.

mod support;

use campanile_core::ids::{EnvId, new_run_id, recipient_run_id};
use campanile_core::recipient::RecipientRef;
use campanile_core::time::Timestamp;
use campanile_store::{
    Direction, PageRequest, RecipientRunRow, RunStatus, Store, SubscriberMark, SubscriptionRow,
    SubscriptionSide, Unit,
};
use support::on_both;
use uuid::Uuid;

const ENV: EnvId = EnvId(1);
const OTHER: EnvId = EnvId(2);

fn at(micros: i64) -> Timestamp {
    Timestamp(1_770_000_000_000_000 + micros)
}

async fn subscribe(
    store: &Store,
    env: EnvId,
    object: &str,
    recipients: &[&str],
    properties: Option<&str>,
    now: Timestamp,
) -> Vec<SubscriptionRow> {
    let object = object.to_owned();
    let recipients: Vec<String> = recipients.iter().map(|key| (*key).to_owned()).collect();
    let properties = properties.map(str::to_owned);
    store
        .transact(move |tx| {
            Box::pin(async move {
                for key in recipients.iter().chain([&object]) {
                    tx.touch_recipient(env, &RecipientRef::from_key(key), now).await?;
                }
                tx.upsert_subscriptions(env, &object, recipients, properties.as_deref(), now).await
            })
        })
        .await
        .unwrap()
}

async fn subscribers(store: &Store, object: &str) -> Vec<String> {
    let side = SubscriptionSide::Object(object.into(), None);
    let page = store.list_subscriptions(ENV, &side, &PageRequest::first(50)).await.unwrap();
    page.items.into_iter().map(|row| row.recipient).collect()
}

#[test]
fn writing_again_keeps_the_age_and_what_was_not_said() {
    on_both(async |store: Store| {
        let first = subscribe(&store, ENV, "p/1", &["ada", "ada", "t/1"], Some(r#"{"a":1}"#), at(0)).await;
        assert_eq!(first.len(), 2, "{first:?}");
        let again = subscribe(&store, ENV, "p/1", &["ada"], None, at(5)).await;
        let row = &again[0];
        assert_eq!((row.inserted_at, row.updated_at), (at(0), at(5)));
        assert_eq!(row.properties.as_deref(), Some(r#"{"a":1}"#));
        let replaced = subscribe(&store, ENV, "p/1", &["ada"], Some("{}"), at(6)).await;
        assert_eq!(replaced[0].properties.as_deref(), Some("{}"));
        assert_eq!(subscribers(&store, "p/1").await.len(), 2);
    });
}

#[test]
fn lists_page_both_ways_and_filters_pick() {
    on_both(async |store: Store| {
        for n in 0..7 {
            // Two at each instant: the key decides between them.
            subscribe(&store, ENV, "p/1", &[&format!("u{n}")], None, at(n / 2)).await;
            subscribe(&store, ENV, &format!("p/{n}"), &["ada"], None, at(n)).await;
        }
        subscribe(&store, OTHER, "p/1", &["stranger"], None, at(9)).await;
        let side = SubscriptionSide::Object("p/1".into(), None);
        let (mut all, mut cursor) = (Vec::new(), None);
        loop {
            let request = PageRequest { cursor: cursor.map(|c| (Direction::After, c)), size: 3 };
            let page = store.list_subscriptions(ENV, &side, &request).await.unwrap();
            all.extend(page.items.into_iter().map(|row| row.recipient));
            cursor = page.after;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!(all, ["u6", "u5", "u4", "u3", "u2", "ada", "u1", "u0"]);
        let newest = store.list_subscriptions(ENV, &side, &PageRequest::first(3)).await.unwrap();
        let second = PageRequest { cursor: newest.after.map(|c| (Direction::After, c)), size: 3 };
        let second = store.list_subscriptions(ENV, &side, &second).await.unwrap();
        let back = PageRequest { cursor: second.before.map(|c| (Direction::Before, c)), size: 3 };
        let back = store.list_subscriptions(ENV, &side, &back).await.unwrap();
        assert_eq!(back.items, newest.items);
        let only = |keys: &[&str]| Some(keys.iter().map(|key| (*key).to_owned()).collect::<Vec<_>>());
        let picked = SubscriptionSide::Object("p/1".into(), only(&["u0", "u6", "nobody"]));
        let picked = store.list_subscriptions(ENV, &picked, &PageRequest::first(50)).await.unwrap();
        let keys: Vec<_> = picked.items.iter().map(|row| row.recipient.as_str()).collect();
        assert_eq!(keys, ["u6", "u0"]);
        let of = SubscriptionSide::Recipient("ada".into(), only(&["p/5", "p/2"]));
        let of = store.list_subscriptions(ENV, &of, &PageRequest::first(50)).await.unwrap();
        let keys: Vec<_> = of.items.iter().map(|row| row.object.as_str()).collect();
        assert_eq!(keys, ["p/5", "p/2"]);
    });
}

#[test]
fn what_is_deleted_takes_its_subscriptions_on_both_sides() {
    on_both(async |store: Store| {
        subscribe(&store, ENV, "p/1", &["ada", "bob", "t/1"], None, at(0)).await;
        subscribe(&store, ENV, "t/1", &["ada"], None, at(1)).await;
        subscribe(&store, OTHER, "p/1", &["ada"], None, at(1)).await;
        let ended = store
            .transact(|tx| {
                Box::pin(async move {
                    tx.delete_subscriptions(ENV, "p/1", vec!["bob".into(), "nobody".into()]).await
                })
            })
            .await
            .unwrap();
        assert_eq!(ended.len(), 1);
        assert_eq!(subscribers(&store, "p/1").await, ["t/1", "ada"]);
        store.delete_recipient(ENV, &RecipientRef::user("ada")).await.unwrap();
        assert_eq!(subscribers(&store, "p/1").await, ["t/1"]);
        assert!(subscribers(&store, "t/1").await.is_empty());
        store.delete_recipient(ENV, &RecipientRef::object("p", "1")).await.unwrap();
        assert!(subscribers(&store, "p/1").await.is_empty());
        let others = SubscriptionSide::Object("p/1".into(), None);
        let others = store.list_subscriptions(OTHER, &others, &PageRequest::first(50)).await.unwrap();
        assert_eq!(others.items.len(), 1, "another environment lost a subscription");
    });
}

#[test]
fn a_walk_meets_everybody_once_in_order_and_knows_who_has_a_run() {
    on_both(async |store: Store| {
        for n in 0..10 {
            subscribe(&store, ENV, "p/1", &[&format!("u{n}")], None, at(n / 3)).await;
        }
        subscribe(&store, ENV, "p/1", &["late"], None, at(50)).await;
        let run = new_run_id(at(0));
        let had = RecipientRunRow {
            env: ENV,
            run,
            recipient: "u4".into(),
            id: recipient_run_id(run, "x"),
            status: RunStatus::Completed,
            error_count: 0,
            state: "{}".into(),
            log: "[]".into(),
            trigger_data: None,
            inserted_at: at(0),
        };
        store.commit(Unit { recipient_runs: vec![had], ..Unit::default() }).await.unwrap();
        let (mut met, mut mark): (Vec<(String, bool)>, Option<SubscriberMark>) = (Vec::new(), None);
        loop {
            let page = store.subscribers_after(ENV, "p/1", mark.as_ref(), at(49), run, 4).await.unwrap();
            met.extend(page.iter().map(|one| (one.mark.recipient.clone(), one.has_run)));
            let Some(last) = page.into_iter().last() else { break };
            mark = Some(last.mark);
        }
        let want: Vec<_> = (0..10).map(|n| (format!("u{n}"), n == 4)).collect();
        assert_eq!(met, want);
        let other = store.subscribers_after(ENV, "p/1", None, at(49), Uuid::nil(), 50).await.unwrap();
        assert!(other.iter().all(|one| !one.has_run), "a run of another workflow run counted");
    });
}

#[test]
fn only_objects_that_no_earlier_object_has_are_followed() {
    on_both(async |store: Store| {
        subscribe(&store, ENV, "p/1", &["u1", "t/1", "t/2"], None, at(0)).await;
        subscribe(&store, ENV, "p/2", &["t/3", "t/2", "u2"], None, at(1)).await;
        subscribe(&store, ENV, "p/2", &["t/0"], None, at(2)).await;
        let next = async |after: Option<SubscriberMark>, others: &[&str]| {
            let others = others.iter().map(|key| (*key).to_owned()).collect();
            let found =
                store.subscribed_objects_after(ENV, "p/2", after.as_ref(), at(9), others, 10).await.unwrap();
            found.into_iter().map(|mark| mark.recipient).collect::<Vec<_>>()
        };
        assert_eq!(next(None, &[]).await, ["t/2", "t/3", "t/0"]);
        assert_eq!(next(None, &["p/1"]).await, ["t/3", "t/0"]);
        let behind = SubscriberMark { inserted_at: at(1), recipient: "t/3".into() };
        assert_eq!(next(Some(behind), &["p/1"]).await, ["t/0"]);
        let some = store.some_subscriptions(ENV, vec!["p/1".into(), "p/9".into()], 3).await.unwrap();
        assert_eq!(some.len(), 3);
    });
}
