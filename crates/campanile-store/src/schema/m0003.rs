//! Bulk operations, and the runs that wait for a timer by recipient: who is deleted takes them along.

pub const SQL: &str = r#"
CREATE TABLE bulk_operations (
    id {BLOB} PRIMARY KEY, env BIGINT NOT NULL, kind TEXT NOT NULL, name TEXT NOT NULL, scope TEXT, input TEXT NOT NULL,
    status BIGINT NOT NULL, rows_estimated BIGINT NOT NULL, rows_succeeded BIGINT NOT NULL, rows_failed BIGINT NOT NULL,
    error_items TEXT NOT NULL, inserted_at BIGINT NOT NULL, updated_at BIGINT NOT NULL, started_at BIGINT,
    completed_at BIGINT, failed_at BIGINT);
CREATE INDEX bulk_operations_by_age ON bulk_operations (inserted_at);

CREATE INDEX messages_engaged ON messages (env, id) WHERE flags <> 0;
CREATE INDEX recipient_runs_paused ON recipient_runs (env, recipient) WHERE status = 2;
CREATE INDEX frequency_marks_by_recipient ON frequency_marks (env, recipient);
"#;
