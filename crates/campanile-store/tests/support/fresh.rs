//! An empty PostgreSQL database that goes when its test ends; one that fails leaves it behind for a look.

use std::sync::Arc;

/// Lives as long as its last clone.
#[derive(Debug, Clone)]
pub struct FreshDatabase(Arc<Named>);

#[derive(Debug)]
struct Named {
    /// URL of the server's own database.
    server: String,
    name: String,
}

impl FreshDatabase {
    /// Makes one on the server that the URL names.
    pub async fn create(server: &str, prefix: &str) -> Self {
        let name = format!("{prefix}{}", uuid::Uuid::new_v4().simple());
        run(server, &format!("CREATE DATABASE {name}"))
            .await
            .expect("CAMPANILE_TEST_DATABASE_URL can be used");
        Self(Arc::new(Named { server: server.to_owned(), name }))
    }

    /// Where it is.
    pub fn url(&self) -> String {
        let Named { server, name } = &*self.0;
        let (base, query) = server.split_once('?').map_or((server.as_str(), None), |(b, q)| (b, Some(q)));
        let base = base.rsplit_once('/').expect("the URL names a database").0;
        query.map_or_else(|| format!("{base}/{name}"), |query| format!("{base}/{name}?{query}"))
    }
}

async fn run(server: &str, sql: &str) -> Result<(), tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(server, tokio_postgres::NoTls).await?;
    tokio::spawn(connection);
    client.batch_execute(sql).await
}

impl Drop for Named {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let (server, sql) =
            (self.server.clone(), format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        // A runtime of its own: the test's may be gone.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(run(&server, &sql)).is_ok()).unwrap_or_default()
        });
        if !dropping.join().unwrap_or_default() {
            eprintln!("{} was not dropped", self.name);
        }
    }
}
