//! The version model on a real database: saving, committing, promoting, and the example project.

use std::path::Path;

use campanile_core::ids::EnvId;
use campanile_store::{PageRequest, ResourceKind};
use serde_json::{Value, json};
use uuid::Uuid;

use super::fixture::{Bench, workflow};
use super::upsert as upsert_;
use super::*;
use crate::project;

const DEVELOPMENT: EnvId = EnvId(1);
const STAGING: EnvId = EnvId(2);
const PRODUCTION: EnvId = EnvId(3);

impl Bench {
    async fn save(&self, env: EnvId, key: &str, body: &str, how: How) -> Result<Saved, Refusal> {
        let upsert = Upsert {
            env,
            kind: ResourceKind::Workflow,
            key: key.into(),
            document: workflow(body),
            force: how.force,
            publish: how.commit.then(|| Publish { message: Some(body.into()), allow_empty: how.allow_empty }),
            author: Author::without_email("tests"),
        };
        upsert_(&self.engine, upsert).await
    }

    async fn commit(
        &self,
        scope: Scope,
        allow_empty: bool,
    ) -> Result<Vec<campanile_store::CommitRow>, Refusal> {
        let author = Author::without_email("tests");
        commit(&self.engine, Commit { env: DEVELOPMENT, scope, message: None, allow_empty, author }).await
    }

    async fn promote(&self, to: EnvId) -> Vec<campanile_store::CommitRow> {
        promote_all(&self.engine, to, Scope::default(), Author::without_email("tests")).await.unwrap()
    }

    async fn published(&self, env: EnvId, key: &str) -> Option<Value> {
        let found = get(&self.engine, env, ResourceKind::Workflow, key, true).await.unwrap();
        found.map(|found| found.content["steps"][0]["template"]["markdown_body"].clone())
    }
}

#[derive(Clone, Copy, Default)]
struct How {
    force: bool,
    commit: bool,
    allow_empty: bool,
}

const COMMIT: How = How { force: false, commit: true, allow_empty: false };
const DRAFT: How = How { force: false, commit: false, allow_empty: false };

fn field(refusal: Result<impl std::fmt::Debug, Refusal>) -> String {
    match refusal {
        Err(Refusal::Invalid(problems)) => problems[0].field.clone(),
        Err(Refusal::Missing) => "missing".into(),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn drafts_commits_and_equal_content() {
    let bench = Bench::new().await;
    let first = bench.save(DEVELOPMENT, "wfl", "a", DRAFT).await.unwrap();
    assert!(first.changed && first.commit.is_none() && first.resource.row.active);
    assert_eq!(bench.published(DEVELOPMENT, "wfl").await, None);

    let same = bench.save(DEVELOPMENT, "wfl", "a", COMMIT).await.unwrap();
    assert!(!same.changed && same.commit.is_some());
    assert_eq!(same.resource.row.version.id, first.resource.row.version.id);
    assert_eq!(bench.published(DEVELOPMENT, "wfl").await, Some("a".into()));

    let nothing = bench.save(DEVELOPMENT, "wfl", "a", COMMIT).await.unwrap();
    assert!(nothing.commit.is_none());
    let empty = bench.save(DEVELOPMENT, "wfl", "a", How { allow_empty: true, ..COMMIT }).await.unwrap();
    assert!(empty.changed && empty.commit.is_some());
    assert_eq!(empty.resource.row.version.sha, first.resource.row.version.sha);

    bench.save(DEVELOPMENT, "wfl", "b", DRAFT).await.unwrap();
    assert_eq!(bench.published(DEVELOPMENT, "wfl").await, Some("a".into()));
    assert_eq!(bench.commit(Scope::default(), false).await.unwrap().len(), 1);
    assert_eq!(bench.commit(Scope::default(), false).await.unwrap().len(), 0);
    assert_eq!(bench.published(DEVELOPMENT, "wfl").await, Some("b".into()));

    let scope = |key: &str| Scope { kinds: vec![ResourceKind::Workflow], key: Some(key.into()) };
    assert_eq!(bench.commit(scope("wfl"), true).await.unwrap().len(), 1);
    assert_eq!(field(bench.commit(scope("typo"), true).await), "missing");
    assert_eq!(bench.commit(scope("typo"), false).await.unwrap().len(), 0);

    let off = activate(&bench.engine, DEVELOPMENT, ResourceKind::Workflow, "wfl", false).await.unwrap();
    assert!(!off.row.active);
    let again = bench.save(DEVELOPMENT, "wfl", "c", COMMIT).await.unwrap();
    assert!(!again.resource.row.active, "saving does not switch on");
    assert_eq!(
        field(activate(&bench.engine, DEVELOPMENT, ResourceKind::Workflow, "typo", true).await),
        "missing"
    );
}

#[tokio::test]
async fn refuses_what_is_not_allowed() {
    let bench = Bench::new().await;
    assert_eq!(field(bench.save(PRODUCTION, "wfl", "a", DRAFT).await), "environment");
    assert!(bench.save(PRODUCTION, "wfl", "a", How { force: true, ..COMMIT }).await.is_ok());
    assert_eq!(field(bench.save(DEVELOPMENT, "x", "a", DRAFT).await), "key");
    let broken = json!({"name": "W", "steps": [{"ref": "a", "type": "channel", "channel_key": "fax"}]});
    let checked = validate(&bench.engine, DEVELOPMENT, ResourceKind::Workflow, "wfl", &broken).await;
    assert_eq!(field(checked), "steps[0].channel_key");
    assert!(get(&bench.engine, DEVELOPMENT, ResourceKind::Workflow, "wfl", false).await.unwrap().is_none());
    let other = validate(&bench.engine, DEVELOPMENT, ResourceKind::Translation, "gui", &json!({})).await;
    assert_eq!(field(other), "content");
}

#[tokio::test]
async fn promotion_goes_one_environment_up() {
    let bench = Bench::new().await;
    bench.save(DEVELOPMENT, "wfl", "a", COMMIT).await.unwrap();
    let newest = bench.save(DEVELOPMENT, "wfl", "b", COMMIT).await.unwrap().commit.unwrap();
    bench.save(DEVELOPMENT, "wfl", "draft", DRAFT).await.unwrap();

    assert_eq!(bench.promote(PRODUCTION).await.len(), 0, "staging has nothing yet");
    let staged = bench.promote(STAGING).await;
    assert_eq!(staged.len(), 1);
    assert_eq!((staged[0].source, staged[0].message.as_deref()), (Some(newest.id), Some("b")));
    assert_eq!(bench.published(STAGING, "wfl").await, Some("b".into()));
    assert_eq!(bench.promote(STAGING).await.len(), 0, "nothing new");

    let author = || Author::without_email("tests");
    let live = promote_one(&bench.engine, staged[0].id, author()).await.unwrap();
    assert_eq!((live.env, live.source), (PRODUCTION, Some(staged[0].id)));
    assert_eq!(field(promote_one(&bench.engine, live.id, author()).await), "id");
    assert_eq!(field(promote_one(&bench.engine, Uuid::new_v4(), author()).await), "missing");

    let (store, page) = (bench.engine.store(), PageRequest::first(9));
    let waiting = store.list_commits(DEVELOPMENT, &[], None, Some(false), &page).await.unwrap().items;
    assert_eq!(waiting.len(), 1, "the commit before the promoted one");
    assert_eq!(field(promote_one(&bench.engine, waiting[0].id, author()).await), "id");

    let lowest = promote_all(&bench.engine, DEVELOPMENT, Scope::default(), author()).await;
    assert_eq!(field(lowest), "branch");
}

#[tokio::test]
async fn a_workflow_without_its_layout_is_promoted_but_not_valid() {
    let bench = Bench::new().await;
    let collab = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/collab");
    let report = project::load(&bench.engine, &collab).await.unwrap();
    assert_eq!(report.problems().collect::<Vec<_>>(), Vec::<&project::FileProblem>::new());
    assert_eq!(report.counts(), (4, 0, 0));
    assert_eq!(project::load(&bench.engine, &collab).await.unwrap().counts(), (0, 4, 0));

    let workflows = Scope { kinds: vec![ResourceKind::Workflow], key: None };
    let author = || Author::without_email("tests");
    assert_eq!(promote_all(&bench.engine, STAGING, workflows, author()).await.unwrap().len(), 3);
    let page = PageRequest::first(9);
    let valid = async || {
        let page = list(&bench.engine, STAGING, ResourceKind::Workflow, false, &page).await.unwrap();
        page.items.into_iter().map(|resource| resource.valid).collect::<Vec<_>>()
    };
    assert_eq!(valid().await, [false, false, false]);
    assert_eq!(bench.promote(STAGING).await.len(), 1);
    assert_eq!(valid().await, [true, true, true]);
}
