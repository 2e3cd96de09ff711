//! What the store promises, on both engines. PostgreSQL runs when CAMPANILE_TEST_DATABASE_URL names a server; each
//! test gets a schema of its own there, and a directory of its own for SQLite.

mod support;

use campanile_core::ids::{ChannelId, EnvId, Ksuid, new_run_id, recipient_run_id};
use campanile_core::recipient::RecipientRef;
use campanile_core::time::{Micros, Timestamp};
use campanile_store::{
    Direction, EventRow, FeedFilter, IdempotencyRow, JobKind, JobRow, MessageFilter, MessageRow, NewVersion,
    Outcome, PageRequest, RecipientRunRow, ResourceKind, RunRow, RunStatus, ShortLinkRow, Store, Unit,
};
use serde_json::json;
use support::on_both;
use uuid::Uuid;

const ENV: EnvId = EnvId(1);
const NOW: Timestamp = Timestamp(1_770_000_000_000_000);
const LEASE: Micros = Micros::seconds(90);

fn run_row(id: Uuid) -> RunRow {
    RunRow {
        id,
        env: ENV,
        workflow: "w".into(),
        version: Uuid::nil(),
        tenant: None,
        actor: None,
        data: Some(r#"{"n":1}"#.into()),
        cancellation_key: Some("k".into()),
        flags: 0,
        pending: None,
        origin: None,
        inserted_at: NOW,
    }
}

fn recipient_run(run: Uuid, recipient: &str, status: RunStatus) -> RecipientRunRow {
    RecipientRunRow {
        env: ENV,
        run,
        recipient: recipient.into(),
        id: recipient_run_id(run, &RecipientRef::user(recipient).gid()),
        status,
        error_count: 0,
        state: "{}".into(),
        log: "[]".into(),
        trigger_data: None,
        inserted_at: NOW,
    }
}

fn message(run: Uuid, recipient: &str, n: i64, trigger_data: Option<&str>) -> MessageRow {
    MessageRow {
        env: ENV,
        id: Ksuid::derived(Timestamp(NOW.0 + n), &[run.as_bytes(), recipient.as_bytes()]),
        channel: ChannelId(1),
        recipient: recipient.into(),
        run,
        workflow: "w".into(),
        step: "s".into(),
        tenant: (n % 2 == 0).then(|| "acme".to_owned()),
        status: 7,
        scheduled_at: None,
        content: "{}".into(),
        data: None,
        trigger_data: trigger_data.map(str::to_owned),
        metadata: None,
    }
}

fn job(target: &[u8], due_at: Timestamp) -> JobRow {
    JobRow {
        target: target.to_vec(),
        kind: JobKind::Resume,
        env: ENV,
        due_at,
        run_at: due_at,
        claim: 0,
        attempt: 0,
        first_at: None,
        payload: None,
    }
}

async fn commit(store: &Store, unit: Unit) -> Outcome {
    store.commit(unit).await.expect("the database answers")
}

#[test]
fn two_nodes_never_hold_one_job_and_an_expired_lease_comes_back() {
    on_both(async |store: Store| {
        let jobs = (0..20u8).map(|n| job(&[n; 16], NOW)).collect();
        commit(&store, Unit { jobs, ..Unit::default() }).await;
        let (one, two) =
            tokio::join!(store.claim_due(NOW, LEASE, 11, 12), store.claim_due(NOW, LEASE, 22, 12));
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!(one.len() + two.len(), 20);
        assert!(one.iter().all(|a| two.iter().all(|b| a.target != b.target)));
        assert!(store.claim_due(NOW, LEASE, 33, 50).await.unwrap().is_empty());
        // After the lease another node takes over, and the first holder's unit writes nothing any more.
        let later = NOW + LEASE;
        let taken = store.claim_due(later, LEASE, 33, 50).await.unwrap();
        assert_eq!(taken.len(), 20);
        assert!(taken.iter().all(|claim| claim.attempt == 2 && claim.first_at == Some(NOW)));
        let mut stale = Unit::finishing(one[0].clone());
        stale.runs.push(run_row(new_run_id(NOW)));
        let id = stale.runs[0].id;
        assert!(matches!(commit(&store, stale).await, Outcome::Superseded));
        assert!(store.workflow_run(id).await.unwrap().is_none());
        for claim in taken {
            assert!(matches!(commit(&store, Unit::finishing(claim)).await, Outcome::Committed));
        }
        assert_eq!(store.next_run_at().await.unwrap(), None);
    });
}

#[test]
fn jobs_are_never_claimed_early_and_keep_their_instant() {
    on_both(async |store: Store| {
        let due_at = NOW + Micros::seconds(60);
        commit(&store, Unit { jobs: vec![job(&[1; 16], due_at)], ..Unit::default() }).await;
        let early = Timestamp(due_at.0 - 1);
        assert!(store.claim_due(early, LEASE, 1, 10).await.unwrap().is_empty());
        let late = due_at + Micros::seconds(3_600);
        let claims = store.claim_due(late, LEASE, 1, 10).await.unwrap();
        assert_eq!(claims[0].due_at, due_at);
        // Given back by another than its holder: nothing happens. By its holder: it can be claimed at once.
        let stranger = campanile_store::Claim { token: 9, ..claims[0].clone() };
        store.release_claim(&stranger).await.unwrap();
        assert!(store.claim_due(late, LEASE, 2, 10).await.unwrap().is_empty());
        store.release_claim(&claims[0]).await.unwrap();
        let claims = store.claim_due(late, LEASE, 2, 10).await.unwrap();
        assert_eq!((claims.len(), claims[0].due_at), (1, due_at));
        // Put off: not before its new instant, without a claim.
        let again = late + Micros::seconds(10);
        commit(&store, Unit::putting_off(claims[0].clone(), again, Some("p".into()))).await;
        assert!(store.claim_due(late, LEASE, 1, 10).await.unwrap().is_empty());
        let claims = store.claim_due(again, LEASE, 1, 10).await.unwrap();
        assert_eq!((claims[0].payload.as_deref(), claims[0].attempt), (Some("p"), 3));
    });
}

#[test]
fn an_idempotency_key_admits_one_run_for_a_day() {
    on_both(async |store: Store| {
        let unit = |id: Uuid, at: Timestamp| Unit {
            runs: vec![run_row(id)],
            idempotency: Some(IdempotencyRow {
                env: ENV,
                key: "trigger w k".into(),
                request_hash: [7; 32],
                request_id: id.to_string(),
                body: "b".into(),
                created_at: at,
            }),
            ..Unit::default()
        };
        let ids: Vec<Uuid> = (0..8).map(|_| new_run_id(NOW)).collect();
        let all = ids.iter().map(|id| store.commit(unit(*id, NOW)));
        let outcomes = futures_util::future::join_all(all).await;
        let committed = outcomes.iter().filter(|o| matches!(o, Ok(Outcome::Committed))).count();
        assert_eq!(committed, 1, "{outcomes:?}");
        let stored = store.workflow_runs(&ids).await.unwrap();
        assert_eq!(stored.len(), 1);
        let kept = store.kept_reply(ENV, "trigger w k", NOW).await.unwrap().unwrap();
        assert_eq!(kept.request_id, stored[0].id.to_string());
        assert!(store.kept_reply(EnvId(2), "trigger w k", NOW).await.unwrap().is_none());
        let tomorrow = NOW + Micros::seconds(86_401);
        assert!(store.kept_reply(ENV, "trigger w k", tomorrow).await.unwrap().is_none());
        assert!(matches!(commit(&store, unit(new_run_id(tomorrow), tomorrow)).await, Outcome::Committed));
    });
}

#[test]
fn writing_a_unit_twice_changes_nothing() {
    on_both(async |store: Store| {
        let id = new_run_id(NOW);
        let unit = || Unit {
            runs: vec![run_row(id)],
            recipient_runs: vec![recipient_run(id, "u1", RunStatus::Completed)],
            messages: vec![message(id, "u1", 1, None)],
            events: vec![EventRow {
                message: message(id, "u1", 1, None).id,
                seq: 0,
                kind: 1,
                data: None,
                inserted_at: NOW,
            }],
            ..Unit::default()
        };
        commit(&store, unit()).await;
        commit(&store, unit()).await;
        let page =
            store.list_messages(ENV, &MessageFilter::default(), &PageRequest::first(10)).await.unwrap();
        assert_eq!(page.items.len(), 1);
        let events = store.message_events(page.items[0].row.id, &PageRequest::first(10)).await.unwrap();
        assert_eq!(events.items.len(), 1);
    });
}

#[test]
fn cancelling_takes_back_the_timer_of_a_claimed_step() {
    on_both(async |store: Store| {
        let id = new_run_id(NOW);
        let paused = recipient_run(id, "u1", RunStatus::Paused);
        let target = paused.id;
        let other = recipient_run(id, "u2", RunStatus::Paused);
        let jobs = vec![job(target.as_bytes(), NOW), job(other.id.as_bytes(), NOW)];
        commit(
            &store,
            Unit { runs: vec![run_row(id)], recipient_runs: vec![paused, other], jobs, ..Unit::default() },
        )
        .await;
        let claims = store.claim_due(NOW, LEASE, 1, 10).await.unwrap();
        assert_eq!(claims.len(), 2);
        let only = Some(vec![RecipientRef::user("u1")]);
        let count =
            store.cancel_runs(ENV, "w", "k", only, NOW, |_, _| ("{}".into(), "[]".into())).await.unwrap();
        assert_eq!(count, 1);
        for claim in claims {
            let mine = claim.target == target.as_bytes();
            let mut unit = Unit::finishing(claim);
            unit.messages.push(message(id, if mine { "u1" } else { "u2" }, 5, None));
            let outcome = commit(&store, unit).await;
            assert_eq!(matches!(outcome, Outcome::Superseded), mine);
        }
        let stored = store.recipient_run(target).await.unwrap().unwrap();
        assert_eq!(stored.recipient_run.status, RunStatus::Cancelled);
        let page =
            store.list_messages(ENV, &MessageFilter::default(), &PageRequest::first(10)).await.unwrap();
        assert_eq!(page.items.iter().map(|m| m.row.recipient.as_str()).collect::<Vec<_>>(), ["u2"]);
    });
}

#[test]
fn long_jobs_leave_room_for_the_others() {
    on_both(async |store: Store| {
        let expand = |n: u8| JobRow { kind: JobKind::Expand, ..job(&[n; 16], NOW) };
        let later = NOW + Micros::seconds(1);
        let jobs = (0..9).map(expand).chain((0..3).map(|n| job(&[n; 16], later))).collect();
        commit(&store, Unit { jobs, ..Unit::default() }).await;
        assert_eq!(store.next_run_at().await.unwrap(), Some(NOW));
        assert_eq!(store.next_short_run_at().await.unwrap(), Some(later));
        for (short, long, want) in [(5, 2, (3, 2)), (5, 4, (0, 4)), (5, 0, (0, 0)), (0, 9, (0, 3))] {
            let claims = store.claim_within(later, LEASE, 1, short, long).await.unwrap();
            let long = claims.iter().filter(|claim| claim.kind.is_long()).count();
            assert_eq!((claims.len() - long, long), want);
        }
    });
}

#[test]
fn a_claim_that_was_taken_back_writes_nothing_though_its_node_claims_again() {
    on_both(async |store: Store| {
        commit(&store, Unit { jobs: vec![job(&[1; 16], NOW)], ..Unit::default() }).await;
        let first = store.claim_due(NOW, LEASE, 7, 1).await.unwrap().remove(0);
        let later = NOW + LEASE;
        let second = store.claim_due(later, LEASE, 7, 1).await.unwrap().remove(0);
        let continuing = Unit::continuing(first.clone(), later + LEASE, Some("first".into()));
        assert!(matches!(commit(&store, continuing).await, Outcome::Superseded));
        let put_off = Unit::putting_off(first.clone(), later, Some("first".into()));
        assert!(matches!(commit(&store, put_off).await, Outcome::Superseded));
        store.release_claim(&first).await.unwrap();
        // Several at once go another way on PostgreSQL.
        let (one, two) = tokio::join!(
            commit(&store, Unit::finishing(first.clone())),
            commit(&store, Unit::finishing(first))
        );
        assert!(matches!((one, two), (Outcome::Superseded, Outcome::Superseded)));
        assert_eq!(second.attempt, 2);
        assert!(matches!(commit(&store, Unit::finishing(second)).await, Outcome::Committed));
    });
}

#[test]
fn cancelling_reaches_named_recipients_that_are_not_expanded_yet() {
    on_both(async |store: Store| {
        let id = new_run_id(NOW);
        let waiting = RunRow { pending: Some("[]".into()), ..run_row(id) };
        let expand = JobRow { kind: JobKind::Expand, ..job(id.as_bytes(), NOW) };
        commit(&store, Unit { runs: vec![waiting], jobs: vec![expand], ..Unit::default() }).await;
        let claim = store.claim_due(NOW, LEASE, 1, 10).await.unwrap().remove(0);
        assert!(!store.has_cancelled_recipients(id).await.unwrap());
        let named = || Some(vec![RecipientRef::user("u1"), RecipientRef::object("c", "o")]);
        let cancel = async || {
            store.cancel_runs(ENV, "w", "k", named(), NOW, |_, _| ("{}".into(), "[]".into())).await.unwrap()
        };
        assert_eq!(cancel().await, 0);
        // The piece that was in the making did not know: it is not written, and the job can be claimed at once.
        let mut piece = Unit::continuing(claim, NOW + LEASE, Some("1".into()));
        piece.recipient_runs.push(recipient_run(id, "u1", RunStatus::Paused));
        assert!(matches!(commit(&store, piece).await, Outcome::Superseded));
        let claim = store.claim_due(NOW, LEASE, 1, 10).await.unwrap().remove(0);
        assert_eq!((claim.payload.as_deref(), claim.attempt), (None, 2));
        assert!(store.has_cancelled_recipients(id).await.unwrap());
        let keys = ["u1", "u2", "c/o"].map(str::to_owned).to_vec();
        let mut cancelled: Vec<_> =
            store.cancelled_recipients(id, keys.clone()).await.unwrap().into_iter().collect();
        cancelled.sort();
        assert_eq!(cancelled, ["c/o", "u1"]);
        assert_eq!(cancel().await, 0, "again");
        let claim = store.claim_due(NOW, LEASE, 1, 10).await.unwrap().remove(0);
        let mut last = Unit::finishing(claim);
        last.expanded.push(id);
        assert!(matches!(commit(&store, last).await, Outcome::Committed));
        assert!(!store.has_cancelled_recipients(id).await.unwrap(), "gone with the end of the expansion");
        assert_eq!(cancel().await, 0);
        assert!(!store.has_cancelled_recipients(id).await.unwrap(), "nobody waits any more");
    });
}

#[test]
fn lists_page_in_both_directions_and_stay_inside_their_environment() {
    on_both(async |store: Store| {
        let id = new_run_id(NOW);
        let messages = (1..=5).map(|n| message(id, "u1", n, None)).collect();
        commit(&store, Unit { runs: vec![run_row(id)], messages, ..Unit::default() }).await;
        let filter = MessageFilter::default();
        let at = |n: i64| message(id, "u1", n, None).id;
        let first = store.list_messages(ENV, &filter, &PageRequest::first(2)).await.unwrap();
        assert_eq!(first.items.iter().map(|m| m.row.id).collect::<Vec<_>>(), [at(5), at(4)]);
        let next = PageRequest { cursor: Some((Direction::After, first.after.unwrap())), size: 2 };
        let second = store.list_messages(ENV, &filter, &next).await.unwrap();
        assert_eq!(second.items.iter().map(|m| m.row.id).collect::<Vec<_>>(), [at(3), at(2)]);
        let back = PageRequest { cursor: Some((Direction::Before, second.before.unwrap())), size: 2 };
        let again = store.list_messages(ENV, &filter, &back).await.unwrap();
        assert_eq!(again.items.iter().map(|m| m.row.id).collect::<Vec<_>>(), [at(5), at(4)]);
        let foreign = store.list_messages(EnvId(2), &filter, &PageRequest::first(10)).await.unwrap();
        assert!(foreign.items.is_empty());
        assert!(store.message(EnvId(2), at(1)).await.unwrap().is_none());
    });
}

#[test]
fn trigger_data_filters_are_typed() {
    on_both(async |store: Store| {
        let id = new_run_id(NOW);
        let data = json!({"plan": "pro", "n": 3, "b": true, "z": null, "q'\"": "é", "s": "1"}).to_string();
        let messages = vec![message(id, "u1", 1, Some(&data)), message(id, "u1", 2, None)];
        commit(&store, Unit { runs: vec![run_row(id)], messages, ..Unit::default() }).await;
        for (wanted, count) in [
            (json!({"plan": "pro"}), 1),
            (json!({"plan": "pro", "n": 3}), 1),
            (json!({"n": 3.0}), 1),
            (json!({"n": "3"}), 0),
            (json!({"s": 1}), 0),
            (json!({"b": true}), 1),
            (json!({"b": 1}), 0),
            (json!({"z": null}), 1),
            (json!({"plan": null}), 0),
            (json!({"q'\"": "é"}), 1),
            (json!({"absent": "x"}), 0),
        ] {
            let filter = MessageFilter {
                trigger_data: wanted.as_object().cloned().unwrap(),
                ..MessageFilter::default()
            };
            let page = store.list_messages(ENV, &filter, &PageRequest::first(10)).await.unwrap();
            assert_eq!(page.items.len(), count, "{wanted}");
        }
    });
}

#[test]
fn short_links_are_written_once_and_stay() {
    on_both(async |store: Store| {
        let id = new_run_id(NOW);
        let row = message(id, "u1", 1, None);
        let link = |message: Ksuid, link: i64, key: &str| ShortLinkRow {
            key: key.into(),
            message,
            link,
            env: ENV,
            target: format!("https://a.io/{link}"),
        };
        let first = vec![link(row.id, 0, "aaaaaaaaaa"), link(row.id, 1, "AAAAAAAAAA")];
        for _ in 0..2 {
            let unit = Unit { messages: vec![row.clone()], short_links: first.clone(), ..Unit::default() };
            commit(&store, unit).await;
        }
        assert_eq!(store.short_link("aaaaaaaaaa").await.unwrap(), Some(first[0].clone()));
        assert_eq!(store.short_link("AAAAAAAAAA").await.unwrap(), Some(first[1].clone()), "case counts");
        assert_eq!(store.short_link("aaaaaaaaab").await.unwrap(), None);
        // Nobody is led to what was sent to another, should two keys ever be the same.
        let other = Ksuid::floor(NOW);
        let unit = Unit { short_links: vec![link(other, 7, "aaaaaaaaaa")], ..Unit::default() };
        commit(&store, unit).await;
        assert_eq!(store.short_link("aaaaaaaaaa").await.unwrap(), None);
    });
}

#[test]
fn feed_counts_ignore_the_status_filter_where_they_must() {
    on_both(async |store: Store| {
        let id = new_run_id(NOW);
        let messages: Vec<MessageRow> = (1..=4).map(|n| message(id, "u1", n, None)).collect();
        let ids: Vec<Ksuid> = messages.iter().map(|m| m.id).collect();
        commit(&store, Unit { runs: vec![run_row(id)], messages, ..Unit::default() }).await;
        let read = campanile_store::Engagement {
            set: vec![("read_at", 2)],
            also: None,
            first: None,
            clear: Vec::new(),
            event: 11,
            event_data: None,
        };
        let changed = store.engage(ENV, vec![ids[0]], read.clone(), NOW).await.unwrap();
        assert_eq!(changed[0].read_at, Some(NOW));
        assert!(store.engage(EnvId(2), vec![ids[1]], read, NOW).await.unwrap().is_empty());
        let filter = FeedFilter { status: Some((2, true)), ..FeedFilter::default() };
        let counts = store.feed_counts(ENV, "u1", ChannelId(1), &filter).await.unwrap();
        assert_eq!((counts.total, counts.unread, counts.unseen), (1, 3, 4));
        let page = store.feed(ENV, "u1", ChannelId(1), &filter, &PageRequest::first(10)).await.unwrap();
        assert_eq!(page.items.len(), 1);
        let none = store.feed_counts(ENV, "u2", ChannelId(1), &FeedFilter::default()).await.unwrap();
        assert_eq!(none.total, 0);
    });
}

#[test]
fn a_failing_transaction_undoes_only_itself() {
    on_both(async |store: Store| {
        let bad = store.transact(|tx| {
            Box::pin(async move {
                tx.set_setting("a", "1").await?;
                tx.execute("INSERT INTO settings (key, value) VALUES ('a', '2')", &[]).await
            })
        });
        let good = store.transact(|tx| Box::pin(async move { tx.set_setting("b", "1").await }));
        let (bad, good) = tokio::join!(bad, good);
        assert!(bad.is_err());
        good.unwrap();
        assert_eq!(store.setting("a").await.unwrap(), None);
        assert_eq!(store.setting("b").await.unwrap().as_deref(), Some("1"));
    });
}

#[test]
fn versions_are_saved_published_and_told_apart() {
    on_both(async |store: Store| {
        let new = |sha: &str| NewVersion {
            env: ENV,
            kind: ResourceKind::Workflow,
            key: "w".into(),
            content: format!("{{\"v\":\"{sha}\"}}"),
            sha: sha.into(),
        };
        let (one, same, two) = (new("a"), new("a"), new("b"));
        let (first, again, published) = store
            .transact(move |tx| {
                Box::pin(async move {
                    let first = tx.save_version(&one, true, false, NOW).await?;
                    let mut again = tx.save_version(&same, true, false, NOW).await?;
                    tx.publish(&mut again, Some("m"), ("a", "a@b"), None, NOW).await?;
                    let second = tx.save_version(&two, true, false, NOW).await?;
                    Ok((first.current, again.current, second.published))
                })
            })
            .await
            .unwrap();
        assert_eq!(first, again);
        assert_eq!(published, Some(first));
        let current = store.resource(ENV, ResourceKind::Workflow, "w", false).await.unwrap().unwrap();
        let live = store.resource(ENV, ResourceKind::Workflow, "w", true).await.unwrap().unwrap();
        assert_eq!((current.version.sha.as_str(), live.version.sha.as_str()), ("b", "a"));
        assert!(store.resource(EnvId(2), ResourceKind::Workflow, "w", false).await.unwrap().is_none());
    });
}

#[test]
fn a_once_only_mark_belongs_to_its_run() {
    on_both(async |store: Store| {
        let (a, b) = (new_run_id(NOW), new_run_id(NOW));
        let all = || vec!["u1".to_owned(), "u2".to_owned()];
        let first = store.mark_frequency(ENV, "w", "", a, vec!["u1".into()]).await.unwrap();
        assert_eq!(first, ["u1"]);
        assert_eq!(store.mark_frequency(ENV, "w", "", a, all()).await.unwrap(), ["u1", "u2"]);
        assert!(store.mark_frequency(ENV, "w", "", b, all()).await.unwrap().is_empty());
        assert_eq!(store.mark_frequency(ENV, "w", "acme", b, all()).await.unwrap(), ["u1", "u2"]);
    });
}
