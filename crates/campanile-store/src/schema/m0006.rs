//! Numbers of published versions, and guides: schedules of activation, the order and throttle of each environment,
//! and what every user did with them.

pub const SQL: &str = r#"
ALTER TABLE versions ADD COLUMN semver TEXT;
ALTER TABLE resources ADD COLUMN active_from BIGINT;
ALTER TABLE resources ADD COLUMN active_until BIGINT;

CREATE TABLE guide_groups (
    env BIGINT NOT NULL, key {KEY} NOT NULL, sequence TEXT NOT NULL, unthrottled TEXT NOT NULL,
    display_interval BIGINT, inserted_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, PRIMARY KEY (env, key));

CREATE TABLE guide_engagements (
    env BIGINT NOT NULL, recipient {KEY} NOT NULL, tenant {KEY} NOT NULL, guide {KEY} NOT NULL, step {KEY} NOT NULL,
    message {BLOB} NOT NULL, is_final BIGINT NOT NULL, PRIMARY KEY (env, recipient, tenant, guide, step)) {CLUSTERED};

CREATE TABLE guide_displays (
    env BIGINT NOT NULL, recipient {KEY} NOT NULL, tenant {KEY} NOT NULL, guide_group {KEY} NOT NULL,
    shown_at BIGINT NOT NULL, PRIMARY KEY (env, recipient, tenant, guide_group)) {CLUSTERED};
"#;
