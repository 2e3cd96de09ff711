//! Tables of: subscriptions.
//!
//! The primary key is the order in which a fan-out reads the subscribers of an object, oldest first: a million of them
//! are one walk along it. Objects among the subscribers have an index of their own, since the second level of a
//! fan-out looks for them alone.

pub const SQL: &str = r#"
CREATE TABLE subscriptions (
    env BIGINT NOT NULL, object {KEY} NOT NULL, inserted_at BIGINT NOT NULL, recipient {KEY} NOT NULL,
    is_object BIGINT NOT NULL, properties TEXT, updated_at BIGINT NOT NULL,
    PRIMARY KEY (env, object, inserted_at, recipient)) {CLUSTERED};
CREATE UNIQUE INDEX subscriptions_by_pair ON subscriptions (env, object, recipient);
CREATE INDEX subscriptions_by_recipient ON subscriptions (env, recipient, inserted_at, object);
CREATE INDEX subscriptions_of_objects ON subscriptions (env, object, inserted_at, recipient) WHERE is_object = 1;
"#;
