//! An empty database for each test: SQLite always, PostgreSQL when a server is named.

use uuid::Uuid;

/// Where the nodes of one test keep their data.
#[derive(Clone)]
pub struct Database {
    /// For messages of tests.
    pub name: &'static str,
    /// `None` is SQLite in the node's data directory.
    pub url: Option<String>,
}

impl Database {
    /// The embedded one.
    pub fn sqlite() -> Self {
        Self { name: "SQLite", url: None }
    }

    /// An empty database on the named server; says so and answers `None` when none is named.
    pub async fn postgres() -> Option<Self> {
        match std::env::var("CAMPANILE_TEST_DATABASE_URL") {
            Ok(url) if !url.is_empty() => {
                Some(Self { name: "PostgreSQL", url: Some(fresh_database(&url).await) })
            }
            _ => {
                eprintln!("CAMPANILE_TEST_DATABASE_URL is not set: PostgreSQL was not tested");
                None
            }
        }
    }
}

/// Every engine that can be tested here.
pub async fn databases() -> Vec<Database> {
    let mut all = vec![Database::sqlite()];
    all.extend(Database::postgres().await);
    all
}

async fn fresh_database(url: &str) -> String {
    let (client, connection) =
        tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("the named PostgreSQL answers");
    tokio::spawn(connection);
    let name = format!("crash_{}", Uuid::new_v4().simple());
    client.batch_execute(&format!("CREATE DATABASE {name}")).await.expect("databases can be made there");
    with_database(url, &name)
}

/// The same server, another database.
fn with_database(url: &str, name: &str) -> String {
    let (base, query) = url.split_once('?').map_or((url, None), |(base, query)| (base, Some(query)));
    let server = base.rsplit_once('/').expect("the URL names a database").0;
    query.map_or_else(|| format!("{server}/{name}"), |query| format!("{server}/{name}?{query}"))
}
