//! Schedules, and what lists of recipient runs need: where a run came from, and its workflow, recipient and errors by
//! index. A run's id sorts as its instant does, so each of them is in list order too.

pub const SQL: &str = r#"
CREATE TABLE schedules (
    id {BLOB} PRIMARY KEY, env BIGINT NOT NULL, workflow {KEY} NOT NULL, recipient {KEY} NOT NULL, tenant {KEY},
    actor {KEY}, data TEXT, repeats TEXT NOT NULL, zone TEXT NOT NULL, scheduled_at BIGINT, ending_at BIGINT,
    last_at BIGINT, next_at BIGINT, inserted_at BIGINT NOT NULL, updated_at BIGINT NOT NULL) {CLUSTERED};
CREATE INDEX schedules_by_workflow ON schedules (env, workflow, id);
CREATE INDEX schedules_by_recipient ON schedules (env, recipient, id);

ALTER TABLE workflow_runs ADD COLUMN origin TEXT;
CREATE INDEX workflow_runs_by_workflow ON workflow_runs (env, workflow, id);
CREATE INDEX recipient_runs_by_recipient ON recipient_runs (env, recipient, run);
CREATE INDEX recipient_runs_with_errors ON recipient_runs (env, run) WHERE error_count > 0;
"#;
