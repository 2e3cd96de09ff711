//! A PostgreSQL that goes away and returns: 503 meanwhile, then everything accepted is delivered.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use hyper::Method;
use uuid::Uuid;

use super::support::ledger::Ledger;
use super::support::load::Load;
use super::support::random::Random;
use super::support::receivers::Receivers;
use super::support::{Database, Server, leftovers, pause, workflows};

/// A cluster of its own, made by scripts/postgres.sh; removed with this value.
struct Cluster {
    dir: PathBuf,
    url: String,
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../scripts/postgres.sh")
}

impl Cluster {
    fn start() -> Self {
        let dir = std::env::temp_dir().join(format!("cc-{}", &Uuid::new_v4().simple().to_string()[..12]));
        let made = Command::new(script()).arg("start").arg(&dir).output().expect("the script runs");
        let said = String::from_utf8_lossy(&made.stderr).into_owned();
        assert!(made.status.success(), "scripts/postgres.sh start: {said}");
        Self { dir, url: String::from_utf8_lossy(&made.stdout).trim().to_owned() }
    }

    fn port(&self) -> &str {
        let rest = self.url.rsplit_once(':').expect("a URL with a port").1;
        rest.split('/').next().expect("a port")
    }

    /// Runs pg_ctl as whoever owns the cluster.
    fn pg_ctl(&self, arguments: &str) {
        let text = format!(
            "set -e; cd /; bin=${{PG_BIN:-$(ls -d /usr/lib/postgresql/*/bin | tail -n 1)}}; \
             owner=$(stat -c %U '{dir}/cluster'); as=; [ \"$owner\" = \"$(id -un)\" ] || as=\"runuser -u $owner --\"; \
             $as \"$bin/pg_ctl\" -D '{dir}/cluster' -w -t 60 {arguments} >/dev/null 2>&1",
            dir = self.dir.display()
        );
        let ended = Command::new("bash").args(["-c", &text]).status().expect("bash runs");
        assert!(ended.success(), "pg_ctl {arguments}: {ended}");
    }

    /// As if the power had gone.
    fn go_away(&self) {
        self.pg_ctl("-m immediate stop");
    }

    fn come_back(&self) {
        let options = format!(
            "-p {} -k '\\''{}'\\'' -c listen_addresses=127.0.0.1 -c fsync=on -c max_connections=200",
            self.port(),
            self.dir.display()
        );
        self.pg_ctl(&format!("-l '{}/cluster/server.log' -o '{options}' start", self.dir.display()));
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = Command::new(script()).arg("stop").arg(&self.dir).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_that_goes_away_and_returns_costs_nothing_that_was_accepted() {
    if std::env::var("CAMPANILE_TEST_DATABASE_URL").is_ok_and(|url| !url.is_empty()) {
        goes_away_and_returns().await;
    } else {
        eprintln!("CAMPANILE_TEST_DATABASE_URL is not set: PostgreSQL was not taken away");
    }
}

async fn goes_away_and_returns() {
    let mut random = Random::seeded("database away");
    let cluster = Cluster::start();
    let database = Database::at(cluster.url.clone());
    let receivers = Receivers::start().await;
    let mut node = Server::on(&database).start().await;
    receivers.prepare(&node).await;
    let ledger = Arc::new(Ledger::default());
    let load = Load::start_with_refusals(&[node.client.clone()], &ledger, &receivers, &mut random);
    for round in 1..=3 {
        let goal = ledger.count() + 80;
        node.wait("the load goes on", 60, || async {
            let count = ledger.count();
            if count >= goal { Ok(()) } else { Err(format!("{count} of {goal} in round {round}")) }
        })
        .await;
        cluster.go_away();
        receivers.lives.interrupt();
        let asked = [
            ("/healthz", 200, ""),
            ("/readyz", 503, "service_unavailable"),
            ("/v1/users/u1", 503, "service_unavailable"),
        ];
        for (path, status, code) in asked {
            let answer = node.client.send(Method::GET, path, None, &[]).await.expect("an answer");
            assert_eq!(
                answer.status,
                status,
                "{path} without a database: {}\n{}",
                answer.body,
                node.log_tail()
            );
            assert_eq!(answer.body["code"].as_str().unwrap_or_default(), code, "{path}: {}", answer.body);
        }
        let refused = node.client.trigger("now", &workflows::to_one("u0", 0)).await.expect("an answer");
        assert_eq!(refused.status, 503, "a trigger without a database: {}", refused.body);
        assert_eq!(refused.body["code"], "service_unavailable");
        // What is in the providers' hands ends without being recorded; it will be repeated.
        let seen = receivers.hooks.count();
        node.wait("deliveries in progress end", 20, || async {
            pause(300).await;
            let now = receivers.hooks.count();
            if now == seen { Ok(()) } else { Err(format!("{} more", now - seen)) }
        })
        .await;
        receivers.lives.interrupt();
        cluster.come_back();
        node.ready().await;
    }
    let goal = ledger.count() + 80;
    node.wait("triggers are accepted again", 60, || async {
        if ledger.count() >= goal { Ok(()) } else { Err(format!("{} of {goal}", ledger.count())) }
    })
    .await;
    load.stop().await;
    let figures = ledger.settle(&node, &receivers, 60).await;
    node.stop().await;
    leftovers::none_after(&node).await;
    eprintln!("database away: three times, {figures:?}");
}
