//! Audiences as the public side sees them, their members, the workflows that wait for members, and broadcasts.
//!
//! An audience has an id of its own, so that a key which is archived and used again begins without members. Its
//! members are read by tenant and user (broadcasts), by user (conditions, guides, deletion) and by age (lists).

pub const SQL: &str = r#"
CREATE TABLE audiences (
    id {BLOB} PRIMARY KEY, env BIGINT NOT NULL, key {KEY} NOT NULL, version {BLOB} NOT NULL, is_dynamic BIGINT NOT NULL,
    is_building BIGINT NOT NULL);
CREATE UNIQUE INDEX audiences_by_key ON audiences (env, key);

CREATE TABLE audience_members (
    env BIGINT NOT NULL, audience {BLOB} NOT NULL, tenant {KEY} NOT NULL, user_id {KEY} NOT NULL,
    added_at BIGINT NOT NULL, PRIMARY KEY (env, audience, tenant, user_id)) {CLUSTERED};
CREATE INDEX audience_members_by_user ON audience_members (env, user_id, audience);
CREATE INDEX audience_members_by_age ON audience_members (env, audience, added_at, tenant, user_id);

CREATE TABLE audience_triggers (
    env BIGINT NOT NULL, workflow {KEY} NOT NULL, audience {KEY} NOT NULL, PRIMARY KEY (env, workflow));
CREATE INDEX audience_triggers_by_audience ON audience_triggers (env, audience);

CREATE TABLE broadcasts (
    env BIGINT NOT NULL, key {KEY} NOT NULL, status BIGINT NOT NULL, sha TEXT NOT NULL, content TEXT NOT NULL,
    version {BLOB}, scheduled_at BIGINT, sent_at BIGINT, created_at BIGINT NOT NULL, updated_at BIGINT NOT NULL,
    PRIMARY KEY (env, key));
CREATE INDEX broadcasts_by_age ON broadcasts (env, created_at, key);
"#;
