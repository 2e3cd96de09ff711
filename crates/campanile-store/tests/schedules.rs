//! What the store promises about schedules, on both engines.

mod support;

use campanile_core::ids::{EnvId, new_run_id};
use campanile_core::recipient::RecipientRef;
use campanile_core::time::{Micros, Timestamp};
use campanile_store::{
    JobKind, Outcome, PageRequest, ScheduleFilter, ScheduleFired, ScheduleRow, Store, Unit,
};
use support::on_both;
use uuid::Uuid;

const ENV: EnvId = EnvId(1);
const NOW: Timestamp = Timestamp(1_770_000_000_000_000);
const LEASE: Micros = Micros::seconds(90);
const HOUR: Micros = Micros::seconds(3_600);

fn schedule(recipient: &str) -> ScheduleRow {
    ScheduleRow {
        id: new_run_id(NOW),
        env: ENV,
        workflow: "w".into(),
        recipient: recipient.into(),
        tenant: None,
        actor: None,
        data: None,
        repeats: "[]".into(),
        zone: "Etc/UTC".into(),
        scheduled_at: Some(NOW),
        ending_at: None,
        last_at: None,
        next_at: Some(NOW),
        inserted_at: NOW,
        updated_at: NOW,
    }
}

async fn save(store: &Store, rows: Vec<ScheduleRow>) {
    let saved = store.transact(move |tx| Box::pin(async move { tx.save_schedules(&rows).await })).await;
    saved.expect("the database answers");
}

async fn take(store: &Store, env: EnvId, id: Uuid) -> Vec<ScheduleRow> {
    let taken = store.transact(move |tx| Box::pin(async move { tx.take_schedules(env, &[id]).await })).await;
    taken.expect("the database answers")
}

#[test]
fn firing_writes_the_next_occurrence_unless_somebody_took_the_schedule() {
    on_both(async |store: Store| {
        let (kept, taken) = (schedule("ada"), schedule("bob"));
        save(&store, vec![kept.clone(), taken.clone()]).await;
        let claims = store.claim_due(NOW, LEASE, 7, 10).await.expect("the database answers");
        assert_eq!(claims.iter().map(|claim| claim.kind).collect::<Vec<_>>(), [JobKind::Schedule; 2]);
        // Another environment takes nothing away.
        assert!(take(&store, EnvId(2), taken.id).await.is_empty());
        let mut changed = take(&store, ENV, taken.id).await;
        changed[0].next_at = Some(NOW + HOUR);
        save(&store, changed).await;
        for claim in claims {
            let id = Uuid::from_slice(&claim.target).expect("an id");
            let next_at = NOW + HOUR + HOUR;
            let mut unit = Unit::putting_off(claim, next_at, None);
            let zone = "Etc/UTC".to_owned();
            unit.schedules.push(ScheduleFired { id, last_at: Some(NOW), next_at: Some(next_at), zone });
            let outcome = store.commit(unit).await.expect("the database answers");
            assert_eq!(matches!(outcome, Outcome::Committed), id == kept.id);
        }
        let next = async |id| {
            store.schedule(ENV, id).await.expect("the database answers").map(|row| (row.last_at, row.next_at))
        };
        assert_eq!(next(kept.id).await, Some((Some(NOW), Some(NOW + HOUR + HOUR))));
        assert_eq!(next(taken.id).await, Some((None, Some(NOW + HOUR))));
        assert_eq!(store.next_run_at().await.expect("the database answers"), Some(NOW + HOUR));
    });
}

#[test]
fn schedules_go_with_their_recipient_and_their_jobs_with_them() {
    on_both(async |store: Store| {
        let rows = vec![schedule("ada"), schedule("ada"), schedule("bob")];
        save(&store, rows.clone()).await;
        store.delete_recipient(ENV, &RecipientRef::user("ada")).await.expect("the database answers");
        let all = store.list_schedules(ENV, &ScheduleFilter::default(), &PageRequest::first(10)).await;
        let left: Vec<Uuid> = all.expect("the database answers").items.iter().map(|row| row.id).collect();
        assert_eq!(left, [rows[2].id]);
        let claims = store.claim_due(NOW, LEASE, 7, 10).await.expect("the database answers");
        assert_eq!(
            claims.iter().map(|claim| claim.target.clone()).collect::<Vec<_>>(),
            [rows[2].id.as_bytes().to_vec()]
        );
    });
}
