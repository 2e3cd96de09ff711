//! Tables of: access.

/// An API log is found by its id, which begins with its instant, so one index serves look-up, order, time bounds and
/// retention; failures have one more, because they are what people look for.
pub const SQL: &str = r#"
CREATE TABLE signing_keys (
    id {BLOB} NOT NULL PRIMARY KEY, env BIGINT NOT NULL, public_key {BLOB} NOT NULL, description TEXT,
    created_at BIGINT NOT NULL, revoked_at BIGINT);
CREATE INDEX signing_keys_by_env ON signing_keys (env, created_at);

CREATE TABLE api_logs (
    env BIGINT NOT NULL, id {BLOB} NOT NULL, operation {KEY} NOT NULL, method {KEY} NOT NULL, path TEXT NOT NULL,
    status BIGINT NOT NULL, duration_us BIGINT NOT NULL, credential TEXT, user_id {KEY}, client TEXT, request TEXT,
    response TEXT, PRIMARY KEY (env, id));
CREATE INDEX api_logs_failed ON api_logs (env, id) WHERE status >= 400;
"#;
