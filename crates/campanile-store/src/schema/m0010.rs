//! Recipients that were cancelled before the expansion of their run came to them, gone when it is over; and the long jobs by
//! themselves, which are few among many timers that are due.

pub const SQL: &str = r#"
CREATE TABLE cancelled_recipients (
    run {BLOB} NOT NULL, recipient {KEY} NOT NULL, PRIMARY KEY (run, recipient)) {CLUSTERED};

CREATE INDEX jobs_long ON jobs (run_at) WHERE kind IN (1, 4, 6, 7);
"#;
