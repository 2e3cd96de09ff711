//! The first schema. Instants are microseconds, ids binary, and every index starts with its environment.

pub(super) const SQL: &str = r#"
CREATE TABLE settings (key {KEY} PRIMARY KEY, value TEXT NOT NULL);

CREATE TABLE environments (
    id BIGINT PRIMARY KEY, uuid {BLOB} NOT NULL, slug {KEY} NOT NULL UNIQUE, name TEXT NOT NULL,
    position BIGINT NOT NULL, owner TEXT NOT NULL, settings TEXT NOT NULL, created_at BIGINT NOT NULL);

CREATE TABLE api_keys (
    hash {BLOB} PRIMARY KEY, env BIGINT NOT NULL, kind BIGINT NOT NULL, hint TEXT NOT NULL,
    description TEXT, created_at BIGINT NOT NULL, revoked_at BIGINT);

CREATE TABLE service_tokens (
    hash {BLOB} PRIMARY KEY, name TEXT NOT NULL, hint TEXT NOT NULL, created_at BIGINT NOT NULL, revoked_at BIGINT);

CREATE TABLE channels (
    id BIGINT PRIMARY KEY, uuid {BLOB} NOT NULL UNIQUE, key {KEY} NOT NULL UNIQUE, name TEXT NOT NULL,
    type TEXT NOT NULL, provider TEXT NOT NULL, description TEXT, created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL, archived_at BIGINT);

CREATE TABLE channel_settings (
    channel BIGINT NOT NULL, env BIGINT NOT NULL, uuid {BLOB} NOT NULL, is_sandbox BIGINT NOT NULL,
    channel_settings TEXT NOT NULL, provider_settings TEXT NOT NULL, updated_at BIGINT NOT NULL,
    PRIMARY KEY (channel, env));

CREATE TABLE recipients (
    env BIGINT NOT NULL, key {KEY} NOT NULL, collection {KEY} NOT NULL, id {KEY} NOT NULL, properties TEXT NOT NULL,
    created_at BIGINT, inserted_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, PRIMARY KEY (env, key)) {CLUSTERED};
CREATE INDEX recipients_by_age ON recipients (env, collection, inserted_at, id);

CREATE TABLE channel_data (
    env BIGINT NOT NULL, key {KEY} NOT NULL, channel BIGINT NOT NULL, data TEXT NOT NULL, updated_at BIGINT NOT NULL,
    PRIMARY KEY (env, key, channel)) {CLUSTERED};

CREATE TABLE resources (
    env BIGINT NOT NULL, kind BIGINT NOT NULL, key {KEY} NOT NULL, current {BLOB} NOT NULL, published {BLOB},
    active BIGINT NOT NULL, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, archived_at BIGINT,
    PRIMARY KEY (env, kind, key));

CREATE TABLE versions (
    id {BLOB} PRIMARY KEY, env BIGINT NOT NULL, kind BIGINT NOT NULL, key {KEY} NOT NULL, sha TEXT NOT NULL,
    content TEXT NOT NULL, created_at BIGINT NOT NULL);
CREATE INDEX versions_by_key ON versions (env, kind, key, created_at);

CREATE TABLE commits (
    id {BLOB} PRIMARY KEY, env BIGINT NOT NULL, kind BIGINT NOT NULL, key {KEY} NOT NULL, version {BLOB} NOT NULL,
    sha TEXT NOT NULL, message TEXT, author_name TEXT NOT NULL, author_email TEXT NOT NULL, source {BLOB},
    created_at BIGINT NOT NULL);
CREATE INDEX commits_by_age ON commits (env, created_at, id);
CREATE INDEX commits_by_source ON commits (source) WHERE source IS NOT NULL;

CREATE TABLE workflow_runs (
    id {BLOB} PRIMARY KEY, env BIGINT NOT NULL, workflow {KEY} NOT NULL, version {BLOB} NOT NULL, tenant {KEY},
    actor {KEY}, data TEXT, cancellation_key {KEY}, flags BIGINT NOT NULL, pending TEXT, inserted_at BIGINT NOT NULL)
    {CLUSTERED};
CREATE INDEX workflow_runs_by_cancellation ON workflow_runs (env, workflow, cancellation_key)
    WHERE cancellation_key IS NOT NULL;

CREATE TABLE recipient_runs (
    env BIGINT NOT NULL, run {BLOB} NOT NULL, recipient {KEY} NOT NULL, id {BLOB} NOT NULL, status BIGINT NOT NULL,
    error_count BIGINT NOT NULL, state TEXT NOT NULL, log TEXT NOT NULL, trigger_data TEXT,
    inserted_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, PRIMARY KEY (env, run, recipient)) {CLUSTERED};
CREATE UNIQUE INDEX recipient_runs_by_id ON recipient_runs (id);

CREATE TABLE messages (
    env BIGINT NOT NULL, id {BLOB} NOT NULL, channel BIGINT NOT NULL, recipient {KEY} NOT NULL, run {BLOB} NOT NULL,
    workflow {KEY} NOT NULL, step TEXT NOT NULL, tenant {KEY}, status BIGINT NOT NULL, flags BIGINT NOT NULL,
    seen_at BIGINT, read_at BIGINT, interacted_at BIGINT, archived_at BIGINT, clicked_at BIGINT, scheduled_at BIGINT,
    updated_at BIGINT NOT NULL, content TEXT NOT NULL, data TEXT, trigger_data {JSON}, metadata TEXT, snapshot TEXT);
CREATE UNIQUE INDEX messages_by_id ON messages (env, id);
CREATE INDEX messages_by_recipient ON messages (env, recipient, channel, id, flags, tenant);
CREATE INDEX messages_by_run ON messages (run, id);

CREATE TABLE message_events (
    message {BLOB} NOT NULL, seq BIGINT NOT NULL, type BIGINT NOT NULL, data TEXT, inserted_at BIGINT NOT NULL,
    PRIMARY KEY (message, seq)) {CLUSTERED};

CREATE TABLE delivery_logs (
    message {BLOB} NOT NULL, id {BLOB} NOT NULL, env BIGINT NOT NULL, service TEXT NOT NULL, request TEXT NOT NULL,
    response TEXT NOT NULL, inserted_at BIGINT NOT NULL, PRIMARY KEY (message, id)) {CLUSTERED};

CREATE TABLE jobs (
    target {BLOB} NOT NULL, kind BIGINT NOT NULL, env BIGINT NOT NULL, due_at BIGINT NOT NULL, run_at BIGINT NOT NULL,
    claim BIGINT NOT NULL, attempt BIGINT NOT NULL, first_at BIGINT, payload TEXT, PRIMARY KEY (target, kind));
CREATE INDEX jobs_by_run_at ON jobs (run_at);

CREATE TABLE idempotency (
    env BIGINT NOT NULL, key {KEY} NOT NULL, request_hash {BLOB} NOT NULL, request_id TEXT NOT NULL,
    body TEXT NOT NULL, created_at BIGINT NOT NULL, PRIMARY KEY (env, key)) {CLUSTERED};
CREATE INDEX idempotency_by_age ON idempotency (created_at);

CREATE TABLE frequency_marks (
    env BIGINT NOT NULL, workflow {KEY} NOT NULL, recipient {KEY} NOT NULL, tenant {KEY} NOT NULL, run {BLOB} NOT NULL,
    PRIMARY KEY (env, workflow, recipient, tenant));
"#;
