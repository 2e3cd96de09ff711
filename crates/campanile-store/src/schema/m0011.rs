//! Variables of the account: a default and what environments have in its place. Secret texts are sealed.

pub const SQL: &str = r#"
CREATE TABLE variables (
    key {KEY} PRIMARY KEY, is_secret BIGINT NOT NULL, description TEXT, value TEXT, overrides TEXT NOT NULL,
    created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL);
"#;
