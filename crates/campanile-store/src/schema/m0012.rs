//! Short links. They outlive their messages, so nothing ties them to those.

pub const SQL: &str = r#"
CREATE TABLE short_links (
    key {KEY} NOT NULL, message {BLOB} NOT NULL, link BIGINT NOT NULL, env BIGINT NOT NULL, target TEXT NOT NULL,
    PRIMARY KEY (key, message, link)) {CLUSTERED};
"#;
