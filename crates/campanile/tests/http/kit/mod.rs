//! A server on a fresh database with time that stands still, and its callers.

pub mod db;
pub mod everything;
pub mod http;
pub mod mailbox;
pub mod provider;
pub mod signer;
pub mod steps;

use std::path::PathBuf;
use std::sync::Once;

use campanile::bootstrap::{FirstStart, Keys};
use campanile::config::Config;
use campanile::server::Server;
use campanile_api::RateLimits;
use campanile_core::ids::recipient_run_id;
use campanile_core::recipient::RecipientRef;
use campanile_core::time::Timestamp;
use campanile_engine::{LoggedEvent, read_log};
use campanile_store::RecipientRunRow;
use serde_json::{Value, json};
use uuid::Uuid;

pub use db::{Db, on_both};
pub use http::{Answer, Caller};

/// Where every test's clock starts: a Monday morning, UTC.
pub const START: &str = "2026-03-02T09:00:00Z";

const SECRET: &str = "sk_test_kit";
const PUBLIC: &str = "pk_test_kit";
const LIVE_SECRET: &str = "sk_live_kit";
const LIVE_PUBLIC: &str = "pk_live_kit";
const SERVICE: &str = "st_kit";

/// A running server and everybody who may ask it something.
pub struct Kit {
    config: Config,
    server: Option<Server>,
    /// Secret key of development; what tests use most.
    pub secret: Caller,
    /// Public key of development.
    pub public: Caller,
    /// Secret key of production.
    pub live: Caller,
    /// Public key of production.
    pub live_public: Caller,
    /// Service token.
    pub service: Caller,
    /// No credential at all.
    pub nobody: Caller,
    dir: PathBuf,
    /// Goes with the test.
    _database: Option<db::FreshDatabase>,
}

fn keys() -> FirstStart {
    FirstStart {
        development: Keys { secret: SECRET.into(), public: PUBLIC.into() },
        production: Keys { secret: LIVE_SECRET.into(), public: LIVE_PUBLIC.into() },
        service_token: SERVICE.into(),
    }
}

impl Kit {
    /// Private addresses may be reached, for scripted providers are on this machine.
    pub async fn new(db: Db) -> Self {
        Self::with(db, |_| {}).await
    }

    /// A server that is configured otherwise.
    pub async fn with(db: Db, change: impl FnOnce(&mut Config)) -> Self {
        static TLS: Once = Once::new();
        TLS.call_once(|| drop(rustls::crypto::aws_lc_rs::default_provider().install_default()));
        let dir = std::env::temp_dir().join(format!("campanile-http-{}", Uuid::new_v4()));
        let database = db.fresh().await;
        let mut config = Config {
            listen: "127.0.0.1:0".into(),
            data_dir: dir.clone(),
            database_url: database.as_ref().map(db::FreshDatabase::url),
            project: None,
            virtual_time: true,
            allow_private_addresses: true,
            public_url: None,
            retention_days: 90,
            lease_seconds: 90,
            extra_ca_file: None,
            rate_limits: RateLimits::OFF,
            api_logs: 1_000,
            api_log_retention_days: 30,
            log: "off".into(),
        };
        change(&mut config);
        db::stop_the_clock(&config, Timestamp::parse(START).expect("START is a datetime")).await;
        let server = Server::start(config.clone(), keys()).await.expect("the server starts");
        let caller = |bearer| Caller::new(server.address, bearer);
        Self {
            secret: caller(Some(SECRET)),
            public: caller(Some(PUBLIC)),
            live: caller(Some(LIVE_SECRET)),
            live_public: caller(Some(LIVE_PUBLIC)),
            service: caller(Some(SERVICE)),
            nobody: caller(None),
            config,
            server: Some(server),
            dir,
            _database: database,
        }
    }

    /// The server, as it runs.
    pub fn server(&self) -> &Server {
        self.server.as_ref().expect("the server runs")
    }

    /// Stops the server and starts another on the same data.
    pub async fn restart(&mut self) {
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
        let server = Server::start(self.config.clone(), keys()).await.expect("the server starts again");
        for (caller, bearer) in [
            (&mut self.secret, Some(SECRET)),
            (&mut self.public, Some(PUBLIC)),
            (&mut self.live, Some(LIVE_SECRET)),
            (&mut self.live_public, Some(LIVE_PUBLIC)),
            (&mut self.service, Some(SERVICE)),
            (&mut self.nobody, None),
        ] {
            *caller = Caller::new(server.address, bearer);
        }
        self.server = Some(server);
    }

    /// A caller with any bearer text.
    pub fn caller(&self, bearer: &str) -> Caller {
        Caller::new(self.server().address, Some(bearer))
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.secret.get(path).await
    }

    pub async fn put(&self, path: &str, body: Value) -> Answer {
        self.secret.put(path, body).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.secret.post(path, body).await
    }

    pub async fn delete(&self, path: &str) -> Answer {
        self.secret.delete(path).await
    }

    /// Makes or replaces a workflow of development and commits it.
    pub async fn workflow(&self, key: &str, steps: Value) {
        self.workflow_with(key, json!({"steps": steps})).await;
    }

    /// Like [`Kit::workflow`], with more than steps.
    pub async fn workflow_with(&self, key: &str, mut document: Value) {
        document["name"] = key.into();
        let path = format!("/v1/workflows/{key}?environment=development&commit=true");
        self.service.put(&path, json!({"workflow": document})).await.ok();
    }

    /// Identifies users by name only.
    pub async fn users(&self, ids: &[&str]) {
        for id in ids {
            self.put(&format!("/v1/users/{id}"), json!({"name": id})).await.ok();
        }
    }

    /// Changes a channel of development.
    pub async fn channel(&self, key: &str, change: Value) {
        self.service.put(&format!("/v1/admin/channels/{key}"), change).await.ok();
    }

    /// The id of a channel.
    pub async fn channel_id(&self, key: &str) -> String {
        let path = format!("/v1/channels/{key}?environment=development");
        let channel = self.service.get(&path).await.ok();
        channel["id"].as_str().expect("a channel has an id").to_owned()
    }

    /// Triggers and waits until nothing is due; answers the run's id.
    pub async fn trigger(&self, workflow: &str, body: Value) -> String {
        let answer = self.post(&format!("/v1/workflows/{workflow}/trigger"), body).await.ok();
        self.idle().await;
        answer["workflow_run_id"].as_str().expect("a trigger answers a run id").to_owned()
    }

    /// Waits until nothing is due.
    pub async fn idle(&self) {
        self.server().engine.idle().await.expect("the database answers");
    }

    /// Moves the clock forward, running what falls due.
    pub async fn advance(&self, by: &str) {
        self.service.post("/v1/admin/clock", json!({"advance": by})).await.ok();
    }

    /// The instant at which the clock stands.
    pub async fn now(&self) -> String {
        let clock = self.service.get("/v1/admin/clock").await.ok();
        clock["now"].as_str().expect("a clock tells the time").to_owned()
    }

    /// One recipient's run as it is stored: the API shows runs in a later version.
    pub async fn run(&self, run: &str, user: &str) -> RecipientRunRow {
        let id = recipient_run_id(run.parse().expect("a run id"), &RecipientRef::user(user).gid());
        let stored = self.server().engine.store().recipient_run(id).await.expect("the database answers");
        stored.unwrap_or_else(|| panic!("{user} has no run in {run}")).recipient_run
    }

    /// The names of a run's events, in order.
    pub async fn events_of_run(&self, run: &str, user: &str) -> Vec<String> {
        self.log_of_run(run, user).await.into_iter().map(|event| event.event).collect()
    }

    /// A run's events.
    pub async fn log_of_run(&self, run: &str, user: &str) -> Vec<LoggedEvent> {
        read_log(&self.run(run, user).await.log)
    }

    /// A run's status by its wire name.
    pub async fn status_of_run(&self, run: &str, user: &str) -> &'static str {
        self.run(run, user).await.status.as_str()
    }

    /// Messages of a run, oldest first.
    pub async fn messages(&self, run: &str) -> Vec<Value> {
        let list = self.get(&format!("/v1/messages?workflow_run_id={run}")).await.ok();
        let mut items = list["items"].as_array().expect("a list").clone();
        items.reverse();
        items
    }

    /// The steps that made a run's messages, in order.
    pub async fn steps(&self, run: &str) -> Vec<String> {
        let steps = self.messages(run).await.into_iter();
        steps.map(|message| message["source"]["step_ref"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// Types of a message's events, oldest first, without their prefix.
    pub async fn events(&self, message: &str) -> Vec<String> {
        let events = self.full_events(message).await.into_iter();
        events.map(|event| event["type"].as_str().unwrap_or_default().replace("message.", "")).collect()
    }

    /// A message's events, oldest first.
    pub async fn full_events(&self, message: &str) -> Vec<Value> {
        let list = self.get(&format!("/v1/messages/{message}/events")).await.ok();
        let mut items = list["items"].as_array().expect("a list").clone();
        items.reverse();
        items
    }

    /// A message's delivery logs, oldest first.
    pub async fn delivery_logs(&self, message: &str) -> Vec<Value> {
        let list = self.get(&format!("/v1/messages/{message}/delivery_logs")).await.ok();
        let mut items = list["items"].as_array().expect("a list").clone();
        items.reverse();
        items
    }

    /// A user's feed.
    pub async fn feed(&self, user: &str, query: &str) -> Value {
        let channel = self.channel_id("in-app-feed").await;
        self.get(&format!("/v1/users/{user}/feeds/{channel}?{query}")).await.ok()
    }

    /// Ends the test: work that is due and undone is a failure.
    pub async fn close(mut self) {
        self.idle().await;
        if let Some(server) = self.server.take() {
            server.stop().await;
        }
    }
}

impl Drop for Kit {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A member of every element, as texts.
pub fn pluck(list: &Value, member: &str) -> Vec<String> {
    let list = list.as_array().expect("a list");
    list.iter().map(|one| one[member].as_str().unwrap_or_default().to_owned()).collect()
}
