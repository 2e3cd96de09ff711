//! Recipients that were cancelled before the expansion of their run came to them; gone when it is over.

pub const SQL: &str = r#"
CREATE TABLE cancelled_recipients (
    run {BLOB} NOT NULL, recipient {KEY} NOT NULL, PRIMARY KEY (run, recipient)) {CLUSTERED};
"#;
