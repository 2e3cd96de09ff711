//! Tables of: preferences.

pub const SQL: &str = r#"
CREATE TABLE preference_sets (
    env BIGINT NOT NULL, key {KEY} NOT NULL, id {KEY} NOT NULL, content TEXT NOT NULL, updated_at BIGINT NOT NULL,
    PRIMARY KEY (env, key, id)) {CLUSTERED};
CREATE INDEX preference_sets_by_tenant ON preference_sets (env, id);

CREATE TABLE preference_defaults (env BIGINT PRIMARY KEY, content TEXT NOT NULL, updated_at BIGINT NOT NULL);

CREATE TABLE preference_centers (
    env BIGINT PRIMARY KEY, is_enabled BIGINT NOT NULL, config TEXT NOT NULL, updated_at BIGINT NOT NULL);

CREATE TABLE preference_categories (
    name {KEY} PRIMARY KEY, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, archived_at BIGINT);
"#;
