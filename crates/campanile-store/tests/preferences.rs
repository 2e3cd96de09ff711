//! Preference sets, on both engines.

mod support;

use campanile_core::ids::EnvId;
use campanile_core::preference::{Change, SETS_MAX, Strategy};
use campanile_core::problem::Problems;
use campanile_core::recipient::{RecipientRef, TENANTS};
use campanile_core::time::Timestamp;
use campanile_store::{PreferenceEdit, PreferenceLimit, Store};
use serde_json::{Map, Value, json};
use support::on_both;

const ENV: EnvId = EnvId(1);
const OTHER: EnvId = EnvId(2);
const NOW: Timestamp = Timestamp(1_770_000_000_000_000);

fn edit(user: &str, id: &str, set: Value) -> PreferenceEdit {
    let change = Change::parse(&set, Strategy::Merge, "", &mut Problems::default()).unwrap();
    PreferenceEdit { reference: RecipientRef::user(user), id: id.into(), change }
}

async fn write(
    store: &Store,
    env: EnvId,
    edits: Vec<PreferenceEdit>,
) -> Vec<Result<Map<String, Value>, PreferenceLimit>> {
    let owners: Vec<RecipientRef> = edits.iter().map(|edit| edit.reference.clone()).collect();
    let work = store.transact(move |tx| {
        Box::pin(async move {
            tx.lock_recipients(env, &owners, NOW).await?;
            tx.edit_preferences(env, edits, NOW).await
        })
    });
    work.await.unwrap()
}

#[test]
fn edits_apply_in_order_and_a_run_reads_them_with_its_recipients() {
    on_both(|store| async move {
        let edits = vec![
            edit("ada", "default", json!({"workflows": {"w": false}})),
            edit("bob", "acme", json!({"channel_types": {"sms": true}})),
            edit("ada", "default", json!({"workflows": {"v": true}})),
            edit("ada", "beta", json!({})),
        ];
        let written = write(&store, ENV, edits).await;
        assert_eq!(
            written[2],
            Ok(json!({"workflows": {"w": false, "v": true}}).as_object().unwrap().clone())
        );
        write(&store, OTHER, vec![edit("ada", "acme", json!({"workflows": {"w": true}}))]).await;
        let many: Vec<String> = ["ada", "bob", "nobody"].into_iter().map(str::to_owned).collect();
        // One key, a few, and more than are looked up one by one.
        let padded: Vec<String> = many.iter().cloned().chain((0..20).map(|n| format!("x{n}"))).collect();
        for keys in [many.clone(), padded] {
            let mut rows = store.recipients_of_run(ENV, keys, Some("acme")).await.unwrap();
            rows.sort_by(|a, b| a.reference.id.cmp(&b.reference.id));
            let read: Vec<_> = rows.into_iter().map(|row| (row.sets.default, row.sets.tenant)).collect();
            let ada = Some(r#"{"workflows":{"v":true,"w":false}}"#.to_owned());
            assert_eq!(read, [(ada, None), (None, Some(r#"{"channel_types":{"sms":true}}"#.to_owned()))]);
        }
        let one = store.recipients_of_run(ENV, vec!["bob".into()], None).await.unwrap();
        assert_eq!((&one[0].sets.default, &one[0].sets.tenant), (&None, &None));
        let sets = store.preference_sets(ENV, many).await.unwrap();
        let ids: Vec<_> = sets.iter().map(|set| (set.recipient.as_str(), set.id.as_str())).collect();
        assert_eq!(ids, [("ada", "beta"), ("ada", "default"), ("bob", "acme")]);
        store.delete_recipient(ENV, &RecipientRef::object(TENANTS, "acme")).await.unwrap();
        assert_eq!(store.preference_set(ENV, &RecipientRef::user("bob"), "acme").await.unwrap(), None);
        assert!(store.preference_set(OTHER, &RecipientRef::user("ada"), "acme").await.unwrap().is_some());
    });
}

#[test]
fn a_recipient_has_a_limited_number_of_sets() {
    on_both(|store| async move {
        let edits = (0..=SETS_MAX).map(|n| edit("ada", &format!("t{n:04}"), json!({}))).collect();
        let written = write(&store, ENV, edits).await;
        assert_eq!(written.iter().filter(|result| result.is_ok()).count(), SETS_MAX);
        assert_eq!(written.last(), Some(&Err(PreferenceLimit::TooMany)));
        let again = vec![
            edit("ada", "t0000", json!({"workflows": {"w": true}})),
            edit("ada", "one-more", json!({})),
            edit("bob", "t0000", json!({})),
            edit("ada", "default", json!({"commercial_subscribed": false})),
        ];
        let written = write(&store, ENV, again).await;
        assert!(written[0].is_ok() && written[2].is_ok(), "{written:?}");
        assert!(written[3].is_ok(), "everybody can opt out: {written:?}");
        assert_eq!(written[1], Err(PreferenceLimit::TooMany));
    });
}
