//! The index of trigger data (`messages/terms`), and an index of the messages that were not sent (yet).

pub const SQL: &str = r#"
CREATE TABLE term_marks (
    env BIGINT PRIMARY KEY, sealed_until BIGINT NOT NULL, indexed_until BIGINT NOT NULL, last_segment BIGINT NOT NULL);

CREATE TABLE term_segments (
    env BIGINT NOT NULL, id BIGINT NOT NULL, since_at BIGINT NOT NULL, until_at BIGINT NOT NULL, level BIGINT NOT NULL,
    trimmed_at BIGINT, PRIMARY KEY (env, id)) {CLUSTERED};
CREATE INDEX term_segments_by_age ON term_segments (env, until_at);

CREATE TABLE term_pages (
    env BIGINT NOT NULL, segment BIGINT NOT NULL, first_term BIGINT NOT NULL, last_term BIGINT NOT NULL,
    lists {BLOB} NOT NULL, PRIMARY KEY (env, segment, first_term)) {CLUSTERED};

CREATE TABLE term_late (env BIGINT NOT NULL, message {BLOB} NOT NULL, PRIMARY KEY (env, message)) {CLUSTERED};

CREATE INDEX messages_unsent ON messages (env, id) WHERE status < 6;
"#;
