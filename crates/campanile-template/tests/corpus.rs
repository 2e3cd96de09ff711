//! Every input kept by fuzzing (`fuzz/`), again, on the stable toolchain.

use std::path::Path;

#[path = "../../../fuzz/exercise.rs"]
mod exercise;

fn replay(target: &str, exercise: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).expect("the corpus is part of the repository");
    let mut count = 0;
    for entry in entries {
        let path = entry.expect("the corpus can be listed").path();
        // Printed by the test harness when the input fails.
        eprintln!("{}", path.display());
        exercise(&std::fs::read(&path).expect("an input can be read"));
        count += 1;
    }
    assert!(count > 20, "{target} has {count} inputs");
}

#[test]
fn templates() {
    replay("render", exercise::render);
}

#[test]
fn compositions() {
    replay("composed", exercise::composed);
}
