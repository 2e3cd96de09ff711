//! An empty database for each test: SQLite always, PostgreSQL when a server is named.

use fresh::FreshDatabase;

#[path = "../../../../campanile-store/tests/support/fresh.rs"]
mod fresh;

/// Where the nodes of one test keep their data.
#[derive(Clone)]
pub struct Database {
    /// For messages of tests.
    pub name: &'static str,
    /// `None` is SQLite in the node's data directory.
    pub url: Option<String>,
    /// Goes with the test.
    _fresh: Option<FreshDatabase>,
}

impl Database {
    /// The embedded one.
    pub fn sqlite() -> Self {
        Self { name: "SQLite", url: None, _fresh: None }
    }

    /// A PostgreSQL of the test's own.
    pub fn at(url: String) -> Self {
        Self { name: "PostgreSQL", url: Some(url), _fresh: None }
    }

    /// An empty database on the named server; says so and answers `None` when none is named.
    pub async fn postgres() -> Option<Self> {
        match std::env::var("CAMPANILE_TEST_DATABASE_URL") {
            Ok(url) if !url.is_empty() => {
                let fresh = FreshDatabase::create(&url, "crash").await;
                Some(Self { name: "PostgreSQL", url: Some(fresh.url()), _fresh: Some(fresh) })
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
