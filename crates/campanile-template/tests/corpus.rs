//! Every input kept by fuzzing (`fuzz/`), again, on the stable toolchain.

use std::path::Path;

#[path = "../../../fuzz/exercise.rs"]
mod exercise;

fn replay(target: &str, exercise: fn(&[u8])) {
    let file =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target).with_extension("txt");
    let text = std::fs::read_to_string(&file).expect("the corpus is part of the repository");
    for (number, line) in text.lines().enumerate() {
        let input: String = serde_json::from_str(line).expect("a line is a JSON text");
        // Shown by the test harness when the input fails.
        eprintln!("{}:{}", file.display(), number + 1);
        exercise(input.as_bytes());
    }
    assert!(text.lines().count() > 500, "{} is not whole", file.display());
}

#[test]
fn templates() {
    replay("render", exercise::render);
}

#[test]
fn compositions() {
    replay("composed", exercise::composed);
}
