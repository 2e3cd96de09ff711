//! Lists filtered by trigger data find the same with the index as without it, on both engines.

mod support;

use campanile_core::ids::{ChannelId, EnvId, Ksuid, new_run_id};
use campanile_core::time::{Micros, Timestamp};
use campanile_store::{
    Direction, MessageFilter, MessageRow, MessageView, PageRequest, Store, TermIndexer, Unit,
};
use serde_json::{Map, Value, json};
use support::on_both;

const ENV: EnvId = EnvId(1);
const NOW: Timestamp = Timestamp(1_770_000_000_000_000);

fn message(n: i64, at: Timestamp, data: Option<&Value>) -> MessageRow {
    MessageRow {
        env: ENV,
        id: Ksuid::derived(at, &[&n.to_be_bytes()]),
        channel: ChannelId(1 + n % 2),
        recipient: format!("u{}", n % 7),
        run: new_run_id(at),
        workflow: "w".into(),
        step: "s".into(),
        tenant: None,
        status: if n % 50 == 0 { 2 } else { 7 },
        scheduled_at: None,
        content: "{}".into(),
        data: None,
        trigger_data: data.map(Value::to_string),
        metadata: None,
    }
}

/// Data of message `n`: common, rarer and unique members; now and then none, or too much to be indexed.
fn data(n: i64) -> Option<Value> {
    let plan = if n % 3 == 0 { "pro" } else { "free" };
    let mut data = json!({"app": "x", "report": n % 100, "plan": plan,
        "order": format!("o-{n}"), "ok": n % 2 == 0});
    match n % 60 {
        11 => return None,
        12 => return Some(json!({})),
        13 => data.as_object_mut().unwrap().extend((0..200).map(|m| (format!("m{m}"), json!(m)))),
        _ => {}
    }
    Some(data)
}

fn filter(wanted: Value) -> MessageFilter {
    let Value::Object(trigger_data) = wanted else { panic!("an object") };
    MessageFilter { trigger_data, ..MessageFilter::default() }
}

async fn write(store: &Store, messages: Vec<MessageRow>) {
    for chunk in messages.chunks(500) {
        store.commit(Unit { messages: chunk.to_vec(), ..Unit::default() }).await.unwrap();
    }
}

/// All pages from the newest on, then all the way back.
async fn all(store: &Store, filter: &MessageFilter, size: usize) -> Vec<MessageView> {
    let mut found: Vec<MessageView> = Vec::new();
    let mut request = PageRequest::first(size);
    let mut last = None;
    loop {
        let page = store.list_messages(ENV, filter, &request).await.unwrap();
        assert!(page.items.len() <= size);
        found.extend(page.items);
        last = page.before.or(last);
        let Some(after) = page.after else { break };
        request = PageRequest { cursor: Some((Direction::After, after)), size };
    }
    let mut back: Vec<MessageView> = Vec::new();
    while let Some(before) = last.take() {
        let request = PageRequest { cursor: Some((Direction::Before, before)), size };
        let mut page = store.list_messages(ENV, filter, &request).await.unwrap();
        last = page.before;
        page.items.append(&mut back);
        back = page.items;
    }
    if let Some(first) = back.first() {
        assert_eq!(first.row.id, found[0].row.id);
    }
    let overlap: Vec<Ksuid> = found.iter().take(back.len()).map(|one| one.row.id).collect();
    assert!(back.iter().map(|one| one.row.id).eq(overlap), "the way back differs");
    found
}

fn matches(stored: Option<&str>, wanted: &Map<String, Value>) -> bool {
    let stored: Map<String, Value> =
        stored.map(|text| serde_json::from_str(text).unwrap()).unwrap_or_default();
    wanted.iter().all(|(key, value)| match (stored.get(key), value) {
        (Some(Value::Number(a)), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (found, value) => found == Some(value),
    })
}

/// Every list equals what a plain comparison of all messages finds.
async fn check(store: &Store, written: &[MessageRow]) {
    let mut newest: Vec<&MessageRow> = written.iter().collect();
    newest.sort_by_key(|row| std::cmp::Reverse(row.id));
    let half = newest[newest.len() / 2].id.at();
    for (n, wanted) in [
        json!({"app": "x"}),
        json!({"report": 7}),
        json!({"report": 7.0, "plan": "pro"}),
        json!({"report": 8, "ok": false}),
        json!({"order": "o-1234"}),
        json!({"order": "o-1234", "app": "y"}),
        json!({"order": "o-133", "m3": 3}),
        json!({"m3": 3, "report": 73}),
        json!({"late": true}),
        json!({"report": "7"}),
        json!({"absent": null}),
    ]
    .into_iter()
    .enumerate()
    {
        let plain = filter(wanted.clone());
        let older = MessageFilter { until: Some(half), ..plain.clone() };
        let newer = MessageFilter { from: Some(half), channel: Some(ChannelId(2)), ..plain.clone() };
        let bounced = MessageFilter { statuses: vec![2], ..plain.clone() };
        for (filter, also) in [
            (&plain, &(|_: &MessageRow| true) as &dyn Fn(&MessageRow) -> bool),
            (&older, &|row| row.id.at() < half),
            (&newer, &|row| row.id.at() >= half && row.channel == ChannelId(2)),
            (&bounced, &|row| row.status == 2),
        ] {
            let expected: Vec<Ksuid> = newest
                .iter()
                .filter(|row| also(row) && matches(row.trigger_data.as_deref(), &filter.trigger_data))
                .map(|row| row.id)
                .collect();
            let size = if expected.len() > 500 { 1_999 } else { 17 + n };
            let found: Vec<Ksuid> = all(store, filter, size).await.iter().map(|one| one.row.id).collect();
            let differs = found.iter().zip(&expected).position(|(a, b)| a != b);
            assert_eq!((found.len(), differs), (expected.len(), None), "{wanted}");
        }
    }
}

async fn index(indexer: &mut TermIndexer, now: Timestamp) {
    // On PostgreSQL other tests' transactions on the same server may still be under way.
    for _ in 0..2_000 {
        while indexer.step(ENV, now).await.unwrap() {}
        if !indexer.is_waiting(ENV).await.unwrap() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    panic!("the index never caught up");
}

async fn segments(store: &Store) -> i64 {
    let sql = "SELECT COUNT(*) FROM term_segments";
    store.query_one(sql, &[]).await.unwrap().unwrap().int(0).unwrap()
}

#[test]
fn lists_by_trigger_data_find_the_same_with_and_without_the_index() {
    on_both(async |store: Store| {
        let mut indexer = TermIndexer::new(store.clone());
        let mut written = Vec::new();
        let mut at = NOW;
        // Messages come in bursts, some of them with one instant, as a fan-out makes them.
        for n in 0..3_600 {
            at = at + Micros(if n % 900 < 200 { 0 } else { 1 + n * 37 % 1_000 });
            written.push(message(n, at, data(n).as_ref()));
        }
        let (first, second) = written.split_at(2_700);
        write(&store, first.to_vec()).await;
        check(&store, first).await;
        index(&mut indexer, at + Micros::seconds(2)).await;
        assert!(segments(&store).await > 0);
        check(&store, first).await;
        // What comes now is walked, or late where the seal was ahead of it.
        write(&store, second.to_vec()).await;
        check(&store, &written).await;
        for n in 0..200 {
            let at = Timestamp(NOW.0 + n * 997);
            written.push(message(10_000 + n, at, Some(&json!({"late": n % 2 == 0, "report": n % 100}))));
        }
        write(&store, written[3_600..].to_vec()).await;
        check(&store, &written).await;
        index(&mut indexer, at + Micros::seconds(2_000)).await;
        check(&store, &written).await;
        let late = store.query_one("SELECT COUNT(*) FROM term_late", &[]).await.unwrap().unwrap();
        assert_eq!(late.int(0).unwrap(), 0);
        // Another environment sees nothing of it.
        let page = store.list_messages(EnvId(2), &filter(json!({"app": "x"})), &PageRequest::first(5)).await;
        assert!(page.unwrap().items.is_empty());
    });
}

#[test]
fn small_segments_are_merged_and_deleted_messages_leave_them() {
    on_both(async |store: Store| {
        let mut indexer = TermIndexer::new(store.clone());
        let mut written = Vec::new();
        for n in 0..9_600 {
            written.push(message(n, Timestamp(NOW.0 + n * 1_000), data(n).as_ref()));
            if n % 600 == 599 {
                write(&store, written[written.len() - 600..].to_vec()).await;
                index(&mut indexer, Timestamp(NOW.0 + n * 1_000 + 1_500_000)).await;
            }
        }
        // Sixteen were made; eight of them are one, and so are the others.
        let count = segments(&store).await;
        assert!((1..=9).contains(&count), "{count}");
        check(&store, &written).await;
        // Retention takes what is older; the segments hold the rest.
        let until = written[9_000].id.at();
        while store.prune_messages(until).await.unwrap() > 0 {}
        let later = Timestamp(NOW.0 + Micros::seconds(100 * 86_400).0);
        let entries = "SELECT COALESCE(SUM(LENGTH(lists)), 0) FROM term_pages";
        let bytes = async || {
            let sql = format!("SELECT CAST(({entries}) AS BIGINT)");
            store.query_one(&sql, &[]).await.unwrap().unwrap().int(0).unwrap()
        };
        let before = bytes().await;
        while indexer.trim(later, later).await.unwrap() {}
        let after = bytes().await;
        // Channels are unknown here, so nothing was pruned; after a real deletion nothing is left.
        assert!(after <= before);
        for n in 0..9 {
            let ids: Vec<_> = written[n * 1_000..(n + 1) * 1_000]
                .iter()
                .map(|row| campanile_store::Swept { id: row.id, flags: 0 })
                .collect();
            store
                .transact(move |tx| Box::pin(async move { tx.delete_swept(ENV, &ids).await }))
                .await
                .unwrap();
        }
        check(&store, &written[9_000..]).await;
        let later = later + Micros::seconds(31 * 86_400);
        while indexer.trim(later, later).await.unwrap() {}
        assert!(bytes().await * 8 < before, "{} of {before}", bytes().await);
        check(&store, &written[9_000..]).await;
    });
}

#[test]
fn two_indexers_at_once_lose_nothing() {
    on_both(async |store: Store| {
        let written: Vec<MessageRow> =
            (0..4_000).map(|n| message(n, Timestamp(NOW.0 + n * 600), data(n).as_ref())).collect();
        let steps = async |pause: u64| {
            let mut indexer = TermIndexer::new(store.clone());
            for n in 0..60i64 {
                // An error means that the other one was faster.
                let _ = indexer.step(ENV, Timestamp(NOW.0 + 1_000_000 + n * 50_000)).await;
                tokio::time::sleep(std::time::Duration::from_millis(pause)).await;
            }
        };
        let writes = async {
            for chunk in written.chunks(50) {
                store.commit(Unit { messages: chunk.to_vec(), ..Unit::default() }).await.unwrap();
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        };
        tokio::join!(steps(2), steps(3), writes);
        check(&store, &written).await;
        index(&mut TermIndexer::new(store.clone()), Timestamp(NOW.0 + 5_000_000)).await;
        assert!(segments(&store).await > 0);
        check(&store, &written).await;
    });
}
