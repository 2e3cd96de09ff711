//! Guides in the store: one message for the first engagement, whoever comes first; numbers of published versions.

mod support;

use campanile_core::ids::{ChannelId, EnvId, Ksuid};
use campanile_core::time::Timestamp;
use campanile_store::{
    Engagement, GuideEngagement, GuideScope, MessageRow, NewVersion, ResourceKind, Schedule, Store,
};
use support::on_both;
use uuid::Uuid;

const ENV: EnvId = EnvId(1);
const NOW: Timestamp = Timestamp(1_770_000_000_000_000);

fn scope(user: &str, tenant: &str) -> GuideScope {
    GuideScope { env: ENV, user: user.into(), tenant: tenant.into(), guide: "tour".into() }
}

fn engagement(user: &str, tenant: &str, n: i64) -> GuideEngagement {
    GuideEngagement {
        scope: scope(user, tenant),
        message: MessageRow {
            env: ENV,
            id: Ksuid::random(Timestamp(NOW.0 + n)),
            channel: ChannelId(2),
            recipient: user.into(),
            run: Uuid::nil(),
            workflow: "tour".into(),
            step: "step_1".into(),
            tenant: None,
            status: 7,
            scheduled_at: None,
            content: "{}".into(),
            data: None,
            trigger_data: None,
            metadata: None,
        },
        first_events: vec![1, 5],
        change: Engagement {
            set: vec![("archived_at", 16)],
            also: None,
            first: None,
            clear: Vec::new(),
            event: 13,
            event_data: None,
        },
        is_final: true,
        displays: Some("default".into()),
    }
}

fn unarchive() -> Engagement {
    Engagement {
        set: Vec::new(),
        also: None,
        first: None,
        clear: vec![("archived_at", 16)],
        event: 14,
        event_data: None,
    }
}

#[test]
fn two_first_engagements_make_one_message() {
    on_both(async |store: Store| {
        let all = (0..8).map(|n| store.engage_guide(engagement("u", "", n), NOW));
        for done in futures_util::future::join_all(all).await {
            done.unwrap();
        }
        let states = store.guide_states(ENV, "u", "").await.unwrap();
        assert_eq!(states.len(), 1);
        assert_eq!((states[0].is_final, states[0].archived_at), (true, Some(NOW)));
        let page = campanile_store::PageRequest::first(50);
        let messages = store.list_messages(ENV, &Default::default(), &page).await.unwrap().items;
        assert_eq!(messages.iter().map(|m| m.row.id).collect::<Vec<_>>(), [states[0].message]);
        let events = store.message_events(states[0].message, &page).await.unwrap().items;
        assert_eq!(events.len(), 2 + 8, "created and delivered once, archived each time");
        assert_eq!(store.guide_displays(ENV, "u", "").await.unwrap(), [("default".to_owned(), NOW)]);
    });
}

#[test]
fn scopes_do_not_touch_each_other() {
    on_both(async |store: Store| {
        for (user, tenant) in [("u", ""), ("u", "acme"), ("v", "")] {
            store.engage_guide(engagement(user, tenant, 0), NOW).await.unwrap();
        }
        store.unarchive_guide(scope("u", "acme"), unarchive(), NOW).await.unwrap();
        store.reset_guide(scope("v", "")).await.unwrap();
        let archived = async |user: &str, tenant: &str| {
            let states = store.guide_states(ENV, user, tenant).await.unwrap();
            states.first().map(|state| (state.is_final, state.archived_at.is_some()))
        };
        assert_eq!(archived("u", "").await, Some((true, true)));
        assert_eq!(archived("u", "acme").await, Some((false, false)));
        assert_eq!(archived("v", "").await, None);
        assert!(store.guide_states(EnvId(2), "u", "").await.unwrap().is_empty(), "another environment");
        let displayed = store.guide_displays(ENV, "v", "").await.unwrap();
        assert_eq!(displayed.len(), 1, "a reset leaves the log");
        store.delete_recipient(ENV, &campanile_core::recipient::RecipientRef::user("u")).await.unwrap();
        assert_eq!(archived("u", "acme").await, None);
        assert!(store.guide_displays(ENV, "u", "").await.unwrap().is_empty());
    });
}

#[test]
fn publishing_numbers_changed_content_only() {
    on_both(async |store: Store| {
        let new = |sha: &str| NewVersion {
            env: ENV,
            kind: ResourceKind::MessageType,
            key: "tip".into(),
            content: format!("{{\"v\":\"{sha}\"}}"),
            sha: sha.into(),
        };
        let numbered = async |store: &Store| {
            let rows = store.numbered_versions(ENV, ResourceKind::MessageType).await.unwrap();
            rows.into_iter().map(|row| (row.semver, row.content)).collect::<Vec<_>>()
        };
        let pair = |semver: &str, sha: &str| (semver.to_owned(), format!("{{\"v\":\"{sha}\"}}"));
        let at = |n: i64| Timestamp(NOW.0 + n);
        let draft = new("a");
        store
            .transact(move |tx| Box::pin(async move { tx.save_version(&draft, true, false, at(0)).await }))
            .await
            .unwrap();
        assert_eq!(numbered(&store).await, [pair("0.0.1", "a")], "never published: as it would be numbered");
        for (n, sha, force, want) in
            [(1, "a", false, "0.0.1"), (2, "b", false, "0.0.2"), (3, "b", true, "0.0.2")]
        {
            let version = new(sha);
            let row = store
                .transact(move |tx| {
                    Box::pin(async move {
                        let mut row = tx.save_version(&version, true, force, at(n)).await?;
                        tx.publish(&mut row, None, ("a", "a@b"), None, at(n)).await?;
                        Ok(row)
                    })
                })
                .await
                .unwrap();
            assert_eq!(row.semver.as_deref(), Some(want), "{sha}");
        }
        let draft = new("c");
        store
            .transact(move |tx| Box::pin(async move { tx.save_version(&draft, true, false, at(4)).await }))
            .await
            .unwrap();
        assert_eq!(numbered(&store).await, [pair("0.0.1", "a"), pair("0.0.2", "b"), pair("0.0.2", "b")]);
        let row = store.resource(ENV, ResourceKind::MessageType, "tip", false).await.unwrap().unwrap();
        assert_eq!((row.semver.as_deref(), row.version.semver), (Some("0.0.2"), None), "a draft has none");
    });
}

#[test]
fn archiving_acts_everywhere_and_starts_over() {
    on_both(async |store: Store| {
        let schedule = Schedule { from: Some(NOW), until: None };
        store
            .transact(move |tx| {
                Box::pin(async move {
                    for env in [EnvId(1), EnvId(2)] {
                        let new = NewVersion {
                            env,
                            kind: ResourceKind::Guide,
                            key: "tour".into(),
                            content: "{}".into(),
                            sha: "a".into(),
                        };
                        let mut row = tx.save_version(&new, false, false, NOW).await?;
                        tx.publish(&mut row, None, ("a", "a@b"), None, NOW).await?;
                        tx.set_active(env, ResourceKind::Guide, "tour", true, schedule, NOW).await?;
                    }
                    let archived = tx.archive_resource(ResourceKind::Guide, "tour", NOW).await?;
                    assert_eq!(archived.len(), 2);
                    assert!(tx.archive_resource(ResourceKind::Guide, "tour", NOW).await?.is_empty());
                    Ok(())
                })
            })
            .await
            .unwrap();
        assert!(store.published_resources(ENV, ResourceKind::Guide).await.unwrap().is_empty());
        let new = NewVersion {
            env: ENV,
            kind: ResourceKind::Guide,
            key: "tour".into(),
            content: "{}".into(),
            sha: "a".into(),
        };
        let row = store
            .transact(move |tx| Box::pin(async move { tx.save_version(&new, false, false, NOW).await }))
            .await
            .unwrap();
        assert_eq!((row.published, row.active, row.schedule), (None, false, Schedule::default()));
    });
}
